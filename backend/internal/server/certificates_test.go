package server

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/clavex/clavex/backend/internal/certificate"
	"github.com/clavex/clavex/backend/internal/config"
)

// pair is a certificate in files, and who trusts it.
type pair struct {
	cfg   *config.Config
	roots *x509.CertPool
}

func newPair(t *testing.T) *pair {
	t.Helper()
	folder := t.TempDir()
	p := &pair{cfg: &config.Config{TLSCertFile: filepath.Join(folder, "chain.pem"), TLSKeyFile: filepath.Join(folder, "key.pem"), RequestTimeout: time.Minute}, roots: x509.NewCertPool()}
	p.renew(t, "first.test")
	return p
}

func (p *pair) issue(t *testing.T, now time.Time, host string) (chain, key []byte) {
	t.Helper()
	authority, err := certificate.NewAuthority(now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root, _, err := authority.Encode()
	if err != nil {
		t.Fatal(err)
	}
	p.roots.AppendCertsFromPEM(root)
	chain, key, err = authority.Issue([]string{host}, now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return chain, key
}

func (p *pair) write(t *testing.T, chain, key []byte) {
	t.Helper()
	if err := errors.Join(os.WriteFile(p.cfg.TLSCertFile, chain, 0o600), os.WriteFile(p.cfg.TLSKeyFile, key, 0o600)); err != nil {
		t.Fatal(err)
	}
}

func (p *pair) renew(t *testing.T, host string) {
	t.Helper()
	chain, key := p.issue(t, time.Now(), host)
	p.write(t, chain, key)
}

// signedItself replaces the pair by one with the key, for the suites that are for keys of its kind.
func (p *pair) signedItself(t *testing.T, key crypto.Signer, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"first.test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	p.roots.AppendCertsFromPEM(chain)
	p.write(t, chain, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

// tlsServer is a server of TLS, without the database behind it.
type tlsServer struct {
	certificates *certificates
	connections  *connectionLog
	address      string
	log          *bytes.Buffer // of certificates
}

func (p *pair) serve(t *testing.T, handler http.HandlerFunc) *tlsServer {
	t.Helper()
	s := &tlsServer{log: &bytes.Buffer{}, connections: &connectionLog{log: slog.New(slog.DiscardHandler)}}
	var err error
	if s.certificates, err = openCertificates(t.Context(), p.cfg, time.Now, slog.New(slog.NewTextHandler(s.log, nil))); err != nil {
		t.Fatal(err)
	}
	listener, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	server := (&App{Config: p.cfg}).httpServer(handler, s.certificates, s.connections)
	ended := make(chan error, 1)
	go func() { ended <- serveConnections(server, listener) }()
	t.Cleanup(func() {
		_ = server.Shutdown(context.WithoutCancel(t.Context()))
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return s
}

func nothing(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

// handshake says what a client that offers only this gets.
func (s *tlsServer) handshake(roots *x509.CertPool, host string, version, suite uint16) (tls.ConnectionState, error) {
	offer := &tls.Config{RootCAs: roots, ServerName: host, MinVersion: version, MaxVersion: version, NextProtos: []string{"h2", "http/1.1"}}
	if suite != 0 {
		offer.CipherSuites = []uint16{suite}
	}
	connection, err := tls.Dial("tcp", s.address, offer)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer connection.Close()
	return connection.ConnectionState(), nil
}

func TestHandshakesThatRFC9325Allows(t *testing.T) {
	t.Parallel()
	modern, classic := newPair(t), newPair(t)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	modern.signedItself(t, curve, err)
	primes, err := rsa.GenerateKey(rand.Reader, 2048)
	classic.signedItself(t, primes, err)
	servers := map[*pair]*tlsServer{modern: modern.serve(t, nothing), classic: classic.serve(t, nothing)}
	for _, c := range []struct {
		clause  string
		with    *pair
		version uint16
		suite   uint16
		allowed bool
	}{
		{"RFC 9325 §3.1.1: TLS 1.0", modern, tls.VersionTLS10, 0, false},
		{"RFC 9325 §3.1.1: TLS 1.1", modern, tls.VersionTLS11, 0, false},
		{"RFC 9325 §3.1.1: TLS 1.2", modern, tls.VersionTLS12, 0, true},
		{"RFC 9325 §3.1.1: TLS 1.3", modern, tls.VersionTLS13, 0, true},
		{"RFC 9325 §4.2", modern, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, true},
		{"RFC 9325 §4.2", modern, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, true},
		{"RFC 9325 §4.2", classic, tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, true},
		{"RFC 9325 §4.2", classic, tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, true},
		{"no CBC", modern, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, false},
		{"no CBC", modern, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, false},
		{"no CBC", classic, tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, false},
		{"no CBC", classic, tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, false},
		{"no CBC", classic, tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, false},
		{"FAPI 1.0 Part 2 §8.5 names four suites", classic, tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, false},
		{"RFC 9325 §4.1: no static RSA", classic, tls.VersionTLS12, tls.TLS_RSA_WITH_AES_128_GCM_SHA256, false},
		{"RFC 9325 §4.1: no static RSA", classic, tls.VersionTLS12, tls.TLS_RSA_WITH_AES_256_CBC_SHA, false},
	} {
		name := c.clause + " " + tls.VersionName(c.version)
		if c.suite != 0 {
			name += " " + tls.CipherSuiteName(c.suite)
		}
		got, err := servers[c.with].handshake(c.with.roots, "first.test", c.version, c.suite)
		switch {
		case (err == nil) != c.allowed:
			t.Errorf("%s: %v", name, err)
		case err == nil && (got.Version != c.version || c.suite != 0 && got.CipherSuite != c.suite):
			t.Errorf("%s: %s %s", name, tls.VersionName(got.Version), tls.CipherSuiteName(got.CipherSuite))
		case err == nil && got.NegotiatedProtocol != "h2":
			t.Errorf("%s: no HTTP/2 but %q", name, got.NegotiatedProtocol)
		}
	}
	if servers[classic].connections.failedHandshakes.Load() == 0 {
		t.Error("failed handshakes are not counted")
	}
}

func TestPlainHTTPIsToldThatItIsPlain(t *testing.T) {
	t.Parallel()
	s := newPair(t).serve(t, nothing)
	response, err := http.Get("http://" + s.address + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "HTTP request to an HTTPS server") {
		t.Errorf("%d %s %v", response.StatusCode, body, err)
	}
}

// A request that is being answered, and the connection it came on, live on with the former certificate; new
// connections see the new one.
func TestARenewedCertificateIsTakenOver(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			running, finish := make(chan struct{}), make(chan struct{})
			s := p.serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/slow" {
					close(running)
					<-finish
				}
				w.WriteHeader(http.StatusNoContent)
			})
			transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.roots, ServerName: "first.test"}, ForceAttemptHTTP2: protocol == "HTTP/2.0"}
			defer transport.CloseIdleConnections()
			answered := make(chan *http.Response, 1)
			go func() {
				response, err := (&http.Client{Transport: transport}).Get("https://" + s.address + "/slow")
				if err != nil {
					t.Error(err)
				}
				answered <- response
			}()
			<-running
			p.renew(t, "second.test")
			s.certificates.look(t.Context())
			if _, err := s.handshake(p.roots, "second.test", tls.VersionTLS13, 0); err != nil {
				t.Errorf("a new connection: %v", err)
			}
			if _, err := s.handshake(p.roots, "first.test", tls.VersionTLS13, 0); err == nil {
				t.Error("a new connection sees the former certificate")
			}
			close(finish)
			response := <-answered
			if response == nil {
				t.FailNow()
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusNoContent || response.Proto != protocol {
				t.Errorf("%d %s", response.StatusCode, response.Proto)
			}
			// The connection is used again.
			response, err := (&http.Client{Transport: transport}).Get("https://" + s.address + "/again")
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.TLS.PeerCertificates[0].VerifyHostname("first.test") != nil {
				t.Error("the connection was not kept")
			}
		})
	}
}

