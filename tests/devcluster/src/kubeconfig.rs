//! Kubeconfigs for the reviewer, and the files beside them.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::keys::ClientIdentity;
use crate::live::Live;
use crate::mint::unknown_token;
use crate::token::TokenRequest;
use crate::world::Credential;

/// One authenticated entry, and the files that it names.
struct Entry {
    lines: Vec<String>,
    files: Vec<(&'static str, String)>,
}

impl Entry {
    fn inline(lines: Vec<String>) -> Entry {
        Entry { lines, files: Vec::new() }
    }

    fn inline_certificate(identity: &ClientIdentity) -> Entry {
        Entry::inline(vec![
            format!("client-certificate-data: {}", STANDARD.encode(&identity.certificate_pem)),
            format!("client-key-data: {}", STANDARD.encode(&identity.key_pem)),
        ])
    }

    /// What authenticates the reviewer. `directory` is where files may be put; without one everything is inline.
    fn of(live: &Live, directory: Option<&Path>) -> Entry {
        let reviewer = &live.world.reviewer;
        match (reviewer.credential, directory) {
            (Credential::None, _) => Entry { lines: Vec::new(), files: Vec::new() },
            (Credential::UnknownCertificate, _) => Entry::inline_certificate(&live.keys.unknown),
            (Credential::UnknownToken, _) => Entry::token(&unknown_token()),
            (Credential::Token, _) | (Credential::TokenFile, None) => Entry::token(&reviewer.token),
            (Credential::TokenFile, Some(directory)) => Entry::token_file(directory, reviewer.token.clone()),
            (Credential::ServiceAccount, None) => Entry::token(&service_account_token(live)),
            (Credential::ServiceAccount, Some(directory)) => {
                Entry::token_file(directory, service_account_token(live))
            }
            (Credential::InlineCertificate, _) | (Credential::ClientCertificate, None) => {
                Entry::inline_certificate(&live.keys.reviewer)
            }
            (Credential::ClientCertificate, Some(directory)) => {
                let identity = &live.keys.reviewer;
                Entry {
                    lines: vec![
                        format!("client-certificate: {}", quoted(&directory.join("client.crt"))),
                        format!("client-key: {}", quoted(&directory.join("client.key"))),
                    ],
                    files: vec![
                        ("client.crt", identity.certificate_pem.clone()),
                        ("client.key", identity.key_pem.clone()),
                    ],
                }
            }
        }
    }

    fn token(token: &str) -> Entry {
        Entry::inline(vec![format!("token: {token:?}")])
    }

    fn token_file(directory: &Path, token: String) -> Entry {
        Entry {
            lines: vec![format!("tokenFile: {}", quoted(&directory.join("reviewer.token")))],
            files: vec![("reviewer.token", token)],
        }
    }
}

/// The token that the reviewer would find in its pod.
fn service_account_token(live: &Live) -> String {
    let (namespace, name) = live
        .world
        .reviewer
        .service_account
        .split_once(':')
        .unwrap_or(("", &live.world.reviewer.service_account));
    live.keys.signing.mint(
        &live.world,
        &TokenRequest {
            namespace: namespace.to_owned(),
            service_account: name.to_owned(),
            pod: None,
            audience: live.world.api_audiences.clone(),
            ..TokenRequest::default()
        },
    )
}

/// A kubeconfig that needs no other file.
pub(crate) fn render(live: &Live, url: &str) -> String {
    let authority = format!("certificate-authority-data: {}", STANDARD.encode(&live.keys.ca_pem));
    document(url, &authority, &Entry::of(live, None).lines)
}

/// Writes a kubeconfig and the files that it names.
pub(crate) fn write(live: &Live, url: &str, directory: &Path) -> io::Result<PathBuf> {
    let directory = std::path::absolute(directory)?;
    let entry = Entry::of(live, Some(&directory));
    for (name, content) in &entry.files {
        write_private(&directory.join(name), content)?;
    }
    write_private(&directory.join("ca.crt"), &live.keys.ca_pem)?;
    let authority = format!("certificate-authority: {}", quoted(&directory.join("ca.crt")));
    let path = directory.join("kubeconfig");
    write_private(&path, &document(url, &authority, &entry.lines))?;
    Ok(path)
}

/// Writes what a pod of the reviewer's service account finds.
pub(crate) fn write_service_account(live: &Live, directory: &Path) -> io::Result<()> {
    let namespace = live.world.reviewer.service_account.split(':').next().unwrap_or_default();
    write_private(&directory.join("token"), &service_account_token(live))?;
    write_private(&directory.join("ca.crt"), &live.keys.ca_pem)?;
    write_private(&directory.join("namespace"), namespace)
}

/// Replaces a file atomically; the new one has mode 0600.
///
/// # Errors
/// When it cannot be written.
pub fn write_private(path: &Path, content: &str) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    // Temporary files are made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(content.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

fn document(url: &str, authority: &str, user: &[String]) -> String {
    let user = match user {
        [] => " {}".to_owned(),
        lines => lines.iter().fold(String::new(), |text, line| text + "\n    " + line),
    };
    format!(
        "apiVersion: v1
kind: Config
current-context: devcluster
contexts:
- name: devcluster
  context:
    cluster: devcluster
    user: reviewer
clusters:
- name: devcluster
  cluster:
    server: {url}
    {authority}
users:
- name: reviewer
  user:{user}
"
    )
}

/// A path as a YAML string: JSON's form is one.
fn quoted(path: &Path) -> String {
    serde_json::Value::from(path.to_string_lossy()).to_string()
}
