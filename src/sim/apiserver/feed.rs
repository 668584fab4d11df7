//! WATCH: a stream of lines that begins after a revision, tells of every change its selector concerns, says now and then
//! how far it has come, and ends when its time is up, when it was too slow, or when somebody cuts it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use futures::stream;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::ApiServer;
use super::answer::{bookmark, line};
use super::bell::Listener;
use super::fault::{Call, Delivery};
use super::kinds::Kind;
use super::meta;
use super::refusal::Refusal;
use super::selector::Selector;
use super::store::Change;

/// A watch that sets no time ends after this; the real server draws between half an hour and an hour.
const LONGEST: u64 = 1_800;
/// So often a quiet watch says how far it has come.
const BOOKMARKS: Duration = Duration::from_mins(1);

/// A watch under way.
pub(super) struct Feed {
    server: ApiServer,
    call: Arc<Call>,
    kind: Arc<Kind>,
    selector: Selector,
    cursor: u64,
    epoch: u64,
    changed: Listener,
    end: Instant,
    next_bookmark: Option<Instant>,
    pending: VecDeque<Change>,
    lines: VecDeque<Bytes>,
    over: bool,
}

impl Feed {
    /// Begins a watch; what cannot be watched is refused at once.
    pub(super) fn begin(server: &ApiServer, call: &Arc<Call>) -> Result<Feed, Refusal> {
        let ask = &call.ask;
        let selector = Selector::read(ask.option("labelSelector"), ask.option("fieldSelector"))?;
        if ask.option("sendInitialEvents") == "true" {
            return Err(Refusal::not_simulated("a watch that begins with a list"));
        }
        let from = ask.option("resourceVersion");
        let from: u64 = if from.is_empty() {
            0
        } else {
            from.parse().map_err(|_| Refusal::bad_request(format!("Invalid value: \"{from}\"")))?
        };
        let seconds = ask.option("timeoutSeconds").parse().ok().filter(|seconds| *seconds > 0).unwrap_or(LONGEST);
        let now = Instant::now();
        let core = server.core();
        let collection = core.store.collection(&ask.place)?;
        let mut feed = Feed {
            server: server.clone(),
            call: Arc::clone(call),
            kind: Arc::clone(&collection.kind),
            selector,
            cursor: from,
            epoch: core.store.epoch,
            changed: collection.listen(),
            end: now + Duration::from_secs(seconds),
            next_bookmark: (ask.option("allowWatchBookmarks") == "true").then(|| now + BOOKMARKS),
            pending: VecDeque::new(),
            lines: VecDeque::new(),
            over: false,
        };
        if from == 0 {
            feed.cursor = core.store.revision();
            for object in collection.within(&ask.place.namespace).filter(|object| feed.selector.matches(object)) {
                feed.lines.push_back(line("ADDED", object, ask.metadata_only).into());
            }
        } else if collection.since(from).is_none() {
            let message = format!("too old resource version: {from} ({})", collection.floor());
            // The real server says this inside the stream, not in its head.
            feed.lines.push_back(line("ERROR", &Refusal::expired(message).status(), false).into());
            feed.over = true;
        }
        Ok(feed)
    }

    /// The lines, as they come.
    pub(super) fn lines(self) -> impl Stream<Item = Bytes> + Send {
        stream::unfold(self, |mut feed| async move { feed.next().await.map(|line| (line, feed)) })
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                self.server.note("line", self.call.number, &self.kind.plural, &line);
                return Some(line);
            }
            if self.over {
                return None;
            }
            if let Some(change) = self.pending.pop_front() {
                self.tell(&change).await;
                continue;
            }
            // Before the look: a change that comes after it must wake us.
            self.changed.catch_up();
            match self.changes() {
                None => self.over = true,
                Some(changes) if changes.is_empty() => self.wait().await,
                Some(changes) => self.pending = changes,
            }
        }
    }

    async fn tell(&mut self, change: &Change) {
        self.cursor = change.revision;
        let Some((word, object)) = self.told(change) else { return };
        match self.server.deliver(&self.call, change) {
            Delivery::Tell => {}
            Delivery::Late(delay) => tokio::time::sleep(delay).await,
            Delivery::End => {
                self.over = true;
                return;
            }
        }
        self.lines.push_back(line(word, &object, self.call.ask.metadata_only).into());
    }

    /// What has changed since the last look; None if the watch has ended or was too slow.
    fn changes(&self) -> Option<VecDeque<Change>> {
        let core = self.server.core();
        if core.store.epoch != self.epoch {
            return None;
        }
        let changes = core.store.collection(&self.call.ask.place).ok()?.since(self.cursor)?;
        Some(changes.cloned().collect())
    }

    /// How a change looks through the selector.
    fn told(&self, change: &Change) -> Option<(&'static str, Arc<Value>)> {
        let namespace = &self.call.ask.place.namespace;
        if !namespace.is_empty() && meta::text(&change.object, "namespace") != namespace {
            return None;
        }
        let was = change.previous.as_ref().is_some_and(|previous| self.selector.matches(previous));
        let is = !change.gone && self.selector.matches(&change.object);
        match (was, is) {
            (false, true) => Some(("ADDED", Arc::clone(&change.object))),
            (true, true) => Some(("MODIFIED", Arc::clone(&change.object))),
            (true, false) if change.gone => Some(("DELETED", Arc::clone(&change.object))),
            (true, false) => {
                // It is told of as it was while it was still selected.
                let mut last = change.previous.as_deref().cloned().unwrap_or_default();
                meta::set(&mut last, "resourceVersion", Some(change.revision.to_string().into()));
                Some(("DELETED", Arc::new(last)))
            }
            (false, false) => None,
        }
    }

    async fn wait(&mut self) {
        let wake = self.next_bookmark.map_or(self.end, |bookmark| bookmark.min(self.end));
        tokio::select! {
            // A change that is there goes before the end that is there.
            biased;
            is_served = self.changed.rung() => {
                self.over = !is_served;
            }
            () = sleep_until(wake) => {
                self.over = wake == self.end;
                if let Some(next) = &mut self.next_bookmark {
                    *next = wake + BOOKMARKS;
                    let (revision, is_whole) = {
                        let core = self.server.core();
                        let reached = core.store.collection(&self.call.ask.place).ok().and_then(|all| all.since(self.cursor)).is_some_and(|mut all| all.next().is_none());
                        (core.store.revision(), reached)
                    };
                    if is_whole {
                        self.cursor = revision;
                        self.lines.push_back(bookmark(&self.kind, revision, self.call.ask.metadata_only).into());
                    }
                }
            }
        }
    }
}
