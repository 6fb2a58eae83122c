//! Reads the data files, and puts their defaults into their cases.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::format::{Base, Case};
use crate::text::compose;

/// One data file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "about")]
    _about: String,
    #[serde(default)]
    defaults: Map<String, Value>,
    cases: Vec<Map<String, Value>>,
}

/// The fields that are patches: a case's comes on top of its file's, where any other replaces it.
const PATCHES: [&str; 9] =
    ["config", "world", "review", "pod", "node", "token", "validate", "upstream_config", "upstream"];

fn with_defaults(defaults: &Map<String, Value>, case: &Map<String, Value>) -> Value {
    let mut whole = defaults.clone();
    for (key, value) in case {
        let value = match whole.get(key) {
            Some(default) if PATCHES.contains(&key.as_str()) && !value.is_null() => compose(default, value),
            _ => value.clone(),
        };
        whole.insert(key.clone(), value);
    }
    whole.retain(|_, value| !value.is_null());
    Value::Object(whole)
}

fn cases_of(file: &str, text: &str) -> Result<Vec<Case>, String> {
    let File { defaults, cases, .. } =
        serde_json::from_str(text).map_err(|error| format!("{file}.json: {error}"))?;
    cases
        .iter()
        .map(|raw| {
            let mut case: Case = serde_json::from_value(with_defaults(&defaults, raw)).map_err(|error| {
                format!("{file}.json: {}: {error}", raw.get("name").unwrap_or(&Value::Null))
            })?;
            file.clone_into(&mut case.file);
            Ok(case)
        })
        .collect()
}

/// Reads `base.json` and every other `*.json` of a directory, in the order of their names.
pub(crate) fn read(directory: &Path) -> Result<(Base, Vec<Case>), String> {
    let listing =
        std::fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let mut paths: Vec<PathBuf> = listing
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    let mut base = None;
    let mut cases = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let file = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        if file == "base" {
            base = Some(serde_json::from_str(&text).map_err(|error| format!("base.json: {error}"))?);
        } else {
            cases.extend(cases_of(&file, &text)?);
        }
    }
    Ok((base.ok_or("there is no base.json")?, cases))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(text: &str) -> Case {
        cases_of("file", text).expect("the file is well-formed").remove(0)
    }

    #[test]
    fn patches_of_a_case_come_on_top_of_its_files() {
        let case = one(
            r#"{"about":"","defaults":{"config":{"a":1,"b":1},"lookups":["auto","sequential"],"upstream":{}},
            "cases":[{"name":"n","config":{"b":null},"lookups":["claims"],"upstream":null,"expect":{}}]}"#,
        );
        assert_eq!(case.config, json!({"a": 1, "b": null}));
        assert_eq!(case.lookups, ["claims"]);
        assert!(case.upstream.is_none());
        assert_eq!(case.title(), "file/n");
    }

    #[test]
    fn a_misspelt_field_is_refused_with_the_cases_name() {
        let error =
            cases_of("file", r#"{"about":"","cases":[{"name":"n","expct":{}}]}"#).expect_err("misspelt");
        assert!(error.contains("file.json: \"n\"") && error.contains("expct"), "{error}");
    }
}
