//! The credential that a cluster is asked with, as far as it explains itself. Its secret parts are never shown.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::super::credentials::{Access, Source};
use super::certificate::{Certificate, Claims, now};
use super::manifest::service_account;
use crate::quote::is_word;
use crate::step::with_block;

/// A certificate that ends within this is as good as forgotten: people renew them.
pub(super) const CERTIFICATE_ENDS_SOON: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Tokens are renewed by machines, long before this.
const TOKEN_ENDS_SOON: SignedDuration = SignedDuration::from_secs(60);

/// All that a request is signed with.
pub(super) struct Own {
    pub(super) proofs: Vec<Proof>,
    impersonated: Option<String>,
}

/// One thing that says who asks.
pub(super) struct Proof {
    kind: Kind,
    /// Where it is from, such as `client-certificate /etc/…/client.crt`.
    place: String,
    file: Option<PathBuf>,
    /// The command that made it.
    plugin: Option<PathBuf>,
    /// Whose it says it is.
    user: Option<String>,
    not_before: Option<Timestamp>,
    not_after: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Certificate { subject: Option<String> },
    Token { in_cluster: bool },
    Basic,
}

/// How a proof stands in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is valid, or does not say.
    Valid,
    EndsSoon(Timestamp),
    Expired(Timestamp),
    NotYet(Timestamp),
}

impl Standing {
    fn is_useless(self) -> bool {
        matches!(self, Self::Expired(_) | Self::NotYet(_))
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Valid => f.write_str("is valid"),
            Self::EndsSoon(end) => write!(f, "expires on {end}"),
            Self::Expired(end) => write!(f, "expired on {end}"),
            Self::NotYet(begin) => write!(f, "is not valid before {begin}; now is {}", now()),
        }
    }
}

impl Own {
    pub(super) fn of(access: &Access, source: &Source) -> Self {
        let certificate =
            access.tls.identity.as_ref().map(|(chain, _)| Proof::certificate(chain, access, source));
        let authorization = access.authorization.as_ref().map(|authorization| {
            if authorization.header.as_bytes().starts_with(b"Bearer ") {
                Proof::token(&authorization.secrets[0], access, source)
            } else {
                Proof { kind: Kind::Basic, place: source.to_string(), ..Proof::nothing() }
            }
        });
        let impersonated = access.impersonation.get("impersonate-user");
        Self {
            proofs: certificate.into_iter().chain(authorization).collect(),
            impersonated: impersonated.map(|user| String::from_utf8_lossy(user.as_bytes()).into_owned()),
        }
    }

    /// As whom is asked, if as somebody else.
    pub(super) fn impersonated(&self) -> Option<&str> {
        self.impersonated.as_deref()
    }

    /// What it is and where from.
    pub(super) fn describe(&self) -> String {
        let all: Vec<String> = self.proofs.iter().map(Proof::describe).collect();
        let all = if all.is_empty() { "no credential".to_owned() } else { all.join(" and ") };
        match &self.impersonated {
            Some(user) => format!("{all}, asking as {user}"),
            None => all,
        }
    }

    /// The user that it names, if the server cannot be asked.
    pub(super) fn user(&self) -> Option<&str> {
        self.proofs.iter().find_map(|proof| proof.user.as_deref())
    }

    /// Why all of it is of no use, by this machine's clock. The server takes whichever is valid.
    pub(super) fn useless(&self, now: Timestamp) -> Option<(&Proof, Standing)> {
        let mut standings = self.proofs.iter().map(|proof| (proof, proof.standing(now)));
        let first = standings.next()?;
        let useless = |(_, standing): &(&Proof, Standing)| standing.is_useless();
        (useless(&first) && standings.all(|one| useless(&one))).then_some(first)
    }

    /// The first that is of no use, or soon will be.
    pub(super) fn doubtful(&self, now: Timestamp) -> Option<(&Proof, Standing)> {
        let mut standings = self.proofs.iter().map(|proof| (proof, proof.standing(now)));
        standings.find(|(_, standing)| *standing != Standing::Valid)
    }
}

impl Proof {
    fn nothing() -> Self {
        Self {
            kind: Kind::Basic,
            place: String::new(),
            file: None,
            plugin: None,
            user: None,
            not_before: None,
            not_after: None,
        }
    }

    fn certificate(chain: &[u8], access: &Access, source: &Source) -> Self {
        let certificate = Certificate::read_all(chain).into_iter().next();
        let (place, file) = place(access, source, &["client-certificate"]);
        Self {
            kind: Kind::Certificate { subject: certificate.as_ref().map(|one| one.subject.clone()) },
            place,
            file,
            plugin: access.plugin_command().map(Path::to_owned),
            not_before: certificate.as_ref().map(|one| one.not_before),
            not_after: certificate.as_ref().map(|one| one.not_after),
            user: certificate.and_then(|one| one.common_name),
        }
    }

    fn token(token: &str, access: &Access, source: &Source) -> Self {
        let claims = Claims::read(token).unwrap_or_default();
        let (place, file) = place(access, source, &["tokenFile", "token"]);
        Self {
            kind: Kind::Token { in_cluster: matches!(source, Source::InCluster(_)) },
            place,
            file,
            plugin: access.plugin_command().map(Path::to_owned),
            not_before: None,
            not_after: claims.expiry(),
            user: claims.sub,
        }
    }

