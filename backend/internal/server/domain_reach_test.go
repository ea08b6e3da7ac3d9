package server

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/customdomain"
	"github.com/clavex/clavex/backend/internal/dnslookup"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/store"
)

// Before an organization moves to a host, the server asks the host whether it is this server.
func TestWhetherADomainLeadsHere(t *testing.T) {
	t.Parallel()
	s := newDomainSite(t)
	claimed := s.claim(s.acme, ownDomain)
	rival := s.organization("rival")
	theirs := s.claim(rival, nextDomain)

	handler, err := s.app.handler(s.metrics, &health{app: s.app})
	if err != nil {
		t.Fatal(err)
	}
	here := httptest.NewTLSServer(handler)
	t.Cleanup(here.Close)
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("clavex-domain=something")) }))
	t.Cleanup(elsewhere.Close)
	roots := x509.NewCertPool()
	roots.AddCert(here.Certificate())
	domains := customdomain.New(s.app.Store, store.NewInvalidations(), s.app.Organizations, s.app.Audit, dnslookup.New(s.names.Address), fetch.New(fetch.Options{
		AllowedNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Roots: roots, Lookup: func(_ context.Context, _, host string) ([]netip.Addr, error) {
			if host == "gone.example.com" {
				return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
			}
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		}}), nil, time.Now, rand.Reader)
	at := func(server *httptest.Server, host string) string {
		parsed, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		return "https://" + host + ":" + parsed.Port()
	}

	if err := domains.Reached(t.Context(), at(here, ownDomain), claimed); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		origin, says string
		domain       customdomain.Domain
	}{
		"another server":                    {at(elsewhere, ownDomain), "leads to another server", claimed},
		"another organization's host":       {at(here, nextDomain), "leads to another server", claimed},
		"nobody's host":                     {at(here, "nobody.example.com"), "does not lead to this server", claimed},
		"a host that the DNS does not have": {at(here, "gone.example.com"), "does not lead to this server", theirs},
		"a certificate that names another":  {at(here, "login.example.org"), "does not lead to this server", claimed},
		"nothing that listens":              {"https://" + ownDomain + ":1", "does not lead to this server", claimed},
	} {
		err := domains.Reached(t.Context(), c.origin, c.domain)
		if !errors.Is(err, customdomain.ErrUnreached) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// It says what the public record says, and only at hosts that were proved.
	s.there()
	if status, header, body := s.fetch(http.MethodGet, "https://"+ownDomain+customdomain.ReachPath, nil); status != http.StatusOK || strings.TrimSpace(body) != claimed.Record.Value || header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", status, body)
	}
	if status, _, _ := s.fetch(http.MethodGet, "https://"+passkeyHost+customdomain.ReachPath, nil); status != http.StatusNotFound {
		t.Errorf("at the address that all share: %d", status)
	}
}

// While the database does not say whose a host is, nobody is sent to a page of somebody else, and what happens is counted and logged.
func TestWhenNobodyKnowsWhoseAHostIs(t *testing.T) {
	t.Parallel()
	s := newDomainSite(t)
	s.moved(0)
	gone, err := store.Open(t.Context(), s.app.Config.DatabaseURL, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	s.app.Domains = customdomain.New(gone, store.NewInvalidations(), s.app.Organizations, s.app.Audit, dnslookup.New(s.names.Address), s.app.Fetch, nil, time.Now, rand.Reader)
	for path, want := range map[string][2]string{"/login": {"text/html", "domain_lookup_unavailable"}, "/.well-known/openid-configuration": {"application/json", "whose address this is"}} {
		status, header, body := s.fetch(http.MethodGet, "https://"+ownDomain+path, nil)
		if status != http.StatusServiceUnavailable || header.Get("Retry-After") != "5" || !strings.HasPrefix(header.Get("Content-Type"), want[0]) || !strings.Contains(body, want[1]) {
			t.Errorf("%s: %d %v\n%s", path, status, header, body)
		}
	}
	shown := httptest.NewRecorder()
	s.metrics.handler().ServeHTTP(shown, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if !strings.Contains(shown.Body.String(), `status="503"`) {
		t.Error("not counted")
	}
}
