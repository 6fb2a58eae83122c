mod events;
mod operation;
mod queue;
mod slots;

use tokio::sync::oneshot;

use super::operation::Stop;
use super::task::Work;
use super::waiting::Waiting;

fn size_of_task<F>(_: impl FnOnce(Work, Waiting, oneshot::Receiver<Stop>) -> F) -> usize {
    size_of::<F>()
}

#[test]
fn an_attestation_that_waits_is_small() {
    // 16,384 of them may wait per cluster; what they need for their calls is allocated when they get a slot.
    let size = size_of_task(Work::run);
    assert!(size <= 2048, "{size} bytes");
}
