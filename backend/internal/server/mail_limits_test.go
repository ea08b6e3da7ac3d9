package server

import (
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/reqctx"
)

// asks has a browser ask for a mail for whom a text names: by the link of the sign-in page, with the form that it leads to.
func (b *browser) asks(link, typed string) *answer {
	b.t.Helper()
	a := b.get(b.authorizeURL("prompt", "login"))
	if a.element(link) == nil {
		b.t.Fatalf("the page has no way %s: %d at %s", link, a.status, a.url)
	}
	return b.submit(b.get(attribute(a.element(link), "href")), link+"-form", "username", typed)
}

// Whoever asks for these mails proves nothing: that strangers did must not keep a person from those that they need.
func TestStrangersDoNotUseUpTheMailsOfAPerson(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openMagicLinks()
	s.verified(s.ada)
	s.setUser(s.ada, "username = 'ada'")
	s.ada = s.now(s.ada)
	bob := s.person(s.acme, "bob@acme.test")
	known := s.browser()
	known.signIn()
	neighbour := s.browser() // somebody's browser, but not hers
	if a := neighbour.submit(neighbour.get(s.authorizeURL()), "login-form", "username", bob.Username, "password", password); a.element("consent-form") == nil {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	s.mailCodes(org.SecondFactorRequired)
	for range 6 {
		s.forgot(s.ada.Username)
		s.forgot(s.ada.Email)
	}
	refused := func(t *testing.T, b *browser, link, typed string) {
		t.Helper()
		if a := b.asks(link, typed); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
			t.Errorf("%s for %s: %d at %s", link, typed, a.status, a.url)
		}
	}
	t.Run("they are refused, whosever browser it is", func(t *testing.T) {
		for _, b := range []*browser{s.browser(), neighbour} {
			refused(t, b, "forgot-password", s.ada.Username)
			refused(t, b, "magic-link", s.ada.Email)
		}
	})
	t.Run("with her password she gets a code, in whatever browser", func(t *testing.T) {
		b, page := s.mailed(s.ada)
		if a := b.submit(page, "mail-code-form", "code", s.code(s.ada.Email)); a.element("consent-form") == nil && a.url.Query().Get("code") == "" {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	s.changePolicies(s.acme, func(p *org.Policies) { p.SecondFactor = org.SecondFactorOptional })
	t.Run("in her browser she gets all of them", func(t *testing.T) {
		for link, next := range map[string]string{"forgot-password": "/acme/action/change-password", "magic-link": "/callback"} {
			if a := known.submit(known.asks(link, s.ada.Username), "confirm-form", "code", s.code(s.ada.Email)); a.url.Path != next {
				t.Errorf("%s: %d at %s", link, a.status, a.url)
			}
		}
	})
	t.Run("also when the network has none left", func(t *testing.T) {
		network := kv.Key{OrgID: s.acme.ID, Kind: "recoveries_of_network", ID: kv.ID(reqctx.Network(netip.MustParseAddr("127.0.0.1")))}
		for range 100 {
			if _, err := s.app.State.Increment(t.Context(), network, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		refused(t, s.browser(), "forgot-password", bob.Username)
		refused(t, neighbour, "forgot-password", s.ada.Username)
		if a := known.asks("forgot-password", s.ada.Username); a.element("confirm-form") == nil {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("her browser has limits of its own", func(t *testing.T) {
		for range 3 {
			if a := known.asks("forgot-password", s.ada.Username); a.element("confirm-form") == nil {
				t.Fatalf("%d at %s", a.status, a.url)
			}
		}
		refused(t, known, "forgot-password", "ADA")
		refused(t, known, "magic-link", s.ada.Username)
		s.deliver()
		before := len(s.mailbox.List(s.ada.Email))
		for range 6 {
			known.asks("forgot-password", s.ada.Email)
		}
		s.deliver()
		if more := len(s.mailbox.List(s.ada.Email)) - before; more != 4 {
			t.Errorf("%d more mails to an account that has 4 left", more)
		}
	})
}

// Whoever has stolen a password asks for codes as its owner does, and does not use up what the owner's browser has.
func TestCodesForAKnownBrowserAreCountedByThemselves(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.verified(s.ada)
	known := s.browser()
	known.signIn()
	s.mailCodes(org.SecondFactorRequired)
	ask := func(b *browser) *answer {
		page := b.submit(b.get(s.authorizeURL("prompt", "login")), "login-form", "username", s.ada.Username, "password", password)
		return b.submit(page, "mail-form")
	}
	for range 10 {
		ask(s.browser())
	}
	for range 10 {
		if a := ask(known); a.element("mail-code-form") == nil {
			t.Fatalf("%d at %s", a.status, a.url)
		}
	}
	for name, b := range map[string]*browser{"a stranger": s.browser(), "hers": known} {
		if a := ask(b); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d at %s", name, a.status, a.url)
		}
	}
}
