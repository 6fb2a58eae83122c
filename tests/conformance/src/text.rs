//! JSON merge patches (RFC 7396), and the `${…}` that strings of the data may hold.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Applies a merge patch: objects are merged, `null` removes, anything else replaces.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let target = target.as_object_mut().expect("made an object above");
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// The patch that does what `first` and then `second` do; unlike [`merge`] it keeps the `null`s.
pub(crate) fn compose(first: &Value, second: &Value) -> Value {
    let (Value::Object(one), Value::Object(two)) = (first, second) else {
        return second.clone();
    };
    let mut both = one.clone();
    for (key, value) in two {
        let composed = both.get(key).map_or_else(|| value.clone(), |earlier| compose(earlier, value));
        both.insert(key.clone(), composed);
    }
    Value::Object(both)
}

/// What `${name}` stands for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(BTreeMap<&'static str, String>);

impl Names {
    /// Adds a name.
    pub(crate) fn set(&mut self, name: &'static str, text: impl Into<String>) {
        self.0.insert(name, text.into());
    }

    /// `text` with every `${name}` and `${repeat:<text>:<times>}` replaced.
    pub(crate) fn fill(&self, text: &str) -> Result<String, String> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, behind) =
                after.split_once('}').ok_or_else(|| format!("a `${{` without its `}}` in {text:?}"))?;
            filled.push_str(before);
            filled.push_str(&self.meaning(name)?);
            rest = behind;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// `value` with all its strings and keys filled.
    pub(crate) fn fill_value(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => Value::String(self.fill(text)?),
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.fill_value(item)).collect::<Result<_, _>>()?)
            }
            Value::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(key, member)| Ok((self.fill(key)?, self.fill_value(member)?)))
                    .collect::<Result<_, String>>()?,
            ),
            plain => plain.clone(),
        })
    }

    fn meaning(&self, name: &str) -> Result<String, String> {
        if let Some(repetition) = name.strip_prefix("repeat:") {
            let (text, times) =
                repetition.rsplit_once(':').ok_or_else(|| format!("${{{name}}} has no number"))?;
            let times: usize = times.parse().map_err(|_| format!("${{{name}}} has no number"))?;
            return Ok(text.repeat(times));
        }
        self.0.get(name).cloned().ok_or_else(|| format!("${{{name}}} is not known here"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_merges_removes_and_replaces() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "d": [1]});
        merge(&mut target, &json!({"a": {"b": null, "e": {"f": null, "g": 1}}, "d": [2, 3]}));
        assert_eq!(target, json!({"a": {"c": 2, "e": {"g": 1}}, "d": [2, 3]}));
    }

    #[test]
    fn a_composed_patch_does_what_its_parts_do() {
        let (first, second) = (json!({"a": {"b": null, "c": 1}}), json!({"a": {"c": null, "d": 2}}));
        let base = json!({"a": {"b": 0, "c": 0}});
        let (mut stepwise, mut at_once) = (base.clone(), base);
        merge(&mut stepwise, &first);
        merge(&mut stepwise, &second);
        merge(&mut at_once, &compose(&first, &second));
        assert_eq!(stepwise, at_once);
        assert_eq!(at_once, json!({"a": {"d": 2}}));
    }

    #[test]
    fn names_and_repetitions_are_filled_and_unknown_ones_refused() {
        let mut names = Names::default();
        names.set("token", "a.b.c");
        assert_eq!(names.fill("<${token}> ${repeat:x:3} $1").as_deref(), Ok("<a.b.c> xxx $1"));
        assert_eq!(names.fill_value(&json!({"${token}": ["${token}"]})), Ok(json!({"a.b.c": ["a.b.c"]})));
        assert!(names.fill("${nonsense}").is_err());
        assert!(names.fill("${token").is_err());
    }
}
