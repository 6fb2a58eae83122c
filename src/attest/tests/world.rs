//! A cluster that lives in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::attest::*;
use crate::cluster::api::{
    Advice, Advisor, Call, CallError, CallErrorKind, ClusterApi, Node, Pod, TokenReviewStatus, UserInfo,
};
use crate::config;
use crate::outcome::{ErrorStyle, Reason};

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
    /// How often the pod's and the node's answer let others go first.
    pub(super) delays: (usize, usize),
    pub(super) asked: Mutex<Vec<String>>,
}

pub(super) fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(super) fn mk_extra(key: &str, values: &[&str]) -> (String, Vec<String>) {
    (format!("authentication.kubernetes.io/{key}"), values.iter().map(|value| (*value).to_owned()).collect())
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
        let extra = [
            mk_extra("pod-name", &["agent-1"]),
            mk_extra("pod-uid", &["pod-uid-1"]),
            mk_extra("node-name", &["node-1"]),
            mk_extra("node-uid", &["node-uid-1"]),
            mk_extra("credential-id", &["JTI=1"]),
        ];
        let groups = ["system:serviceaccounts", "system:serviceaccounts:spire", "system:authenticated"];
        Self {
            settings: serde_json::json!({"service_account_allow_list": ["spire:spire-agent"]}),
            style: "precise",
            review: Ok(TokenReviewStatus {
                authenticated: true,
                user: UserInfo {
                    username: "system:serviceaccount:spire:spire-agent".into(),
                    groups: groups.map(str::to_owned).to_vec(),
                    extra: extra.into_iter().collect(),
                },
                audiences: vec!["spire-server".into()],
                error: String::new(),
            }),
            pods: vec![Ok(mk_pod())],
            node: Ok(Node { uid: "node-uid-1".into(), labels: pairs(&[("zone", "b"), ("region", "a")]) }),
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

    /// Attests, and has the same world explained: both must say the same.
    pub(super) async fn attest(&self) -> (Verdict, Findings) {
        let (verdict, findings) = self.judge(Findings::default()).await;
        let (explained, its_findings) = self.explain().await;
        assert_eq!(said(&explained), said(&verdict));
        if verdict.is_ok() {
            assert_eq!(its_findings.warnings, findings.warnings);
        }
        (verdict, findings)
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
        let verdict = if let Some(trail) = &mut findings.trail {
            admitted(trail, payload.as_bytes(), &candidate);
            let verdict = explain(&config, &trust_domain, &candidate, self, &mut findings).await;
            let trail = findings.trail.as_mut().expect("it was there before");
            trail.close(verdict.as_ref().err(), &Facts::default());
            verdict
        } else {
            attest(&trust_domain, &candidate, self, &mut findings).await
        };
        (verdict, findings)
    }

    /// The same world, which nobody has asked yet.
    fn twin(&self) -> Self {
        Self {
            settings: self.settings.clone(),
            style: self.style,
            review: self.review.clone(),
            pods: self.pods.clone(),
            node: self.node.clone(),
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
        self.review.clone().map_err(|kind| failing(Call::TokenReview, kind))
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
