//! `check`: can the configured clusters be used? All that are asked for are looked at, several at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::attestor::{Attestor, malformed, shutting_down};
use super::document::{Answer, Document};
use super::events::Events;
use super::generation::{ClusterAtWork, Generation};
use super::operation::{Completion, Sink, Stop};
use super::report::{micros, plain};
use super::task::LONGEST_TIMEOUT;
use crate::attest::{JsonFault, Refusal};
use crate::cluster::Checkup;
use crate::outcome::{ErrorStyle, Reason, grpc};
use crate::quote::quoted;

/// Clusters that are looked at at the same time: each costs some connections and a few calls.
const AT_ONCE: usize = 16;

impl Attestor {
    /// Looks at the configured clusters and waits for the answer: can they be used, and if not, why, and what helps?
    ///
    /// `options` is empty or a JSON object: `timeout_ms`, and `clusters`, the names of those to look at (absent or
    /// empty = all).
    /// Takes no slot; makes no attestation.
    pub fn check(&self, options: &[u8]) -> Answer {
        let Ok(operation) = self.operations.accept() else {
            return shutting_down();
        };
        let options = match CheckOptions::parse(options) {
            Ok(options) => options,
            Err(fault) => return malformed(&fault),
        };
        let Some(generation) = self.generation.load_full() else {
            return plain(Reason::NotConfigured, "not configured");
        };
        let check = match Check::new(generation, options, &self.events) {
            Ok(check) => check,
            Err(answer) => return answer,
        };
        let (caller, answer) = mpsc::sync_channel(1);
        self.handle.spawn(check.run(operation.promise(Sink::Caller(caller))));
        answer.recv().unwrap_or_else(|_| plain(Reason::InternalPanic, "internal error"))
    }
}

/// What the host says about one check; unknown keys are ignored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CheckOptions {
    timeout_ms: Option<u64>,
    /// Names of configured clusters; absent or none = all: that all is well is not said of nothing.
    clusters: Option<BTreeSet<String>>,
    /// That the check is to panic.
    #[cfg(feature = "fault-injection")]
    panic_in: Option<super::options::PanicIn>,
}

impl CheckOptions {
    /// Reads `document`, which may be empty.
    ///
    /// # Errors
    /// It is not a JSON object, or a known key has a value of the wrong type.
    pub(crate) fn parse(document: &[u8]) -> Result<Self, JsonFault> {
        if document.is_empty() {
            return Ok(Self::default());
        }
        // A sequence would pass for the struct otherwise.
        let starts_object = document.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
        let parsed = serde_json::from_slice::<Self>(document).map_err(|error| JsonFault::of(&error))?;
        if starts_object { Ok(parsed) } else { Err(JsonFault::no_object()) }
    }
}

/// A check of some clusters, which are all configured.
pub(crate) struct Check {
    generation: Arc<Generation>,
    clusters: Vec<Arc<ClusterAtWork>>,
    begun: Instant,
    deadline: Instant,
    events: Arc<Events>,
    #[cfg(feature = "fault-injection")]
    panics: bool,
}

impl Check {
    /// What `options` ask for.
    ///
    /// # Errors
    /// `CLUSTER_UNKNOWN`: a name is not configured.
    pub(crate) fn new(
        generation: Arc<Generation>,
        options: CheckOptions,
        events: &Arc<Events>,
    ) -> Result<Self, Answer> {
        let asked = options.clusters.as_ref().filter(|names| !names.is_empty());
        let clusters: Option<Vec<_>> = match asked {
            None => Some(generation.clusters.values().cloned().collect()),
            Some(names) => names.iter().map(|name| generation.clusters.get(name).cloned()).collect(),
        };
        let Some(clusters) = clusters else {
            return Err(unknown(&generation, options.clusters.unwrap_or_default()));
        };
        let timeout =
            options.timeout_ms.map_or(generation.config.engine.attest_timeout, Duration::from_millis);
        let begun = Instant::now();
        Ok(Self {
            generation,
            clusters,
            begun,
            deadline: begun + timeout.min(LONGEST_TIMEOUT),
            events: Arc::clone(events),
            #[cfg(feature = "fault-injection")]
            panics: options.panic_in == Some(super::options::PanicIn::Check),
        })
    }

    /// Looks at the clusters and keeps the promise of an answer, unless it is stopped before.
    pub(crate) async fn run(self, completion: Completion) {
        let stopped = completion.stoppable();
        // A panic is this check's failure alone; nothing it touched is used again.
        let look = AssertUnwindSafe(self.look()).catch_unwind();
        let answer = tokio::select! {
            biased;
            stop = stopped => match stop {
                Ok(Stop::Canceled) => plain(Reason::Canceled, "the check was cancelled"),
                // The other end goes away with the attestor alone.
                Ok(Stop::ShuttingDown) | Err(_) => shutting_down(),
            },
            answer = look => answer.unwrap_or_else(|_| {
                self.events.panicked("a check");
                plain(Reason::InternalPanic, "internal error")
            }),
        };
        completion.complete(answer);
    }

