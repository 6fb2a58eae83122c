//! Whether both sides agree, or differ on purpose.

use std::borrow::Cow;

use serde_json::json;

use crate::case::{Case, Config, TOKEN, may_pass};
use crate::facts::Facts;
use crate::outcome::Outcome;
use crate::rules::{AsIf, Rule};
use crate::stage::{Question, Stage};

/// What both sides answered to a case, and what is to be thought of it.
pub(crate) struct Verdict {
    pub(crate) ours: Outcome,
    /// This library's word for it.
    pub(crate) reason: String,
    pub(crate) theirs: Outcome,
    /// The rules that explain the difference, by their place; `None`: nothing does.
    pub(crate) rules: Option<Vec<usize>>,
    pub(crate) question: Question,
}

/// Puts a case to both sides.
pub(crate) fn judge(stage: &mut Stage<'_>, rules: &[Rule], case: &Case) -> Result<Verdict, String> {
    let question = stage.question(case);
    let (ours, reason) = stage.ask_ours(case, &question);
    let theirs = stage.ask_theirs(case, &question)?;
    let explained = explain(stage, (rules, &[]), case, &question, &ours, &theirs)?;
    Ok(Verdict { ours, reason, theirs, rules: explained, question })
}

/// The rules that together explain the difference: none if there is no difference. Those of `used` have changed the case
/// already, each once.
fn explain(
    stage: &mut Stage<'_>,
    (rules, used): (&[Rule], &[usize]),
    case: &Case,
    question: &Question,
    ours: &Outcome,
    theirs: &Outcome,
) -> Result<Option<Vec<usize>>, String> {
    if ours == theirs {
        return Ok(Some(used.to_vec()));
    }
    let facts = Facts::of(case, question.payload.as_deref(), &question.token);
    for (place, rule) in rules.iter().enumerate() {
        if used.contains(&place) || !rule.fits(&facts, ours, theirs) {
            continue;
        }
        let used = [used, &[place]].concat();
        let Some(as_if) = rule.as_if else { return Ok(Some(used)) };
        let Some((case, token)) = changed(as_if, case, question) else { continue };
        let question = stage.question_with(&case, token);
        let theirs = stage.ask_theirs(&case, &question)?;
        let explained = explain(stage, (rules, &used), &case, &question, ours, &theirs)?;
        if explained.is_some() {
            return Ok(explained);
        }
    }
    Ok(None)
}

/// The case as this library understands it; `None` if that is no other one.
fn changed(as_if: AsIf, case: &Case, question: &Question) -> Option<(Case, String)> {
    let (mut case, mut token) = (case.clone(), question.token.clone());
    match as_if {
        AsIf::TokenTrimmed => token = token.trim_matches([' ', '\t', '\r', '\n']).to_owned(),
        AsIf::ExactMembers => case.payload.bytes = Some(case.payload.taken_for.take()?),
        AsIf::AccountListed => list_account(&mut case)?,
        AsIf::NoFailure => {
            let answers = &mut case.world.answers;
            for script in [&mut answers.token_review, &mut answers.pod, &mut answers.node] {
                script.retain(|answer| !may_pass(answer));
            }
        }
        AsIf::SoundContainers => case.pod_mut()["spec"]["containers"] = json!([]),
    }
    Some((case, token))
}

fn list_account(case: &mut Case) -> Option<()> {
    let status = case.status.clone().unwrap_or_else(|| case.true_status());
    let account = status["user"]["username"].as_str()?.strip_prefix("system:serviceaccount:")?.to_owned();
    let list = &mut case.cluster()?["service_account_allow_list"];
    let entries = list.as_array()?.iter().filter_map(|entry| entry.as_str());
    if !entries.into_iter().any(|entry| stands_for(entry, &account)) {
        return None;
    }
    *list = json!([account]);
    Some(())
}

/// Whether an entry with wildcards matches: `*` any text, `?` a character, neither a colon.
fn stands_for(entry: &str, account: &str) -> bool {
    let Some(first) = entry.chars().next() else { return account.is_empty() };
    let rest = &entry[first.len_utf8()..];
    let next = account.chars().next();
    let after = next.map_or(account, |next| &account[next.len_utf8()..]);
    match first {
        '*' => stands_for(rest, account) || next.is_some_and(|next| next != ':') && stands_for(entry, after),
        '?' => next.is_some_and(|next| next != ':') && stands_for(rest, after),
        _ => next == Some(first) && stands_for(rest, after),
    }
}

/// All that there is to know of a case.
pub(crate) fn shown(case: &Case, verdict: &Verdict, rules: &[Rule]) -> String {
    let question = &verdict.question;
    let facts = Facts::of(case, question.payload.as_deref(), &question.token);
    let config = match &case.config {
        None => Cow::Borrowed("none"),
        Some(Config::Text(text)) => Cow::Borrowed(*text),
        Some(Config::Json(config)) => config.to_string().into(),
    };
    let payload = case.payload.bytes.as_ref().map(|bytes| String::from_utf8_lossy(bytes));
    let world = json!({"pods": case.world.pods, "nodes": case.world.nodes, "reviewer": case.world.reviewer.permissions,
        "answers": case.scripted_world(TOKEN).answers});
    let explained = match &verdict.rules {
        None => "by nothing".to_owned(),
        Some(places) if places.is_empty() => "there is no difference".to_owned(),
        Some(places) => places.iter().map(|place| rules[*place].name.as_str()).collect::<Vec<_>>().join(", "),
    };
    format!(
        "  deviations: {}\n  config:     {config}\n  payload:    {}\n  token:      {}\n  world:      {world}\n  facts:      {:?}\n  \
         ours:       {} {:?}\n  theirs:     {:?}\n  explained:  {explained}",
        case.deviations.join(", "),
        shortened(payload.as_deref().unwrap_or("none")),
        shortened(&json!(case.token).to_string()),
        facts.true_words,
        verdict.reason,
        verdict.ours,
        verdict.theirs,
    )
}

fn shortened(text: &str) -> String {
    let start: String = text.chars().take(600).collect();
    if start.len() == text.len() { start } else { format!("{start}… ({} bytes)", text.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_no_colon() {
        for (entry, account, expected) in [
            ("a:b", "a:b", true),
            ("a:*", "a:", true),
            ("*:b?", "x:bé", true),
            ("**:*", "a:b", true),
            ("*", "a:b", false),
            ("a?b", "a:b", false),
            ("a:b*c", "a:bxd", false),
        ] {
            assert_eq!(stands_for(entry, account), expected, "{entry} {account}");
        }
    }
}
