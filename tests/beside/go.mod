// A program of two Rust archives. A module of its own, as a fork's would be.
module psat-attestor.test/beside

go 1.26

require psat-attestor.example/bindings/go v0.0.0

require (
	golang.org/x/sys v0.43.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260414002931-afd174a4e478 // indirect
	google.golang.org/grpc v1.82.1 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
)

replace psat-attestor.example/bindings/go => ../../bindings/go
