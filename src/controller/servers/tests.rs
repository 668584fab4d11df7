#![allow(clippy::unwrap_used, clippy::float_cmp, clippy::unnecessary_wraps)] // Exact numbers, and answers that are readings.
//! What is asked how often, and what a heartbeat proves.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Counts what it is asked, and answers when it is told to.
#[derive(Default)]
struct Counting {
    asked: AtomicUsize,
    fault: Mutex<Option<SensorFault>>,
}

impl Gauge for Counting {
    fn read<'a>(&'a self, question: &'a Question, at: Timestamp, now: Timestamp) -> BoxFuture<'a, Answer> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let fault = open(&self.fault).clone();
        let value = f64::from(u32::try_from(question.query.len()).unwrap());
        Box::pin(async move {
            tokio::task::yield_now().await;
            let range = SignedDuration::ZERO;
            fault.map_or(Ok(Reading { value, sample_at: now, evaluated_at: at, range, replicas: None }), Err)
        })
    }

    fn history<'a>(
        &'a self,
        _: &'a str,
        _: Option<Reduce>,
        _: Timestamp,
        _: Timestamp,
        step: SignedDuration,
    ) -> BoxFuture<'a, Result<HistoryPoints, SensorFault>> {
        Box::pin(std::future::ready(Ok(HistoryPoints { points: Vec::new(), step })))
    }
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
}

const TICK: SignedDuration = SignedDuration::from_secs(5);

fn server() -> (Arc<Counting>, Server) {
    let counting = Arc::new(Counting::default());
    (Arc::clone(&counting), Server::new(counting))
}

async fn read(server: &Server, query: &str, now: Timestamp) -> Answer {
    server.read(Question::plain(query), on_grid(now, TICK), now, &|| {}).await
}

/// A hundred pools look every five seconds for a minute, each when it likes, and share ten queries: each query is asked once
/// in five seconds, 120 times in all, however many pools there are. By hand: 60 s ÷ 5 s × 10.
#[tokio::test]
async fn what_many_pools_ask_is_asked_once_in_each_interval() {
    for pools in [1, 100] {
        let (counting, server) = server();
        for look in 0..12 {
            for pool in 0..pools {
                let now = at(look * 5_000 + pool * 49);
                let all = (0..10).map(|query| {
                    let server = &server;
                    async move { read(server, &"q".repeat(query + 1), now).await }
                });
                let readings = futures::future::join_all(all).await;
                // Everybody gets the answer to his own question, and all of one look are of one moment.
                for (query, reading) in readings.into_iter().enumerate() {
                    let reading = reading.unwrap();
                    assert_eq!(reading.value, f64::from(u32::try_from(query + 1).unwrap()));
                    assert_eq!(reading.evaluated_at, at(look * 5_000));
                }
            }
        }
        assert_eq!(counting.asked.load(Ordering::Relaxed), 120, "{pools} pools");
    }
}

#[tokio::test]
async fn questions_under_way_are_shared_and_one_of_another_kind_is_another() {
    let (counting, server) = server();
    let now = at(0);
    let (one, other) = futures::join!(read(&server, "q", now), read(&server, "q", now));
    assert_eq!((one.unwrap(), counting.asked.load(Ordering::Relaxed)), (other.unwrap(), 1));
    let reduced = Question { reduce: Some(Reduce::Max), ..Question::plain("q") };
    server.read(reduced, now, now, &|| {}).await.unwrap();
    assert_eq!(counting.asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn an_answer_is_never_given_for_another_moment() {
    let (counting, server) = server();
    let first = read(&server, "q", at(4_999)).await.unwrap();
    let next = read(&server, "q", at(5_000)).await.unwrap();
    assert_eq!((first.evaluated_at, next.evaluated_at), (at(0), at(5_000)));
    assert_eq!(counting.asked.load(Ordering::Relaxed), 2);
    // And what nobody can ask for any more is forgotten.
    read(&server, "q", at(60_000)).await.unwrap();
    assert_eq!(open(&server.answers).len(), 1);
}

#[tokio::test]
async fn a_server_that_cannot_answer_is_asked_no_more_for_a_while_and_answers_again_when_it_can() {
    let (counting, server) = server();
    *open(&counting.fault) = Some(SensorFault::TimedOut { seconds: 5 });
    for second in 0..20 {
        // Twenty different queries, one a second.
        let _ = read(&server, &"q".repeat(second + 1), at(i64::try_from(second).unwrap() * 1_000)).await;
    }
    let asked = counting.asked.load(Ordering::Relaxed);
    assert!((6..=7).contains(&asked), "five, and one after each rest of five and of ten seconds: {asked}");
    *open(&counting.fault) = None;
    read(&server, "q", at(90_000)).await.unwrap();
    read(&server, "qq", at(90_000)).await.unwrap();
}

/// A heartbeat that was written then, and sampled at the same moment.
fn beat(seconds: f64) -> Answer {
    let written = SignedDuration::try_from_secs_f64(seconds).ok();
    let sample_at = written.and_then(|since| Timestamp::UNIX_EPOCH.checked_add(since).ok()).unwrap_or(at(0));
    let (evaluated_at, range) = (at(0), SignedDuration::ZERO);
    Ok(Reading { value: seconds, sample_at, evaluated_at, range, replicas: None })
}

#[test]
fn a_heartbeat_counts_while_it_is_young_and_not_from_the_future() {
    let limit = SignedDuration::from_secs(90);
    let told = |answer| heartbeat(answer, limit, at(0));
    for age in [0.0, 89.9, -4.9] {
        assert_eq!(told(beat(1_800_000_000.0 - age)), Ok(()), "{age}");
    }
    assert_eq!(told(beat(1_800_000_000.0 - 91.5)), Err(SensorFault::OldHeartbeat { age: 91, limit: 90 }));
    assert_eq!(told(beat(1_800_000_000.0 + 6.5)), Err(SensorFault::EarlyHeartbeat { seconds: 6 }));
    assert!(matches!(told(beat(f64::MAX)), Err(SensorFault::EarlyHeartbeat { .. })));
    assert!(matches!(told(beat(f64::MIN)), Err(SensorFault::OldHeartbeat { .. })));
    // Written a minute before it was sampled: the clock that it was written by is not that of Prometheus.
    let Ok(other) = beat(1_800_000_000.0 - 60.0) else { unreachable!("it is a reading") };
    assert_eq!(told(Ok(Reading { sample_at: at(0), ..other })), Err(SensorFault::ClockOff { seconds: 60 }));
    assert_eq!(told(Err(SensorFault::Empty)), Err(SensorFault::NoHeartbeat));
    // What is wrong with the server is told as it is.
    assert_eq!(told(Err(SensorFault::Partial)), Err(SensorFault::Partial));
}
