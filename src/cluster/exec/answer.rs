//! What a plugin answers.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::limits::EXEC_RENEWED_BEFORE;
use super::super::settings::{Authorization, SecretBytes};
use super::super::tls;

/// What a plugin makes. Two that are equal are one.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Credential {
    pub(in super::super) authorization: Option<Authorization>,
    /// Client certificate chain and key, both PEM.
    pub(in super::super) identity: Option<(Vec<u8>, SecretBytes)>,
}

/// A credential, and how long it is good for.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) credential: Arc<Credential>,
    expires: Option<SystemTime>,
    /// Until when a new one should be there.
    renew: Option<SystemTime>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredential {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    api_version: String,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    expiration_timestamp: Option<Zeroizing<String>>,
    token: Option<Zeroizing<String>>,
    client_certificate_data: Option<Zeroizing<String>>,
    client_key_data: Option<Zeroizing<String>>,
}

impl Answer {
    /// Reads what a plugin wrote. The error quotes nothing of it.
    pub(super) fn parse(output: &[u8], version: &str) -> Result<Self, &'static str> {
        let written: ExecCredential =
            serde_json::from_slice(output).map_err(|_| "wrote no ExecCredential in JSON")?;
        if written.kind != "ExecCredential" || written.api_version != version {
            return Err("wrote something other than an ExecCredential of the `apiVersion` that `exec` names");
        }
        let status = written.status.ok_or("wrote an ExecCredential without `status`")?;
        let filled =
            |text: Option<Zeroizing<String>>| text.filter(|text: &Zeroizing<String>| !text.is_empty());
        let identity = match (filled(status.client_certificate_data), filled(status.client_key_data)) {
            (Some(chain), Some(key)) => {
                let (chain, key) =
                    (chain.as_bytes().to_vec(), SecretBytes(Zeroizing::new(key.as_bytes().to_vec())));
                // An answer is kept for as long as it says: what cannot be used must not become one.
                tls::check_identity(&chain, &key)
                    .map_err(|_| "answered with a client certificate or a key that cannot be used")?;
                Some((chain, key))
            }
            (None, None) => None,
            _ => return Err("answered with a client certificate or a key, not with both"),
        };
        let authorization = match filled(status.token) {
            Some(token) => Some(
                Authorization::bearer(&token)
                    .map_err(|_| "answered with a token that no header can carry")?,
            ),
            None => None,
        };
        if identity.is_none() && authorization.is_none() {
            return Err("answered with neither a token nor a client certificate");
        }
        let expires = match status.expiration_timestamp {
            Some(text) => {
                let time: jiff::Timestamp =
                    text.parse().map_err(|_| "answered with an `expirationTimestamp` that is no time")?;
                Some(SystemTime::from(time))
            }
            None => None,
        };
        Ok(Self {
            credential: Arc::new(Credential { authorization, identity }),
            expires,
            renew: expires.map(|expires| renewal(expires, SystemTime::now())),
        })
    }

    pub(super) fn is_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| now > expires)
    }

    pub(super) fn is_due(&self, now: SystemTime) -> bool {
        self.renew.is_some_and(|renew| now >= renew)
    }
}

/// Some time before the expiry; for what lives so short, in the middle of its life.
fn renewal(expires: SystemTime, now: SystemTime) -> SystemTime {
    let life = expires.duration_since(now).unwrap_or(Duration::ZERO);
    // What lies before the beginning of time has expired.
    expires.checked_sub(EXEC_RENEWED_BEFORE.min(life / 2)).unwrap_or(expires)
}
