//! Holds the notes on a configuration against what was expected of them.

use std::fmt::Write as _;

use serde_json::Value;

use crate::format::Note;

/// Whether a note of a document is what was expected.
pub(crate) fn matches(note: &Note, candidate: &Value) -> bool {
    let text = |key: &str| candidate[key].as_str().unwrap_or_default();
    let message = text("message").to_lowercase();
    text("severity") == note.severity
        && note.path.as_deref().is_none_or(|path| text("path") == path)
        && note.path_begins.as_deref().is_none_or(|path| text("path").starts_with(path))
        && note.message_contains.as_deref().is_none_or(|part| message.contains(&part.to_lowercase()))
}

/// What was expected, in words.
pub(crate) fn shown(note: &Note) -> String {
    let mut text = format!("{} at ", note.severity);
    let _ = match (&note.path, &note.path_begins) {
        (Some(path), _) => write!(text, "{path:?}"),
        (None, Some(path)) => write!(text, "{path:?}…"),
        (None, None) => write!(text, "any path"),
    };
    if let Some(part) = &note.message_contains {
        let _ = write!(text, " that says {part:?}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_note_is_matched_by_all_that_is_said_of_it() {
        let found =
            json!({"severity": "warning", "path": "clusters.demo.audience", "message": "No audience"});
        let fits = |expected: Value| matches(&serde_json::from_value(expected).expect("a note"), &found);
        assert!(fits(json!({"severity": "warning"})));
        assert!(fits(
            json!({"severity": "warning", "path_begins": "clusters", "message_contains": "no aud"})
        ));
        assert!(!fits(json!({"severity": "warning", "path": "clusters"})));
        assert!(!fits(json!({"severity": "error"})));
        assert!(!fits(json!({"severity": "warning", "message_contains": "other"})));
    }
}
