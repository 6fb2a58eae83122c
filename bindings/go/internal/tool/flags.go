package tool

import (
	"errors"
	"flag"
	"time"
)

// list is a flag that may be repeated.
type list []string

// String is needed by package flag.
func (l *list) String() string { return "" }

// Set adds one.
func (l *list) Set(value string) error {
	if value == "" {
		return errors.New("it is empty")
	}
	*l = append(*l, value)
	return nil
}

// span is a flag that is a time.
type span time.Duration

// String is needed by package flag.
func (s *span) String() string { return time.Duration(*s).String() }

// Set takes a number with a unit.
func (s *span) Set(value string) error {
	parsed, err := time.ParseDuration(value)
	if err != nil {
		return errors.New("it is a number with its unit, such as 500ms, 10s or 2m")
	}
	*s = span(parsed)
	return nil
}

// once is a flag that has one value: of two, the first would be lost without a word.
type once struct {
	flag.Value
	given bool
}

// Set takes the first.
func (o *once) Set(value string) error {
	if o.given {
		return errors.New("the flag is there twice")
	}
	o.given = true
	return o.Value.Set(value)
}

// takeOnce makes a flag of one value take no second one. A switch may be repeated.
func takeOnce(f *flag.Flag) {
	_, several := f.Value.(*list)
	toggle, ok := f.Value.(interface{ IsBoolFlag() bool })
	if !several && !(ok && toggle.IsBoolFlag()) {
		f.Value = &once{Value: f.Value}
	}
}
