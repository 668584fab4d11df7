//! What happened in a simulated world, in order and byte for byte: every call and answer, every request of a receiver,
//! every line of a watch, every word of the log. Of all of it there is a digest, so that two tellings of one story can be
//! held against each other; and the newest lines, so that a broken promise can be looked at. It judges nothing.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::clock;

/// So much of a body is shown in a line, from its beginning and from its end, where a status is.
const SHOWN: (usize, usize) = (200, 900);

/// The tape; clones are the same one.
#[derive(Clone, Debug)]
pub struct Tape(Arc<Mutex<Pages>>);

#[derive(Debug)]
struct Pages {
    hasher: DefaultHasher,
    count: u64,
    lines: VecDeque<String>,
    keeps: usize,
}

impl Tape {
    /// A tape that keeps the newest lines, and the digest of all. With 0 lines it is cheap.
    pub fn keeping(lines: usize) -> Tape {
        let pages = Pages { hasher: DefaultHasher::new(), count: 0, lines: VecDeque::new(), keeps: lines };
        Tape(Arc::new(Mutex::new(pages)))
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes something: a word for what it is, and its bytes.
    pub fn note(&self, what: &str, parts: &[&[u8]]) {
        let hash = |hasher: &mut DefaultHasher| parts.iter().for_each(|part| hasher.write(part));
        let show = |line: &mut String| {
            for part in parts {
                line.push(' ');
                line.push_str(&shown(&String::from_utf8_lossy(part)));
            }
        };
        self.note_as(what, hash, show);
    }

    /// The same of something that has no bytes of its own.
    pub fn note_as(&self, what: &str, hash: impl FnOnce(&mut DefaultHasher), show: impl FnOnce(&mut String)) {
        let at = clock::boot();
        let mut pages = self.pages();
        pages.count += 1;
        pages.hasher.write(what.as_bytes());
        pages.hasher.write_i128(at.as_nanos());
        hash(&mut pages.hasher);
        if pages.keeps > 0 {
            let mut line = format!("{:>12.3} {what}", at.as_secs_f64());
            show(&mut line);
            if pages.lines.len() == pages.keeps {
                pages.lines.pop_front();
            }
            pages.lines.push_back(line);
        }
    }

    /// The digest of everything so far.
    pub fn digest(&self) -> u64 {
        self.pages().hasher.finish()
    }

    /// How much was noted.
    pub fn count(&self) -> u64 {
        self.pages().count
    }

    /// The newest lines, oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.pages().lines.iter().cloned().collect()
    }

    /// What writes the log of this thread onto the tape.
    pub fn listener(&self) -> Listener {
        Listener(self.clone())
    }
}

fn shown(text: &str) -> String {
    let text: Vec<char> = text.trim_end().chars().collect();
    let (first, last) = SHOWN;
    if text.len() <= first + last {
        return text.iter().collect();
    }
    let part = |part: &[char]| part.iter().collect::<String>();
    format!("{} … {}", part(&text[..first]), part(&text[text.len() - last..]))
}

/// Writes what is logged onto a tape.
#[derive(Clone, Debug)]
pub struct Listener(Tape);

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO && metadata.target().starts_with("headroom")
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(tracing::level_filters::LevelFilter::INFO)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = String::new();
        event.record(&mut Fields(&mut text));
        self.0.note(&format!("log {}", event.metadata().level()), &[text.as_bytes()]);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_digest_is_of_every_byte_and_of_when_it_was_noted() {
        let _clock = clock::simulate(Timestamp::UNIX_EPOCH);
        let digest = |parts: &[&str]| {
            let tape = Tape::keeping(1);
            for part in parts {
                tape.note("said", &[part.as_bytes()]);
            }
            (tape.digest(), tape.lines())
        };
        assert_eq!(digest(&["a", "b"]), digest(&["a", "b"]));
        assert_ne!(digest(&["a", "b"]).0, digest(&["b", "a"]).0);
        assert_eq!(digest(&["a", "b"]).1, ["       0.000 said b"], "only the newest is kept");
        let (before, _) = digest(&["a"]);
        tokio::time::advance(std::time::Duration::from_nanos(1)).await;
        assert_ne!(before, digest(&["a"]).0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_log_of_the_operator_is_on_it() {
        let _clock = clock::simulate(Timestamp::UNIX_EPOCH);
        let tape = Tape::keeping(9);
        let _log = tracing::subscriber::set_default(tape.listener());
        tracing::info!(target: "headroom::act", wave = "canary", "tried");
        tracing::debug!(target: "headroom::act", "not shown");
        tracing::info!(target: "kube", "not ours");
        assert_eq!(tape.lines(), [r#"       0.000 log INFO  message=tried wave="canary""#]);
    }
}
