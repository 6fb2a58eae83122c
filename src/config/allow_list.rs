//! Which service accounts may attest: `namespace:name` entries with globs on either side.

/// The entries of one cluster's `service_account_allow_list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowList(Vec<String>);

impl AllowList {
    /// Whether the service account `namespace:name` may attest.
    #[must_use]
    pub fn allows(&self, namespace: &str, name: &str) -> bool {
        self.0.iter().any(|entry| *entry == format!("{namespace}:{name}"))
    }
}
