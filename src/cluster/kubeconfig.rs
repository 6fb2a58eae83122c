//! The settings that a kubeconfig's current context names, read as client-go reads them.
//!
//! Deliberate differences: a kubeconfig without a usable context is an error and never means in-cluster, which would
//! review one cluster's tokens at another; a credential beside a plain-http `server` is an error, where client-go drops
//! the credential and asks without; and so is user info in `server`, which client-go sends as basic authentication.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use kube::config::{AuthInfo, Cluster, Context, Kubeconfig, KubeconfigError};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::environment::Environment;
use super::error::Fault;
use super::exec::{ClusterInfo, Plugin};
use super::files::Files;
use super::impersonation;
use super::proxy::Proxy;
use super::settings::{Authorization, SecretBytes, Server, Settings, TlsSettings, Trust};

/// Reads the kubeconfig at `path` and every file that its current context names.
pub(super) fn load(path: &Path, environment: &Environment, files: &mut Files) -> Result<Settings, Fault> {
    let config = parse(files.read("kubeconfig", path)?).map_err(|problem| fault(path, problem))?;
    let (cluster, user) = current(&config).map_err(|problem| fault(path, problem))?;
    // A context without user asks anonymously.
    let nobody = AuthInfo::default();
    let user = user.unwrap_or(&nobody);
    refuse_auth_provider(user).map_err(|problem| fault(path, problem))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut loader = Loader { path, folder, files };

    let roots = loader.bytes(
        "certificate-authority",
        text(cluster.certificate_authority_data.as_deref()),
        text(cluster.certificate_authority.as_deref()),
    )?;
    let identity = loader.identity(user)?;
    let authorization = loader.authorization(user)?;
    let impersonation = impersonation::headers(user).map_err(|problem| fault(path, problem))?;
    let info = ClusterInfo { cluster, authority: roots.as_ref().map(|roots| roots.as_slice()) };
    let plugin = user.exec.as_ref().map(|exec| Plugin::new(exec, folder, &info)).transpose();
    let plugin = plugin.map_err(|problem| fault(path, problem))?;
    // As in client-go, a credential that is there already is used, and the plugin is not asked.
    let plugin = plugin.filter(|_| authorization.is_none() && identity.is_none()).map(Arc::new);
    let trust = match (cluster.insecure_skip_tls_verify.unwrap_or_default(), roots) {
        (true, Some(_)) => {
            return Err(fault(path, "`insecure-skip-tls-verify` excludes `certificate-authority`"));
        }
        (true, None) => Trust::Anyone,
        (false, Some(roots)) => Trust::Roots(roots.to_vec()),
        (false, None) => Trust::System,
    };

    let default_tls = trust != Trust::System || identity.is_some();
    let server = text(cluster.server.as_deref()).ok_or_else(|| fault(path, "the cluster has no `server`"))?;
    let server = Server::parse(server, default_tls).map_err(|problem| fault(path, problem))?;
    let server_name = text(cluster.tls_server_name.as_deref())
        .map(|name| name.trim_start_matches('[').trim_end_matches(']').to_owned());
    let proxy = proxy(cluster, &server, environment).map_err(|problem| fault(path, problem))?;
    let tls = TlsSettings { trust, identity, server_name };
    let settings = Settings { server, tls, authorization, impersonation, proxy, plugin };
    settings.check().map_err(|problem| fault(path, problem))?;
    Ok(settings)
}

/// `proxy-url`, for every server whatever `NO_PROXY` says; else what the environment names.
fn proxy(cluster: &Cluster, server: &Server, environment: &Environment) -> Result<Option<Proxy>, String> {
    match text(cluster.proxy_url.as_deref()) {
        Some(url) => Proxy::of_kubeconfig(url).map(Some).map_err(|problem| format!("`proxy-url` {problem}")),
        None => environment.proxy(server),
    }
}

/// The text, unless it is empty: client-go takes the empty string for unset.
fn text(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty())
}

fn secret(value: Option<&SecretString>) -> Option<&str> {
    text(value.map(SecretString::expose_secret))
}

fn fault(path: &Path, problem: impl Into<String>) -> Fault {
    Fault::Kubeconfig { path: path.to_owned(), problem: problem.into() }
}

/// The parser's own words are left out: they quote what it stumbled over.
fn parse(bytes: &[u8]) -> Result<Kubeconfig, String> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let document = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8 text")?;
    Kubeconfig::from_yaml(document).map_err(|error| match error {
        KubeconfigError::Parse(error) => match error.location() {
            Some(place) => format!(
                "malformed YAML or a value of the wrong type at line {}, column {}",
                place.line(),
                place.column()
            ),
            None => "malformed YAML or a value of the wrong type".to_owned(),
        },
        KubeconfigError::KindMismatch | KubeconfigError::ApiVersionMismatch => {
            "its documents differ in `kind` or `apiVersion`".to_owned()
        }
        _ => "cannot be parsed".to_owned(),
    })
}

