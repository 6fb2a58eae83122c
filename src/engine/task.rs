//! One attestation from the payload to its answer: judged on the caller's thread as far as the payload alone decides,
//! then in a task.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::document::Answer;
use super::events::Events;
use super::generation::{ClusterAtWork, Generation};
use super::operation::{Completion, Stop};
use super::options::Options;
use super::report::Attestation;
use super::slots::{QueuedBytes, Slot};
use super::stats::Tally;
use super::waiting::Waiting;
use crate::attest::{
    self, AgentAttributes, Candidate, Check, Facts, Findings, Refusal, Signer, Standing, Trail,
};
use crate::cluster::Session;
use crate::outcome::{ErrorStyle, Reason};

/// Longer than any host waits; keeps times in the range of the clock.
pub(super) const LONGEST_TIMEOUT: Duration = Duration::from_hours(24);

type Verdict = Result<AgentAttributes, Refusal>;

/// What every attestation of an attestor shares.
pub(crate) struct Surroundings<'a> {
    pub(crate) generation: Option<Arc<Generation>>,
    pub(crate) runtime: &'a Handle,
    pub(crate) memory: &'a Arc<QueuedBytes>,
    pub(crate) tally: &'a Arc<Tally>,
    pub(crate) events: &'a Arc<Events>,
}

/// What an attestation is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Its answer.
    Attest,
    /// To show every check.
    Explain,
}

/// Begins an attestation. The completion is kept, now or later.
pub(crate) fn begin(
    around: Surroundings<'_>,
    completion: Completion,
    payload: &[u8],
    options: Options,
    purpose: Purpose,
) {
    let (memory, runtime) = (around.memory, around.runtime);
    let mut job = Job {
        begun: Instant::now(),
        completion,
        findings: Findings {
            trail: (purpose == Purpose::Explain).then(Trail::default),
            ..Findings::default()
        },
        options,
        tally: Arc::clone(around.tally),
        events: Arc::clone(around.events),
        generation: around.generation,
    };
    let Some(generation) = job.generation.clone() else {
        return job.refuse(None, Refusal::NotConfigured);
    };
    let candidate = match attest::admit(&generation.config, payload) {
        Ok(candidate) => candidate,
        Err(refusal) => return job.refuse(None, refusal),
    };
    // Every configured cluster is at work, and a candidate names a configured one.
    let cluster = Arc::clone(&generation.clusters[&candidate.cluster.name]);
    let jws = match candidate.check_form(generation.config.error_style) {
        Ok(jws) => jws,
        Err(refusal) => return job.refuse(Some(&cluster), refusal),
    };
    if let Some(trail) = &mut job.findings.trail {
        attest::admitted(trail, payload, &candidate);
    }
    let judged = match cluster.judge(&candidate, jws, runtime) {
        Err(refusal) if purpose == Purpose::Attest => return job.refuse(Some(&cluster), refusal),
        judged => judged,
    };
    let bytes = candidate.token.expose().len() + job.options.bytes();
    let request = match cluster.lane(&judged).request(bytes, memory) {
        Ok(request) => request,
        Err(why) => {
            // What an attestation would have been refused for comes first.
            let refusal = judged.err().unwrap_or(Refusal::Overloaded { why });
            return job.refuse(Some(&cluster), refusal);
        }
    };
    let stopped = job.completion.stoppable();
    let place = Waiting { request, bytes, memory: Arc::clone(memory) };
    let work = Work { job, generation, cluster, candidate, judged };
    runtime.spawn(work.run(place, stopped));
}

/// The part of an attestation that is there from its first moment to its answer.
struct Job {
    begun: Instant,
    completion: Completion,
    options: Options,
    findings: Findings,
    tally: Arc<Tally>,
    events: Arc<Events>,
    generation: Option<Arc<Generation>>,
}

impl Job {
    /// Ends the attestation before it has made a call.
    fn refuse(self, cluster: Option<&ClusterAtWork>, refusal: Refusal) {
        self.finish(cluster, None, Err(refusal));
    }

    fn finish(mut self, cluster: Option<&ClusterAtWork>, session: Option<&Session>, verdict: Verdict) {
        let elapsed = self.begun.elapsed();
        let generation = self.generation.as_deref();
        let mut findings = std::mem::take(&mut self.findings);
        if let Some(trail) = &mut findings.trail {
            let config = generation.map(|generation| &generation.config);
            let cluster = cluster.map(|cluster| &*cluster.config);
            trail.close(verdict.as_ref().err(), &Facts { config, cluster, ..Facts::default() });
        }
        let mut attestation = Attestation {
            operation: self.completion.id(),
            generation: generation.map_or(0, |generation| generation.number),
            style: generation.map_or(ErrorStyle::Precise, |generation| generation.config.error_style),
            cluster: cluster.map(|cluster| cluster.config.name.as_str()),
            options: &self.options,
            findings,
            calls: session.map(Session::calls).unwrap_or_default(),
            elapsed,
        };
        let written = catch_unwind(AssertUnwindSafe(|| {
            #[cfg(feature = "fault-injection")]
            self.options.panic_here(super::options::PanicIn::Completion);
            write(&mut attestation, verdict, session)
        }));
        let (verdict, answer) = written.unwrap_or_else(|_| {
            self.events.panicked("writing an answer");
            write(&mut attestation, Err(Refusal::InternalPanic), session)
        });
        // An explanation is no attestation: whoever counts those counts agents.
        if attestation.findings.trail.is_some() {
            self.events.explained(&attestation, &verdict);
        } else {
            self.events.attested(&attestation, &verdict);
            let reason = verdict.as_ref().err().map_or(Reason::Ok, Refusal::reason);
            self.tally.count(reason, elapsed);
            if let Some(cluster) = cluster {
                cluster.tally.count(reason, elapsed);
                if verdict.as_ref().is_err_and(Refusal::is_by_token_alone) {
                    cluster.without_call.count(reason);
                }
            }
        }
        self.completion.complete(answer);
    }
}

