package main

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// answer is what would be done for one request, or why nothing is.
type answer struct {
	Case  string `json:"case"`
	Error string `json:"error,omitempty"`
	// Scheme, host and port as given, and what stands before every path.
	Server string `json:"server,omitempty"`
	// Authorization and Impersonate-*, names in lower case.
	Headers map[string][]string `json:"headers,omitempty"`
	Proxy   *proxy              `json:"proxy,omitempty"`
	TLS     *security           `json:"tls,omitempty"`
}

type proxy struct {
	// Scheme, host and port.
	Address  string `json:"address"`
	User     string `json:"user"`
	Password string `json:"password"`
}

type security struct {
	Insecure bool `json:"insecure"`
	// The name that the server's certificate must bear.
	ServerName string `json:"server_name"`
	// Subjects of the CA certificates, in hex without their outermost header; null for the system's.
	Roots []string `json:"roots"`
	// SHA-256 of the client's certificates.
	Certificates []string `json:"certificates"`
	// Which of the certificates asked about are accepted from the server.
	Accepts []string `json:"accepts"`
}

// answerFor loads a kubeconfig as SPIRE does, and puts one request into what client-go makes of it.
func answerFor(asked question) (answer, error) {
	config, err := clientcmd.BuildConfigFromFlags("", asked.Kubeconfig)
	if err != nil {
		return answer{}, err
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return answer{}, err
	}
	roundTripper, err := rest.TransportFor(config)
	if err != nil {
		return answer{}, err
	}
	request, err := http.NewRequest(http.MethodGet, base.JoinPath("api/v1/nodes/n1").String(), nil)
	if err != nil {
		return answer{}, err
	}
	told := answer{Server: base.Scheme + "://" + base.Host + strings.TrimRight(base.Path, "/")}
	if told.Headers, err = headersFor(config, request); err != nil {
		return answer{}, err
	}
	if told.Proxy, err = proxyFor(roundTripper, request); err != nil {
		return answer{}, err
	}
	if base.Scheme == "https" {
		if told.TLS, err = securityFor(config, base.Hostname(), asked.Serving); err != nil {
			return answer{}, err
		}
	}
	return told, nil
}

// recorder keeps the headers of the request that reaches it.
type recorder struct{ headers http.Header }

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	r.headers = request.Header
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: request}, nil
}

func headersFor(config *rest.Config, request *http.Request) (map[string][]string, error) {
	seen := &recorder{}
	wrapped, err := rest.HTTPWrappersForConfig(config, seen)
	if err != nil {
		return nil, err
	}
	response, err := wrapped.RoundTrip(request.Clone(request.Context()))
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return nil, err
	}
	headers := map[string][]string{}
	for name, values := range seen.headers {
		name = strings.ToLower(name)
		if name != "authorization" && !strings.HasPrefix(name, "impersonate-") {
			continue
		}
		for _, value := range values {
			// What net/http says before it sends a request.
			if !httpguts.ValidHeaderFieldValue(value) {
				return nil, fmt.Errorf("net/http: invalid header field value for %q", name)
			}
			headers[name] = append(headers[name], strings.TrimSpace(value))
		}
	}
	return headers, nil
}

// proxyFor asks the transport at the bottom of what client-go made.
func proxyFor(roundTripper http.RoundTripper, request *http.Request) (*proxy, error) {
	for {
		if transport, ok := roundTripper.(*http.Transport); ok {
			return proxyOf(transport, request)
		}
		wrapper, ok := roundTripper.(interface{ WrappedRoundTripper() http.RoundTripper })
		if !ok {
			return nil, fmt.Errorf("%T has no transport below it", roundTripper)
		}
		roundTripper = wrapper.WrappedRoundTripper()
	}
}

func proxyOf(transport *http.Transport, request *http.Request) (*proxy, error) {
	if transport.Proxy == nil {
		return nil, nil
	}
	chosen, err := transport.Proxy(request)
	if chosen == nil || err != nil {
		return nil, err
	}
	password, _ := chosen.User.Password()
	return &proxy{Address: addressOf(chosen), User: chosen.User.Username(), Password: password}, nil
}

// addressOf fills in the port that net/http connects to.
func addressOf(proxy *url.URL) string {
	port := proxy.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[proxy.Scheme]
	}
	host := proxy.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return strings.TrimSuffix(proxy.Scheme, "h") + "://" + host + ":" + port
}

func securityFor(config *rest.Config, host string, serving []string) (*security, error) {
	settings, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, err
	}
	if settings == nil {
		settings = &tls.Config{}
	}
	told := &security{ServerName: host, Certificates: []string{}}
	told.Insecure = settings.InsecureSkipVerify
	if settings.ServerName != "" {
		told.ServerName = settings.ServerName
	}
	if settings.RootCAs != nil {
		told.Roots = []string{}
		//lint:ignore SA1019 there is no other way to see what is in a pool, and it is not the system's
		for _, subject := range settings.RootCAs.Subjects() {
			var sequence asn1.RawValue
			if _, err := asn1.Unmarshal(subject, &sequence); err != nil {
				return nil, err
			}
			told.Roots = append(told.Roots, hex.EncodeToString(sequence.Bytes))
		}
		slices.Sort(told.Roots)
	}
	if settings.GetClientCertificate != nil {
		certificate, err := settings.GetClientCertificate(&tls.CertificateRequestInfo{})
		if err != nil {
			return nil, err
		}
		if certificate == nil {
			return nil, errors.New("no client certificate, not even an empty one")
		}
		for _, der := range certificate.Certificate {
			digest := sha256.Sum256(der)
			told.Certificates = append(told.Certificates, hex.EncodeToString(digest[:]))
		}
	}
	told.Accepts, err = accepted(settings, told.ServerName, serving)
	return told, err
}

// accepted verifies certificates as crypto/tls does in a handshake.
func accepted(settings *tls.Config, name string, serving []string) ([]string, error) {
	found := []string{}
	for _, file := range serving {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		block, _ := pem.Decode(content)
		if block == nil {
			return nil, fmt.Errorf("%s holds no PEM", file)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		_, err = certificate.Verify(x509.VerifyOptions{Roots: settings.RootCAs, DNSName: name})
		if err == nil || settings.InsecureSkipVerify {
			found = append(found, file)
		}
	}
	return found, nil
}
