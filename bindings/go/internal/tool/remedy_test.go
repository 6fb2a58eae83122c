package tool

import (
	"strings"
	"testing"
)

func TestWhatToUseCanBeCopiedOutOfTheText(t *testing.T) {
	b := newBench(t, `{"reviewer": {"permissions": ["tokenreviews", "nodes"]}}`)
	otherAccount(t, b)
	write(t, "bound", b.Mint(t, "{}"))
	for _, line := range []string{good, strings.Replace(good, "file token", "file bound", 1), "check --config server.conf"} {
		text := b.run(t, line).out
		document := b.run(t, line+" --json").document(t)
		steps, ok := document["steps"].([]any)
		if !ok {
			steps = document["clusters"].(map[string]any)["demo"].(map[string]any)["steps"].([]any)
		}
		copied := 0
		for _, step := range steps {
			remedy, _ := step.(map[string]any)["remedy"].(string)
			if _, block, ok := strings.Cut(remedy, "\n"); ok {
				copied++
				block = strings.Join(inPluginData(strings.Split(block, "\n")), "\n")
				if !strings.Contains(text, "\n\n"+block+"\n\n") && !strings.HasSuffix(text, "\n\n"+block+"\n") {
					t.Errorf("%s: this is not there as it is:\n%s\nin\n%s", line, block, text)
				}
			}
		}
		if copied == 0 {
			t.Errorf("%s: nothing can be copied:\n%s", line, text)
		}
	}
}

func TestTheFirstLineNamesTheFirstFailureAndWhatToDo(t *testing.T) {
	b := newBench(t, "{}")
	otherAccount(t, b)
	text := b.run(t, good).out
	first, _, _ := strings.Cut(text, "\n")
	for _, want := range []string{"refused: SERVICE_ACCOUNT_NOT_ALLOWED (7) at claims: ", "allowed account", "(see below)"} {
		if !strings.Contains(first, want) {
			t.Errorf("%q is not in %q", want, first)
		}
	}
	if strings.Index(text, "\n  claims\n") > strings.Index(text, "\n  pod_bound\n") {
		t.Errorf("what failed first does not come first:\n%s", text)
	}
}
