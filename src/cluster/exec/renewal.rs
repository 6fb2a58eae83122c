//! When a plugin is run.
//!
//! Its answer is kept until shortly before it expires, and then renewed while the old one is still in use. An answer that
//! has expired is not used any more, and one that the API server refused only where the plugin has no other: then those who
//! need it wait. One run at a time, and at most one a second.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Instant, SystemTime};

use super::super::blocking;
use super::super::error::Fault;
use super::super::limits::{EXEC_PAUSE, SECOND_LOOK_AFTER};
use super::{Answer, Plugin};

/// The answers of one cluster's plugin.
#[derive(Default)]
pub(in super::super) struct Renewal {
    known: Mutex<Known>,
    /// Held while the plugin runs.
    running: Mutex<()>,
}

#[derive(Default)]
struct Known {
    plugin: Option<Arc<Plugin>>,
    answer: Option<Arc<Answer>>,
    /// The API server said that it does not know who `answer` stands for.
    refused: bool,
    /// How the last run failed.
    failure: Option<Fault>,
    last_run: Option<Instant>,
    renewing: bool,
}

enum Step {
    Use(Arc<Answer>),
    UseAndRenew(Arc<Answer>),
    Run,
}

impl Renewal {
    /// An answer of this plugin that is good now. Waits for the plugin where there is none.
    pub(in super::super) fn answer(self: &Arc<Self>, plugin: &Arc<Plugin>) -> Result<Arc<Answer>, Fault> {
        let step = self.known().step(plugin);
        match step {
            Step::Use(answer) => Ok(answer),
            Step::UseAndRenew(answer) => {
                let (renewal, plugin) = (Arc::clone(self), Arc::clone(plugin));
                // A failure is kept, and told to those who come when the old answer has expired.
                let started = blocking::spawn("psat-exec", move || drop(renewal.run(&plugin)));
                if started.is_err() {
                    self.known().renewing = false;
                }
                Ok(answer)
            }
            Step::Run => self.run(plugin),
        }
    }

    /// The API server refused this answer with a 401: the next to ask for one gets another.
    pub(in super::super) fn refused(&self, answer: &Arc<Answer>) {
        let mut known = self.known();
        known.refused |= known.answer.as_ref().is_some_and(|one| Arc::ptr_eq(one, answer));
    }

    /// Runs the plugin, unless that has just been done.
    fn run(&self, plugin: &Arc<Plugin>) -> Result<Arc<Answer>, Fault> {
        let _one = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = self.known().recent(plugin) {
            return outcome;
        }
        let outcome = run_twice(plugin);
        self.known().ended(plugin, outcome.map(Arc::new))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a plugin reads may be in the middle of a replacement, so a failure is looked at again, unless it took all the time.
fn run_twice(plugin: &Plugin) -> Result<Answer, Fault> {
    let began = Instant::now();
    plugin.run().or_else(|fault| {
        if began.elapsed() >= plugin.limit {
            return Err(fault);
        }
        thread::sleep(SECOND_LOOK_AFTER);
        plugin.run()
    })
}

impl Known {
    /// What to do for one who needs an answer of this plugin.
    fn step(&mut self, plugin: &Arc<Plugin>) -> Step {
        if self.plugin.as_ref() != Some(plugin) {
            *self = Self { plugin: Some(Arc::clone(plugin)), ..Self::default() };
        }
        let now = SystemTime::now();
        match &self.answer {
            Some(answer) if !self.refused && !answer.is_expired(now) => {
                let answer = Arc::clone(answer);
                if answer.is_due(now) && !self.renewing && !self.has_just_run() {
                    self.renewing = true;
                    return Step::UseAndRenew(answer);
                }
                Step::Use(answer)
            }
            _ => Step::Run,
        }
    }

    /// The outcome of a run that is less than a second ago.
    fn recent(&mut self, plugin: &Arc<Plugin>) -> Option<Result<Arc<Answer>, Fault>> {
        if self.plugin.as_ref() != Some(plugin) || !self.has_just_run() {
            return None;
        }
        self.renewing = false;
        match &self.failure {
            Some(failure) => Some(self.in_spite_of(failure.clone())),
            None => self.answer.clone().map(Ok),
        }
    }

    /// What there is when the plugin fails: the answer before, as long as it says that it is good. The API server may have
    /// refused it in passing, while it was starting.
    fn in_spite_of(&self, failure: Fault) -> Result<Arc<Answer>, Fault> {
        let now = SystemTime::now();
        self.answer.clone().filter(|answer| !answer.is_expired(now)).ok_or(failure)
    }

    fn has_just_run(&self) -> bool {
        self.last_run.is_some_and(|at| at.elapsed() < EXEC_PAUSE)
    }

    /// Takes over how a run ended, unless another plugin is asked by now.
    fn ended(
        &mut self,
        plugin: &Arc<Plugin>,
        outcome: Result<Arc<Answer>, Fault>,
    ) -> Result<Arc<Answer>, Fault> {
        if self.plugin.as_ref() == Some(plugin) {
            self.renewing = false;
            self.last_run = Some(Instant::now());
            self.failure = outcome.as_ref().err().cloned();
            match &outcome {
                Ok(answer) => {
                    self.answer = Some(Arc::clone(answer));
                    self.refused = false;
                }
                Err(failure) => return self.in_spite_of(failure.clone()),
            }
        }
        outcome
    }
}
