//! From a failure to its cause and its remedy: the one place, for `check` and for `explain`.

use rustls::CertificateError;
use tokio::time::timeout_at;

use super::super::api::{Advice, Advisor, CallError, CallErrorKind};
use super::super::credentials::{Access, Source};
use super::super::error::{Fault, Phase};
use super::super::session::Session;
use super::super::settings::Trust;
use super::certificate::{Certificate, now};
use super::manifest;
use super::own::{Own, Standing};
use super::way::{Trouble, shown_certificates};
use crate::outcome::cause_chain;
use crate::step::with_block;

/// What is behind a failure, where more is known than the failure says.
struct Insight {
    cause: Option<String>,
    remedy: String,
}

impl Insight {
    fn new(cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), remedy: remedy.into() }
    }

    /// The failure speaks for itself.
    fn remedy(remedy: impl Into<String>) -> Self {
        Self { cause: None, remedy: remedy.into() }
    }

    fn of_kind(kind: CallErrorKind) -> Self {
        Self::remedy(kind.reason().row().remedy)
    }
}

impl Advisor for Session {
    async fn advise(&self, error: &CallError) -> Advice {
        let Some(fault) = error.source.as_deref().and_then(|source| source.downcast_ref::<Fault>()) else {
            return Advice { cause: cause_chain(error), remedy: error.kind.reason().row().remedy.to_owned() };
        };
        self.advise_on(fault, &format!("{}: {}", error.attempted, cause_chain(fault))).await
    }
}

impl Session {
    /// Advice on a failure; `attempted` is what was tried, and how it ended.
    pub(super) async fn advise_on(&self, fault: &Fault, attempted: &str) -> Advice {
        let insight = timeout_at(self.until(), self.insight(fault)).await;
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
            CallErrorKind::Forbidden => {
                let user = self.user().await;
                let remedy = self.grant(user.as_deref());
                match user {
                    Some(user) => {
                        Insight::new(format!("the API server does not permit it to {user}"), remedy)
                    }
                    None => Insight::remedy(remedy),
                }
            }
            CallErrorKind::DeadlineExceeded => late(fault),
            kind => Insight::of_kind(kind),
        }
    }

    /// Who asks: as the server says, or else as the credential does.
    pub(super) async fn user(&self) -> Option<String> {
        if let Some(user) = self.whoami().await {
            return Some(user);
        }
        let access = self.look().await.ok()?;
        Own::of(&access, self.cluster.credentials.source()).user().map(str::to_owned)
    }

    /// How all that attestation asks for is granted.
    pub(super) fn grant(&self, user: Option<&str>) -> String {
        let manifest = manifest::reviewer(user, self.cluster.claims_only);
        with_block("Grant the permissions that attestation needs, with `kubectl apply -f -`", &manifest)
    }

    async fn unreachable(&self, fault: &Fault, access: &Access, source: &Source) -> Insight {
        let authority = &access.server.authority;
        let setting = server_setting(source);
        match Trouble::of(fault) {
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
                let shown = shown_certificates(&access.server, &access.tls, self.until()).await;
                let shown = shown.first().and_then(Certificate::read);
                bad_certificate(error, shown.as_ref(), access, source)
            }
            Trouble::Alert(alert) => refused_by_server(&format!("{alert:?}"), &Own::of(access, source)),
            Trouble::Tls | Trouble::Other => Insight::of_kind(fault.kind()),
        }
    }
}

/// Where the address is to be corrected.
fn server_setting(source: &Source) -> String {
    match source {
        Source::Kubeconfig(path) => format!("`server` in kubeconfig {}", path.display()),
        Source::InCluster(_) => "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT".to_owned(),
    }
}

fn unavailable(fault: &Fault, source: &Source, cluster: &str) -> Insight {
    let setting = format!("clusters.{cluster}.kube_config_file");
    Insight::remedy(match (fault, source) {
        (Fault::Read { path, source: error, .. }, _) => match (error.kind(), source) {
            (std::io::ErrorKind::NotFound, Source::Kubeconfig(kubeconfig)) if path == kubeconfig => {
                format!("Create {}, or correct `{setting}`.", path.display())
            }
            (std::io::ErrorKind::NotFound, Source::Kubeconfig(kubeconfig)) => {
                format!("Create {}, or correct kubeconfig {}.", path.display(), kubeconfig.display())
            }
            (std::io::ErrorKind::NotFound, Source::InCluster(_)) => in_cluster_remedy(&setting),
            (std::io::ErrorKind::PermissionDenied, _) => {
                format!("Let the user that this process runs as read {}.", path.display())
            }
            _ => format!("Make {} a file that can be read.", path.display()),
        },
        (_, Source::Kubeconfig(path)) if !matches!(fault, Fault::NoThread(_)) => {
            format!("Correct kubeconfig {}.", path.display())
        }
        (Fault::InCluster(_), _) => in_cluster_remedy(&setting),
        (Fault::NoThread(_), _) => "Raise the limit on threads of this process.".to_owned(),
        (_, source) => format!("Correct the {source}."),
    })
}

fn in_cluster_remedy(setting: &str) -> String {
    with_block(
        "Run in a pod with its service account's token mounted, or name a kubeconfig",
        &format!("{setting} = \"/path/of/a/kubeconfig\""),
    )
}

