package server

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
)

const sharedBelow = "https://" + passkeyHost + "/acme"

// asksFormer goes from a page at acme's own host to the address before.
func (s *domainSite) asksFormer(b *browser, page *answer) *answer {
	s.t.Helper()
	form := page.element("former-address")
	if form == nil {
		s.t.Fatalf("nothing leads to the address before at %s (status %d):\n%s", page.url, page.status, page.body)
	}
	s.there()
	asked := b.get(attribute(form, "href"))
	if !strings.HasPrefix(asked.url.String(), sharedBelow+"/login/hand-over?request=") {
		s.t.Fatalf("%d at %s", asked.status, asked.url)
	}
	s.here()
	return b.get(asked.url.String())
}

// provedThere is where somebody comes back to who proved themselves at the address before.
func (s *domainSite) provedThere(b *browser, page *answer, made *authenticator) *url.URL {
	s.t.Helper()
	back := b.usePasskey(s.asksFormer(b, page), made).url
	s.there()
	if back.Host != ownDomain || back.Path != "/login/handed-over" || back.Query().Get("code") == "" {
		s.t.Fatalf("%s", back)
	}
	return back
}

// later says at the page that offers a passkey of this address that it can wait.
func (b *browser) later(page *answer) *answer {
	b.t.Helper()
	if page.url.Path != "/action/passkey" || page.element("passkey-form") == nil {
		b.t.Fatalf("no passkey of this address is offered: %d at %s:\n%s", page.status, page.url, page.body)
	}
	return b.submit(page, "later-form", "instead", "later")
}

func with(address *url.URL, name, value string) string {
	changed, query := *address, address.Query()
	query.Set(name, value)
	changed.RawQuery = query.Encode()
	return changed.String()
}

// A passkey of the address before signs in at the present one, through the address before.
func TestASignInIsHandedOverFromTheAddressBefore(t *testing.T) {
	t.Parallel()
	s := newDomainSite(t)
	made := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	s.moved(30)
	s.changePolicies(s.acme, func(p *org.Policies) { p.SecondFactor = org.SecondFactorRequired })

	b := s.browser()
	back := s.provedThere(b, b.get(s.authorizeURL()), made)
	_, tokens := s.tokens(b.allowed(b.later(b.get(back.String()))))
	amr, _ := claimOf(tokens["id_token"], "amr").([]any)
	if claimOf(tokens["id_token"], "iss") != "https://"+ownDomain || len(amr) != 3 {
		t.Errorf("%v %v", claimOf(tokens["id_token"], "iss"), amr)
	}
	events, err := s.app.Audit.List(t.Context(), s.app.Store, s.acme.ID, audit.Filter{Limit: 50, Action: "sign_in.handed_over"})
	if err != nil || len(events) != 1 || events[0].Actor.ID != s.ada.ID.String() {
		t.Errorf("%v %v", events, err)
	}

	// Whoever is signed in at the address before proves themselves once more: nothing is handed over by a link alone.
	b = s.browser()
	s.here()
	b.usePasskey(b.get("/acme/login"), made)
	s.there()
	if a := s.asksFormer(b, b.get("/login")); a.url.Path != "/acme/login" || a.element("login-form") == nil {
		t.Errorf("%d at %s", a.status, a.url)
	}

	// In the place of the second factor, too.
	s.there()
	b = s.browser()
	page := b.submit(b.get("/login"), "login-form", "username", s.ada.Username, "password", password)
	if page.url.Path != "/login/second-factor" || page.element("passkeys-elsewhere") == nil {
		t.Fatalf("%d at %s", page.status, page.url)
	}
	if a := b.later(b.get(s.provedThere(b, page, made).String())); a.url.Host != ownDomain || a.url.Path != "/" {
		t.Errorf("%d at %s", a.status, a.url)
	}
	// The password is not more for being typed there.
	b = s.browser()
	if a := b.submit(s.asksFormer(b, b.get("/login")), "login-form", "username", s.ada.Username, "password", password); a.url.Path != "/acme/login/second-factor" {
		t.Errorf("%d at %s", a.status, a.url)
	}
}

