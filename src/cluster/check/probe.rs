//! Questions beside those of an attestation: put once, with the same credentials, within the same time.

use rustls_pki_types::CertificateDer;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::super::error::{Fault, Phase};
use super::super::limits::{ANSWER_BYTES, QUOTED_CHARS};
use super::super::request::Question;
use super::super::session::Session;
use super::super::{headers, inquiry, nulls};
use super::certificate::{self, Certificate};

/// What a question was answered with.
pub(super) struct Heard {
    /// Seconds that the server's clock is ahead of this machine's; negative if it is behind.
    pub(super) clock_ahead: Option<i64>,
    /// The body of a success, or the refusal.
    pub(super) answer: Result<Zeroizing<Vec<u8>>, Fault>,
}

impl Session {
    /// Puts a question.
    pub(super) async fn probe(&self, question: &Question) -> Result<Heard, Fault> {
        let until = self.end_of_a_try();
        if until <= Instant::now() {
            return Err(Fault::TimeRanOut(Phase::Credentials));
        }
        let mut status = None;
        let heard = timeout_at(until, self.put(question, until, &mut status)).await;
        self.cluster.telemetry.probe_ended(status);
        heard.unwrap_or(Err(Fault::TimeRanOut(if status.is_some() { Phase::Body } else { Phase::Answer })))
    }

    async fn put(
        &self,
        question: &Question,
        until: Instant,
        answered: &mut Option<u16>,
    ) -> Result<Heard, Fault> {
        let access = self.look().await?;
        let heard =
            inquiry::put(question, &access, self.token.expose(), ANSWER_BYTES, until, answered).await?;
        let date = headers::date(&heard.headers);
        let clock_ahead = date.map(|date| date.as_second() - certificate::now().as_second());
        Ok(Heard { clock_ahead, answer: heard.answer })
    }

    /// Text from the server as it can be shown: cut to a length, on one line, and without a credential.
    pub(super) fn shown(&self, text: &str) -> Option<String> {
        let cut = text.chars().take(QUOTED_CHARS).map(|c| if c.is_control() { ' ' } else { c });
        let cut: String = cut.collect();
        (!cut.is_empty() && !self.holds_secret(&cut)).then_some(cut)
    }

    /// A certificate that the server shows, as far as it can be shown.
    pub(super) fn shown_certificate(&self, chain: &[CertificateDer<'_>]) -> Option<Certificate> {
        let certificate = chain.first().and_then(Certificate::read)?;
        let safe = certificate.texts().all(|text| !self.holds_secret(text));
        safe.then_some(certificate)
    }

    /// Who the server takes this credential for. Every user may ask that by default, from Kubernetes 1.28 on.
    pub(super) async fn whoami(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Review {
            status: Status,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Status {
            user_info: User,
        }
        #[derive(Deserialize)]
        struct User {
            #[serde(default, deserialize_with = "nulls::value")]
            username: String,
        }
        let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let question = Question::review("/apis/authentication.k8s.io/v1/selfsubjectreviews", &body);
        let answer = self.probe(&question).await.ok()?.answer.ok()?;
        let review: Review = serde_json::from_slice(&answer).ok()?;
        self.shown(&review.status.user_info.username)
    }
}
