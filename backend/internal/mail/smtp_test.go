package mail_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/certificate"
	"github.com/clavex/clavex/backend/internal/mail"
)

// relay is an SMTP server that keeps what it is given.
type relay struct {
	t        testing.TB
	listener net.Listener
	tls      *tls.Config // to be offered, or spoken from the first byte
	implicit bool
	plain    bool              // offers no TLS at all
	silent   bool              // answers nothing
	host     string            // where it listens; 127.0.0.1 when empty
	auth     string            // the mechanisms that it offers
	answers  map[string]string // by verb, instead of its own

	mu      sync.Mutex
	mails   []string
	logins  []string
	secured bool // the last mail came over TLS
}

// authority makes certificates for this machine.
func authority(t testing.TB) (*tls.Config, *x509.CertPool) {
	t.Helper()
	now := time.Now()
	made, err := certificate.NewAuthority(now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	chain, key, err := made.Issue(nil, now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := certificate.Parse(chain, key, now)
	if err != nil {
		t.Fatal(err)
	}
	encoded, _, err := made.Encode()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(encoded)
	return &tls.Config{Certificates: []tls.Certificate{*pair}, MinVersion: tls.VersionTLS12}, roots
}

func (r *relay) start(t testing.TB) *relay {
	t.Helper()
	r.t = t
	if r.host == "" {
		r.host = "127.0.0.1"
	}
	var err error
	if r.listener, err = net.Listen("tcp", net.JoinHostPort(r.host, "0")); err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			connection, err := r.listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() { r.serve(connection) })
		}
	})
	t.Cleanup(func() { _ = r.listener.Close(); open.Wait() })
	return r
}

func (r *relay) port() int { return r.listener.Addr().(*net.TCPAddr).Port }

