package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/oidctest"
)

// serving is a running clavex serve. Clients reach it at its public https address: the transport plays the
// proxy that terminates TLS.
type serving struct {
	*child
	address   string
	transport *http.Transport
}

func (i installation) serve(t *testing.T, arguments ...string) *serving {
	t.Helper()
	s := &serving{child: i.start(t, append([]string{"serve"}, arguments...)...)}
	s.until(t, s.stderr, `"msg":"serving"`)
	s.address = regexp.MustCompile(`"msg":"serving","address":"([^"]+)"`).FindStringSubmatch(s.stderr.String())[1]
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.address)
	}
	s.transport = &http.Transport{DialContext: dial, DialTLSContext: dial}
	return s
}

func TestServeStopsCleanly(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			s := install(t).serve(t)
			response, err := (&http.Client{Transport: s.transport}).Get(publicURL + "/readyz")
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("readyz: %d", response.StatusCode)
			}
			s.signal(t, signal)
			if code := s.wait(t, time.Minute); code != exitDone {
				t.Errorf("exit code %d:\n%s", code, s.stderr)
			}
			for line := range strings.Lines(s.stderr.String()) {
				if !json.Valid([]byte(line)) {
					t.Errorf("a line of the log is not JSON: %s", line)
				}
			}
			if s.stdout.String() != "" {
				t.Errorf("standard output: %s", s.stdout)
			}
		})
	}
}

// A request that runs is finished; a second signal does not wait for it.
func TestServeFinishesRequests(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		signals  int
		finished bool
		code     int
	}{{"one signal", 1, true, exitDone}, {"two signals", 2, false, exitFailed}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := install(t).serve(t)
			conn, err := net.Dial("tcp", s.address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			// The server asks for the body once it reads it: the request is under way.
			answers := bufio.NewReader(conn)
			if _, err := io.WriteString(conn, "POST /system/token HTTP/1.1\r\nHost: id.example.test\r\nContent-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, " 100 ") {
				t.Fatalf("%q %v", line, err)
			}
			if _, err := answers.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			s.signal(t, syscall.SIGTERM)
			s.until(t, s.stderr, `"msg":"stopping"`)
			if test.signals == 2 {
				s.signal(t, syscall.SIGTERM)
				s.wait(t, time.Minute)
			}
			_, _ = io.WriteString(conn, "abcde")
			_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
			response, err := http.ReadResponse(answers, nil)
			if finished := err == nil; finished != test.finished {
				t.Errorf("finished: %v (%v)", finished, err)
			} else if finished && response.StatusCode != http.StatusUnauthorized && response.StatusCode != http.StatusBadRequest {
				t.Errorf("answer %d", response.StatusCode)
			}
			if code := s.wait(t, time.Minute); code != test.code {
				t.Errorf("exit code %d:\n%s", code, s.stderr)
			}
		})
	}
}

func TestServeSaysThatThePortIsTaken(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	got := install(t).run(t, "serve", "--listen", listener.Addr().String())
	if got.code != exitFailed || !strings.Contains(got.stderr, listener.Addr().String()+" is taken") {
		t.Errorf("%+v", got)
	}
}

// Production has no demo: none of its logins and clients exists.
func TestServeHasNoSeeds(t *testing.T) {
	t.Parallel()
	i := install(t)
	s := i.serve(t)
	response, err := (&http.Client{Transport: s.transport}).Get(publicURL + "/demo/")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("/demo/ answers %d", response.StatusCode)
	}
	conn := connect(t, i)
	if n := count(t, conn, "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM clients WHERE origin <> 'built_in')"); n != 0 {
		t.Errorf("%d people and clients in a fresh production database", n)
	}
}

