//! Finding secrets, or parts of them, in text from elsewhere.

/// A part of a credential is as bad as the whole, but names may share a few letters with one.
const RUN: usize = 12;

/// What is shorter is a word, and stands in other words by chance: it gives nothing away.
const SHORTEST: usize = 16;

/// Tokens are longer, passwords and hand-made tokens may be words.
const WORD: usize = 64;

/// Secrets, ready to be looked for in one pass. Time and memory are linear in the lengths of secrets and text, but for a
/// sort where the text looks like a secret.
pub(crate) struct Secrets<'s> {
    /// Found as a whole.
    words: Vec<&'s str>,
    /// Found by runs that begin at every so many bytes.
    tokens: Vec<&'s str>,
    stride: usize,
    sieve: Sieve,
}

impl<'s> Secrets<'s> {
    /// Finds every run of 12 bytes. For text that can be left out without loss.
    pub(crate) fn strictly(secrets: impl IntoIterator<Item = &'s str>) -> Self {
        Self::with_stride(1, RUN, secrets)
    }

    /// Finds the whole of a password, and every run of 23 bytes of a token. For text that means something: a name may be a
    /// part of a password by chance, and a word a part of a name.
    pub(crate) fn plainly(secrets: impl IntoIterator<Item = &'s str>) -> Self {
        Self::with_stride(RUN, WORD + 1, secrets.into_iter().filter(|secret| secret.len() >= SHORTEST))
    }

    fn with_stride(stride: usize, shortest_token: usize, secrets: impl IntoIterator<Item = &'s str>) -> Self {
        let secrets = secrets.into_iter().filter(|secret| !secret.is_empty());
        let (tokens, words) = secrets.partition(|secret| secret.len() >= shortest_token);
        let mut found = Self { words, tokens, stride, sieve: Sieve::default() };
        let Self { tokens, sieve, .. } = &mut found;
        runs(tokens, stride).for_each(|run| sieve.add(run));
        found
    }

    /// Whether one of the secrets, or such a part of it, stands in `text`.
    pub(crate) fn stand_in(&self, text: &str) -> bool {
        let windows = text.as_bytes().array_windows();
        let mut suspects = windows.filter(|window| self.sieve.holds(window)).peekable();
        let by_run = suspects.peek().is_some() && {
            let mut runs: Vec<_> = runs(&self.tokens, self.stride).collect();
            runs.sort_unstable();
            suspects.any(|suspect| runs.binary_search(&suspect).is_ok())
        };
        by_run || self.words.iter().any(|word| text.contains(word))
    }
}

fn runs<'t>(tokens: &'t [&str], stride: usize) -> impl Iterator<Item = &'t [u8; RUN]> {
    tokens.iter().flat_map(move |token| token.as_bytes().array_windows().step_by(stride))
}

/// Tells most of what is no run of a secret, at a glance: each run has set two bits.
struct Sieve([u64; SIEVE_BITS / 64]);

/// The usual token sets one in a hundred.
const SIEVE_BITS: usize = 1 << 14;

impl Default for Sieve {
    fn default() -> Self {
        Self([0; SIEVE_BITS / 64])
    }
}

impl Sieve {
    fn add(&mut self, run: &[u8; RUN]) {
        for bit in Self::bits(run) {
            self.0[bit / 64] |= 1 << (bit % 64);
        }
    }

    fn holds(&self, run: &[u8; RUN]) -> bool {
        Self::bits(run).into_iter().all(|bit| self.0[bit / 64] >> (bit % 64) & 1 == 1)
    }

    /// By the run's first 8 bytes. The highest bits of a product depend on all of its factors.
    fn bits(run: &[u8; RUN]) -> [usize; 2] {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let [head @ .., _, _, _, _] = run;
        let [a, b, c, d, ..] = u64::from_le_bytes(*head).wrapping_mul(ODD).to_be_bytes();
        [[a, b], [c, d]].map(|bits| usize::from(u16::from_be_bytes(bits)) % SIEVE_BITS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> String {
        (0..200u8).map(|i| char::from(b'!' + i.wrapping_mul(7) % 90)).collect()
    }

    #[test]
    fn a_part_of_a_token_is_found_wherever_it_begins() {
        let token = token();
        let secrets = ["a-password", &token];
        for (secrets, run) in [(Secrets::strictly(secrets), 12), (Secrets::plainly(secrets), 23)] {
            for start in 0..=token.len() - run {
                assert!(
                    secrets.stand_in(&format!("x {} y", &token[start..start + run])),
                    "{run} from {start}"
                );
            }
            assert!(!secrets.stand_in("nothing of the kind stands here, however long it is"));
            assert!(!secrets.stand_in("short"));
        }
    }

    #[test]
    fn what_begins_like_a_run_is_none() {
        let token = token();
        let alike: Vec<&str> = (0..token.len() - 8).map(|start| &token[start..start + 8]).collect();
        assert!(!Secrets::strictly([&*token]).stand_in(&alike.join(" ")));
    }

    #[test]
    fn a_word_is_found_as_a_whole() {
        let token = token();
        let plainly = |secret, text: &str| Secrets::plainly([&*token, secret]).stand_in(text);
        let whole = "it is a-password-of-some-length, is it not";
        assert!(plainly("a-password-of-some-length", whole));
        assert!(!plainly("a-password-of-some-length", "a-pa"));
        assert!(!plainly("a-password-of-some-length", "-password-of-"));
        assert!(!plainly("agent", "agent-1"), "a word gives nothing away");
        assert!(!plainly("fifteen-letters", "fifteen-letters"));
        assert!(plainly("sixteen-letters!", "sixteen-letters!"));
        assert!(Secrets::strictly(["s"]).stand_in("it is s"));
        assert!(Secrets::strictly(["a-password-of-some-length"]).stand_in("-password-of-"));
    }

    #[test]
    fn nothing_is_no_secret() {
        for none in [&[""][..], &[]] {
            assert!(!Secrets::strictly(none.iter().copied()).stand_in("anything that is long enough"));
            assert!(!Secrets::plainly(none.iter().copied()).stand_in("anything that is long enough"));
        }
    }
}
