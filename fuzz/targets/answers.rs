//! The answers of an API server: whatever it says, an agent is accepted only where a plain reading accepts it too, with
//! the same agent ID and selectors; `explain` says the same as `attest`; and no text grows with the answers.
//!
//! An input is one byte of settings and three bodies (TokenReview, pod, node) with a zero byte between them. A body that
//! begins with `!` and a digit stands for a call that failed.

#![no_main]

use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use fuzz::verdict::{LABELS, Rules, accepted};
use fuzz::world;
use libfuzzer_sys::fuzz_target;
use psat_attestor::config::Config;
use psat_attestor::fuzzing::api::{
    Advice, Advisor, Call, CallError, CallErrorKind, ClusterApi, Node, Pod, TokenReviewStatus,
};
use psat_attestor::fuzzing::{
    AgentAttributes, Candidate, Facts, Findings, KeyState, Keys, Refusal, Standing, Trail, Verification,
    admit, admitted, attest, explain, node, pod, shown, token_review,
};
use psat_attestor::outcome::ErrorStyle;
use serde_json::{Value, json};

type Verdict = Result<AgentAttributes, Refusal>;

/// Words of the table, a few names of 128 characters, and two texts of the API server of 512: each character may take
/// ten bytes when it is escaped.
const LONGEST_TEXT: usize = 16 * 1024;

static KEYS: LazyLock<(Keys, String)> = LazyLock::new(|| {
    let (keys, token) = world::signed();
    (Keys::parse(keys.to_string().as_bytes()).expect("the set is good"), token)
});

/// By the lowest four bits of the first byte.
static CONFIGS: LazyLock<Vec<Config>> = LazyLock::new(|| (0..16).map(config).collect());

fn config(bits: u8) -> Config {
    let lookup = ["auto", "sequential", "claims", "auto"][usize::from(bits & 3)];
    let labels = if lookup == "claims" { json!([]) } else { json!(LABELS) };
    let settings = json!({
        "lookup": lookup,
        "use_pod_uid_for_agent_id": bits & 4 != 0,
        "require_node_uid_match": bits & 8 != 0 && lookup != "claims",
        "allowed_pod_label_keys": labels,
        "allowed_node_label_keys": labels,
    });
    world::config(if bits == 3 { "upstream" } else { "precise" }, settings)
}

fuzz_target!(|input: &[u8]| {
    let Some((bits, rest)) = input.split_first() else { return };
    let mut bodies = rest.splitn(3, |byte| *byte == 0);
    let [review, pod, node] = std::array::from_fn(|_| bodies.next().unwrap_or_default());
    let config = &CONFIGS[usize::from(bits & 15)];
    let payload = json!({"cluster": "demo", "token": KEYS.1}).to_string();
    let candidate = admit(config, payload.as_bytes()).expect("the payload is good");
    let server = Server { review, pod, node, candidate: &candidate };
    // With 16, the token's signature is known to be right, and all calls are made together.
    let standing = || {
        let verification = if bits & 16 == 0 { Verification::Wrong } else { KEYS.0.verify(&KEYS.1) };
        let verification = Some(verification).filter(|one| matches!(one, Verification::Verified(_)));
        candidate.judge_signature(verification, None).expect("the claims are good")
    };

    let mut findings = Findings::default();
    let domain = config.trust_domain.as_ref().expect("it is configured");
    let verdict = now(attest(domain, &candidate, &standing(), &server, &mut findings));
    judge(config, &server, &verdict);
    let explained = explained(config, &server, payload.as_bytes(), standing());
    assert_eq!(said(&explained), said(&verdict));
});

/// What the API server answers.
struct Server<'a> {
    review: &'a [u8],
    pod: &'a [u8],
    node: &'a [u8],
    candidate: &'a Candidate,
}

fn explained(config: &Config, server: &Server<'_>, payload: &[u8], standing: Standing) -> Verdict {
    let candidate = server.candidate;
    let facts = || Facts { config: Some(config), cluster: Some(&candidate.cluster), ..Facts::default() };
    let mut trail = Trail::default();
    admitted(&mut trail, payload, candidate);
    shown(&mut trail, Ok(&standing), &KeyState::NotRead, &facts());
    let mut findings = Findings { trail: Some(trail), ..Findings::default() };
    let domain = config.trust_domain.as_ref().expect("it is configured");
    let verdict = now(explain(facts(), domain, candidate, Ok(standing), server, &mut findings));
    let mut trail = findings.trail.expect("it was there before");
    trail.close(verdict.as_ref().err(), &facts());
    assert_eq!(trail.steps().iter().any(psat_attestor::fuzzing::Step::failed), verdict.is_err());
    verdict
}

