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

/// HTTP/2 pings, and how long their answer may take: without them every request on a black-holed connection times out.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(10);

/// TCP probes, for HTTP/1.1, which has no pings.
pub(super) const TCP_KEEPALIVE: Duration = Duration::from_secs(15);

/// Streams on one HTTP/2 connection: kube-apiserver refuses what exceeds 100.
pub(super) const STREAMS_PER_CONNECTION: usize = 90;

/// HTTP/2 connections of a cluster: 64 attestations of three calls are 192 streams, and two connections already halve
/// the latency of one under load.
pub(super) const H2_CONNECTIONS: usize = 4;

/// HTTP/1.1 connections that wait for a request.
pub(super) const H1_IDLE: usize = 16;

/// HTTP/1.1 connections that may be opened at the same time.
pub(super) const H1_ATTEMPTS: usize = 16;

/// Further connections are not tried again before this, once one failed while others live.
pub(super) const GROWTH_PAUSE: Duration = Duration::from_secs(1);

/// Connections that a request may find closed before it was sent. More in a row are no coincidence.
pub(super) const UNSENT_TRIES: u32 = 3;

/// HTTP/2 windows, of a stream and of a connection: an answer never waits for a window update.
pub(super) const STREAM_WINDOW: u32 = 1 << 20;
pub(super) const CONNECTION_WINDOW: u32 = 4 << 20;

/// Largest answer. etcd's objects are below 2 MiB.
pub(super) const ANSWER_BYTES: usize = 4 << 20;

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

/// Checks of one cluster at a time: one that hangs must not keep the next from telling so, and many cost connections.
pub(super) const CHECKS: usize = 4;
