//! When a plugin is run again.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::header::AUTHORIZATION;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::super::super::api::CallErrorKind;
use super::super::world::{Authority, NODE, Plan, answering};
use super::World;

#[tokio::test]
async fn an_answer_is_renewed_while_it_is_in_use() {
    let world = World::new().await;
    world.token_for("a", Duration::from_secs(4));
    let began = Instant::now();
    assert_eq!(world.ask().await.unwrap(), "Bearer a");
    world.token_for("b", Duration::from_hours(1));
    assert_eq!(world.ask().await.unwrap(), "Bearer a");
    // Nobody waits for the new one; it is there before the old one has expired.
    let mut used = Vec::new();
    while used.last().is_none_or(|last| last == "Bearer a") && began.elapsed() < Duration::from_secs(4) {
        sleep(Duration::from_millis(20)).await;
        used.push(world.ask().await.unwrap());
    }
    assert_eq!(used.last().unwrap(), "Bearer b", "{used:?}");
    assert!(began.elapsed() > Duration::from_millis(1900));
    assert_eq!((world.runs(), world.server.accepted()), (2, 1));
    assert_eq!(world.cluster.counters().credential_reloads(), 1);
}

#[tokio::test]
async fn an_expired_answer_is_not_used() {
    let world = World::new().await;
    world.token_for("a", Duration::from_millis(600));
    assert_eq!(world.ask().await.unwrap(), "Bearer a");
    world.token_for("b", Duration::from_hours(1));
    sleep(Duration::from_millis(1100)).await;
    assert_eq!(world.ask().await.unwrap(), "Bearer b");
}

#[tokio::test]
async fn a_failed_renewal_leaves_the_old_answer_until_it_expires() {
    let world = World::new().await;
    world.token_for("a", Duration::from_secs(4));
    assert_eq!(world.ask().await.unwrap(), "Bearer a");
    fs::write(world.folder.path("answer"), "marker").unwrap();
    sleep(Duration::from_millis(2100)).await;
    for _ in 0..20 {
        assert_eq!(world.ask().await.unwrap(), "Bearer a");
        sleep(Duration::from_millis(10)).await;
    }
    sleep(Duration::from_millis(2100)).await;
    let (kind, words) = world.ask().await.unwrap_err();
    assert_eq!(kind, CallErrorKind::CredentialsUnavailable);
    assert!(words.contains("exec plugin sh: wrote no ExecCredential in JSON"), "{words}");
}

#[tokio::test]
async fn a_refused_answer_stays_in_use_if_the_plugin_has_no_other() {
    let world = World::new().await;
    world.answer(&json!({"token": "a"}));
    assert_eq!(world.ask().await.unwrap(), "Bearer a");
    sleep(Duration::from_millis(1100)).await;
    fs::write(world.folder.path("answer"), "marker").unwrap();
    let first = world.access().await;
    assert!(world.second_look(&first).await.is_none(), "there is no other");
    assert_eq!(world.ask().await.unwrap(), "Bearer a", "the server may have refused it in passing");
    sleep(Duration::from_millis(1100)).await;
    world.answer(&json!({"token": "b"}));
    assert_eq!(world.ask().await.unwrap(), "Bearer b", "the plugin is asked again");
}

#[tokio::test]
async fn a_refused_answer_is_replaced_at_most_once_a_second() {
    let world = World::new().await;
    world.answer(&json!({"token": "a"}));
    assert_eq!(world.ask().await.unwrap(), "Bearer a");
    let first = world.access().await;
    sleep(Duration::from_millis(1100)).await;
    world.answer(&json!({"token": "b"}));
    assert_eq!(world.ask().await.unwrap(), "Bearer a", "nothing says that it is not good any more");
    // Those who are refused at once share a run.
    let looks = join_all((0..20).map(|_| world.second_look(&first))).await;
    assert!(looks.iter().all(Option::is_some));
    assert_eq!((world.ask().await.unwrap().as_str(), world.runs()), ("Bearer b", 2));
    // What was refused before is no news, and what is refused at once is not replaced at once.
    world.answer(&json!({"token": "c"}));
    assert!(world.second_look(&first).await.is_some());
    let second = world.access().await;
    assert!(world.second_look(&second).await.is_none());
    assert_eq!((world.ask().await.unwrap().as_str(), world.runs()), ("Bearer b", 2));
    sleep(Duration::from_millis(1100)).await;
    assert_eq!((world.ask().await.unwrap().as_str(), world.runs()), ("Bearer c", 3));
}

#[tokio::test]
async fn a_token_that_is_not_taken_any_more_is_replaced_within_the_attestation() {
    let authority = Authority::new();
    let handler = answering(|request| match request.headers()[AUTHORIZATION].to_str() {
        Ok("Bearer good") => (200, NODE.to_owned()),
        _ => (401, r#"{"kind":"Status","message":"Unauthorized"}"#.to_owned()),
    });
    let world = World::with(Plan::new(&authority, handler), authority).await;
    world.answer(&json!({"token": "bad"}));
    assert_eq!(world.ask().await.unwrap_err().0, CallErrorKind::Unauthenticated);
    assert_eq!(world.runs(), 1, "it has just been asked");
    sleep(Duration::from_millis(1100)).await;
    world.answer(&json!({"token": "good"}));
    assert_eq!(world.ask().await.unwrap(), "Bearer good");
    assert_eq!(world.runs(), 2);
    // An API server that takes nothing any more costs one run a second.
    sleep(Duration::from_millis(1100)).await;
    world.answer(&json!({"token": "worse"}));
    world.plugin(&json!({"args": ["-c", "echo run >> $RUNS; cat $ANSWER; :"]}));
    let before = (Instant::now(), world.runs());
    for outcome in join_all((0..20).map(|_| world.ask())).await {
        assert_eq!(outcome.unwrap_err().0, CallErrorKind::Unauthenticated);
    }
    let seconds = usize::try_from(before.0.elapsed().as_secs()).unwrap() + 1;
    assert!(world.runs() - before.1 <= seconds, "{} runs", world.runs() - before.1);
}

#[tokio::test]
async fn an_equal_answer_after_a_401_changes_nothing() {
    let world = World::new().await;
    let pair = world.authority.issue("one");
    let both =
        |token| json!({"token": token, "clientCertificateData": pair.certificate, "clientKeyData": pair.key});
    world.answer(&both("a"));
    assert_eq!(world.ask().await.unwrap(), "Bearer a");
    let first = world.access().await;
    sleep(Duration::from_millis(1100)).await;
    assert!(world.second_look(&first).await.is_none(), "there is no other");
    assert_eq!(world.runs(), 2);
    assert!(Arc::ptr_eq(&world.access().await, &first));
    assert_eq!(world.cluster.counters().credential_reloads(), 0);
    // Only what is other is taken over, and only another certificate costs a connection.
    sleep(Duration::from_millis(1100)).await;
    world.answer(&both("b"));
    let second = world.second_look(&first).await.unwrap();
    assert!(Arc::ptr_eq(&second.transport, &first.transport));
    assert_eq!(world.ask().await.unwrap(), "Bearer b");
    assert_eq!((world.runs(), world.server.accepted()), (3, 1));
    assert_eq!(world.cluster.counters().credential_reloads(), 1);
}
