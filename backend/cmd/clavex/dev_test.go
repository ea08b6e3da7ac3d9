//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/oidctest"
)

// devFolder is a data folder that PostgreSQL's user may reach, too, when root runs the tests.
func devFolder(t *testing.T) string {
	t.Helper()
	parent, err := os.MkdirTemp("", "clavex-dev-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(parent) })
	if err := os.Chmod(parent, 0o711); err != nil { // its purpose
		t.Fatal(err)
	}
	return filepath.Join(parent, "data")
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// devRun is a running clavex dev.
type devRun struct {
	*child
	running running
	port    int
	dir     string
}

func startDev(t *testing.T, dir string, port int, environ []string, arguments ...string) *devRun {
	t.Helper()
	arguments = append([]string{"dev", "--json", "--data-dir", dir, "--port", strconv.Itoa(port), "--metrics-listen", "off"}, arguments...)
	d := &devRun{child: installation{environ}.start(t, arguments...), port: port, dir: dir}
	d.until(t, d.stdout, "\n}\n")
	if err := json.Unmarshal([]byte(d.stdout.String()), &d.running); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *devRun) stop(t *testing.T) {
	t.Helper()
	d.signal(t, syscall.SIGTERM)
	if code := d.wait(t, 40*time.Second); code != exitDone {
		t.Fatalf("exit code %d:\n%s", code, d.stderr)
	}
	if _, err := os.Stat(filepath.Join(d.dir, "postgresql", "postmaster.pid")); err == nil {
		t.Error("PostgreSQL still runs")
	}
}

// signIn signs ada in to demo-web and returns her subject.
func (d *devRun) signIn(t *testing.T) string {
	t.Helper()
	application := (&oidctest.RelyingParty{Issuer: d.running.Issuer, ClientID: "demo-web", ClientSecret: "demo-web-secret-0123456789abcdef",
		RedirectURI: "http://localhost:3000/api/auth/callback", Scopes: []string{"openid", "profile", "offline_access"}}).Start(t)
	begun := application.Begin("prompt", "consent")
	tokens := application.Complete(t, begun, application.Follow(t, begun.URL, oidctest.Person{Username: "ada@demo.test", Password: "Engine-No-1843"}))
	if tokens.RefreshToken == "" {
		t.Error("no refresh token")
	}
	return tokens.Subject
}

func (d *devRun) postmaster(t *testing.T) int {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(d.dir, "postgresql", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestDevKeepsItsDataUntilReset(t *testing.T) {
	t.Parallel()
	dir, port := devFolder(t), freePort(t)
	first := startDev(t, dir, port, []string{"CLAVEX_DATABASE_URL=postgres://production/clavex", "CLAVEX_KEY_ENCRYPTION_KEY_FILE=/run/secrets/key"})
	if base := fmt.Sprintf("http://localhost:%d", port); first.running.PublicURL != base || first.running.Issuer != base+"/demo" || first.running.Console != base+"/console/" {
		t.Errorf("%+v", first.running)
	}
	for _, variable := range []string{"CLAVEX_DATABASE_URL is ignored", "CLAVEX_KEY_ENCRYPTION_KEY_FILE is ignored"} {
		if !strings.Contains(first.stderr.String(), variable) {
			t.Errorf("it does not say: %s\n%s", variable, first.stderr)
		}
	}
	subject := first.signIn(t)
	info, err := os.Stat(filepath.Join(dir, keyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key-encryption key: %v %v", info, err)
	}
	if second := (installation{}).run(t, "dev", "--data-dir", dir, "--port", strconv.Itoa(freePort(t))); second.code != exitFailed ||
		!strings.Contains(second.stderr, "in use by another running Clavex") || !strings.Contains(second.stderr, first.running.PublicURL) {
		t.Errorf("a second one on the same folder: %+v", second)
	}
	first.stop(t)

	began := time.Now()
	again := startDev(t, dir, port, nil)
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("the second start took %s", took)
	}
	if got := again.signIn(t); got != subject {
		t.Errorf("ada is somebody else after a restart: %s, before %s", got, subject)
	}
	again.stop(t)

	if refused := (installation{}).run(t, "dev", "--data-dir", dir, "--port", strconv.Itoa(port), "--reset"); refused.code != exitUsage || !strings.Contains(refused.stderr, "add --yes") {
		t.Errorf("a reset that nobody confirmed: %+v", refused)
	}
	if _, err := os.Stat(filepath.Join(dir, keyFile)); err != nil {
		t.Error("data was deleted without a confirmation")
	}
	fresh := startDev(t, dir, port, nil, "--reset", "--yes")
	if got := fresh.signIn(t); got == subject {
		t.Error("the data survived a reset")
	}
	fresh.stop(t)
}

func TestDevNamesWhoHasThePort(t *testing.T) {
	t.Parallel()
	for network, address := range map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen(network, address)
			if err != nil {
				t.Skipf("this machine has no %s: %v", network, err) // IPv6 may be switched off
			}
			defer listener.Close()
			dir, port := devFolder(t), listener.Addr().(*net.TCPAddr).Port
			began := time.Now()
			got := installation{}.run(t, "dev", "--data-dir", dir, "--port", strconv.Itoa(port))
			if got.code != exitFailed || !strings.Contains(got.stderr, fmt.Sprintf("the port %d is taken by", port)) || !strings.Contains(got.stderr, fmt.Sprintf("(process %d)", os.Getpid())) {
				t.Errorf("%+v", got)
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("the database was made before the port was looked at")
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestDevSurvivesKills(t *testing.T) {
	t.Parallel()
	dir, port := devFolder(t), freePort(t)
	d := startDev(t, dir, port, nil)
	subject := d.signIn(t)
	if err := syscall.Kill(d.postmaster(t), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if code := d.wait(t, 30*time.Second); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	for _, part := range []string{"PostgreSQL stopped by itself", dir + " is intact", "Start clavex dev again"} {
		if !strings.Contains(d.stderr.String(), part) {
			t.Errorf("it does not say %q:\n%s", part, d.stderr)
		}
	}
	if n := strings.Count(d.stderr.String(), "PostgreSQL stopped by itself"); n != 1 {
		t.Errorf("it says so %d times:\n%s", n, d.stderr)
	}

	d = startDev(t, dir, port, nil)
	d.signal(t, syscall.SIGKILL) // clavex itself, without a chance to clean up
	d.wait(t, 10*time.Second)

	d = startDev(t, dir, port, nil)
	if got := d.signIn(t); got != subject {
		t.Error("the data did not survive")
	}
	d.stop(t)
}

func TestDevLeavesForeignFoldersAlone(t *testing.T) {
	t.Parallel()
	dir := devFolder(t)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "thesis.txt")
	if err := os.WriteFile(file, []byte("years of work"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, more := range [][]string{nil, {"--reset", "--yes"}} {
		got := installation{}.run(t, append([]string{"dev", "--data-dir", dir, "--port", strconv.Itoa(freePort(t))}, more...)...)
		if got.code != exitFailed || !strings.Contains(got.stderr, "is not a data folder of Clavex") {
			t.Errorf("%v: %+v", more, got)
		}
	}
	if content, err := os.ReadFile(file); err != nil || string(content) != "years of work" {
		t.Errorf("the file is %q %v", content, err)
	}
}

func TestDevNoticesAForeignKey(t *testing.T) {
	t.Parallel()
	dir, port := devFolder(t), freePort(t)
	d := startDev(t, dir, port, nil)
	d.signIn(t) // makes signing keys
	d.stop(t)
	key := filepath.Join(dir, keyFile)
	for content, says := range map[string]string{"": keyFile, "nonsense\n": keyFile, installation{}.succeed(t, "key", "generate-encryption-key").stdout: "does not open the signing keys"} {
		if err := os.WriteFile(key, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got := installation{}.run(t, "dev", "--data-dir", dir, "--port", strconv.Itoa(port))
		if got.code != exitFailed || !strings.Contains(got.stderr, says) || !strings.Contains(got.stderr, "--reset") {
			t.Errorf("key %q: %+v", content, got)
		}
	}
}

// The box that people see, with the command that makes an application.
func TestDevBox(t *testing.T) {
	t.Parallel()
	dir, port := devFolder(t), freePort(t)
	scaffolder := filepath.Join(filepath.Dir(dir), "create clavex-app.tgz")
	if err := os.WriteFile(scaffolder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", devMetrics) // or somebody else has it
	if err == nil {
		defer taken.Close()
	}
	d := installation{}.start(t, "dev", "--data-dir", dir, "--port", strconv.Itoa(port), "--create-app", scaffolder)
	d.until(t, d.stdout, "Ctrl-C stops")
	base := fmt.Sprintf("http://localhost:%d", port)
	for _, part := range []string{base + "/console/", "admin@clavex.test   Console-No-1843", base + "/demo/", base + "/console/login?organization=demo", "ada@demo.test       Engine-No-1843", "grace@demo.test     Compiler-No-1952",
		"demo-web-secret-0123456789abcdef", "demo-service-secret-0123456789abcdef", "demo-spa", dir, base + "/dev/mail",
		"npx --yes file:'" + scaffolder + "' myapp --framework nextjs --issuer " + base + "/demo\n", "cd myapp && npm run dev", "http://localhost:3000"} {
		if !strings.Contains(d.stdout.String(), part) {
			t.Errorf("the box lacks %q:\n%s", part, d.stdout)
		}
	}
	if strings.Contains(d.stdout.String(), "Metrics") {
		t.Error("the port of the metrics is taken, and the box names it")
	}
	response, err := http.Get(base + "/demo/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("discovery: %d", response.StatusCode)
	}
	if noise := d.stderr.String(); strings.Contains(noise, "level=") {
		t.Errorf("a start without trouble logs nothing:\n%s", noise)
	}
}

func TestShellQuoted(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"/a/b-1.2.tgz": "/a/b-1.2.tgz", "/a b": "'/a b'", "/it's": `'/it'\''s'`, "$(x)": "'$(x)'"} {
		if got := shellQuoted(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
