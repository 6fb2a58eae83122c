//! The steps `credentials`, `reach` and `tls`: from the files to a connection.

use std::net::IpAddr;
use std::sync::Arc;

use http::uri::Scheme;
use tokio::time::timeout_at;

use super::super::credentials::Access;
use super::super::error::{Fault, Phase};
use super::super::settings::Trust;
use super::Examination;
use super::cause::NO_CREDENTIAL;
use super::certificate::{Certificate, now};
use super::own::{CERTIFICATE_ENDS_SOON, Own};
use super::trust::trusted;
use crate::outcome::Reason;
use crate::step::Step;

impl Examination<'_> {
    /// `None` if there is nothing to go on with.
    pub(super) async fn credentials(&mut self) -> Option<Arc<Access>> {
        const CHECK: &str = "credentials";
        let looked = timeout_at(self.session.end_of_a_try(), self.session.look()).await;
        let access = match looked.unwrap_or(Err(Fault::TimeRanOut(Phase::Credentials))) {
            Ok(access) => access,
            Err(fault) => {
                self.fail(CHECK, &fault, "").await;
                return None;
            }
        };
        let source = self.session.cluster.credentials.source();
        let own = Own::of(&access, source);
        let step = if own.proofs.is_empty() {
            Step::warn(
                CHECK,
                format!("{source}: no credential, so that the API server sees nobody"),
                NO_CREDENTIAL,
            )
        } else if let Some((proof, standing)) = own.useless(now()) {
            let detail = format!("the {} {standing}", proof.name());
            Step::fail(CHECK, Reason::ApiUnauthenticated, detail, proof.renewal())
        } else if let Some((proof, standing)) = own.doubtful(now()) {
            Step::warn(CHECK, format!("the {} {standing}", proof.name()), proof.renewal())
        } else {
            Step::pass(CHECK, format!("{source}: {}", own.describe()))
        };
        self.add(step);
        Some(access)
    }

    /// Whether the server's address takes connections.
    pub(super) async fn reach(&mut self, access: &Access) -> bool {
        const CHECK: &str = "reach";
        match access.transport.opener().reach(self.session.end_of_a_try()).await {
            Ok(address) => {
                let host = access.server.host();
                let found = match address {
                    Some(address) if host.parse::<IpAddr>().is_err() => {
                        format!("{host} was looked up; {address} takes connections")
                    }
                    Some(address) => format!("{address} takes connections"),
                    None => match &access.proxy {
                        Some(proxy) => {
                            format!("the proxy {proxy} connects to {}", access.server.authority)
                        }
                        None => format!("{} takes connections", access.server.authority),
                    },
                };
                self.add(Step::pass(CHECK, found));
                true
            }
            Err(fault) => {
                self.fail(CHECK, &fault, "").await;
                false
            }
        }
    }

    /// Whether TLS can be spoken with the server, and the server believed.
    pub(super) async fn tls(&mut self, access: &Access) -> bool {
        const CHECK: &str = "tls";
        if access.server.scheme == Scheme::HTTP {
            self.add(Step::warn(
                CHECK,
                "`server` is plain http: whoever is on the way can read the tokens of agents, and answer for \
                 the API server",
                "Let `server` be the API server's https address.",
            ));
            return true;
        }
        let chain = match access.transport.opener().certificates(self.session.end_of_a_try()).await {
            Ok(chain) => chain,
            Err(fault) => {
                let silent = matches!(fault, Fault::ConnectTime { .. } | Fault::TimeRanOut(_));
                let attempted = if silent {
                    format!("{} takes connections and then says nothing", access.server.authority)
                } else {
                    String::new()
                };
                self.fail(CHECK, &fault, &attempted).await;
                return false;
            }
        };
        let shown = self.session.shown_certificate(&chain);
        self.add(believed(shown.as_ref(), access));
        true
    }
}

fn believed(shown: Option<&Certificate>, access: &Access) -> Step {
    const CHECK: &str = "tls";
    let found = shown.map_or("the server has a certificate".to_owned(), |shown| {
        format!("{}, issued by {}, valid until {}", shown.subject, shown.issuer, shown.not_after)
    });
    if access.tls.trust == Trust::Anyone {
        return Step::warn(
            CHECK,
            format!(
                "`insecure-skip-tls-verify` is set, so that anybody could answer for the API server: {found}"
            ),
            "Give the kubeconfig's cluster a `certificate-authority` instead of `insecure-skip-tls-verify`.",
        );
    }
    let ends_soon = shown.is_some_and(|shown| shown.not_after.duration_since(now()) < CERTIFICATE_ENDS_SOON);
    let by = trusted(access).unwrap_or_else(|| "system's roots".to_owned());
    let found = format!("{found}; vouched for by the {by}");
    if ends_soon {
        return Step::warn(CHECK, found, "Renew the API server's serving certificate.");
    }
    Step::pass(CHECK, found)
}
