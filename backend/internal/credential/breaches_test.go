package credential_test

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fetch"
)

// NIST SP 800-63B-4 §3.1.1.2: new passwords are compared with those of thefts, and nobody learns which password it was.
func TestStolenPasswordsAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	digest := func(password string) string {
		sum := sha1.Sum([]byte(password))
		return strings.ToUpper(hex.EncodeToString(sum[:]))
	}
	const stolen, padding, fine = "Stolen-Engine-1843", "Padding-Engine-1843", "Engine-No-1844"
	var asked atomic.Pointer[http.Request]
	var broken atomic.Bool
	service := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r)
		if broken.Load() {
			http.Error(w, "out of order", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "%s:0\r\n%s:0\r\n%s:37359195\r\n", strings.Repeat("0", 35), digest(padding)[5:], digest(stolen)[5:])
	}))
	t.Cleanup(service.Close)
	roots := x509.NewCertPool()
	roots.AddCert(service.Certificate())
	client := fetch.New(fetch.Options{AllowedNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Roots: roots, Timeout: time.Minute})
	f.passwords.Breaches = credential.NewBreaches(client, service.URL+"/range/", slog.New(slog.DiscardHandler))
	for chosen, want := range map[string]error{stolen: credential.ErrStolen, padding: nil, fine: nil} {
		if _, err := f.passwords.Hash(t.Context(), f.acme, f.ada, chosen); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", chosen, err, want)
		}
		if r := asked.Load(); r.URL.Path != "/range/"+digest(chosen)[:5] || r.URL.RawQuery != "" || r.Header.Get("Add-Padding") != "true" {
			t.Errorf("%s: asked for %s with %v", chosen, r.URL, r.Header)
		}
	}
	t.Run("a service that is out of order stops nobody", func(t *testing.T) {
		broken.Store(true)
		if _, err := f.passwords.Hash(t.Context(), f.acme, f.ada, stolen); err != nil {
			t.Error(err)
		}
	})
	t.Run("what the rules refuse is not asked about", func(t *testing.T) {
		asked.Store(nil)
		if _, err := f.passwords.Hash(t.Context(), f.acme, f.ada, "iloveyou1"); !errors.Is(err, credential.ErrCommon) || asked.Load() != nil {
			t.Errorf("%v, asked: %v", err, asked.Load() != nil)
		}
	})
}