    async fn look(&self) -> Answer {
        #[cfg(feature = "fault-injection")]
        assert!(!self.panics, "injected fault");
        let looks: Vec<_> = self.clusters.iter().enumerate().map(|(at, one)| self.look_at(one, at)).collect();
        let reports = stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;
        document(&self.generation, &reports)
    }

    /// Looks at the cluster at this place of all.
    async fn look_at<'a>(&self, cluster: &'a ClusterAtWork, at: usize) -> (&'a str, ClusterReport) {
        let deadline = share(Instant::now(), self.deadline, self.clusters.len() - at);
        // Boxed here and not before: a cluster that waits for its turn costs little.
        let checkup = Box::pin(cluster.api.check(&cluster.config, deadline)).await;
        (cluster.config.name.as_str(), ClusterReport::new(checkup, self.begun.elapsed()))
    }
}

/// When the look that begins now has to be over, with so many clusters left to look at: those that wait for their turn
/// have theirs however many hang.
fn share(now: Instant, deadline: Instant, left: usize) -> Instant {
    let rounds = u32::try_from(left.div_ceil(AT_ONCE)).unwrap_or(u32::MAX);
    now + deadline.saturating_duration_since(now) / rounds.max(1)
}

fn unknown(generation: &Generation, asked: BTreeSet<String>) -> Answer {
    let named = asked.into_iter().find(|name| !generation.clusters.contains_key(name)).unwrap_or_default();
    let refusal = Refusal::ClusterUnknown { named };
    plain(refusal.reason(), refusal.message(ErrorStyle::Precise, "").as_str())
}

fn document(generation: &Generation, clusters: &BTreeMap<&str, ClusterReport>) -> Answer {
    let unusable = clusters.iter().find_map(|(name, report)| Some((name, report.checkup.first_failure()?)));
    let reason = unusable.and_then(|(_, step)| step.reason).unwrap_or(Reason::Ok);
    // Not for an agent, and so in the same words and codes whatever agents are told.
    let code = if unusable.is_none() { grpc::OK } else { reason.code(ErrorStyle::Precise) };
    let message = unusable.map(|(name, step)| {
        format!("cluster {} cannot be used: check {} failed", quoted(name), quoted(step.check))
    });
    let document = Document::of(&CheckDocument {
        code,
        reason: reason.word(),
        message,
        config_generation: generation.number,
        clusters,
    });
    Answer { code, document }
}

/// The document of `psat_attestor_check`.
#[derive(Serialize)]
struct CheckDocument<'a> {
    code: i32,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    config_generation: u64,
    clusters: &'a BTreeMap<&'a str, ClusterReport>,
}

/// One cluster's part of it.
#[derive(Serialize)]
struct ClusterReport {
    usable: bool,
    elapsed_us: u64,
    #[serde(flatten)]
    checkup: Checkup,
}

impl ClusterReport {
    fn new(checkup: Checkup, elapsed: Duration) -> Self {
        Self { usable: checkup.usable(), elapsed_us: micros(elapsed), checkup }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_null_and_unknown_keys_mean_the_defaults() {
        for text in ["", "{}", r#"{"timeout_ms":null,"clusters":null}"#, r#" {"color":["red"],"peer":5}"#] {
            let options = CheckOptions::parse(text.as_bytes()).expect(text);
            assert_eq!((options.timeout_ms, options.clusters), (None, None), "{text}");
        }
    }

    #[test]
    fn clusters_that_wait_for_their_turn_have_time_left() {
        let now = Instant::now();
        let seconds =
            |left: usize| share(now, now + Duration::from_secs(12), left).duration_since(now).as_secs();
        assert_eq!([1, 16, 17, 32, 33, 48, 1000].map(seconds), [12, 12, 6, 6, 4, 4, 0]);
        assert_eq!(share(now, now, 1), now);
    }

    #[test]
    fn what_is_no_such_object_is_the_callers_fault() {
        for text in [
            "null",
            "[]",
            "5",
            "{",
            r#"{"timeout_ms":"5"}"#,
            r#"{"timeout_ms":-1}"#,
            r#"{"clusters":"demo"}"#,
            r#"{"clusters":[5]}"#,
            r#"{"clusters":{}}"#,
            "{} x",
        ] {
            assert!(CheckOptions::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
