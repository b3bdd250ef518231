//! Callers at work, either as fast as they are answered or at a steady rate.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::Result;
use super::http::{Call, Client};
use super::service::Service;

/// The k-th call of the c-th caller.
pub(crate) type Calls = Arc<dyn Fn(u64, u64) -> Call + Send + Sync>;

/// Callers with a connection each.
#[derive(Debug)]
pub(crate) struct Load {
    clients: Vec<Client>,
}

/// What came of one turn.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// From the first call to the last answer.
    pub(crate) elapsed: Duration,
    /// How long each call took, the shortest first.
    pub(crate) latencies: Vec<Duration>,
}

impl Load {
    /// `callers` connections to `service`.
    pub(crate) async fn connect(service: &Service, callers: u64) -> Result<Self> {
        let mut clients = Vec::new();
        for _ in 0..callers {
            clients.push(service.client().await?);
        }
        Ok(Self { clients })
    }

    /// Every caller makes `each` calls, one after another.
    pub(crate) async fn closed(&mut self, each: u64, calls: &Calls) -> Result<Window> {
        self.turn(each, calls, |_, _| None).await
    }

    /// Calls come at `per_second` for as long as `lasting`, whether those before them are answered or not; each is
    /// as late as its answer comes after its own time, so that no stall goes uncounted.
    pub(crate) async fn open(&mut self, per_second: u32, lasting: Duration, calls: &Calls) -> Result<Window> {
        let (apart, callers) = (Duration::from_secs(1) / per_second, self.clients.len() as u64);
        let all = u64::try_from(lasting.as_nanos() / apart.as_nanos())?;
        let start = Instant::now();
        let due = move |caller: u64, place: u64| Some(start + apart.mul_f64((caller + place * callers) as f64));
        self.turn(all / callers, calls, due).await
    }

    async fn turn(
        &mut self,
        each: u64,
        calls: &Calls,
        due: impl Fn(u64, u64) -> Option<Instant> + Copy + Send + 'static,
    ) -> Result<Window> {
        let begun = Instant::now();
        let mut callers = JoinSet::new();
        for (caller, mut client) in (0..).zip(self.clients.drain(..)) {
            let calls = Arc::clone(calls);
            callers.spawn(async move {
                let mut latencies = Vec::new();
                for place in 0..each {
                    let call = calls(caller, place);
                    let due = due(caller, place);
                    if let Some(due) = due {
                        sleep_until(due).await;
                    }
                    let from = due.unwrap_or_else(Instant::now);
                    client.call(call).await?;
                    latencies.push(from.elapsed());
                }
                Ok::<_, super::Failure>((client, latencies))
            });
        }
        let mut window = Window::default();
        while let Some(done) = callers.join_next().await {
            let (client, latencies) = done??;
            self.clients.push(client);
            window.latencies.extend(latencies);
        }
        window.elapsed = begun.elapsed();
        window.latencies.sort_unstable();
        Ok(window)
    }
}

impl Window {
    /// Calls per second.
    pub(crate) fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that so many of a thousand calls do not exceed.
    pub(crate) fn quantile(&self, of_a_thousand: usize) -> Duration {
        quantile(&self.latencies, of_a_thousand)
    }
}

/// The value that so many of a thousand of the sorted `values` do not exceed (nearest rank).
pub(crate) fn quantile<T: Copy + Default>(values: &[T], of_a_thousand: usize) -> T {
    let rank = (values.len() * of_a_thousand).div_ceil(1000);
    values.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
