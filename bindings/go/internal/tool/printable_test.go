package tool

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func TestNothingReachesATerminalThatIsNotToBeSeen(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                   "plain",
		"zwölf Äpfel, 漢字":         "zwölf Äpfel, 漢字",
		"\x1b[31mred\x07":         `\x1b[31mred\x07`,
		"a\tb\r\nc\x00\x7f":       `a\tb\r\nc\x00\x7f`,
		"\u009b31m":               `\u009b31m`,
		"abc\u202edef\u2066":      `abc\u202edef\u2066`,
		"\u2028\ufeff\U000e0001x": `\u2028\ufeff\U000e0001x`,
		"\xff\xc3(":               `\xff\xc3(`,
		"token eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln!": "token [withheld: it looks like a token]!",
	} {
		if got := printable(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestADocumentWithEscapesIsTheSameDocument(t *testing.T) {
	const text = `{"a\u001b":"\u009b31m","b":["` + "\u202e\u009b\x7f\U000e0001\U0001f600ü" + `"]}`
	got := printableJSON([]byte(text))
	for _, r := range got {
		if !unicode.IsPrint(r) {
			t.Errorf("%q has %U", got, r)
		}
	}
	var before, after any
	if err := json.Unmarshal([]byte(text), &before); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(got), &after); err != nil || !reflect.DeepEqual(before, after) {
		t.Errorf("%s became %s: %v", text, got, err)
	}
}

func TestNamesFromOutsideAreEscaped(t *testing.T) {
	// The API server, and whoever made the payload, may say anything.
	b := newBench(t, `{"answers": {"token_review": [{"patch": {"status": {"error": "\u001b[2Jcleared\u009b31m\u202e", "authenticated": false}}}]}}`)
	payload, err := json.Marshal(map[string]string{"cluster": "\x1b]0;title\x07\u009b", "token": b.Token})
	if err != nil {
		t.Fatal(err)
	}
	write(t, "payload.json", string(payload))
	edited(t, `"demo" = {`, "\"\x1b[31mred\\n\" = { "+allowList+" }\n\"demo\" = {")
	for _, line := range []string{good, strings.Replace(good, "explain", "attest", 1), "explain --config server.conf --payload payload.json",
		"attest --config server.conf --payload payload.json", "validate --config server.conf", "check --config server.conf", "print-config --config server.conf"} {
		for _, more := range []string{"", " --json"} {
			got := b.run(t, line+more)
			if strings.ContainsFunc(got.interleaved, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
				t.Errorf("%s%s: %q", line, more, got.interleaved)
			}
		}
	}
	if got := b.run(t, good); !strings.Contains(got.out, `\x1b[2Jcleared`) {
		t.Errorf("the text is not there: %q", got.out)
	}
}

func TestTextIsWrappedAtSpacesAndNeverWithinAWord(t *testing.T) {
	long := strings.Repeat("x", 50)
	for text, want := range map[string][]string{
		"":                                {""},
		"one two":                         {"one two"},
		" a  b   c ":                      {" a  b   c "},
		"kubeconfig a  b/kubeconfig: x y": {"kubeconfig", "a  b/kubeconfig: x y"},
		"kubeconfig  a  b/kubeconfig x":   {"kubeconfig  a  b/kubeconfig", "x"},
		"0123456789 0123456789 01":        {"0123456789 0123456789 01"},
		"0123456789 0123456789 012 456":   {"0123456789 0123456789 012", "456"},
		"a " + long + " b":                {"a", long, "b"},
		"ä ö ü ä ö ü ä ö ü ä ö ü ä":       {"ä ö ü ä ö ü ä ö ü ä ö ü ä"},
	} {
		if got := wrap(text, 25); !slices.Equal(got, want) {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
