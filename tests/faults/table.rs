//! The fault matrix as data: what goes wrong, and what an attestation makes of it.

use devcluster::{Answer, Answers, Fault, ListenerMode};
use serde_json::json;

/// Where it goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    TokenReview,
    Pod,
    Node,
}

impl Call {
    pub(crate) const ALL: [Self; 3] = [Self::TokenReview, Self::Pod, Self::Node];

    /// The word in `diagnostics.api_calls`.
    pub(crate) fn word(self) -> &'static str {
        ["token_review", "pod", "node"][self as usize]
    }

    /// The answers to this call.
    pub(crate) fn script(self, answers: &mut Answers) -> &mut Vec<Answer> {
        match self {
            Self::TokenReview => &mut answers.token_review,
            Self::Pod => &mut answers.pod,
            Self::Node => &mut answers.node,
        }
    }
}

/// What HTTP the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    H2,
    H1,
}

/// One kind of fault.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) what: What,
    /// Why it cannot be with this protocol at this call, if it cannot.
    pub(crate) impossible: fn(Protocol, Call) -> Option<&'static str>,
    /// What an attestation ends with while it lasts.
    pub(crate) end: End,
    /// Whether an attestation succeeds that meets it once.
    pub(crate) rescued: bool,
}

/// How it is made.
pub(crate) enum What {
    /// Connections are received so when the call is due.
    Connections(ListenerMode),
    /// The call is answered so.
    Answers(fn() -> Answer),
}

