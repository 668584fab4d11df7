//! Waves: lists that are filled by a query, pruned, and unsubscribed from. The queries are the operator's, to the letter.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use headroom::senders::listmonk::people;

use super::{Server, both, set};

both![
    waves_are_exact_and_everybody_is_in_one,
    a_fill_again_adds_nobody_and_who_was_taken_off_does_not_come_back,
    whoever_may_not_be_sent_to_is_pruned,
    an_unsubscription_by_mail_is_of_the_wave_alone_until_it_is_taken_back,
    a_query_that_is_none_is_refused,
];

async fn act(server: &Server, query: String, action: &str, targets: &[u64]) {
    let mut body = json!({"query": query, "target_list_ids": targets, "action": action});
    if action == "add" {
        body["status"] = json!("confirmed");
    }
    assert_eq!(server.done("PUT", "/api/subscribers/query/lists", body).await, json!(true));
}

/// Puts people of `lists` onto `wave` until so many are on it, who come behind these; the last of them all.
async fn fill(server: &Server, lists: &[u64], after: &[u64], wave: u64, salt: &str, most: u64) -> u64 {
    fill_up_to(server, lists, &people::Reach { salt, after, up_to: None }, wave, most).await
}

async fn fill_up_to(server: &Server, lists: &[u64], reach: &people::Reach<'_>, wave: u64, most: u64) -> u64 {
    act(server, people::next(lists, reach, wave, most), "add", &[wave]).await;
    let last = page(server, &[("query", people::last(wave, reach.salt)), ("per_page", "1".to_owned())]).await;
    last["results"][0]["id"].as_u64().unwrap()
}

async fn prune(server: &Server, wave: u64, lists: &[u64]) {
    act(server, people::gone(wave, lists), "remove", &[wave]).await;
}

async fn take_back(server: &Server, waves: &[u64], known: u64, lists: &[u64]) {
    act(server, people::left(waves, known), "unsubscribe", lists).await;
}

async fn page(server: &Server, query: &[(&str, String)]) -> Value {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    server.get(&format!("/api/subscribers?{query}")).await
}

/// How many people the lists reach.
async fn count(server: &Server, lists: &[u64]) -> u64 {
    let query = [("query", people::reached("subscribers", lists)), ("per_page", "1".to_owned())];
    page(server, &query).await["total"].as_u64().unwrap()
}

async fn confirmed(server: &Server, list: u64, per_page: &str) -> Value {
    let status = ("subscription_status", "confirmed".to_owned());
    page(server, &[("list_id", list.to_string()), status, ("per_page", per_page.to_owned())]).await
}

async fn on(server: &Server, list: u64) -> BTreeSet<u64> {
    let page = confirmed(server, list, "all").await;
    page["results"].as_array().unwrap().iter().map(|person| person["id"].as_u64().unwrap()).collect()
}

async fn leave(server: &Server, list: u64, person: u64) {
    let body = json!({"ids": [person], "action": "unsubscribe", "target_list_ids": [list]});
    server.done("PUT", "/api/subscribers/lists", body).await;
}

async fn waves_are_exact_and_everybody_is_in_one(server: &Server) {
    let (single, double) = (server.list("single").await, server.list("double").await);
    let lists = [single, double];
    let mut reached = server.subscribe(&[single], 40, true).await;
    reached.extend(server.subscribe(&[single], 5, false).await);
    reached.extend(server.subscribe(&[double], 20, true).await);
    reached.extend(server.subscribe(&[single, double], 10, true).await);
    // Confirmed on one list is enough; and these are not reached: never confirmed, gone, blocklisted, on another list.
    server.subscribe(&[double], 4, false).await;
    let gone = server.subscribe(&[single], 3, true).await;
    leave(server, single, gone[0]).await;
    leave(server, single, gone[1]).await;
    server.done("PUT", &format!("/api/subscribers/{}/blocklist", gone[2]), Value::Null).await;
    assert_eq!(server.subscriptions(gone[2]).await[&single], "unsubscribed", "from all");
    let again = json!({"ids": [gone[2]], "action": "add", "target_list_ids": [single], "status": "confirmed"});
    server.done("PUT", "/api/subscribers/lists", again).await;
    assert_eq!(server.subscriptions(gone[2]).await[&single], "confirmed", "and blocklisted all the same");
    server.subscribe(&[server.list("single").await], 3, true).await;
    assert_eq!((reached.len(), count(server, &lists).await), (75, 75));
    let (mut waves, mut after) = (Vec::new(), Vec::new());
    for (size, expected) in [(7, 7), (30, 30), (1000, 38)] {
        let wave = server.list("single").await;
        waves.push(wave);
        assert_eq!(confirmed(server, wave, "1").await["total"], 0);
        after.push(fill(server, &lists, &after, wave, "saltA1", size).await);
        assert_eq!(confirmed(server, wave, "1").await["total"], expected);
        assert_eq!(count(server, &[wave]).await, expected);
    }
    let (first, second, third) = (on(server, waves[0]).await, on(server, waves[1]).await, on(server, waves[2]).await);
    assert_eq!((first.len(), second.len(), third.len()), (7, 30, 38));
    let all: BTreeSet<u64> = first.iter().chain(&second).chain(&third).copied().collect();
    assert_eq!(all, set(&reached), "7 + 30 + 38 are 75: nobody is in two");
    // Another salt is another sample; of the same it is the same, whichever list it goes to.
    let (same, other) = (server.list("single").await, server.list("single").await);
    fill(server, &lists, &[], same, "saltA1", 30).await;
    fill(server, &lists, &[], other, "another", 30).await;
    assert!(first.is_subset(&on(server, same).await));
    assert_ne!(on(server, same).await, on(server, other).await);
    // A campaign to a wave reaches the wave.
    let id = server.draft(waves[1]).await;
    server.put_status(id, "running").await;
    assert_eq!(server.finished(id).await["sent"], 30);
    assert_eq!(set(&server.received(id).await), second);
}

