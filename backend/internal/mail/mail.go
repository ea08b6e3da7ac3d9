// Package mail sends mail: by SMTP (RFC 5321) with TLS, or into a mailbox in memory that developers and tests read.
// What is written in a mail, to whom and when, is decided elsewhere; when it is tried again, by package mailqueue.
package mail

import (
	"context"
	"html"
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

// Trial is a mail by which somebody sees that mail of an organization is sent.
func Trial(id, to, organization string) Message {
	text := "This is a test. Mail of " + organization + " goes out by this server."
	return Message{ID: id, To: to, FromName: organization, Subject: "Test: mail of " + organization + " is sent", Text: text + "\n", HTML: "<p>" + html.EscapeString(text) + "</p>\n"}
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

// Words are what an administrator reads: a sentence without the end of one.
func (e *Error) Words() string {
	switch e.Code {
	case CodeConnect:
		return "the mail server cannot be reached, or hung up"
	case CodeTimeout:
		return "the mail server did not answer in time"
	case CodeTLS:
		return "the connection to the mail server cannot be protected"
	case CodeAuthentication:
		return "the mail server does not take user name and password"
	case CodeSenderRefused:
		return "the mail server takes no mail from the sender's address"
	case CodeRecipientRefused:
		return "the mail server takes no mail to this address"
	case CodeMessageRefused:
		return "the mail server does not take this mail"
	}
	return "no mail server is configured"
}

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
