//! One request and its answer.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::header::DATE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as _, Incoming};

use crate::api::{Target, answer};
use crate::connection::Peer;
use crate::fault::{FLUSH, Interrupted, ReplyBody, send};
use crate::live::Live;
use crate::reply::{Reply, generic_failure};
use crate::shared::Shared;

/// What kube-apiserver takes of a request's body.
const MAX_BODY: usize = 3 * 1024 * 1024;

/// Answers one request: the truth, then what the world's script makes of it, then the fault.
pub(crate) async fn exchange(
    shared: &Shared,
    peer: &Arc<Peer>,
    request: Request<Incoming>,
) -> Result<Response<ReplyBody>, Interrupted> {
    let live = shared.live();
    let (head, body) = request.into_parts();
    let target = Target::of(head.uri.path());
    let call = target.call();
    let _in_flight = shared.tally.request(call, peer);

    let truth = match read(body).await {
        Some(body) => answer(&live, peer.presented, &head, target, &body),
        None => generic_failure(StatusCode::PAYLOAD_TOO_LARGE),
    };
    let truth = dated(truth, &live);
    let script = call.and_then(|call| live.next_answer(call));
    let latency = Duration::from_millis(live.world.latency_ms);
    let delay = script.map_or(latency, |script| latency + script.delay());
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if let Some(mode) = script.and_then(|script| script.listener_after) {
        shared.receive_as(mode).await;
        peer.wind_down();
        tokio::time::sleep(FLUSH).await;
    }
    match script {
        None => send(peer, truth, None).await,
        Some(script) => send(peer, script.apply(truth), script.fault).await,
    }
}

/// With the time of the server's clock, where that is not this machine's, which hyper writes.
fn dated(reply: Reply, live: &Live) -> Reply {
    let seconds = u64::try_from(live.world.now()).unwrap_or_default();
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
    match HeaderValue::from_str(&date) {
        Ok(date) if live.world.clock_ahead_s != 0 => reply.with(DATE, date),
        _ => reply,
    }
}

async fn read(body: Incoming) -> Option<Bytes> {
    if body.is_end_stream() {
        return Some(Bytes::new());
    }
    Some(Limited::new(body, MAX_BODY).collect().await.ok()?.to_bytes())
}
