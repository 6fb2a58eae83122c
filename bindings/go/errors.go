package psat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// firstCallerFault is the first code that is no gRPC status code, but a fault of the calling program.
const firstCallerFault codes.Code = 1000

// Error is a refusal, by the library or on behalf of a context that has ended.
//
// It is compared by reason, as in errors.Is(err, psat.ReasonOverloaded). If the context of the call had ended,
// errors.Is finds [context.Canceled] or [context.DeadlineExceeded] too.
type Error struct {
	// Code is a gRPC status code, or from 1000 a fault of the calling program.
	Code codes.Code
	// Reason is a stable word; see the constants.
	Reason Reason
	// Message may be shown to an agent.
	Message string
	// Detail has the causes. It is for the operator alone.
	Detail string
	// Diagnostics tells how an attestation went; nil if there was none.
	Diagnostics *Diagnostics
	// Notes are those of a configuration that was refused.
	Notes []Note
	// Document is the whole answer as JSON, for the operator alone; nil if the library was not asked.
	Document json.RawMessage

	cause error
}

// Error returns reason and message. It has nothing that an agent may not read, because gRPC sends the text of an error
// that wraps this one.
func (e *Error) Error() string {
	return fmt.Sprintf("psat: %s: %s", e.Reason, e.Message)
}

// GRPCStatus returns what is to be sent to an agent: code and message. Faults of the calling program become
// [codes.Internal].
func (e *Error) GRPCStatus() *status.Status {
	if e.Code >= firstCallerFault {
		return status.New(codes.Internal, e.Message)
	}
	return status.New(e.Code, e.Message)
}

// Is reports whether target is this error's [Reason].
func (e *Error) Is(target error) bool {
	reason, ok := target.(Reason)
	return ok && reason == e.Reason
}

// Unwrap returns the error of the context that ended the call, if one did.
func (e *Error) Unwrap() error {
	return e.cause
}

// Reason is a stable word that says why a call was refused. It is an error so that [errors.Is] can compare with it.
type Reason string

// Error returns the word.
func (r Reason) Error() string {
	return string(r)
}

// errorOf makes an error of an answer. Without a document the code has to say it all.
func errorOf(code int32, document []byte) error {
	if document == nil {
		return undocumented(codes.Code(code))
	}
	var answer struct {
		Reason      Reason `json:"reason"`
		Message     string `json:"message"`
		Notes       []Note `json:"notes"`
		Diagnostics *struct {
			Diagnostics
			Detail string `json:"detail"`
		} `json:"diagnostics"`
	}
	if err := json.Unmarshal(document, &answer); err != nil {
		return unreadable(err)
	}
	e := &Error{
		Code:     codes.Code(code),
		Reason:   answer.Reason,
		Message:  answer.Message,
		Notes:    answer.Notes,
		Document: document,
	}
	if answer.Diagnostics != nil {
		e.Diagnostics = &answer.Diagnostics.Diagnostics
		e.Detail = answer.Diagnostics.Detail
	}
	return e
}

// row is one of the table of reasons.
type row struct {
	reason  Reason
	code    codes.Code
	meaning string
}

// refusal is an error without a document: the library was not asked, or gave none.
func refusal(reason Reason) *Error {
	for _, row := range table {
		if row.reason == reason {
			return &Error{Code: row.code, Reason: reason, Message: row.meaning}
		}
	}
	return &Error{Code: codes.Internal, Reason: reason, Message: "unknown reason"}
}

// undocumented is what a call that makes no document answered. Such calls fail with the codes of one reason each.
func undocumented(code codes.Code) *Error {
	switch code {
	case codes.DeadlineExceeded:
		return refusal(ReasonDeadlineExceeded)
	case codes.Unavailable:
		return refusal(ReasonShuttingDown)
	}
	for _, row := range table {
		if row.code == code && code >= firstCallerFault {
			return refusal(row.reason)
		}
	}
	return &Error{Code: code, Reason: ReasonPanic, Message: "the library answered with an unknown code"}
}

// unreadable is a document that this package does not understand.
func unreadable(err error) error {
	return fmt.Errorf("psat: read the library's answer: %w", err)
}

// ended returns an error if ctx has ended, by its deadline too if its timer is late. It says what did not begin for that.
func ended(ctx context.Context, what string) error {
	cause := endOf(ctx)
	switch {
	case cause == nil:
		return nil
	case errors.Is(cause, context.DeadlineExceeded):
		e := refusal(ReasonDeadlineExceeded)
		e.Message = "The time allowed for " + what + " ran out."
		e.cause = cause
		return e
	default:
		e := refusal(ReasonCanceled)
		e.Message = "The host cancelled " + what + "."
		e.cause = cause
		return e
	}
}

func endOf(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}
