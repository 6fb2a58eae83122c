//! Scripted answers, faults and listeners.

use std::time::{Duration, Instant};

use crate::client::{BOTH, Client, NODE, POD, Protocol};
use devcluster::{Answer, Answers, DevCluster, Fault, ListenerMode, TokenRequest, World};
use serde_json::json;

fn world_of_pod(script: Vec<Answer>) -> World {
    World { answers: Answers { pod: script, ..Answers::default() }, ..World::default() }
}

async fn faulty(fault: Fault, protocol: Protocol) -> (DevCluster, Client) {
    let cluster =
        DevCluster::start(world_of_pod(vec![Answer { fault: Some(fault), ..Answer::default() }])).await;
    let client = Client::connect(&cluster, protocol).await;
    (cluster, client)
}

#[tokio::test]
async fn a_script_is_played_in_order_and_its_end_repeats() {
    let unavailable = Answer { status: Some(503), ..Answer::default() };
    let cluster = DevCluster::start(world_of_pod(vec![unavailable.clone(), Answer::default()])).await;
    let mut client = Client::connect(&cluster, Protocol::H2).await;
    for expected in [503, 200, 200] {
        assert_eq!(client.get(POD).await.expect("an answer").status, expected);
    }
    assert_eq!(client.get(NODE).await.expect("an answer").status, 200, "other calls are not touched");
    cluster.set_world(world_of_pod(vec![unavailable])).await;
    for _ in 0..2 {
        let answer = client.get(POD).await.expect("an answer");
        assert_eq!(answer.json()["reason"], "ServiceUnavailable", "a new world begins anew");
    }
}

#[tokio::test]
async fn a_patch_changes_the_true_answer() {
    let patch = json!({"metadata": {"labels": null, "uid": "changed"}});
    let cluster =
        DevCluster::start(world_of_pod(vec![Answer { patch: Some(patch), ..Answer::default() }])).await;
    let mut client = Client::connect(&cluster, Protocol::H1).await;
    let pod = client.get(POD).await.expect("an answer").json();
    assert_eq!((&pod["metadata"]["uid"], &pod["metadata"]["name"]), (&json!("changed"), &json!("agent-1")));
    assert!(pod["metadata"].get("labels").is_none());
}

#[tokio::test]
async fn a_scripted_failure_looks_like_the_real_one() {
    let script = |status| Answer { status: Some(status), ..Answer::default() };
    let patched = Answer { patch: Some(json!({"message": "marker"})), ..script(403) };
    let cluster = DevCluster::start(world_of_pod(vec![script(429), patched])).await;
    let mut client = Client::connect(&cluster, Protocol::H2).await;
    let busy = client.get(POD).await.expect("an answer");
    assert_eq!((busy.status.as_u16(), busy.headers["retry-after"].to_str().ok()), (429, Some("1")));
    assert_eq!(busy.body, "Too many requests, please try again later.\n");
    let forbidden = client.get(POD).await.expect("an answer");
    assert_eq!(forbidden.json()["message"], "marker");
    assert_eq!(forbidden.json()["code"], 403);
}

#[tokio::test]
async fn literal_bodies_and_headers_are_sent_as_they_are() {
    let answers = [
        json!({"text": "<html>", "content_type": "text/html", "status": 502, "headers": {"x-proxy": "yes"}}),
        json!({"body": {"kind": "List"}}),
        json!({"status": 301, "headers": {"location": "https://elsewhere"}, "text": ""}),
    ];
    let script = answers.map(|answer| serde_json::from_value(answer).expect("an answer")).to_vec();
    let cluster = DevCluster::start(world_of_pod(script)).await;
    let mut client = Client::connect(&cluster, Protocol::H2).await;
    let html = client.get(POD).await.expect("an answer");
    assert_eq!((html.status.as_u16(), html.body.as_ref()), (502, b"<html>".as_slice()));
    assert_eq!(
        (&html.headers["content-type"], &html.headers["x-proxy"]),
        (&"text/html".parse().unwrap(), &"yes".parse().unwrap())
    );
    assert_eq!(client.get(POD).await.expect("an answer").json(), json!({"kind": "List"}));
    assert_eq!(client.get(POD).await.expect("an answer").status, 301);
}

