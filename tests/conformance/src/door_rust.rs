//! The door `rust`: the crate's own API, in this process.

use crate::door::Door;

#[cfg(not(feature = "in-process"))]
pub(crate) fn open() -> Result<Box<dyn Door>, String> {
    Err("this build has no door `rust`: build with `--features in-process`".to_owned())
}

#[cfg(feature = "in-process")]
pub(crate) fn open() -> Result<Box<dyn Door>, String> {
    Ok(Box::new(in_process::RustDoor))
}

/// Written against the API as it is meant to be; nothing else in this crate knows it.
#[cfg(feature = "in-process")]
mod in_process {
    use std::sync::mpsc::channel;

    use psat_attestor::{Answer, Attestor, documents_alive};

    use crate::door::{Door, Reply, Request};
    use crate::format::Via;

    pub(super) struct RustDoor;

    fn reply(answer: &Answer) -> Reply {
        Reply { code: answer.code(), document: answer.document().as_bytes().to_vec() }
    }

    fn bytes(blob: Option<&Vec<u8>>) -> &[u8] {
        blob.map_or(&[], Vec::as_slice)
    }

    impl Door for RustDoor {
        fn attest(&mut self, via: Via, request: &Request) -> Result<Reply, String> {
            let config = bytes(request.config.as_ref());
            let made = match via {
                Via::Queue => Attestor::new(b"").and_then(|attestor| {
                    if !config.is_empty() {
                        let answer = attestor.configure(config);
                        if answer.code() != 0 {
                            return Err(answer);
                        }
                    }
                    Ok(attestor)
                }),
                Via::Blocking | Via::Crowd => Attestor::new(config),
            };
            let attestor = match made {
                Ok(attestor) => attestor,
                Err(answer) => return Ok(reply(&answer)),
            };
            let attest =
                || reply(&attestor.attest(bytes(request.payload.as_ref()), bytes(request.options.as_ref())));
            if via != Via::Crowd {
                return Ok(attest());
            }
            let (sender, replies) = channel();
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    let sender = sender.clone();
                    scope.spawn(move || sender.send(attest()));
                }
            });
            replies.recv().map_err(|error| error.to_string())
        }

        fn validate(&mut self, config: Option<&[u8]>) -> Result<Reply, String> {
            Ok(reply(&psat_attestor::validate(config.unwrap_or_default())))
        }

        fn finish(&mut self) -> Result<Reply, String> {
            let document = format!("{{\"code\":0,\"documents_alive\":{}}}", documents_alive());
            Ok(Reply { code: 0, document: document.into_bytes() })
        }
    }
}
