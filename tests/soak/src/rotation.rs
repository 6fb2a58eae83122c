//! The calm cluster's credentials are replaced, one kind by another, and the old ones revoked.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::time::Duration;

use devcluster::{Credential, DevCluster, Keys, World, write_private};
use tokio::time::sleep;

/// One after the other. Between two tokens that are revoked there is a credential that is not: whoever has begun with the
/// first must be able to end.
const TURNS: [Credential; 8] = [
    Credential::TokenFile,
    Credential::ClientCertificate,
    Credential::Token,
    Credential::InlineCertificate,
    // The file of one service-account token, replaced by the next.
    Credential::ServiceAccount,
    Credential::ServiceAccount,
    Credential::ServiceAccount,
    Credential::ClientCertificate,
];

/// Longer than an attestation that looked at the files before takes to make its calls.
const PAUSE: Duration = Duration::from_millis(400);

/// Rotates for as long as it is polled, and counts.
pub(crate) async fn turns(calm: &DevCluster, folder: &Path, count: &mut u64) -> io::Result<Infallible> {
    let other = DevCluster::start_with(Keys::generate(), World::default()).await;
    let mut authorities = [calm.ca_pem().to_owned(), format!("{}\n{}", calm.ca_pem(), other.ca_pem())];
    loop {
        let credential = TURNS[usize::try_from(*count).unwrap_or_default() % TURNS.len()];
        let mut world = calm.world();
        world.reviewer.credential = credential;
        if matches!(credential, Credential::Token | Credential::TokenFile) {
            world.reviewer.token = format!("devcluster-reviewer-{count}");
        }
        calm.set_world(world).await;
        calm.write_kubeconfig(folder)?;
        sleep(PAUSE).await;
        authorities.swap(0, 1);
        write_private(&folder.join("ca.crt"), &authorities[0])?;
        sleep(PAUSE).await;
        *count += 1;
    }
}
