//! What several fuzz targets need: what the library must hold to, said a second time and in another way.

use std::collections::HashSet;

pub mod abi;
pub mod json;
pub mod server;
pub mod sign;
pub mod verdict;
pub mod world;

/// Whether the token stands in `text`, or a part that gives it away: 23 bytes of what is long enough for a signature.
///
/// As the library promises, but found by a plain search.
#[must_use]
pub fn gives_away(token: &str, text: &str) -> bool {
    const PART: usize = 23;
    const SHORTEST: usize = 16;
    const LONG: usize = 65;
    if token.len() >= LONG {
        let parts: HashSet<&[u8]> = text.as_bytes().windows(PART).collect();
        token.as_bytes().windows(PART).any(|part| parts.contains(part))
    } else {
        token.len() >= SHORTEST && text.contains(token)
    }
}
