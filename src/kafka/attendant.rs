//! A thread that does something until nobody wants it any more.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

/// The thread, as its owner sees it. Dropping it ends the thread, and waits for that.
#[derive(Debug)]
pub(super) struct Attendant {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

// === impl Attendant ===

impl Attendant {
    /// Has `attend` done on a thread called `name`. It ends soon after what it is given has become true.
    pub(super) fn start(name: &str, attend: impl FnOnce(&AtomicBool) + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn({
                let stop = Arc::clone(&stop);
                move || attend(&stop)
            })
            .expect("the system has a thread to give");
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Attendant {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there has ended the process already.
            let _ = thread.join();
        }
    }
}
