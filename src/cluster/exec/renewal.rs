//! When a plugin is run.
//!
//! Its answer is kept until shortly before it expires, and then renewed while the old one is still in use. An answer that
//! has expired is not used any more, and one that the API server refused only where the plugin has no other: then those who
//! need it wait. One run of a plugin at a time, and at most one a second; another plugin does not wait for it.

use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Instant, SystemTime};

use tokio::sync::Semaphore;

use super::super::blocking;
use super::super::error::Fault;
use super::super::limits::{EXEC_CHILDREN, EXEC_LOOK_PAUSE, EXEC_PAUSE, SECOND_LOOK_AFTER};
use super::Plugin;
use super::answer::{Answer, Credential};

const RUN_ENDED: Fault = Fault::TaskEnded("the run of the exec plugin");
const NO_THREAD: Fault = Fault::NoThread("running the exec plugin");

/// The answers of one cluster's plugin.
pub(in super::super) struct Renewal {
    /// Of the plugin that was asked last.
    runs: Mutex<Option<Arc<Runs>>>,
    /// For children that have not been waited for, of whichever plugin.
    places: Arc<Semaphore>,
}

/// The runs of one plugin.
struct Runs {
    plugin: Arc<Plugin>,
    places: Arc<Semaphore>,
    known: Mutex<Known>,
    ended: Condvar,
}

#[derive(Default)]
struct Known {
    answer: Option<Answer>,
    /// The API server said that it does not know who `answer` stands for.
    refused: bool,
    /// How the last run failed.
    failure: Option<Fault>,
    last_run: Option<Instant>,
    running: bool,
}

impl Default for Renewal {
    fn default() -> Self {
        Self { runs: Mutex::default(), places: Arc::new(Semaphore::new(EXEC_CHILDREN)) }
    }
}

impl Renewal {
    /// A credential of this plugin that is good now. Where there is none, the plugin is waited for as long as it is the
    /// one to ask, and `None` is the answer if it is not any more.
    pub(in super::super) fn credential(
        &self,
        plugin: &Arc<Plugin>,
        mut still_asked: impl FnMut() -> bool,
    ) -> Result<Option<Arc<Credential>>, Fault> {
        let runs = self.runs_of(plugin);
        if let Some(credential) = runs.good() {
            return Ok(Some(credential));
        }
        while runs.still_running() {
            if !still_asked() {
                return Ok(None);
            }
        }
        runs.known().outcome().map(Some)
    }

    /// The API server refused this with a 401: the next to ask gets another.
    pub(in super::super) fn refused(&self, credential: &Arc<Credential>) {
        if let Some(runs) = &*self.runs.lock().unwrap_or_else(PoisonError::into_inner) {
            let mut known = runs.known();
            known.refused |=
                known.answer.as_ref().is_some_and(|answer| Arc::ptr_eq(&answer.credential, credential));
        }
    }

    fn runs_of(&self, plugin: &Arc<Plugin>) -> Arc<Runs> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        match &*runs {
            Some(runs) if runs.plugin == *plugin => Arc::clone(runs),
            _ => Arc::clone(runs.insert(Arc::new(Runs {
                plugin: Arc::clone(plugin),
                places: Arc::clone(&self.places),
                known: Mutex::default(),
                ended: Condvar::new(),
            }))),
        }
    }
}

impl Runs {
    /// The credential that is good now. If there is none, or not for much longer, a run begins.
    fn good(self: &Arc<Self>) -> Option<Arc<Credential>> {
        let now = SystemTime::now();
        let mut known = self.known();
        let good = known.answer.as_ref().filter(|answer| !known.refused && !answer.is_expired(now));
        let due = good.is_none_or(|answer| answer.is_due(now));
        let good = good.map(|answer| Arc::clone(&answer.credential));
        if due && !known.running && !known.has_just_run() {
            known.running = true;
            drop(known);
            self.begin();
        }
        good
    }

    /// Runs the plugin, which is marked as running already. A failure is kept, and told to those who need an answer.
    fn begin(self: &Arc<Self>) {
        let run = Run { runs: Arc::clone(self), outcome: Err(NO_THREAD) };
        // Without a thread this drops the run, and so tells those who wait.
        let _ = blocking::spawn("psat-exec", move || run.run());
    }

    /// Waits for the end of a run, but not long.
    fn still_running(&self) -> bool {
        let waited = self.ended.wait_timeout_while(self.known(), EXEC_LOOK_PAUSE, |known| known.running);
        waited.unwrap_or_else(PoisonError::into_inner).0.running
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run that is under way. Its end is told however it comes.
struct Run {
    runs: Arc<Runs>,
    outcome: Result<Answer, Fault>,
}

impl Run {
    fn run(mut self) {
        self.outcome = Err(RUN_ENDED);
        self.outcome = run_twice(&self.runs.plugin, &self.runs.places);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.runs.known().ended(mem::replace(&mut self.outcome, Err(RUN_ENDED)));
        self.runs.ended.notify_all();
    }
}

/// What a plugin reads may be in the middle of a replacement, so a failure is looked at again, unless it took all the time.
fn run_twice(plugin: &Plugin, places: &Arc<Semaphore>) -> Result<Answer, Fault> {
    let began = Instant::now();
    plugin.run(places).or_else(|fault| {
        if began.elapsed() >= plugin.limit {
            return Err(fault);
        }
        thread::sleep(SECOND_LOOK_AFTER);
        plugin.run(places)
    })
}

impl Known {
    fn has_just_run(&self) -> bool {
        self.last_run.is_some_and(|at| at.elapsed() < EXEC_PAUSE)
    }

    fn ended(&mut self, outcome: Result<Answer, Fault>) {
        self.running = false;
        self.last_run = Some(Instant::now());
        match outcome {
            Ok(mut answer) => {
                // Where nothing new came, nothing is made anew.
                if let Some(before) = self.answer.take().filter(|one| one.credential == answer.credential) {
                    answer.credential = before.credential;
                }
                self.answer = Some(answer);
                self.refused = false;
                self.failure = None;
            }
            Err(failure) => self.failure = Some(failure),
        }
    }

    /// What the last run came to. If it failed, that is the answer before, as long as it says that it is good: the API
    /// server may have refused it in passing, while it was starting.
    fn outcome(&self) -> Result<Arc<Credential>, Fault> {
        let now = SystemTime::now();
        let answer = self.answer.as_ref().filter(|answer| self.failure.is_none() || !answer.is_expired(now));
        match answer {
            Some(answer) => Ok(Arc::clone(&answer.credential)),
            None => Err(self.failure.clone().unwrap_or(RUN_ENDED)),
        }
    }
}
