//go:build unix

package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// authorityOf returns the certificate of the folder's authority, and a client that trusts nothing else and finds every
// host at the port of this machine.
func authorityOf(t *testing.T, d *devRun) ([]byte, *http.Transport) {
	t.Helper()
	content, err := os.ReadFile(d.running.Authority)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(content) {
		t.Fatal("no certificate in " + d.running.Authority)
	}
	return content, &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
}

func TestDevWithTLS(t *testing.T) {
	t.Parallel()
	dir, port := devFolder(t), freePort(t)
	first := startDev(t, dir, port, []string{"CLAVEX_TLS_CERT_FILE=/production/tls.crt"}, "--tls")
	if base := fmt.Sprintf("https://localhost:%d", port); first.running.PublicURL != base || first.running.Issuer != base+"/demo" {
		t.Errorf("%+v", first.running)
	}
	content, transport := authorityOf(t, first)
	for _, host := range []string{"localhost", "127.0.0.1"} {
		response, err := (&http.Client{Transport: transport}).Get(fmt.Sprintf("https://%s:%d/demo/.well-known/openid-configuration", host, port))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK || response.Header.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: %d %v", host, response.StatusCode, response.Header)
		}
	}
	for name, mode := range map[string]os.FileMode{authorityKeyFile: 0o600, tlsKeyFile: 0o600, authorityFile: 0o644, tlsCertFile: 0o644} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	pair, err := os.ReadFile(filepath.Join(dir, tlsCertFile))
	if err != nil {
		t.Fatal(err)
	}
	first.stop(t)

	again := startDev(t, dir, port, nil, "--tls", "--host", "id.clavex.test", "--host", "app.example.test")
	if base := fmt.Sprintf("https://id.clavex.test:%d", port); again.running.PublicURL != base {
		t.Errorf("%+v", again.running)
	}
	if same, _ := authorityOf(t, again); string(same) != string(content) {
		t.Error("another authority at the next start")
	}
	leaf, err := tls.LoadX509KeyPair(filepath.Join(dir, tlsCertFile), filepath.Join(dir, tlsKeyFile))
	if err != nil || leaf.Leaf.VerifyHostname("app.example.test") != nil {
		t.Errorf("%v", err)
	}
	if renamed, _ := os.ReadFile(filepath.Join(dir, tlsCertFile)); string(renamed) == string(pair) {
		t.Error("the certificate does not follow the names")
	}
	again.stop(t)
}