    /// Its kind, whose it is, and where from.
    pub(super) fn name(&self) -> String {
        let place = &self.place;
        match (&self.kind, &self.user) {
            (Kind::Certificate { subject: Some(subject) }, _) => {
                format!("client certificate {subject} ({place})")
            }
            (Kind::Certificate { subject: None }, _) => format!("client certificate ({place})"),
            (Kind::Token { .. }, Some(user)) => format!("bearer token of {user} ({place})"),
            (Kind::Token { .. }, None) => format!("bearer token ({place})"),
            (Kind::Basic, _) => format!("user name and password ({place})"),
        }
    }

    fn describe(&self) -> String {
        let until = self.not_after.map(|end| format!(", valid until {end}"));
        self.name() + &until.unwrap_or_default()
    }

    fn standing(&self, now: Timestamp) -> Standing {
        let soon = if matches!(self.kind, Kind::Certificate { .. }) {
            CERTIFICATE_ENDS_SOON
        } else {
            TOKEN_ENDS_SOON
        };
        match (self.not_before, self.not_after) {
            (Some(begin), _) if now < begin => Standing::NotYet(begin),
            (_, Some(end)) if end <= now => Standing::Expired(end),
            (_, Some(end)) if end.duration_since(now) < soon => Standing::EndsSoon(end),
            _ => Standing::Valid,
        }
    }

    /// What makes it valid again.
    pub(super) fn renewal(&self) -> String {
        if let Some(plugin) = &self.plugin {
            return format!(
                "Run {} by hand as the kubeconfig names it under `exec`, and see to it that its answer is accepted.",
                plugin.display()
            );
        }
        let account = self.user.as_deref().and_then(service_account);
        match (&self.kind, &self.file, account) {
            (Kind::Certificate { .. }, Some(file), _) => {
                format!("Put a valid certificate into {}, and its key beside it.", file.display())
            }
            (Kind::Certificate { .. }, None, _) => {
                format!(
                    "Put a valid `client-certificate-data` and its `client-key-data` into {}.",
                    self.place
                )
            }
            (Kind::Token { in_cluster: true }, Some(file), _) => format!(
                "The kubelet renews {} while the pod runs: check that the volume is mounted as a folder, and this \
                 machine's clock.",
                file.display()
            ),
            (Kind::Token { .. }, Some(file), Some((namespace, name)))
                if [namespace, name, &file.to_string_lossy()].into_iter().all(is_word) =>
            {
                // What is there is replaced by a token, or not at all.
                let file = file.display();
                let make = format!("kubectl create token {name} --namespace {namespace} > {file}.new");
                with_block(
                    "Put a fresh token into the file",
                    &format!("(umask 077 && {make} && mv {file}.new {file})"),
                )
            }
            (Kind::Token { .. }, Some(file), _) => format!("Put a valid token into {}.", file.display()),
            (Kind::Token { .. }, None, _) => format!("Put a valid `token` into {}.", self.place),
            (Kind::Basic, ..) => {
                "Use a client certificate or a token: kube-apiserver takes no passwords any more.".to_owned()
            }
        }
    }
}

/// The file that one of these was read from, or else where all of it stands.
fn place(access: &Access, source: &Source, keys: &[&str]) -> (String, Option<PathBuf>) {
    let file = access.files.iter().find(|(what, _)| keys.contains(what));
    match (access.plugin_command(), file) {
        (Some(command), _) => (format!("exec plugin {}", command.display()), None),
        (None, Some((what, path))) => (format!("{what} {}", path.display()), Some(path.clone())),
        (None, None) => (source.to_string(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a point in time")
    }

    #[test]
    fn a_command_is_given_where_a_shell_takes_its_words_as_they_are() {
        let renewal = |user: &str, file: &str| {
            let kind = Kind::Token { in_cluster: false };
            Proof { kind, user: Some(user.into()), file: Some(file.into()), ..Proof::nothing() }.renewal()
        };
        let account = "system:serviceaccount:spire:spire-server";
        let command = "(umask 077 && kubectl create token spire-server --namespace spire > /etc/t.jwt.new && \
                       mv /etc/t.jwt.new /etc/t.jwt)";
        assert!(renewal(account, "/etc/t.jwt").ends_with(command));
        assert_eq!(renewal(account, "/etc/a b"), "Put a valid token into /etc/a b.");
        assert_eq!(renewal("system:serviceaccount:$(id):b", "/t"), "Put a valid token into /t.");
        assert_eq!(renewal("system:serviceaccount:a:-b", "/t"), "Put a valid token into /t.");
        assert_eq!(renewal("jane", "/t"), "Put a valid token into /t.");
    }

    #[test]
    fn certificates_are_warned_of_for_a_week_and_tokens_for_a_minute() {
        let proof = |kind, end| Proof {
            kind,
            not_before: Some(at(100)),
            not_after: Some(at(end)),
            ..Proof::nothing()
        };
        let certificate = |end| proof(Kind::Certificate { subject: None }, end).standing(at(1000));
        let token = |end| proof(Kind::Token { in_cluster: false }, end).standing(at(1000));
        let week = 7 * 24 * 3600;
        assert_eq!(certificate(1000 + week), Standing::Valid);
        assert_eq!(certificate(999 + week), Standing::EndsSoon(at(999 + week)));
        assert_eq!(token(1060), Standing::Valid);
        assert_eq!(token(1059), Standing::EndsSoon(at(1059)));
        assert_eq!(token(1000), Standing::Expired(at(1000)));
        let early = proof(Kind::Certificate { subject: None }, 5000).standing(at(99));
        assert_eq!(early, Standing::NotYet(at(100)));
        assert_eq!(Proof::nothing().standing(at(0)), Standing::Valid);
    }
}
