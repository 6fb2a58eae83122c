package spireconf

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl"
	"github.com/hashicorp/hcl/hcl/ast"
	"github.com/hashicorp/hcl/hcl/parser"
	"github.com/hashicorp/hcl/hcl/token"
)

// fault is what is wrong with a text, without a word of it. A parser quotes what it stumbles over, which may be the password of
// a database. Keys are told, values are not.
type fault struct {
	at   token.Pos // not valid if it is unknown
	path string    // of a value, in keys; empty if it is unknown
	kind string
}

// Error is the position, the path and the kind, as far as they are known.
func (f *fault) Error() string {
	text := f.kind
	if f.path != "" {
		text = f.path + ": " + text
	}
	if f.at.IsValid() {
		text = fmt.Sprintf("At %s: %s", f.at, text)
	}
	return text
}

// Kinds of faults, and how the parser's own words about them begin.
var kinds = []struct{ words, kind string }{
	{"literal not terminated", "a string is not closed"},
	{"comment not terminated", "a comment is not closed"},
	{"heredoc not terminated", "a heredoc is not closed"},
	{"object expected closing RBRACE", "a block is not closed, or something in it is out of place"},
	{"illegal UTF-8 encoding", "this is not text in UTF-8"},
	{"unexpected null character", "this is not text in UTF-8"},
	{"illegal char", "this character cannot stand here"},
	{"unknown type for string", "must be a string"},
	{"not an object type", "must be a block"},
}

func kindOf(words, otherwise string) string {
	for _, k := range kinds {
		if strings.HasPrefix(words, k.words) {
			return k.kind
		}
	}
	return otherwise
}

// parse reads HCL or JSON. As in all of SPIRE, a key may be there twice.
func parse(text string) (ast.Node, error) {
	var root ast.Node
	err := hcl.Decode(&root, text)
	if err == nil {
		return root, nil
	}
	var positioned *parser.PosError
	if errors.As(err, &positioned) {
		return nil, &fault{at: positioned.Pos, kind: kindOf(positioned.Err.Error(), "this cannot stand here")}
	}
	return nil, malformedJSON([]byte(text))
}

// malformedJSON is the fault of a text that is not JSON.
func malformedJSON(text []byte) *fault {
	wrong := &fault{kind: "this is not JSON"}
	var syntax *json.SyntaxError
	if errors.As(json.Unmarshal(text, new(any)), &syntax) {
		before := string(text[:max(syntax.Offset-1, 0)])
		wrong.at.Line = strings.Count(before, "\n") + 1
		wrong.at.Column = len(before) - strings.LastIndex(before, "\n")
	}
	return wrong
}

// fill decodes what has been parsed.
func fill(target any, root ast.Node) error {
	err := hcl.DecodeObject(target, root)
	if err == nil {
		return nil
	}
	const otherwise = "the value is of the wrong type"
	var positioned *parser.PosError
	var number *strconv.NumError
	switch {
	case errors.As(err, &positioned):
		// The decoder's words begin with the keys that led it there.
		path, words, _ := strings.Cut(positioned.Err.Error(), ": ")
		keys, known := strings.CutPrefix(path, "root.")
		if !known {
			keys = ""
		}
		return &fault{at: positioned.Pos, path: keys, kind: kindOf(words, otherwise)}
	case errors.As(err, &number):
		return wrongNumber(root, number)
	default:
		return &fault{kind: otherwise}
	}
}

// wrongNumber finds the number that the decoder could not read, of which it says nothing but the text.
func wrongNumber(root ast.Node, wrong *strconv.NumError) *fault {
	found := &fault{kind: "a number must be a whole one"}
	if errors.Is(wrong, strconv.ErrRange) {
		found.kind = "a number is too large"
	}
	ast.Walk(root, func(node ast.Node) (ast.Node, bool) {
		item, ok := node.(*ast.ObjectItem)
		if !ok || found.at.IsValid() || len(item.Keys) == 0 {
			return node, true
		}
		key := item.Keys[len(item.Keys)-1].Token.Text
		if name := strings.Trim(key, `"`); isNumber(name) {
			if value, ok := item.Val.(*ast.LiteralType); ok && strings.Trim(value.Token.Text, `"`) == wrong.Num {
				found.at, found.path = value.Pos(), name
			}
		}
		return node, true
	})
	return found
}

// isNumber is whether the key's value is one.
func isNumber(key string) bool {
	for _, data := range []any{clusterData{}, engineData{}} {
		for _, field := range reflect.VisibleFields(reflect.TypeOf(data)) {
			if field.Type == reflect.TypeFor[*int64]() && strings.EqualFold(field.Tag.Get("hcl"), key) {
				return true
			}
		}
	}
	return false
}
