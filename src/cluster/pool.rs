//! Which connection a request goes to, who waits for one, and when another is made. Pure bookkeeping: no task, no
//! waiting.

use std::collections::BTreeMap;

use hyper::client::conn::{http1, http2};
use tokio::time::Instant;

use super::connection::{NewSender, RequestBody};
use super::error::Fault;
use super::limits::{
    GROWTH_PAUSE, H1_ATTEMPTS, H1_CONNECTIONS, H1_IDLE, H1_SPARE_TIME, H2_CONNECTIONS, IDLE_TIME, LOOK_TIME,
    STREAMS_PER_CONNECTION,
};

/// The connections of a transport and those who wait for one, each known by a `W`.
pub(super) struct Pool<W> {
    h2: Vec<H2>,
    /// How many streams an HTTP/2 connection is given.
    streams: usize,
    /// The one that was used last is at the end.
    h1_idle: Vec<H1>,
    /// HTTP/1.1 connections, those in use included.
    h1_live: usize,
    /// What the server spoke last; forgotten when an attempt fails.
    speaks_h1: bool,
    attempts: usize,
    /// Callers without a connection, by the order in which they came.
    waiting: BTreeMap<u64, W>,
    last_ticket: u64,
    /// What is to be told to callers that do not wait any more.
    failed: Vec<(W, Fault)>,
    grow_after: Option<Instant>,
    /// Of the attempts that failed while something was live, and since which none succeeded.
    last_failure: Option<(Instant, Fault)>,
    last_id: u64,
}

struct H2 {
    id: u64,
    sender: http2::SendRequest<RequestBody>,
    streams: usize,
    idle_since: Instant,
    used: bool,
    /// The server takes no further stream on it.
    retired: bool,
}

struct H1 {
    id: u64,
    sender: http1::SendRequest<RequestBody>,
    idle_since: Instant,
    used: bool,
}

/// A stream or a connection for one request.
pub(super) enum Taken {
    H2(u64, http2::SendRequest<RequestBody>),
    H1(u64, http1::SendRequest<RequestBody>),
}

/// What a change of the pool leads to.
pub(super) struct Consequences<W> {
    /// What those get who need not wait any more.
    pub(super) outcomes: Vec<(W, Result<Taken, Fault>)>,
    /// Attempts to start; they are counted already.
    pub(super) attempts: usize,
}

/// What becomes of a connection that might be idle.
pub(super) enum Idle {
    LetGo,
    LookAgain(Instant),
}

impl<W> Default for Pool<W> {
    fn default() -> Self {
        Self {
            h2: Vec::new(),
            streams: STREAMS_PER_CONNECTION,
            h1_idle: Vec::new(),
            h1_live: 0,
            speaks_h1: false,
            attempts: 0,
            waiting: BTreeMap::new(),
            last_ticket: 0,
            failed: Vec::new(),
            grow_after: None,
            last_failure: None,
            last_id: 0,
        }
    }
}

impl H2 {
    fn is_open(&self) -> bool {
        !self.retired && !self.sender.is_closed()
    }
}

impl<W> Pool<W> {
    /// Room for a request at once, unless others wait for it.
    pub(super) fn take_in_turn(&mut self) -> Option<Taken> {
        if self.waiting.is_empty() { self.take() } else { None }
    }

    /// Lets a caller wait for its turn. The answer is its ticket.
    pub(super) fn wait(&mut self, caller: W) -> u64 {
        self.last_ticket += 1;
        self.waiting.insert(self.last_ticket, caller);
        self.last_ticket
    }

    /// A caller waits no more.
    pub(super) fn leave(&mut self, ticket: u64) {
        self.waiting.remove(&ticket);
    }

    /// What follows from the changes since the last time: whoever came first is served first.
    pub(super) fn consequences(&mut self, now: Instant) -> Consequences<W> {
        let failed = self.failed.drain(..);
        let mut outcomes: Vec<_> = failed.map(|(caller, fault)| (caller, Err(fault))).collect();
        while !self.waiting.is_empty()
            && let Some(taken) = self.take()
        {
            outcomes.extend(self.waiting.pop_first().map(|(_, caller)| (caller, Ok(taken))));
        }
        let paused = self.is_live() && self.growth_is_off(now);
        let attempts = if paused { 0 } else { self.wanted_attempts().saturating_sub(self.attempts) };
        self.attempts += attempts;
        Consequences { outcomes, attempts }
    }

