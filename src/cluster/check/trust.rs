//! Why a server's certificate is not accepted, and what helps.

use rustls::CertificateError;
use rustls_pki_types::ServerName;

use super::super::credentials::{Access, Source};
use super::super::settings::Trust;
use super::cause::{Insight, server_setting};
use super::certificate::Certificate;
use crate::quote::json;
use crate::step::with_block;

/// `shown` is the certificate that the server shows to anybody, if it does.
pub(super) fn bad_certificate(
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
    let fit = shown.map(|shown| {
        let fit = shown.names.iter().filter(|name| ServerName::try_from(name.as_str()).is_ok());
        fit.collect::<Vec<_>>()
    });
    // Every API server has this name, and no other server.
    let name = fit.and_then(|names| {
        let usual = names.iter().find(|name| **name == "kubernetes.default.svc");
        usual.or(names.first()).copied()
    });
    Insight::new(
        format!(
            "the server's certificate is not for {wanted}, but for {}",
            names.as_deref().unwrap_or("other names")
        ),
        match (name, source) {
            (Some(name), Source::Kubeconfig(path)) => with_block(
                &format!("If this is your API server, let the cluster in kubeconfig {} have", path.display()),
                &format!("tls-server-name: {}", json(name)),
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
                "Set `certificate-authority` in kubeconfig {} to the CA that issued the server's certificate{}, if this is \
                 your API server.",
                path.display(),
                shown.map(|shown| format!(" ({})", shown.issuer)).unwrap_or_default()
            ),
        ),
        Source::InCluster(mount) => {
            ("pod", format!("Check what is mounted at {} and who answers as API server.", mount.display()))
        }
    };
    let trusted_by = trusted(access).unwrap_or_else(|| format!("system's roots: the {place} names none"));
    let namesake = shown.filter(|shown| subjects(access).contains(&shown.issuer));
    let namesake = namesake.map_or("", |_| ", which has the same name and another key");
    Insight::new(
        format!(
            "the server's certificate{}{issuer}, is not vouched for by the {trusted_by}{namesake}",
            named(shown)
        ),
        remedy,
    )
}

/// The CA that vouches for the server, if one is configured.
pub(super) fn trusted(access: &Access) -> Option<String> {
    if !matches!(access.tls.trust, Trust::Roots(_)) {
        return None;
    }
    let file =
        access.files.iter().find(|(what, _)| ["certificate-authority", "CA certificates"].contains(what));
    let place =
        file.map_or("`certificate-authority-data`".to_owned(), |(_, path)| path.display().to_string());
    Some(format!("configured CA ({place}: {})", subjects(access).join("; ")))
}

fn subjects(access: &Access) -> Vec<String> {
    match &access.tls.trust {
        Trust::Roots(pem) => Certificate::read_all(pem).into_iter().map(|one| one.subject).collect(),
        Trust::System | Trust::Anyone => Vec::new(),
    }
}

fn named(shown: Option<&Certificate>) -> String {
    shown.map(|shown| format!(" {}", shown.subject)).unwrap_or_default()
}
