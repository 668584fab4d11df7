//! The conditions by which listmonk chooses people, in its own SQL. Only numbers, and a label of our own making, are ever put in.

/// Those whom a campaign to these lists would reach: the same rule by which listmonk sends.
pub fn reached(who: &str, lists: &[u64]) -> String {
    format!(
        "{who}.status != 'blocklisted' AND EXISTS (SELECT 1 FROM subscriber_lists m JOIN lists l ON l.id = m.list_id WHERE m.subscriber_id = {who}.id AND m.list_id IN ({}) AND ((l.optin = 'double' AND m.status = 'confirmed') OR (l.optin != 'double' AND m.status != 'unsubscribed')))",
        numbers(lists)
    )
}

/// Where on the way through everybody a wave is: behind the last of each wave before it, and no further than its own last, once that
/// is known.
#[derive(Clone, Copy, Debug)]
pub struct Reach<'a> {
    /// What makes the order the send's own.
    pub salt: &'a str,
    /// The last person of each wave before it.
    pub after: &'a [u64],
    /// The last person of this wave, where it was tried before.
    pub up_to: Option<u64>,
}

fn place(who: &str, salt: &str) -> String {
    let salt: String = salt.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("md5({who} || '{salt}')")
}

impl Reach<'_> {
    fn of(&self, id: u64) -> String {
        place(&format!("'{id}'"), self.salt)
    }

    /// Behind which place it begins.
    fn begin(&self) -> String {
        let all: Vec<String> =
            std::iter::once("''".to_owned()).chain(self.after.iter().map(|id| self.of(*id))).collect();
        format!("GREATEST({})", all.join(", "))
    }
}

/// Those of them who come next on the list of a wave, until so many are on it. Everybody has a place by chance that is always the same,
/// and waves take them in that order: nobody is in two, whatever becomes of lists meanwhile. The limit is counted where it is
/// applied: said twice, or late, it adds nobody.
pub fn next(lists: &[u64], reach: &Reach<'_>, list: u64, most: u64) -> String {
    let own = place("s.id::text", reach.salt);
    let up_to = reach.up_to.map_or_else(String::new, |id| format!(" AND {own} <= {}", reach.of(id)));
    format!(
        "subscribers.id IN (SELECT s.id FROM subscribers s WHERE {} AND {own} > {}{up_to} AND NOT EXISTS (SELECT 1 FROM subscriber_lists w WHERE w.subscriber_id = s.id AND w.list_id = {list}) ORDER BY {own} LIMIT GREATEST(0, {most} - (SELECT count(*) FROM subscriber_lists w WHERE w.list_id = {list} AND w.status != 'unsubscribed')))",
        reached("s", lists),
        reach.begin()
    )
}

/// Those on a wave's list who are not where the wave is.
pub fn outside(reach: &Reach<'_>, list: u64) -> String {
    let own = place("w.subscriber_id::text", reach.salt);
    let up_to = reach.up_to.map_or_else(String::new, |id| format!(" OR {own} > {}", reach.of(id)));
    format!(
        "subscribers.id IN (SELECT w.subscriber_id FROM subscriber_lists w WHERE w.list_id = {list} AND ({own} <= {}{up_to}))",
        reach.begin()
    )
}

/// The last of those on a list.
pub fn last(list: u64, salt: &str) -> String {
    let own = place("w.subscriber_id::text", salt);
    format!(
        "subscribers.id IN (SELECT w.subscriber_id FROM subscriber_lists w WHERE w.list_id = {list} ORDER BY {own} DESC LIMIT 1)"
    )
}

/// All on a list.
pub fn on(list: u64) -> String {
    format!("subscribers.id IN (SELECT w.subscriber_id FROM subscriber_lists w WHERE w.list_id = {list})")
}

/// Those on a wave's list whom the send would not reach any more.
pub fn gone(wave: u64, lists: &[u64]) -> String {
    format!(
        "subscribers.id IN (SELECT w.subscriber_id FROM subscriber_lists w WHERE w.list_id = {wave}) AND NOT ({})",
        reached("subscribers", lists)
    )
}

/// Those who have left the lists of waves, and of whom that is not known yet.
pub fn left(waves: &[u64], known: u64) -> String {
    format!(
        "subscribers.id IN (SELECT w.subscriber_id FROM subscriber_lists w WHERE w.list_id IN ({}) AND w.status = 'unsubscribed') AND NOT EXISTS (SELECT 1 FROM subscriber_lists k WHERE k.subscriber_id = subscribers.id AND k.list_id = {known})",
        numbers(waves)
    )
}

/// Those of them who are on none of these lists any more: whoever has left in this moment is not among them yet.
pub fn left_for_good(waves: &[u64], known: u64, from: &[u64]) -> String {
    format!(
        "{} AND NOT EXISTS (SELECT 1 FROM subscriber_lists f WHERE f.subscriber_id = subscribers.id AND f.list_id IN ({}) AND f.status != 'unsubscribed')",
        left(waves, known),
        numbers(from)
    )
}

fn numbers(ids: &[u64]) -> String {
    ids.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}
