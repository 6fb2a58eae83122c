//! A cluster that lives in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::attest::*;
use crate::cluster::api::{
    Advice, Advisor, Call, CallError, CallErrorKind, ClusterApi, Extra, Extras, Node, Pod, TokenReviewStatus,
    UserInfo,
};
use crate::cluster::keys::{KeyState, SignedClaims, Unverified, Verification, Why};
use crate::config;
use crate::outcome::{ErrorStyle, Reason};

/// Turns that TokenReview, pod and node let others go first: each order of their answers.
const ORDERS: [(usize, (usize, usize)); 7] =
    [(0, (0, 0)), (1, (3, 5)), (1, (5, 3)), (3, (1, 5)), (5, (1, 3)), (3, (5, 1)), (5, (3, 1))];

pub(super) type Verdict = Result<AgentAttributes, Refusal>;

/// A token of the right form; its signature is nobody's.
const TOKEN: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30.c2ln";

/// What the cluster answers, and what it was asked.
pub(super) struct World {
    pub(super) settings: serde_json::Value,
    pub(super) style: &'static str,
    pub(super) review: Result<TokenReviewStatus, CallErrorKind>,
    /// Answers to successive looks at the pod; the last one stays.
    pub(super) pods: Vec<Result<Pod, CallErrorKind>>,
    pub(super) node: Result<Node, CallErrorKind>,
    /// What the cluster's keys say of the token; the claims that they signed, if it is those.
    pub(super) signature: Signature,
    /// Another cluster, whose key has signed the token.
    pub(super) signed_by: Signer<'static>,
    /// The cluster's time.
    pub(super) now: Option<i64>,
    /// How often TokenReview's answer lets others go first.
    pub(super) review_delay: usize,
    /// How often the pod's and the node's answer let others go first.
    pub(super) delays: (usize, usize),
    pub(super) asked: Mutex<Vec<String>>,
}

#[derive(Clone, Debug)]
pub(super) enum Signature {
    /// The keys are not known.
    KeysUnknown,
    /// The token's key is not known.
    KeyUnknown,
    Wrong,
    Right(serde_json::Value),
}

/// Claims that say what the default world's TokenReview says.
pub(super) fn mk_claims() -> serde_json::Value {
    serde_json::json!({
        "sub": "system:serviceaccount:spire:spire-agent",
        "aud": ["spire-server"],
        "exp": 1_800_000_000,
        "kubernetes.io": {
            "namespace": "spire",
            "serviceaccount": {"name": "spire-agent", "uid": "account-uid-1"},
            "pod": {"name": "agent-1", "uid": "pod-uid-1"},
            "node": {"name": "node-1", "uid": "node-uid-1"},
        },
    })
}

pub(super) fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(super) fn set_extra(status: &mut TokenReviewStatus, key: &str, values: &[&str]) {
    let extra = &mut status.user.extra;
    let set = match key {
        "pod-name" => &mut extra.pod_name,
        "pod-uid" => &mut extra.pod_uid,
        "node-name" => &mut extra.node_name,
        "node-uid" => &mut extra.node_uid,
        _ => panic!("{key} is no extra that is read"),
    };
    *set = match values {
        [one] => Extra::One((*one).to_owned()),
        values => Extra::Count(values.len()),
    };
}

pub(super) fn mk_pod() -> Pod {
    Pod {
        uid: "pod-uid-1".into(),
        labels: pairs(&[("app", "agent"), ("tier", "node")]),
        service_account_name: "spire-agent".into(),
        node_name: "node-1".into(),
        phase: "Running".into(),
        host_ip: "10.0.0.1".into(),
    }
}

