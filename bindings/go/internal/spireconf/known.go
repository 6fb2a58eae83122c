package spireconf

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
)

// KnownKeys is a valid configuration of the library with null for the value of each key that the library does not know, which may
// be anything.
func KnownKeys(document []byte) ([]byte, error) {
	whole := object{}
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	if err := decoder.Decode(&whole); err != nil {
		return nil, errors.New("the library takes the configuration, but it is no JSON object") // the error's text may hold a value
	}
	forget(whole, pluginData{}, trustDomainKey, "clusters", "engine")
	if engine, ok := whole["engine"].(object); ok {
		forget(engine, engineData{})
	}
	if clusters, ok := whole["clusters"].(object); ok {
		for _, cluster := range clusters {
			if cluster, ok := cluster.(object); ok {
				forget(cluster, clusterData{})
			}
		}
	}
	return encoded(whole), nil
}

// forget sets to null what neither the struct's fields nor the names take.
func forget(values object, data any, names ...string) {
	for _, field := range reflect.VisibleFields(reflect.TypeOf(data)) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	for key := range values {
		if !slices.Contains(names, key) {
			values[key] = nil
		}
	}
}
