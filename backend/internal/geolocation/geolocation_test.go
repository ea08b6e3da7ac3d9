package geolocation

import (
	"bytes"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/geolocationtest"
)

func TestCountriesOfAddresses(t *testing.T) {
	t.Parallel()
	name, now := filepath.Join(t.TempDir(), "countries.mmdb"), time.Now()
	geolocationtest.Write(t, name, map[string]string{"192.0.2.0/24": "IT", "2001:db8::/32": "FR", "198.51.100.0/24": "?"})
	var log bytes.Buffer
	countries, err := Open(name, slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{"192.0.2.7": "IT", "::ffff:192.0.2.7": "IT", "2001:db8::1": "FR", "203.0.113.1": "", "198.51.100.1": ""} {
		if got := countries.Of(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	if got := countries.Of(netip.Addr{}); got != "" {
		t.Errorf("nowhere: %q", got)
	}
	// A newer file is read; one that is broken is not, and said so.
	geolocationtest.Write(t, name, map[string]string{"192.0.2.0/24": "DE"})
	if err := os.Chtimes(name, now, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	here := netip.MustParseAddr("192.0.2.7")
	if got := countries.Of(here); got != "IT" {
		t.Errorf("the file is looked at for each address: %q", got)
	}
	now = now.Add(lookAgain)
	if got := countries.Of(here); got != "DE" {
		t.Errorf("got %q", got)
	}
	if err := os.WriteFile(name, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	now = now.Add(lookAgain)
	if got := countries.Of(here); got != "DE" || !strings.Contains(log.String(), "kept as it was") {
		t.Errorf("got %q, %s", got, &log)
	}
}

func TestDatabasesThatAreNone(t *testing.T) {
	t.Parallel()
	none, err := Open("", nil, nil)
	if err != nil || none.Of(netip.MustParseAddr("192.0.2.7")) != "" {
		t.Errorf("%v %v", none, err)
	}
	broken := filepath.Join(t.TempDir(), "broken.mmdb")
	if err := os.WriteFile(broken, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{broken, broken + "-missing"} {
		if _, err := Open(name, slog.Default(), time.Now); err == nil || !strings.Contains(err.Error(), "geoip_file") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
