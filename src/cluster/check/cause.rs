//! From a failure to its cause and its remedy: the one place, for `check` and for `explain`.

use http::uri::Scheme;
use tokio::time::timeout_at;

use super::super::api::{Advice, Advisor, CallError, CallErrorKind};
use super::super::credentials::{Access, Source};
use super::super::error::{Fault, Phase};
use super::super::session::Session;
use super::certificate::now;
use super::own::{Own, Proof, Standing};
use super::trust::bad_certificate;
use super::unavailable::unavailable;
use super::user::nobody;
use super::way::{Trouble, shown_certificates};
use crate::outcome::cause_chain;

/// What a kubeconfig without a credential needs.
pub(super) const NO_CREDENTIAL: &str = "Give the kubeconfig's user a client certificate or a token.";

/// What is behind a failure, where more is known than the failure says.
pub(super) struct Insight {
    cause: Option<String>,
    pub(super) remedy: String,
}

impl Insight {
    pub(super) fn new(cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), remedy: remedy.into() }
    }

    /// The failure speaks for itself.
    pub(super) fn remedy(remedy: impl Into<String>) -> Self {
        Self { cause: None, remedy: remedy.into() }
    }

    fn of_kind(kind: CallErrorKind) -> Self {
        Self::remedy(sentence(kind))
    }

    /// What answers may speak TLS alone.
    fn of_answer(kind: CallErrorKind, access: &Access, source: &Source) -> Self {
        if access.server.scheme != Scheme::HTTP {
            return Self::of_kind(kind);
        }
        let setting = server_setting(source);
        Self::remedy(format!("Let {setting} begin with https://, as API servers take no plain http."))
    }
}

/// What to do about a failure of this kind, where no more is known. It stands beside the cause.
pub(super) fn sentence(kind: CallErrorKind) -> &'static str {
    match kind {
        CallErrorKind::CredentialsUnavailable => "Correct the file or the command that is named.",
        CallErrorKind::Unreachable => {
            "Check address, network and TLS of the API server, and what stands between."
        }
        CallErrorKind::NotFound | CallErrorKind::Status => {
            "Look at the log of the API server, and at what stands in front of it: such an answer is seldom its own."
        }
        other => other.reason().row().remedy,
    }
}

/// What a call failed of.
pub(super) fn beneath(error: &CallError) -> Option<&Fault> {
    error.source.as_deref()?.downcast_ref()
}

impl Advisor for Session {
    async fn advise(&self, error: &CallError) -> Advice {
        let Some(fault) = beneath(error) else {
            return Advice { cause: cause_chain(error), remedy: sentence(error.kind).to_owned() };
        };
        self.advise_on(fault, &format!("{}: {}", error.attempted, cause_chain(fault))).await
    }
}

impl Session {
    /// Advice on a failure; `attempted` is what was tried, and how it ended.
    pub(super) async fn advise_on(&self, fault: &Fault, attempted: &str) -> Advice {
        let insight = timeout_at(self.end_of_a_try(), self.insight(fault)).await;
        let Insight { cause, remedy } = insight.unwrap_or_else(|_| Insight::of_kind(fault.kind()));
        let cause = cause.map_or_else(|| attempted.to_owned(), |cause| format!("{cause}: {attempted}"));
        Advice { cause, remedy }
    }

    async fn insight(&self, fault: &Fault) -> Insight {
        let source = self.cluster.credentials.source();
        match fault.kind() {
            CallErrorKind::CredentialsUnavailable => unavailable(fault, source, &self.cluster.name),
            CallErrorKind::Unreachable => match self.look().await {
                Ok(access) => self.unreachable(fault, &access, source).await,
                Err(_) => Insight::of_kind(fault.kind()),
            },
            CallErrorKind::Unauthenticated => match self.look().await {
                Ok(access) => unauthenticated(&Own::of(&access, source)),
                Err(_) => Insight::of_kind(fault.kind()),
            },
            CallErrorKind::Forbidden => match self.look().await {
                Ok(access) => self.forbidden(fault, &Own::of(&access, source)).await,
                Err(_) => Insight::of_kind(fault.kind()),
            },
            CallErrorKind::DeadlineExceeded => late(fault),
            kind => match self.look().await {
                Ok(access) => Insight::of_answer(kind, &access, source),
                Err(_) => Insight::of_kind(kind),
            },
        }
    }

    async fn forbidden(&self, fault: &Fault, own: &Own) -> Insight {
        let user = self.whoami().await.or_else(|| fault.refused_user().map(str::to_owned));
        if let (None, Some(other)) = (&user, own.impersonated()) {
            return may_not_impersonate(own, other);
        }
        if let Some(insight) = nobody(user.as_deref(), own, self.cluster.credentials.source()) {
            return insight;
        }
        let user = user.as_deref().or(own.user());
        let remedy = self.grant(user).await;
        match user {
            Some(user) => Insight::new(format!("the API server does not permit it to {user}"), remedy),
            None => Insight::remedy(remedy),
        }
    }