// The first administrator: created before or beside the running server, opens the link, chooses a
// password, and is signed in. The link works once.
func TestFirstAdministrator(t *testing.T) {
	t.Parallel()
	i := install(t)
	var made personJSON
	i.succeed(t, "user", "create", "--org", "system", "--username", "you@example.test", "--role", "platform-administrator", "--json").decode(t, &made)
	if made.Link == nil || !strings.HasPrefix(made.Link.URL, publicURL+"/system/login/link?token=") {
		t.Fatalf("%+v", made)
	}
	s := i.serve(t)
	browser := func() *oidctest.RelyingParty {
		return (&oidctest.RelyingParty{Issuer: publicURL + "/system", ClientID: "clavex-console", RedirectURI: publicURL + "/console/callback", Transport: s.transport}).Start(t)
	}
	weak := browser().Follow(t, made.Link.URL, oidctest.Person{NewPassword: "short"})
	if weak.Page == nil || !weak.Page.HasID("new-password") {
		t.Fatalf("a weak password led to %s", weak.URL)
	}
	first := browser()
	const password = "four quiet herons at dusk"
	arrival := first.Follow(t, made.Link.URL, oidctest.Person{NewPassword: password})
	if arrival.URL.String() != publicURL+"/system/" || arrival.Status != http.StatusOK {
		t.Fatalf("arrived at %s with %d", arrival.URL, arrival.Status)
	}
	if !strings.Contains(arrival.Page.Text(), "you@example.test") {
		t.Errorf("the home page does not say who is signed in:\n%s", arrival.Page.Text())
	}
	home, _ := url.Parse(publicURL + "/system/")
	signedIn := false
	for _, cookie := range first.Browser().Jar.Cookies(home) {
		signedIn = signedIn || cookie.Name == "__Host-clavex-session-system"
	}
	if !signedIn {
		t.Error("there is no session cookie")
	}
	again := browser().Follow(t, made.Link.URL, oidctest.Person{NewPassword: "another fine password"})
	if again.Page == nil || !again.Page.HasID("error-page") || again.Status != http.StatusNotFound {
		t.Errorf("the link works twice: %s %d", again.URL, again.Status)
	}
	elsewhere := browser().Follow(t, publicURL+"/system/", oidctest.Person{Username: "you@example.test", Password: password})
	if elsewhere.URL.Path != "/system/" || !strings.Contains(elsewhere.Page.Text(), "you@example.test") {
		t.Errorf("the password does not work elsewhere: %s", elsewhere.URL)
	}
	if strings.Contains(s.stderr.String(), made.Link.URL[len(made.Link.URL)-43:]) {
		t.Error("the link's token is in the log")
	}
}

// Secrets from files: as orchestrators hand them over.
func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	i := install(t)
	var environ []string
	for _, entry := range i.environ {
		name, value, _ := strings.Cut(entry, "=")
		if name != "CLAVEX_DATABASE_URL" && name != "CLAVEX_KEY_ENCRYPTION_KEY" {
			environ = append(environ, entry)
			continue
		}
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		environ = append(environ, name+"_FILE="+path)
	}
	files := installation{environ}
	files.succeed(t, "org", "create", "acme")
	if got := files.run(t, "doctor"); got.code != exitDone {
		t.Errorf("doctor: %s", got.stdout)
	}
}

// The console follows its address: after a change of configuration its clients are registered for it.
func TestConsoleFollowsItsAddress(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.succeed(t, "org", "create", "acme")
	i.serve(t).signal(t, syscall.SIGTERM)
	for _, console := range []string{"https://console.example.test", publicURL} {
		s := i.with("CLAVEX_CONSOLE_URL="+console, "CLAVEX_WORKERS=0").serve(t) // making keys is not what stopping should wait for here
		for _, organization := range []string{"acme", "system"} {
			var shown struct {
				RedirectURIs []string `json:"redirect_uris"`
			}
			i.succeed(t, "client", "show", "clavex-console", "--org", organization, "--json").decode(t, &shown)
			if len(shown.RedirectURIs) != 1 || shown.RedirectURIs[0] != console+"/console/callback" {
				t.Errorf("%s: %v", organization, shown.RedirectURIs)
			}
		}
		s.signal(t, syscall.SIGTERM)
		s.wait(t, time.Minute)
	}
}
