//! What is asked, how often, and which answers are permitted.

use devcluster::{Algorithm, DEFAULT_NODE_UID, DEFAULT_POD_UID, SignatureState, TokenRequest};

/// What the second agent's pod and its node are called.
pub(crate) const SECOND_POD_UID: &str = "5c1f6a04-93a7-4d0e-bd5a-7a5b8a3f2e02";
pub(crate) const SECOND_NODE_UID: &str = "9d2e4b77-1c35-4c8f-8f0a-64cf1f7f3b02";

/// Time for what must succeed. Nothing of it takes so long.
const AMPLE_MS: u64 = 60_000;
/// Time for what meets faults: hangs end by it.
const SHORT_MS: u64 = 250;
/// Time for what may or may not be done in it.
const SCARCE_MS: u64 = 60;

/// What a stormy cluster may answer, whoever asks.
const HONEST: &[&str] = &[
    "API_UNREACHABLE",
    "API_UNAUTHENTICATED",
    "API_FORBIDDEN",
    "API_THROTTLED",
    "API_ERROR",
    "API_BAD_RESPONSE",
    "DEADLINE_EXCEEDED",
    "OVERLOADED",
];

/// One kind of attestation.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// How often it comes, among all.
    pub(crate) weight: u32,
    pub(crate) cluster: &'static str,
    /// `None`: a payload that is none.
    pub(crate) token: Option<TokenRequest>,
    pub(crate) timeout_ms: u64,
    pub(crate) cancelled: bool,
    /// What is permitted, by the configuration that judged: a reason, or `OK=` and the agent's ID.
    pub(crate) permitted: [Vec<String>; 2],
}

impl Kind {
    fn new(name: &'static str, weight: u32, cluster: &'static str, token: TokenRequest) -> Self {
        Self {
            name,
            weight,
            cluster,
            token: Some(token),
            timeout_ms: AMPLE_MS,
            cancelled: false,
            permitted: [Vec::new(), Vec::new()],
        }
    }

    fn within(self, timeout_ms: u64) -> Self {
        Self { timeout_ms, ..self }
    }

    fn cancelled(self) -> Self {
        Self { cancelled: true, ..self }.or(&["CANCELED"])
    }

    /// What the agent's ID ends with, by configuration.
    fn attested(mut self, ends: [String; 2]) -> Self {
        for (permitted, end) in self.permitted.iter_mut().zip(ends) {
            permitted.push(format!("OK=spiffe://example.org/spire/agent/k8s_psat/{}/{end}", self.cluster));
        }
        self
    }

    /// These reasons too, whatever the configuration.
    fn or(mut self, reasons: &[&str]) -> Self {
        for permitted in &mut self.permitted {
            permitted.extend(reasons.iter().map(|reason| (*reason).to_owned()));
        }
        self
    }

    fn only_with(mut self, configuration: usize, reasons: &[&str]) -> Self {
        self.permitted[configuration] = reasons.iter().map(|reason| (*reason).to_owned()).collect();
        self
    }

    fn in_a_storm(self) -> Self {
        self.within(SHORT_MS).or(HONEST)
    }
}

/// All kinds. The clusters are those of `field.rs`.
pub(crate) fn kinds() -> Vec<Kind> {
    let genuine = TokenRequest { expires_in: 86_400, ..TokenRequest::default() };
    let second = TokenRequest { pod: Some("agent-2".to_owned()), alg: Algorithm::Es256, ..genuine.clone() };
    let forged = TokenRequest { signature: SignatureState::Broken, ..genuine.clone() };
    let expired = TokenRequest { expires_in: -7200, ..genuine.clone() };
    let other = TokenRequest {
        namespace: "default".to_owned(),
        service_account: "default".to_owned(),
        pod: None,
        ..genuine.clone()
    };
    let by_node = || [DEFAULT_NODE_UID, DEFAULT_NODE_UID].map(str::to_owned);
    let by_node_or_pod = |node: &str, pod: &str| [node.to_owned(), format!("pod/{pod}")];
    vec![
        Kind::new("steady", 24, "steady", genuine.clone()).attested(by_node()),
        Kind::new("steady, second agent", 10, "steady", second.clone())
            .attested([SECOND_NODE_UID, SECOND_NODE_UID].map(str::to_owned)),
        Kind::new("steady, cancelled", 10, "steady", genuine.clone()).attested(by_node()).cancelled(),
        Kind::new("steady, hurried", 5, "steady", genuine.clone())
            .attested(by_node())
            .within(SCARCE_MS)
            .or(&["DEADLINE_EXCEEDED", "OVERLOADED"]),
        // Keys that were read some time ago are read again before they refuse anybody: meanwhile TokenReview does.
        Kind::new("steady, forged", 8, "steady", forged.clone()).or(&["SIGNATURE_INVALID", "TOKEN_REJECTED"]),
        Kind::new("steady, expired", 2, "steady", expired).or(&["TOKEN_EXPIRED"]),
        Kind::new("steady, not allowed", 5, "steady", other).or(&["SERVICE_ACCOUNT_NOT_ALLOWED"]),
        Kind::new("turning", 6, "turning", genuine.clone())
            .attested(by_node_or_pod(DEFAULT_NODE_UID, DEFAULT_POD_UID)),
        Kind::new("turning, second agent", 4, "turning", second)
            .attested(by_node_or_pod(SECOND_NODE_UID, SECOND_POD_UID)),
        Kind::new("passing", 4, "passing", genuine.clone())
            .attested(by_node())
            .only_with(1, &["CLUSTER_UNKNOWN"]),
        Kind::new("nowhere", 2, "nowhere", genuine.clone()).or(&["CLUSTER_UNKNOWN"]),
        Kind { token: None, ..Kind::new("no payload", 2, "steady", genuine.clone()) }
            .or(&["PAYLOAD_MALFORMED"]),
        Kind::new("stormy", 10, "stormy", genuine.clone()).attested(by_node()).in_a_storm(),
        Kind::new("stormy, cancelled", 4, "stormy", genuine).attested(by_node()).in_a_storm().cancelled(),
        Kind::new("stormy, forged", 4, "stormy", forged)
            .or(&["SIGNATURE_INVALID", "TOKEN_REJECTED"])
            .in_a_storm(),
    ]
}
