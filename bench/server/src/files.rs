//! What the attestors need: kubeconfigs, and payloads, one on each line.
//!
//! | file | |
//! |---|---|
//! | `demo/kubeconfig`, `hanging/kubeconfig` | for the reviewers, with the files that they name |
//! | `genuine` | a payload for each agent of `demo` |
//! | `forged` | the same with signatures that are wrong under a key that the cluster has |
//! | `hanging.payloads` | payloads for `hanging` |
//! | `unknown` | one payload for a cluster that nobody has configured |
//! | `unsigned` | one payload whose token says that it has no signature |

use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use devcluster::{DevCluster, Keys, SignatureState, TokenRequest, write_private};
use serde_json::json;

use crate::agents;

/// How many forgeries there are: enough that none is met again soon.
const FORGERIES: usize = 500;

pub(crate) fn write(
    directory: &Path,
    demo: &DevCluster,
    hanging: &DevCluster,
    agents: usize,
) -> io::Result<()> {
    for (name, cluster) in [("demo", demo), ("hanging", hanging)] {
        let directory = directory.join(name);
        fs::create_dir_all(&directory)?;
        cluster.write_kubeconfig(&directory)?;
    }
    let genuine = TokenRequest { expires_in: 24 * 3600, ..TokenRequest::default() };
    let forged = TokenRequest { signature: SignatureState::Broken, ..genuine.clone() };
    let unsigned = TokenRequest {
        header: Some(json!({"alg": "none"})),
        signature: SignatureState::Empty,
        ..genuine.clone()
    };
    payloads(&directory.join("genuine"), "demo", 0..agents, &genuine)?;
    payloads(&directory.join("forged"), "demo", 0..agents.min(FORGERIES), &forged)?;
    payloads(&directory.join("hanging.payloads"), "hanging", 0..1, &genuine)?;
    payloads(&directory.join("unknown"), "unknown", 0..1, &genuine)?;
    payloads(&directory.join("unsigned"), "demo", 0..1, &unsigned)
}

fn payloads(path: &Path, cluster: &str, agents: Range<usize>, token: &TokenRequest) -> io::Result<()> {
    let keys = Keys::shared();
    let mut lines = Vec::new();
    for agent in agents {
        let request = TokenRequest { pod: Some(agents::pod_name(agent)), ..token.clone() };
        let token = keys.signing().mint(&agents::world_of(agent), &request);
        serde_json::to_writer(&mut lines, &json!({"cluster": cluster, "token": token}))?;
        lines.push(b'\n');
    }
    write_private(path, &String::from_utf8_lossy(&lines))
}
