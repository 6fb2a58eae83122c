//! Cases, from seed and number: one that both sides accept, with none, one or two things changed.

mod accepted;
mod cluster;
mod configuration;
mod objects;
mod payload;
mod review;
mod token;

use std::ops::Range;

use fastrand::Rng;

use crate::case::{Case, Config};

/// Something that is changed: its name, how often it is chosen beside others, and how.
type Deviation = (&'static str, u32, fn(&mut Case, &mut Rng));

/// The case of that number: always the same one.
pub(crate) fn case(seed: u64, number: u64) -> Case {
    let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number));
    let mut case = accepted::accepted(&mut rng);
    let deviations = match rng.u8(..100) {
        0..12 => 0,
        12..72 => 1,
        _ => 2,
    };
    for _ in 0..deviations {
        let (name, _, deviate) = choose(&mut rng);
        deviate(&mut case, &mut rng);
        case.deviations.push(name);
    }
    if case.status.is_some() {
        // What a scripted review says is not what the token's claims say, which then nobody may judge.
        if let Some(cluster) = case.cluster().and_then(|cluster| cluster.as_object_mut()) {
            cluster.remove("verify_signature");
        }
    }
    case
}

fn choose(rng: &mut Rng) -> Deviation {
    let all = || ALL.iter().copied().flatten();
    let mut left = rng.u32(..all().map(|(_, weight, _)| *weight).sum::<u32>());
    for deviation in all() {
        match left.checked_sub(deviation.1) {
            Some(rest) => left = rest,
            None => return *deviation,
        }
    }
    unreachable!("the number is below the sum")
}

const ALL: [&[Deviation]; 6] =
    [configuration::ALL, payload::ALL, token::ALL, review::ALL, objects::ALL, cluster::ALL];

/// One of these.
fn any<L: IntoIterator<IntoIter: ExactSizeIterator>>(rng: &mut Rng, choices: L) -> L::Item {
    rng.choice(choices).expect("there is a choice")
}

/// Characters of any kind, printable or not, of blocks to which no version of Unicode adds: Go's may be an older one than
/// this library's.
const BLOCKS: [Range<u32>; 9] = [
    0..0x80,
    0..0x250,
    0x300..0x370,
    0x2000..0x2065,
    0x4e00..0x9fa6,
    0xe000..0xf900,
    0xfff9..0x1_0000,
    0x1_f600..0x1_f650,
    0x10_ff00..0x11_0000,
];

/// A few of them, as nobody would choose them.
fn text(rng: &mut Rng) -> String {
    let character = |rng: &mut Rng| {
        let block = any(rng, BLOCKS);
        char::from_u32(rng.u32(block)).expect("no block has surrogates")
    };
    (0..rng.usize(1..6)).map(|_| character(rng)).collect()
}

/// Changes a configuration that is JSON.
fn with_config(case: &mut Case, change: impl FnOnce(&mut serde_json::Value)) {
    if let Some(Config::Json(config)) = &mut case.config {
        change(config);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_depends_on_seed_and_number_alone() {
        let told = |seed, number| {
            let case = case(seed, number);
            let world = serde_json::json!([case.world, case.status, case.token]);
            (case.payload.bytes, world.to_string(), case.deviations)
        };
        for number in 0..50 {
            assert_eq!(told(7, number), told(7, number));
            assert_ne!(told(7, number), told(8, number));
            assert_ne!(told(7, number), told(7, number + 1));
        }
    }
}
