package psat

import "encoding/json"

// Stats has counters since an attestor was made.
type Stats struct {
	// ConfigGeneration is that of the configuration in force; 0 if there is none.
	ConfigGeneration uint64 `json:"config_generation"`
	// Attestations counts them by reason; what never happened is left out.
	Attestations map[Reason]uint64 `json:"attestations"`
	// Latency is how long they took.
	Latency Histogram `json:"latency"`
	// Clusters has the configured clusters by name.
	Clusters map[string]ClusterStats `json:"clusters"`
	// QueuedBytes is how many bytes of tokens wait now.
	QueuedBytes uint64 `json:"queued_bytes"`
	// PanicsCaught counts faults inside the library.
	PanicsCaught uint64 `json:"panics_caught"`
	// EventsDropped counts events that had to make room for later ones.
	EventsDropped uint64 `json:"events_dropped"`
	// DocumentsAlive is how many documents the library has handed out, in this process, that are not freed yet. This
	// package frees each as soon as it has copied it.
	DocumentsAlive uint64 `json:"documents_alive"`
	// Document is the whole answer, as JSON.
	Document json.RawMessage `json:"-"`
}

// ClusterStats has the counters of one cluster.
type ClusterStats struct {
	// InFlight is how many attestations may make calls now; PeakInFlight the most there have been.
	InFlight     uint64 `json:"in_flight"`
	PeakInFlight uint64 `json:"peak_in_flight"`
	// Queued is how many wait for their turn now.
	Queued uint64 `json:"queued"`
	// UnknownLane is of attestations whose token names a signing key that the cluster has not published.
	UnknownLane LaneStats `json:"unknown_lane"`
	// RefusedWithoutCall counts those that the token alone ended, by reason.
	RefusedWithoutCall map[Reason]uint64 `json:"refused_without_call"`
	// SigningKeys is how it stands with the cluster's signing keys.
	SigningKeys KeyStats `json:"signing_keys"`
	// Attestations counts them by reason.
	Attestations map[Reason]uint64 `json:"attestations"`
	// Latency is how long they took.
	Latency Histogram `json:"latency"`
	// APICalls counts calls by kind and by class of status.
	APICalls map[string]map[string]uint64 `json:"api_calls"`
	// ConnectionsOpened counts connections to the API server.
	ConnectionsOpened uint64 `json:"connections_opened"`
	// CredentialReloads counts how often credentials were read anew.
	CredentialReloads uint64 `json:"credential_reloads"`
	// Retries counts tries beyond the first of a call.
	Retries uint64 `json:"retries"`
	// RetriesRefused counts calls that would have been tried again, had the budget for retries not been spent.
	RetriesRefused uint64 `json:"retries_refused"`
}

// LaneStats has the counters of one lane.
type LaneStats struct {
	// InFlight is how many attestations may make calls now; PeakInFlight the most there have been.
	InFlight     uint64 `json:"in_flight"`
	PeakInFlight uint64 `json:"peak_in_flight"`
	// Queued is how many wait for their turn now.
	Queued uint64 `json:"queued"`
}

// KeyStats says how it stands with a cluster's signing keys.
type KeyStats struct {
	// State is "not_read", "known" or "unreadable".
	State string `json:"state"`
	// Keys is how many can be used.
	Keys uint64 `json:"keys"`
	// AgeS is for how many seconds they have been known; nil unless they are.
	AgeS *uint64 `json:"age_s,omitempty"`
}

// Histogram counts durations: Counts[i] of at most BoundsUS[i] microseconds, the last of more than all bounds.
type Histogram struct {
	BoundsUS []uint64 `json:"bounds_us"`
	Counts   []uint64 `json:"counts"`
	Count    uint64   `json:"count"`
	SumUS    uint64   `json:"sum_us"`
}

// Stats returns counters since the attestor was made. After [Attestor.Close] it is refused with [ReasonShuttingDown].
func (a *Attestor) Stats() (*Stats, error) {
	if !a.enter() {
		return nil, refusal(ReasonShuttingDown)
	}
	defer a.leave()
	code, answer := a.handle.Stats()
	if code != 0 {
		return nil, errorOf(code, answer)
	}
	stats := &Stats{Document: answer}
	if err := json.Unmarshal(answer, stats); err != nil {
		return nil, unreadable(err)
	}
	return stats, nil
}
