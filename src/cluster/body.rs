//! How much of a body is read, and what of a refusal's body is passed on.
//!
//! Nothing that a server writes is quoted, but for the message of a `Status` in which no part of a credential stands.

use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Body;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::api::CallErrorKind;
use super::error::Fault;
use super::headers::retry_after;
use super::lease::Answer;
use super::limits::{ANSWER_BYTES, QUOTED_CHARS, REFUSAL_BYTES, REFUSAL_TIME, ROOM_AT_FIRST};
use super::retry::Chance;
use super::secret::Secrets;

/// Reads the body of an answer to its end.
pub(super) async fn collect(body: Answer) -> Result<Zeroizing<Vec<u8>>, Fault> {
    collect_up_to(ANSWER_BYTES, body).await
}

/// What is larger than the limit is given up as soon as that is known.
pub(super) async fn collect_up_to(
    limit: usize,
    mut body: impl Body<Data = Bytes, Error = hyper::Error> + Unpin,
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let too_large = || Fault::BadAnswer(format!("the answer is larger than {} KiB", limit >> 10));
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(too_large());
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(announced.min(ROOM_AT_FIRST)));
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&data);
    }
    // hyper takes a goodbye without an error, in the middle of a body, for its end.
    if bytes.len() < announced {
        return Err(Fault::CutShort { read: bytes.len(), announced });
    }
    Ok(bytes)
}

/// The failure that an answer other than success stands for, with the server's words where they can be quoted. The body
/// gets `time` at most: the status is known without it.
pub(super) async fn refusal(
    answer: Response<Answer>,
    is_get: bool,
    secrets: &[&str],
    time: Duration,
) -> Fault {
    let (Parts { status, headers, .. }, body) = answer.into_parts();
    let kind = match status {
        StatusCode::UNAUTHORIZED => CallErrorKind::Unauthenticated,
        StatusCode::FORBIDDEN => CallErrorKind::Forbidden,
        StatusCode::NOT_FOUND if is_get => CallErrorKind::NotFound,
        StatusCode::TOO_MANY_REQUESTS => CallErrorKind::Throttled,
        _ => CallErrorKind::Status,
    };
    let chance = match status {
        StatusCode::UNAUTHORIZED => Chance::OtherCredentials,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            Chance::Later(retry_after(&headers).unwrap_or_default())
        }
        _ => Chance::None,
    };
    let time = time.min(REFUSAL_TIME);
    let body = tokio::time::timeout(time, collect_up_to(REFUSAL_BYTES, body)).await;
    let body = body.ok().and_then(Result::ok);
    let words = body.as_deref().and_then(|body| status_message(body));
    let quoted = words.and_then(|words| quotable(&words, secrets)).map(|words| format!(": {words}"));
    let text = format!("answered {}{}", status.as_u16(), quoted.unwrap_or_default());
    Fault::Refused { kind, text, chance }
}

/// `message` of a `metav1.Status`. A proxy or a server under load may send anything else.
fn status_message(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Status {
        kind: String,
        message: String,
    }
    let status: Status = serde_json::from_slice(body).ok()?;
    (status.kind == "Status" && !status.message.is_empty()).then_some(status.message)
}

/// The words, cut to a length, unless a part of a secret stands in them.
fn quotable(words: &str, secrets: &[&str]) -> Option<String> {
    let cut: String =
        words.chars().take(QUOTED_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    (!Secrets::strictly(secrets.iter().copied()).stand_in(words)).then_some(cut)
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use hyper::body::{Frame, SizeHint};

    use super::*;

    /// Announces ten bytes, and ends after these.
    struct Announced(Option<&'static [u8]>);

    impl Body for Announced {
        type Data = Bytes;
        type Error = hyper::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
            Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(Bytes::from_static(bytes)))))
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(10)
        }
    }

    #[tokio::test]
    async fn a_body_that_ends_before_its_announced_end_is_cut_short() {
        assert_eq!(*collect_up_to(10, Announced(Some(b"0123456789"))).await.unwrap(), b"0123456789");
        for body in [Announced(None), Announced(Some(b"01234"))] {
            let fault = collect_up_to(10, body).await.unwrap_err();
            assert!(matches!(fault, Fault::CutShort { announced: 10, .. }), "{fault}");
            assert_eq!(fault.chance(), Chance::Later(Duration::ZERO));
        }
    }
}