/// Of a fill whose answer was lost nobody knows whether it was carried out; and lists are other people's to change.
async fn a_fill_again_adds_nobody_and_who_was_taken_off_does_not_come_back(server: &Server) {
    let (list, first, second) = (server.list("single").await, server.list("single").await, server.list("single").await);
    let all = server.subscribe(&[list], 50, true).await;
    let last = fill(server, &[list], &[], first, "salt", 10).await;
    let filled = on(server, first).await;
    assert!(filled.len() == 10 && filled.contains(&last));
    assert_eq!(fill(server, &[list], &[], first, "salt", 10).await, last);
    assert_eq!(on(server, first).await, filled, "the same ten");
    // One leaves before it goes: nobody beyond the last that is known takes that place, and whoever comes back has it.
    let gone = *filled.iter().find(|person| **person != last).unwrap();
    leave(server, list, gone).await;
    prune(server, first, &[list]).await;
    let known = people::Reach { salt: "salt", after: &[], up_to: Some(last) };
    assert_eq!(fill_up_to(server, &[list], &known, first, 10).await, last);
    assert_eq!(on(server, first).await.len(), 9);
    let back = json!({"ids": [gone], "action": "add", "target_list_ids": [list], "status": "confirmed"});
    server.done("PUT", "/api/subscribers/lists", back).await;
    fill_up_to(server, &[list], &known, first, 10).await;
    assert_eq!(on(server, first).await, filled);
    // Whoever is not where the wave is, is found and taken off.
    let stranger = *all.iter().find(|person| !filled.contains(person)).unwrap();
    let put = json!({"ids": [stranger], "action": "add", "target_list_ids": [first], "status": "confirmed"});
    server.done("PUT", "/api/subscribers/lists", put).await;
    let outside = [("query", people::outside(&known, first)), ("per_page", "all".to_owned())];
    let found = page(server, &outside).await;
    assert_eq!((found["total"].as_u64(), found["results"][0]["id"].as_u64()), (Some(1), Some(stranger)));
    let behind = people::Reach { salt: "salt", after: &[last], up_to: None };
    let found = page(server, &[("query", people::outside(&behind, first)), ("per_page", "1".to_owned())]).await;
    assert_eq!(found["total"], 10, "all up to the last, and not the stranger");
    act(server, people::outside(&known, first), "remove", &[first]).await;
    assert_eq!(on(server, first).await, filled);
    // Somebody else's synchronisation takes all of them off the wave's list: the next begins behind them all the same.
    act(server, people::on(first), "remove", &[first]).await;
    assert!(on(server, first).await.is_empty());
    fill(server, &[list], &[last], second, "salt", 100).await;
    let rest = on(server, second).await;
    assert_eq!(rest.len(), 40, "nobody of the first ten");
    assert!(rest.is_disjoint(&filled) && rest.union(&filled).copied().collect::<BTreeSet<_>>() == set(&all));
}

async fn whoever_may_not_be_sent_to_is_pruned(server: &Server) {
    let (list, other, wave) = (server.list("single").await, server.list("double").await, server.list("single").await);
    let people = server.subscribe(&[list], 6, true).await;
    let on_both = server.subscribe(&[list, other], 1, true).await;
    fill(server, &[list, other], &[], wave, "salt", 100).await;
    assert_eq!(on(server, wave).await.len(), 7);
    leave(server, list, people[0]).await;
    leave(server, list, on_both[0]).await;
    server.done("PUT", &format!("/api/subscribers/{}/blocklist", people[1]), Value::Null).await;
    // Until it is pruned, one who has left is still on it.
    assert!(on(server, wave).await.contains(&people[0]));
    prune(server, wave, &[list, other]).await;
    let mut left = people[2..].to_vec();
    left.extend(&on_both);
    assert_eq!(on(server, wave).await, set(&left), "one list of two is enough to stay");
    assert_eq!(server.subscriptions(people[0]).await.get(&wave), None);
    assert_eq!(server.subscriptions(people[1]).await.get(&wave), None, "not unsubscribed: not on it");
    prune(server, wave, &[list, other]).await;
    assert_eq!(on(server, wave).await, set(&left));
}

