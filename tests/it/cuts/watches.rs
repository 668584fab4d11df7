//! Watches that go wrong: what the API server tells is cut off, expired, held back or late, while every reading is fresh.
//!
//! What is expected: each wave goes once, as ever, since nothing goes that was decided from what a watch has told alone: every object is read
//! anew before. A watch that breaks off or has expired is taken up again within two seconds. Of a silent one nothing is noticed; what it would
//! have told is missing until the client's own limit ends it (100 s without a byte, of which bookmarks are some), or the API server does.
//! So long a send may wait, and that is late and no more. Here the silence lasts for longer than an undisturbed run and ends the same way,
//! and then the run must come to its end.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use kube::client::Body;
use tower::BoxError;

/// What becomes of a watch, at one of its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ill {
    /// It breaks off in the middle of it.
    Drops,
    /// In its place it says that what was asked for is too old.
    Expires,
    /// It tells neither it nor any other.
    Silent,
    /// It tells each from there on late.
    Late,
}

pub const ILLS: [Ill; 4] = [Ill::Drops, Ill::Expires, Ill::Silent, Ill::Late];

/// A silent watch is closed so long after it was opened.
pub const SILENCE: Duration = Duration::from_secs(25);
const LATE: Duration = Duration::from_secs(3);
/// Where no event comes, it happens after this.
const QUIET: Duration = Duration::from_secs(1);

const EXPIRED: &[u8] = br#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version","reason":"Expired","code":410}}
"#;

/// What the operator's client is given.
pub type Told = UnsyncBoxBody<Bytes, BoxError>;
type Lines = BoxStream<'static, Result<Bytes, BoxError>>;

/// A body as it came.
pub fn well(body: Body) -> Told {
    body.map_err(Into::into).boxed_unsync()
}

/// The events one by one, each with its line's end.
fn lines(body: Body) -> Lines {
    let chunks = body.into_data_stream().map_err(BoxError::from).boxed();
    let next = |(mut chunks, mut rest): (Lines, BytesMut)| async move {
        loop {
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line = rest.split_to(end + 1).freeze();
                return Some((Ok(line), (chunks, rest)));
            }
            match chunks.next().await? {
                Ok(chunk) => rest.extend_from_slice(&chunk),
                Err(error) => return Some((Err(error), (chunks, rest))),
            }
        }
    };
    stream::unfold((chunks, BytesMut::new()), next).boxed()
}

/// A bookmark says only how far the watch is.
fn is_event(line: &Result<Bytes, BoxError>) -> bool {
    line.as_ref().is_ok_and(|line| !line.starts_with(br#"{"type":"BOOKMARK""#))
}

/// A watch that goes wrong after so many events.
pub fn sick(body: Body, ill: Ill, after: usize) -> Told {
    let lines = lines(body);
    let told: Lines = match ill {
        Ill::Drops | Ill::Expires => {
            stream::unfold(Some((lines, 0)), move |state| broken(state, ill, after)).flat_map(stream::iter).boxed()
        }
        Ill::Silent => {
            let first = numbered(lines).take_while(move |(number, _)| std::future::ready(*number <= after));
            let silent = first.map(|(_, line)| line).chain(stream::pending());
            silent.take_until(tokio::time::sleep(SILENCE)).boxed()
        }
        // Side by side, so that one that waits holds up no other beyond its own time; in their order.
        Ill::Late => numbered(lines)
            .map(move |(number, line)| async move {
                if number > after {
                    tokio::time::sleep(LATE).await;
                }
                line
            })
            .buffered(1000)
            .boxed(),
    };
    StreamBody::new(told.map_ok(Frame::data)).boxed_unsync()
}

/// Each line, and how many events have come with it.
fn numbered(lines: Lines) -> BoxStream<'static, (usize, Result<Bytes, BoxError>)> {
    let count = |count: &mut usize, line: Result<Bytes, BoxError>| {
        *count += usize::from(is_event(&line));
        std::future::ready(Some((*count, line)))
    };
    lines.scan(0, count).boxed()
}

type Part = Vec<Result<Bytes, BoxError>>;

/// What is told next by a watch that breaks off or expires; after that, nothing.
async fn broken(state: Option<(Lines, usize)>, ill: Ill, after: usize) -> Option<(Part, Option<(Lines, usize)>)> {
    let (mut lines, passed) = state?;
    let line = match tokio::time::timeout(QUIET, lines.next()).await {
        Ok(line) => Some(line?),
        Err(_) => None,
    };
    match line {
        Some(line) if !is_event(&line) => Some((vec![line], Some((lines, passed)))),
        Some(line) if passed < after => Some((vec![line], Some((lines, passed + 1)))),
        line if ill == Ill::Drops => {
            let half = line.and_then(Result::ok).map(|line| Ok(line.slice(..line.len() / 2)));
            let broke = Err(BoxError::from("the connection broke"));
            Some((half.into_iter().chain([broke]).collect(), None))
        }
        _ => Some((vec![Ok(Bytes::from_static(EXPIRED))], None)),
    }
}
