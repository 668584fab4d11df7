//! Making a wave ready in listmonk, before anything is written to the ledger: as often as it takes, since a draft and a list are
//! harmless and found again by their tags. Starts nothing.

use futures::future::try_join_all;
use http::Method;
use serde_json::{Value, json};

use super::{Campaign, Listed, Page, Server, Trouble, encoded, people};
use crate::api::sender::ListmonkWaves;
use crate::plan::listmonk::{FROM_TAG, send_tag, wave_tag};
use crate::plan::units::people::grouped;

/// So much of the name of what was prepared stands in that of a copy.
const LONGEST_NAME: usize = 100;

/// What is needed to know of a wave.
#[derive(Clone, Copy, Debug)]
pub struct Wave<'a> {
    /// The number of the campaign that was prepared.
    pub draft: u64,
    /// How waves are made of it.
    pub waves: ListmonkWaves,
    /// The send's label in the ledger.
    pub send_label: &'a str,
    /// The key of the wave.
    pub key: &'a str,
    /// Its name.
    pub name: &'a str,
    /// To how many it goes at most.
    pub recipients: u64,
    /// What the ledger has of it, where it was tried before.
    pub known: Option<Known>,
    /// The last person of each wave of the send that was made ready before it.
    pub after: &'a [u64],
}

/// What was made ready for a wave when it was first tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The number of its campaign.
    pub campaign: u64,
    /// The last person on its list, where it has one.
    pub last: Option<u64>,
    /// How many messages it counted then; None: nobody looked.
    pub sent: Option<u64>,
}

/// A wave that only has to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Its campaign, and the last person on its list.
    pub known: Known,
    /// The lists it goes to.
    pub lists: Vec<u64>,
    /// How many people that are.
    pub people: u64,
    /// The number of the campaign that was prepared, and the tag by which it is the send's.
    prepared: (u64, String),
    /// Where it has a list of its own.
    own: Option<Own>,
}

/// A list of a wave's own, and who may be on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Own {
    pub(super) list: u64,
    pub(super) salt: String,
    pub(super) after: Vec<u64>,
    pub(super) last: Option<u64>,
    pub(super) most: u64,
}

/// Somebody, by number: nothing else of a person is read.
#[derive(serde::Deserialize)]
struct Numbered {
    id: u64,
}

fn unfit(why: String) -> Trouble {
    Trouble::Unfit(why)
}

/// Makes a wave ready, or finds that it is.
pub async fn prepare(server: &Server<'_>, wave: &Wave<'_>) -> Result<Ready, Trouble> {
    let prepared = server.campaign(wave.draft, wave.waves == ListmonkWaves::Exact).await?;
    let tag = send_tag(wave.send_label);
    prepared.fits(&tag).map_err(|trouble| match wave.known {
        // What was frozen names it.
        Some(_) => unfit(format!(
            "{trouble}. The wave was first tried with it: put it back as it was, or end this send with spec.abort"
        )),
        None => trouble,
    })?;
    // Lists that it may not see, listmonk would take off the campaign when it is marked.
    let mut lists = Vec::new();
    for id in prepared.list_ids() {
        lists.push(server.get::<Listed>(&format!("/api/lists/{id}")).await?);
    }
    if !prepared.is_marked(&tag) {
        let path = format!("/api/campaigns/{}", prepared.id);
        server.say::<Value>(Method::PUT, &path, Some(&prepared.marked(&tag))).await?;
        marked(server, &prepared, &tag).await?;
    }
    let ready = match wave.waves {
        ListmonkWaves::Whole => whole(server, &prepared, &lists, &tag).await?,
        ListmonkWaves::Exact => exact(server, &prepared, wave, &tag).await?,
    };
    let (people, planned) = (grouped(ready.people), grouped(wave.recipients));
    if ready.people == 0 {
        return Err(unfit(format!(
            "wave \"{}\" would reach nobody: the lists of campaign {} of listmonk have no further people that can be sent to, or its API user may not manage lists (lists:manage_all)",
            wave.name, wave.draft
        )));
    }
    if ready.people > wave.recipients {
        let way_out = if ready.own.is_some() {
            "look into its list there"
        } else {
            "set spec.audience.size to what listmonk has"
        };
        return Err(unfit(format!(
            "wave \"{}\" would reach {people} people by listmonk, and headroom is confirmed for {planned}; {way_out}",
            wave.name
        )));
    }
    Ok(ready)
}

