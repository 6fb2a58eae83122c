//! The settings of a process that runs in a pod of the cluster itself.

use std::path::Path;

use http::HeaderMap;

use super::environment::Environment;
use super::error::Fault;
use super::files::Files;
use super::settings::{Authorization, Server, Settings, TlsSettings, Trust};

/// Where Kubernetes mounts the service account's files.
pub(super) const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Reads `token` and `ca.crt` under `mount`; the address comes from the environment.
pub(super) fn load(mount: &Path, environment: &Environment, files: &mut Files) -> Result<Settings, Fault> {
    let variable = |name: &str| {
        environment
            .get(name)
            .ok_or_else(|| Fault::InCluster(format!("{name} is not set: this is no pod of a cluster")))
    };
    let (host, port) = (variable("KUBERNETES_SERVICE_HOST")?, variable("KUBERNETES_SERVICE_PORT")?);
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
    let server = Server::parse(&format!("https://{host}:{port}"), true).map_err(|_| {
        Fault::InCluster("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are no address".to_owned())
    })?;

    let token_file = mount.join("token");
    let token = files.read("token", &token_file)?;
    let authorization = std::str::from_utf8(token)
        .map_err(|_| "is not UTF-8 text".to_owned())
        .and_then(Authorization::bearer)
        .map_err(|problem| Fault::InCluster(format!("token {} {problem}", token_file.display())))?;
    let roots = files.read("CA certificates", &mount.join("ca.crt"))?.to_vec();

    let proxy = environment.proxy(&server).map_err(Fault::InCluster)?;
    let settings = Settings {
        server,
        tls: TlsSettings { trust: Trust::Roots(roots), identity: None, server_name: None },
        authorization: Some(authorization),
        impersonation: HeaderMap::new(),
        proxy,
        plugin: None,
    };
    settings.check().map_err(Fault::InCluster)?;
    Ok(settings)
}
