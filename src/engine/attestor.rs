//! The attestor: configuration in force, attestations begun, cancelled and shut down.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::runtime::{Handle, Runtime};

use super::document::{Answer, Document, documents_alive};
use super::events::{Events, Level, NoSubscription};
use super::generation::Generation;
use super::operation::{Completion, Operations, Sink};
use super::options::Options;
use super::queue::Queue;
use super::report::{Validation, plain};
use super::runtime;
use super::slots::QueuedBytes;
use super::stats::{Stats, Tally};
use super::task::{Purpose, Surroundings, begin};
use crate::attest::JsonFault;
use crate::config::{self, Checked, Config, Note, Severity};
use crate::outcome::{AgentSafe, ErrorStyle, Reason, grpc};

/// `timeout_ms` 0 of a shutdown, and what dropping an attestor allows.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Attests the nodes of the configured clusters.
///
/// An attestor has threads of its own and may be used from any number of threads at once. Blocking calls block the
/// calling thread: do not make them on an async runtime's worker.
pub struct Attestor {
    pub(super) handle: Handle,
    runtime: Mutex<Option<Runtime>>,
    worker_threads: usize,
    pub(super) generation: ArcSwapOption<Generation>,
    configuring: Mutex<()>,
    pub(super) operations: Arc<Operations>,
    memory: Arc<QueuedBytes>,
    tally: Arc<Tally>,
    pub(super) events: Arc<Events>,
}

impl Attestor {
    /// Starts an attestor. No network is touched.
    ///
    /// `config` is the JSON configuration. Empty, or with `engine` alone, it makes an attestor that has yet to be
    /// [configured](Self::configure). The document beside the attestor holds the notes.
    ///
    /// # Errors
    /// `CONFIG_INVALID` with all notes, or `RUNTIME_UNAVAILABLE` if threads or descriptors are short.
    pub fn new(config: &[u8]) -> Result<(Self, Document), Answer> {
        let checked = config::check(config);
        let Some(config) = checked.config.clone() else {
            return Err(refused(&checked, 0));
        };
        let worker_threads = runtime::worker_threads(config.engine.worker_threads);
        let Ok(runtime) = runtime::start(worker_threads) else {
            return Err(plain(Reason::RuntimeUnavailable, "the attestor's threads could not be started"));
        };
        let (events, tally) = (Arc::<Events>::default(), Arc::<Tally>::default());
        let attestor = Self {
            handle: runtime.handle().clone(),
            runtime: Mutex::new(Some(runtime)),
            worker_threads,
            generation: ArcSwapOption::empty(),
            configuring: Mutex::default(),
            operations: Arc::new(Operations::new(Arc::clone(&events), Arc::clone(&tally))),
            memory: Arc::new(QueuedBytes::new(config.engine.max_queued_bytes)),
            tally,
            events,
        };
        attestor.put_to_work(config);
        let document = accepted(&checked.notes, attestor.config_generation()).document;
        Ok((attestor, document))
    }

    /// Replaces the configuration.
    ///
    /// All is built first and then swapped: if it is refused, the old one stays in force. Running attestations finish
    /// on the one that they began with. Calls are serialised.
    pub fn configure(&self, config: &[u8]) -> Answer {
        let _serialised = self.configuring.lock().unwrap_or_else(PoisonError::into_inner);
        if self.operations.closing() {
            return shutting_down();
        }
        let mut checked = config::check(config);
        let Some(config) = checked.config.take() else {
            self.events.configured(self.config_generation(), false, &checked.notes);
            return refused(&checked, self.config_generation());
        };
        if config.trust_domain.is_none() {
            return nothing_to_configure(self.config_generation());
        }
        if config.engine.worker_threads.is_some_and(|threads| threads != self.worker_threads) {
            checked.notes.push(Note {
                severity: Severity::Warning,
                path: "engine.worker_threads".to_owned(),
                message: format!(
                    "is read when an attestor is made: {} threads go on running",
                    self.worker_threads
                ),
            });
        }
        self.memory.set_limit(config.engine.max_queued_bytes);
        self.put_to_work(config);
        self.events.configured(self.config_generation(), true, &checked.notes);
        accepted(&checked.notes, self.config_generation())
    }

