//! A tiny API server over plain HTTP on loopback, for as long as the process lives.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;

use serde_json::{Value, json};

use crate::world;

/// The server: where it is, what it answers, and the token that it accepts.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// A token of the agent that its objects describe.
    pub token: String,
    /// What is done to the four kinds of answers, four bits each.
    moods: Arc<AtomicU16>,
}

/// The one server of the process.
pub static SERVER: LazyLock<Server> = LazyLock::new(|| Server::start().expect("loopback takes a listener"));

impl Server {
    fn start() -> io::Result<Self> {
        let (keys, token) = world::signed();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let moods = Arc::<AtomicU16>::default();
        let shared = Arc::clone(&moods);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (moods, keys) = (Arc::clone(&shared), keys.clone());
                // A peer that goes away is no failure.
                thread::spawn(move || drop(serve(stream, &moods, &keys)));
            }
        });
        Ok(Self { address, token, moods })
    }

    /// Sets what is done from now on: four bits for each of TokenReview, pod, node and keys.
    pub fn set_moods(&self, moods: u16) {
        self.moods.store(moods, Ordering::Relaxed);
    }
}

fn serve(stream: TcpStream, moods: &AtomicU16, keys: &Value) -> io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some((path, body)) = request(&mut reader)? {
        let (kind, good) = object(&path, keys);
        let answer = match moods.load(Ordering::Relaxed) >> (4 * kind) & 15 {
            0..8 => response("200 OK", &good.to_string()),
            8 => response("403 Forbidden", &status(&format!("no, not with {body}"))),
            9 => response("404 Not Found", &status("gone")),
            10 => response("429 Too Many Requests", &status("later")),
            11 => response("500 Internal Server Error", "sorry"),
            12 => response("200 OK", &good.to_string()[..20]),
            13 => response("200 OK", &json!({"kind": "Lease", "echo": body}).to_string()),
            14 => response("401 Unauthorized", &status(&body)),
            _ => return Ok(()),
        };
        writer.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// Path and body of the next request.
fn request(reader: &mut BufReader<TcpStream>) -> io::Result<Option<(String, String)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((path, String::from_utf8_lossy(&body).into_owned())))
}

fn response(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn status(message: &str) -> String {
    json!({"apiVersion": "v1", "kind": "Status", "message": message}).to_string()
}

/// Which of the moods the answer follows, and the answer when it is a good one.
fn object(path: &str, keys: &Value) -> (u16, Value) {
    let extra = |name: &str| format!("authentication.kubernetes.io/{name}");
    if path.ends_with("/tokenreviews") {
        let groups = ["system:serviceaccounts", "system:serviceaccounts:spire"];
        let user = json!({
            "username": "system:serviceaccount:spire:spire-agent",
            "groups": groups,
            "extra": {
                extra("pod-name"): ["agent-1"], extra("pod-uid"): [world::POD_UID],
                extra("node-name"): ["node-1"], extra("node-uid"): [world::NODE_UID],
            },
        });
        let status = json!({"authenticated": true, "audiences": ["spire-server"], "user": user});
        (0, json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}))
    } else if path.contains("/pods/") {
        let metadata = json!({"namespace": "spire", "name": "agent-1", "uid": world::POD_UID});
        let spec = json!({"serviceAccountName": "spire-agent", "nodeName": "node-1"});
        let pod = json!({"metadata": metadata, "spec": spec, "status": {"phase": "Running"}});
        (1, pod)
    } else if path.contains("/nodes/") {
        (2, json!({"metadata": {"name": "node-1", "uid": world::NODE_UID}}))
    } else {
        (3, keys.clone())
    }
}
