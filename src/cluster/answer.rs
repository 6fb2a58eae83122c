//! What the three answers must say to be taken for what was asked.

use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;
use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use super::api::{Node, Pod, TokenReviewStatus};
use super::error::Fault;
use super::nulls;

/// `status` of a TokenReview.
pub(super) fn token_review(body: &[u8]) -> Result<TokenReviewStatus, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct TokenReview<'a> {
        #[serde(borrow, default)]
        api_version: Text<'a>,
        #[serde(borrow, default)]
        kind: Text<'a>,
        #[serde(default)]
        status: Option<TokenReviewStatus>,
    }
    let TokenReview { api_version, kind, status } = parse(body)?;
    must_be(&[("authentication.k8s.io/v1", "TokenReview")], &api_version, &kind, status.is_some())?;
    Ok(status.unwrap_or_default())
}

/// The pod of this name, with those of its labels that have one of these keys.
pub(super) fn pod(body: &[u8], namespace: &str, name: &str, labels: &[String]) -> Result<Pod, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct PodObject<'a> {
        #[serde(borrow, default)]
        api_version: Text<'a>,
        #[serde(borrow, default)]
        kind: Text<'a>,
        #[serde(borrow, default)]
        metadata: Option<Metadata<'a>>,
        #[serde(borrow, default)]
        spec: Option<PodSpec<'a>>,
        #[serde(borrow, default)]
        status: Option<PodStatus<'a>>,
    }
    let PodObject { api_version, kind, metadata, spec, status } = parse(body)?;
    must_be(&[("v1", "Pod")], &api_version, &kind, metadata.is_some())?;
    let metadata = metadata.unwrap_or_default().must_name(Some(namespace), name)?;
    let (spec, status) = (spec.unwrap_or_default(), status.unwrap_or_default());
    Ok(Pod {
        labels: metadata.labels(labels),
        uid: metadata.uid.0.into_owned(),
        service_account_name: spec.service_account_name.0.into_owned(),
        node_name: spec.node_name.0.into_owned(),
        phase: status.phase.0.into_owned(),
        host_ip: status.host_ip.0.into_owned(),
    })
}

/// The node of this name: its metadata, or the whole object from a server that does not do less. Labels as in [`pod`].
pub(super) fn node(body: &[u8], name: &str, labels: &[String]) -> Result<Node, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct NodeObject<'a> {
        #[serde(borrow, default)]
        api_version: Text<'a>,
        #[serde(borrow, default)]
        kind: Text<'a>,
        #[serde(borrow, default)]
        metadata: Option<Metadata<'a>>,
    }
    let NodeObject { api_version, kind, metadata } = parse(body)?;
    let asked = [("meta.k8s.io/v1", "PartialObjectMetadata"), ("v1", "Node")];
    must_be(&asked, &api_version, &kind, metadata.is_some())?;
    let metadata = metadata.unwrap_or_default().must_name(None, name)?;
    Ok(Node { labels: metadata.labels(labels), uid: metadata.uid.0.into_owned() })
}

#[derive(Default, Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default)]
    namespace: Text<'a>,
    #[serde(borrow, default)]
    uid: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nulls::value")]
    labels: BTreeMap<Text<'a>, Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec<'a> {
    #[serde(borrow, default)]
    service_account_name: Text<'a>,
    #[serde(borrow, default)]
    node_name: Text<'a>,
}

#[derive(Default, Deserialize)]
struct PodStatus<'a> {
    #[serde(borrow, default)]
    phase: Text<'a>,
    #[serde(borrow, default, rename = "hostIP")]
    host_ip: Text<'a>,
}

/// A string of the answer, which `null` leaves empty.
#[derive(Default, PartialEq, Eq, PartialOrd, Ord)]
struct Text<'a>(Cow<'a, str>);

/// The parser's own words are left out: they quote what it stumbled over.
fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Fault> {
    // serde would take a list for a struct.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Fault::BadAnswer("the answer is no JSON object".to_owned()));
    }
    serde_json::from_slice(body).map_err(|error| {
        let what = match error.classify() {
            Category::Data => "has a value of the wrong type",
            Category::Eof => "is JSON that ends too early",
            Category::Syntax | Category::Io => "is not JSON",
        };
        Fault::BadAnswer(format!("the answer {what}, line {}, column {}", error.line(), error.column()))
    })
}

/// Whether the object is of a kind that was asked for. One that does not say its kind must have what makes it one.
fn must_be(
    asked: &[(&str, &str)],
    api_version: &Text<'_>,
    kind: &Text<'_>,
    has_substance: bool,
) -> Result<(), Fault> {
    let fits = match (&*api_version.0, &*kind.0) {
        ("", "") => has_substance,
        (api_version, kind) => asked.iter().any(|(asked_version, asked_kind)| {
            (kind.is_empty() && has_substance || kind == *asked_kind)
                && (api_version.is_empty() || api_version == *asked_version)
        }),
    };
    if fits {
        Ok(())
    } else {
        Err(Fault::BadAnswer(format!("the answer is no {}", asked[asked.len() - 1].1)))
    }
}

impl Metadata<'_> {
    /// The metadata, if it is that of the object asked for. What does not say its name is taken at the URL's word.
    fn must_name(self, namespace: Option<&str>, name: &str) -> Result<Self, Fault> {
        let is = |said: &Text<'_>, asked: &str| said.0.is_empty() || said.0 == asked;
        if is(&self.name, name) && namespace.is_none_or(|namespace| is(&self.namespace, namespace)) {
            Ok(self)
        } else {
            Err(Fault::BadAnswer("the answer is an object of another name".to_owned()))
        }
    }

    /// The labels that are there of those wanted. An object may have many more.
    fn labels(&self, wanted: &[String]) -> BTreeMap<String, String> {
        let label = |key: &String| Some((key.clone(), self.labels.get(key.as_str())?.0.to_string()));
        let mut found = BTreeMap::new();
        // Not collected: that would make a list first.
        found.extend(wanted.iter().filter_map(label));
        found
    }
}

impl Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or null")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Text<'de>, E> {
        Ok(Text::default())
    }
}
