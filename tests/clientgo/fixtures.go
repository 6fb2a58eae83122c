package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"time"
)

// issuer signs certificates.
type issuer struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// writeFixtures makes NAME.crt and NAME.key for the system's CA and two others, two clients, and servers that are called
// api.example: one of each CA, and two that are their own CAs.
func writeFixtures() error {
	authorities := map[string]*issuer{}
	for _, fixture := range []struct{ name, signedBy string }{
		{"system", ""}, {"ca", ""}, {"ca2", ""}, {"client", ""}, {"client2", ""},
		{"server-system", "system"}, {"server-ca", "ca"}, {"server-ca2", "ca2"}, {"server-own", ""}, {"server-own2", ""},
	} {
		made, err := writeFixture(fixture.name, authorities[fixture.signedBy])
		if err != nil {
			return err
		}
		authorities[fixture.name] = made
	}
	return nil
}

// writeFixture makes a certificate, self-signed and a CA if nobody else signs it.
func writeFixture(name string, signer *issuer) (*issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: name},
		DNSNames:              []string{"api.example"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  signer == nil,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	if signer == nil {
		signer = &issuer{template, key}
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, signer.certificate, key.Public(), signer.key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := write(name+".crt", "CERTIFICATE", certificate); err != nil {
		return nil, err
	}
	return &issuer{template, key}, write(name+".key", "PRIVATE KEY", private)
}

func write(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
