//! How an answer breaks on its way out.

use std::collections::VecDeque;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame};
use tokio::time::{Sleep, sleep};

use crate::answer::Fault;
use crate::connection::{Ending, Peer};
use crate::reply::Reply;

/// The body of every answer.
pub(crate) type ReplyBody = Either<Full<Bytes>, Steps>;

/// Why a stream ends without an answer. On h2 it becomes `RST_STREAM`.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the answer was interrupted on purpose")
    }
}

impl std::error::Error for Interrupted {}

/// Time for what was written to reach the client before something else happens to the connection.
pub(crate) const FLUSH: Duration = Duration::from_millis(30);
const DRIP: Duration = Duration::from_millis(100);
const BIG: usize = 10_000_000;
const PADDING: Bytes = Bytes::from_static(&[b' '; 65_536]);

/// GOAWAY: 8 bytes of payload, last stream 0, `NO_ERROR`.
const GOAWAY_NOTHING_PROCESSED: &[u8] = &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// As a frame of h2 it would be longer than any may be.
const NOT_HTTP: &[u8] = b"\xff\xff\xff this is neither HTTP/1.1 nor h2 \xff\xfe\r\n\r\n";

/// Sends an answer, broken or not.
pub(crate) async fn send(
    peer: &Arc<Peer>,
    reply: Reply,
    fault: Option<Fault>,
) -> Result<Response<ReplyBody>, Interrupted> {
    let Some(fault) = fault else {
        return Ok(reply.into_response(whole));
    };
    match fault {
        Fault::HangBeforeHeaders => pending().await,
        Fault::ResetBeforeHeaders if peer.is_h2() => Err(Interrupted),
        Fault::ResetBeforeHeaders => peer.end(Ending::Reset).await,
        Fault::Garbage => peer.end(Ending::Say(NOT_HTTP)).await,
        Fault::GoawayUnprocessed if peer.is_h2() => peer.end(Ending::Say(GOAWAY_NOTHING_PROCESSED)).await,
        Fault::CloseBeforeHeaders | Fault::GoawayUnprocessed => peer.end(Ending::Close).await,
        Fault::BlackHole => peer.end(Ending::FallSilent).await,
        Fault::Goaway => {
            peer.wind_down();
            Ok(reply.into_response(whole))
        }
        Fault::BigBody => Ok(big(reply)),
        Fault::HangInBody | Fault::ResetInBody | Fault::TruncatedBody | Fault::SlowDrip => {
            Ok(reply.into_response(|body| Either::Right(Steps::new(peer, steps(fault, peer, &body)))))
        }
    }
}

fn whole(body: Bytes) -> ReplyBody {
    Either::Left(Full::new(body))
}

fn big(mut reply: Reply) -> Response<ReplyBody> {
    let mut padded = Vec::with_capacity(BIG + PADDING.len());
    padded.extend_from_slice(&reply.body);
    while padded.len() < BIG {
        padded.extend_from_slice(&PADDING);
    }
    reply.body = padded.into();
    reply.into_response(whole)
}

fn steps(fault: Fault, peer: &Peer, body: &Bytes) -> VecDeque<Step> {
    let half = Step::Data(body.slice(..body.len() / 2));
    let last = match fault {
        Fault::SlowDrip => {
            let drop = |index| [Step::Data(body.slice(index..=index)), Step::Wait(DRIP)];
            return (0..body.len()).flat_map(drop).collect();
        }
        Fault::ResetInBody if peer.is_h2() => Step::Fail,
        Fault::ResetInBody => Step::End(Ending::Reset),
        Fault::TruncatedBody if peer.is_h2() => return [half].into(),
        Fault::TruncatedBody => Step::End(Ending::Say(b"")),
        _ => return [half, Step::Hang].into(),
    };
    [half, Step::Wait(FLUSH), last].into()
}

enum Step {
    Data(Bytes),
    Wait(Duration),
    Fail,
    End(Ending),
    Hang,
}

/// A body that is sent step by step.
pub(crate) struct Steps {
    peer: Arc<Peer>,
    left: VecDeque<Step>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Steps {
    fn new(peer: &Arc<Peer>, steps: VecDeque<Step>) -> Steps {
        Steps { peer: Arc::clone(peer), left: steps, timer: None }
    }
}

impl Body for Steps {
    type Data = Bytes;
    type Error = Interrupted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Interrupted>>> {
        loop {
            if let Some(timer) = &mut self.timer {
                std::task::ready!(timer.as_mut().poll(context));
                self.timer = None;
            }
            match self.left.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Data(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Some(Step::Wait(duration)) => self.timer = Some(Box::pin(sleep(duration))),
                Some(Step::Fail) => return Poll::Ready(Some(Err(Interrupted))),
                Some(Step::End(ending)) => {
                    self.peer.request(ending);
                    self.left.push_front(Step::Hang);
                }
                Some(Step::Hang) => {
                    // Nothing wakes this body: it goes away together with its stream.
                    self.left.push_front(Step::Hang);
                    return Poll::Pending;
                }
            }
        }
    }
}
