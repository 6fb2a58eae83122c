//! This library's half of the comparison with client-go, which `tests/clientgo/run.py` makes.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::credentials::{Access, Credentials, Source};
use super::super::environment::Environment;
use super::super::observer::{Observer, Telemetry};
use super::super::request::Question;
use super::super::settings::{TlsSettings, Trust};
use super::super::tls::verifier;
use crate::outcome::cause_chain;

#[derive(Deserialize)]
struct Asked {
    case: String,
    kubeconfig: PathBuf,
    /// Certificates that the server might show.
    serving: Vec<String>,
}

/// What is done for one request, in the form of the program `tests/clientgo`.
#[derive(Serialize)]
struct Told {
    server: String,
    headers: BTreeMap<String, Vec<String>>,
    proxy: Option<Value>,
    tls: Option<Value>,
}

/// Reads questions from one file and writes answers into another, JSON lines both, in the environment of the process.
#[tokio::test]
#[ignore = "run by tests/clientgo/run.py"]
async fn answers_are_written_for_the_comparison() {
    let file = |name| env::var_os(name).unwrap_or_else(|| panic!("{name} names a file"));
    let questions = fs::read_to_string(file("PSAT_QUESTIONS")).unwrap();
    let mut answers = fs::File::create(file("PSAT_ANSWERS")).unwrap();
    for line in questions.lines() {
        let Asked { case, kubeconfig, serving } = serde_json::from_str(line).unwrap();
        let telemetry = Arc::new(Telemetry::new(Observer::new(|_| ())));
        let source = Source::Kubeconfig(kubeconfig);
        let credentials = Arc::new(Credentials::new(source, Environment::of_process(), telemetry));
        let look = tokio::time::timeout(Duration::from_mins(1), credentials.fresh());
        let mut answer = match look.await.expect("a look at credentials ends") {
            Ok(access) => serde_json::to_value(told(&access, &serving)).unwrap(),
            Err(fault) => json!({"error": cause_chain(&fault)}),
        };
        answer["case"] = case.into();
        writeln!(answers, "{answer}").unwrap();
    }
}

fn told(access: &Access, serving: &[String]) -> Told {
    let request = Question::node("n1").and_then(|question| question.request(access, true)).unwrap();
    let mut headers = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in request.headers() {
        if name == "authorization" || name.as_str().starts_with("impersonate-") {
            let value = String::from_utf8(value.as_bytes().to_vec()).unwrap();
            headers.entry(name.to_string()).or_default().push(value);
        }
    }
    let proxy = access.proxy.as_ref().map(|proxy| {
        let login = proxy.login();
        json!({
            "address": proxy.to_string(),
            "user": login.map_or("", |login| login.user.as_str()),
            "password": login.map_or("", |login| login.password.as_str()),
        })
    });
    let server = &access.server;
    let tls = (server.scheme == http::uri::Scheme::HTTPS).then(|| tls(&access.tls, server.host(), serving));
    Told { server: format!("{}{}", server.origin(), server.base_path), headers, proxy, tls }
}

fn tls(settings: &TlsSettings, host: &str, serving: &[String]) -> Value {
    let name = settings.server_name.as_deref().unwrap_or(host);
    let certificates = settings.identity.iter().flat_map(|(chain, _)| {
        CertificateDer::pem_slice_iter(chain).map(|one| hex(digest(&SHA256, &one.unwrap()).as_ref()))
    });
    json!({
        "insecure": settings.trust == Trust::Anyone,
        "server_name": name,
        "roots": match &settings.trust {
            Trust::Roots(pem) => Some(subjects(pem)),
            Trust::System | Trust::Anyone => None,
        },
        "certificates": certificates.collect::<Vec<_>>(),
        "accepts": serving.iter().filter(|file| accepts(&settings.trust, name, file)).collect::<Vec<_>>(),
    })
}

fn accepts(trust: &Trust, name: &str, file: &str) -> bool {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // Without a usable root there is no one to ask.
    let Ok(verifier) = verifier(trust, &provider) else { return false };
    let certificate = CertificateDer::from_pem_file(file).unwrap();
    let name = ServerName::try_from(name).unwrap();
    verifier.verify_server_cert(&certificate, &[], &name, &[], UnixTime::now()).is_ok()
}

fn subjects(pem: &[u8]) -> Vec<String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem).filter_map(Result::ok));
    let mut subjects: Vec<String> = roots.roots.iter().map(|root| hex(&root.subject)).collect();
    subjects.sort();
    subjects
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