/// It bears the mark of this send alone, and its lists as before: somebody may have marked it in the same moment.
async fn marked(server: &Server<'_>, prepared: &Campaign, tag: &str) -> Result<(), Trouble> {
    let there = server.campaign(prepared.id, false).await?;
    if !there.is_marked(tag) || there.list_ids() != prepared.list_ids() {
        return Err(unfit(format!(
            "campaign {} of listmonk was changed while it was marked as this send's; it is looked at again",
            prepared.id
        )));
    }
    Ok(())
}

/// The prepared campaign itself.
async fn whole(server: &Server<'_>, prepared: &Campaign, lists: &[Listed], tag: &str) -> Result<Ready, Trouble> {
    if let Some(list) = server.lists_tagged(tag).await?.first() {
        return Err(unfit(format!(
            "a wave of this send has a list of its own in listmonk, number {}, so that the whole of it would reach people twice; the Sender needs waves: Exact again",
            list.id
        )));
    }
    let people = reached(server, lists).await?;
    Ok(Ready {
        known: Known { campaign: prepared.id, last: None, sent: Some(prepared.account().sent) },
        lists: prepared.list_ids(),
        people,
        prepared: (prepared.id, tag.to_owned()),
        own: None,
    })
}

/// How many people a campaign to these lists reaches. Who is on two lists counts twice: rather too many than too few.
pub(super) async fn reached(server: &Server<'_>, lists: &[Listed]) -> Result<u64, Trouble> {
    let of_list = |list: &Listed| {
        let id = list.id.to_string();
        let statuses: &[&str] = if list.optin == "double" { &["confirmed"] } else { &["confirmed", "unconfirmed"] };
        statuses.iter().map(move |status| (id.clone(), *status)).collect::<Vec<_>>()
    };
    let asked = lists
        .iter()
        .flat_map(of_list)
        .map(|(id, status)| async move { server.count(&[("list_id", &id), ("subscription_status", status)]).await });
    Ok(try_join_all(asked).await?.into_iter().fold(0, u64::saturating_add))
}

/// A list and a copy for this wave.
async fn exact(server: &Server<'_>, prepared: &Campaign, wave: &Wave<'_>, send_tag: &str) -> Result<Ready, Trouble> {
    let tag = wave_tag(wave.key);
    let copies = server.tagged(&tag).await?;
    if let Some(begun) = copies.iter().find(|copy| !copy.is_draft()) {
        let status = begun.account().status;
        return Err(unfit(format!(
            "wave \"{}\" has a campaign in listmonk already, number {}, which is {status}; nothing is started a second time. End this send with spec.abort, and prepare another one for those who are left",
            wave.name, begun.id
        )));
    }
    let name: String = prepared.name().chars().take(LONGEST_NAME).collect();
    let title = format!("{name} · wave {} · {}", wave.name, wave.key);
    let from = prepared.list_ids();
    let there = copies.iter().find(|copy| wave.known.is_none_or(|known| known.campaign == copy.id));
    if let (Some(known), None) = (wave.known, there) {
        return Err(unfit(format!(
            "campaign {} of listmonk, which was made ready for wave \"{}\", is gone or has lost its tag {tag}; bring it back, or end this send with spec.abort",
            known.campaign, wave.name
        )));
    }
    let list = match server.lists_tagged(&tag).await?.first() {
        Some(list) if !list.from().all(|id| from.contains(&id)) || list.from().count() != from.len() => {
            return Err(unfit(format!(
                "the lists of campaign {} of listmonk were changed since wave \"{}\" was made ready; put them back, or delete the wave's list there, number {}, from which nothing has gone",
                prepared.id, wave.name, list.id
            )));
        }
        Some(list) => list.id,
        None => own_list(server, &title, &from, [send_tag, &tag]).await?,
    };
    let people = fill(server, &from, list, wave).await?;
    let last = match wave.known.and_then(|known| known.last) {
        Some(last) => Some(last),
        None => last(server, list, wave.send_label).await?,
    };
    let copy = prepared.copy(&title, list, [send_tag, &tag]);
    let id = own_campaign(server, there, copy, &tag).await?;
    let sent = Some(there.map_or(0, |there| there.account().sent));
    let prepared = (prepared.id, send_tag.to_owned());
    let (salt, after) = (wave.send_label.to_owned(), wave.after.to_vec());
    let own = Some(Own { list, salt, after, last, most: wave.recipients });
    let ready = Ready { known: Known { campaign: id, last, sent }, lists: vec![list], people, prepared, own };
    still(server, &ready).await?;
    Ok(ready)
}

