package main

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/certificate"
)

// tlsFiles writes a certificate and its key, and returns the variables that name them with a client that trusts it.
func tlsFiles(t *testing.T, now time.Time, hosts ...string) (variables []string, trusting *tls.Config) {
	t.Helper()
	authority, err := certificate.NewAuthority(now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	chain, key, err := authority.Issue(hosts, now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root, _, err := authority.Encode()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	certFile, keyFile := filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	if err := errors.Join(os.WriteFile(certFile, chain, 0o644), os.WriteFile(keyFile, key, 0o600)); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	return []string{"CLAVEX_TLS_CERT_FILE=" + certFile, "CLAVEX_TLS_KEY_FILE=" + keyFile}, &tls.Config{RootCAs: roots}
}

// serveTLS starts serve with TLS and returns it with a client.
func (i installation) serveTLS(t *testing.T, trusting *tls.Config) (child *child, client *http.Client, address string) {
	t.Helper()
	child = i.start(t, "serve")
	child.until(t, child.stderr, `"msg":"serving"`)
	address = regexp.MustCompile(`"msg":"serving","address":"([^"]+)"`).FindStringSubmatch(child.stderr.String())[1]
	return child, &http.Client{Transport: &http.Transport{TLSClientConfig: trusting, ForceAttemptHTTP2: true}}, address
}

func TestServeTerminatesTLS(t *testing.T) {
	t.Parallel()
	variables, trusting := tlsFiles(t, time.Now(), "id.example.test")
	i := install(t, append(variables, "CLAVEX_WORKERS=0")...) // making keys is not what stopping should wait for here
	running, client, address := i.serveTLS(t, trusting)
	response, err := client.Get("https://" + address + "/system/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK || response.Proto != "HTTP/2.0" || response.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%d %s %v", response.StatusCode, response.Proto, response.Header)
	}
	plain, err := http.Get("http://" + address + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_ = plain.Body.Close()
	if plain.StatusCode != http.StatusBadRequest {
		t.Errorf("plain http: %d", plain.StatusCode)
	}
	found := i.with("CLAVEX_LISTEN="+address).doctor(t, exitDone)
	for check, says := range map[string]string{"ports": "Clavex is serving at", "certificate": "for localhost, *.localhost, id.example.test, 127.0.0.1, ::1", "secret files": "is private"} {
		if _, text := found.of(check); !strings.Contains(text, says) {
			t.Errorf("%s: %s", check, text)
		}
	}
	if verdicts, _ := found.of("trusted proxies"); len(verdicts) > 0 {
		t.Error("the doctor looks for a proxy that terminates TLS")
	}
	running.signal(t, syscall.SIGTERM)
	if code := running.wait(t, time.Minute); code != exitDone {
		t.Errorf("exit code %d", code)
	}
}

func TestServeRefusesACertificateWithItsOtherFaults(t *testing.T) {
	t.Parallel()
	variables, _ := tlsFiles(t, time.Now().Add(-2*certificate.IssuedLifetime), "id.example.test")
	got := installation{append(variables, "CLAVEX_LOG_LEVEL=loud")}.run(t, "serve")
	for _, part := range []string{"database_url is missing", "log_level", "the certificate expired on"} {
		if got.code != exitFailed || !strings.Contains(got.stderr, part) {
			t.Errorf("%s is not told:\n%s", part, got.stderr)
		}
	}
}

func TestDoctorJudgesTheCertificate(t *testing.T) {
	t.Parallel()
	i := install(t)
	for name, c := range map[string]struct {
		issued time.Time
		host   string
		says   string
	}{
		"another host":                   {time.Now(), "other.test", "it does not name id.example.test, the host of public_url"},
		"soon over":                      {time.Now().Add(3*24*time.Hour - certificate.IssuedLifetime), "id.example.test", "which is in 2 days"},
		"an authority that nobody knows": {time.Now(), "id.example.test", "does not lead to an authority"},
	} {
		variables, _ := tlsFiles(t, c.issued, c.host)
		verdicts, text := i.with(variables...).doctor(t, exitDone).of("certificate")
		if !slices.Contains(verdicts, warning) || !strings.Contains(text, c.says) {
			t.Errorf("%s: %s", name, text)
		}
	}
	variables, _ := tlsFiles(t, time.Now(), "id.example.test")
	if err := os.Chmod(strings.TrimPrefix(variables[1], "CLAVEX_TLS_KEY_FILE="), 0o644); err != nil {
		t.Fatal(err)
	}
	if verdicts, text := i.with(variables...).doctor(t, exitDone).of("secret files"); !slices.Contains(verdicts, warning) {
		t.Errorf("a key that everybody reads: %s", text)
	}
	if _, text := i.with("CLAVEX_TLS_CERT_FILE=/does/not/exist").doctor(t, exitFailed).of("configuration"); !strings.Contains(text, "tls_key_file is missing") {
		t.Errorf("%s", text)
	}
}
