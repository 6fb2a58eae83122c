package load

import (
	"bytes"
	"errors"
	"os"
)

// payloads is a file with one payload on each line. It is not kept in memory, where it would count as the attestor's, unless
// there is but one.
type payloads struct {
	file *os.File
	// ends has where each line ends.
	ends []int64
	only []byte
}

func openPayloads(path string) (*payloads, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	p := &payloads{file: file}
	var at int64
	for block := make([]byte, 4096); ; {
		n, _ := file.ReadAt(block, at)
		if n == 0 {
			break
		}
		for from := 0; ; {
			line := bytes.IndexByte(block[from:n], '\n')
			if line < 0 {
				break
			}
			from += line + 1
			p.ends = append(p.ends, at+int64(from))
		}
		at += int64(n)
	}
	if len(p.ends) == 0 {
		return nil, errors.New(path + " has no line")
	}
	if len(p.ends) == 1 {
		p.only = p.read(0)
	}
	return p, nil
}

// read gives a payload; after the last one the first comes again.
func (p *payloads) read(i int) []byte {
	if p.only != nil {
		return p.only
	}
	i %= len(p.ends)
	var begin int64
	if i > 0 {
		begin = p.ends[i-1]
	}
	payload := make([]byte, p.ends[i]-1-begin)
	if _, err := p.file.ReadAt(payload, begin); err != nil {
		panic(err)
	}
	return payload
}
