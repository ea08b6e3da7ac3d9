package mail_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/mail"
	"github.com/clavex/clavex/backend/internal/mailtest"
)

func server(r *mailtest.Relay, mode mail.TLSMode, roots *x509.CertPool) mail.Server {
	return mail.Server{Host: "localhost", Port: r.Port(), TLS: mode, From: "Clavex <no-reply@id.example>", ReplyTo: "help@id.example", Roots: roots}
}

var letter = mail.Message{ID: "0193a5b2", To: "ada@example.test", FromName: "Größe & Söhne", Subject: "Ihr Code: ÄÖÜ", Text: "Guten Tag\n\nCode: ÄB-12\n", HTML: "<p>Code: <b>ÄB-12</b></p>"}

func TestSMTPSendsOverTLS(t *testing.T) {
	t.Parallel()
	config, roots := mailtest.Authority(t)
	for name, c := range map[string]struct {
		relay *mailtest.Relay
		mode  mail.TLSMode
		tls   bool
	}{
		"STARTTLS (RFC 3207)":       {&mailtest.Relay{TLS: config, Auth: "PLAIN LOGIN"}, mail.StartTLS, true},
		"implicit (RFC 8314 §3.3)":  {&mailtest.Relay{TLS: config, Implicit: true, Auth: "LOGIN"}, mail.ImplicitTLS, true},
		"none, because it was said": {&mailtest.Relay{Plain: true}, mail.NoTLS, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := c.relay.Start(t)
			to := server(r, c.mode, roots)
			if r.Auth != "" {
				to.Username, to.Password = "clavex", "right"
			}
			sender := mail.NewSMTP(to)
			if err := sender.Check(t.Context()); err != nil || len(r.Mails()) != 0 {
				t.Fatalf("check: %v", err)
			}
			if err := sender.Send(t.Context(), letter); err != nil {
				t.Fatal(errors.Unwrap(err))
			}
			if len(r.Mails()) != 1 || r.Secured() != c.tls || r.Auth != "" && r.Logins()[1] != "clavex right" {
				t.Fatalf("%d mails, TLS %v, logins %v", len(r.Mails()), r.Secured(), r.Logins())
			}
			checkContent(t, r.Mails()[0])
		})
	}
}

func checkContent(t *testing.T, raw string) {
	t.Helper()
	received, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	header := func(name string) string {
		decoded, err := new(mime.WordDecoder).DecodeHeader(received.Header.Get(name))
		if err != nil {
			t.Fatal(err)
		}
		return decoded
	}
	from, err := netmail.ParseAddress(received.Header.Get("From"))
	if err != nil || from.Name != letter.FromName || from.Address != "no-reply@id.example" {
		t.Errorf("from %v %v", from, err)
	}
	if header("To") != "<ada@example.test>" || header("Subject") != letter.Subject || header("Message-ID") != "<0193a5b2@id.example>" ||
		header("Auto-Submitted") != "auto-generated" || !strings.Contains(header("Reply-To"), "help@id.example") || header("User-Agent")+header("X-Mailer") != "" {
		t.Errorf("headers: %v", received.Header)
	}
	_, parameters, err := mime.ParseMediaType(received.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(received.Body, parameters["boundary"])
	for _, want := range []string{letter.Text, letter.HTML} {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(quotedprintable.NewReader(part))
		if got := strings.ReplaceAll(string(content), "\r\n", "\n"); err != nil || strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("got %q (%v), want %q", got, err, want)
		}
	}
}

