package tool

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

const (
	// defaultWidth is for text that goes to no terminal.
	defaultWidth = 80
	// narrowest is the least that a column of text gets.
	narrowest = 20
)

// ink is how a word is shown on a terminal.
type ink string

const (
	plain  ink = ""
	bold   ink = "1"
	dim    ink = "2"
	red    ink = "1;31"
	green  ink = "32"
	yellow ink = "33"
)

// page is what is written on. Whatever comes from outside is made fit for a terminal here.
type page struct {
	w       io.Writer
	width   int
	color   bool
	failure error // the first
}

func newPage(w io.Writer, when color) *page {
	columns, terminal := terminalWidth(w)
	if columns <= 0 {
		columns = defaultWidth
	}
	return &page{w: w, width: columns, color: when.on(terminal)}
}

// raw writes text of this program as it is.
func (p *page) raw(text string) *page {
	if _, err := io.WriteString(p.w, text); err != nil && p.failure == nil {
		p.failure = err
	}
	return p
}

// line writes one line, however long.
func (p *page) line(format string, arguments ...any) {
	p.raw(printable(fmt.Sprintf(format, arguments...)) + "\n")
}

// blank writes an empty line.
func (p *page) blank() {
	p.raw("\n")
}

// verdict writes one line, with its first word in colour.
func (p *page) verdict(how ink, word, rest string) {
	p.raw(p.paint(how, word) + printable(rest) + "\n")
}

// paragraph writes text in lines that begin after indent columns.
func (p *page) paragraph(indent int, text string) {
	for _, line := range wrap(printable(text), p.width-indent) {
		p.raw(strings.Repeat(" ", indent) + line + "\n")
	}
}

// entry writes a line of a table: a word in colour, a name, and text that is wrapped in its own column.
func (p *page) entry(how ink, word string, wordWidth int, name string, nameWidth int, text string) {
	indent := 2 + wordWidth + 2 + nameWidth + 2
	head := "  " + p.paint(how, word) + pad(word, wordWidth) + "  " + printable(name) + pad(name, nameWidth) + "  "
	for i, line := range wrap(printable(text), p.width-indent) {
		if i > 0 {
			head = strings.Repeat(" ", indent)
		}
		p.raw(strings.TrimRight(head+line, " ") + "\n")
	}
}

// block writes lines to be copied: at the left edge, and never wrapped. With an indent, --- would separate no documents of YAML.
func (p *page) block(lines []string) {
	for _, line := range lines {
		p.raw(printable(line) + "\n")
	}
}

func (p *page) paint(how ink, word string) string {
	word = printable(word)
	if !p.color || how == plain {
		return word
	}
	return "\x1b[" + string(how) + "m" + word + "\x1b[0m"
}

// pad is what is missing to the width.
func pad(text string, width int) string {
	return strings.Repeat(" ", max(0, width-utf8.RuneCountInString(printable(text))))
}

// wrap breaks text at spaces into lines of at most width columns; a longer word has a line of its own. There is always a line.
// Where several spaces stand together, they are a part of something that has them, such as the name of a file, and stay.
func wrap(text string, width int) []string {
	width = max(width, narrowest)
	var lines []string
	line := ""
	for i, word := range words(text) {
		switch {
		case i == 0:
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}

// words are what stands between spaces that stand alone.
func words(text string) []string {
	var found []string
	begin := 0
	for i := range len(text) {
		alone := text[i] == ' ' && i > 0 && i+1 < len(text) && text[i-1] != ' ' && text[i+1] != ' '
		if alone {
			found = append(found, text[begin:i])
			begin = i + 1
		}
	}
	return append(found, text[begin:])
}
