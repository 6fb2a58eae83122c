// Command forms tells what SPIRE's plugin spends on reading the answers of one attestation, in JSON as the dev cluster gives
// them, and in protobuf as a real API server would: forms POD NODE, files with these objects in JSON.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"k8s.io/client-go/kubernetes/scheme"
)

const rounds = 2000

func main() {
	costs, err := run(os.Args[1:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(costs)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "forms:", err)
		os.Exit(1)
	}
}

// run gives the nanoseconds of CPU for each form.
func run(files []string) (map[string]int64, error) {
	if len(files) != 2 {
		return nil, fmt.Errorf("usage: forms POD NODE")
	}
	pod, node := new(corev1.Pod), new(corev1.Node)
	for i, object := range []any{pod, node} {
		content, err := os.ReadFile(files[i])
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(content, object); err != nil {
			return nil, err
		}
	}
	costs := map[string]int64{}
	for form, mediaType := range map[string]string{
		"json_ns":     runtime.ContentTypeJSON,
		"protobuf_ns": runtime.ContentTypeProtobuf,
	} {
		for _, object := range []runtime.Object{review(), pod, node} {
			cost, err := reading(object, mediaType)
			if err != nil {
				return nil, err
			}
			costs[form] += cost
		}
	}
	return costs, nil
}

// review is an answer of the usual size.
func review() *authenticationv1.TokenReview {
	const prefix = "authentication.kubernetes.io/"
	return &authenticationv1.TokenReview{
		TypeMeta: metav1.TypeMeta{Kind: "TokenReview", APIVersion: "authentication.k8s.io/v1"},
		Spec:     authenticationv1.TokenReviewSpec{Token: strings.Repeat("t", 1000), Audiences: []string{"spire-server"}},
		Status: authenticationv1.TokenReviewStatus{
			Authenticated: true,
			Audiences:     []string{"spire-server"},
			User: authenticationv1.UserInfo{
				Username: "system:serviceaccount:spire:spire-agent",
				UID:      "b4e1f5f8-7d52-4f5e-9e8a-2f3c1d0a9b11",
				Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:spire", "system:authenticated"},
				Extra: map[string]authenticationv1.ExtraValue{
					prefix + "credential-id": {"JTI=b4e1f5f8-7d52-4f5e-9e8a-2f3c1d0a9b11"},
					prefix + "node-name":     {"worker-00001"},
					prefix + "node-uid":      {"b4e1f5f8-7d52-4f5e-9e8a-2f3c1d0a9b11"},
					prefix + "pod-name":      {"spire-agent-00001"},
					prefix + "pod-uid":       {"b4e1f5f8-7d52-4f5e-9e8a-2f3c1d0a9b11"},
				},
			},
		},
	}
}

// reading is what client-go spends on decoding an object.
func reading(object runtime.Object, mediaType string) (int64, error) {
	codecs := scheme.Codecs.WithoutConversion()
	info, found := runtime.SerializerInfoForMediaType(codecs.SupportedMediaTypes(), mediaType)
	if !found {
		return 0, fmt.Errorf("client-go has no %s", mediaType)
	}
	version := object.GetObjectKind().GroupVersionKind().GroupVersion()
	var body bytes.Buffer
	if err := codecs.EncoderForVersion(info.Serializer, version).Encode(object, &body); err != nil {
		return 0, err
	}
	decoder := codecs.DecoderToVersion(info.Serializer, version)
	begun := cpu()
	for range rounds {
		if _, _, err := decoder.Decode(body.Bytes(), nil, nil); err != nil {
			return 0, err
		}
	}
	return (cpu() - begun) / rounds, nil
}

func cpu() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}
