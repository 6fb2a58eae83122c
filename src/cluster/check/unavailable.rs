//! What helps where there are no credentials to ask with.

use std::path::Path;

use super::super::credentials::Source;
use super::super::error::Fault;
use super::cause::Insight;
use crate::config::cluster_setting;
use crate::step::with_block;

pub(super) fn unavailable(fault: &Fault, source: &Source, cluster: &str) -> Insight {
    let setting = cluster_setting(cluster, "kube_config_file");
    Insight::remedy(match (fault, source) {
        (Fault::Read { path, source: error, .. }, _) => match (error.kind(), source) {
            (std::io::ErrorKind::NotFound, Source::Kubeconfig(kubeconfig)) if path == kubeconfig => {
                format!("Create {}, or correct `{setting}`.", path.display())
            }
            (std::io::ErrorKind::NotFound, Source::Kubeconfig(kubeconfig)) => {
                format!("Create {}, or correct kubeconfig {}.", path.display(), kubeconfig.display())
            }
            (std::io::ErrorKind::NotFound, Source::InCluster(_)) => in_cluster_remedy(&setting),
            (std::io::ErrorKind::PermissionDenied, _) => {
                format!("Let the user that this process runs as read {}.", path.display())
            }
            _ => format!("Make {} a file that can be read.", path.display()),
        },
        (Fault::Plugin { command, .. }, Source::Kubeconfig(path)) => format!(
            "Run {} by hand as kubeconfig {} names it under `exec`, as the user of this process.",
            command.display(),
            path.display()
        ),
        (Fault::TlsMaterial { source: error, .. }, Source::Kubeconfig(path)) => unusable(error, path),
        (_, Source::Kubeconfig(path)) if !matches!(fault, Fault::NoThread(_)) => {
            format!("Correct kubeconfig {}.", path.display())
        }
        (Fault::InCluster(_), _) => in_cluster_remedy(&setting),
        (Fault::NoThread(_), _) => "Raise the limit on threads of this process.".to_owned(),
        (_, source) => format!("Correct the {source}."),
    })
}

fn in_cluster_remedy(setting: &str) -> String {
    with_block(
        "Run in a pod with its service account's token mounted, or name a kubeconfig",
        &format!("{setting} = \"/path/of/a/kubeconfig\""),
    )
}

fn unusable(error: &rustls::Error, kubeconfig: &Path) -> String {
    let kubeconfig = kubeconfig.display();
    match error {
        rustls::Error::InconsistentKeys(_) => {
            format!("Give kubeconfig {kubeconfig} the client key that belongs to its client certificate.")
        }
        // The library beneath has no name of its own for it.
        error if error.to_string().contains("UnsupportedCertVersion") => format!(
            "Have a client certificate of X.509 version 3 made for kubeconfig {kubeconfig}: its own is of version 1, as tools \
             make it that are given no extensions."
        ),
        _ => format!("Correct kubeconfig {kubeconfig}."),
    }
}
