// Package spireconf reads SPIRE's configuration: server.conf, and what stands in it for the plugin k8s_psat. SPIRE's own
// decoder is used, so that every spelling means here what it means there.
package spireconf
