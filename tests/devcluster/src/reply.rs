//! An answer before it is sent, and the failures in kube-apiserver's form.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PLAIN_TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// An answer before it is sent.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn new(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Reply {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(CONTENT_TYPE, content_type);
        Reply { status, headers, body }
    }

    /// An API object that has been rendered already.
    pub(crate) fn object(body: Bytes) -> Reply {
        Reply::new(StatusCode::OK, JSON, body)
            .with(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"))
    }

    /// An API object that was created: what a review is answered with.
    pub(crate) fn created<T: Serialize>(object: &T) -> Reply {
        Reply { status: StatusCode::CREATED, ..Reply::object(render(object)) }
    }

    pub(crate) fn text(status: StatusCode, text: &str) -> Reply {
        Reply::new(status, PLAIN_TEXT, Bytes::copy_from_slice(text.as_bytes()))
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Reply {
        self.headers.insert(name, value);
        self
    }

    /// The head of the HTTP answer, with the length of the whole body.
    pub(crate) fn into_response<B>(self, body: impl FnOnce(Bytes) -> B) -> Response<B> {
        let length = HeaderValue::from(self.body.len());
        let mut response = Response::new(body(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response.headers_mut().insert(CONTENT_LENGTH, length);
        response
    }
}

/// JSON as kube-apiserver sends it: with a line break at its end.
pub(crate) fn render<T: Serialize>(object: &T) -> Bytes {
    let mut body = Vec::with_capacity(512);
    serde_json::to_writer(&mut body, object)
        .expect("JSON values and plain structures can be written to memory");
    body.push(b'\n');
    body.into()
}

/// A `metav1.Status`. `details` absent leaves the field out, as for 401.
pub(crate) fn failure(status: StatusCode, reason: &str, message: &str, details: Option<Value>) -> Reply {
    let mut body = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": status.as_u16(),
    });
    if let Some(details) = details {
        body["details"] = details;
    }
    Reply { status, ..Reply::object(render(&body)) }
}

pub(crate) fn bad_request(message: &str) -> Reply {
    failure(StatusCode::BAD_REQUEST, "BadRequest", message, None)
}

pub(crate) fn unauthorized() -> Reply {
    failure(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized", None)
}

/// No object of this name.
pub(crate) fn object_not_found(kind: &str, name: &str) -> Reply {
    let details = json!({"name": name, "kind": kind});
    failure(StatusCode::NOT_FOUND, "NotFound", &format!("{kind} {name:?} not found"), Some(details))
}

/// The answer that kube-apiserver gives with a status when nothing more is known.
pub(crate) fn generic_failure(status: StatusCode) -> Reply {
    let (reason, message) = match status {
        StatusCode::BAD_REQUEST => ("BadRequest", "the server rejected our request for an unknown reason"),
        StatusCode::UNAUTHORIZED => return unauthorized(),
        StatusCode::FORBIDDEN => ("Forbidden", "forbidden"),
        StatusCode::NOT_FOUND => ("NotFound", "the server could not find the requested resource"),
        StatusCode::METHOD_NOT_ALLOWED => {
            ("MethodNotAllowed", "the server does not allow this method on the requested resource")
        }
        StatusCode::CONFLICT => ("Conflict", "the server reported a conflict"),
        StatusCode::TOO_MANY_REQUESTS => return too_many_requests(),
        StatusCode::SERVICE_UNAVAILABLE => {
            ("ServiceUnavailable", "the server is currently unable to handle the request")
        }
        StatusCode::GATEWAY_TIMEOUT => (
            "Timeout",
            "the server was unable to return a response in the time allotted, but may still be processing the request",
        ),
        other if other.is_server_error() => ("InternalError", "Internal error occurred"),
        _ => ("", "unknown"),
    };
    failure(status, reason, message, Some(json!({})))
}

/// kube-apiserver's load shedding: plain text, and one second.
fn too_many_requests() -> Reply {
    Reply::text(StatusCode::TOO_MANY_REQUESTS, "Too many requests, please try again later.\n")
        .with(RETRY_AFTER, HeaderValue::from_static("1"))
}
