// Package psat attests SPIRE agents that run in Kubernetes, on the side of the server: it does what SPIRE's k8s_psat node
// attestor plugin does, in the library psat_attestor.
//
// [New] makes an [Attestor] from a [Config]; [Attestor.Attest] judges what an agent sent, and returns its SPIFFE ID and
// selectors, or an [*Error] whose GRPCStatus is what SPIRE's server expects of a plugin; [Attestor.Close] ends it. Contexts
// are heeded: a deadline is handed on, and cancelling one cancels the attestation. [Attestor.Explain] and [Attestor.Check] tell
// operators why an agent is refused, and whether the clusters can be used.
//
// Programs link the shared library through pkg-config, or with the build tag psat_static the static one.
package psat