async fn an_unsubscription_by_mail_is_of_the_wave_alone_until_it_is_taken_back(server: &Server) {
    let (list, other, wave) = (server.list("single").await, server.list("single").await, server.list("single").await);
    let persons = server.subscribe(&[list], 5, true).await;
    let on_both = server.subscribe(&[list, other], 1, true).await[0];
    fill(server, &[list], &[], wave, "salt", 100).await;
    let id = server.draft(wave).await;
    server.put_status(id, "running").await;
    server.finished(id).await;
    for person in [persons[0], on_both] {
        let uuid = server.get(&format!("/api/subscribers/{person}")).await["uuid"].as_str().unwrap().to_owned();
        let campaign = server.campaign(id).await["uuid"].as_str().unwrap().to_owned();
        let (status, _) = server.ask_as(None, "POST", &format!("/subscription/{campaign}/{uuid}"), json!({})).await;
        assert_eq!(status, 200);
    }
    let now = server.subscriptions(persons[0]).await;
    assert_eq!((now[&wave].as_str(), now[&list].as_str()), ("unsubscribed", "confirmed"));
    assert_eq!((count(server, &[list]).await, count(server, &[wave]).await), (6, 4));
    // Neither a fill nor a prune changes that.
    fill(server, &[list], &[], wave, "salt", 100).await;
    prune(server, wave, &[list]).await;
    assert_eq!(server.subscriptions(persons[0]).await[&wave], "unsubscribed");
    let known = server.list("single").await;
    for _ in 0..2 {
        take_back(server, &[wave], known, &[list]).await;
        let now = server.subscriptions(persons[0]).await;
        assert_eq!((now[&wave].as_str(), now[&list].as_str()), ("unsubscribed", "unsubscribed"));
        let now = server.subscriptions(on_both).await;
        assert_eq!(
            (now[&list].as_str(), now[&other].as_str()),
            ("unsubscribed", "confirmed"),
            "of lists that are named"
        );
        assert_eq!(server.subscriptions(persons[1]).await[&list], "confirmed");
        assert_eq!(count(server, &[list]).await, 4);
    }
    // Whoever is still on one of the lists is not known to have left them.
    for (from, count) in [(&[list][..], 2), (&[list, other], 1)] {
        let query = [("query", people::left_for_good(&[wave], known, from)), ("per_page", "1".to_owned())];
        assert_eq!(page(server, &query).await["total"], count, "{from:?}");
    }
    take_back(server, &[wave], known, &[list, other]).await;
    assert_eq!(server.subscriptions(on_both).await[&other], "unsubscribed");
    assert_eq!(server.subscriptions(persons[0]).await.get(&other), None, "nobody is put on a list by it");
    // Once that is known, whoever comes back stays.
    let left = people::left_for_good(&[wave], known, &[list]);
    let left = json!({"query": left, "target_list_ids": [known], "action": "add", "status": "unsubscribed"});
    assert_eq!(server.done("PUT", "/api/subscribers/query/lists", left).await, json!(true));
    let back = json!({"ids": [persons[0]], "action": "add", "target_list_ids": [list], "status": "confirmed"});
    server.done("PUT", "/api/subscribers/lists", back).await;
    take_back(server, &[wave], known, &[list, other]).await;
    assert_eq!(server.subscriptions(persons[0]).await[&list], "confirmed");
    let both = [("list_id", list.to_string()), ("list_id", wave.to_string()), ("per_page", "1".to_owned())];
    assert_eq!(page(server, &both).await["total"], 12, "rows, not people: of six on two lists");
}

async fn a_query_that_is_none_is_refused(server: &Server) {
    let list = server.list("single").await;
    let path = "/api/subscribers/query/lists";
    let broken = json!({"query": "subscribers.nothing = 1", "target_list_ids": [list], "action": "add"});
    let (status, said) = server.ask("PUT", path, broken).await;
    let text = "Error updating Subscribers: pq: ";
    assert!(status == 500 && said["message"].as_str().unwrap().starts_with(text), "{status} {said}");
    let (status, said) = server.ask("GET", "/api/subscribers?query=subscribers.nothing%3D1", Value::Null).await;
    let text = "Error preparing subscriber query: pq: ";
    assert!(status == 400 && said["message"].as_str().unwrap().starts_with(text), "{status} {said}");
    server.refused("PUT", path, json!({"query": "", "action": "add"}), 400, "No lists given.").await;
    let odd = json!({"query": "", "target_list_ids": [list], "action": "dance"});
    server.refused("PUT", path, odd, 400, "Invalid action.").await;
}
