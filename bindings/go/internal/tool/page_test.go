package tool

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// quote is a marker that names a file of the repository, and the block after it that shows the file.
var quote = regexp.MustCompile("(?s)(<!-- (\\S+/\\S+\\.\\w+) -->\n```\\w+\n)(.*?)(```\n)")

func TestThePageQuotesTheFilesThatItNames(t *testing.T) {
	root := filepath.Join(here, "../../../..")
	path := filepath.Join(root, "docs", "operator-tool.md")
	page := read(t, path)
	quotes := quote.FindAllStringSubmatch(page, -1)
	if len(quotes) == 0 {
		t.Error("it quotes none")
	}
	fresh := page
	for _, q := range quotes {
		file := read(t, filepath.Join(root, filepath.FromSlash(q[2])))
		if q[3] != file && !*update {
			t.Errorf("%s is quoted as it no longer is; go test -update quotes it anew", q[2])
		}
		fresh = strings.Replace(fresh, q[0], q[1]+file+q[4], 1)
	}
	if *update && fresh != page {
		write(t, path, fresh)
	}
}

// Every reason is a way into the page about trouble.
func TestTroubleshootingKnowsEveryReason(t *testing.T) {
	docs := filepath.Join(here, "../../../..", "docs")
	page := read(t, filepath.Join(docs, "troubleshooting.md"))
	reasons := regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\|").FindAllStringSubmatch(read(t, filepath.Join(docs, "reasons.md")), -1)
	if len(reasons) < 40 {
		t.Fatalf("docs/reasons.md has %d reasons", len(reasons))
	}
	for _, reason := range reasons {
		if !strings.Contains(page, "`"+reason[1]+"`") {
			t.Errorf("%s is not there", reason[1])
		}
	}
}