/// Writes the answer down. What comes from the API server could repeat a credential anywhere; such an answer is no answer.
fn write(
    attestation: &mut Attestation<'_>,
    verdict: Verdict,
    session: Option<&Session>,
) -> (Verdict, Answer) {
    let answer = attestation.answer(&verdict);
    if session.is_none_or(|session| !session.holds_secret(answer.document.as_str())) {
        return (verdict, answer);
    }
    let mut trail = attestation.findings.trail.take();
    if let Some(trail) = &mut trail {
        trail.clear("withheld: the API server's answers repeat a credential");
    }
    attestation.findings = Findings { trail, ..Findings::default() };
    let verdict = Err(Refusal::AnswerHoldsSecret);
    let answer = attestation.answer(&verdict);
    (verdict, answer)
}

/// An attestation that may make calls once it has a slot.
pub(super) struct Work {
    job: Job,
    generation: Arc<Generation>,
    cluster: Arc<ClusterAtWork>,
    candidate: Candidate,
    /// What the token alone told so far.
    judged: Result<Standing, Refusal>,
}

impl Work {
    pub(super) async fn run(self, waiting: Waiting, stopped: oneshot::Receiver<Stop>) {
        let Self { mut job, generation, cluster, candidate, judged } = self;
        let timeout = job.options.timeout().unwrap_or(generation.config.engine.attest_timeout);
        let timeout = timeout.min(LONGEST_TIMEOUT);
        let begun = job.begun;
        let session = cluster.api.session(begun + timeout, candidate.token.clone());
        #[cfg(feature = "fault-injection")]
        if job.options.panics_in(super::options::PanicIn::Connection) {
            crate::cluster::fault_injection::panic_in_next_attempt();
        }

        let verdict = {
            // Borrowed where they are, and not moved: what waits in the queue stays small.
            let Job { options, findings, events, .. } = &mut job;
            let attestation = async {
                // Half of the time at most is spent waiting, so that whoever gets a slot has time to use it.
                let latest = begun + timeout / 2;
                let purpose = if findings.trail.is_some() { Purpose::Explain } else { Purpose::Attest };
                let ready = waiting.ready(&cluster, &candidate, judged, purpose, latest).await;
                // Boxed here and not before, for the same reason.
                Box::pin(decide(&generation, &cluster, &candidate, ready?, &session, options, findings)).await
            };
            // A panic is this attestation's failure alone; nothing it touched is used again.
            let attestation = AssertUnwindSafe(attestation).catch_unwind();
            tokio::select! {
                biased;
                stop = stopped => Err(match stop {
                    Ok(Stop::Canceled) => Refusal::Canceled,
                    // The other end goes away with the attestor alone.
                    Ok(Stop::ShuttingDown) | Err(_) => Refusal::ShuttingDown,
                }),
                verdict = attestation => verdict.unwrap_or_else(|_| {
                    events.panicked("an attestation");
                    Err(Refusal::InternalPanic)
                }),
            }
        };
        job.finish(Some(&cluster), Some(&session), verdict);
    }
}

async fn decide(
    generation: &Generation,
    cluster: &ClusterAtWork,
    candidate: &Candidate,
    (slot, judged): (Slot, Result<Standing, Refusal>),
    session: &Session,
    options: &Options,
    findings: &mut Findings,
) -> Verdict {
    #[cfg(feature = "fault-injection")]
    options.panic_here(super::options::PanicIn::Check);
    #[cfg(not(feature = "fault-injection"))]
    let _ = options;
    let trust_domain = &generation.trust_domain;
    if let Some(trail) = &mut findings.trail {
        let authentic = matches!(judged, Ok(Standing::Authentic(_)));
        let signed_by = if authentic { Signer::Unknown } else { generation.other_signer(candidate) };
        let (config, cluster_config) = (Some(&generation.config), Some(&*cluster.config));
        let facts = Facts { config, cluster: cluster_config, signed_by, ..Facts::default() };
        attest::shown(trail, judged.as_ref(), &cluster.api.keys().state(), &facts);
        trail.pass(Check::Slot, Some(slot.words()));
        return attest::explain(facts, trust_domain, candidate, judged, session, findings).await;
    }
    let standing = judged?;
    let verdict = attest::attest(trust_domain, candidate, &standing, session, findings).await;
    if findings.reviewed {
        cluster.vouch(&standing);
    }
    verdict
}
