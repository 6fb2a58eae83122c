package spireconf

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// pluginData is what stands in plugin_data. Pointers tell what is absent from what is empty.
type pluginData struct {
	Clusters   map[string]*clusterData `hcl:"clusters" json:"-"`
	ErrorStyle *string                 `hcl:"error_style" json:"error_style,omitempty"`
	Engine     *engineData             `hcl:"engine" json:"-"`

	unknown []string
	// dotted are unknown keys that look like paths.
	dotted []string
	// unlisted is why unknown keys may be missing from the lists of them; nil if they are complete.
	unlisted error
}

// clusterData is one cluster: SPIRE's keys, then ours.
type clusterData struct {
	ServiceAccountAllowList []string  `hcl:"service_account_allow_list" json:"service_account_allow_list,omitempty"`
	Audience                *[]string `hcl:"audience" json:"audience,omitempty"`
	KubeConfigFile          string    `hcl:"kube_config_file" json:"kube_config_file,omitempty"`
	AllowedNodeLabelKeys    []string  `hcl:"allowed_node_label_keys" json:"allowed_node_label_keys,omitempty"`
	AllowedPodLabelKeys     []string  `hcl:"allowed_pod_label_keys" json:"allowed_pod_label_keys,omitempty"`
	UsePodUIDForAgentID     bool      `hcl:"use_pod_uid_for_agent_id" json:"use_pod_uid_for_agent_id,omitempty"`

	Lookup              *string `hcl:"lookup" json:"lookup,omitempty"`
	VerifySignature     *string `hcl:"verify_signature" json:"verify_signature,omitempty"`
	RequireNodeUIDMatch *bool   `hcl:"require_node_uid_match" json:"require_node_uid_match,omitempty"`
	CallTimeoutMS       *int64  `hcl:"call_timeout_ms" json:"call_timeout_ms,omitempty"`
	MaxInFlight         *int64  `hcl:"max_in_flight" json:"max_in_flight,omitempty"`
	MaxQueued           *int64  `hcl:"max_queued" json:"max_queued,omitempty"`

	unknown []string
}

// engineData is the machinery's part.
type engineData struct {
	WorkerThreads   *int64 `hcl:"worker_threads" json:"worker_threads,omitempty"`
	AttestTimeoutMS *int64 `hcl:"attest_timeout_ms" json:"attest_timeout_ms,omitempty"`
	MaxQueuedBytes  *int64 `hcl:"max_queued_bytes" json:"max_queued_bytes,omitempty"`

	unknown []string
}

// trustDomainKey is the library's key for what SPIRE says. In plugin_data it is unknown.
const trustDomainKey = "trust_domain"

// object is a JSON object in the making.
type object = map[string]any

// decode reads HCL 1 with the decoder that SPIRE uses, so that every spelling means the same here as there.
func decode(text string) (*pluginData, error) {
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	data := new(pluginData)
	if err := fill(data, root); err != nil {
		return nil, err
	}
	// The decoder drops keys that it does not know without a word. Without a struct, it keeps them, but fails where one is
	// written in two shapes. What it has read until then is in the map.
	all := object{}
	data.unlisted = fill(&all, root)
	data.complete()
	data.findUnknown(all)
	return data, nil
}

// complete fills what the decoder may leave nil although it was written down.
func (d *pluginData) complete() {
	for name, cluster := range d.Clusters {
		if cluster == nil {
			d.Clusters[name] = new(clusterData)
		} else if cluster.Audience != nil && *cluster.Audience == nil {
			*cluster.Audience = []string{}
		}
	}
}

func (d *pluginData) findUnknown(all object) {
	for _, key := range unknownKeys(d, all) {
		if isPath(key) {
			d.dotted = append(d.dotted, key)
		} else {
			d.unknown = append(d.unknown, key)
		}
	}
	for key, value := range all {
		for _, body := range objects(value) {
			switch {
			case strings.EqualFold(key, "engine") && d.Engine != nil:
				d.Engine.unknown = append(d.Engine.unknown, unknownKeys(d.Engine, body)...)
			case strings.EqualFold(key, "clusters"):
				d.findUnknownOfClusters(body)
			}
		}
	}
}

// isPath is whether a key looks like a path, as the library writes them. HCL does not nest at dots.
func isPath(key string) bool {
	block, _, dotted := strings.Cut(key, ".")
	return dotted && (strings.EqualFold(block, "clusters") || strings.EqualFold(block, "engine"))
}

func (d *pluginData) findUnknownOfClusters(clusters object) {
	for name, value := range clusters {
		for _, body := range objects(value) {
			if cluster := d.Clusters[name]; cluster != nil {
				cluster.unknown = append(cluster.unknown, unknownKeys(cluster, body)...)
			}
		}
	}
}

// objects are the objects under one key, of which HCL allows several.
func objects(value any) []object {
	list, _ := value.([]object)
	return list
}

// unknownKeys are those that no field of the struct takes. HCL compares without regard to case.
func unknownKeys(target any, body object) []string {
	known := reflect.TypeOf(target).Elem()
	var unknown []string
	for _, key := range slices.Sorted(maps.Keys(body)) {
		isKnown := false
		for i := range known.NumField() {
			name, tagged := known.Field(i).Tag.Lookup("hcl")
			isKnown = isKnown || tagged && strings.EqualFold(name, key)
		}
		if !isKnown {
			unknown = append(unknown, key)
		}
	}
	return unknown
}

// document is the library's configuration for the named clusters.
func (d *pluginData) document(trustDomain string, names []string) []byte {
	document := fields(d, d.unknown)
	document[trustDomainKey] = trustDomain
	clusters := object{}
	for _, name := range names {
		clusters[name] = fields(d.Clusters[name], d.Clusters[name].unknown)
	}
	document["clusters"] = clusters
	if d.Engine != nil {
		document["engine"] = fields(d.Engine, d.Engine.unknown)
	}
	return encoded(document)
}

// engineDocument is the configuration of an attestor that has yet to be configured.
func (d *pluginData) engineDocument() []byte {
	if d.Engine == nil {
		return nil
	}
	return encoded(object{"engine": fields(d.Engine, nil)})
}

// fields has the values that are set, and the unknown keys as null: those the library warns of, and otherwise ignores.
func fields(data any, unknown []string) object {
	values := object{}
	decoder := json.NewDecoder(bytes.NewReader(encoded(data)))
	decoder.UseNumber() // or 64 bits do not survive
	if err := decoder.Decode(&values); err != nil {
		panic(err) // it was written a moment ago
	}
	for _, key := range unknown {
		values[key] = nil
	}
	return values
}

func encoded(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // strings, numbers, and maps and lists of them
	}
	return text
}
