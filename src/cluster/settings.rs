//! What a kubeconfig or the in-cluster files say, in one form: where the API server is, how it is trusted, and who asks.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue, Uri};
use rustls_pki_types::ServerName;
use zeroize::Zeroizing;

use super::exec::Plugin;
use super::proxy::Proxy;

/// Everything that a cluster needs to be asked.
#[derive(Debug)]
pub(super) struct Settings {
    /// Where the API server is.
    pub(super) server: Server,
    /// How it is trusted and what it is shown.
    pub(super) tls: TlsSettings,
    /// Who asks, unless the client certificate says it.
    pub(super) authorization: Option<Authorization>,
    /// As whom is asked, in headers: none without impersonation.
    pub(super) impersonation: HeaderMap,
    /// What connections go through.
    pub(super) proxy: Option<Proxy>,
    /// What has to be run for `authorization` and the client certificate.
    pub(super) plugin: Option<Arc<Plugin>>,
}

/// The API server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
    /// What stands before every path: empty, or `/…` without a slash at its end.
    pub(super) base_path: String,
}

/// What a TLS connection is made of. Two of them that are equal can share connections.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TlsSettings {
    pub(super) trust: Trust,
    /// Client certificate chain and key, both PEM.
    pub(super) identity: Option<(Vec<u8>, SecretBytes)>,
    /// The name that the server's certificate must bear, if not the address's.
    pub(super) server_name: Option<String>,
}

/// Which server certificates are accepted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Those that the system's roots vouch for.
    System,
    /// Those that these certificates (PEM) vouch for.
    Roots(Vec<u8>),
    /// All: `insecure-skip-tls-verify`.
    Anyone,
}

/// Bytes that no formatter shows and that are wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SecretBytes(pub(super) Zeroizing<Vec<u8>>);

/// The `Authorization` header, and the secrets in it as they might be echoed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Authorization {
    pub(super) header: HeaderValue,
    pub(super) secrets: [Zeroizing<String>; 2],
}

impl Server {
    /// Takes `server` of a kubeconfig apart, as client-go does: without a scheme it gets `https` if something is said
    /// about TLS, else `http`; query and fragment are dropped.
    pub(super) fn parse(text: &str, default_tls: bool) -> Result<Self, String> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Scheme::HTTPS, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Scheme::HTTP, rest),
            Some(_) => return Err("`server` is neither an https nor an http URL".to_owned()),
            None if default_tls => (Scheme::HTTPS, text),
            None => (Scheme::HTTP, text),
        };
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        // Behind a slash too: a password that holds one ends the authority, and would be shown as part of a path.
        if rest.contains('@') {
            return Err(
                "`server` holds user info; put it into the user's `username` and `password`".to_owned()
            );
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority: Authority = authority.parse().map_err(|_| "`server` is not a URL".to_owned())?;
        let has_port = authority.as_str().len() > authority.host().len();
        if authority.host().is_empty() || has_port && authority.port_u16().is_none() {
            return Err("`server` is not a URL".to_owned());
        }
        let base_path = path.trim_end_matches('/').to_owned();
        if !base_path.is_empty() && !text.contains("://") {
            return Err("`server` has a path and no scheme".to_owned());
        }
        if !base_path.is_empty() && base_path.parse::<Uri>().is_err() {
            return Err("`server` is not a URL".to_owned());
        }
        Ok(Self { scheme, authority, base_path })
    }

    /// Scheme and authority, for texts and as the key of connections.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// The address to connect to.
    pub(super) fn uri(&self) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query("/")
            .build()
    }

    /// The host, without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        let host = self.authority.host();
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    pub(super) fn port(&self) -> u16 {
        let default = if self.scheme == Scheme::HTTPS { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(default)
    }
}

impl Settings {
    /// Rules that hold wherever the settings come from.
    pub(super) fn check(&self) -> Result<(), String> {
        let secure = self.server.scheme == Scheme::HTTPS;
        let credential = self.authorization.is_some() || self.tls.identity.is_some() || self.plugin.is_some();
        if !secure && credential {
            return Err("`server` is plain http, and credentials are never sent over that".to_owned());
        }
        if let Some(proxy) = self.proxy.as_ref().filter(|_| !secure) {
            return Err(format!("`server` is plain http, which is not asked through a proxy ({proxy})"));
        }
        if secure {
            let name = self.tls.server_name.as_deref().unwrap_or(self.server.host());
            if ServerName::try_from(name).is_err() {
                return Err(
                    "`server` or `tls-server-name` is neither a DNS name nor an IP address".to_owned()
                );
            }
        }
        Ok(())
    }
}

impl Authorization {
    /// `Bearer`, with the spaces around the token trimmed.
    pub(super) fn bearer(token: &str) -> Result<Self, String> {
        let token = token.trim();
        if token.is_empty() {
            return Err("is empty".to_owned());
        }
        Self::new(&Zeroizing::new(format!("Bearer {token}")), [token, ""])
    }

    /// `Basic`
    pub(super) fn basic(username: &str, password: &str) -> Result<Self, String> {
        let pair = Zeroizing::new(format!("{username}:{password}"));
        let encoded = Zeroizing::new(BASE64_STANDARD.encode(pair.as_bytes()));
        Self::new(&Zeroizing::new(format!("Basic {}", encoded.as_str())), [password, encoded.as_str()])
    }

    fn new(value: &str, secrets: [&str; 2]) -> Result<Self, String> {
        let mut header = HeaderValue::from_str(value)
            .map_err(|_| "holds characters that no header can carry".to_owned())?;
        header.set_sensitive(true);
        Ok(Self { header, secrets: secrets.map(|secret| Zeroizing::new(secret.to_owned())) })
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes([hidden])")
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization([hidden])")
    }
}
