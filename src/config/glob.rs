//! Patterns with `*` (any characters, none too) and `?` (exactly one character).

use std::str::Chars;

/// A pattern that a whole text matches or does not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Glob(Box<[char]>);

impl Glob {
    /// Every text is a pattern; without `*` and `?` it matches itself alone.
    pub(super) fn new(pattern: &str) -> Self {
        let mut characters: Vec<char> = pattern.chars().collect();
        characters.dedup_by(|next, before| *next == '*' && *before == '*');
        Self(characters.into())
    }

    /// Whether it has a `*` or a `?`, that is, may match several texts.
    pub(super) fn is_wild(&self) -> bool {
        self.0.iter().any(|c| is_wildcard(*c))
    }

    /// The characters, wildcards included.
    pub(super) fn characters(&self) -> &[char] {
        &self.0
    }

    /// Whether the whole of `text` matches. Allocates nothing; takes at most the product of both lengths, as only the
    /// last `*` met is ever given more.
    pub(super) fn matches(&self, text: &str) -> bool {
        let mut rest = text.chars();
        let mut at = 0;
        let mut star: Option<(usize, Chars<'_>)> = None;
        loop {
            if self.0.get(at) == Some(&'*') {
                at += 1;
                star = Some((at, rest.clone()));
                continue;
            }
            let mut after = rest.clone();
            match (self.0.get(at), after.next()) {
                (None, None) => return true,
                // Giving a star more leaves less for what follows it.
                (Some(_), None) => return false,
                (Some(wanted), Some(found)) if *wanted == '?' || *wanted == found => {
                    at += 1;
                    rest = after;
                }
                _ => {
                    let Some((after_star, taken)) = star.as_mut() else {
                        return false;
                    };
                    taken.next();
                    at = *after_star;
                    rest = taken.clone();
                }
            }
        }
    }

    /// Whether some text matches both.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        !differs_at_once(self.0.iter(), other.0.iter())
            && !differs_at_once(self.0.iter().rev(), other.0.iter().rev())
            && some_text_fits(&self.0, &other.0)
    }
}

pub(super) fn is_wildcard(c: char) -> bool {
    matches!(c, '*' | '?')
}

/// Whether two different characters face each other before the first `*`: the quick no for most pairs.
fn differs_at_once<'c>(one: impl Iterator<Item = &'c char>, other: impl Iterator<Item = &'c char>) -> bool {
    one.zip(other)
        .take_while(|(a, b)| **a != '*' && **b != '*')
        .any(|(a, b)| a != b && *a != '?' && *b != '?')
}

/// Walks both patterns at once. `reached[j]` tells whether some text leads to the present place in `one` and to place
/// `j` in `other`; the work is the product of both lengths.
fn some_text_fits(one: &[char], other: &[char]) -> bool {
    let mut reached = vec![false; other.len() + 1];
    reached[0] = true;
    skip_stars(&mut reached, other);
    for &a in one {
        let mut next = vec![false; other.len() + 1];
        for (j, from) in reached.iter().enumerate() {
            if !from {
                continue;
            }
            let facing = other.get(j).copied();
            if a == '*' {
                // It may stand for everything from here on.
                next[j..].fill(true);
                break;
            }
            match facing {
                Some('*') => next[j] = true,
                Some(b) if a == b || a == '?' || b == '?' => next[j + 1] = true,
                _ => {}
            }
        }
        skip_stars(&mut next, other);
        reached = next;
    }
    reached[other.len()]
}

/// A star may stand for nothing.
fn skip_stars(reached: &mut [bool], pattern: &[char]) {
    for (j, c) in pattern.iter().enumerate() {
        if *c == '*' && reached[j] {
            reached[j + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters_and_a_question_mark_for_one() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("*", "anything", true),
            ("?", "", false),
            ("?", "é", true),
            ("?", "ab", false),
            ("a*c", "ac", true),
            ("a*c", "abbc", true),
            ("a*c", "abbcd", false),
            ("*b*", "abc", true),
            ("*ab", "aab", true),
            ("*a?c*", "xxabaacyy", true),
            ("a**b", "a-b", true),
            ("*?", "", false),
            ("??*", "a", false),
            ("??*", "ab", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_cost_no_more_than_the_product_of_the_lengths() {
        let glob = Glob::new(&"a*".repeat(200));
        assert!(!glob.matches(&format!("{}b", "x".repeat(100_000))));
        assert!(!Glob::new(&format!("{}b", "*a".repeat(200))).matches(&"a".repeat(20_000)));
    }

    #[test]
    fn patterns_overlap_where_one_text_matches_both() {
        for (one, other, expected) in [
            ("a", "a", true),
            ("a", "b", false),
            ("a*", "ab", true),
            ("a*", "b*", false),
            ("*a", "*b", false),
            ("a*", "*b", true),
            ("a?", "a", false),
            ("a?", "?b", true),
            ("a*c", "ab*", true),
            ("*", "", true),
            ("?*", "", false),
            ("a*b*c", "a-c", false),
            ("a*b*c", "*xbx*", true),
            ("ab*", "a", false),
            ("*aa*", "a?a", true),
        ] {
            assert_eq!(Glob::new(one).overlaps(&Glob::new(other)), expected, "{one} {other}");
            assert_eq!(Glob::new(other).overlaps(&Glob::new(one)), expected, "{other} {one}");
        }
    }

    /// All words over `alphabet` with up to `longest` characters.
    fn words(alphabet: &str, longest: usize) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut begin = 0;
        for _ in 0..longest {
            let end = words.len();
            let longer =
                words[begin..end].iter().flat_map(|word| alphabet.chars().map(move |c| format!("{word}{c}")));
            let longer: Vec<String> = longer.collect();
            words.extend(longer);
            begin = end;
        }
        words
    }

    fn matches_by_definition(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => {
                (0..=text.len()).any(|taken| matches_by_definition(rest, &text[taken..]))
            }
            (Some((wanted, rest)), Some((found, after))) => {
                (*wanted == '?' || wanted == found) && matches_by_definition(rest, after)
            }
            _ => false,
        }
    }

    #[test]
    fn all_short_patterns_match_and_overlap_as_defined() {
        // Where two patterns of three characters overlap, six characters are enough for a text that matches both.
        let texts = words("ab", 6);
        let patterns: Vec<(Glob, Vec<bool>)> = words("ab*?", 3)
            .iter()
            .map(|pattern| {
                let glob = Glob::new(pattern);
                let characters: Vec<char> = pattern.chars().collect();
                let row = texts.iter().map(|text| {
                    let expected = matches_by_definition(&characters, &text.chars().collect::<Vec<_>>());
                    assert_eq!(glob.matches(text), expected, "{pattern} {text}");
                    expected
                });
                let row = row.collect();
                (glob, row)
            })
            .collect();
        for (one, matched) in &patterns {
            for (other, also) in &patterns {
                let expected = matched.iter().zip(also).any(|(one, other)| *one && *other);
                assert_eq!(one.overlaps(other), expected, "{one:?} {other:?}");
            }
        }
    }
}
