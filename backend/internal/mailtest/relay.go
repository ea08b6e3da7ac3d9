// Package mailtest is an SMTP server for tests.
package mailtest

import (
	"bufio"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/certificate"
)

// Relay is an SMTP server that keeps what it is given. Set its fields before Start.
type Relay struct {
	t        testing.TB
	listener net.Listener
	TLS      *tls.Config // to be offered, or spoken from the first byte
	Implicit bool
	Plain    bool              // offers no TLS at all
	Silent   bool              // answers nothing
	Host     string            // where it listens; 127.0.0.1 when empty
	Auth     string            // the mechanisms that it offers
	Answers  map[string]string // by verb, instead of its own

	mu      sync.Mutex
	mails   []string
	logins  []string
	secured bool // the last mail came over TLS
}

// Authority makes a certificate for localhost, and the authorities that vouch for it.
func Authority(t testing.TB) (*tls.Config, *x509.CertPool) {
	t.Helper()
	config, encoded := authority(t)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(encoded)
	return config, roots
}

// AuthorityFile makes a certificate for localhost, and a file with the authority that vouches for it.
func AuthorityFile(t testing.TB) (config *tls.Config, name string) {
	t.Helper()
	config, encoded := authority(t)
	name = filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(name, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	return config, name
}

func authority(t testing.TB) (config *tls.Config, encoded []byte) {
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
	if encoded, _, err = made.Encode(); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{*pair}, MinVersion: tls.VersionTLS12}, encoded
}

// Start lets it listen until the test ends.
func (r *Relay) Start(t testing.TB) *Relay {
	t.Helper()
	r.t = t
	if r.Host == "" {
		r.Host = "127.0.0.1"
	}
	var err error
	if r.listener, err = net.Listen("tcp", net.JoinHostPort(r.Host, "0")); err != nil {
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

// Port is where it listens.
func (r *Relay) Port() int { return r.listener.Addr().(*net.TCPAddr).Port }

func (r *Relay) serve(connection net.Conn) {
	defer func() { connection.Close() }()
	if r.Silent {
		_, _ = io.Copy(io.Discard, connection)
		return
	}
	secured := false
	if r.Implicit {
		connection, secured = tls.Server(connection, r.TLS), true
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
		if answer, ok := r.Answers[verb]; ok {
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
			connection, secured = tls.Server(connection, r.TLS), true
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

func (r *Relay) extensions(secured bool) []string {
	list := []string{"relay.test"}
	if !secured && !r.Plain {
		list = append(list, "STARTTLS")
	}
	if r.Auth != "" {
		list = append(list, "AUTH "+r.Auth)
	}
	return list
}

func (r *Relay) login(line string, lines *bufio.Reader, say func(string)) string {
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

func (r *Relay) take(lines *bufio.Reader, secured bool) {
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

// Close lets it listen no more.
func (r *Relay) Close() { _ = r.listener.Close() }

// Mails are the mails that it took, as they came.
func (r *Relay) Mails() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.mails)
}

// Logins are what clients proved themselves with: user name and password, with a space between.
func (r *Relay) Logins() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.logins)
}

// Secured reports whether the last mail came over TLS.
func (r *Relay) Secured() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.secured
}
