//! A question beside those of an attestation: put once, with credentials at hand.

use http::{HeaderMap, Response};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::body;
use super::credentials::Access;
use super::error::Fault;
use super::lease::Answer;
use super::limits::PROBE_TRIES;
use super::request::Question;

/// What a question was answered with.
pub(super) struct Heard {
    pub(super) headers: HeaderMap,
    /// The body of a success, or the refusal.
    pub(super) answer: Result<Zeroizing<Vec<u8>>, Fault>,
}

/// Puts a question. `answered` gets the status as soon as it is there; the body may have `limit` bytes. Beside the
/// credentials' own secrets, `secret` is not quoted from a refusal. The caller bounds the time, by `until`.
pub(super) async fn put(
    question: &Question,
    access: &Access,
    secret: &str,
    limit: usize,
    until: Instant,
    answered: &mut Option<u16>,
) -> Result<Heard, Fault> {
    let response = send(access, question).await?;
    let status = response.status();
    *answered = Some(status.as_u16());
    if !status.is_success() {
        let headers = response.headers().clone();
        let secrets: Vec<&str> = access.secrets().chain([secret]).collect();
        // Its body may take half of what is left, so that the status is told in time.
        let time = until.saturating_duration_since(Instant::now()) / 2;
        let fault = body::refusal(response, question.is_get(), &secrets, time).await;
        return Ok(Heard { headers, answer: Err(fault) });
    }
    let (head, body) = response.into_parts();
    let answer = body::collect_up_to(limit, body).await?;
    Ok(Heard { headers: head.headers, answer: Ok(answer) })
}

/// Sends the question. What the pool has may turn out to be closed, and all questions here may be repeated.
async fn send(access: &Access, question: &Question) -> Result<Response<Answer>, Fault> {
    let mut failures = 0;
    loop {
        let lease = access.transport.lease().await?;
        let request = question.request(access, lease.is_h2())?;
        match lease.send(request).await {
            Err(_) if failures < PROBE_TRIES - 1 => failures += 1,
            outcome => return outcome,
        }
    }
}
