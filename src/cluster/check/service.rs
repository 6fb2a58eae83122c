//! The steps `api_version`, `signing_keys` and `clock`: what the server is and has.

use std::collections::BTreeSet;

use serde::Deserialize;
use tokio::time::Instant;

use super::super::api::CallErrorKind;
use super::super::error::Fault;
use super::super::nulls;
use super::super::request::Question;
use super::Examination;
use super::cause::sentence;
use crate::config::{Lookup, VerifySignature, cluster_setting};
use crate::outcome::cause_chain;
use crate::step::{Step, with_block};

/// Since this minor version of Kubernetes 1 a token names its node.
const NODE_EXTRAS: u32 = 30;

/// The minor version of Kubernetes 1 that the tests run with.
const TESTED: u32 = 37;

/// Clocks of machines that are kept right differ by less.
const CLOCK_DIFFERENCE: i64 = 60;

impl Examination<'_> {
    /// Which version the server is of. Nothing else needs it, so that its failure ends nothing: TokenReview decides.
    pub(super) async fn api_version(&mut self) {
        const CHECK: &str = "api_version";
        let question = Question::get("/version", "application/json");
        let answer = self.ask(&question, self.session.a_moment()).await;
        let version = match answer.and_then(|answer| Version::read(&answer)) {
            Ok(version) => version,
            Err(fault) => {
                let attempted = self.attempted(&question).await;
                let attempted = format!("{attempted}: {}", cause_chain(&fault));
                self.add(Step::skip(CHECK, format!("cannot be read: {attempted}")));
                self.broken = (fault.kind() == CallErrorKind::Unreachable).then_some((fault, attempted));
                return;
            }
        };
        let name = self.session.shown(&version.name);
        let shown = name.clone().unwrap_or_else(|| "a version without a name".to_owned());
        self.checkup.server_version = name;
        self.add(self.judge(&version, &shown));
    }

    fn judge(&self, version: &Version, shown: &str) -> Step {
        const CHECK: &str = "api_version";
        match version.minor() {
            // A feature gate had it earlier: TokenReview decides.
            Some(minor) if minor < NODE_EXTRAS && self.config.lookup == Lookup::Claims => Step::warn(
                CHECK,
                format!(
                    "{shown}: before 1.{NODE_EXTRAS} TokenReview does not name the node by default, and `lookup` claims \
                     needs that"
                ),
                with_block(
                    "Upgrade Kubernetes, or let pods and nodes be read, which the credential's user has to be permitted",
                    &format!("{} = \"auto\"", cluster_setting(&self.config.name, "lookup")),
                ),
            ),
            Some(minor) if minor < NODE_EXTRAS => Step::warn(
                CHECK,
                format!(
                    "{shown}: before 1.{NODE_EXTRAS} tokens do not name their node, so it is taken from the pod alone"
                ),
                format!("Upgrade Kubernetes to 1.{NODE_EXTRAS} or later."),
            ),
            Some(minor) if minor < TESTED => Step::pass(CHECK, format!("{shown}; tests run with 1.{TESTED}")),
            _ => Step::pass(CHECK, shown),
        }
    }

    pub(super) async fn signing_keys(&mut self) {
        const CHECK: &str = "signing_keys";
        if self.config.verify_signature == VerifySignature::Off {
            self.add(Step::skip(CHECK, "with `verify_signature` off no keys are read"));
            return;
        }
        if self.session.end_of_a_try() <= Instant::now() {
            self.add(Step::skip(CHECK, "not looked at: time ran out"));
            return;
        }
        let question = Question::get("/openid/v1/jwks", "application/jwk-set+json, application/json");
        let step = match self
            .ask(&question, self.session.end_of_a_try())
            .await
            .and_then(|answer| key_kinds(&answer))
        {
            Ok(kinds) if kinds.is_empty() => Step::warn(
                CHECK,
                "the API server publishes no signing keys: every token costs a call, forged ones too",
                "Look at the API server's flag `--service-account-key-file`.",
            ),
            Ok(kinds) => {
                let distinct: BTreeSet<&str> = kinds.iter().map(String::as_str).collect();
                let distinct: Vec<&str> = distinct.into_iter().collect();
                Step::pass(CHECK, format!("{} can be read: {}", count(kinds.len()), distinct.join(", ")))
            }
            Err(fault) => {
                let attempted = self.attempted(&question).await;
                self.no_keys(&fault, &attempted).await
            }
        };
        self.add(step);
    }

    async fn no_keys(&self, fault: &Fault, attempted: &str) -> Step {
        let detail = format!(
            "attestation works without the signing keys, but takes more round trips, and forged tokens cost a call: \
             {attempted}: {}",
            cause_chain(fault)
        );
        let remedy = match fault.kind() {
            CallErrorKind::Forbidden => {
                let user = self.checkup.user.as_deref().or(fault.refused_user());
                self.session.grant_keys(user).await
            }
            CallErrorKind::NotFound => {
                "Look at the API server's flags `--service-account-issuer`, which has to be an \
                                        https URL, and `--service-account-jwks-uri`: it publishes no keys."
                    .to_owned()
            }
            kind => sentence(kind).to_owned(),
        };
        Step::warn("signing_keys", detail, remedy)
    }

    /// Whether the server's clock and this machine's differ by more than they should.
    pub(super) fn clocks_differ(&self) -> bool {
        self.clock_ahead.is_some_and(|ahead| ahead.abs() > CLOCK_DIFFERENCE)
    }

    pub(super) fn clock(&mut self) {
        const CHECK: &str = "clock";
        let step = match self.clock_ahead {
            None => Step::skip(CHECK, "no answer had a `Date` header"),
            Some(ahead) if !self.clocks_differ() => {
                Step::pass(CHECK, format!("differs by {} s from the API server's", ahead.abs()))
            }
            Some(ahead) => {
                let (seconds, how) = (ahead.abs(), if ahead > 0 { "behind" } else { "ahead of" });
                Step::warn(
                    CHECK,
                    format!(
                        "this machine's clock is {seconds} s {how} the API server's: certificates and tokens may \
                         seem expired, or not valid yet"
                    ),
                    "Keep the clocks of this machine and of the API server right, with NTP.",
                )
            }
        };
        self.add(step);
    }
}