    /// Attests and waits for the answer. `options` is empty or a JSON object from the host.
    pub fn attest(&self, payload: &[u8], options: &[u8]) -> Answer {
        self.attest_for(Purpose::Attest, payload, options)
    }

    /// Attests, shows what became of every check, and goes on past a failure where it can. Takes a slot as any
    /// attestation does, and may make more calls; it is not counted as one in the statistics.
    ///
    /// Code, reason and message are those of [`attest`](Self::attest); the document's `steps` are for the operator.
    pub fn explain(&self, payload: &[u8], options: &[u8]) -> Answer {
        self.attest_for(Purpose::Explain, payload, options)
    }

    fn attest_for(&self, purpose: Purpose, payload: &[u8], options: &[u8]) -> Answer {
        let Ok(operation) = self.operations.accept() else {
            return shutting_down();
        };
        let options = match Options::parse(options) {
            Ok(options) => options,
            Err(fault) => return malformed(&fault),
        };
        let (caller, answer) = mpsc::sync_channel(1);
        self.begin(operation.promise(Sink::Caller(caller)), payload, options, purpose);
        // A promise is always kept; this end would see a broken one as a closed channel.
        answer.recv().unwrap_or_else(|_| plain(Reason::InternalPanic, "internal error"))
    }

    /// Begins an attestation whose answer goes to `queue` under `tag`. Never blocks.
    ///
    /// `accepted` is called with the operation's ID before the completion can be read, which may be before this returns.
    ///
    /// # Errors
    /// `SHUTTING_DOWN`, `CLOSED` or `OPTIONS_MALFORMED`: no completion comes.
    pub fn submit(
        &self,
        payload: &[u8],
        options: &[u8],
        queue: &Arc<Queue>,
        tag: u64,
        accepted: impl FnOnce(u64),
    ) -> Result<(), Reason> {
        let operation = self.operations.accept().map_err(|_| Reason::ShuttingDown)?;
        let options = Options::parse(options).map_err(|_| Reason::OptionsMalformed)?;
        let completion = operation.promise_to(queue, tag).map_err(|_| Reason::Closed)?;
        accepted(completion.id());
        self.begin(completion, payload, options, Purpose::Attest);
        Ok(())
    }

    /// Cancels an operation. One that is done or unknown is left alone.
    ///
    /// # Errors
    /// `SHUTTING_DOWN`: all are being stopped anyway.
    pub fn cancel(&self, operation: u64) -> Result<(), Reason> {
        self.operations.cancel(operation).map_err(|_| Reason::ShuttingDown)
    }

    /// Delivers this attestor's log records of `level` and below to `queue`, instead of where they went before; `None` ends
    /// that. Nothing comes any more once a [shutdown](Self::shutdown) has returned.
    ///
    /// # Errors
    /// `SHUTTING_DOWN`, or `CLOSED` if the queue is closed.
    pub fn events(&self, subscription: Option<(&Arc<Queue>, Level)>) -> Result<(), Reason> {
        let begun = match subscription {
            Some((queue, level)) => self.events.subscribe(queue, level),
            None => self.events.unsubscribe(),
        };
        begun.map_err(|why| match why {
            NoSubscription::QueueClosed => Reason::Closed,
            NoSubscription::Ended => Reason::ShuttingDown,
        })
    }

    /// Refuses new work, stops what runs, and returns when every accepted operation has delivered its answer.
    ///
    /// `timeout` zero means 5 s. False if it passed first; the call may be repeated.
    pub fn shutdown(&self, timeout: Duration) -> bool {
        let timeout = if timeout.is_zero() { SHUTDOWN_TIMEOUT } else { timeout };
        self.events.shutting_down();
        self.operations.close();
        let done = self.operations.wait_until_done(timeout);
        self.events.end();
        done
    }

