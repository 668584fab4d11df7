//! The stretch between HTTP and the network: it asks for permission immediately before the first byte, and counts what
//! was handed over. "Nothing was sent" means that this count is 0, and nothing else.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The question that is asked before the first byte.
pub type LastCheck = Box<dyn FnOnce() -> Result<(), String> + Send>;

/// What is known of a line from outside.
#[derive(Clone, Default)]
pub struct Tally {
    bytes: Arc<AtomicU64>,
    refused: Arc<Mutex<Option<String>>>,
}

impl Tally {
    /// Bytes that were handed over.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }

    /// Why the first byte was not allowed, if it was not.
    pub fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A stream with a guard at its writing end.
pub struct Line<S> {
    stream: S,
    check: Option<LastCheck>,
    tally: Tally,
}

impl<S> Line<S> {
    /// Guards a stream.
    pub fn new(stream: S, check: LastCheck, tally: Tally) -> Line<S> {
        Line { stream, check: Some(check), tally }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(check) = self.check.take()
            && let Err(why) = check()
        {
            *self.tally.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        }
        if self.tally.refused().is_some() {
            return Poll::Ready(Err(io::Error::other("called off before the first byte")));
        }
        // Counted before it is handed over: from here on nobody knows how far it got.
        let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if !matches!(written, Poll::Pending) {
            self.tally.bytes.fetch_add(count.max(1), Ordering::SeqCst);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
