package config

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"
)

// SendsMail reports whether somebody said how mail is sent.
func (c *Config) SendsMail() bool { return c.MailHost != "" }

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$`)

func (c *Config) validateMail(fault func(format string, values ...any)) {
	if !c.SendsMail() {
		for _, each := range []struct{ name, value string }{
			{"mail_username", c.MailUsername}, {"mail_password", c.MailPassword}, {"mail_from", c.MailFrom}, {"mail_reply_to", c.MailReplyTo},
		} {
			if each.value != "" {
				fault("%s is of no use without mail_host", each.name)
			}
		}
		return
	}
	if !hostName.MatchString(c.MailHost) {
		fault("mail_host: %q is not the name or address of a machine; the port is mail_port", c.MailHost)
	}
	if c.MailPort < 1 || c.MailPort > 65535 {
		fault("mail_port: %d is not a port", c.MailPort)
	}
	if modes := []string{"starttls", "implicit", "none"}; !slices.Contains(modes, c.MailTLS) {
		fault("mail_tls: choose %s", strings.Join(modes, ", "))
	}
	if (c.MailUsername == "") != (c.MailPassword == "") {
		fault("mail_username and mail_password go together")
	}
	if c.MailTLS == "none" && c.MailPassword != "" {
		fault("mail_tls: with none the password would travel in the clear; choose starttls or implicit")
	}
	if c.MailFrom == "" {
		fault("mail_from is missing: the address that mail comes from, for example Clavex <no-reply@id.example.com>")
	}
	for _, each := range []struct{ name, value string }{{"mail_from", c.MailFrom}, {"mail_reply_to", c.MailReplyTo}} {
		if _, err := mail.ParseAddress(each.value); each.value != "" && err != nil {
			fault("%s: %q is not an address, with or without a name before it", each.name, each.value)
		}
	}
}
