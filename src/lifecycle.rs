//! From the first task to the last: who runs, how they are told to stop, and how long anybody waits for them.
//!
//! Stopping has two steps. *Soft*: take no new work, finish what is under way. *Hard*: give up, now; whatever was
//! under way is dropped at its next await, which is safe because everything durable is either committed or not.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

/// How long tasks have, once they are given up, to reach an await and be dropped.
const LAST_BREATH: Duration = Duration::from_secs(2);

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Every task finished by itself.
    Drained,
    /// Some task had to be given up: the grace was over, or a second signal came.
    GivenUp,
    /// A task panicked (its name), so the process stopped, to be started anew.
    Panicked(&'static str),
}

/// Everything that runs in the background of this process. Clones are the same set.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    soft: CancellationToken,
    hard: CancellationToken,
    panicked: Arc<OnceLock<&'static str>>,
}

impl Tasks {
    /// No tasks yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `future` until it ends or everything is given up. Shutdown waits for it. If it panics, the process
    /// stops in good order: what is left of it would look alive and not do its work.
    pub fn spawn<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let alarm = PanicAlarm { name, tasks: self.clone() };
        self.tracker.spawn(async move {
            if alarm.tasks.hard.run_until_cancelled(future).await.is_none() {
                warn!(task = alarm.name, "given up before it was done");
            }
        });
    }

    /// Asks every task to take no new work and to finish.
    pub fn stop(&self) {
        self.soft.cancel();
    }

    /// Whether stopping has begun.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Cancelled when stopping begins: take no new work after that.
    #[must_use]
    pub fn soft(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// Cancelled when waiting is over. [`Tasks::spawn`] heeds it by itself; a task that starts others outside must.
    #[must_use]
    pub fn hard(&self) -> CancellationToken {
        self.hard.clone()
    }

    /// Waits until a signal comes, a task panics or [`Tasks::stop`] is called; then stops everything and waits for
    /// it for `grace`. A second signal ends the waiting at once. `next_signal` is [`Signals::next`], usually.
    pub async fn run(&self, mut next_signal: impl AsyncFnMut() -> &'static str, grace: Duration) -> Ended {
        tokio::select! {
            () = self.soft.cancelled() => {}
            name = next_signal() => info!(signal = name, "stopping: no new work is taken; send it again to stop at once"),
        }
        self.soft.cancel();
        self.tracker.close();
        let drained = tokio::select! {
            biased;
            () = self.tracker.wait() => true,
            name = next_signal() => {
                warn!(signal = name, "stopping at once");
                false
            }
            () = tokio::time::sleep(grace) => {
                warn!(grace_ms = grace.as_millis(), left = self.tracker.len(), "the grace is over, giving up the rest");
                false
            }
        };
        self.hard.cancel();
        if !drained && tokio::time::timeout(LAST_BREATH, self.tracker.wait()).await.is_err() {
            error!(left = self.tracker.len(), "some tasks do not even yield; leaving them");
        }
        match self.panicked.get() {
            Some(name) => Ended::Panicked(name),
            None if drained => Ended::Drained,
            None => Ended::GivenUp,
        }
    }
}

/// Lives in every task, and is dropped while the stack unwinds if that task panics.
struct PanicAlarm {
    name: &'static str,
    tasks: Tasks,
}

impl Drop for PanicAlarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            error!(task = self.name, "a task panicked; stopping the process so that it is started anew");
            // The first one is the cause; those after it may well be its consequences.
            let _already_named = self.tasks.panicked.set(self.name);
            self.tasks.stop();
        }
    }
}

/// The signals that mean "stop": SIGTERM from an orchestrator, SIGINT from a keyboard.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes over both signals; from now on they do not kill the process by themselves.
    ///
    /// # Errors
    /// When the operating system refuses the handlers.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one and says which it was.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::sync::oneshot::error::TryRecvError;
    use tokio::sync::{mpsc, oneshot};

    use super::*;

    /// Long enough that a test which waits for it has failed.
    const NEVER: Duration = Duration::from_secs(60);

    /// How `tasks` ended, if they did.
    async fn ended(tasks: &Tasks, next_signal: impl AsyncFnMut() -> &'static str, grace: Duration) -> Ended {
        tokio::time::timeout(NEVER / 4, tasks.run(next_signal, grace)).await.expect("stopping comes to an end")
    }

    async fn no_signal() -> &'static str {
        pending().await
    }

    /// Signals by hand; none come after the sender is gone.
    fn by_hand() -> (mpsc::Sender<&'static str>, impl AsyncFnMut() -> &'static str) {
        let (send, mut receive) = mpsc::channel(2);
        let next = async move || match receive.recv().await {
            Some(name) => name,
            None => pending().await,
        };
        (send, next)
    }

    #[tokio::test]
    async fn a_signal_lets_work_under_way_finish() {
        let tasks = Tasks::new();
        let finished = Arc::new(AtomicBool::new(false));
        let (soft, done) = (tasks.soft(), Arc::clone(&finished));
        tasks.spawn("worker", async move {
            soft.cancelled().await;
            tokio::task::yield_now().await;
            done.store(true, Ordering::SeqCst);
        });
        let (send, next) = by_hand();
        send.send("SIGTERM").await.expect("room");
        assert_eq!(ended(&tasks, next, NEVER).await, Ended::Drained);
        assert!(finished.load(Ordering::SeqCst) && tasks.is_stopping());
    }

    #[tokio::test]
    async fn what_does_not_finish_in_its_grace_is_given_up_and_dropped() {
        let tasks = Tasks::new();
        let (dropped, mut was_dropped) = oneshot::channel::<()>();
        tasks.spawn("stuck", async move {
            let _held = dropped;
            pending::<()>().await;
        });
        tasks.stop();
        assert_eq!(ended(&tasks, no_signal, Duration::from_millis(10)).await, Ended::GivenUp);
        assert_eq!(was_dropped.try_recv(), Err(TryRecvError::Closed), "the task is gone, and what it held");
    }

    #[tokio::test]
    async fn a_second_signal_does_not_wait() {
        let tasks = Tasks::new();
        tasks.spawn("stuck", pending());
        let (send, next) = by_hand();
        send.send("SIGTERM").await.expect("room");
        send.send("SIGTERM").await.expect("room");
        assert_eq!(ended(&tasks, next, NEVER).await, Ended::GivenUp);
    }

    #[tokio::test]
    async fn a_panic_stops_the_process_in_good_order_and_names_the_task() {
        let tasks = Tasks::new();
        let finished = Arc::new(AtomicBool::new(false));
        let (soft, done) = (tasks.soft(), Arc::clone(&finished));
        tasks.spawn("other", async move {
            soft.cancelled().await;
            done.store(true, Ordering::SeqCst);
        });
        tasks.spawn("broken", async { panic!("on purpose") });
        assert_eq!(ended(&tasks, no_signal, NEVER).await, Ended::Panicked("broken"));
        assert!(finished.load(Ordering::SeqCst), "the others were asked to finish, not cut off");
    }

    #[tokio::test]
    async fn a_task_that_ends_by_itself_stops_nothing() {
        let tasks = Tasks::new();
        let (send, ended) = oneshot::channel();
        tasks.spawn("short", async move {
            send.send(()).expect("the test waits");
        });
        ended.await.expect("it ran");
        assert!(!tasks.is_stopping());
    }
}
