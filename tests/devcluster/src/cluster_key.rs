//! Which signing keys a cluster has, and how it publishes them.

use serde::{Deserialize, Serialize};

use crate::token::Algorithm;

/// How many key pairs there are of each algorithm.
pub const KEYS_PER_ALGORITHM: usize = 4;

/// A signing key of a cluster. In JSON an algorithm's name stands for its first key, known under its own kid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Form")]
pub struct ClusterKey {
    /// The algorithm.
    pub alg: Algorithm,
    /// Which of the algorithm's key pairs, from 0. Another one under the same `kid` is a key that was replaced.
    pub number: usize,
    /// The kid that it is known under; its own, a digest of the key, unless given. Empty: it is published without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// Whether it stands among the published keys, or signs and is accepted without that.
    pub published: bool,
}

impl From<Algorithm> for ClusterKey {
    fn from(alg: Algorithm) -> ClusterKey {
        ClusterKey { alg, number: 0, kid: None, published: true }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Name(Algorithm),
    Key(Members),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    alg: Algorithm,
    #[serde(default)]
    number: usize,
    kid: Option<String>,
    #[serde(default = "yes")]
    published: bool,
}

fn yes() -> bool {
    true
}

impl From<Form> for ClusterKey {
    fn from(form: Form) -> ClusterKey {
        match form {
            Form::Name(alg) => alg.into(),
            Form::Key(Members { alg, number, kid, published }) => ClusterKey { alg, number, kid, published },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_the_first_key() {
        let read = |json: &str| serde_json::from_str::<ClusterKey>(json);
        assert_eq!(read(r#""ES256""#).expect("a name"), Algorithm::Es256.into());
        assert_eq!(read(r#"{"alg":"ES256"}"#).expect("an object"), Algorithm::Es256.into());
        let key = ClusterKey { alg: Algorithm::Rs256, number: 2, kid: Some("k".into()), published: false };
        assert_eq!(read(&serde_json::to_string(&key).expect("JSON")).expect("the same"), key);
        for wrong in [r#"{"alg":"ES256","use":"sig"}"#, r#""HS256""#, "{}"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
