//! As whom the API server is asked: `as` and its companions, in headers as client-go writes them.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue};
use kube::config::AuthInfo;

/// The headers for what this user impersonates.
pub(super) fn headers(user: &AuthInfo) -> Result<HeaderMap, String> {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (name, uid) = (filled(&user.impersonate), filled(&user.impersonate_uid));
    let groups = user.impersonate_groups.as_deref().unwrap_or_default();
    let extra = user.impersonate_user_extra.iter().flatten();

    let mut headers = HeaderMap::new();
    let Some(name) = name else {
        if uid.is_some() || !groups.is_empty() || extra.count() > 0 {
            return Err("`as-uid`, `as-groups` and `as-user-extra` need `as`".to_owned());
        }
        return Ok(headers);
    };
    headers.insert("impersonate-user", value("as", &name)?);
    if let Some(uid) = uid {
        headers.insert("impersonate-uid", value("as-uid", &uid)?);
    }
    for group in groups {
        headers.append("impersonate-group", value("as-groups", group)?);
    }
    for (key, values) in extra {
        let header = HeaderName::try_from(format!("impersonate-extra-{}", escaped(key)))
            .map_err(|_| "a key of `as-user-extra` is too long for a header".to_owned())?;
        for one in values {
            headers.append(header.clone(), value("as-user-extra", one)?);
        }
    }
    Ok(headers)
}

fn value(field: &str, text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| format!("`{field}` holds characters that no header can carry"))
}

/// Percent-encodes what may not stand in a header's name, and the percent sign.
fn escaped(key: &str) -> String {
    key.bytes().fold(String::with_capacity(key.len()), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(user: serde_json::Value) -> Result<HeaderMap, String> {
        headers(&serde_json::from_value(user).unwrap())
    }

    #[test]
    fn each_part_has_its_header() {
        let made = of(serde_json::json!({
            "as": "jane", "as-uid": "u1", "as-groups": ["a", "b", ""],
            "as-user-extra": {"example.org/scope s%": ["one", "two"], "ümlaut": ["ü"]},
        }))
        .unwrap();
        let all = |name: &str| made.get_all(name).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
        assert_eq!(all("impersonate-user"), [b"jane"]);
        assert_eq!(all("impersonate-uid"), [b"u1"]);
        assert_eq!(all("impersonate-group"), [&b"a"[..], b"b", b""]);
        assert_eq!(all("impersonate-extra-example.org%2fscope%20s%25"), [b"one", b"two"]);
        assert_eq!(all("impersonate-extra-%c3%bcmlaut"), ["ü".as_bytes()]);
        assert_eq!(made.len(), 8);
    }

    #[test]
    fn nobody_is_impersonated_without_a_name() {
        assert!(of(serde_json::json!({"as": "", "as-uid": "", "as-groups": []})).unwrap().is_empty());
        for alone in [
            serde_json::json!({"as-uid": "marker"}),
            serde_json::json!({"as-groups": ["marker"]}),
            serde_json::json!({"as-user-extra": {"marker": []}}),
        ] {
            assert_eq!(of(alone).unwrap_err(), "`as-uid`, `as-groups` and `as-user-extra` need `as`");
        }
        let words = of(serde_json::json!({"as": "a\nmarker"})).unwrap_err();
        assert!(words.contains("`as`") && !words.contains("marker"), "{words}");
    }
}
