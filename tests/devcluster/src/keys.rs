//! The keys of a cluster.

use std::sync::Arc;

/// Everything that is slow to make: the certificate authority, the server's and the clients' certificates, and
/// the keys that sign tokens. One set serves any number of clusters.
pub struct Keys {}

impl Keys {
    /// A new set. Costs some 0.1 s, most of it for the RSA key.
    #[must_use]
    pub fn generate() -> Arc<Keys> {
        todo!()
    }

    /// The set of this process, made at first use.
    #[must_use]
    pub fn shared() -> Arc<Keys> {
        todo!()
    }
}