    /// Room for a request, on the connection with most of it.
    fn take(&mut self) -> Option<Taken> {
        let open = self.h2.iter_mut().filter(|one| one.is_open());
        if let Some(one) = open.min_by_key(|one| one.streams).filter(|one| one.streams < self.streams) {
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

    /// How many attempts should be under way for those who wait.
    fn wanted_attempts(&self) -> usize {
        let (waiting, h2_open) = (self.waiting.len(), self.h2_open());
        if waiting == 0 {
            0
        } else if h2_open > 0 {
            waiting.div_ceil(self.streams).min(H2_CONNECTIONS.saturating_sub(h2_open))
        } else if self.speaks_h1 {
            waiting.min(H1_ATTEMPTS).min(H1_CONNECTIONS.saturating_sub(self.h1_live))
        } else {
            1
        }
    }

    fn h2_open(&self) -> usize {
        self.h2.iter().filter(|one| one.is_open()).count()
    }

    fn is_live(&self) -> bool {
        self.h2_open() > 0 || self.h1_live > 0
    }

    fn growth_is_off(&self, now: Instant) -> bool {
        self.grow_after.is_some_and(|after| now < after)
    }

    /// An attempt made a connection. The answer is its number.
    pub(super) fn opened(&mut self, sender: NewSender, now: Instant) -> u64 {
        self.attempts -= 1;
        self.last_failure = None;
        self.last_id += 1;
        let id = self.last_id;
        match sender {
            NewSender::H2(sender) => {
                self.speaks_h1 = false;
                self.h2.push(H2 { id, sender, streams: 0, idle_since: now, used: false, retired: false });
            }
            NewSender::H1(sender) => {
                self.speaks_h1 = true;
                self.h1_live += 1;
                self.h1_idle.push(H1 { id, sender, idle_since: now, used: false });
            }
        }
        id
    }

    /// An attempt failed. While something is live this only puts further growth off: the answer is when to look for
    /// consequences again, for until then nothing may happen.
    pub(super) fn attempt_failed(&mut self, fault: Fault, now: Instant) -> Option<Instant> {
        self.attempts -= 1;
        self.speaks_h1 = false;
        if !self.is_live() {
            self.fail_all(&fault);
            return None;
        }
        self.last_failure = Some((now, fault));
        if self.growth_is_off(now) {
            return None;
        }
        self.grow_after = Some(now + GROWTH_PAUSE);
        self.grow_after
    }

    /// Why there has been no further connection since then, if one was tried.
    pub(super) fn failure_since(&self, then: Instant) -> Option<Fault> {
        self.last_failure.as_ref().filter(|(at, _)| *at >= then).map(|(_, fault)| fault.clone())
    }

    /// The server takes this many streams on a connection.
    pub(super) fn server_takes(&mut self, streams: usize) {
        self.streams = streams.clamp(1, STREAMS_PER_CONNECTION);
    }

    fn fail_all(&mut self, fault: &Fault) {
        let waiting = std::mem::take(&mut self.waiting);
        self.failed.extend(waiting.into_values().map(|caller| (caller, fault.clone())));
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
            self.fail_all(&fault());
        }
    }

    /// The server takes no further stream on this connection.
    pub(super) fn retire(&mut self, id: u64) {
        self.h2.iter_mut().filter(|one| one.id == id).for_each(|one| one.retired = true);
    }

    /// A stream has ended.
    pub(super) fn stream_ended(&mut self, id: u64, now: Instant) {
        if let Some(one) = self.h2.iter_mut().find(|one| one.id == id) {
            one.streams -= 1;
            one.idle_since = now;
        }
    }

    /// An HTTP/1.1 connection is free again.
    pub(super) fn give_back(&mut self, id: u64, sender: http1::SendRequest<RequestBody>, now: Instant) {
        self.h1_idle.push(H1 { id, sender, idle_since: now, used: true });
    }

    /// Lets go of a connection that has been without a request for long, or beyond need.
    pub(super) fn let_go_if_idle(&mut self, id: u64, is_h1: bool, now: Instant) -> Idle {
        let (idle_since, allowed) = if is_h1 {
            let place = self.h1_idle.iter().rev().position(|one| one.id == id);
            let idle_since = place.map(|place| self.h1_idle[self.h1_idle.len() - 1 - place].idle_since);
            let needed = place.is_none_or(|place| place < H1_IDLE);
            (idle_since, if needed { IDLE_TIME } else { H1_SPARE_TIME })
        } else {
            let idle = self.h2.iter().find(|one| one.id == id && one.streams == 0);
            (idle.map(|one| one.idle_since), IDLE_TIME)
        };
        let look_again = now + LOOK_TIME;
        match idle_since {
            Some(since) if now >= since + allowed => {
                self.h2.retain(|one| one.id != id);
                self.h1_idle.retain(|one| one.id != id);
                Idle::LetGo
            }
            Some(since) => Idle::LookAgain(look_again.min(since + allowed)),
            None => Idle::LookAgain(look_again),
        }
    }
}
