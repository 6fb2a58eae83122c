package tool

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// jws is what tokens look like: the beginning of a JSON object in base64.
var jws = regexp.MustCompile(`eyJ[A-Za-z0-9_.+/=-]{16,}`)

const withheld = "[withheld: it looks like a token]"

// printable is text that does nothing to a terminal: all that is not to be seen is escaped, as Go writes it. The library puts no
// token into its answers; a parser's words about the wrong file may, so what looks like one is withheld.
func printable(text string) string {
	text = jws.ReplaceAllString(text, withheld)
	var out strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, text[0])
		case unicode.IsPrint(r):
			out.WriteRune(r)
		default:
			out.WriteString(escaped(r))
		}
		text = text[size:]
	}
	return out.String()
}

func escaped(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < utf8.RuneSelf:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xFFFF:
		return fmt.Sprintf(`\u%04x`, r)
	default:
		return fmt.Sprintf(`\U%08x`, r)
	}
}

// jwsInJSON finds tokens in a document, and escapes, of which no end may be taken for a token's beginning.
var jwsInJSON = regexp.MustCompile(`\\(?:u[0-9A-Fa-f]{4}|.)|` + jws.String())

// printableJSON is the same document, with all escaped that is not to be seen, and without what looks like a token. Outside of
// strings JSON has nothing of either.
func printableJSON(document []byte) string {
	text := jwsInJSON.ReplaceAllStringFunc(string(document), func(found string) string {
		if found[0] == '\\' {
			return found
		}
		return withheld
	})
	var out strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			out.WriteRune(r)
		case r <= 0xFFFF:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		}
	}
	return out.String()
}
