//! Differences that are on purpose: `rules.json`.

use serde::Deserialize;

use crate::facts::Facts;
use crate::outcome::{ENDS, Outcome};

/// Which difference is right, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) name: String,
    /// The reason, for whoever reads.
    #[serde(rename = "why")]
    _why: String,
    /// Facts that must all hold.
    #[serde(default)]
    when: Vec<String>,
    /// What this library must have answered.
    ours: Pattern,
    /// What SPIRE must have answered.
    theirs: Pattern,
    /// SPIRE is asked again about the case so changed, and must then agree, or differ as another rule has it.
    pub(crate) as_if: Option<AsIf>,
}

/// An answer, as far as it is given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pattern {
    code: Option<i32>,
    /// With `{fact}` for a text of the facts in quotes, `{ours}` for this library's message, and `*` at its end for any rest.
    message: Option<String>,
    /// It ended there, or later: a name of [`ENDS`].
    from: Option<String>,
    /// It ended there, or earlier.
    until: Option<String>,
    configured: Option<bool>,
}

/// A case that is what this library takes the original one for.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AsIf {
    /// Without what stands around the token.
    TokenTrimmed,
    /// With the payload's members of exactly the right names alone.
    ExactMembers,
    /// With the account on the allow list itself, if an entry with wildcards matches it.
    AccountListed,
    /// Without failures that pass.
    NoFailure,
    /// With a pod whose containers are a list.
    SoundContainers,
}

impl Rule {
    pub(crate) fn read_all() -> Result<Vec<Rule>, String> {
        let rules: Vec<Rule> = serde_json::from_str(include_str!("../rules.json"))
            .map_err(|error| format!("rules.json: {error}"))?;
        for rule in &rules {
            for end in [&rule.theirs.from, &rule.theirs.until].into_iter().flatten() {
                place(end).ok_or_else(|| format!("rules.json: {}: nothing ends at {end:?}", rule.name))?;
            }
        }
        Ok(rules)
    }

    pub(crate) fn fits(&self, facts: &Facts, ours: &Outcome, theirs: &Outcome) -> bool {
        self.when.iter().all(|word| facts.true_words.contains(word.as_str()))
            && self.ours.fits(facts, ours, ours)
            && self.theirs.fits(facts, ours, theirs)
    }
}

impl Pattern {
    fn fits(&self, facts: &Facts, ours: &Outcome, outcome: &Outcome) -> bool {
        self.code.is_none_or(|code| code == outcome.code)
            && self.configured.is_none_or(|configured| configured == outcome.configured)
            && self.from.as_ref().is_none_or(|from| place(from) <= outcome.end())
            && self.until.as_ref().is_none_or(|until| outcome.end() <= place(until))
            && self.message.as_ref().is_none_or(|message| {
                let message = filled(message, facts, ours);
                match message.strip_suffix('*') {
                    Some(beginning) => outcome.message.starts_with(beginning),
                    None => outcome.message == message,
                }
            })
    }
}

/// Where in [`ENDS`] it is.
fn place(end: &str) -> Option<usize> {
    ENDS.iter().position(|(name, ..)| *name == end)
}

fn filled(message: &str, facts: &Facts, ours: &Outcome) -> String {
    let filled = facts
        .texts
        .iter()
        .fold(message.to_owned(), |message, (name, text)| message.replace(&format!("{{{name}}}"), text));
    filled.replace("{ours}", &ours.message)
}
