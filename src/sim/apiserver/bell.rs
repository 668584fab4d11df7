//! Wakes those who wait for a change, in the order in which they began to wait. The runtime's own watch channel spreads
//! its waiters by chance, so that no story could be told twice in the same order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

#[derive(Debug, Default)]
struct Shared {
    rung: AtomicU64,
    is_gone: AtomicBool,
    notify: Notify,
}

/// A bell; it tells its listeners when it is taken away.
#[derive(Debug, Default)]
pub(super) struct Bell(Arc<Shared>);

/// Somebody who listens to a bell.
#[derive(Debug)]
pub struct Listener {
    bell: Arc<Shared>,
    heard: u64,
}

impl Bell {
    /// Wakes everybody.
    pub(super) fn ring(&self) {
        self.0.rung.fetch_add(1, Ordering::SeqCst);
        self.0.notify.notify_waiters();
    }

    /// Listens from now on.
    pub(super) fn listen(&self) -> Listener {
        Listener { bell: Arc::clone(&self.0), heard: self.0.rung.load(Ordering::SeqCst) }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.0.is_gone.store(true, Ordering::SeqCst);
        self.0.notify.notify_waiters();
    }
}

impl Listener {
    /// Takes all that was rung so far as heard.
    pub fn catch_up(&mut self) {
        self.heard = self.bell.rung.load(Ordering::SeqCst);
    }

    /// Waits until it is rung again; false if it has been taken away.
    pub async fn rung(&mut self) -> bool {
        loop {
            let notified = self.bell.notify.notified();
            tokio::pin!(notified);
            // From here on nothing is missed.
            notified.as_mut().enable();
            if self.bell.is_gone.load(Ordering::SeqCst) {
                return false;
            }
            let rung = self.bell.rung.load(Ordering::SeqCst);
            if rung != self.heard {
                self.heard = rung;
                return true;
            }
            notified.await;
        }
    }
}
