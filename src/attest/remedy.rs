//! What to do about a refusal, with the very thing to use: the line of configuration, the manifest, the command.

use std::borrow::Cow;

use serde::Serialize;

use super::claims::ClaimsFault;
use super::refusal::Refusal;
use super::review::Binding;
use crate::config::{ClusterConfig, Config, cluster_setting};
use crate::outcome::Reason;
use crate::quote::{quoted, quoted_list};
use crate::step::with_block;

/// As many names as a sentence holds.
const NAMES_IN_A_SENTENCE: usize = 8;

/// What is known when an attestation is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The configuration in force.
    pub config: Option<&'a Config>,
    /// The cluster that the payload names.
    pub cluster: Option<&'a ClusterConfig>,
    /// What the token is bound to.
    pub binding: Option<&'a Binding>,
    /// The node that was asked for.
    pub node: Option<&'a str>,
}

/// What to do about `refusal`. For API failures see [`Advisor`](crate::cluster::api::Advisor), who knows more.
#[must_use]
pub fn remedy(refusal: &Refusal, facts: &Facts<'_>) -> String {
    let reason = refusal.reason();
    let sentence = reason.row().remedy;
    let block = match refusal {
        Refusal::ClusterUnknown { .. } => return other_cluster(facts),
        Refusal::TokenError { reason: Reason::AudienceMismatch, error } => {
            return facts
                .cluster
                .map_or_else(|| sentence.into(), |c| accept_audience(c, &audiences_in(error)));
        }
        Refusal::AudienceNotValidated { got, .. }
        | Refusal::ByClaims(ClaimsFault::OtherAudience { got, .. }) => {
            return facts.cluster.map_or_else(|| sentence.into(), |c| accept_audience(c, got));
        }
        Refusal::ServiceAccountNotAllowed { account }
        | Refusal::ByClaims(ClaimsFault::NotAllowed { account }) => {
            return facts.cluster.map_or_else(|| sentence.into(), |cluster| allow(cluster, account));
        }
        Refusal::PodFactMissing { .. }
        | Refusal::PodFactCount { .. }
        | Refusal::PodFactEmpty { .. }
        | Refusal::PodNameUnfit { .. }
        | Refusal::ByClaims(ClaimsFault::NoPod) => return mount_bound_token(facts.cluster),
        Refusal::TokenError { reason: Reason::TokenRejected | Reason::TokenExpired, .. }
        | Refusal::ByClaims(ClaimsFault::Expired { .. })
        | Refusal::SignatureInvalid => facts.cluster.map(fresh_token),
        Refusal::ClaimsMissing { .. } => facts.cluster.map(|c| setting(c, "lookup", &"auto")),
        Refusal::Overloaded { .. } => {
            facts.cluster.map(|c| setting(c, "max_in_flight", &c.max_in_flight.saturating_mul(2)))
        }
        Refusal::PodTerminated { .. } | Refusal::NodeUidMismatch { .. } => {
            facts.binding.map(|binding| on_pod("delete", binding, ""))
        }
        Refusal::PodNotScheduled { .. } => facts.binding.map(|binding| on_pod("describe", binding, "")),
        Refusal::PodUidMismatch { .. }
        | Refusal::PodServiceAccountMismatch { .. }
        | Refusal::NodeClaimMismatch { .. } => {
            facts.binding.map(|binding| on_pod("get", binding, " -o yaml"))
        }
        Refusal::Call(_) if reason == Reason::PodNotFound => {
            facts.binding.map(|binding| on_pod("get", binding, ""))
        }
        Refusal::Call(_) if reason == Reason::NodeNotFound => {
            facts.node.map(|node| format!("kubectl get node {}", word(node, "NODE")))
        }
        _ => None,
    };
    block.map_or_else(|| sentence.to_owned(), |block| with_block(sentence.trim_end_matches('.'), &block))
}

/// Row 26 as a warning.
#[must_use]
pub fn renew_pod(binding: &Binding) -> String {
    let sentence = "Restart the agent's pod, so that it gets a token of the present node";
    with_block(sentence, &on_pod("delete", binding, ""))
}

fn other_cluster(facts: &Facts<'_>) -> String {
    let configured: Vec<String> =
        facts.config.into_iter().flat_map(|config| config.clusters.keys()).cloned().collect();
    match configured.as_slice() {
        [] => "Configure the cluster: the configuration has none.".to_owned(),
        [one] => {
            with_block("Name the cluster in the agent's configuration as it is named here", &agent_line(one))
        }
        several => {
            let shown = &several[..several.len().min(NAMES_IN_A_SENTENCE)];
            let more = if shown.len() < several.len() { " and more" } else { "" };
            format!(
                "Set `cluster` of the agent's k8s_psat plugin to one of those that are configured, {}{more}, or configure \
                 the cluster that it names.",
                quoted_list(shown)
            )
        }
    }
}

