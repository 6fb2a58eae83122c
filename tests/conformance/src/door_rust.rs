//! The door `rust`: the crate's own API, in this process.

use std::sync::Arc;
use std::time::Duration;

use psat_attestor::{Answer, Attestor, Completed, Delivery, Next, Queue, documents_alive};

use crate::door::{Door, Reply, Request};
use crate::format::Via;

/// Longer than the longest attestation.
const PATIENCE: Duration = Duration::from_secs(45);
/// Attestations of [`Via::Crowd`].
const CROWD: u64 = 3;

/// Nothing is kept between requests.
pub(crate) struct RustDoor;

impl Door for RustDoor {
    fn attest(&mut self, via: Via, request: &Request) -> Result<Reply, String> {
        let made = match via {
            Via::Queue => configured_later(request.config.as_deref()),
            Via::Blocking | Via::Crowd | Via::Explain | Via::Keys => made(request.config.as_deref()),
        };
        let attestor = match made {
            Ok(attestor) => attestor,
            Err(refused) => return Ok(reply(&refused)),
        };
        match via {
            Via::Blocking | Via::Keys => {
                Ok(reply(&attestor.attest(bytes(request.payload.as_ref()), bytes(request.options.as_ref()))))
            }
            Via::Explain => {
                Ok(reply(&attestor.explain(bytes(request.payload.as_ref()), bytes(request.options.as_ref()))))
            }
            Via::Queue => first_of(1, &attestor, request),
            Via::Crowd => first_of(CROWD, &attestor, request),
        }
    }

    fn validate(&mut self, config: Option<&[u8]>) -> Result<Reply, String> {
        Ok(reply(&psat_attestor::validate(config.unwrap_or_default())))
    }

    fn finish(&mut self) -> Result<Reply, String> {
        let document = format!(r#"{{"code":0,"documents_alive":{}}}"#, documents_alive());
        Ok(Reply { code: 0, document: document.into_bytes() })
    }
}

fn made(config: Option<&[u8]>) -> Result<Attestor, Answer> {
    Attestor::new(config.unwrap_or_default()).map(|(attestor, _)| attestor)
}

fn configured_later(config: Option<&[u8]>) -> Result<Attestor, Answer> {
    let attestor = made(None)?;
    if let Some(config) = config {
        let answer = attestor.configure(config);
        if answer.code != 0 {
            return Err(answer);
        }
    }
    Ok(attestor)
}

/// Submits several times and takes the first answer; dropping the attestor cancels the others.
fn first_of(submissions: u64, attestor: &Attestor, request: &Request) -> Result<Reply, String> {
    let queue = Arc::new(Queue::new());
    let mut operations = Vec::new();
    for tag in 0..submissions {
        let (payload, options) = (bytes(request.payload.as_ref()), bytes(request.options.as_ref()));
        let submitted = attestor.submit(payload, options, &queue, tag, |operation| {
            operations.push(operation);
        });
        if let Err(reason) = submitted {
            return Ok(Reply { code: reason.row().precise, document: Vec::new() });
        }
    }
    let Next::Deliveries(deliveries) = queue.next(1, Some(PATIENCE)) else {
        return Err(format!("no completion within {PATIENCE:?}"));
    };
    let [Delivery::Completed(Completed { tag, operation, answer })] = deliveries.as_slice() else {
        return Err(format!("{} deliveries where one completion was asked for", deliveries.len()));
    };
    let expected = usize::try_from(*tag).ok().and_then(|tag| operations.get(tag));
    if expected != Some(operation) {
        return Err(format!("tag {tag} came with operation {operation}, submitted were {operations:?}"));
    }
    Ok(reply(answer))
}

fn reply(answer: &Answer) -> Reply {
    Reply { code: answer.code, document: answer.document.as_str().into() }
}

fn bytes(blob: Option<&Vec<u8>>) -> &[u8] {
    blob.map_or(&[], Vec::as_slice)
}
