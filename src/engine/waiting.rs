//! From the request for a slot to the first call.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::generation::ClusterAtWork;
use super::slots::{QueuedBytes, Request, Slot};
use super::task::Purpose;
use crate::attest::{Candidate, Refusal, Standing};

/// For the first keys of a cluster: whoever has an attestation explained wants to see what they say.
const EXPLAIN_WAITS: Duration = Duration::from_secs(2);

/// What is held while a slot is waited for.
pub(super) struct Waiting {
    pub(super) request: Request,
    pub(super) bytes: usize,
    pub(super) memory: Arc<QueuedBytes>,
}

impl Waiting {
    /// Waits for a slot, and with it for the cluster's first keys if these are not known yet. A token that turns out to be
    /// unknown then waits again, in the lane of such tokens.
    pub(super) async fn ready(
        self,
        cluster: &ClusterAtWork,
        candidate: &Candidate,
        judged: Result<Standing, Refusal>,
        purpose: Purpose,
        latest: Instant,
    ) -> Result<(Slot, Result<Standing, Refusal>), Refusal> {
        let Self { request, bytes, memory } = self;
        let was_queued = matches!(request, Request::Queued(_));
        let slot = match request.granted(latest).await {
            Ok(slot) => slot,
            Err(why) => return Err(judged.err().unwrap_or(Refusal::Overloaded { why })),
        };
        let judged = match judged {
            // The keys that it was not known by may have been read anew meanwhile.
            Ok(Standing::Unknown { .. }) if was_queued => cluster.judge_again(candidate),
            judged => judged,
        };
        if !matches!(judged, Ok(Standing::KeysUnknown)) {
            return Ok((slot, judged));
        }
        // Boxed here and not before: what waits in the queue stays small.
        Box::pin(with_first_keys(cluster, candidate, slot, bytes, &memory, purpose, latest)).await
    }
}

async fn with_first_keys(
    cluster: &ClusterAtWork,
    candidate: &Candidate,
    slot: Slot,
    bytes: usize,
    memory: &Arc<QueuedBytes>,
    purpose: Purpose,
    latest: Instant,
) -> Result<(Slot, Result<Standing, Refusal>), Refusal> {
    match purpose {
        Purpose::Attest => cluster.api.keys().first(latest).await,
        Purpose::Explain => {
            cluster.api.keys().first_patiently(latest.min(Instant::now() + EXPLAIN_WAITS)).await;
        }
    }
    let judged = cluster.judge_again(candidate);
    let lane = cluster.lane(&judged);
    if Arc::ptr_eq(lane, &cluster.lanes.ordinary) {
        return Ok((slot, judged));
    }
    drop(slot);
    let overloaded = |why| Refusal::Overloaded { why };
    let slot = lane.request(bytes, memory).map_err(overloaded)?.granted(latest).await.map_err(overloaded)?;
    Ok((slot, judged))
}