func TestWhatIsHandedOverIsGoodOnceAndForWhatAsked(t *testing.T) {
	t.Parallel()
	s := newDomainSite(t)
	made := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	s.moved(30)
	rival := s.organization("rival")
	signedIn := func(b *browser) bool { return b.get("/").element("login-form") == nil }

	t.Run("once", func(t *testing.T) {
		b, other := s.browser(), s.browser()
		back := s.provedThere(b, b.get("/login"), made)
		if a := b.later(b.get(back.String())); a.url.Path != "/" || !signedIn(b) {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		asked := s.provedThere(other, other.get("/login"), made)
		if a := other.get(with(asked, "code", back.Query().Get("code"))); signedIn(other) {
			t.Errorf("%d at %s", a.status, a.url)
		}
		if a := b.get(back.String()); a.url.Path == "/" {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("in another browser", func(t *testing.T) {
		b, stranger := s.browser(), s.browser()
		back := s.provedThere(b, b.get("/login"), made)
		if a := stranger.get(back.String()); a.status != 410 || signedIn(stranger) {
			t.Errorf("%d at %s", a.status, a.url)
		}
		own := s.provedThere(stranger, stranger.get("/login"), made) // of a sign-in of their own, which asked, too
		if a := stranger.get(with(own, "code", back.Query().Get("code"))); a.element("retry") == nil || signedIn(stranger) {
			t.Errorf("%d at %s", a.status, a.url)
		}
		if a := b.get(back.String()); a.element("retry") == nil || signedIn(b) {
			t.Errorf("in its own browser afterwards: %d at %s", a.status, a.url)
		}
		never := stranger.get("/login")
		if a := stranger.get(with(own, "transaction", never.url.Query().Get("transaction"))); a.element("retry") == nil || signedIn(stranger) {
			t.Errorf("a sign-in that asked nobody: %d at %s", a.status, a.url)
		}
	})
	t.Run("a wrong code", func(t *testing.T) {
		b := s.browser()
		back := s.provedThere(b, b.get("/login"), made)
		if a := b.get(with(back, "code", "")); a.url.Path != "/login" || signedIn(b) { // as who did not want to
			t.Errorf("%d at %s", a.status, a.url)
		}
		for _, wrong := range []string{"x", strings.Repeat("x", 5000), back.Query().Get("code") + "x"} {
			if a := b.get(with(back, "code", wrong)); a.element("retry") == nil || signedIn(b) {
				t.Errorf("%.9s: %d at %s", wrong, a.status, a.url)
			}
		}
		if b.get(back.String()); !signedIn(b) {
			t.Error("the right one is worth nothing any more")
		}
	})
	t.Run("when the session there has ended", func(t *testing.T) {
		b := s.browser()
		back := s.provedThere(b, b.get("/login"), made)
		s.inTx(func(ctx context.Context, tx *store.Tx) error {
			return s.app.Sessions.EndAll(ctx, tx, operator, s.acme.ID, s.ada.ID, uuid.Nil, "test")
		})
		if a := b.get(back.String()); a.element("login-form") == nil || signedIn(b) {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("as somebody else than was asked for", func(t *testing.T) {
		eva := s.person(s.acme, "eva@acme.test")
		other := s.browser()
		other.submit(other.get("/login"), "login-form", "username", eva.Username, "password", password)
		_, tokens := s.tokens(other.allowed(other.get(s.authorizeURL())))
		b := s.browser()
		there := s.asksFormer(b, b.get(s.authorizeURL("id_token_hint", tokens["id_token"].(string))))
		if a := b.usePasskey(there, made); a.url.Host != passkeyHost || a.element("login-form") == nil {
			t.Errorf("%d at %s", a.status, a.url)
		}
		s.there()
	})
	t.Run("when the person was disabled meanwhile", func(t *testing.T) {
		s.here()
		bob := s.person(s.acme, "bob@acme.test")
		bobs := s.passkey(bob, virtualwebauthn.AuthenticatorOptions{})
		b := s.browser()
		s.there()
		back := s.provedThere(b, b.get("/login"), bobs)
		if _, err := s.app.Store.Exec(t.Context(), "UPDATE users SET status = 'disabled' WHERE id = $1", bob.ID); err != nil {
			t.Fatal(err)
		}
		if a := b.get(back.String()); a.element("retry") == nil || signedIn(b) {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("at addresses that are none of before", func(t *testing.T) {
		b := s.browser()
		if a := b.get("/login/hand-over?request=a.b"); a.url.Path != "/login" {
			t.Errorf("%d at %s", a.status, a.url)
		}
		s.here()
		for _, address := range []string{"/" + rival.Slug + "/login/hand-over?request=a.b", "/acme/login/hand-over", "/acme/login/hand-over?request=made-up",
			"/acme/login/hand-over?request=" + strings.Repeat("x", 5000)} {
			if a := b.get(address); !strings.HasSuffix(a.url.Path, "/login") {
				t.Errorf("%s: %d at %s", address, a.status, a.url)
			}
		}
		page := b.get("/acme/login")
		if a := b.get("/acme/login/former-address?" + page.url.RawQuery); a.url.Path != "/acme/login" || a.url.Host != passkeyHost {
			t.Errorf("%d at %s", a.status, a.url)
		}
		if a := b.get("/acme/login/former-address?transaction=" + uuid.NewString()); a.status != 410 {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("after the days of grace", func(t *testing.T) {
		s.there()
		b := s.browser()
		page := b.get("/login")
		link := attribute(page.element("former-address"), "href")
		other := s.browser()
		back := s.provedThere(other, other.get("/login"), made)
		s.graceEnds()
		if a := other.get(back.String()); a.element("retry") == nil || signedIn(other) {
			t.Errorf("proved before they ended: %d at %s", a.status, a.url)
		}
		if a := b.get(link); a.url.Host != ownDomain || a.url.Path != "/login" || a.element("former-address") != nil {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
}

// A session that began at the address before for nothing but a sign-in at the present one ends when that begins: nobody looks for it
// there when they sign out. One that was there goes on.
func TestNoSessionIsLeftAtTheAddressBefore(t *testing.T) {
	t.Parallel()
	s := newDomainSite(t)
	made := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	s.moved(30)
	for name, was := range map[string]bool{"begun for it": false, "there before": true} {
		b := s.browser()
		if s.here(); was {
			b.usePasskey(b.get("/acme/login"), made)
		}
		s.there()
		if a := b.later(b.get(s.provedThere(b, b.get("/login"), made).String())); a.url.Path != "/" {
			t.Fatalf("%s: %d at %s", name, a.status, a.url)
		}
		s.here()
		if a := b.get("/acme/"); (a.element("login-form") == nil) != was {
			t.Errorf("%s: %d at %s", name, a.status, a.url)
		}
		s.there()
		if a := b.get("/"); a.element("login-form") != nil {
			t.Errorf("%s: not signed in: %d at %s", name, a.status, a.url)
		}
	}
}

// In the place of a second factor, what was proved before and what was begun go on.
func TestAHandOverAsAnotherFactorKeepsWhatWasBegun(t *testing.T) {
	t.Parallel()
	s := newDomainSite(t)
	made := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	bob := s.person(s.acme, "bob@acme.test")
	bobs := s.passkey(bob, virtualwebauthn.AuthenticatorOptions{})
	s.moved(30)
	s.changePolicies(s.acme, func(p *org.Policies) { p.SecondFactor = org.SecondFactorRequired })

	b := s.browser()
	page := b.submit(b.get("/login"), "login-form", "username", s.ada.Username, "password", password)
	there := s.asksFormer(b, page)
	if a := b.usePasskey(there, bobs); a.url.Host != passkeyHost || a.element("login-form") == nil {
		t.Errorf("somebody else's passkey: %d at %s", a.status, a.url)
	}
	s.there()
	var link string
	s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		link, _, err = s.app.Links.Create(ctx, tx, operator, s.acme.ID, s.ada.ID)
		return err
	})
	b = s.browser()
	opened := b.get("/login/link?token=" + link)
	if opened.url.Path != "/login/second-factor" {
		t.Fatalf("%d at %s", opened.status, opened.url)
	}
	if a := b.get(s.provedThere(b, opened, made).String()); a.url.Path != "/action/change-password" {
		t.Errorf("the password need not be chosen: %d at %s", a.status, a.url)
	}
}