func TestABrokenPairLeavesTheFormerOne(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	s := p.serve(t, nothing)
	m := prometheus.NewRegistry()
	(&metrics{registry: m}).observeTLS(s.certificates, s.connections)
	otherChain, otherKey := p.issue(t, time.Now(), "second.test")
	expiredChain, expiredKey := p.issue(t, time.Now().Add(-2*certificate.IssuedLifetime), "second.test")
	formerKey := mustRead(t, p.cfg.TLSKeyFile)
	failures := float64(0)
	for name, broken := range map[string]func(){
		"half replaced": func() { p.write(t, otherChain, formerKey) },
		"empty":         func() { p.write(t, nil, nil) },
		"expired":       func() { p.write(t, expiredChain, expiredKey) },
		"away":          func() { _ = os.Remove(p.cfg.TLSKeyFile) },
	} {
		broken()
		s.log.Reset()
		s.certificates.look(t.Context())
		if s.log.Len() > 0 || value(t, m, "clavex_tls_certificate_reload_failures_total") != failures {
			t.Errorf("%s: one look may have come between the two files: %s", name, s.log)
		}
		for range 3 {
			s.certificates.look(t.Context())
		}
		failures += 3
		if n := strings.Count(s.log.String(), "level=ERROR"); n != 1 || value(t, m, "clavex_tls_certificate_reload_failures_total") != failures {
			t.Errorf("%s: told %d times: %s", name, n, s.log)
		}
		if strings.Contains(s.log.String(), "PRIVATE") {
			t.Errorf("%s: the log holds the key", name)
		}
		if _, err := s.handshake(p.roots, "first.test", tls.VersionTLS13, 0); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.write(t, otherChain, otherKey)
	s.certificates.look(t.Context())
	if _, err := s.handshake(p.roots, "second.test", tls.VersionTLS13, 0); err != nil {
		t.Errorf("a good pair after broken ones: %v", err)
	}
	if got := value(t, m, "clavex_tls_certificate_expiry_timestamp_seconds"); got != float64(s.certificates.expiry().Unix()) || got == 0 {
		t.Errorf("expiry %v", got)
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// value reads one metric without labels.
func value(t *testing.T, m *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := m.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetCounter().GetValue() + family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

func TestTheFilesAreLookedAtAllTheTime(t *testing.T) {
	p := newPair(t)
	chain, key := p.issue(t, time.Now(), "second.test")
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		c := &certificates{now: time.Now, log: slog.New(slog.DiscardHandler), read: func(time.Time) (*tls.Certificate, error) {
			reads++
			pair, err := tls.X509KeyPair(chain, key)
			return &pair, err
		}}
		before, err := tls.LoadX509KeyPair(p.cfg.TLSCertFile, p.cfg.TLSKeyFile)
		if err != nil {
			t.Fatal(err)
		}
		c.current.Store(&before)
		ctx, cancel := context.WithCancel(t.Context())
		go c.follow(ctx)
		time.Sleep(certificateInterval)
		synctest.Wait()
		if reads != 1 || c.current.Load().Leaf.VerifyHostname("second.test") != nil {
			t.Errorf("%d looks", reads)
		}
		cancel()
		synctest.Wait()
	})
}

func TestTheStartSaysWhoMayReadTheKey(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	if err := os.Chmod(p.cfg.TLSKeyFile, 0o644); err != nil {
		t.Fatal(err)
	}
	s := p.serve(t, nothing)
	if !strings.Contains(s.log.String(), "level=WARN") || !strings.Contains(s.log.String(), p.cfg.TLSKeyFile) {
		t.Errorf("%s", s.log)
	}
}

func TestLinesAboutConnections(t *testing.T) {
	t.Parallel()
	var written bytes.Buffer
	l := &connectionLog{log: slog.New(slog.NewTextHandler(&written, nil))}
	l.logger().Printf("http: TLS handshake error from %s: EOF", &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 4})
	if written.Len() > 0 || l.failedHandshakes.Load() != 1 {
		t.Errorf("an address is in the log: %s", &written)
	}
	l.logger().Print("http: Accept error: too many open files; retrying in 5ms")
	if !strings.Contains(written.String(), "too many open files") {
		t.Errorf("%s", &written)
	}
}
