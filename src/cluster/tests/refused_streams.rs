//! Streams that a server of HTTP/2 refuses unprocessed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;
use http::Response;

use super::super::Cluster;
use super::super::api::{CallErrorKind, ClusterApi};
use super::world::{Folder, NODE, h2_server, patient, words};

/// A server that refuses the first streams, and its count of connections.
async fn refusing(times: usize, reason: Reason) -> (Arc<Cluster>, Arc<AtomicUsize>, Folder) {
    let connections = Arc::<AtomicUsize>::default();
    let (count, streams) = (Arc::clone(&connections), Arc::<AtomicUsize>::default());
    let (cluster, folder) = h2_server(move |mut connection| {
        count.fetch_add(1, SeqCst);
        let streams = Arc::clone(&streams);
        async move {
            while let Some(Ok((_, respond))) = connection.accept().await {
                answer(respond, (streams.fetch_add(1, SeqCst) < times).then_some(reason));
            }
        }
    })
    .await;
    (cluster, connections, folder)
}

fn answer(mut respond: SendResponse<Bytes>, refusal: Option<Reason>) {
    if let Some(reason) = refusal {
        return respond.send_reset(reason);
    }
    respond.send_response(Response::new(()), false).unwrap().send_data(Bytes::from(NODE), true).unwrap();
}

#[tokio::test]
async fn a_refused_stream_is_opened_again_at_most_three_times() {
    let (cluster, connections, _folder) = refusing(3, Reason::REFUSED_STREAM).await;
    let session = patient(&cluster);
    session.node("n1").await.map_err(|error| words(&error)).unwrap();
    assert_eq!((session.calls()[0].attempts, connections.load(SeqCst)), (4, 1));

    let (cluster, _, _folder) = refusing(4, Reason::REFUSED_STREAM).await;
    let session = patient(&cluster);
    let error = session.node("n1").await.unwrap_err();
    assert_eq!((error.kind, session.calls()[0].attempts), (CallErrorKind::Unreachable, 4));
}

#[tokio::test]
async fn a_stream_that_breaks_counts_as_a_connection_that_breaks() {
    for (times, attempts) in [(2, 3), (3, 3)] {
        let (cluster, connections, _folder) = refusing(times, Reason::INTERNAL_ERROR).await;
        let session = patient(&cluster);
        let outcome = session.node("n1").await;
        assert_eq!(outcome.is_ok(), times < attempts as usize);
        assert_eq!((session.calls()[0].attempts, connections.load(SeqCst)), (attempts, 1));
    }
}
