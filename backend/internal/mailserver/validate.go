package mailserver

import (
	"net/netip"
	"regexp"
	"strings"
	"unicode"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/mail"
)

// Bounds of what is said of a server, in bytes.
const (
	maximumHost     = 253
	maximumUsername = 320
	maximumPassword = 1000
	maximumAddress  = 500
)

// hostName is a name of letters, digits and hyphens (RFC 1123 §2.1).
var hostName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

func refuse(field, message string) error {
	return fault.New(fault.Invalid, "mail_server_malformed", message).WithField(field)
}

// complete tidies what was written and names the first offending field.
func (s *Server) complete() error {
	s.Host, s.From, s.ReplyTo = strings.ToLower(strings.TrimSpace(s.Host)), strings.TrimSpace(s.From), strings.TrimSpace(s.ReplyTo)
	if s.TLS == "" {
		if s.TLS = mail.StartTLS; s.Port == implicitPort {
			s.TLS = mail.ImplicitTLS
		}
	}
	_, notLiteral := netip.ParseAddr(s.Host)
	switch {
	case len(s.Host) > maximumHost, notLiteral != nil && !hostName.MatchString(s.Host):
		return refuse("host", "Write the name of the server alone, such as smtp.example.com, without port or path.")
	case s.Port < 1 || s.Port > 65535:
		return refuse("port", "Ports are numbers from 1 to 65535. Mail servers take mail at 587, or at 465 with TLS from the first byte.")
	case s.TLS != mail.StartTLS && s.TLS != mail.ImplicitTLS:
		return refuse("tls", "Choose starttls or implicit: mail contains codes and links and never goes out unprotected.")
	case len(s.Username) > maximumUsername, strings.ContainsFunc(s.Username, unicode.IsControl):
		return refuse("username", "The user name has at most 320 bytes and no control characters.")
	case !isAddress(s.From):
		return refuse("from", "Write an address, such as no-reply@example.com or Example <no-reply@example.com>.")
	case s.ReplyTo != "" && !isAddress(s.ReplyTo):
		return refuse("reply_to", "Write an address, such as help@example.com or Example Support <help@example.com>.")
	}
	return nil
}

// implicitPort is that of submission over TLS from the first byte (RFC 8314 §3.3).
const implicitPort = 465

func isAddress(text string) bool {
	_, address, err := mail.ParseAddress(text)
	return err == nil && len(text) <= maximumAddress && len(address) >= 3 && !strings.ContainsFunc(text, unicode.IsControl)
}