fn agent_line(cluster: &str) -> String {
    format!("cluster = {}", json(&cluster))
}

fn accept_audience(cluster: &ClusterConfig, of_token: &[String]) -> String {
    let volume = format!(
        "Have the agent's token made for {} (`audience` of its projected serviceAccountToken volume)",
        quoted_list(&cluster.audience)
    );
    let new = of_token.iter().filter(|audience| !cluster.audience.contains(audience));
    let audiences: Vec<&String> = cluster.audience.iter().chain(new).collect();
    if audiences.len() == cluster.audience.len() {
        return format!("{volume}.");
    }
    let sentence = format!("{volume}, or accept the token's audience, if only agents have tokens for it");
    with_block(&sentence, &setting(cluster, "audience", &audiences))
}

/// What the API server says of a token's audiences, where it says it as kube-apiserver does. Its texts are no API.
fn audiences_in(error: &str) -> Vec<String> {
    let list = error.split_once("token audiences ").map_or("", |(_, rest)| rest);
    let mut lists = serde_json::Deserializer::from_str(list).into_iter::<Vec<String>>();
    lists.next().and_then(Result::ok).unwrap_or_default()
}

fn allow(cluster: &ClusterConfig, account: &str) -> String {
    let mut entries = cluster.service_account_allow_list.entries();
    entries.push(account.to_owned());
    let sentence = format!(
        "If agents run as {}, put it on the allow list; else have them run as an allowed one",
        quoted(account)
    );
    with_block(&sentence, &setting(cluster, "service_account_allow_list", &entries))
}

fn mount_bound_token(cluster: Option<&ClusterConfig>) -> String {
    let audience = cluster.and_then(|cluster| cluster.audience.first());
    let audience = audience.map_or_else(String::new, |one| format!("\n        audience: {}", json(one)));
    let volume = format!(
        "volumes:\n- name: spire-agent-token\n  projected:\n    sources:\n    - serviceAccountToken:\n        \
         path: spire-agent{audience}\n        expirationSeconds: 3600"
    );
    with_block(
        "Give the agent a token that is bound to its pod, from a projected volume of that pod",
        &volume,
    )
}

/// A token as an agent should have it, to compare with. The account is one that is allowed, where that is a name.
fn fresh_token(cluster: &ClusterConfig) -> String {
    let entries = cluster.service_account_allow_list.entries();
    let (namespace, account) =
        entries.iter().find_map(|entry| entry.split_once(':')).unwrap_or(("NAMESPACE", "SERVICE_ACCOUNT"));
    let audience = cluster.audience.first();
    let audience = audience.map_or_else(String::new, |one| format!(" --audience {}", word(one, "AUDIENCE")));
    format!(
        "kubectl create token {} --namespace {}{audience} --bound-object-kind Pod --bound-object-name POD",
        word(account, "SERVICE_ACCOUNT"),
        word(namespace, "NAMESPACE"),
    )
}

fn on_pod(verb: &str, binding: &Binding, more: &str) -> String {
    let (pod, namespace) = (word(&binding.pod_name, "POD"), word(&binding.namespace, "NAMESPACE"));
    format!("kubectl {verb} pod {pod} --namespace {namespace}{more}")
}

/// A line of configuration: its path, as notes have it, and its value as JSON, which HCL takes too.
fn setting(cluster: &ClusterConfig, key: &str, value: &impl Serialize) -> String {
    format!("{} = {}", cluster_setting(&cluster.name, key), json(value))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// `name` as a word of a shell's command. One that a shell could take for more than a word is left to the reader.
fn word<'n>(name: &'n str, placeholder: &'static str) -> Cow<'n, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '/');
    if !name.is_empty() && !name.starts_with('-') && name.chars().all(plain) {
        name.into()
    } else {
        placeholder.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_more_than_a_word_does_not_get_into_a_command() {
        for name in ["a b", "$(id)", "a;b", "-f", "a'b", "a\nb", ""] {
            assert_eq!(word(name, "POD"), "POD", "{name:?}");
        }
        assert_eq!(word("agent-1.x", "POD"), "agent-1.x");
    }

    #[test]
    fn the_audiences_of_a_token_are_read_from_what_the_api_server_says() {
        let error =
            r#"[invalid bearer token, token audiences ["a","b"] is invalid for the target audiences ["c"]]"#;
        assert_eq!(audiences_in(error), ["a", "b"]);
        for other in ["", "invalid bearer token", "token audiences [", "token audiences 5"] {
            assert!(audiences_in(other).is_empty(), "{other}");
        }
    }
}
