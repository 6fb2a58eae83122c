//! What is sent, and what is made of what comes back.

use std::collections::BTreeMap;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, HOST, USER_AGENT};

use super::super::StatusClass;
use super::super::answer;
use super::super::api::{Call, CallErrorKind, ClusterApi, Extra, Extras};
use super::world::{
    Authority, Folder, Plan, Server, answering, cluster, patient, session, session_of, words,
};

const MARKER: &str = "marker-eyJhbGciOiJSUzI1NiJ9.secret";

/// Asks all three questions of a server that answers each with this; the outcomes are Debug texts or errors' words.
async fn ask_all(status: u16, body: &str) -> [(CallErrorKind, String); 3] {
    let authority = Authority::new();
    let (folder, body) = (Folder::new(), body.to_owned());
    let server = Server::start(Plan::new(&authority, answering(move |_| (status, body.clone())))).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    let session = session_of(&cluster, MARKER, Duration::from_secs(20));
    let review = session.review_token(&[]).await.unwrap_err();
    let pod = session.pod("ns", "p").await.unwrap_err();
    let node = session.node("n1").await.unwrap_err();
    [review, pod, node].map(|error| {
        assert!(!format!("{error:?} {}", words(&error)).contains("marker"), "{error:?}");
        (error.kind, words(&error))
    })
}

/// The node as a server answers it with this body.
async fn node_from(body: &'static str) -> Result<super::super::api::Node, String> {
    let authority = Authority::new();
    let folder = Folder::new();
    let server = Server::start(Plan::new(&authority, answering(move |_| (200, body.to_owned())))).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    patient(&cluster).node("n1").await.map_err(|error| {
        assert_eq!(error.kind, CallErrorKind::BadResponse, "{error:?}");
        words(&error)
    })
}

#[tokio::test]
async fn the_three_questions_are_put_and_their_answers_read() {
    let authority = Authority::new();
    let folder = Folder::new();
    let handler = answering(|request| {
        let body = match request.uri().path() {
            "/base/apis/authentication.k8s.io/v1/tokenreviews" => {
                let review: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
                assert_eq!(review["spec"]["token"], "quo\"ted\n");
                assert_eq!(review["spec"]["audiences"], serde_json::json!(["spire-server"]));
                r#"{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","status":{"authenticated":true,
                   "user":{"username":"u","groups":["g"],"extra":{"k":[],"authentication.kubernetes.io/pod-name":["p:1"]}},"audiences":["spire-server"]}}"#
            }
            "/base/api/v1/namespaces/ns/pods/p%3A1" => {
                r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p:1","namespace":"ns","uid":"pu",
                   "labels":{"a":"b"}},"spec":{"serviceAccountName":"sa","nodeName":"n1"},
                   "status":{"phase":"Running","hostIP":"10.0.0.1"}}"#
            }
            _ => r#"{"kind":"Node","apiVersion":"v1","metadata":{"name":"n1","uid":"nu","labels":null}}"#,
        };
        (200, body.to_owned())
    });
    let server = Server::start(Plan::new(&authority, handler)).await;
    folder.write("ca.crt", &authority.pem);
    let kubeconfig = folder.kubeconfig(
        &[format!("server: https://{}/base/", server.address), "certificate-authority: ca.crt".into()],
        &["token: t0".into()],
    );
    let cluster = cluster(&kubeconfig);
    let session = session_of(&cluster, "quo\"ted\n", Duration::from_secs(20));

    let review = session.review_token(&["spire-server".to_owned()]).await.unwrap();
    assert!(review.authenticated);
    assert_eq!(review.user.extra, Extras { pod_name: Extra::One("p:1".to_owned()), ..Extras::default() });
    let head = server.last_head();
    assert_eq!(head.headers[AUTHORIZATION], "Bearer t0");
    assert_eq!(head.headers[USER_AGENT], concat!("psat-attestor/", env!("CARGO_PKG_VERSION")));

    let pod = session.pod("ns", "p:1").await.unwrap();
    assert_eq!((pod.uid.as_str(), pod.host_ip.as_str()), ("pu", "10.0.0.1"));
    assert_eq!((pod.service_account_name.as_str(), pod.node_name.as_str()), ("sa", "n1"));

    assert_eq!(session.node("n1").await.unwrap().uid, "nu");
    let head = server.last_head();
    assert_eq!(
        head.headers[ACCEPT],
        "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json"
    );
    assert!(head.uri.query().is_none());

    let calls = session.calls();
    assert_eq!(calls.iter().map(|one| one.call).collect::<Vec<_>>(), Call::ALL);
    assert!(calls.iter().all(|one| one.status == Some(200) && one.attempts == 1));
    assert_eq!(cluster.counters().calls(Call::Pod, StatusClass::Success), 1);
}

