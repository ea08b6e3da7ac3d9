// Package mail sends mail: by SMTP (RFC 5321) with TLS, or into a mailbox in memory that developers and tests read.
// What is written in a mail, to whom and when, is decided elsewhere; when it is tried again, by package mailqueue.
package mail

import (
	"context"
	"net/mail"
	"strings"
)

// Message is one mail to one person.
type Message struct {
	ID       string // names the mail in its Message-ID, the same at every attempt; letters, digits and hyphens
	To       string // an address without a name
	FromName string // whose name stands before the sender's address; "" for that of the configuration
	Subject  string
	Text     string // the plain text
	HTML     string // the same in HTML
}

// Sender hands mails over for delivery. Implementations: SMTP and Mailbox.
type Sender interface {
	// Send hands one mail over. An error is an *Error; after one that is not Permanent it may be tried again.
	Send(ctx context.Context, message Message) error
}

// The codes of what can go wrong.
const (
	CodeConnect          = "connect"           // the server cannot be reached, or hung up
	CodeTimeout          = "timeout"           // it did not answer in time
	CodeTLS              = "tls"               // no TLS, or a certificate that is not to be trusted
	CodeAuthentication   = "authentication"    // user name or password are wrong
	CodeSenderRefused    = "sender_refused"    // it does not take mail from our address
	CodeRecipientRefused = "recipient_refused" // it does not take mail to the person's address
	CodeMessageRefused   = "message_refused"   // it does not take what was written
	CodeNotConfigured    = "not_configured"    // nobody said how mail is sent
)

// Error is why a mail was not handed over. Its text holds no address; the cause may.
type Error struct {
	Code      string
	Reply     int  // of the server (RFC 5321 §4.2); 0 when it gave none
	Permanent bool // trying again is of no use
	cause     error
}

// ErrNotConfigured is returned where nobody said how mail is sent.
func ErrNotConfigured() *Error { return &Error{Code: CodeNotConfigured} }

// Error implements error.
func (e *Error) Error() string { return "mail: " + e.Code }

// Unwrap is the cause, for whoever configures the server. It may hold addresses.
func (e *Error) Unwrap() error { return e.cause }

// ParseAddress reads an address with or without a name, as in "Acme <no-reply@acme.example>".
func ParseAddress(text string) (name, address string, err error) {
	parsed, err := mail.ParseAddress(text)
	if err != nil {
		return "", "", err
	}
	return parsed.Name, parsed.Address, nil
}

// domain is what stands behind the @ of an address.
func domain(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }
