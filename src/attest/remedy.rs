//! What to do about a refusal, with the very thing to use: the line of configuration, the manifest, the command.

use std::borrow::Cow;

use serde::Serialize;

use super::claims::ClaimsFault;
use super::refusal::Refusal;
use super::review::Binding;
use super::words::NAMES_IN_A_SENTENCE;
use crate::config::{ClusterConfig, Config, MAX_IN_FLIGHT_BOUNDS, cluster_setting};
use crate::outcome::Reason;
use crate::quote::{is_word, json, quoted};
use crate::step::with_block;

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
    /// Whose key has signed the token, if it is not known to be that cluster's.
    pub signed_by: Signer<'a>,
}

/// Which other cluster a token may be of.
#[derive(Clone, Copy, Debug, Default)]
pub enum Signer<'a> {
    /// Nothing speaks for one.
    #[default]
    Unknown,
    /// Its key has signed the token.
    Cluster(&'a str),
    /// None of so many, which are all that were looked at.
    NotAmong(usize),
}

/// What to do about `refusal`. For API failures see [`Advisor`](crate::cluster::api::Advisor), who knows more.
#[must_use]
pub fn remedy(refusal: &Refusal, facts: &Facts<'_>) -> String {
    let reason = refusal.reason();
    let sentence = reason.row().remedy;
    let block = match refusal {
        Refusal::ClusterUnknown { .. } => return other_cluster(facts),
        Refusal::SignatureInvalid | Refusal::TokenError { reason: Reason::TokenRejected, .. }
            if let Signer::Cluster(cluster) = facts.signed_by =>
        {
            let sentence = "The token is of another cluster: name that one in the agent's configuration";
            return with_block(sentence, &agent_line(cluster));
        }
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
        | Refusal::SignatureInvalid => return try_another(reason, facts.cluster),
        Refusal::ClaimsMissing { .. } => {
            return facts.cluster.map_or_else(|| sentence.into(), read_objects);
        }
        Refusal::Overloaded { .. } => return facts.cluster.map_or_else(|| sentence.into(), more_in_flight),
        Refusal::PodTerminated { .. } => {
            return facts.binding.map_or_else(|| sentence.into(), replace_pod);
        }
        Refusal::NodeUidMismatch { .. } => facts.binding.map(|binding| on_pod("delete", binding, "")),
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

/// A finished pod may be what is left of a job that succeeded: whether it is to be deleted is for the reader to say.
fn replace_pod(binding: &Binding) -> String {
    let sentence = "A finished pod does not attest. If its controller is to make a successor, delete it";
    with_block(sentence, &on_pod("delete", binding, ""))
}

fn try_another(reason: Reason, cluster: Option<&ClusterConfig>) -> String {
    let sentence = match reason {
        Reason::TokenRejected => "The usual causes are a token of another cluster and a pod that is gone.",
        reason => reason.row().remedy,
    };
    cluster.map_or_else(
        || sentence.to_owned(),
        |cluster| {
            let sentence = format!("{sentence} To try with a token as an agent should have it, make one");
            with_block(&sentence, &fresh_token(cluster))
        },
    )
}

fn read_objects(cluster: &ClusterConfig) -> String {
    let sentence = "Kubernetes 1.30 or later sends both; with an earlier one have pods and nodes read, which the user of the \
                    credential has to be permitted (`check` tells)";
    with_block(sentence, &setting(cluster, "lookup", &"auto"))
}

fn more_in_flight(cluster: &ClusterConfig) -> String {
    let most = usize::try_from(*MAX_IN_FLIGHT_BOUNDS.end()).unwrap_or(usize::MAX);
    if cluster.max_in_flight >= most {
        return "Let the agent retry; find out why the API server is slow.".to_owned();
    }
    let more = cluster.max_in_flight.saturating_mul(2).min(most);
    let sentence = "Let the agent retry; find out why the API server is slow, or raise what it is asked at the same time";
    with_block(sentence, &setting(cluster, "max_in_flight", &more))
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
                json(shown)
            )
        }
    }
}

fn agent_line(cluster: &str) -> String {
    format!("cluster = {}", json(&cluster))
}

fn accept_audience(cluster: &ClusterConfig, of_token: &[String]) -> String {
    let (volume, besides) = match cluster.audience.as_slice() {
        [] => (
            "Have the agent's token made for the API server itself (no `audience` in its projected serviceAccountToken volume)"
                .to_owned(),
            " and no longer the API server's own",
        ),
        wanted => (
            format!(
                "Have the agent's token made for one of {} (`audience` of its projected serviceAccountToken volume)",
                json(wanted)
            ),
            "",
        ),
    };
    let new =
        of_token.iter().filter(|audience| !cluster.audience.contains(audience)).take(NAMES_IN_A_SENTENCE);
    let audiences: Vec<&String> = cluster.audience.iter().chain(new).collect();
    if audiences.len() == cluster.audience.len() {
        return format!("{volume}.");
    }
    let sentence =
        format!("{volume}, or accept the token's audience{besides}, if only agents have tokens for it");
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
    let account = quoted(account);
    let sentence = if cluster.use_pod_uid_for_agent_id || entries.len() == 1 {
        format!("Have agents run as an allowed account; or, if they run as {account}, allow it")
    } else {
        // Several accounts that make one agent ID can stand in for each other.
        format!(
            "Have agents run as an allowed account. Or, if they run as {account} now, allow it in place of the account that \
             it replaces; or beside it, if pods of all these accounts may have the same agent ID on a node \
             (`use_pod_uid_for_agent_id` gives them different ones)"
        )
    };
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

/// `name` as a word of a shell's command. One that a shell could take for more than a word is left to the reader.
fn word<'n>(name: &'n str, placeholder: &'static str) -> Cow<'n, str> {
    if is_word(name) { name.into() } else { placeholder.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_more_than_a_word_does_not_get_into_a_command() {
        assert_eq!(word("$(id)", "POD"), "POD");
        assert_eq!(word("agent-1.x", "POD"), "agent-1.x");
    }

    #[test]
    fn more_calls_at_a_time_are_no_more_than_the_configuration_takes() {
        let remedy_at = |max: u64| {
            let text = format!(
                r#"{{"trust_domain":"a.b","clusters":{{"demo":{{"service_account_allow_list":["a:b"],"max_in_flight":{max}}}}}}}"#
            );
            let config = crate::config::check(text.as_bytes()).config.expect("a valid configuration");
            more_in_flight(&config.clusters["demo"])
        };
        assert!(remedy_at(64).ends_with(":\nclusters.demo.max_in_flight = 128"));
        assert!(remedy_at(40_000).ends_with(":\nclusters.demo.max_in_flight = 65536"));
        assert!(!remedy_at(65_536).contains("max_in_flight"));
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
