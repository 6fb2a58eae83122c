// Command certificates writes the keys and certificates of a throw-away cluster.
//
//	certificates DIRECTORY USER[:GROUP][@HOURS]...
//
// DIRECTORY then holds ca.crt, the API server's server.crt and server.key for 127.0.0.1, the pair with which it signs
// service-account tokens (service-account.key and service-account.pub) and the one for its next rotation (next-service-account),
// USER.crt and USER.key for each user, and other-ca.crt, an authority that has signed other-server.crt alone, with its key
// other-server.key. A user's certificate is good for 30 days, or for HOURS from now: with a negative number it has ended.
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: certificates DIRECTORY USER[:GROUP][@HOURS]...")
		os.Exit(2)
	}
	if err := writeAll(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "certificates:", err)
		os.Exit(1)
	}
}

func writeAll(directory string, users []string) error {
	ca, err := newAuthority(filepath.Join(directory, "ca.crt"), "e2e-ca")
	if err != nil {
		return err
	}
	other, err := newAuthority(filepath.Join(directory, "other-ca.crt"), "e2e-other-ca")
	if err != nil {
		return err
	}
	if err := ca.issue(serving(), filepath.Join(directory, "server")); err != nil {
		return err
	}
	if err := other.issue(serving(), filepath.Join(directory, "other-server")); err != nil {
		return err
	}
	for _, user := range users {
		user, hours, hasHours := strings.Cut(user, "@")
		name, group, hasGroup := strings.Cut(user, ":")
		client := &x509.Certificate{
			Subject:     pkix.Name{CommonName: name},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}
		if hasGroup {
			client.Subject.Organization = []string{group}
		}
		if hasHours {
			number, err := strconv.Atoi(hours)
			if err != nil {
				return fmt.Errorf("the hours of %s: %w", name, err)
			}
			client.NotAfter = time.Now().Add(time.Duration(number) * time.Hour)
		}
		if err := ca.issue(client, filepath.Join(directory, name)); err != nil {
			return err
		}
	}
	for _, name := range []string{"service-account", "next-service-account"} {
		if err := writeSigningPair(filepath.Join(directory, name)); err != nil {
			return err
		}
	}
	return nil
}

// serving is the certificate of an API server on loopback.
func serving() *x509.Certificate {
	return &x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames:    []string{"kubernetes.default.svc"},
	}
}

func newAuthority(path, name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	if err := setValidity(template); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{certificate, key}, writePEM(path, "CERTIFICATE", der)
}

// issue signs the template for a new key and writes both beside each other, as path.crt and path.key.
func (ca *authority) issue(template *x509.Certificate, path string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	if err := setValidity(template); err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.certificate, key.Public(), ca.key)
	if err != nil {
		return err
	}
	if err := writePEM(path+".crt", "CERTIFICATE", der); err != nil {
		return err
	}
	return writeKey(path+".key", key)
}

func setValidity(template *x509.Certificate) error {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	template.SerialNumber = serial
	now := time.Now()
	if template.NotAfter.IsZero() {
		template.NotAfter = now.Add(30 * 24 * time.Hour)
	}
	template.NotBefore = now.Add(-time.Minute)
	if template.NotAfter.Before(now) {
		template.NotBefore = template.NotAfter.Add(-24 * time.Hour)
	}
	return nil
}

// writeSigningPair uses RSA, because that is what nearly every cluster signs its tokens with.
func writeSigningPair(path string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	if err := writePEM(path+".pub", "PUBLIC KEY", public); err != nil {
		return err
	}
	return writeKey(path+".key", key)
}

func writeKey(path string, key crypto.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(path, "PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