/// Makes the list of a wave.
async fn own_list(server: &Server<'_>, title: &str, from: &[u64], tags: [&str; 2]) -> Result<u64, Trouble> {
    let sources: Vec<String> = from.iter().map(|id| format!("{FROM_TAG}{id}")).collect();
    let all: Vec<&str> = tags.into_iter().chain(sources.iter().map(String::as_str)).collect();
    server.make_list(title, &all).await?;
    // Looked for again: somebody may have made one in the same moment, and both take the first.
    let made = server.lists_tagged(tags[1]).await?;
    Ok(made.first().ok_or_else(|| hidden("list", "lists:get_all"))?.id)
}

/// Makes the copy of a wave, or brings the one that is there up to date.
async fn own_campaign(
    server: &Server<'_>,
    there: Option<&Campaign>,
    mut copy: Value,
    tag: &str,
) -> Result<u64, Trouble> {
    if let Some(there) = there {
        // Headers that are named again are mixed with those that are there.
        copy.as_object_mut().map(|copy| copy.remove("headers"));
        server.say::<Value>(Method::PUT, &format!("/api/campaigns/{}", there.id), Some(&copy)).await?;
        return Ok(there.id);
    }
    server.say::<Value>(Method::POST, "/api/campaigns", Some(&copy)).await?;
    let made = server.tagged(tag).await?;
    Ok(made.first().ok_or_else(|| hidden("campaign", "campaigns:get_all"))?.id)
}

fn hidden(what: &str, permission: &str) -> Trouble {
    unfit(format!("a {what} that was made in listmonk is not shown; its API user needs the permission {permission}"))
}

/// Fills a wave's list with those it goes to: whoever has left meanwhile is taken out of it, and nobody comes into two.
async fn fill(server: &Server<'_>, from: &[u64], list: u64, wave: &Wave<'_>) -> Result<u64, Trouble> {
    let reach =
        people::Reach { salt: wave.send_label, after: wave.after, up_to: wave.known.and_then(|known| known.last) };
    let remove = |query: String| json!({"query": query, "target_list_ids": [list], "action": "remove"});
    server.change_lists(&remove(people::gone(list, from))).await?;
    server.change_lists(&remove(people::outside(&reach, list))).await?;
    // The wave is smaller than when its list was filled: nothing of it has gone, and it is filled anew.
    if on(server, list).await? > wave.recipients {
        server.change_lists(&remove(people::on(list))).await?;
    }
    let next = people::next(from, &reach, list, wave.recipients);
    let told = json!({"query": next, "target_list_ids": [list], "action": "add", "status": "confirmed"});
    server.change_lists(&told).await?;
    on(server, list).await
}

/// How many people a campaign to a wave's own list would reach.
async fn on(server: &Server<'_>, list: u64) -> Result<u64, Trouble> {
    let id = list.to_string();
    let mut people = 0_u64;
    for status in ["confirmed", "unconfirmed"] {
        people = people.saturating_add(server.count(&[("list_id", &id), ("subscription_status", status)]).await?);
    }
    Ok(people)
}

/// The last person on a wave's list: the next wave begins behind it.
async fn last(server: &Server<'_>, list: u64, salt: &str) -> Result<Option<u64>, Trouble> {
    let query = encoded(&[("query", &people::last(list, salt)), ("per_page", "1")]);
    let found: Page<Numbered> = server.get(&format!("/api/subscribers?{query}")).await?;
    Ok(found.results.first().map(|person| person.id))
}

/// Whether what was made ready is still so: asked immediately before it is started.
pub async fn still(server: &Server<'_>, ready: &Ready) -> Result<(), Trouble> {
    let changed =
        || unfit(format!("campaign {} of listmonk was changed while its wave was being prepared", ready.prepared.0));
    let own = async {
        let Some(own) = &ready.own else { return Ok(true) };
        is_its_own(server, own).await
    };
    let campaigns = (server.campaign(ready.known.campaign, false), server.campaign(ready.prepared.0, false));
    let (there, prepared, own) = futures::try_join!(campaigns.0, campaigns.1, own)?;
    let is_ours = prepared.fits(&ready.prepared.1).is_ok() && prepared.is_marked(&ready.prepared.1);
    if there.is_ready(&ready.lists) && is_ours && own { Ok(()) } else { Err(changed()) }
}

/// Whether nobody else is on a wave's own list, and no more people than may be.
pub(super) async fn is_its_own(server: &Server<'_>, own: &Own) -> Result<bool, Trouble> {
    let Own { list, salt, after, last, most } = own;
    let reach = people::Reach { salt, after, up_to: *last };
    let strangers = server.count(&[("query", people::outside(&reach, *list).as_str())]).await?;
    Ok(strangers == 0 && on(server, *list).await? <= *most)
}
