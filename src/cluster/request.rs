//! The three requests.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::uri::{self, PathAndQuery};
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use zeroize::Zeroizing;

use super::api::{Token, is_path_segment};
use super::connection::RequestBody;
use super::credentials::Access;
use super::error::Fault;
use super::settings::Server;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("psat-attestor/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The object's metadata alone. A server that cannot do that answers with the whole object.
const METADATA: HeaderValue =
    HeaderValue::from_static("application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json");

/// All but RFC 3986's unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A question to the API server. It can be put more than once.
pub(super) struct Question {
    method: Method,
    path: Cow<'static, str>,
    accept: HeaderValue,
    body: Bytes,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenReview<'a> {
    api_version: &'static str,
    kind: &'static str,
    spec: TokenReviewSpec<'a>,
}

#[derive(Serialize)]
struct TokenReviewSpec<'a> {
    token: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    audiences: &'a [String],
}

impl Question {
    /// Whose token is this?
    pub(super) fn token_review(token: &Token, audiences: &[String]) -> Result<Self, Fault> {
        let spec = TokenReviewSpec { token: token.expose(), audiences };
        let review = TokenReview { api_version: "authentication.k8s.io/v1", kind: "TokenReview", spec };
        // Room for all of it: a buffer that grows leaves parts of the token behind.
        let room = 256 + token.expose().len() + audiences.iter().map(|one| one.len() + 3).sum::<usize>();
        let mut body = Zeroizing::new(Vec::with_capacity(room));
        serde_json::to_writer(&mut *body, &review)
            .map_err(|_| Fault::BadAnswer("the review cannot be written".to_owned()))?;
        Ok(Self {
            method: Method::POST,
            path: Cow::Borrowed("/apis/authentication.k8s.io/v1/tokenreviews"),
            accept: JSON,
            body: Bytes::from_owner(Wiped(body)),
        })
    }

    /// What is known of this pod?
    pub(super) fn pod(namespace: &str, name: &str) -> Result<Self, Fault> {
        let path = ["/api/v1/namespaces/", &segment(namespace)?, "/pods/", &segment(name)?].concat();
        Ok(Self { method: Method::GET, path: path.into(), accept: JSON, body: Bytes::new() })
    }

    /// What is known of this node?
    pub(super) fn node(name: &str) -> Result<Self, Fault> {
        let path = ["/api/v1/nodes/", &segment(name)?].concat();
        Ok(Self { method: Method::GET, path: path.into(), accept: METADATA, body: Bytes::new() })
    }

    /// What stands at this path, in the first form of `accept` that the server has?
    pub(super) fn get(path: &str, accept: &'static str) -> Self {
        let accept = HeaderValue::from_static(accept);
        Self { method: Method::GET, path: path.to_owned().into(), accept, body: Bytes::new() }
    }

    /// A review of something that is no secret.
    pub(super) fn review(path: &str, body: &serde_json::Value) -> Self {
        let body = Bytes::from(body.to_string());
        Self { method: Method::POST, path: path.to_owned().into(), accept: JSON, body }
    }

    /// Whether it asks for an object that may not be there.
    pub(super) fn is_get(&self) -> bool {
        self.method == Method::GET
    }

    /// Method and URL, for texts.
    pub(super) fn attempted(&self, server: &Server) -> String {
        format!("{} {}{}{}", self.method, server.origin(), server.base_path, self.path)
    }

    /// The request, written for the HTTP version of the connection.
    pub(super) fn request(&self, access: &Access, h2: bool) -> Result<Request<RequestBody>, Fault> {
        let Server { scheme, authority, base_path } = &access.server;
        let unfit = || Fault::BadAnswer("the URL cannot be written".to_owned());
        let path = PathAndQuery::from_maybe_shared([base_path, &*self.path].concat()).map_err(|_| unfit())?;
        let mut uri = uri::Parts::default();
        uri.path_and_query = Some(path);
        if h2 {
            (uri.scheme, uri.authority) = (Some(scheme.clone()), Some(authority.clone()));
        }
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(uri)
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, self.accept.clone());
        if !h2 {
            request = request.header(HOST, authority.as_str());
        }
        if let Some(authorization) = &access.authorization {
            request = request.header(AUTHORIZATION, authorization.header.clone());
        }
        for (name, value) in &access.impersonation {
            request = request.header(name, value);
        }
        if !self.is_get() {
            request = request.header(CONTENT_TYPE, JSON);
        }
        request.body(Full::new(self.body.clone())).map_err(|_| unfit())
    }
}

/// One segment of a path. Names were looked at before; this is what makes a slip harmless.
fn segment(name: &str) -> Result<Cow<'_, str>, Fault> {
    if is_path_segment(name) {
        Ok(utf8_percent_encode(name, ESCAPED).into())
    } else {
        Err(Fault::BadAnswer("a name does not fit into a path".to_owned()))
    }
}

/// A body that is wiped when the last one who reads it is done.
struct Wiped(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