    /// Counters, also after a shutdown.
    pub fn stats(&self) -> Answer {
        let generation = self.generation.load();
        let clusters = generation.iter().flat_map(|generation| &generation.clusters);
        let clusters: BTreeMap<&str, _> =
            clusters.map(|(name, cluster)| (name.as_str(), cluster.stats())).collect();
        let document = Document::of(&Stats {
            code: grpc::OK,
            reason: Reason::Ok.word(),
            config_generation: self.config_generation(),
            attestations: self.tally.by_reason(),
            latency: self.tally.latency(),
            clusters,
            queued_bytes: self.memory.used(),
            panics_caught: self.events.panics(),
            events_dropped: self.events.dropped(),
            documents_alive: documents_alive(),
        });
        Answer { code: grpc::OK, document }
    }

    /// Shuts down, and lets go of the threads without waiting for one that is stuck in a file read or a look-up.
    pub(crate) fn release(&self) {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            self.shutdown(SHUTDOWN_TIMEOUT);
            runtime.shutdown_background();
        }
    }

    fn begin(&self, completion: Completion, payload: &[u8], options: Options, purpose: Purpose) {
        let around = Surroundings {
            generation: self.generation.load_full(),
            runtime: &self.handle,
            memory: &self.memory,
            tally: &self.tally,
            events: &self.events,
        };
        // The completion answers for a panic, so nothing is left to say here.
        let _ = catch_unwind(AssertUnwindSafe(|| begin(around, completion, payload, options, purpose)));
    }

    fn put_to_work(&self, config: Config) {
        if let Some(trust_domain) = config.trust_domain.clone() {
            let previous = self.generation.load();
            let generation = Generation::build(config, trust_domain, previous.as_deref(), &self.events);
            self.generation.store(Some(Arc::new(generation)));
        }
    }

    fn config_generation(&self) -> u64 {
        self.generation.load().as_ref().map_or(0, |generation| generation.number)
    }
}

impl Drop for Attestor {
    fn drop(&mut self) {
        self.release();
    }
}

/// Checks a configuration without an attestor. Touches no network.
#[must_use]
pub fn validate(config: &[u8]) -> Answer {
    let checked = config::check(config);
    if checked.config.is_some() { accepted(&checked.notes, 0) } else { refused(&checked, 0) }
}

fn accepted(notes: &[Note], config_generation: u64) -> Answer {
    let (code, reason) = (grpc::OK, Reason::Ok.word());
    let document =
        Document::of(&Validation { code, reason, message: None, valid: true, config_generation, notes });
    Answer { code, document }
}

fn refused(checked: &Checked, config_generation: u64) -> Answer {
    let message = checked.message();
    invalid(message.as_ref().map_or("", AgentSafe::as_str), &checked.notes, config_generation)
}

/// What makes an unconfigured attestor cannot replace a configuration: an empty one must not silently end attestation.
fn nothing_to_configure(config_generation: u64) -> Answer {
    let note = Note {
        severity: Severity::Error,
        path: "trust_domain".to_owned(),
        message:
            "is required: an empty document, or `engine` alone, can start an attestor but not configure one"
                .to_owned(),
    };
    invalid("configuration is invalid: trust_domain is required", &[note], config_generation)
}

fn invalid(message: &str, notes: &[Note], config_generation: u64) -> Answer {
    let reason = Reason::ConfigInvalid;
    // The same code in both styles.
    let code = reason.code(ErrorStyle::Precise);
    let document = Document::of(&Validation {
        code,
        reason: reason.word(),
        message: Some(message),
        valid: false,
        config_generation,
        notes,
    });
    Answer { code, document }
}

pub(super) fn malformed(fault: &JsonFault) -> Answer {
    plain(Reason::OptionsMalformed, &format!("options are malformed: {fault}"))
}

pub(super) fn shutting_down() -> Answer {
    plain(Reason::ShuttingDown, "attestor is shutting down")
}
