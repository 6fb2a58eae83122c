//! The right to send one request, from the pool to the last byte of the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::{TrySendError, http1, http2};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::connection::RequestBody;
use super::error::Fault;
use super::limits::{ABANDONED_BYTES, ABANDONED_TIME};
use super::pool::Taken;
use super::transport::Transport;

/// A stream or a connection for one request. Dropped, it is free for the next.
pub(super) struct Lease {
    transport: Arc<Transport>,
    id: u64,
    sender: Sender,
    turn: Option<OwnedSemaphorePermit>,
}

enum Sender {
    H2(http2::SendRequest<RequestBody>),
    /// With whether nothing is under way on it.
    H1(Option<http1::SendRequest<RequestBody>>, bool),
}

impl Lease {
    pub(super) fn new(transport: Arc<Transport>, taken: Taken) -> Self {
        let (id, sender) = match taken {
            Taken::H2(id, sender) => (id, Sender::H2(sender)),
            Taken::H1(id, sender) => (id, Sender::H1(Some(sender), true)),
        };
        Self { transport, id, sender, turn: None }
    }

    /// Holds this turn as long as the server may be at the request, whether or not somebody waits for the answer.
    pub(super) fn holding(mut self, turn: OwnedSemaphorePermit) -> Self {
        self.turn = Some(turn);
        self
    }

    /// Whether requests are to be written for HTTP/2.
    pub(super) fn is_h2(&self) -> bool {
        matches!(self.sender, Sender::H2(_))
    }

    /// Sends the request. The lease ends with the answer's body.
    pub(super) async fn send(self, request: Request<RequestBody>) -> Result<Response<Answer>, Fault> {
        let (lease, response) = self.exchange(request).await?;
        // What stands in front of the API server may have a clock of its own, and answers when something is wrong.
        if response.status().is_success() {
            lease.transport.observe_clock(response.headers());
        }
        Ok(response.map(|body| Answer(Some((lease, body)))))
    }

    async fn exchange(mut self, request: Request<RequestBody>) -> Result<(Self, Response<Incoming>), Fault> {
        match &mut self.sender {
            Sender::H2(sender) => {
                let head = Box::pin(sender.try_send_request(request));
                let (lease, outcome) = UnderWay(Some((self, head))).head().await;
                if let Err(Fault::Unprocessed { source }) = &outcome
                    && source.ends_the_connection()
                {
                    lease.transport.retire(lease.id);
                }
                Ok((lease, outcome?))
            }
            Sender::H1(Some(sender), is_idle) => {
                *is_idle = false;
                // It may still be on its way back from the answer before; a closed one shows when sending.
                let _ = sender.ready().await;
                let response = sender.try_send_request(request).await.map_err(without_answer)?;
                Ok((self, response))
            }
            Sender::H1(None, _) => unreachable!("the sender is taken out by drop alone"),
        }
    }

    /// The answer has been read to its end.
    fn finished(mut self) {
        if let Sender::H1(_, is_idle) = &mut self.sender {
            *is_idle = true;
        }
    }

    /// Nobody waits for the rest of the answer any more. On HTTP/2 it is not reset at once, but has a moment to end by
    /// itself: servers take streams that are opened and reset in masses for an attack, and end the connection for all.
    fn abandon(self, rest: impl Future<Output = ()> + Send + 'static) {
        // Where the runtime is gone, so are its connections.
        if self.is_h2()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move {
                let _ = timeout(ABANDONED_TIME, rest).await;
                drop(self);
            });
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        match &mut self.sender {
            Sender::H2(_) => self.transport.stream_ended(self.id),
            Sender::H1(sender, is_idle) => {
                // One that is not given back is closed, and that is a change of its own.
                if let Some(sender) = sender.take().filter(|sender| *is_idle && !sender.is_closed()) {
                    self.transport.give_back(self.id, sender);
                }
            }
        }
    }
}

type Head = Pin<Box<dyn Future<Output = SendOutcome> + Send>>;
type SendOutcome = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>;

/// A request on a stream of HTTP/2 whose answer has not begun.
struct UnderWay(Option<(Lease, Head)>);

impl UnderWay {
    async fn head(mut self) -> (Lease, Result<Response<Incoming>, Fault>) {
        let there = "it is taken out below and by drop alone";
        let outcome = self.0.as_mut().expect(there).1.as_mut().await;
        let (lease, _) = self.0.take().expect(there);
        (lease, outcome.map_err(without_answer))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some((lease, head)) = self.0.take() {
            lease.abandon(async {
                if let Ok(response) = head.await {
                    read_away(response.into_body()).await;
                }
            });
        }
    }
}

/// The body of an answer. With its end, or dropped before, it ends the lease.
pub(super) struct Answer(Option<(Lease, Incoming)>);

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some((_, body)) = &mut self.0 else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if frame.is_none()
            && let Some((lease, _)) = self.0.take()
        {
            lease.finished();
        }
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), |(_, body)| body.size_hint())
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some((lease, body)) = self.0.take() {
            lease.abandon(read_away(body));
        }
    }
}

/// Reads an answer that nobody wants, unless it is long.
async fn read_away(mut body: Incoming) {
    let mut left = ABANDONED_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let read = frame.data_ref().map_or(0, Bytes::len);
        let Some(rest) = left.checked_sub(read) else { return };
        left = rest;
    }
}

/// What is handed back with the error was certainly not sent.
fn without_answer(mut error: TrySendError<Request<RequestBody>>) -> Fault {
    let unsent = error.take_message().is_some();
    Fault::without_answer(error.into_error(), unsent)
}
