package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// null is the length that stands for the NULL pointer.
const null = 0xFFFFFFFF

// request is one question of the runner. A nil blob is the NULL pointer.
type request struct {
	verb                     byte
	config, payload, options []byte
}

// reply is a code and a document; empty where there is none.
type reply struct {
	code     int32
	document []byte
}

// readRequest returns [io.EOF] if there is no further one.
func readRequest(from io.Reader) (request, error) {
	var r request
	if err := binary.Read(from, binary.LittleEndian, &r.verb); err != nil {
		return r, err
	}
	for _, blob := range []*[]byte{&r.config, &r.payload, &r.options} {
		var err error
		if *blob, err = readBlob(from); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return r, fmt.Errorf("read a request: %w", err)
		}
	}
	return r, nil
}

func readBlob(from io.Reader) ([]byte, error) {
	var length uint32
	if err := binary.Read(from, binary.LittleEndian, &length); err != nil || length == null {
		return nil, err
	}
	blob := make([]byte, length)
	_, err := io.ReadFull(from, blob)
	return blob, err
}

func writeReply(to io.Writer, r reply) error {
	frame := binary.LittleEndian.AppendUint32(nil, uint32(r.code))
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(r.document)))
	_, err := to.Write(append(frame, r.document...))
	return err
}
