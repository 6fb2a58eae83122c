//! JSON merge patches (RFC 7386).

use serde_json::{Map, Value};

/// Applies a merge patch: objects are merged key by key, `null` removes, everything else replaces.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(object) = target else { return };
    for (key, change) in changes {
        if change.is_null() {
            object.remove(key);
        } else {
            merge(object.entry(key.as_str()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn assert_merged(mut target: Value, patch: &Value, expected: &Value) {
        merge(&mut target, patch);
        assert_eq!(&target, expected, "after the patch {patch}");
    }

    #[test]
    fn the_examples_of_the_standard_hold() {
        assert_merged(json!({"a": "b"}), &json!({"a": "c"}), &json!({"a": "c"}));
        assert_merged(json!({"a": "b"}), &json!({"b": "c"}), &json!({"a": "b", "b": "c"}));
        assert_merged(json!({"a": "b"}), &json!({"a": null}), &json!({}));
        assert_merged(json!({"a": ["b"]}), &json!({"a": "c"}), &json!({"a": "c"}));
        assert_merged(json!({"a": "c"}), &json!({"a": ["b"]}), &json!({"a": ["b"]}));
        assert_merged(
            json!({"a": {"b": "c"}}),
            &json!({"a": {"b": "d", "c": null}}),
            &json!({"a": {"b": "d"}}),
        );
        assert_merged(json!(["a", "b"]), &json!(["c", "d"]), &json!(["c", "d"]));
        assert_merged(json!({"a": "foo"}), &json!(null), &json!(null));
        assert_merged(json!([1, 2]), &json!({"a": "b", "c": null}), &json!({"a": "b"}));
        assert_merged(json!({}), &json!({"a": {"bb": {"ccc": null}}}), &json!({"a": {"bb": {}}}));
    }
}