#[tokio::test]
async fn http_1_gets_origin_form_and_a_host() {
    let authority = Authority::new();
    let folder = Folder::new();
    let handler = answering(|request| {
        assert_eq!(request.uri().to_string(), "/api/v1/nodes/n1");
        (200, super::world::NODE.to_owned())
    });
    let mut plan = Plan::new(&authority, handler);
    plan.alpn = &["http/1.1"];
    let server = Server::start(plan).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    patient(&cluster).node("n1").await.unwrap();
    assert_eq!(server.last_head().headers[HOST], server.address.to_string());
}

#[tokio::test]
async fn no_audience_is_sent_when_none_is_wanted() {
    let authority = Authority::new();
    let folder = Folder::new();
    let handler = answering(|request| {
        let review: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!(review["spec"], serde_json::json!({"token": "t"}));
        (201, r#"{"status":{"authenticated":null,"user":null,"audiences":null,"error":"no"}}"#.to_owned())
    });
    let server = Server::start(Plan::new(&authority, handler)).await;
    let cluster = cluster(&folder.lead_to(&server, &authority));
    let review = session_of(&cluster, "t", Duration::from_secs(20)).review_token(&[]).await.unwrap();
    assert_eq!((review.authenticated, review.error.as_str()), (false, "no"));
}

#[tokio::test]
async fn statuses_are_kinds() {
    use CallErrorKind::{Forbidden, NotFound, Status, Throttled, Unauthenticated};
    for (status, kinds) in [
        (401, [Unauthenticated; 3]),
        (403, [Forbidden; 3]),
        (404, [Status, NotFound, NotFound]),
        (429, [Throttled; 3]),
        (302, [Status; 3]),
        (307, [Status; 3]),
        (409, [Status; 3]),
        (500, [Status; 3]),
        (503, [Status; 3]),
    ] {
        let outcomes = ask_all(status, "slow down").await;
        assert_eq!(outcomes.clone().map(|(kind, _)| kind), kinds, "{status}");
        for (_, words) in outcomes {
            assert!(words.ends_with(&format!("answered {status}")), "{words}");
        }
    }
}

#[tokio::test]
async fn the_message_of_a_status_is_quoted_unless_it_echoes_a_credential() {
    let status = |message: &str| {
        serde_json::json!({"kind": "Status", "apiVersion": "v1", "message": message}).to_string()
    };
    for (_, words) in ask_all(403, &status("User \"x\" cannot create\u{7} tokenreviews")).await {
        assert!(words.ends_with("answered 403: User \"x\" cannot create  tokenreviews"), "{words}");
    }
    // Whole, in part, and cut off by the length limit; the last two of them are not this call's token.
    let [(_, review), _, _] = ask_all(403, &status("bad secret in eyJhbGciOiJSUzI1Ni")).await;
    assert!(review.ends_with("answered 403"), "{review}");
    let [(_, review), _, _] =
        ask_all(403, &status(&format!("{}eyJhbGciOiJSUzI1NiJ9", "x".repeat(505)))).await;
    assert!(review.ends_with("answered 403"), "{review}");
    let [(_, review), _, _] = ask_all(500, &status(&"y".repeat(9000))).await;
    assert!(review.ends_with("yyy") && review.len() < 800, "{review}");
}

#[tokio::test]
async fn an_echo_of_the_librarys_own_credential_is_not_quoted() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let handler = answering(|request| {
        let echo = request.headers()[AUTHORIZATION].to_str().unwrap().to_owned();
        (401, serde_json::json!({"kind": "Status", "message": format!("who is {echo}?")}).to_string())
    });
    let server = Server::start(Plan::new(&authority, handler)).await;
    folder.write("ca.crt", &authority.pem);
    let lines = [format!("server: https://{}", server.address), "certificate-authority: ca.crt".into()];
    for user in
        [vec!["token: marker-token-of-mine".into()], vec!["username: u".into(), "password: marker".into()]]
    {
        let cluster = cluster(&folder.kubeconfig(&lines, &user));
        let error = patient(&cluster).node("n1").await.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::Unauthenticated);
        assert!(words(&error).ends_with("answered 401"), "{}", words(&error));
    }
}

