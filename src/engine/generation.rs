//! A configuration at work: its clusters with their slots and counters.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::events::Events;
use super::lanes::Lanes;
use super::slots::Slots;
use super::stats::{ClusterStats, Reasons, Tally};
use crate::attest::{Candidate, Refusal, Signer, Standing};
use crate::cluster::keys::Jws;
use crate::cluster::{Cluster, Observer};
use crate::config::{ClusterConfig, Config, TrustDomain, VerifySignature};

/// Clusters whose keys an explanation tries beside those of the token's own: each costs a verification or some, while a
/// slot is held.
const OTHERS_TRIED: usize = 16;

/// A configuration in force. A running attestation keeps the one that it began with.
pub(crate) struct Generation {
    /// Counts configurations, from 1.
    pub(crate) number: u64,
    pub(crate) config: Config,
    pub(crate) trust_domain: TrustDomain,
    pub(crate) clusters: BTreeMap<String, Arc<ClusterAtWork>>,
}

/// One cluster: what is configured, and what is at work for it.
pub(crate) struct ClusterAtWork {
    pub(crate) config: Arc<ClusterConfig>,
    pub(crate) api: Arc<Cluster>,
    pub(crate) lanes: Lanes,
    pub(crate) tally: Tally,
    /// Of the attestations that the token alone ended.
    pub(crate) without_call: Reasons,
}

impl Generation {
    /// Puts `config` to work. Clusters whose settings are those of `previous` are taken over as they are.
    pub(crate) fn build(
        config: Config,
        trust_domain: TrustDomain,
        previous: Option<&Self>,
        events: &Arc<Events>,
    ) -> Self {
        let clusters = config
            .clusters
            .iter()
            .map(|(name, settings)| {
                let kept = previous
                    .and_then(|previous| previous.clusters.get(name))
                    .filter(|cluster| cluster.config == *settings);
                let cluster = kept.map_or_else(|| Arc::new(ClusterAtWork::new(settings, events)), Arc::clone);
                (name.clone(), cluster)
            })
            .collect();
        Self { number: previous.map_or(0, |previous| previous.number) + 1, config, trust_domain, clusters }
    }

    /// The cluster, beside the one that the payload names, whose key has signed the token: among those that have a key of
    /// the name in the token at hand, and no more than a few of them.
    pub(crate) fn other_signer(&self, candidate: &Candidate) -> Signer<'_> {
        let Ok(jws) = Jws::decode(candidate.token.expose()) else { return Signer::Unknown };
        let others = self.clusters.iter().filter(|(name, _)| **name != candidate.cluster.name);
        let named = others.filter_map(|(name, cluster)| Some((name, cluster.has_signed(&jws)?)));
        let mut tried = 0;
        match named.take(OTHERS_TRIED).inspect(|_| tried += 1).find(|(_, has_signed)| *has_signed) {
            Some((name, _)) => Signer::Cluster(name),
            None if tried == OTHERS_TRIED => Signer::NotAmong(tried),
            None => Signer::Unknown,
        }
    }
}

impl ClusterAtWork {
    fn new(config: &Arc<ClusterConfig>, events: &Arc<Events>) -> Self {
        let (events, name) = (Arc::clone(events), config.name.clone());
        let observer = Observer::new(move |event| events.cluster(&name, event));
        Self {
            config: Arc::clone(config),
            api: Arc::new(Cluster::new(config, observer)),
            lanes: Lanes::new(config.max_in_flight, config.max_queued),
            tally: Tally::default(),
            without_call: Reasons::default(),
        }
    }

    /// Whether a key of this cluster that is at hand has signed the token; `None` if it names none of them. Waits for
    /// nothing, begins nothing.
    fn has_signed(&self, jws: &Jws<'_>) -> Option<bool> {
        let verifies = self.config.verify_signature == VerifySignature::Auto;
        verifies.then(|| self.api.keys().has_signed(jws)).flatten()
    }

    /// This cluster's part of the statistics.
    pub(crate) fn stats(&self) -> ClusterStats {
        ClusterStats::of(self)
    }

    /// What the token alone tells, by the keys at hand; `jws` is the token taken apart, if it has that form. Waits for
    /// nothing.
    pub(crate) fn judge(
        &self,
        candidate: &Candidate,
        jws: Option<Jws<'_>>,
        runtime: &Handle,
    ) -> Result<Standing, Refusal> {
        let jws = jws.filter(|_| candidate.is_to_be_verified());
        let verification = jws.and_then(|jws| self.api.keys().verify(jws, runtime));
        candidate.judge_signature(verification, self.api.time())
    }

    /// The same once more, when keys may have come.
    pub(crate) fn judge_again(&self, candidate: &Candidate) -> Result<Standing, Refusal> {
        self.judge(candidate, Jws::decode(candidate.token.expose()).ok(), &Handle::current())
    }

    /// Where a token of this standing waits for its slot. One that is refused and explained waits as an ordinary one.
    pub(crate) fn lane(&self, judged: &Result<Standing, Refusal>) -> &Arc<Slots> {
        match judged {
            Ok(Standing::Unknown { kid, .. }) => self.lanes.of_unknown(kid.as_deref(), Instant::now()),
            _ => &self.lanes.ordinary,
        }
    }

    /// TokenReview accepted a token of this standing.
    pub(crate) fn vouch(&self, standing: &Standing) {
        if let Standing::Unknown { kid: Some(kid), .. } = standing {
            self.lanes.vouch(kid, Instant::now());
        }
    }
}