fn judge(config: &Config, server: &Server<'_>, verdict: &Verdict) {
    match verdict {
        Ok(attributes) => {
            let read = |body| serde_json::from_slice::<Value>(body).ok();
            // What is passed over may be no JSON to a strict reader; what was never read may be anything.
            let claims_alone = candidate_rules(config).claims_alone;
            let object = |body| if claims_alone { Some(Value::Null) } else { read(body) };
            let (Some(review), Some(pod), Some(node)) =
                (read(server.review), object(server.pod), object(server.node))
            else {
                return;
            };
            let expected = accepted(&candidate_rules(config), &review, &pod, &node);
            let (id, selectors) = expected.expect("accepted, and a plain reader would not");
            assert_eq!(attributes.spiffe_id, id);
            assert_eq!(attributes.selector_values, selectors);
        }
        Err(refusal) => {
            for style in [ErrorStyle::Precise, ErrorStyle::Upstream] {
                let message = refusal.message(style, "demo");
                assert!(message.as_str().len() <= LONGEST_TEXT, "{message}");
            }
            assert!(refusal.detail().len() <= LONGEST_TEXT, "{}", refusal.detail());
        }
    }
}

fn candidate_rules(config: &Config) -> Rules {
    let cluster = &config.clusters["demo"];
    Rules {
        by_pod: cluster.use_pod_uid_for_agent_id,
        same_node: cluster.require_node_uid_match,
        claims_alone: cluster.lookup == psat_attestor::config::Lookup::Claims,
    }
}

/// What an agent and its host are told.
fn said(verdict: &Verdict) -> String {
    match verdict {
        Ok(attributes) => format!("{attributes:?}"),
        Err(refusal) => {
            let message = refusal.message(ErrorStyle::Upstream, "demo");
            format!("{:?} {message} {}", refusal.reason(), refusal.detail())
        }
    }
}

/// The outcome of what never waits.
fn now<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(outcome) = work.as_mut().poll(&mut context) {
            return outcome;
        }
    }
}

/// The failure that a body stands for.
fn failure(body: &[u8], call: Call) -> Result<(), CallError> {
    use CallErrorKind::{
        BadResponse, DeadlineExceeded, Forbidden, NotFound, Status, Throttled, Unauthenticated, Unreachable,
    };
    let kinds =
        [NotFound, Forbidden, Unauthenticated, Throttled, Status, BadResponse, Unreachable, DeadlineExceeded];
    match body {
        [b'!', digit, ..] => {
            let kind = kinds[usize::from(digit % 8)];
            Err(CallError { kind, call, attempted: "was tried".to_owned(), source: None })
        }
        _ => Ok(()),
    }
}

fn unreadable(call: Call) -> impl Fn(String) -> CallError {
    move |attempted| CallError { kind: CallErrorKind::BadResponse, call, attempted, source: None }
}

impl ClusterApi for Server<'_> {
    async fn review_token(&self, _: &[String]) -> Result<TokenReviewStatus, CallError> {
        failure(self.review, Call::TokenReview)?;
        token_review(self.review).map_err(unreadable(Call::TokenReview))
    }

    async fn pod(&self, namespace: &str, name: &str) -> Result<Pod, CallError> {
        failure(self.pod, Call::Pod)?;
        let labels = &self.candidate.cluster.allowed_pod_label_keys;
        pod(self.pod, namespace, name, labels).map_err(unreadable(Call::Pod))
    }

    async fn node(&self, name: &str) -> Result<Node, CallError> {
        failure(self.node, Call::Node)?;
        node(self.node, name, &self.candidate.cluster.allowed_node_label_keys).map_err(unreadable(Call::Node))
    }
}

impl Advisor for Server<'_> {
    async fn advise(&self, error: &CallError) -> Advice {
        Advice { cause: error.to_string(), remedy: "Do something about it.".to_owned() }
    }
}
