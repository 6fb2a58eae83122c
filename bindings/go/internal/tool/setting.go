package tool

import (
	"encoding/json"
	"regexp"
	"strings"
)

// The library's way to write a setting is path = JSON value, with a dot in front of a plain key, and else the key as a JSON string
// in brackets.
var (
	settingLine = regexp.MustCompile(`^((?:clusters|engine)(?:\.[A-Za-z0-9_-]+|\["(?:[^"\\]|\\.)*"\])+) = (.+)$`)
	settingKey  = regexp.MustCompile(`[A-Za-z0-9_-]+|\["(?:[^"\\]|\\.)*"\]`)
)

// setting is one setting of the configuration.
type setting struct {
	blocks     []string // from the outermost one
	key, value string
}

func parseSetting(line string) (setting, bool) {
	parts := settingLine.FindStringSubmatch(line)
	if parts == nil {
		return setting{}, false
	}
	keys := settingKey.FindAllString(parts[1], -1)
	for i, key := range keys {
		if bracketed, ok := strings.CutPrefix(key, "["); ok {
			if err := json.Unmarshal([]byte(strings.TrimSuffix(bracketed, "]")), &keys[i]); err != nil {
				return setting{}, false
			}
		}
	}
	last := len(keys) - 1
	return setting{blocks: keys[:last], key: keys[last], value: parts[2]}, true
}

// inPluginData are the lines with their settings as plugin_data takes them: there, a path would be a key that nobody knows.
func inPluginData(lines []string) []string {
	var written []string
	var open []string // blocks
	closeTo := func(depth int) {
		for ; len(open) > depth; open = open[:len(open)-1] {
			written = append(written, indented(len(open)-1, "}"))
		}
	}
	for _, line := range lines {
		s, ok := parseSetting(line)
		if !ok {
			closeTo(0)
			written = append(written, line)
			continue
		}
		closeTo(common(open, s.blocks))
		for _, name := range s.blocks[len(open):] {
			if len(open) > 0 {
				// Of a cluster, whose name may be anything.
				written = append(written, indented(len(open), string(encoded(name))+" = {"))
			} else {
				written = append(written, name+" = {")
			}
			open = append(open, name)
		}
		written = append(written, indented(len(open), s.key+" = "+s.value))
	}
	closeTo(0)
	return written
}

// common is how many blocks are the same from the outermost one on.
func common(a, b []string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

func indented(depth int, text string) string {
	return strings.Repeat("    ", depth) + text
}