fn unauthenticated(own: &Own) -> Insight {
    if let Some((proof, standing)) = own.out_of_time(now()) {
        return Insight::new(format!("the {} {}", proof.name(), out_of_time(standing)), proof.renewal());
    }
    match own.proofs.first() {
        Some(proof) => Insight::new(
            format!("the API server does not accept the {}", own.describe()),
            format!("It is of another cluster, or was revoked. {}", proof.renewal()),
        ),
        None => Insight::new(
            "no credential is configured",
            "Give the kubeconfig's user a client certificate or a token.",
        ),
    }
}

/// How a proof that is of no use stands.
pub(super) fn out_of_time(standing: Standing) -> String {
    match standing {
        Standing::Expired(end) => format!("expired on {end}"),
        Standing::NotYet(begin) => format!("is not valid before {begin}; now is {}", now()),
        Standing::EndsSoon(end) => format!("expires on {end}"),
        Standing::Valid => "is valid".to_owned(),
    }
}

fn refused_by_server(alert: &str, own: &Own) -> Insight {
    if let Some((proof, standing)) = own.out_of_time(now()) {
        return Insight::new(format!("the {} {}", proof.name(), out_of_time(standing)), proof.renewal());
    }
    Insight::new(
        format!("the server broke TLS off ({alert}), having been shown {}", own.describe()),
        "Check that the API server accepts this client certificate, and what stands between.",
    )
}

fn bad_certificate(
    error: &CertificateError,
    shown: Option<&Certificate>,
    access: &Access,
    source: &Source,
) -> Insight {
    match error {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            wrong_name(shown, access, source)
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Insight::new(
            format!(
                "the server's certificate{} expired{}",
                named(shown),
                shown.map(|shown| format!(" on {}", shown.not_after)).unwrap_or_default()
            ),
            "Renew the API server's serving certificate, or correct this machine's clock.",
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Insight::new(
            format!(
                "the server's certificate{} is not valid yet{}",
                named(shown),
                shown.map(|shown| format!(" before {}", shown.not_before)).unwrap_or_default()
            ),
            "Correct this machine's clock, or the API server's serving certificate.",
        ),
        _ => unknown_issuer(shown, access, source),
    }
}

fn wrong_name(shown: Option<&Certificate>, access: &Access, source: &Source) -> Insight {
    let wanted = access.tls.server_name.as_deref().unwrap_or(access.server.host());
    let names = shown.map(|shown| shown.names.join(", ")).filter(|names| !names.is_empty());
    let name = shown.and_then(|shown| shown.names.first());
    Insight::new(
        format!(
            "the server's certificate is not for {wanted}, but for {}",
            names.as_deref().unwrap_or("other names")
        ),
        match (name, source) {
            (Some(name), Source::Kubeconfig(path)) => with_block(
                &format!("In kubeconfig {}, let the cluster have", path.display()),
                &format!("tls-server-name: {name}"),
            ),
            _ => format!("Correct {}, or the API server's serving certificate.", server_setting(source)),
        },
    )
}

fn unknown_issuer(shown: Option<&Certificate>, access: &Access, source: &Source) -> Insight {
    let issuer = shown.map(|shown| format!(", which {} issued", shown.issuer)).unwrap_or_default();
    let (place, remedy) = match source {
        Source::Kubeconfig(path) => (
            "kubeconfig",
            format!(
                "Set `certificate-authority` in kubeconfig {} to the CA that issued the server's certificate{}.",
                path.display(),
                shown.map(|shown| format!(" ({})", shown.issuer)).unwrap_or_default()
            ),
        ),
        Source::InCluster(mount) => {
            ("pod", format!("Check what is mounted at {} and who answers as API server.", mount.display()))
        }
    };
    let trusted = trusted(access).unwrap_or_else(|| format!("system's roots: the {place} names none"));
    Insight::new(
        format!("the server's certificate{}{issuer}, is not vouched for by the {trusted}", named(shown)),
        remedy,
    )
}

/// The CA that vouches for the server, if one is configured.
pub(super) fn trusted(access: &Access) -> Option<String> {
    let Trust::Roots(pem) = &access.tls.trust else { return None };
    let subjects: Vec<String> = Certificate::read_all(pem).into_iter().map(|one| one.subject).collect();
    let file =
        access.files.iter().find(|(what, _)| ["certificate-authority", "CA certificates"].contains(what));
    let place =
        file.map_or("`certificate-authority-data`".to_owned(), |(_, path)| path.display().to_string());
    Some(format!("configured CA ({place}: {})", subjects.join("; ")))
}

fn named(shown: Option<&Certificate>) -> String {
    shown.map(|shown| format!(" {}", shown.subject)).unwrap_or_default()
}

fn late(fault: &Fault) -> Insight {
    let Fault::TimeRanOut(phase) = fault else { return Insight::of_kind(fault.kind()) };
    Insight::remedy(match phase {
        Phase::Credentials => "Look for a file system that hangs, or allow more time with `timeout_ms`.",
        Phase::Connection => {
            "Check routes and firewalls on the way to the API server, and whether it is overloaded."
        }
        Phase::Answer | Phase::Body => {
            "Look at the API server's latency; raise `call_timeout_ms` and `attest_timeout_ms` if it is known to be slow."
        }
    })
}
