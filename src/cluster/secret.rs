//! Finding a secret, or a part of it, in text from elsewhere.

/// A part of a credential is as bad as the whole, but names may share a few letters with one.
const RUN: usize = 12;

/// What is shorter is a word, and stands in other words by chance: it gives nothing away.
const SHORTEST: usize = 16;

/// Tokens are longer, passwords and hand-made tokens may be words.
const WORD: usize = 64;

/// A secret, ready to be looked for. Time and memory are linear in the lengths of secret and text, but for a sort.
pub(crate) struct Secret<'s> {
    text: &'s str,
    runs: Vec<u128>,
}

impl<'s> Secret<'s> {
    /// Finds every run of 12 bytes. For text that can be left out without loss.
    pub(crate) fn strictly(text: &'s str) -> Self {
        Self::with_stride(text, 1)
    }

    /// Finds the whole of a password, and every run of 23 bytes of a token. For text that means something: a name may be a
    /// part of a password by chance, and a word a part of a name.
    pub(crate) fn plainly(text: &'s str) -> Self {
        let text = if text.len() < SHORTEST { "" } else { text };
        if text.len() <= WORD { Self { text, runs: Vec::new() } } else { Self::with_stride(text, RUN) }
    }

    fn with_stride(text: &'s str, stride: usize) -> Self {
        let mut runs: Vec<u128> = text.as_bytes().windows(RUN).step_by(stride).map(number).collect();
        runs.sort_unstable();
        Self { text, runs }
    }

    /// Whether the secret, or such a part of it, stands in `text`.
    pub(crate) fn stands_in(&self, text: &str) -> bool {
        if self.runs.is_empty() {
            return !self.text.is_empty() && text.contains(self.text);
        }
        text.as_bytes().windows(RUN).any(|window| self.runs.binary_search(&number(window)).is_ok())
    }
}

fn number(run: &[u8]) -> u128 {
    run.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
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
        for (secret, run) in [(Secret::strictly(&token), 12), (Secret::plainly(&token), 23)] {
            for start in 0..=token.len() - run {
                assert!(
                    secret.stands_in(&format!("x {} y", &token[start..start + run])),
                    "{run} from {start}"
                );
            }
            assert!(!secret.stands_in("nothing of the kind stands here, however long it is"));
            assert!(!secret.stands_in("short"));
        }
    }

    #[test]
    fn a_word_is_found_as_a_whole() {
        let whole = "it is a-password-of-some-length, is it not";
        assert!(Secret::plainly("a-password-of-some-length").stands_in(whole));
        assert!(!Secret::plainly("a-password-of-some-length").stands_in("a-pa"));
        assert!(Secret::strictly("s").stands_in("it is s"));
        assert!(!Secret::plainly("agent").stands_in("agent-1"), "a word gives nothing away");
        assert!(!Secret::plainly("fifteen-letters").stands_in("fifteen-letters"));
        assert!(Secret::plainly("sixteen-letters!").stands_in("sixteen-letters!"));
        assert!(Secret::strictly("a-password-of-some-length").stands_in("-password-of-"));
        assert!(!Secret::plainly("a-password-of-some-length").stands_in("-password-of-"));
    }

    #[test]
    fn nothing_is_no_secret() {
        assert!(!Secret::strictly("").stands_in("anything"));
        assert!(!Secret::plainly("").stands_in("anything"));
    }
}
