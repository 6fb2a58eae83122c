//! Questions beside those of an attestation: put once, with the same credentials, within the same time.

use rustls_pki_types::CertificateDer;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::super::error::{Fault, Phase};
use super::super::limits::{ANSWER_BYTES, ASIDE_SHARE, ASIDE_TIME, QUOTED_CHARS};
use super::super::request::Question;
use super::super::session::Session;
use super::super::{headers, inquiry};
use super::certificate::{self, Certificate};

/// What a question was answered with.
pub(super) struct Heard {
    /// Seconds that the server's clock is ahead of this machine's; negative if it is behind.
    pub(super) clock_ahead: Option<i64>,
    /// The body of a success, or the refusal.
    pub(super) answer: Result<Zeroizing<Vec<u8>>, Fault>,
}

impl Session {
    /// When a question has to be over that decides nothing.
    pub(super) fn a_moment(&self) -> Instant {
        let now = Instant::now();
        let share = self.deadline.saturating_duration_since(now) / ASIDE_SHARE;
        self.end_of_a_try().min(now + share.min(ASIDE_TIME))
    }

    /// Puts a question, which has time `until` then.
    pub(super) async fn probe(&self, question: &Question, until: Instant) -> Result<Heard, Fault> {
        if until <= Instant::now() {
            return Err(Fault::TimeRanOut(Phase::Unasked));
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

    /// A name from the server, if it can be shown as it is: not too long, on one line, and without a credential.
    pub(super) fn shown(&self, name: &str) -> Option<String> {
        let whole = name.chars().take(QUOTED_CHARS + 1).count() <= QUOTED_CHARS;
        let fit = whole && !name.is_empty() && !name.contains(char::is_control) && !self.gives_away(name);
        fit.then(|| name.to_owned())
    }

    /// A certificate that the server shows, as far as it can be shown.
    pub(super) fn shown_certificate(&self, chain: &[CertificateDer<'_>]) -> Option<Certificate> {
        let certificate = chain.first().and_then(Certificate::read)?;
        let safe = certificate.texts().all(|text| !self.gives_away(text));
        safe.then_some(certificate)
    }
}
