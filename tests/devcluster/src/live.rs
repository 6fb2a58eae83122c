//! A world made ready to answer: objects rendered, names indexed, scripts at their beginning.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::{Answer, Call};
use crate::keys::Keys;
use crate::reply::render;
use crate::world::World;

/// A world made ready to answer.
pub(crate) struct Live {
    pub(crate) world: World,
    pub(crate) keys: Arc<Keys>,
    /// The body of `/openid/v1/jwks`.
    pub(crate) key_set: Bytes,
    pods: HashMap<String, Object>,
    nodes: HashMap<String, Object>,
    service_accounts: HashSet<String>,
    scripts: Scripts,
}

/// A pod or a node.
pub(crate) struct Object {
    pub(crate) facts: Facts,
    pub(crate) body: Bytes,
    /// As `PartialObjectMetadata`.
    pub(crate) metadata_body: Bytes,
}

/// What token review needs of an object.
pub(crate) struct Facts {
    pub(crate) uid: String,
    /// Seconds since the epoch.
    pub(crate) deleted_at: Option<i64>,
}

impl Live {
    pub(crate) fn new(world: World, keys: Arc<Keys>) -> Live {
        let pods = world.pods.iter().map(|pod| {
            let metadata = &pod["metadata"];
            (pod_key(text(&metadata["namespace"]), text(&metadata["name"])), Object::of(pod))
        });
        let nodes =
            world.nodes.iter().map(|node| (text(&node["metadata"]["name"]).to_owned(), Object::of(node)));
        Live {
            pods: pods.collect(),
            nodes: nodes.collect(),
            service_accounts: world.service_accounts.iter().cloned().collect(),
            key_set: keys.signing.key_set(&world.signing_keys).to_string().into(),
            scripts: Scripts::default(),
            world,
            keys,
        }
    }

    pub(crate) fn pod(&self, namespace: &str, name: &str) -> Option<&Object> {
        self.pods.get(&pod_key(namespace, name))
    }

    pub(crate) fn node(&self, name: &str) -> Option<&Object> {
        self.nodes.get(name)
    }

    pub(crate) fn has_service_account(&self, namespace: &str, name: &str) -> bool {
        self.service_accounts.contains(&format!("{namespace}:{name}"))
    }

    /// The next scripted answer to a call: one after the other, the last one again and again.
    pub(crate) fn next_answer(&self, call: Call) -> Option<&Answer> {
        let script = self.world.answers.of(call);
        let last = script.len().checked_sub(1)?;
        let position = self.scripts.position(call).fetch_add(1, Ordering::Relaxed);
        script.get(position.min(last))
    }
}

impl Object {
    fn of(object: &Value) -> Object {
        let metadata = &object["metadata"];
        let partial =
            json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata});
        Object {
            facts: Facts {
                uid: text(&metadata["uid"]).to_owned(),
                deleted_at: metadata["deletionTimestamp"].as_str().and_then(seconds_of),
            },
            body: render(object),
            metadata_body: render(&partial),
        }
    }
}

/// How far each script has been played.
#[derive(Default)]
struct Scripts {
    token_review: AtomicUsize,
    pod: AtomicUsize,
    node: AtomicUsize,
    jwks: AtomicUsize,
    access_review: AtomicUsize,
}

impl Scripts {
    fn position(&self, call: Call) -> &AtomicUsize {
        match call {
            Call::TokenReview => &self.token_review,
            Call::Pod => &self.pod,
            Call::Node => &self.node,
            Call::Jwks => &self.jwks,
            Call::AccessReview => &self.access_review,
        }
    }
}

fn pod_key(namespace: &str, name: &str) -> String {
    format!("{namespace}/{name}")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Reads a Kubernetes time, `2026-01-05T08:00:00Z`.
fn seconds_of(time: &str) -> Option<i64> {
    let (date, clock) = time.strip_suffix('Z')?.split_once('T')?;
    let numbers = |text: &str, separator| -> Option<[i64; 3]> {
        let parts: Vec<i64> = text.split(separator).map(str::parse).collect::<Result<_, _>>().ok()?;
        parts.try_into().ok()
    };
    let [year, month, day] = numbers(date, '-')?;
    let [hours, minutes, seconds] = numbers(clock, ':')?;
    // Years that begin in March put the leap day at their end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 1
        - 719_468;
    Some(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubernetes_times_are_read() {
        assert_eq!(seconds_of("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds_of("2000-02-29T23:59:59Z"), Some(951_868_799));
        assert_eq!(seconds_of("2026-01-05T08:00:00Z"), Some(1_767_600_000));
        assert_eq!(seconds_of("yesterday"), None);
        assert_eq!(seconds_of("2026-01T08:00:00Z"), None);
    }
}
