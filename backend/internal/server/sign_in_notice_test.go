package server

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/geolocationtest"
	"github.com/clavex/clavex/backend/internal/mail"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
)

func aboutSignIn(received mail.Received) bool {
	return strings.HasPrefix(received.Subject, "New sign-in")
}

// notices are the mails about new sign-ins that went to an address, newest first.
func (s *site) notices(to string) []mail.Received {
	s.t.Helper()
	s.deliver()
	return slices.DeleteFunc(s.mailbox.List(to), func(received mail.Received) bool { return !aboutSignIn(received) })
}

// novelties are what the audit log says of the sessions that began, oldest first.
func (s *site) novelties(organization *org.Organization) (found []string) {
	s.t.Helper()
	rows, err := s.app.Store.Query(s.t.Context(), `SELECT concat_ws(' ', details ->> 'country', CASE WHEN details ? 'new_browser' THEN 'browser' END, CASE WHEN details ? 'new_country' THEN 'country' END)
		FROM audit_events WHERE org_id = $1 AND action IN ('session.started', 'session.renewed') ORDER BY id`, organization.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			s.t.Fatal(err)
		}
		found = append(found, one)
	}
	return found
}

// A person hears of a sign-in from a browser that nobody used for the account before, and of nothing else.
func TestSignInsFromNewBrowsersAreTold(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	home := s.browser()
	home.signIn()
	if got := len(s.notices(s.ada.Email)); got != 0 {
		t.Fatalf("the first sign-in of a new account: %d mails", got)
	}
	home.signIn("prompt", "login")
	if got := len(s.notices(s.ada.Email)); got != 0 {
		t.Fatalf("the same browser: %d mails", got)
	}
	s.browser().get(s.authorizeURL()) // begun and not finished
	elsewhere := s.browser()
	elsewhere.signIn()
	if got := len(s.notices(s.ada.Email)); got != 1 {
		t.Fatalf("a new browser: %d mails", got)
	}
	written := s.notices(s.ada.Email)[0]
	for _, part := range []string{s.ada.Username, "ACME", "Address: 127.0.0.1", "UTC", s.server.URL + "/acme/account/sessions"} {
		if !strings.Contains(written.Text, part) {
			t.Errorf("the mail lacks %q: %s", part, written.Text)
		}
	}
	if strings.Contains(written.Text, "Country") {
		t.Errorf("a country that nobody knows: %s", written.Text)
	}
	// Another person in a browser that is known from somebody else.
	grace := s.person(s.acme, "grace@acme.test")
	gracesOwn := s.browser()
	gracesOwn.submit(gracesOwn.get(s.authorizeURL()), "login-form", "username", grace.Username, "password", password)
	home.add(grace)
	if got := len(s.notices(grace.Email)); got != 1 {
		t.Errorf("a browser that is somebody else's: %d mails", got)
	}
	if got := s.novelties(s.acme); strings.Join(got, ",") != ",,browser,,browser" {
		t.Errorf("audit: %q", got)
	}
	// Where an organization tells nobody, the audit log still says it.
	s.changePolicies(s.acme, func(p *org.Policies) { p.SignInNotices = org.SignInNoticesOff })
	s.browser().signIn()
	if got := len(s.notices(s.ada.Email)); got != 1 {
		t.Errorf("told although the organization does not: %d mails", got)
	}
	if got := s.novelties(s.acme); got[len(got)-1] != "browser" {
		t.Errorf("audit: %q", got)
	}
}

// Sessions are forgotten after a while: a browser is new then, and an old account is not.
func TestASignInAfterALongTimeIsTold(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE users SET created_at = created_at - interval '31 days' WHERE id = $1", s.ada.ID)
		return err
	})
	s.browser().signIn()
	if got := len(s.notices(s.ada.Email)); got != 1 {
		t.Errorf("%d mails", got)
	}
}

// With a database of addresses a country that is new is told, too, also in a browser that is known.
func TestSignInsFromNewCountriesAreTold(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "countries.mmdb")
	geolocationtest.Write(t, name, map[string]string{"192.0.2.0/24": "IT", "198.51.100.0/24": "FR"})
	s := newSiteOn(t, dbtest.URL(t), "geoip_file", name, "trusted_proxies", "127.0.0.1")
	b := s.browser()
	transport := b.http.Transport
	for i, c := range []struct {
		address string
		told    int
	}{{"192.0.2.1", 0}, {"192.0.2.99", 0}, {"203.0.113.1", 0}, {"198.51.100.1", 1}, {"198.51.100.2", 1}, {"192.0.2.1", 1}} {
		b.http.Transport = transport
		b.from(c.address).signIn("prompt", "login")
		if got := len(s.notices(s.ada.Email)); got != c.told {
			t.Errorf("%d, %s: %d mails, want %d; %q", i, c.address, got, c.told, s.novelties(s.acme))
		}
	}
	if written := s.notices(s.ada.Email)[0]; !strings.Contains(written.Text, "Country: France") {
		t.Errorf("%s", written.Text)
	}
}
