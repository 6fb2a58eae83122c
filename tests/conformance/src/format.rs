//! The data files as types. README.md is the description for people.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::text::Names;

/// `base.json`: what every case starts from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Base {
    #[serde(rename = "about")]
    _about: String,
    /// The configuration.
    pub(crate) config: Value,
    /// The cluster's state.
    pub(crate) world: Value,
    /// The token asked for.
    pub(crate) token: Value,
    /// What the agent sends.
    pub(crate) payload: Input,
    /// Expectations by name, for `like`.
    pub(crate) expectations: BTreeMap<String, Value>,
}

/// One case, its file's defaults already in it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// Set after reading: the file that it stands in.
    #[serde(skip)]
    pub(crate) file: String,
    /// A statement.
    pub(crate) name: String,
    /// The rows of the table that it shows.
    #[serde(default)]
    pub(crate) rows: Vec<u8>,
    /// Patch over the base configuration.
    #[serde(default)]
    pub(crate) config: Value,
    /// The whole configuration instead.
    pub(crate) config_text: Option<Input>,
    /// Patch over the base world.
    #[serde(default)]
    pub(crate) world: Value,
    /// Patch over `status` of the true answer to the token review.
    #[serde(default)]
    pub(crate) review: Value,
    /// Patch over the world's first pod.
    #[serde(default)]
    pub(crate) pod: Value,
    /// Patch over the world's first node.
    #[serde(default)]
    pub(crate) node: Value,
    /// Patch over the base token.
    #[serde(default)]
    pub(crate) token: Value,
    /// Files to be written into `${dir}` first.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, String>,
    /// What the agent sends.
    pub(crate) payload: Option<Input>,
    /// What the host adds.
    pub(crate) options: Option<Input>,
    /// The values of `lookup` to run it with; none = the configuration stays as it is.
    #[serde(default)]
    pub(crate) lookups: Vec<String>,
    /// Ways into the library, if not all.
    pub(crate) via: Option<Vec<Via>>,
    /// Patch over `expect` for the run `keys`, where the token alone decides.
    #[serde(default)]
    pub(crate) by_keys: Value,
    /// Configuration case: patch over the base configuration, to be judged by `validate`.
    pub(crate) validate: Option<Value>,
    /// Configuration case: the whole text.
    pub(crate) validate_text: Option<Input>,
    /// Texts that no document may hold.
    #[serde(default)]
    pub(crate) markers: Vec<String>,
    /// The outcome, in the style `precise`.
    pub(crate) expect: Value,
    /// Patch over `expect` for the style `upstream`; absent = not run in that style.
    pub(crate) upstream: Option<Value>,
    /// Patch over the configuration for that run, after `error_style` was set.
    #[serde(default)]
    pub(crate) upstream_config: Value,
}

/// Ways of putting an attestation to the library.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Via {
    /// A blocking call on an attestor that was made with the configuration.
    Blocking,
    /// Through a queue, on an attestor that was made empty and configured afterwards.
    Queue,
    /// Three at once; the first answer counts.
    Crowd,
    /// As `Blocking`, with every check shown.
    Explain,
    /// As `Blocking`, with `verify_signature` on where the case has it off: the result is the same.
    Keys,
}

/// Bytes to hand over, or the NULL pointer.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Input {
    /// The text itself, filled.
    Text(String),
    /// Any other form.
    Form(Form),
}

/// The forms of [`Input`] that are no plain text.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Form {
    /// A value, filled and then written as JSON.
    Json(Value),
    /// Bytes that are no text.
    Base64(String),
    /// A text, filled and then followed by spaces up to a length.
    Padded {
        /// The text.
        text: String,
        /// The length in bytes.
        to: usize,
    },
    /// The NULL pointer if `true`.
    Null(bool),
}

