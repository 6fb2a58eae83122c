//! What the stormy cluster does to those who ask it.

use std::convert::Infallible;
use std::time::Duration;

use devcluster::{Answer, DevCluster, Fault, ListenerMode, World};
use fastrand::Rng;
use tokio::time::sleep;

use crate::field::world;

/// How connections are received when they are not received well.
const LISTENERS: [ListenerMode; 6] = [
    ListenerMode::Http1Only,
    ListenerMode::Refuse,
    ListenerMode::HangAccept,
    ListenerMode::HangTls,
    ListenerMode::ResetAccept,
    ListenerMode::ResetTls,
];

const FAULTS: [Fault; 12] = [
    Fault::HangBeforeHeaders,
    Fault::HangInBody,
    Fault::ResetBeforeHeaders,
    Fault::ResetInBody,
    Fault::TruncatedBody,
    Fault::CloseBeforeHeaders,
    Fault::Garbage,
    Fault::BigBody,
    Fault::SlowDrip,
    Fault::Goaway,
    Fault::GoawayUnprocessed,
    Fault::BlackHole,
];

/// 200 is a page of a proxy.
const STATUSES: [u16; 8] = [200, 401, 403, 429, 500, 502, 503, 504];

/// Changes the weather for as long as it is polled.
pub(crate) async fn changes(cluster: &DevCluster, seed: u64) -> Infallible {
    let mut rng = Rng::with_seed(seed);
    loop {
        cluster.set_world(any(&mut rng)).await;
        sleep(Duration::from_millis(rng.u64(20..300))).await;
    }
}

fn any(rng: &mut Rng) -> World {
    let mut world = world();
    if rng.u8(..3) == 0 {
        world.listener = LISTENERS[rng.usize(..LISTENERS.len())];
    }
    world.latency_ms = if rng.u8(..4) == 0 { rng.u64(..40) } else { 0 };
    let answers = &mut world.answers;
    for script in [&mut answers.token_review, &mut answers.pod, &mut answers.node, &mut answers.jwks] {
        match rng.u8(..8) {
            // The last answer repeats: one alone stands until the weather changes.
            0 | 1 => script.push(status(rng)),
            2 => script.push(fault(rng)),
            3 => {
                script.extend((0..rng.usize(1..20)).map(|_| any_answer(rng)));
                script.push(Answer::default());
            }
            _ => {}
        }
    }
    world
}

fn any_answer(rng: &mut Rng) -> Answer {
    match rng.u8(..4) {
        0 => Answer::default(),
        1 => status(rng),
        _ => fault(rng),
    }
}

fn status(rng: &mut Rng) -> Answer {
    let status = STATUSES[rng.usize(..STATUSES.len())];
    let page = (status == 200).then(|| "<html>Log in</html>".to_owned());
    Answer { status: Some(status), text: page, ..Answer::default() }
}

fn fault(rng: &mut Rng) -> Answer {
    Answer { fault: Some(FAULTS[rng.usize(..FAULTS.len())]), ..Answer::default() }
}
