//! The numbers of this room, with their reasons.

use std::time::Duration;

/// For one connection attempt, look-up, TCP and TLS included: it serves all that wait, so no caller's time bounds it.
pub(super) const CONNECT_TIME: Duration = Duration::from_secs(10);

/// For all addresses of a name together, so that one that swallows packets leaves time for the others.
pub(super) const TCP_CONNECT_TIME: Duration = Duration::from_secs(8);

/// Connections without a request are closed after this. The API server closes them after 90 s; equal values race.
pub(super) const IDLE_TIME: Duration = Duration::from_secs(55);

/// For a connection that is no longer used to say goodbye.
pub(super) const FAREWELL_TIME: Duration = Duration::from_secs(1);

/// For a cancelled request to end by itself, before its stream is reset: longer than calls take that go well.
pub(super) const ABANDONED_TIME: Duration = Duration::from_secs(1);

/// Of the rest of an answer that nobody wants any more: an ordinary one ends before.
pub(super) const ABANDONED_BYTES: usize = 64 << 10;

/// Calls that one attestation has under way at a time, at most: TokenReview, pod and node.
const CALLS_OF_AN_ATTESTATION: usize = 3;

/// HTTP/2 pings, and how long their answer may take: without them every request on a black-holed connection times out.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(10);

/// TCP probes, for HTTP/1.1, which has no pings.
pub(super) const TCP_KEEPALIVE: Duration = Duration::from_secs(15);

/// Streams on one HTTP/2 connection: kube-apiserver refuses what exceeds 100.
pub(super) const STREAMS_PER_CONNECTION: usize = 90;

/// HTTP/2 connections of a cluster: 64 attestations of three calls are 192 streams, and two connections already halve
/// the latency of one under load.
pub(super) const H2_CONNECTIONS: usize = 4;

/// HTTP/1.1 connections of a cluster: 64 attestations with three calls each. What comes beyond waits for one to be free,
/// as it does for a stream of HTTP/2.
pub(super) const H1_CONNECTIONS: usize = 192;

/// HTTP/1.1 connections that are kept without a request. More are there while they are needed: those beyond this number
/// go once nobody came for them for a while, for load that is steady comes in waves.
pub(super) const H1_IDLE: usize = 16;
pub(super) const H1_SPARE_TIME: Duration = Duration::from_secs(2);

/// A connection is looked at this often: an HTTP/1.1 connection may not be needed any more, and what an HTTP/2
/// server says of its streams shows when the connection is polled, which goes on without it.
pub(super) const LOOK_TIME: Duration = Duration::from_secs(2);

/// HTTP/1.1 connections that may be opened at the same time.
pub(super) const H1_ATTEMPTS: usize = 16;

/// Further connections are not tried again before this, once one failed while others live.
pub(super) const GROWTH_PAUSE: Duration = Duration::from_secs(1);

/// Retries of a call that count against the budget. What fails three times in a second will fail the fourth time.
pub(super) const RETRIES_OF_A_CALL: u8 = 2;

/// Further ones of a request that no server looked at: a connection closed before it was sent, GOAWAY, a refused stream.
pub(super) const UNPROCESSED_RETRIES_OF_A_CALL: u8 = 3;

/// For a question whose answer only makes a report better, and its share of the time left: one that is not answered must
/// not take the time of those that decide.
pub(super) const ASIDE_TIME: Duration = Duration::from_secs(1);
pub(super) const ASIDE_SHARE: u32 = 4;

/// Tries of a question beside those of an attestation, on connections that may be closed before they are used.
pub(super) const PROBE_TRIES: u32 = 3;

/// Before the first retry; each further one waits four times as long. At most; at least it is half of that.
pub(super) const BACKOFF: Duration = Duration::from_millis(100);

/// Longer `Retry-After` are not waited for, nor more than this share of the time left: the agent is told instead, and
/// comes again.
pub(super) const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(1);
pub(super) const PAUSE_SHARE: u32 = 4;

/// Every fifth call earns a retry, so that retries never add more than 20 % to what a struggling server has to do.
pub(super) const CALLS_PER_RETRY: u32 = 5;

/// Retries before any are earned.
pub(super) const RETRIES_AT_FIRST: u32 = 10;

/// Retries that good times may save up: all calls that 64 attestations have under way, when their server goes down.
pub(super) const RETRIES_SAVED: u32 = 200;

/// Calls of a cluster that may be under way for attestations, those that were given up and have not ended included.
/// Without these nobody waits for a turn: there is one for each call of each slot, with the slots of unknown keys.
pub(super) fn calls_under_way(max_in_flight: usize) -> usize {
    CALLS_OF_AN_ATTESTATION * (max_in_flight + max_in_flight / 4 + 4)
}

/// HTTP/2 windows, of a stream and of a connection: an answer never waits for a window update.
pub(super) const STREAM_WINDOW: u32 = 1 << 20;
pub(super) const CONNECTION_WINDOW: u32 = 4 << 20;

/// Largest answer. etcd's objects are below 2 MiB.
pub(super) const ANSWER_BYTES: usize = 4 << 20;

/// For one reading of the signing keys, which nobody waits for: until it has ended there is no other.
pub(super) const KEYS_TIME: Duration = Duration::from_secs(10);

/// Largest key set. One key has less than 2 KiB.
pub(super) const KEY_SET_BYTES: usize = 1 << 20;

/// Room made for an answer before any of it has come: an ordinary pod fits, and a length that is only announced costs
/// nothing.
pub(super) const ROOM_AT_FIRST: usize = 64 << 10;

/// Of the body of a refusal, and the time for it: it only adds words to a status that is already known.
pub(super) const REFUSAL_BYTES: usize = 16 << 10;
pub(super) const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// Of the server's words that are passed on.
pub(super) const QUOTED_CHARS: usize = 512;

/// Largest kubeconfig, certificate or token file.
pub(super) const FILE_BYTES: u64 = 4 << 20;

/// Files that changed less than this ago may change again without a new time stamp.
pub(super) const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// Before the second look at files that could not be read or used: they may be in the middle of a replacement.
pub(super) const SECOND_LOOK_AFTER: Duration = Duration::from_millis(50);

/// For one run of an exec plugin. It serves all that wait, so no caller's time bounds it.
pub(super) const EXEC_TIME: Duration = Duration::from_secs(30);

/// For a plugin to end once it is killed. What takes longer cannot be killed.
pub(super) const EXEC_KILL_TIME: Duration = Duration::from_secs(1);

/// Children of a cluster at a time: normally one, but what cannot be killed stays, and a plugin that hangs holds up no
/// other that takes its place.
pub(super) const EXEC_CHILDREN: usize = 8;

/// How often those who wait for a plugin look whether it is still the one to ask.
pub(super) const EXEC_LOOK_PAUSE: Duration = Duration::from_millis(200);

/// What a plugin may write: a token, a chain of certificates and a key take a few KiB.
pub(super) const EXEC_OUTPUT_BYTES: usize = 256 << 10;

/// A plugin's answer is renewed this long before it expires, so that nobody has to wait for the plugin.
pub(super) const EXEC_RENEWED_BEFORE: Duration = Duration::from_mins(1);

/// Between the end of a run and the next: answers that have expired already, or that are refused, must not become a load.
pub(super) const EXEC_PAUSE: Duration = Duration::from_secs(1);

/// Checks of one cluster at a time: one that hangs must not keep the next from telling so, and many cost connections.
pub(super) const CHECKS: usize = 4;