#[tokio::test]
async fn latency_and_delay_add_up() {
    let script = vec![Answer { delay_ms: 60, ..Answer::default() }];
    let cluster = DevCluster::start(World { latency_ms: 40, ..world_of_pod(script) }).await;
    let mut client = Client::connect(&cluster, Protocol::H2).await;
    let begun = Instant::now();
    client.get(POD).await.expect("an answer");
    assert!(begun.elapsed() >= Duration::from_millis(100), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn faults_that_break_the_answer_give_an_error_and_no_hang() {
    for fault in [
        Fault::ResetBeforeHeaders,
        Fault::ResetInBody,
        Fault::TruncatedBody,
        Fault::CloseBeforeHeaders,
        Fault::Garbage,
        Fault::GoawayUnprocessed,
    ] {
        for protocol in BOTH {
            let (cluster, mut client) = faulty(fault, protocol).await;
            let begun = Instant::now();
            let error = client.get(POD).await.expect_err("a broken answer");
            assert!(begun.elapsed() < Duration::from_secs(2), "{fault:?} on {protocol:?}: {error}");
            assert_eq!(cluster.counters().pod, 1);
            if protocol == Protocol::H2 && matches!(fault, Fault::ResetBeforeHeaders | Fault::ResetInBody) {
                let node = client.get(NODE).await.expect("the connection lives on");
                assert_eq!(node.status, 200, "{fault:?}");
            } else if fault != Fault::TruncatedBody {
                client.get(NODE).await.expect_err("the connection is gone");
            }
        }
    }
}

#[tokio::test]
async fn faults_that_hang_do_hang() {
    for fault in [Fault::HangBeforeHeaders, Fault::HangInBody, Fault::SlowDrip, Fault::BlackHole] {
        for protocol in BOTH {
            let (_cluster, mut client) = faulty(fault, protocol).await;
            let answer = tokio::time::timeout(Duration::from_millis(300), client.get(POD)).await;
            assert!(answer.is_err(), "{fault:?} on {protocol:?}");
        }
    }
}

#[tokio::test]
async fn a_big_body_is_sound_json() {
    for protocol in BOTH {
        let (_cluster, mut client) = faulty(Fault::BigBody, protocol).await;
        let answer = client.get(POD).await.expect("an answer");
        assert!(answer.body.len() >= 10_000_000, "{}", answer.body.len());
        assert_eq!(answer.json()["kind"], "Pod");
    }
}

#[tokio::test]
async fn goaway_answers_and_ends_the_connection() {
    for protocol in BOTH {
        let (_cluster, mut client) = faulty(Fault::Goaway, protocol).await;
        assert_eq!(client.get(POD).await.expect("the answer still comes").status, 200);
        tokio::time::sleep(Duration::from_millis(100)).await;
        client.get(NODE).await.expect_err("the connection takes nothing more");
    }
}

#[tokio::test]
async fn listeners_misbehave_and_recover() {
    let cluster = DevCluster::start(World::default()).await;
    let in_mode = |listener| World { listener, ..World::default() };
    let connect =
        || tokio::time::timeout(Duration::from_millis(300), Client::try_connect(&cluster, Protocol::H2));
    let address = cluster.address();

    let mut old = Client::connect(&cluster, Protocol::H2).await;
    cluster.set_world(in_mode(ListenerMode::Refuse)).await;
    old.get(POD).await.expect_err("open connections are closed");
    assert!(connect().await.expect("refused at once").is_err());

    for mode in [ListenerMode::HangAccept, ListenerMode::HangTls] {
        cluster.set_world(in_mode(mode)).await;
        assert!(connect().await.is_err(), "{mode:?} hangs");
    }
    for mode in [ListenerMode::ResetAccept, ListenerMode::ResetTls] {
        cluster.set_world(in_mode(mode)).await;
        let error = connect().await.expect("reset at once").err().expect("no connection");
        let error = error.downcast_ref::<std::io::Error>().expect("an error of the connection");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{mode:?}");
    }
    cluster.set_world(in_mode(ListenerMode::Http1Only)).await;
    assert!(!connect().await.expect("in time").expect("a connection").is_h2());
    cluster.set_world(in_mode(ListenerMode::Refuse)).await;
    cluster.set_world(in_mode(ListenerMode::Normal)).await;
    let mut client = connect().await.expect("in time").expect("a connection");
    assert!(client.is_h2());
    assert_eq!(client.get(POD).await.expect("an answer").status, 200);
    assert_eq!(cluster.address(), address, "the port is the same all the time");
}

#[tokio::test]
async fn an_answer_may_be_the_last_on_its_connection_and_change_the_listener() {
    for protocol in BOTH {
        let answer = Answer { listener_after: Some(ListenerMode::Refuse), ..Answer::default() };
        let cluster = DevCluster::start(world_of_pod(vec![answer])).await;
        let mut other = Client::connect(&cluster, protocol).await;
        other.get(NODE).await.expect("an answer");
        let mut client = Client::connect(&cluster, protocol).await;
        assert_eq!(client.get(POD).await.expect("the answer still comes").status, 200);
        client.get(NODE).await.expect_err("the connection takes nothing more");
        Client::try_connect(&cluster, protocol).await.err().expect("refused");
        other.get(NODE).await.expect("others live on");
        cluster.set_world(World::default()).await;
        Client::connect(&cluster, protocol).await.get(NODE).await.expect("an answer");
    }
}

#[tokio::test]
async fn a_black_hole_is_one_connection() {
    for protocol in BOTH {
        let (cluster, mut client) = faulty(Fault::BlackHole, protocol).await;
        let hang = async |client: &mut Client, path| {
            let answer = tokio::time::timeout(Duration::from_millis(200), client.get(path)).await;
            assert!(answer.is_err(), "{protocol:?}");
        };
        hang(&mut client, POD).await;
        if protocol == Protocol::H2 {
            hang(&mut client, NODE).await;
        }
        Client::connect(&cluster, protocol).await.get(NODE).await.expect("an answer");
    }
}

#[tokio::test]
async fn a_cluster_may_begin_by_refusing() {
    let cluster = DevCluster::start(World { listener: ListenerMode::Refuse, ..World::default() }).await;
    Client::try_connect(&cluster, Protocol::H2).await.err().expect("refused");
    cluster.set_world(World::default()).await;
    let mut client = Client::connect(&cluster, Protocol::H2).await;
    assert_eq!(client.get(POD).await.expect("an answer").status, 200);
}

#[tokio::test]
async fn stopping_ends_connections_and_frees_the_port() {
    let (cluster, mut client) = faulty(Fault::HangBeforeHeaders, Protocol::H2).await;
    let address = cluster.address();
    let waiting = tokio::spawn(async move { client.get(POD).await.map(|_| ()) });
    while cluster.counters().pod == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    cluster.stop().await;
    let ended =
        tokio::time::timeout(Duration::from_secs(1), waiting).await.expect("in time").expect("no panic");
    assert!(ended.is_err(), "a request that hangs ends with the cluster");
    tokio::net::TcpStream::connect(address).await.expect_err("nobody listens");
}

#[tokio::test]
async fn clusters_start_fast_and_share_keys() {
    let first = DevCluster::start(World::default()).await;
    let begun = Instant::now();
    let mut clusters = Vec::new();
    for _ in 0..100 {
        clusters.push(DevCluster::start(World::default()).await);
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?} for 100", begun.elapsed());
    let mut client = Client::connect(&clusters[99], Protocol::H2).await;
    let status = client.verdict(&first.mint(&TokenRequest::default())).await;
    assert_eq!(status["authenticated"], true, "tokens of one are good at the other");
}

#[test]
fn a_world_survives_json_and_tells_what_is_wrong() {
    let world = World::default();
    let json = serde_json::to_string(&world).expect("JSON");
    assert_eq!(World::from_json(&json).expect("the same world"), world);
    assert_eq!(World::from_json("{}").expect("the default world"), world);
    for (json, part) in [
        (r#"{"latency": 5}"#, "latency"),
        (r#"{"answers": {"pod": [{"fault": "tired"}]}}"#, "tired"),
        (r#"{"answers": {"pod": [{"status": 99}]}}"#, "answers.pod[0]: status 99"),
        (r#"{"answers": {"node": [{"headers": {"a b": ""}}]}}"#, "answers.node[0]: header \"a b\""),
        (r#"{"pods": [{}]}"#, "pods[0]: metadata.namespace"),
        (r#"{"service_accounts": ["agent"]}"#, "\"agent\" is not namespace:name"),
    ] {
        let why = World::from_json(json).expect_err("refused");
        assert!(why.contains(part), "{json}: {why}");
    }
}