fn count(keys: usize) -> String {
    if keys == 1 { "1 key".to_owned() } else { format!("{keys} keys") }
}

/// What `GET /version` says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Version {
    #[serde(deserialize_with = "nulls::value")]
    major: String,
    #[serde(deserialize_with = "nulls::value")]
    minor: String,
    #[serde(deserialize_with = "nulls::value")]
    #[serde(rename = "gitVersion")]
    name: String,
}

impl Version {
    fn read(answer: &[u8]) -> Result<Self, Fault> {
        let version: Self = serde_json::from_slice(answer).unwrap_or_default();
        if version.name.is_empty() {
            return Err(Fault::BadAnswer("the answer is no version of Kubernetes".to_owned()));
        }
        Ok(version)
    }

    /// The minor version, where the major one is 1. Vendors write `30+`.
    fn minor(&self) -> Option<u32> {
        let digits = self.minor.trim_end_matches(|c: char| !c.is_ascii_digit());
        if self.major == "1" { digits.parse().ok() } else { None }
    }
}

/// The algorithm of each key in a JSON Web Key Set, or its type.
fn key_kinds(answer: &[u8]) -> Result<Vec<String>, Fault> {
    #[derive(Deserialize)]
    struct KeySet {
        keys: Vec<Key>,
    }
    #[derive(Deserialize)]
    struct Key {
        #[serde(default)]
        kty: Option<String>,
        #[serde(default)]
        alg: Option<String>,
    }
    let no_set = |_| Fault::BadAnswer("the answer is no JSON Web Key Set".to_owned());
    let set: KeySet = serde_json::from_slice(answer).map_err(no_set)?;
    // Known words alone are shown.
    let word =
        |text: &String| (1..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    let kind = |key: Key| key.alg.or(key.kty).filter(word).unwrap_or_else(|| "unknown".to_owned());
    Ok(set.keys.into_iter().map(kind).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_says_its_minor_number_where_it_has_one() {
        let minor = |text: &str| Version::read(text.as_bytes()).ok().and_then(|version| version.minor());
        assert_eq!(minor(r#"{"major":"1","minor":"29","gitVersion":"v1.29.4"}"#), Some(29));
        assert_eq!(minor(r#"{"major":"1","minor":"30+","gitVersion":"v1.30.1-eks"}"#), Some(30));
        assert_eq!(minor(r#"{"major":"2","minor":"0","gitVersion":"v2.0.0"}"#), None);
        assert_eq!(minor(r#"{"major":null,"minor":null,"gitVersion":"v1"}"#), None);
        for no_version in ["", "[]", "<html>", "{}", r#"{"gitVersion":5}"#, r#"{"gitVersion":""}"#] {
            assert!(Version::read(no_version.as_bytes()).is_err(), "{no_version}");
        }
    }

    #[test]
    fn keys_are_told_by_their_algorithm() {
        let kinds =
            key_kinds(br#"{"keys":[{"alg":"RS256","kty":"RSA"},{"kty":"EC"},{"alg":"<b>"}]}"#).unwrap();
        assert_eq!(kinds, ["RS256", "EC", "unknown"]);
        for no_set in ["{}", "[]", r#"{"keys":{}}"#, "<html>"] {
            assert!(key_kinds(no_set.as_bytes()).is_err(), "{no_set}");
        }
    }
}