#[test]
fn clusters_and_sessions_may_be_used_from_any_thread() {
    fn any_thread<T: Send + Sync + 'static>() {}
    any_thread::<super::super::Cluster>();
    any_thread::<super::super::Session>();
}

#[tokio::test]
async fn what_is_not_the_object_asked_for_is_refused() {
    for body in [
        "",
        "null",
        "[]",
        r#"["v1","Pod",{"name":"p"},{},{}]"#,
        "7",
        "{}",
        "{",
        "marker",
        r#"{"marker":"#,
        r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"marker"}"#,
        r#"{"kind":"Secret","apiVersion":"v1","metadata":{"name":"marker"},"status":{}}"#,
        r#"{"kind":"marker","metadata":{"name":"n1"},"status":{}}"#,
        r#"{"apiVersion":"marker/v1","metadata":{"name":"n1"},"status":{}}"#,
        r#"{"metadata":"marker","status":"marker"}"#,
        r#"{"metadata":{"name":"n1","labels":["marker"]},"status":["marker"]}"#,
        r#"{"metadata":{"name":"marker"},"status":{"authenticated":"marker"}}"#,
        r#"{"metadata":{},"status":{}} marker"#,
        "<html>marker</html>",
    ] {
        for (kind, words) in ask_all(200, body).await {
            assert_eq!(kind, CallErrorKind::BadResponse, "{body}: {words}");
        }
    }
}

#[test]
fn a_pod_of_another_namespace_or_name_is_not_the_one_asked_for() {
    let body = br#"{"kind":"Pod","apiVersion":"v1","metadata":{"namespace":"ns","name":"p","uid":"u"}}"#;
    assert_eq!(answer::pod(body, "ns", "p", &[]).expect("it is the one").uid, "u");
    for (namespace, name) in [("other", "p"), ("ns", "other")] {
        let fault = answer::pod(body, namespace, name, &[]).expect_err("it is another");
        assert_eq!(fault.kind(), CallErrorKind::BadResponse);
    }
}

#[tokio::test]
async fn a_node_may_come_as_metadata_or_whole_or_without_its_kind() {
    for body in [
        super::world::NODE,
        r#"{"kind":"Node","apiVersion":"v1","metadata":{"name":"n1","uid":"u1"},"status":{"phase":7}}"#,
        r#"{"metadata":{"name":"n1","uid":"u1","labels":null}}"#,
        r#"{"kind":"","apiVersion":null,"metadata":{"uid":"u1"}}"#,
        r#"{"kind":"Node","metadata":{"name":"n\u0031","uid":"\u00751"}}"#,
    ] {
        assert_eq!(node_from(body).await.unwrap().uid, "u1", "{body}");
    }
    assert!(
        node_from(r#"{"kind":"Node","metadata":{"name":"n2"}}"#).await.unwrap_err().contains("another name")
    );
}

#[test]
fn of_the_labels_those_are_read_that_are_wanted() {
    let body =
        br#"{"kind":"Node","metadata":{"name":"n1","labels":{"a":null,"b":"c","d":"e","b":"\u0063c"}}}"#;
    let labels = answer::node(body, "n1", &["a", "b", "x"].map(str::to_owned)).unwrap().labels;
    assert_eq!(labels, BTreeMap::from([("a".into(), String::new()), ("b".into(), "cc".into())]));
    for wrong in [r#"{"a":"b","x":7}"#, r#"["a"]"#, r#"{"a":["b"]}"#] {
        let body = format!(r#"{{"kind":"Node","metadata":{{"name":"n1","labels":{wrong}}}}}"#);
        assert!(answer::node(body.as_bytes(), "n1", &[]).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn an_answer_over_4_mib_is_refused() {
    let body = format!(r#"{{"metadata":{{}},"status":{{}},"x":"{}"}}"#, "y".repeat(4 << 20));
    for (kind, words) in ask_all(200, &body).await {
        assert_eq!(kind, CallErrorKind::BadResponse);
        assert!(words.contains("larger than 4096 KiB"), "{words}");
    }
}

#[tokio::test]
async fn names_that_do_not_fit_into_a_path_are_not_sent() {
    let folder = Folder::new();
    let cluster = cluster(&folder.path("nothing"));
    for name in ["", ".", "..", "a/b", "a%2e"] {
        let session = session(&cluster, Duration::from_secs(5));
        assert_eq!(session.node(name).await.unwrap_err().kind, CallErrorKind::BadResponse, "{name}");
        assert_eq!(session.pod(name, "p").await.unwrap_err().kind, CallErrorKind::BadResponse, "{name}");
        assert!(session.calls().is_empty());
    }
}
