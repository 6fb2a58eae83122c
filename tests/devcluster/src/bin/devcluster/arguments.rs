//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use devcluster::TokenRequest;
use lexopt::prelude::*;

pub(crate) const HELP: &str = "\
A small Kubernetes API server on 127.0.0.1, for developing and testing node attestation (k8s_psat):
TokenReview, pods, nodes, signing keys. It answers like kube-apiserver, mints service-account tokens,
and can be told to misbehave. It stores nothing and runs nothing.

USAGE
  devcluster serve [OPTIONS] [--dir DIR]           run until Ctrl-C or SIGTERM
  devcluster exec [OPTIONS] -- COMMAND [ARG...]    run COMMAND beside it, exit with COMMAND's status
  devcluster token --dir DIR [--request JSON]      print another token of the cluster in DIR

OPTIONS
  --dir DIR         where the files below are written (default: ./devcluster); created if missing
  --world FILE      what the cluster knows and how it behaves, JSON; `{}` is the default world
  --latency-ms N    milliseconds that every answer waits; overrides the world's
  --port P          listen on this port (default: any free one)
  -h, --help        this text

FILES IN DIR, each with mode 0600
  kubeconfig              for the reviewer, with the files that it names
  ca.crt                  the API server's certificate authority
  config.json             a configuration for psat-attestor with the cluster \"demo\"
  token                   a token of the pod spire/agent-1, audience spire-server, good for 24 hours
  payload.json            the attestation payload with that token: accepted
  payload-refused.json    one with a genuine token of default:default, which is not on the allow list
  world.json, signing-keys.json
                          what `devcluster token` needs

ENVIRONMENT OF COMMAND
  DEVCLUSTER_DIR, DEVCLUSTER_CONFIG, DEVCLUSTER_PAYLOAD, DEVCLUSTER_PAYLOAD_REFUSED, KUBECONFIG:
  the paths of the directory and of its files. The directory is temporary.

TOKENS
  --request JSON    what differs from the default, for example
                    '{\"pod\": null}', '{\"expires_in\": -3600}', '{\"audience\": [\"other\"], \"alg\": \"ES256\"}',
                    '{\"signature\": \"broken\"}', '{\"claims\": {\"sub\": \"someone\"}}'

EXAMPLES
  devcluster exec -- kubectl get --raw /api/v1/namespaces/spire/pods/agent-1
  devcluster serve --dir /tmp/demo --latency-ms 20
";

/// What is to be done.
pub(crate) enum Command {
    Help,
    Serve { directory: PathBuf, options: Options },
    Exec { options: Options, program: OsString, arguments: Vec<OsString> },
    Token { directory: PathBuf, request: Box<TokenRequest> },
}

/// How the cluster is to be.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) world: Option<PathBuf>,
    pub(crate) latency_ms: Option<u64>,
    pub(crate) port: u16,
}

impl Command {
    /// Reads the command line.
    pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
        let name = match parser.next()? {
            None | Some(Short('h') | Long("help")) => return Ok(Command::Help),
            Some(Value(name)) => name.string()?,
            Some(other) => return Err(other.unexpected()),
        };
        match name.as_str() {
            "help" => Ok(Command::Help),
            "serve" => serve(parser),
            "exec" => exec(parser),
            "token" => token(parser),
            _ => Err(format!("there is no command {name:?}").into()),
        }
    }
}

fn serve(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut directory = PathBuf::from("devcluster");
    let mut options = Options::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("dir") => directory = parser.value()?.into(),
            Long("world") => options.world = Some(parser.value()?.into()),
            Long("latency-ms") => options.latency_ms = Some(parser.value()?.parse()?),
            Long("port") => options.port = parser.value()?.parse()?,
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Serve { directory, options })
}

fn exec(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut options = Options::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("world") => options.world = Some(parser.value()?.into()),
            Long("latency-ms") => options.latency_ms = Some(parser.value()?.parse()?),
            Long("port") => options.port = parser.value()?.parse()?,
            Value(program) => {
                let arguments = parser.raw_args()?.collect();
                return Ok(Command::Exec { options, program, arguments });
            }
            other => return Err(other.unexpected()),
        }
    }
    Err("exec needs a command to run".into())
}

fn token(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut directory = None;
    let mut request = TokenRequest::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("dir") => directory = Some(PathBuf::from(parser.value()?)),
            Long("request") => {
                request = serde_json::from_str(&parser.value()?.string()?)
                    .map_err(|error| format!("--request: {error}"))?;
            }
            other => return Err(other.unexpected()),
        }
    }
    let directory = directory.ok_or("token needs --dir")?;
    Ok(Command::Token { directory, request: Box::new(request) })
}
