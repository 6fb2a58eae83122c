//! Turning the true answer into the one that the world asks for.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::answer::{Answer, Answers};
use crate::patch::merge;
use crate::reply::{Reply, generic_failure, render};

impl Answers {
    /// Whether all scripted answers can be sent.
    pub(crate) fn check(&self) -> Result<(), String> {
        let scripts = [
            ("token_review", &self.token_review),
            ("pod", &self.pod),
            ("node", &self.node),
            ("jwks", &self.jwks),
            ("access_review", &self.access_review),
        ];
        for (name, script) in scripts {
            for (index, answer) in script.iter().enumerate() {
                answer.check().map_err(|why| format!("answers.{name}[{index}]: {why}"))?;
            }
        }
        Ok(())
    }
}

impl Answer {
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    /// Everything but the delay and the fault.
    pub(crate) fn apply(&self, truth: Reply) -> Reply {
        let mut reply = self.with_status(truth);
        if let Some(text) = &self.text {
            reply.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
            reply.body = Bytes::copy_from_slice(text.as_bytes());
        } else if let Some(body) = &self.body {
            reply.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            reply.body = render(body);
        } else if let Some(patch) = &self.patch {
            let mut body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            merge(&mut body, patch);
            reply.body = render(&body);
        }
        let content_type = self.content_type.as_ref().map(|value| ("content-type", value));
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value));
        for (name, value) in content_type.into_iter().chain(headers) {
            // A world is checked before it is served, see `World::check`.
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
                reply.headers.insert(name, value);
            }
        }
        reply
    }

    fn with_status(&self, truth: Reply) -> Reply {
        let Some(status) = self.status.and_then(|code| StatusCode::from_u16(code).ok()) else {
            return truth;
        };
        let has_body = self.text.is_some() || self.body.is_some();
        if status.as_u16() >= 400 && !has_body {
            return generic_failure(status);
        }
        Reply { status, ..truth }
    }

    fn check(&self) -> Result<(), String> {
        if let Some(code) = self.status.filter(|code| !(200..=599).contains(code)) {
            return Err(format!("status {code} is not between 200 and 599"));
        }
        for (name, value) in &self.headers {
            name.parse::<HeaderName>().map_err(|error| format!("header {name:?}: {error}"))?;
            HeaderValue::from_str(value).map_err(|error| format!("header {name:?}: {error}"))?;
        }
        if let Some(value) = &self.content_type {
            HeaderValue::from_str(value).map_err(|error| format!("content_type: {error}"))?;
        }
        Ok(())
    }
}