func (r *relay) serve(connection net.Conn) {
	defer func() { connection.Close() }()
	if r.silent {
		_, _ = io.Copy(io.Discard, connection)
		return
	}
	secured := false
	if r.implicit {
		connection, secured = tls.Server(connection, r.tls), true
	}
	lines := bufio.NewReader(connection)
	say := func(text string) { _, _ = io.WriteString(connection, text+"\r\n") }
	say("220 relay.test ESMTP")
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		verb, _, _ = strings.Cut(verb, ":")
		if answer, ok := r.answers[verb]; ok {
			say(answer)
			if strings.HasPrefix(answer, "421") {
				return
			}
			continue
		}
		switch verb {
		case "EHLO":
			for _, extension := range r.extensions(secured) {
				say("250-" + extension)
			}
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go ahead")
			connection, secured = tls.Server(connection, r.tls), true
			lines = bufio.NewReader(connection)
		case "AUTH":
			say(r.login(line, lines, say))
		case "DATA":
			say("354 go ahead")
			r.take(lines, secured)
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (r *relay) extensions(secured bool) []string {
	list := []string{"relay.test"}
	if !secured && !r.plain {
		list = append(list, "STARTTLS")
	}
	if r.auth != "" {
		list = append(list, "AUTH "+r.auth)
	}
	return list
}

func (r *relay) login(line string, lines *bufio.Reader, say func(string)) string {
	var given []string
	read := func(text string) {
		decoded, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		given = append(given, strings.ReplaceAll(string(decoded), "\x00", " "))
	}
	if parts := strings.Fields(line); parts[1] == "LOGIN" {
		for _, prompt := range []string{"VXNlcm5hbWU6", "UGFzc3dvcmQ6"} {
			say("334 " + prompt)
			text, _ := lines.ReadString('\n')
			read(text)
		}
	} else {
		read(parts[2])
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logins = append(r.logins, strings.TrimSpace(strings.Join(given, " ")))
	if !strings.HasSuffix(r.logins[len(r.logins)-1], "right") {
		return "535 5.7.8 no"
	}
	return "235 welcome"
}

func (r *relay) take(lines *bufio.Reader, secured bool) {
	var content strings.Builder
	for {
		line, err := lines.ReadString('\n')
		if err != nil || line == ".\r\n" {
			break
		}
		content.WriteString(strings.TrimPrefix(line, "."))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mails, r.secured = append(r.mails, content.String()), secured
}

func server(r *relay, mode mail.TLSMode, roots *x509.CertPool) mail.Server {
	return mail.Server{Host: "localhost", Port: r.port(), TLS: mode, From: "Clavex <no-reply@id.example>", ReplyTo: "help@id.example", Roots: roots}
}

var letter = mail.Message{ID: "0193a5b2", To: "ada@example.test", FromName: "Größe & Söhne", Subject: "Ihr Code: ÄÖÜ", Text: "Guten Tag\n\nCode: ÄB-12\n", HTML: "<p>Code: <b>ÄB-12</b></p>"}

func TestSMTPSendsOverTLS(t *testing.T) {
	t.Parallel()
	config, roots := authority(t)
	for name, c := range map[string]struct {
		relay *relay
		mode  mail.TLSMode
		tls   bool
	}{
		"STARTTLS (RFC 3207)":       {&relay{tls: config, auth: "PLAIN LOGIN"}, mail.StartTLS, true},
		"implicit (RFC 8314 §3.3)":  {&relay{tls: config, implicit: true, auth: "LOGIN"}, mail.ImplicitTLS, true},
		"none, because it was said": {&relay{plain: true}, mail.NoTLS, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := c.relay.start(t)
			to := server(r, c.mode, roots)
			if r.auth != "" {
				to.Username, to.Password = "clavex", "right"
			}
			sender := mail.NewSMTP(to)
			if err := sender.Check(t.Context()); err != nil || len(r.mails) != 0 {
				t.Fatalf("check: %v", err)
			}
			if err := sender.Send(t.Context(), letter); err != nil {
				t.Fatal(errors.Unwrap(err))
			}
			if len(r.mails) != 1 || r.secured != c.tls || r.auth != "" && r.logins[1] != "clavex right" {
				t.Fatalf("%d mails, TLS %v, logins %v", len(r.mails), r.secured, r.logins)
			}
			checkContent(t, r.mails[0])
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
	config, roots := authority(t)
	for name, c := range map[string]struct {
		relay     *relay
		change    func(*mail.Server)
		code      string
		permanent bool
	}{
		"no TLS where it is demanded":     {relay: &relay{plain: true, auth: "PLAIN"}, code: "tls"},
		"a certificate of somebody":       {relay: &relay{}, change: func(s *mail.Server) { s.Roots = x509.NewCertPool() }, code: "tls"},
		"a certificate for another name":  {relay: &relay{host: "127.0.0.2"}, change: func(s *mail.Server) { s.Host = "127.0.0.2" }, code: "tls"},
		"TLS from the first byte, wanted": {relay: &relay{}, change: func(s *mail.Server) { s.TLS = mail.ImplicitTLS }, code: "tls"},
		"a wrong password":                {relay: &relay{auth: "PLAIN"}, change: func(s *mail.Server) { s.Username, s.Password = "clavex", "wrong" }, code: "authentication"},
		"a password without TLS":          {relay: &relay{plain: true, auth: "PLAIN", host: "127.0.0.2"}, change: func(s *mail.Server) { s.TLS, s.Username, s.Host = mail.NoTLS, "clavex", "127.0.0.2" }, code: "authentication"},
		"no such person":                  {relay: &relay{answers: map[string]string{"RCPT": "550 5.1.1 unknown"}}, code: "recipient_refused", permanent: true},
		"a full mailbox":                  {relay: &relay{answers: map[string]string{"RCPT": "452 4.2.2 full"}}, code: "recipient_refused"},
		"greylisting":                     {relay: &relay{answers: map[string]string{"RCPT": "451 4.7.1 later"}}, code: "recipient_refused"},
		"our own address":                 {relay: &relay{answers: map[string]string{"MAIL": "550 5.7.1 not you"}}, code: "sender_refused"},
		"the content":                     {relay: &relay{answers: map[string]string{"DATA": "554 5.7.1 spam"}}, code: "message_refused", permanent: true},
		"it hangs up":                     {relay: &relay{answers: map[string]string{"EHLO": "421 4.3.2 closing", "HELO": "421 closing"}}, code: "connect"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.relay.tls = config
			to := server(c.relay.start(t), mail.StartTLS, roots)
			if c.change != nil {
				c.change(&to)
			}
			err := mail.NewSMTP(to).Send(t.Context(), letter)
			var failed *mail.Error
			if !errors.As(err, &failed) || failed.Code != c.code || failed.Permanent != c.permanent {
				t.Fatalf("got %v (%v), want %s", err, errors.Unwrap(err), c.code)
			}
			if strings.Contains(failed.Error()+failed.String(), "ada@") || len(c.relay.mails) != 0 {
				t.Errorf("%s; %d mails", failed, len(c.relay.mails))
			}
			if len(c.relay.logins) > 0 && name != "a wrong password" {
				t.Errorf("the password was sent: %v", c.relay.logins)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		r := (&relay{}).start(t)
		to := server(r, mail.StartTLS, roots)
		_ = r.listener.Close()
		var failed *mail.Error
		if err := mail.NewSMTP(to).Send(t.Context(), letter); !errors.As(err, &failed) || failed.Code != "connect" {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("it says nothing", func(t *testing.T) {
		t.Parallel()
		r := (&relay{silent: true}).start(t)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		var failed *mail.Error
		if err := mail.NewSMTP(server(r, mail.StartTLS, roots)).Send(ctx, letter); !errors.As(err, &failed) || failed.Code != "timeout" || failed.Permanent {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("an address that is none", func(t *testing.T) {
		t.Parallel()
		r := (&relay{tls: config}).start(t)
		for _, address := range []string{"", "ada", "ada@example.test\r\nBcc: eve@example.test", "a@b.test, c@d.test"} {
			wrong := letter
			wrong.To = address
			var failed *mail.Error
			if err := mail.NewSMTP(server(r, mail.StartTLS, roots)).Send(t.Context(), wrong); !errors.As(err, &failed) || !failed.Permanent || len(r.mails) != 0 {
				t.Errorf("%q: got %v", address, err)
			}
		}
	})
}

// What stands in a subject or a name cannot add a header.
func TestHeadersHoldTheirPlace(t *testing.T) {
	t.Parallel()
	config, roots := authority(t)
	r := (&relay{tls: config}).start(t)
	hostile := letter
	hostile.FromName, hostile.Subject = "Acme\r\nBcc: eve@example.test", "Hello\r\nX-Injected: yes\r\n\r\nbody"
	if err := mail.NewSMTP(server(r, mail.StartTLS, roots)).Send(t.Context(), hostile); err != nil {
		t.Fatal(err)
	}
	received, err := netmail.ReadMessage(strings.NewReader(r.mails[0]))
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
