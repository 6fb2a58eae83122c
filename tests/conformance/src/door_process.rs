//! A door that is a program of its own and speaks the protocol of README.md on stdin and stdout.

use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::door::{Door, Reply, Request};
use crate::format::Via;

/// Longer than the longest attestation: 30 s by default.
const PATIENCE: Duration = Duration::from_secs(45);
/// The length that stands for the NULL pointer.
const NULL: u32 = u32::MAX;

/// A running program. Dropping it ends it.
pub(crate) struct ProcessDoor {
    child: Child,
    requests: ChildStdin,
    replies: Receiver<io::Result<Reply>>,
}

impl ProcessDoor {
    /// Starts the program, outside of any cluster: no in-cluster configuration is to be found.
    pub(crate) fn start(program: &str) -> Result<Self, String> {
        let mut words = program.split_whitespace();
        let mut child = Command::new(words.next().unwrap_or_default())
            .args(words)
            .env_remove("KUBERNETES_SERVICE_HOST")
            .env_remove("KUBERNETES_SERVICE_PORT")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{program}: {error}"))?;
        let requests = child.stdin.take().expect("was asked for");
        let mut output = child.stdout.take().expect("was asked for");
        let (sender, replies) = channel();
        std::thread::spawn(move || {
            loop {
                let reply = read_reply(&mut output);
                let last = reply.is_err();
                if sender.send(reply).is_err() || last {
                    break;
                }
            }
        });
        Ok(Self { child, requests, replies })
    }

    fn ask(&mut self, verb: u8, request: &Request) -> Result<Reply, String> {
        write_request(&mut self.requests, verb, request)
            .map_err(|error| format!("the door takes no request: {error}{}", self.ending()))?;
        match self.replies.recv_timeout(PATIENCE) {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) => Err(format!("the door gives no reply: {error}{}", self.ending())),
            Err(RecvTimeoutError::Timeout) => Err(format!("the door gives no reply within {PATIENCE:?}")),
            Err(RecvTimeoutError::Disconnected) => Err(format!("the door has ended{}", self.ending())),
        }
    }

    fn ending(&mut self) -> String {
        std::thread::sleep(Duration::from_millis(50));
        match self.child.try_wait() {
            Ok(Some(status)) => format!(" ({status})"),
            _ => String::new(),
        }
    }
}

impl Door for ProcessDoor {
    fn attest(&mut self, via: Via, request: &Request) -> Result<Reply, String> {
        let verb = match via {
            Via::Blocking | Via::Keys => b'A',
            Via::Queue => b'Q',
            Via::Crowd => b'T',
            Via::Explain => b'E',
        };
        self.ask(verb, request)
    }

    fn validate(&mut self, config: Option<&[u8]>) -> Result<Reply, String> {
        self.ask(b'V', &Request { config: config.map(<[u8]>::to_vec), ..Request::default() })
    }

    fn finish(&mut self) -> Result<Reply, String> {
        let reply = self.ask(b'X', &Request::default())?;
        let status = self.child.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(reply) } else { Err(format!("the door ended with {status}")) }
    }
}

impl Drop for ProcessDoor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_request(to: &mut impl Write, verb: u8, request: &Request) -> io::Result<()> {
    let mut frame = vec![verb];
    for blob in [&request.config, &request.payload, &request.options] {
        match blob {
            None => frame.extend(NULL.to_le_bytes()),
            Some(bytes) => {
                let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
                frame.extend(length.to_le_bytes());
                frame.extend(bytes);
            }
        }
    }
    to.write_all(&frame)?;
    to.flush()
}

fn read_reply(from: &mut impl Read) -> io::Result<Reply> {
    let mut word = [0; 4];
    from.read_exact(&mut word)?;
    let code = i32::from_le_bytes(word);
    from.read_exact(&mut word)?;
    let length = u64::from(u32::from_le_bytes(word));
    let mut document = Vec::new();
    from.take(length).read_to_end(&mut document)?;
    if document.len() as u64 == length {
        Ok(Reply { code, document })
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_verb_and_three_blobs() {
        let mut frame = Vec::new();
        let request = Request { config: Some(b"{}".to_vec()), payload: Some(Vec::new()), options: None };
        write_request(&mut frame, b'A', &request).expect("a vector takes all");
        assert_eq!(frame, b"A\x02\0\0\0{}\0\0\0\0\xff\xff\xff\xff");
    }

    #[test]
    fn a_reply_is_a_code_and_a_document() {
        let whole = b"\xff\xff\xff\xff\x02\0\0\0{}";
        assert_eq!(read_reply(&mut &whole[..]).expect("whole"), Reply { code: -1, document: b"{}".to_vec() });
        assert!(read_reply(&mut &whole[..9]).is_err());
    }

    #[test]
    fn a_program_that_ends_is_reported_with_its_status() {
        let mut door = ProcessDoor::start("false").expect("can be started");
        let error = door.validate(None).expect_err("it has ended");
        assert!(error.contains("exit status: 1"), "{error}");
    }
}