impl Default for World {
    fn default() -> Self {
        let one = |value: &str| Extra::One(value.to_owned());
        let extra = Extras {
            pod_name: one("agent-1"),
            pod_uid: one("pod-uid-1"),
            node_name: one("node-1"),
            node_uid: one("node-uid-1"),
            credential_id: one("JTI=1"),
        };
        let groups = ["system:serviceaccounts", "system:serviceaccounts:spire", "system:authenticated"];
        Self {
            settings: serde_json::json!({"service_account_allow_list": ["spire:spire-agent"]}),
            style: "precise",
            review: Ok(TokenReviewStatus {
                authenticated: true,
                user: UserInfo {
                    username: "system:serviceaccount:spire:spire-agent".into(),
                    groups: groups.map(str::to_owned).to_vec(),
                    extra,
                },
                audiences: vec!["spire-server".into()],
                error: String::new(),
            }),
            pods: vec![Ok(mk_pod())],
            node: Ok(Node { uid: "node-uid-1".into(), labels: pairs(&[("zone", "b"), ("region", "a")]) }),
            signature: Signature::KeysUnknown,
            signed_by: Signer::Unknown,
            now: Some(1_799_999_000),
            review_delay: 0,
            delays: (0, 0),
            asked: Mutex::default(),
        }
    }
}

impl World {
    /// The default world with another word of TokenReview.
    pub(super) fn reviewed(change: impl FnOnce(&mut TokenReviewStatus)) -> Self {
        let mut world = Self::default();
        change(world.review.as_mut().expect("the default review is an answer"));
        world
    }

    /// The default world with another pod.
    pub(super) fn with_pod(change: impl FnOnce(&mut Pod)) -> Self {
        let mut pod = mk_pod();
        change(&mut pod);
        Self { pods: vec![Ok(pod)], ..Self::default() }
    }

    pub(super) fn set(mut self, key: &str, value: serde_json::Value) -> Self {
        self.settings[key] = value;
        self
    }

    fn ask(&self, question: &str) -> usize {
        let mut asked = self.asked.lock().expect("no test panics while asking");
        asked.push(question.to_owned());
        asked.iter().filter(|earlier| earlier.as_str() == question).count()
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no test panics while asking").clone()
    }

    /// The default world, whose keys have signed these claims.
    pub(super) fn signed(change: impl FnOnce(&mut serde_json::Value)) -> Self {
        let mut claims = mk_claims();
        change(&mut claims);
        Self { signature: Signature::Right(claims), ..Self::default() }
    }

    /// Attests, has the same world explained, and attests with the claims of a genuine agent, in every order of answers:
    /// all must say the same.
    pub(super) async fn attest(&self) -> (Verdict, Findings) {
        let (verdict, findings) = self.judge(Findings::default()).await;
        let (explained, its_findings) = self.explain().await;
        assert_eq!(said(&explained), said(&verdict));
        assert_eq!(its_findings.warnings, findings.warnings);
        if verdict.is_ok() {
            assert_eq!(its_findings.lookup, findings.lookup);
        }
        if matches!(self.signature, Signature::KeysUnknown) {
            for (review_delay, delays) in ORDERS {
                let signature = Signature::Right(mk_claims());
                let twin = Self { signature, review_delay, delays, ..self.twin() };
                let (same, its_findings) = twin.judge(Findings::default()).await;
                assert_eq!(said(&same), said(&verdict), "{review_delay} {delays:?}");
                if verdict.is_ok() {
                    assert_eq!(its_findings.warnings, findings.warnings);
                }
            }
        }
        (verdict, findings)
    }

    /// Attests, and nothing more.
    pub(super) async fn attest_once(&self) -> (Verdict, Findings) {
        self.judge(Findings::default()).await
    }

    /// Has every check shown.
    pub(super) async fn explain(&self) -> (Verdict, Findings) {
        self.twin().judge(Findings { trail: Some(Trail::default()), ..Findings::default() }).await
    }

