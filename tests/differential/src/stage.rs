//! One dev cluster, and both sides in front of it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use devcluster::{DevCluster, World};
use psat_attestor::Attestor;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::case::{Case, Config, KUBECONFIG, TOKEN};
use crate::outcome::Outcome;

/// A dev cluster, whose state is that of one case after the other.
pub(crate) struct Stage<'r> {
    runtime: &'r Runtime,
    cluster: DevCluster,
    _directory: TempDir,
    kubeconfig: String,
    upstream: Upstream,
}

/// What both sides are given.
pub(crate) struct Question {
    config: Option<String>,
    trust_domain: String,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) token: String,
    timeout_ms: u64,
}

impl<'r> Stage<'r> {
    pub(crate) fn set(runtime: &'r Runtime, upstream: &Path) -> Result<Self, String> {
        let directory = TempDir::new().map_err(|error| error.to_string())?;
        let cluster = runtime.block_on(DevCluster::start(World::default()));
        let kubeconfig = cluster.write_kubeconfig(directory.path()).map_err(|error| error.to_string())?;
        let kubeconfig = kubeconfig.to_string_lossy().into_owned();
        Ok(Self { runtime, cluster, _directory: directory, kubeconfig, upstream: Upstream::start(upstream)? })
    }

    /// Puts a case in place. The token is one of its world.
    pub(crate) fn question(&self, case: &Case) -> Question {
        self.play(&case.world);
        self.question_with(case, self.cluster.mint(&case.token))
    }

    pub(crate) fn question_with(&self, case: &Case, token: String) -> Question {
        let (config, trust_domain) = match &case.config {
            None => (None, String::new()),
            Some(Config::Text(text)) => (Some((*text).to_owned()), "example.org".to_owned()),
            Some(Config::Json(config)) => {
                let trust_domain = config["trust_domain"].as_str().unwrap_or_default().to_owned();
                (Some(config.to_string().replace(KUBECONFIG, &self.kubeconfig)), trust_domain)
            }
        };
        let quoted = json!(token).to_string();
        let payload = case.payload.bytes.as_ref().map(|bytes| filled(bytes, &quoted[1..quoted.len() - 1]));
        Question { config, trust_domain, payload, token, timeout_ms: case.timeout_ms }
    }

    pub(crate) fn ask_ours(&self, case: &Case, question: &Question) -> (Outcome, String) {
        self.play(&case.scripted_world(&question.token));
        let configured = Attestor::new(question.config.as_deref().unwrap_or_default().as_bytes());
        let is_configured = configured.is_ok();
        let answer = match configured {
            Err(refused) => refused,
            Ok((attestor, _)) => {
                let options = json!({"timeout_ms": question.timeout_ms}).to_string();
                attestor.attest(question.payload.as_deref().unwrap_or_default(), options.as_bytes())
            }
        };
        let document: Value = serde_json::from_str(answer.document.as_str()).expect("a document is JSON");
        let attributes = &document["agent_attributes"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let outcome = Outcome {
            configured: is_configured,
            code: answer.code,
            message: text(&document["message"]),
            spiffe_id: text(&attributes["spiffe_id"]),
            selectors: attributes["selector_values"].as_array().into_iter().flatten().map(text).collect(),
            can_reattest: attributes["can_reattest"] == true,
        };
        (outcome.in_one_form(), text(&document["reason"]))
    }

    pub(crate) fn ask_theirs(&mut self, case: &Case, question: &Question) -> Result<Outcome, String> {
        self.play(&case.scripted_world(&question.token));
        Ok(self.upstream.ask(question)?.in_one_form())
    }

    /// Scripts begin anew.
    fn play(&self, world: &World) {
        self.runtime.block_on(self.cluster.set_world(world.clone()));
    }
}

fn filled(template: &[u8], token: &str) -> Vec<u8> {
    let mut filled = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.windows(TOKEN.len()).position(|window| window == TOKEN.as_bytes()) {
        filled.extend(&rest[..at]);
        filled.extend(token.as_bytes());
        rest = &rest[at + TOKEN.len()..];
    }
    filled.extend(rest);
    filled
}

/// The program of `upstream/`. Dropping it ends it.
struct Upstream {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Upstream {
    fn start(program: &Path) -> Result<Self, String> {
        let mut child = Command::new(program)
            .env_remove("KUBERNETES_SERVICE_HOST")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}; `make differential` builds it", program.display()))?;
        let questions = child.stdin.take().expect("was asked for");
        let answers = BufReader::new(child.stdout.take().expect("was asked for"));
        Ok(Self { child, questions, answers })
    }

    fn ask(&mut self, question: &Question) -> Result<Outcome, String> {
        let line = json!({
            "config": question.config,
            "trust_domain": question.trust_domain,
            "payload": question.payload.as_ref().map(|payload| STANDARD.encode(payload)),
            "timeout_ms": question.timeout_ms,
        });
        writeln!(self.questions, "{line}").map_err(|error| format!("upstream takes no question: {error}"))?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).map_err(|error| format!("upstream gives no answer: {error}"))?;
        serde_json::from_str(&answer).map_err(|error| format!("upstream answers {answer:?}: {error}"))
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