pub(crate) enum End {
    /// It does no harm.
    Attested,
    /// With this reason, after so many tries of the call.
    Reason(&'static str, u32),
    /// With a reason that depends on the call.
    ByCall(fn(Call) -> &'static str),
    /// As such, once its time has passed.
    TimeIsUp,
}

const UNREACHABLE: &str = "API_UNREACHABLE";
const THROTTLED: &str = "API_THROTTLED";
const ERROR: &str = "API_ERROR";

/// All of them, in the order in which an attestation could meet them.
pub(crate) fn table() -> Vec<Row> {
    use End::{Attested, ByCall, Reason, TimeIsUp};

    vec![
        connections("connection refused", ListenerMode::Refuse, Reason(UNREACHABLE, 3), true),
        connections("hang at accept", ListenerMode::HangAccept, TimeIsUp, false),
        connections("reset at accept", ListenerMode::ResetAccept, Reason(UNREACHABLE, 3), true),
        connections("hang in TLS", ListenerMode::HangTls, TimeIsUp, false),
        connections("reset in TLS", ListenerMode::ResetTls, Reason(UNREACHABLE, 3), true),
        broken("hang before headers", || of(Fault::HangBeforeHeaders), TimeIsUp, false),
        broken("reset before headers", || of(Fault::ResetBeforeHeaders), Reason(UNREACHABLE, 3), true),
        broken("close before headers", || of(Fault::CloseBeforeHeaders), Reason(UNREACHABLE, 3), true),
        broken("hang in body", || of(Fault::HangInBody), TimeIsUp, false),
        broken("reset in body", || of(Fault::ResetInBody), Reason(UNREACHABLE, 3), true),
        broken("truncated body", || of(Fault::TruncatedBody), Reason(UNREACHABLE, 3), true),
        broken("garbage", || of(Fault::Garbage), Reason(UNREACHABLE, 1), false),
        broken("slow drip", || of(Fault::SlowDrip), TimeIsUp, false),
        broken("black hole", || of(Fault::BlackHole), TimeIsUp, false),
        broken("10 MB body", || of(Fault::BigBody), Reason("API_BAD_RESPONSE", 1), false),
        broken("wrong content type", wrong_content_type, Attested, true),
        broken("301", redirect, Reason(ERROR, 1), false),
        broken("401", || status(401), Reason("API_UNAUTHENTICATED", 1), false),
        broken("403", || status(403), Reason("API_FORBIDDEN", 1), false),
        broken("404", || status(404), ByCall(not_found), false),
        broken("409", || status(409), Reason(ERROR, 1), false),
        broken("429 without Retry-After", || throttled(None), Reason(THROTTLED, 3), true),
        broken("429, Retry-After: 1", || throttled(Some("1")), Reason(THROTTLED, 3), true),
        broken("429, Retry-After: 2", || throttled(Some("2")), Reason(THROTTLED, 1), false),
        broken("429, Retry-After: a date", || throttled(Some(FAR)), Reason(THROTTLED, 1), false),
        broken("500", || status(500), Reason(ERROR, 1), false),
        broken("502 with HTML", bad_gateway, Reason(ERROR, 1), false),
        broken("503", || status(503), Reason(ERROR, 3), true),
        broken("504", || status(504), Reason(ERROR, 3), true),
        goodbye("GOAWAY, not processed", Fault::GoawayUnprocessed, Reason(UNREACHABLE, 4), no_goaway),
        goodbye("GOAWAY with the answer", Fault::Goaway, Attested, no_goaway),
        goodbye("close after each answer", Fault::Goaway, Attested, no_close),
    ]
}

/// No fault at all.
pub(crate) fn harmless() -> Row {
    broken("none", Answer::default, End::Attested, true)
}

const FAR: &str = "Wed, 21 Oct 2099 07:28:00 GMT";

fn connections(name: &'static str, mode: ListenerMode, end: End, rescued: bool) -> Row {
    Row { name, what: What::Connections(mode), impossible: no_protocol_yet, end, rescued }
}

fn broken(name: &'static str, answer: fn() -> Answer, end: End, rescued: bool) -> Row {
    Row { name, what: What::Answers(answer), impossible: |_, _| None, end, rescued }
}

fn goodbye(
    name: &'static str,
    fault: Fault,
    end: End,
    impossible: fn(Protocol, Call) -> Option<&'static str>,
) -> Row {
    let answer = match fault {
        Fault::GoawayUnprocessed => || of(Fault::GoawayUnprocessed),
        _ => || of(Fault::Goaway),
    };
    Row { name, what: What::Answers(answer), impossible, end, rescued: true }
}

fn no_protocol_yet(protocol: Protocol, call: Call) -> Option<&'static str> {
    let first = call == Call::TokenReview && protocol == Protocol::H1;
    first.then_some("the first connection fails before HTTP is settled: the case is h2's")
}

fn no_goaway(protocol: Protocol, _: Call) -> Option<&'static str> {
    (protocol == Protocol::H1).then_some("HTTP/1.1 has no GOAWAY")
}

fn no_close(protocol: Protocol, _: Call) -> Option<&'static str> {
    (protocol == Protocol::H2).then_some("HTTP/2 says that by GOAWAY")
}

fn not_found(call: Call) -> &'static str {
    [ERROR, "POD_NOT_FOUND", "NODE_NOT_FOUND"][call as usize]
}

fn of(fault: Fault) -> Answer {
    Answer { fault: Some(fault), ..Answer::default() }
}

fn status(code: u16) -> Answer {
    Answer { status: Some(code), ..Answer::default() }
}

fn redirect() -> Answer {
    let headers = [("location".to_owned(), "/version".to_owned())].into();
    Answer { headers, text: Some(String::new()), ..status(301) }
}

fn wrong_content_type() -> Answer {
    Answer { content_type: Some("text/html".to_owned()), ..Answer::default() }
}

fn bad_gateway() -> Answer {
    let text = Some("<html><h1>502 Bad Gateway</h1></html>".to_owned());
    Answer { text, content_type: Some("text/html".to_owned()), ..status(502) }
}

fn throttled(retry_after: Option<&str>) -> Answer {
    let headers = retry_after.map(|value| ("retry-after".to_owned(), value.to_owned()));
    // A body of its own, or the server adds the header that kube-apiserver sends.
    Answer { headers: headers.into_iter().collect(), body: Some(json!("busy")), ..status(429) }
}