    async fn judge(&self, mut findings: Findings) -> (Verdict, Findings) {
        let document = serde_json::json!({
            "trust_domain": "example.org",
            "error_style": self.style,
            "clusters": {"demo": self.settings},
        });
        let checked = config::check(document.to_string().as_bytes());
        let config = checked.config.unwrap_or_else(|| panic!("{:?}", checked.notes));
        let trust_domain = config.trust_domain.clone().expect("the document has one");
        let payload = serde_json::json!({"cluster": "demo", "token": TOKEN}).to_string();
        let candidate = admit(&config, payload.as_bytes()).expect("the payload is good");
        let judged = candidate.judge_signature(self.verification(), self.now);
        if let Some(trail) = &mut findings.trail {
            admitted(trail, payload.as_bytes(), &candidate);
            let (config, cluster) = (Some(&config), Some(&*candidate.cluster));
            let facts = Facts { config, cluster, signed_by: self.signed_by, ..Facts::default() };
            shown(trail, judged.as_ref(), &KeyState::NotRead, &facts);
            trail.pass(Check::Slot, None);
            let verdict = explain(facts, &trust_domain, &candidate, judged, self, &mut findings).await;
            let trail = findings.trail.as_mut().expect("it was there before");
            trail.close(verdict.as_ref().err(), &Facts::default());
            return (verdict, findings);
        }
        let verdict = match judged {
            Ok(standing) => attest(&trust_domain, &candidate, &standing, self, &mut findings).await,
            Err(refusal) => Err(refusal),
        };
        (verdict, findings)
    }

    fn verification(&self) -> Option<Verification> {
        Some(match &self.signature {
            Signature::KeysUnknown => return None,
            Signature::KeyUnknown => {
                Verification::Unverified(Unverified { why: Why::UnknownKid, kid: Some("k".into()) })
            }
            Signature::Wrong => Verification::Wrong,
            Signature::Right(claims) => Verification::Verified(SignedClaims::vouched(claims.to_string())),
        })
    }

    /// The same world, which nobody has asked yet.
    fn twin(&self) -> Self {
        Self {
            settings: self.settings.clone(),
            style: self.style,
            review: self.review.clone(),
            pods: self.pods.clone(),
            node: self.node.clone(),
            signature: self.signature.clone(),
            signed_by: self.signed_by,
            now: self.now,
            review_delay: self.review_delay,
            delays: self.delays,
            asked: Mutex::default(),
        }
    }

    pub(super) async fn refusal(&self) -> Refusal {
        self.attest().await.0.expect_err("this world refuses the agent")
    }

    /// Asserts that this world refuses the agent for `reason`.
    pub(super) async fn refuses(&self, reason: Reason) {
        let refusal = self.refusal().await;
        assert_eq!(refusal.reason(), reason, "{refusal:?}");
    }
}

async fn after<T>(turns: usize, answer: T) -> T {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
    answer
}

fn failing(call: Call, kind: CallErrorKind) -> CallError {
    CallError { kind, call, attempted: "was tried".into(), source: None }
}

/// What an agent and its host are told.
fn said(verdict: &Verdict) -> String {
    match verdict {
        Ok(attributes) => format!("{attributes:?}"),
        Err(refusal) => [ErrorStyle::Precise, ErrorStyle::Upstream]
            .map(|style| {
                let message = refusal.message(style, "demo");
                format!("{:?} {} {message}", refusal.reason(), refusal.code(style))
            })
            .join("; "),
    }
}

impl Advisor for World {
    async fn advise(&self, error: &CallError) -> Advice {
        Advice { cause: format!("the cause of {error}"), remedy: "Do something about it.".to_owned() }
    }
}

impl ClusterApi for World {
    async fn review_token(&self, _: &[String]) -> Result<TokenReviewStatus, CallError> {
        self.ask("token_review");
        after(self.review_delay, self.review.clone()).await.map_err(|kind| failing(Call::TokenReview, kind))
    }

    async fn pod(&self, namespace: &str, name: &str) -> Result<Pod, CallError> {
        let look = self.ask(&format!("pod {namespace}/{name}"));
        let answer = self.pods[look.min(self.pods.len()) - 1].clone();
        after(self.delays.0, answer).await.map_err(|kind| failing(Call::Pod, kind))
    }

    async fn node(&self, name: &str) -> Result<Node, CallError> {
        self.ask(&format!("node {name}"));
        after(self.delays.1, self.node.clone()).await.map_err(|kind| failing(Call::Node, kind))
    }
}