impl Input {
    /// The bytes; `None` = the NULL pointer.
    pub(crate) fn bytes(&self, names: &Names) -> Result<Option<Vec<u8>>, String> {
        Ok(match self {
            Self::Text(text) => Some(names.fill(text)?.into_bytes()),
            Self::Form(Form::Json(value)) => Some(names.fill_value(value)?.to_string().into_bytes()),
            Self::Form(Form::Base64(text)) => Some(
                base64::engine::general_purpose::STANDARD
                    .decode(text)
                    .map_err(|error| format!("base64 {text:?}: {error}"))?,
            ),
            Self::Form(Form::Padded { text, to }) => {
                let mut bytes = names.fill(text)?.into_bytes();
                if bytes.len() > *to {
                    return Err(format!("a text of {} bytes is to be padded to {to}", bytes.len()));
                }
                bytes.resize(*to, b' ');
                Some(bytes)
            }
            Self::Form(Form::Null(null)) => (!null).then(Vec::new),
        })
    }
}

/// What a run must end in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// Returned, and standing in the document.
    pub(crate) code: i32,
    /// The stable word.
    pub(crate) reason: String,
    /// The whole message.
    pub(crate) message: Option<String>,
    /// Its beginning, where the rest is not fixed.
    pub(crate) message_begins: Option<String>,
    /// The agent's identity.
    pub(crate) spiffe_id: Option<String>,
    /// All selectors in order.
    pub(crate) selectors: Option<Vec<String>>,
    /// The words that the warnings begin with, in order.
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
    /// `diagnostics.lookup`
    pub(crate) lookup: Option<String>,
    /// Requests that the cluster counted.
    #[serde(default)]
    pub(crate) calls: BTreeMap<String, Count>,
    /// Parts of `diagnostics.detail`.
    #[serde(default)]
    pub(crate) detail_contains: Vec<String>,
    /// Members that `diagnostics` has beside others.
    #[serde(default)]
    pub(crate) diagnostics: Map<String, Value>,
    /// Texts that the document does not hold.
    #[serde(default)]
    pub(crate) not_contains: Vec<String>,
    /// Configuration cases: whether it may be used.
    pub(crate) valid: Option<bool>,
    /// Configuration cases: every note matches one of these, and the other way round.
    pub(crate) notes: Option<Vec<Note>>,
}

/// How often something is asked for: so often, or one of several numbers where a race decides.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(untagged)]
pub(crate) enum Count {
    /// Exactly.
    Exactly(u64),
    /// One of these.
    OneOf(Vec<u64>),
}

impl Count {
    /// Whether `number` is right.
    pub(crate) fn allows(&self, number: u64) -> bool {
        match self {
            Self::Exactly(wanted) => *wanted == number,
            Self::OneOf(wanted) => wanted.contains(&number),
        }
    }
}

/// What a note must be like.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    /// `error`, `warning` or `info`.
    pub(crate) severity: String,
    /// The whole path.
    pub(crate) path: Option<String>,
    /// The beginning of the path, where a list or its item may be named.
    pub(crate) path_begins: Option<String>,
    /// Part of the message, letter case ignored.
    pub(crate) message_contains: Option<String>,
}

impl Case {
    /// Whether it is about a configuration instead of an attestation.
    pub(crate) fn is_about_configuration(&self) -> bool {
        self.validate.is_some() || self.validate_text.is_some()
    }

    /// Whether all its clusters leave the judging of signatures to the API server, in its own words.
    pub(crate) fn turns_verifying_off(&self) -> bool {
        self.config.pointer("/clusters/demo/verify_signature").is_some_and(|value| value == "off")
    }

    /// File and name, as failures and `--filter` use them.
    pub(crate) fn title(&self) -> String {
        format!("{}/{}", self.file, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn inputs_become_bytes() {
        let mut names = Names::default();
        names.set("token", "t");
        let bytes = |json: Value| -> Option<Vec<u8>> {
            let input: Input = serde_json::from_value(json).expect("a form of input");
            input.bytes(&names).expect("can be filled")
        };
        assert_eq!(bytes(json!("a${token}")), Some(b"at".to_vec()));
        assert_eq!(bytes(json!({"json": {"a": "${token}"}})), Some(br#"{"a":"t"}"#.to_vec()));
        assert_eq!(bytes(json!({"base64": "/w=="})), Some(vec![0xff]));
        assert_eq!(bytes(json!({"padded": {"text": "x", "to": 3}})), Some(b"x  ".to_vec()));
        assert_eq!(bytes(json!({"null": true})), None);
    }
}
