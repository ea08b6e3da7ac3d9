// Package fault defines the one error value that domain packages return.
//
// A fault carries what may be shown (kind, stable code, safe message, offending field) apart from
// what may only be logged (the cause). Each protocol maps a fault once to its own wire form: OAuth
// JSON or redirect, RFC 9457 problem details, a hosted page. The package knows none of those forms.
package fault

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Kind classifies a fault by what the caller can do about it.
type Kind uint8

// The kinds of faults. The zero value is Internal, so a forgotten kind never looks harmless.
const (
	Internal           Kind = iota // our mistake; shown without detail
	Invalid                        // the input is wrong; repeating it cannot succeed
	Unauthenticated                // nobody is signed in, or the credentials are wrong
	Forbidden                      // the caller is known and may not
	NotFound                       // the thing does not exist for this caller
	Conflict                       // the thing exists already, or its state does not allow this
	PreconditionFailed             // the caller worked on an outdated version (RFC 9110 §13.1.1)
	TooLarge                       // the input exceeds a stated limit
	RateLimited                    // too many attempts; see RetryAfter
	Unavailable                    // a part we depend on is away; see RetryAfter
)

var kindNames = [...]string{
	"internal", "invalid", "unauthenticated", "forbidden", "not found", "conflict",
	"precondition failed", "too large", "rate limited", "unavailable",
}

// String returns the kind in words, for logs.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Error is a fault. Values are immutable: the With methods return copies, so a fault declared once
// per package can be refined per request.
type Error struct {
	Kind       Kind
	Code       string        // stable, snake_case, documented for people who automate
	Message    string        // safe to show to the person who caused it
	Field      string        // the offending field, "" when there is none
	RetryAfter time.Duration // how long to wait, 0 when unknown or pointless
	cause      error         // for logs only
}

// New makes a fault. The message is shown to people: say what happened and what to do.
func New(kind Kind, code, message string) *Error {
	return &Error{Kind: kind, Code: code, Message: message}
}

// Newf is New with a formatted message. Never format secrets or another tenant's data into it.
func Newf(kind Kind, code, format string, args ...any) *Error {
	return New(kind, code, fmt.Sprintf(format, args...))
}

// Error implements error. The text contains the message and the cause: it is for people at a terminal, never for
// responses. For logs there is Loggable.
func (e *Error) Error() string {
	text := e.Code + ": " + e.Message
	if e.Field != "" {
		text += " (field " + e.Field + ")"
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Loggable returns the text for logs: code, field and cause. Messages for people about what they sent are left out,
// because they may repeat it: an e-mail address, a password in an address.
func (e *Error) Loggable() string {
	text := e.Code
	switch e.Kind {
	case Internal, Unavailable, RateLimited:
		text += ": " + e.Message
	}
	if e.Field != "" {
		text += " (field " + e.Field + ")"
	}
	if e.cause != nil {
		text += ": " + Loggable(e.cause)
	}
	return text
}

// Loggable returns what may be written to a log of an error: of one that knows better than its Error, wrapped or not,
// what its method Loggable says; of an address that could not be read or reached, why, and not the address.
func Loggable(err error) string {
	var known interface {
		error
		Loggable() string
	}
	if errors.As(err, &known) {
		return strings.Replace(err.Error(), known.Error(), known.Loggable(), 1)
	}
	var address *url.Error
	if errors.As(err, &address) {
		return strings.Replace(err.Error(), address.Error(), address.Op+": "+Loggable(address.Err), 1)
	}
	return err.Error()
}

// Unwrap returns the hidden cause.
func (e *Error) Unwrap() error { return e.cause }

// Is reports equality by code, so errors.Is works on refined copies.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Code == e.Code && other.Kind == e.Kind
}

// WithField returns a copy that names the offending field.
func (e *Error) WithField(field string) *Error {
	copied := *e
	copied.Field = field
	return &copied
}

// WithCause returns a copy with a cause for the log.
func (e *Error) WithCause(cause error) *Error {
	copied := *e
	copied.cause = cause
	return &copied
}

// WithMessage returns a copy with another safe message.
func (e *Error) WithMessage(format string, args ...any) *Error {
	copied := *e
	copied.Message = fmt.Sprintf(format, args...)
	return &copied
}

// WithRetryAfter returns a copy that says how long to wait.
func (e *Error) WithRetryAfter(wait time.Duration) *Error {
	copied := *e
	copied.RetryAfter = wait
	return &copied
}

// ErrInternal is what an unknown error becomes.
var ErrInternal = New(Internal, "internal_error", "Something went wrong on our side. Try again; if it happens again, report the request id.")

// ErrCanceled is what a request abandoned by its caller becomes.
var ErrCanceled = New(Unavailable, "request_canceled", "The request was canceled before it was answered.")

// From returns err as a fault: itself when it is or wraps one, ErrCanceled for an abandoned
// request, else ErrInternal with err as hidden cause. From(nil) is nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	if errors.Is(err, context.Canceled) {
		return ErrCanceled.WithCause(err)
	}
	return ErrInternal.WithCause(err)
}

// IsKind reports whether err is a fault of the kind.
func IsKind(err error, kind Kind) bool {
	var known *Error
	return errors.As(err, &known) && known.Kind == kind
}
