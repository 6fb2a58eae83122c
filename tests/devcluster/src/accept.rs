//! Reading `Accept` headers as far as the endpoints here need it.

use http::HeaderMap;
use http::header::ACCEPT;

/// What form of an object a caller asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The object as JSON.
    Whole,
    /// Its metadata alone.
    Metadata,
}

/// The first form in the caller's list that can be given.
pub(crate) fn object_form(headers: &HeaderMap) -> Option<Form> {
    let Some(accept) = text(headers) else {
        return Some(Form::Whole);
    };
    ranges(accept).find_map(|(media, parameters)| {
        if !matches!(media, "application/json" | "application/*" | "*/*") {
            return None;
        }
        let parameter =
            |name: &str| parameters.clone().find_map(|(key, value)| (key == name).then_some(value));
        match (parameter("as"), parameter("g"), parameter("v")) {
            (None, ..) => Some(Form::Whole),
            (Some("PartialObjectMetadata"), Some("meta.k8s.io"), Some("v1")) => Some(Form::Metadata),
            _ => None,
        }
    })
}

/// Whether the caller takes this media type.
pub(crate) fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let Some(accept) = text(headers) else { return true };
    ranges(accept).any(|(media, _)| media == wanted || matches!(media, "application/*" | "*/*"))
}

fn text(headers: &HeaderMap) -> Option<&str> {
    headers.get(ACCEPT)?.to_str().ok().filter(|accept| !accept.trim().is_empty())
}

/// The media types with their parameters, as they stand; weights are not looked at, as nobody here sends any.
fn ranges(accept: &str) -> impl Iterator<Item = (&str, impl Iterator<Item = (&str, &str)> + Clone)> {
    accept.split(',').map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        (media, parts.filter_map(|parameter| parameter.split_once('=')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(accept: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT, http::HeaderValue::from_static(accept))])
    }

    #[test]
    fn the_metadata_form_needs_group_and_version() {
        let form = |accept| object_form(&headers(accept));
        let metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
        assert_eq!(form(metadata), Some(Form::Metadata));
        assert_eq!(
            form("application/json; as=PartialObjectMetadata; v=v1; g=meta.k8s.io, */*"),
            Some(Form::Metadata)
        );
        assert_eq!(form("application/json;as=PartialObjectMetadata, application/json"), Some(Form::Whole));
        assert_eq!(form("application/vnd.kubernetes.protobuf"), None);
        assert_eq!(form(""), Some(Form::Whole));
        assert_eq!(object_form(&HeaderMap::new()), Some(Form::Whole));
    }
}
