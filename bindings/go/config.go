package psat

import "encoding/json"

// Configuration is what [New], [Attestor.Configure] and [Validate] take: a [Config], or the document itself as
// [RawConfig].
type Configuration interface {
	document() ([]byte, error)
}

// Config is a configuration. The zero value of a field means the library's default, so the zero Config is that of an
// attestor which has yet to be configured. Fields are named after the keys of the document; the upper half of
// [ClusterConfig] are the keys of SPIRE's k8s_psat plugin.
type Config struct {
	// TrustDomain is the trust domain that agent IDs are made in, such as "example.org". It must be set unless Engine
	// is all there is.
	TrustDomain string `json:"trust_domain,omitzero"`
	// Clusters are the clusters by name, which is what agents call them in their payload.
	Clusters map[string]ClusterConfig `json:"clusters,omitzero"`
	// ErrorStyle chooses the codes and words of refusals. [StylePrecise] unless set.
	ErrorStyle ErrorStyle `json:"error_style,omitzero"`
	// Engine has the settings of the machinery.
	Engine EngineConfig `json:"engine,omitzero"`
}

// ClusterConfig has the settings of one cluster.
type ClusterConfig struct {
	// ServiceAccountAllowList has the service accounts that may attest, as "namespace:name". It must not be empty.
	ServiceAccountAllowList []string `json:"service_account_allow_list"`
	// Audience has the wanted audiences of tokens. Nil means "spire-server"; an empty list that is not nil means the API
	// server's own audience.
	Audience []string `json:"audience,omitzero"`
	// KubeConfigFile is the path of a kubeconfig. Empty means the in-cluster credentials.
	KubeConfigFile string `json:"kube_config_file,omitzero"`
	// AllowedNodeLabelKeys has the node labels that become selectors.
	AllowedNodeLabelKeys []string `json:"allowed_node_label_keys,omitzero"`
	// AllowedPodLabelKeys has the pod labels that become selectors.
	AllowedPodLabelKeys []string `json:"allowed_pod_label_keys,omitzero"`
	// UsePodUIDForAgentID makes agent IDs of the pod's UID instead of the node's.
	UsePodUIDForAgentID bool `json:"use_pod_uid_for_agent_id,omitzero"`

	// Lookup says how the facts are gathered. [LookupAuto] unless set.
	Lookup Lookup `json:"lookup,omitzero"`
	// VerifySignature says whether tokens are judged before the API server is asked. [VerifyAuto] unless set, and
	// [VerifyOff] with [StyleUpstream].
	VerifySignature VerifySignature `json:"verify_signature,omitzero"`
	// RequireNodeUIDMatch refuses a token that is bound to an earlier Node object of the same name.
	RequireNodeUIDMatch bool `json:"require_node_uid_match,omitzero"`
	// CallTimeoutMS is the time for one try of one call, in milliseconds. 10,000 unless set.
	CallTimeoutMS int64 `json:"call_timeout_ms,omitzero"`
	// MaxInFlight is how many attestations may make calls at the same time. 64 unless set.
	MaxInFlight int `json:"max_in_flight,omitzero"`
	// MaxQueued is how many attestations may wait for their turn; a pointer because 0 means that none waits. 16,384
	// unless set.
	MaxQueued *int `json:"max_queued,omitzero"`
}

// EngineConfig has the settings of the machinery.
type EngineConfig struct {
	// WorkerThreads is the number of threads that drive the network. It is read by [New] and not by
	// [Attestor.Configure].
	WorkerThreads int `json:"worker_threads,omitzero"`
	// AttestTimeoutMS is how long an attestation may take if its context has no deadline, in milliseconds. 30,000 unless
	// set.
	AttestTimeoutMS int64 `json:"attest_timeout_ms,omitzero"`
	// MaxQueuedBytes is how many bytes of tokens may wait, over all clusters. 64 MiB unless set.
	MaxQueuedBytes int64 `json:"max_queued_bytes,omitzero"`
}

// ErrorStyle chooses the codes and words of refusals.
type ErrorStyle string

const (
	// StylePrecise has codes that tell what happened.
	StylePrecise ErrorStyle = "precise"
	// StyleUpstream has the codes and messages of SPIRE's built-in plugin.
	StyleUpstream ErrorStyle = "upstream"
)

// Lookup says how the facts of an attestation are gathered.
type Lookup string

const (
	// LookupAuto needs as few round trips as the facts at hand allow.
	LookupAuto Lookup = "auto"
	// LookupSequential asks for TokenReview, pod and node one after the other.
	LookupSequential Lookup = "sequential"
	// LookupClaims asks for TokenReview alone, whose extras then speak for pod and node.
	LookupClaims Lookup = "claims"
)

// VerifySignature says whether tokens are judged before the API server is asked.
type VerifySignature string

const (
	// VerifyAuto judges wherever the cluster's signing keys can be read.
	VerifyAuto VerifySignature = "auto"
	// VerifyOff never judges.
	VerifyOff VerifySignature = "off"
)

func (c Config) document() ([]byte, error) {
	document, err := json.Marshal(c)
	if string(document) == "{}" {
		// The library takes an object without keys for one that lacks them.
		return nil, nil
	}
	return document, err
}

// RawConfig is a configuration document, which is JSON. Empty means no configuration, as the zero [Config] does.
type RawConfig []byte

func (c RawConfig) document() ([]byte, error) {
	return c, nil
}

// engineAlone returns the document without all but its engine, and whether there was more.
func engineAlone(document []byte) (engine []byte, more bool) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(document, &keys); err != nil {
		return nil, len(document) > 0
	}
	settings, ok := keys["engine"]
	if !ok {
		return nil, len(document) > 0
	}
	// A value that has been read can be written.
	engine, _ = json.Marshal(map[string]json.RawMessage{"engine": settings})
	return engine, len(keys) > 1
}
