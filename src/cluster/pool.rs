//! Which connection a request goes to, and when another is made. Pure bookkeeping: no task, no waiting.

use hyper::client::conn::{http1, http2};
use tokio::time::Instant;

use super::connection::{NewSender, RequestBody};
use super::error::Fault;
use super::limits::{GROWTH_PAUSE, H1_ATTEMPTS, H1_IDLE, H2_CONNECTIONS, IDLE_TIME, STREAMS_PER_CONNECTION};

/// The connections of a transport and those who wait for one.
#[derive(Default)]
pub(super) struct Pool {
    h2: Vec<H2>,
    h1_idle: Vec<H1>,
    /// HTTP/1.1 connections, those in use included.
    h1_live: usize,
    /// What the server spoke last; forgotten when an attempt fails.
    speaks_h1: bool,
    attempts: usize,
    /// Callers without a connection.
    pub(super) waiting: usize,
    /// Attempts that failed while nothing was live.
    failures: u64,
    last_failure: Option<Fault>,
    grow_after: Option<Instant>,
    last_id: u64,
}

struct H2 {
    id: u64,
    sender: http2::SendRequest<RequestBody>,
    streams: usize,
    idle_since: Instant,
    used: bool,
}

struct H1 {
    id: u64,
    sender: http1::SendRequest<RequestBody>,
    idle_since: Instant,
    used: bool,
}

/// What a caller does next.
pub(super) enum Step {
    Take(Taken),
    Fail(Fault),
    /// Wait for a change, having started so many attempts; they are counted already.
    Wait {
        attempts: usize,
    },
}

/// A stream or a connection for one request.
pub(super) enum Taken {
    H2(u64, http2::SendRequest<RequestBody>),
    H1(u64, http1::SendRequest<RequestBody>),
}

/// What becomes of a connection that might be idle.
pub(super) enum Idle {
    LetGo,
    LookAgain(Instant),
}

impl Pool {
    /// How many attempts have failed so far: the failures after that concern a caller that comes now.
    pub(super) fn failures(&self) -> u64 {
        self.failures
    }

    /// Room for a request, on the connection with most of it.
    pub(super) fn take(&mut self) -> Option<Taken> {
        let open = self.h2.iter_mut().filter(|one| !one.sender.is_closed());
        if let Some(one) =
            open.min_by_key(|one| one.streams).filter(|one| one.streams < STREAMS_PER_CONNECTION)
        {
            one.streams += 1;
            one.used = true;
            return Some(Taken::H2(one.id, one.sender.clone()));
        }
        while let Some(one) = self.h1_idle.pop() {
            if !one.sender.is_closed() {
                return Some(Taken::H1(one.id, one.sender));
            }
        }
        None
    }

    /// What a waiting caller does next.
    pub(super) fn step(&mut self, failures_seen: u64, now: Instant) -> Step {
        if let Some(taken) = self.take() {
            return Step::Take(taken);
        }
        let live = self.is_live();
        if let Some(fault) = self.last_failure.as_ref().filter(|_| !live && self.failures > failures_seen) {
            return Step::Fail(fault.clone());
        }
        let paused = live && self.grow_after.is_some_and(|after| now < after);
        let attempts = if paused { 0 } else { self.wanted_attempts().saturating_sub(self.attempts) };
        self.attempts += attempts;
        Step::Wait { attempts }
    }

    /// How many attempts should be under way for those who wait.
    fn wanted_attempts(&self) -> usize {
        let h2_open = self.h2_open();
        if h2_open > 0 {
            self.waiting.div_ceil(STREAMS_PER_CONNECTION).min(H2_CONNECTIONS.saturating_sub(h2_open))
        } else if self.speaks_h1 {
            self.waiting.min(H1_ATTEMPTS)
        } else {
            1
        }
    }

    fn h2_open(&self) -> usize {
        self.h2.iter().filter(|one| !one.sender.is_closed()).count()
    }

    fn is_live(&self) -> bool {
        self.h2_open() > 0 || self.h1_live > 0
    }

    /// An attempt made a connection. The answer is its number.
    pub(super) fn opened(&mut self, sender: NewSender, now: Instant) -> u64 {
        self.attempts -= 1;
        self.last_id += 1;
        let id = self.last_id;
        match sender {
            NewSender::H2(sender) => {
                self.speaks_h1 = false;
                self.h2.push(H2 { id, sender, streams: 0, idle_since: now, used: false });
            }
            NewSender::H1(sender) => {
                self.speaks_h1 = true;
                self.h1_live += 1;
                self.h1_idle.push(H1 { id, sender, idle_since: now, used: false });
            }
        }
        id
    }

    /// An attempt failed. While something is live this only puts further growth off.
    pub(super) fn attempt_failed(&mut self, fault: Fault, now: Instant) {
        self.attempts -= 1;
        self.speaks_h1 = false;
        if self.is_live() {
            self.grow_after = Some(now + GROWTH_PAUSE);
        } else {
            self.fail_all(fault);
        }
    }

    fn fail_all(&mut self, fault: Fault) {
        self.failures += 1;
        self.last_failure = Some(fault);
    }

    /// A connection ended. One that nobody came to use counts as a failed attempt, lest a server that closes at once
    /// be connected to without end.
    pub(super) fn closed(&mut self, id: u64, is_h1: bool, fault: impl FnOnce() -> Fault) {
        let mut unused = false;
        self.h2.retain(|one| {
            unused |= one.id == id && !one.used;
            one.id != id
        });
        self.h1_idle.retain(|one| {
            unused |= one.id == id && !one.used;
            one.id != id
        });
        if is_h1 {
            self.h1_live -= 1;
        }
        if unused && !self.is_live() {
            self.fail_all(fault());
        }
    }

    /// A stream has ended.
    pub(super) fn stream_ended(&mut self, id: u64, now: Instant) {
        if let Some(one) = self.h2.iter_mut().find(|one| one.id == id) {
            one.streams -= 1;
            one.idle_since = now;
        }
    }

    /// An HTTP/1.1 connection is free again; beyond the limit it is dropped, and so closed.
    pub(super) fn give_back(&mut self, id: u64, sender: http1::SendRequest<RequestBody>, now: Instant) {
        if self.h1_idle.len() < H1_IDLE || self.waiting > 0 {
            self.h1_idle.push(H1 { id, sender, idle_since: now, used: true });
        }
    }

    /// Lets go of a connection that has been without a request for the idle time.
    pub(super) fn let_go_if_idle(&mut self, id: u64, now: Instant) -> Idle {
        let h2 = self.h2.iter().find(|one| one.id == id && one.streams == 0).map(|one| one.idle_since);
        let h1 = self.h1_idle.iter().find(|one| one.id == id).map(|one| one.idle_since);
        let Some(idle_since) = h2.or(h1) else {
            return Idle::LookAgain(now + IDLE_TIME);
        };
        if now < idle_since + IDLE_TIME {
            return Idle::LookAgain(idle_since + IDLE_TIME);
        }
        self.h2.retain(|one| one.id != id);
        self.h1_idle.retain(|one| one.id != id);
        Idle::LetGo
    }
}