/// Cluster and user of the current context. A context without user asks anonymously.
fn current(config: &Kubeconfig) -> Result<(&Cluster, Option<&AuthInfo>), String> {
    let Some(name) = text(config.current_context.as_deref()) else {
        return Err(if config.contexts.is_empty() && config.clusters.is_empty() {
            "is empty: it has no clusters and no contexts".to_owned()
        } else {
            "has no `current-context`".to_owned()
        });
    };
    let contexts = config.contexts.iter().map(|named| (named.name.as_str(), named.context.as_ref()));
    let context: &Context = only("context", name, contexts)?;
    if context.cluster.is_empty() {
        return Err(format!("context {name:?} names no cluster"));
    }
    let clusters = config.clusters.iter().map(|named| (named.name.as_str(), named.cluster.as_ref()));
    let cluster = only("cluster", &context.cluster, clusters)?;
    let users = config.auth_infos.iter().map(|named| (named.name.as_str(), named.auth_info.as_ref()));
    let user = match text(context.user.as_deref()) {
        // `user: {}` and `user:` alike mean a user without credentials.
        Some(user)
            if config.auth_infos.iter().any(|named| named.name == user && named.auth_info.is_none()) =>
        {
            None
        }
        Some(user) => Some(only("user", user, users)?),
        None => None,
    };
    Ok((cluster, user))
}

/// The one entry of this name.
fn only<'a, T>(
    what: &str,
    name: &str,
    mut entries: impl Iterator<Item = (&'a str, Option<&'a T>)>,
) -> Result<&'a T, String> {
    let found = entries.find(|(entry, _)| *entry == name);
    if found.is_some() && entries.any(|(entry, _)| entry == name) {
        return Err(format!("{what} {name:?} is there more than once"));
    }
    found.and_then(|(_, entry)| entry).ok_or_else(|| format!("{what} {name:?} is not there"))
}

/// The old way to have a credential made, which client-go has only some of left. Refused by name, never passed over.
fn refuse_auth_provider(user: &AuthInfo) -> Result<(), String> {
    user.auth_provider.as_ref().map_or(Ok(()), |provider| {
        Err(format!(
            "`auth-provider` ({:?}) is not supported: use a token, a client certificate or an exec plugin",
            provider.name
        ))
    })
}

/// Reads what a context names, inline or in files beside the kubeconfig.
struct Loader<'a> {
    path: &'a Path,
    folder: &'a Path,
    files: &'a mut Files,
}

impl Loader<'_> {
    /// Inline data or a file's bytes. Both are one too many, as in client-go.
    fn bytes(
        &mut self,
        what: &'static str,
        data: Option<&str>,
        file: Option<&str>,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Fault> {
        if data.is_some() && file.is_some() {
            return Err(fault(
                self.path,
                format!("has both `{what}` and `{what}-data`: one of them must go"),
            ));
        }
        if let Some(data) = data {
            let compact: Zeroizing<String> =
                Zeroizing::new(data.chars().filter(|c| !c.is_ascii_whitespace()).collect());
            let bytes = BASE64_STANDARD
                .decode(compact.as_bytes())
                .map_err(|_| fault(self.path, format!("`{what}-data` is not base64")))?;
            return Ok(Some(Zeroizing::new(bytes)));
        }
        file.map(|file| self.file(what, file)).transpose()
    }

    fn file(&mut self, what: &'static str, file: &str) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let path: PathBuf = self.folder.join(file);
        Ok(Zeroizing::new(self.files.read(what, &path)?.to_vec()))
    }

    fn identity(&mut self, user: &AuthInfo) -> Result<Option<(Vec<u8>, SecretBytes)>, Fault> {
        let chain = self.bytes(
            "client-certificate",
            text(user.client_certificate_data.as_deref()),
            text(user.client_certificate.as_deref()),
        )?;
        // A key without a certificate says nothing; client-go passes it over.
        let Some(chain) = chain else { return Ok(None) };
        let key = self.bytes(
            "client-key",
            secret(user.client_key_data.as_ref()),
            text(user.client_key.as_deref()),
        )?;
        match key {
            Some(key) => Ok(Some((chain.to_vec(), SecretBytes(key)))),
            None => Err(fault(self.path, "the user has a client certificate and no `client-key`")),
        }
    }

    fn authorization(&mut self, user: &AuthInfo) -> Result<Option<Authorization>, Fault> {
        // As plain texts, empty where unset. What makes two optional ones into one condition is compiled so that valgrind
        // takes it for a look at memory that nobody wrote.
        let [token, password] = [&user.token, &user.password]
            .map(|secret| secret.as_ref().map_or("", SecretString::expose_secret));
        let [token_file, username] =
            [&user.token_file, &user.username].map(|text| text.as_deref().unwrap_or_default());
        let is_basic = !(username.is_empty() && password.is_empty());
        let has_token = !(token.is_empty() && token_file.is_empty());
        if is_basic && has_token {
            return Err(fault(self.path, "the user has both a token and a `username` or `password`"));
        }
        if !token_file.is_empty() {
            let bytes = self.file("tokenFile", token_file)?;
            return std::str::from_utf8(&bytes)
                .map_err(|_| "is not UTF-8 text".to_owned())
                .and_then(Authorization::bearer)
                .map(Some)
                .map_err(|problem| fault(self.path, format!("`tokenFile` {token_file:?} {problem}")));
        }
        if !token.is_empty() {
            return Authorization::bearer(token)
                .map(Some)
                .map_err(|problem| fault(self.path, format!("`token` {problem}")));
        }
        // A password without a name says nothing; client-go passes it over.
        if !username.is_empty() {
            return Authorization::basic(username, password)
                .map(Some)
                .map_err(|problem| fault(self.path, format!("`username` or `password` {problem}")));
        }
        Ok(None)
    }
}
