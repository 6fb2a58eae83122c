//! What is true of a case, as far as rules about differences need it. Worked out from the case alone, not from an answer.

use std::collections::{BTreeMap, BTreeSet};

use devcluster::{Answer, Answers, Fault};
use serde_json::{Value, json};

use crate::case::{Case, Config, EXTRA, TOKEN};

/// Whoever sends more is refused by this library.
const LONGEST_PAYLOAD: usize = 64 * 1024;
/// What this library's messages show of a name, and of other words of the API server, in characters.
const LONGEST_NAME: usize = 128;
const LONGEST_WORDS: usize = 512;

/// Words that rules name under `when`, and texts that they fill into messages.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) true_words: BTreeSet<&'static str>,
    pub(crate) texts: BTreeMap<&'static str, String>,
}

impl Facts {
    pub(crate) fn of(case: &Case, payload: Option<&[u8]>, token: &str) -> Self {
        let mut facts = Self::default();
        facts.payload(case, payload, token);
        facts.config(case);
        let status = case.status.clone().unwrap_or_else(|| case.true_status());
        facts.review(&status);
        facts.objects(case, &status);
        facts.answers(&case.world.answers);
        facts
    }

    fn word(&mut self, word: &'static str, holds: bool) {
        if holds {
            self.true_words.insert(word);
        }
    }

    /// A name as messages have it: quoted as Go does it, if it can be printed, as all can where rules look; and cut.
    fn text(&mut self, name: &'static str, text: &str) {
        let shown: String = text.chars().take(LONGEST_NAME).collect();
        let rest = if shown == text { "" } else { "…" };
        self.texts.insert(name, format!("{:?}", shown + rest));
    }

    fn payload(&mut self, case: &Case, payload: Option<&[u8]>, token: &str) {
        self.true_words.extend(case.payload.form);
        self.word("payload is empty", payload.is_some_and(<[u8]>::is_empty));
        self.word("payload over 64 KiB", payload.is_some_and(|payload| payload.len() > LONGEST_PAYLOAD));
        self.word("token has spaces around it", token.trim() != token);
        self.word("token is unbound", case.token.pod.is_none());
        self.word("passing failure", case.passing_failure);
    }

    fn config(&mut self, case: &Case) {
        self.text("cluster", case.names.cluster);
        let is_text = matches!(case.config, Some(Config::Text(_)));
        self.word("configuration is no JSON", is_text);
        let Some(Config::Json(config)) = &case.config else { return };
        let names = config["clusters"].as_object().into_iter().flat_map(|clusters| clusters.keys());
        self.word("cluster name is no SPIFFE path", names.into_iter().any(|name| !is_spiffe_path(name)));
        self.word(
            "trust domain over 255 bytes",
            texts(&config["trust_domain"]).next().is_some_and(|name| name.len() > 255),
        );
        self.word("clusters are null", config.get("clusters") == Some(&Value::Null));
        self.word("pod and node together", case.setting("lookup") != "sequential");
        self.word("signatures are verified", case.setting("verify_signature") == "auto");
        self.word("node UID must match", case.setting("require_node_uid_match") == true);
    }

    fn review(&mut self, status: &Value) {
        let user = &status["user"];
        let [system, kind, namespace, account] = parts(user);
        let groups: Vec<&str> = texts(&user["groups"]).collect();
        let own = format!("system:serviceaccounts:{namespace}");
        let is_account = (system, kind) == ("system", "serviceaccount")
            && ["system:serviceaccounts", &own].iter().all(|group| groups.contains(group))
            && is_url_segment(namespace)
            && is_url_segment(account);
        self.word("user is no service account", !is_account);
        self.text("account", &format!("{namespace}:{account}"));
        let pod = extra(user, "pod-name");
        self.word("pod name fits no URL", !is_url_segment(pod));
        self.text("pod", pod);
        self.text("pod UID", extra(user, "pod-uid"));
        let error = status["error"].as_str().unwrap_or_default();
        let start: String = error.chars().take(LONGEST_WORDS).collect();
        self.word("error over 512 characters", start != error);
        self.word("error repeats the token", error.contains(TOKEN));
        self.texts.insert("error:start", start);
    }

    /// Whatever is scripted as a body is not what was asked for.
    fn answers(&mut self, answers: &Answers) {
        let has_body =
            |script: &[Answer]| script.iter().any(|answer| answer.body.is_some() || answer.text.is_some());
        self.word("review is another object", has_body(&answers.token_review));
        self.word("pod is another object", has_body(&answers.pod));
        self.word("node is another object", has_body(&answers.node));
        let breaks =
            |answer: &Answer| matches!(answer.fault, Some(Fault::CloseBeforeHeaders | Fault::Garbage));
        let (pod, node) = (answers.pod.iter().any(breaks), answers.node.iter().any(breaks));
        self.word("node breaks the connection", node);
        self.word("pod or node breaks the connection", pod || node);
    }

    fn objects(&mut self, case: &Case, status: &Value) {
        let user = &status["user"];
        let [_, _, namespace, account] = parts(user);
        let Some(pod) = case.world.pod(namespace, extra(user, "pod-name")) else { return };
        let node_name = pod["spec"]["nodeName"].as_str().unwrap_or_default();
        self.word("pod has another UID", pod["metadata"]["uid"] != extra(user, "pod-uid"));
        self.word("pod runs as another account", pod["spec"]["serviceAccountName"] != account);
        self.word("containers have another type", pod["spec"]["containers"] != json!([]));
        self.word(
            "pod has ended",
            pod["status"]["phase"] == "Succeeded" || pod["status"]["phase"] == "Failed",
        );
        self.word("token is bound to another node", contradicts(user, "node-name", node_name));
        let Some(node) = case.world.node(node_name) else { return };
        let uid = node["metadata"]["uid"].as_str().unwrap_or_default();
        self.word("token is bound to an earlier node", contradicts(user, "node-uid", uid));
        let in_id =
            if case.setting("use_pod_uid_for_agent_id") == true { extra(user, "pod-uid") } else { uid };
        self.word("UID is no SPIFFE path segment", !is_spiffe_path(in_id) || in_id.contains('/'));
        self.word("UID is too long", in_id.len() > 1900);
    }
}

/// The four parts of a service account's name, empty where there are not four.
fn parts(user: &Value) -> [&str; 4] {
    let name = user["username"].as_str().unwrap_or_default();
    let parts: Vec<&str> = name.split(':').collect();
    parts.try_into().unwrap_or_default()
}

/// The first value of an extra.
fn extra<'s>(user: &'s Value, name: &str) -> &'s str {
    user["extra"][format!("{EXTRA}{name}")][0].as_str().unwrap_or_default()
}

fn contradicts(user: &Value, name: &str, truth: &str) -> bool {
    texts(&user["extra"][format!("{EXTRA}{name}")]).any(|value| value != truth)
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let list = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    list.iter().filter_map(Value::as_str)
}

fn is_url_segment(name: &str) -> bool {
    !["", ".", ".."].contains(&name) && !name.contains(['/', '%'])
}

fn is_spiffe_path(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    text.split('/').all(|segment| !["", ".", ".."].contains(&segment) && segment.chars().all(allowed))
}