    async fn unreachable(&self, fault: &Fault, access: &Access, source: &Source) -> Insight {
        let authority = &access.server.authority;
        let setting = server_setting(source);
        match Trouble::of(fault) {
            Trouble::Proxy(trouble) => behind_a_proxy(&trouble, access, source),
            Trouble::Lookup => Insight::new(
                format!("the name {} cannot be looked up", access.server.host()),
                format!("Correct {setting}, or this machine's name service."),
            ),
            Trouble::Refused => Insight::new(
                format!("nothing listens at {authority}"),
                format!("Start the API server, or correct {setting}."),
            ),
            Trouble::NoAnswer => Insight::new(
                format!("nobody answers at {authority}"),
                format!("Check routes and firewalls between here and there, or correct {setting}."),
            ),
            Trouble::NotTls => Insight::new(
                format!("what answers at {authority} does not speak TLS"),
                format!("Correct {setting}: it is not the API server's secure port."),
            ),
            Trouble::Certificate(error) => {
                let shown = shown_certificates(access, self.end_of_a_try()).await;
                let shown = self.shown_certificate(&shown);
                bad_certificate(error, shown.as_ref(), access, source)
            }
            Trouble::Alert(alert) => refused_by_server(&alert, &Own::of(access, source)),
            Trouble::Tls | Trouble::Other => Insight::of_answer(fault.kind(), access, source),
        }
    }
}

/// Where the address is to be corrected.
pub(super) fn server_setting(source: &Source) -> String {
    match source {
        Source::Kubeconfig(path) => format!("`server` in kubeconfig {}", path.display()),
        Source::InCluster(_) => "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT".to_owned(),
    }
}

fn behind_a_proxy(trouble: &Trouble<'_>, access: &Access, source: &Source) -> Insight {
    let proxy = access.proxy.as_ref().map(ToString::to_string).unwrap_or_default();
    let setting = proxy_setting(source);
    match trouble {
        Trouble::Lookup => Insight::new(
            format!("the name of the proxy {proxy} cannot be looked up"),
            format!("Correct {setting}, or this machine's name service."),
        ),
        Trouble::Refused => Insight::new(
            format!("nothing listens at the proxy's address, {proxy}"),
            format!("Start the proxy, or correct {setting}."),
        ),
        Trouble::NoAnswer => Insight::new(
            format!("nobody answers at the proxy's address, {proxy}"),
            format!("Check routes and firewalls between here and the proxy, or correct {setting}."),
        ),
        _ => Insight::new(
            "the way to the API server leads through a proxy, which does not let it pass",
            format!("Correct {setting}, or let the proxy connect to {}.", access.server.authority),
        ),
    }
}

/// Where the proxy is to be corrected.
fn proxy_setting(source: &Source) -> String {
    const ENVIRONMENT: &str = "HTTPS_PROXY and NO_PROXY in the environment";
    match source {
        Source::Kubeconfig(path) => format!("`proxy-url` in kubeconfig {} or {ENVIRONMENT}", path.display()),
        Source::InCluster(_) => ENVIRONMENT.to_owned(),
    }
}

fn unauthenticated(own: &Own) -> Insight {
    if let Some((proof, standing)) = own.useless(now()) {
        return untimely(proof, standing);
    }
    match own.proofs.first() {
        Some(proof) => Insight::new(
            format!("the API server does not accept the {}", own.describe()),
            format!("It is of another cluster, or was revoked. {}", proof.renewal()),
        ),
        None => Insight::new("no credential is configured", NO_CREDENTIAL),
    }
}

/// The server let neither the call pass nor the question who asks: most likely nobody may ask as another here.
fn may_not_impersonate(own: &Own, other: &str) -> Insight {
    let user = own.user().unwrap_or("the credential's user");
    Insight::new(
        format!("{user} may not ask as {other}, or {other} may not ask this"),
        format!(
            "Grant {user} the verb impersonate on users (and on groups, uids and userextras, as far as the kubeconfig \
             names some), or remove `as` from the kubeconfig."
        ),
    )
}

fn untimely(proof: &Proof, standing: Standing) -> Insight {
    Insight::new(format!("the {} {standing}", proof.name()), proof.renewal())
}

fn refused_by_server(alert: &str, own: &Own) -> Insight {
    if let Some((proof, standing)) = own.useless(now()) {
        return untimely(proof, standing);
    }
    Insight::new(
        format!("the server broke TLS off ({alert}), having been shown {}", own.describe()),
        "Check that the API server accepts this client certificate, and what stands between.",
    )
}

fn late(fault: &Fault) -> Insight {
    let Fault::TimeRanOut(phase) = fault else { return Insight::of_kind(fault.kind()) };
    Insight::remedy(match phase {
        Phase::Unasked => "Allow more time, with `timeout_ms`.",
        Phase::Credentials => "Look for a file system that hangs, or allow more time with `timeout_ms`.",
        Phase::Connection => {
            "Check routes and firewalls on the way to the API server, and whether it is overloaded."
        }
        Phase::Answer | Phase::Body => {
            "Look at the API server's latency; raise `call_timeout_ms` and `attest_timeout_ms` if it is known to be \
             slow."
        }
    })
}