func TestSMTPFaults(t *testing.T) {
	t.Parallel()
	config, roots := mailtest.Authority(t)
	for name, c := range map[string]struct {
		relay     *mailtest.Relay
		change    func(*mail.Server)
		code      string
		permanent bool
	}{
		"no TLS where it is demanded":     {relay: &mailtest.Relay{Plain: true, Auth: "PLAIN"}, code: "tls"},
		"a certificate of somebody":       {relay: &mailtest.Relay{}, change: func(s *mail.Server) { s.Roots = x509.NewCertPool() }, code: "tls"},
		"a certificate for another name":  {relay: &mailtest.Relay{Host: "127.0.0.2"}, change: func(s *mail.Server) { s.Host = "127.0.0.2" }, code: "tls"},
		"TLS from the first byte, wanted": {relay: &mailtest.Relay{}, change: func(s *mail.Server) { s.TLS = mail.ImplicitTLS }, code: "tls"},
		"a wrong password":                {relay: &mailtest.Relay{Auth: "PLAIN"}, change: func(s *mail.Server) { s.Username, s.Password = "clavex", "wrong" }, code: "authentication"},
		"a password without TLS":          {relay: &mailtest.Relay{Plain: true, Auth: "PLAIN", Host: "127.0.0.2"}, change: func(s *mail.Server) { s.TLS, s.Username, s.Host = mail.NoTLS, "clavex", "127.0.0.2" }, code: "authentication"},
		"no such person":                  {relay: &mailtest.Relay{Answers: map[string]string{"RCPT": "550 5.1.1 unknown"}}, code: "recipient_refused", permanent: true},
		"a full mailbox":                  {relay: &mailtest.Relay{Answers: map[string]string{"RCPT": "452 4.2.2 full"}}, code: "recipient_refused"},
		"greylisting":                     {relay: &mailtest.Relay{Answers: map[string]string{"RCPT": "451 4.7.1 later"}}, code: "recipient_refused"},
		"our own address":                 {relay: &mailtest.Relay{Answers: map[string]string{"MAIL": "550 5.7.1 not you"}}, code: "sender_refused"},
		"the content":                     {relay: &mailtest.Relay{Answers: map[string]string{"DATA": "554 5.7.1 spam"}}, code: "message_refused", permanent: true},
		"it hangs up":                     {relay: &mailtest.Relay{Answers: map[string]string{"EHLO": "421 4.3.2 closing", "HELO": "421 closing"}}, code: "connect"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.relay.TLS = config
			to := server(c.relay.Start(t), mail.StartTLS, roots)
			if c.change != nil {
				c.change(&to)
			}
			err := mail.NewSMTP(to).Send(t.Context(), letter)
			var failed *mail.Error
			if !errors.As(err, &failed) || failed.Code != c.code || failed.Permanent != c.permanent {
				t.Fatalf("got %v (%v), want %s", err, errors.Unwrap(err), c.code)
			}
			if strings.Contains(failed.Error()+failed.String(), "ada@") || len(c.relay.Mails()) != 0 {
				t.Errorf("%s; %d mails", failed, len(c.relay.Mails()))
			}
			if len(c.relay.Logins()) > 0 && name != "a wrong password" {
				t.Errorf("the password was sent: %v", c.relay.Logins())
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		r := (&mailtest.Relay{}).Start(t)
		to := server(r, mail.StartTLS, roots)
		r.Close()
		var failed *mail.Error
		if err := mail.NewSMTP(to).Send(t.Context(), letter); !errors.As(err, &failed) || failed.Code != "connect" {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("it says nothing", func(t *testing.T) {
		t.Parallel()
		r := (&mailtest.Relay{Silent: true}).Start(t)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		var failed *mail.Error
		if err := mail.NewSMTP(server(r, mail.StartTLS, roots)).Send(ctx, letter); !errors.As(err, &failed) || failed.Code != "timeout" || failed.Permanent {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("an address that is none", func(t *testing.T) {
		t.Parallel()
		r := (&mailtest.Relay{TLS: config}).Start(t)
		for _, address := range []string{"", "ada", "ada@example.test\r\nBcc: eve@example.test", "a@b.test, c@d.test"} {
			wrong := letter
			wrong.To = address
			var failed *mail.Error
			if err := mail.NewSMTP(server(r, mail.StartTLS, roots)).Send(t.Context(), wrong); !errors.As(err, &failed) || !failed.Permanent || len(r.Mails()) != 0 {
				t.Errorf("%q: got %v", address, err)
			}
		}
	})
}

// What stands in a subject or a name cannot add a header.
func TestHeadersHoldTheirPlace(t *testing.T) {
	t.Parallel()
	config, roots := mailtest.Authority(t)
	r := (&mailtest.Relay{TLS: config}).Start(t)
	hostile := letter
	hostile.FromName, hostile.Subject = "Acme\r\nBcc: eve@example.test", "Hello\r\nX-Injected: yes\r\n\r\nbody"
	if err := mail.NewSMTP(server(r, mail.StartTLS, roots)).Send(t.Context(), hostile); err != nil {
		t.Fatal(err)
	}
	received, err := netmail.ReadMessage(strings.NewReader(r.Mails()[0]))
	if err != nil || received.Header.Get("X-Injected") != "" || received.Header.Get("Bcc") != "" {
		t.Fatalf("%v %v", err, received.Header)
	}
}

func TestMailbox(t *testing.T) {
	t.Parallel()
	box := mail.NewMailbox(time.Now)
	for i := range 250 {
		if err := box.Send(t.Context(), mail.Message{To: fmt.Sprintf("person-%d@Example.test", i%2), Subject: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	all, one := box.List(""), box.List("PERSON-1@example.test")
	if len(all) != 200 || all[0].Subject != "249" || len(one) != 100 || one[0].Number != 250 {
		t.Fatalf("%d mails, %d of one person", len(all), len(one))
	}
	if _, ok := box.Get(50); ok {
		t.Error("an old mail was kept")
	}
	if found, ok := box.Get(51); !ok || found.Subject != "50" {
		t.Errorf("got %v", found)
	}
}
