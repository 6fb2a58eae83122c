//! What TokenReview says of a token beside whose it is.

use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Those of `status.user.extra` that an attestation reads.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Extras {
    /// The pod that the token is bound to.
    #[serde(rename = "authentication.kubernetes.io/pod-name")]
    pub pod_name: Extra,
    /// That pod's UID.
    #[serde(rename = "authentication.kubernetes.io/pod-uid")]
    pub pod_uid: Extra,
    /// The node that the token is bound to. Absent before Kubernetes 1.30.
    #[serde(rename = "authentication.kubernetes.io/node-name")]
    pub node_name: Extra,
    /// That node's UID. May be absent beside a name.
    #[serde(rename = "authentication.kubernetes.io/node-uid")]
    pub node_uid: Extra,
    /// The ID under which the API server's audit log knows the token.
    #[serde(rename = "authentication.kubernetes.io/credential-id")]
    pub credential_id: Extra,
}

/// The values of an extra, of which each should have one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Extra {
    /// Not there.
    #[default]
    Absent,
    /// There, once.
    One(String),
    /// There with so many values: none, or more than one.
    Count(usize),
}

impl<'de> Deserialize<'de> for Extra {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ExtraVisitor)
    }
}

struct ExtraVisitor;

impl<'de> Visitor<'de> for ExtraVisitor {
    type Value = Extra;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of strings or null")
    }

    fn visit_unit<E>(self) -> Result<Extra, E> {
        Ok(Extra::Count(0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Extra, A::Error> {
        let (mut count, mut value) = (0, String::new());
        while let Some(one) = list.next_element::<Option<String>>()? {
            count += 1;
            value = one.unwrap_or_default();
        }
        Ok(if count == 1 { Extra::One(value) } else { Extra::Count(count) })
    }
}
