package server

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

func (s *site) openMagicLinks() {
	s.t.Helper()
	s.changePolicies(s.acme, func(p *org.Policies) { p.MagicLinks = org.MagicLinksOn })
}

// byMail is a browser in front of the page that wants the code of the mail by which somebody signs in.
func (s *site) byMail(typed string, namesAndValues ...string) (*browser, *answer) {
	s.t.Helper()
	b := s.browser()
	link := b.get(s.authorizeURL(namesAndValues...)).element("magic-link")
	if link == nil {
		s.t.Fatal("the sign-in page leads nowhere")
	}
	page := b.submit(b.get(attribute(link, "href")), "magic-link-form", "username", typed)
	if page.element("confirm-form") == nil || page.url.Path != "/acme/login/mail/confirm" {
		s.t.Fatalf("expected the page for the code, got %d at %s:\n%s", page.status, page.url, page.body)
	}
	return b, page
}

func TestSigningInByMail(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openMagicLinks()
	b, page := s.byMail(s.ada.Username)
	code := s.code(s.ada.Email)
	var link string
	for line := range strings.SplitSeq(s.mail(s.ada.Email).Text, "\n") {
		if strings.HasPrefix(line, s.server.URL+"/acme/login/mail/confirm?") {
			link = line
		}
	}
	for range 2 { // a scanner, or another device: neither it nor the browser that waits is signed in by that
		elsewhere := s.browser()
		if a := elsewhere.get(link); a.element("other-browser") == nil || strings.Contains(a.body, code) {
			t.Errorf("the link elsewhere: %d at %s", a.status, a.url)
		}
		for name, who := range map[string]*browser{"there": elsewhere, "here": b} {
			if a := who.get(s.authorizeURL("prompt", "none")); a.url.Query().Get("error") != "login_required" {
				t.Errorf("%s somebody is signed in: %s", name, a.url)
			}
		}
	}
	here := b.get(link)
	if attribute(here.element("code"), "value") != code {
		t.Fatalf("the link here: %d at %s", here.status, here.url)
	}
	if a := b.get(s.authorizeURL("prompt", "none")); a.url.Query().Get("error") != "login_required" {
		t.Errorf("opening the link signs in: %s", a.url)
	}
	done := b.allowed(b.submit(here, "confirm-form"))
	_, tokens := s.tokens(done)
	parts := strings.Split(tokens["id_token"].(string), ".")
	claims := map[string]any{}
	decoded, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(decoded, &claims)
	}
	if err != nil || claims["amr"] != nil || claims["acr"] != nil || claims["sub"] != s.ada.ID.String() {
		t.Errorf("%v %v", claims, err)
	}
	if a := b.submit(page, "confirm-form", "code", code); a.status != http.StatusGone {
		t.Errorf("used twice: %d at %s", a.status, a.url)
	}
	var used int
	if err := s.app.Store.QueryRow(t.Context(), "SELECT count(*) FROM audit_events WHERE action = 'magic_link.used'").Scan(&used); err != nil || used != 1 {
		t.Errorf("%d events: %v", used, err)
	}
}

func TestSigningInByMailTellsNobodyWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openMagicLinks()
	s.disabled("gone@acme.test")
	ask := func(typed string) (page *answer, trips int, b *browser) {
		trips = math.MaxInt
		for range 3 {
			b = s.browser()
			form := b.get(attribute(b.get(s.authorizeURL()).element("magic-link"), "href"))
			trips = min(trips, s.trips.During(func() { page = b.submit(form, "magic-link-form", "username", typed) }))
		}
		return page, trips, b
	}
	ask("warm-up")
	known, knownTrips, _ := ask(s.ada.Username)
	for _, typed := range []string{"nobody@acme.test", "gone@acme.test"} {
		unknown, trips, b := ask(typed)
		if known.status != unknown.status || strings.ReplaceAll(textOf(known), s.ada.Username, "…") != strings.ReplaceAll(textOf(unknown), typed, "…") || trips != knownTrips {
			t.Errorf("%s: %d and %d round trips\n%s", typed, knownTrips, trips, textOf(unknown))
		}
		if a := b.submit(unknown, "confirm-form", "code", "2345-CFGH"); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", typed, a.status)
		}
	}
	s.deliver()
	for _, received := range s.mailbox.List("") {
		if received.To != s.ada.Email {
			t.Errorf("a mail went to %q", received.To)
		}
	}
}

func TestWhoIsNotSignedInByMail(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openMagicLinks()
	s.organization("rival")
	b, page := s.byMail(s.ada.Username)
	code := s.code(s.ada.Email)
	action, fields := page.form("confirm-form")
	fields.Set("code", code)
	stranger := s.browser()
	stranger.get(s.authorizeURL())
	for _, address := range []string{action, strings.Replace(action, "acme", "rival", 1)} {
		if a := stranger.post(address, fields); a.status != http.StatusGone {
			t.Errorf("another browser at %s: %d", address, a.status)
		}
	}
	if a := b.submit(page, "confirm-form", "code", wrongCode(code)); a.status != http.StatusUnprocessableEntity {
		t.Errorf("guessed: %d", a.status)
	}
	other, otherPage := s.byMail(s.ada.Username)
	if a := other.submit(otherPage, "confirm-form", "code", code); a.status != http.StatusUnprocessableEntity {
		t.Errorf("the code of another request: %d", a.status)
	}
	if _, err := s.app.Store.Exec(t.Context(), "UPDATE users SET email = 'moved@acme.test' WHERE id = $1", s.ada.ID); err != nil {
		t.Fatal(err)
	}
	if a := b.submit(page, "confirm-form", "code", code); a.status != http.StatusUnprocessableEntity {
		t.Errorf("the address was changed: %d at %s", a.status, a.url)
	}
	late, latePage := s.byMail("moved@acme.test")
	code = s.code("moved@acme.test")
	s.changePolicies(s.acme, func(p *org.Policies) { p.MagicLinks = org.MagicLinksOff })
	if a := late.submit(latePage, "confirm-form", "code", code); a.url.Path != "/acme/login" {
		t.Errorf("switched off meanwhile: %d at %s", a.status, a.url)
	}
	for _, base := range []string{"/acme", "/system", "/rival"} {
		if a := s.browser().get(base + "/login/mail"); a.status != http.StatusForbidden || a.text("error-code") != "magic_links_off" {
			t.Errorf("%s: %d", base, a.status)
		}
		if a := s.browser().get(base + "/login"); a.element("magic-link") != nil {
			t.Errorf("%s: the sign-in page leads there", base)
		}
	}
}

// Another person than the one who is demanded, or was chosen, does not sign in by their own mailbox.
func TestSigningInByMailAsSomebodyElse(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openMagicLinks()
	bob := s.person(s.acme, "bob@acme.test")
	signed := s.browser()
	_, tokens := s.tokens(signed.signIn())
	b, page := s.byMail(bob.Username, "id_token_hint", tokens["id_token"].(string))
	if a := b.submit(page, "confirm-form", "code", s.code(bob.Email)); a.element("login-form") == nil || a.text("notice") == "" {
		t.Errorf("%d at %s", a.status, a.url)
	}
}

func TestSecondFactorsAfterAMail(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	s.openMagicLinks()
	bob := s.person(s.acme, "bob@acme.test")
	app := s.addApp(s.ada)
	b, page := s.byMail(s.ada.Username)
	a := b.submit(page, "confirm-form", "code", s.code(s.ada.Email))
	if a.element("otp-form") == nil {
		t.Fatalf("whoever has an app is not asked for it: %d at %s", a.status, a.url)
	}
	if _, err := s.app.Store.Exec(t.Context(), "UPDATE users SET email = 'moved@acme.test' WHERE id = $1", s.ada.ID); err != nil {
		t.Fatal(err)
	}
	if a = b.submit(a, "otp-form", "code", app.code()); a.element("login-form") == nil {
		t.Errorf("the mailbox is not hers any more, and she goes on: %d at %s", a.status, a.url)
	}
	s.passkey(bob, virtualwebauthn.AuthenticatorOptions{})
	s.secondFactor(org.SecondFactorRequired)
	b, page = s.byMail(bob.Username)
	if a := b.submit(page, "confirm-form", "code", s.code(bob.Email)); a.element("passkey-form") == nil || a.url.Path != "/acme/login/second-factor" {
		t.Errorf("a mailbox instead of the passkey: %d at %s", a.status, a.url)
	}
	carol := s.person(s.acme, "carol@acme.test")
	b, page = s.byMail(carol.Username)
	if a := b.submit(page, "confirm-form", "code", s.code(carol.Email)); a.url.Path != "/acme/login/second-factor/add" {
		t.Errorf("where one is demanded: %d at %s", a.status, a.url)
	}
}

func TestAMagicLinkCountsOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openMagicLinks()
	b, page := s.byMail(s.ada.Username)
	action, fields := page.form("confirm-form")
	fields.Set("code", s.code(s.ada.Email))
	answers := make([]*answer, 3)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = b.post(action, fields) })
	}
	all.Wait()
	for _, a := range answers {
		if a.status >= http.StatusInternalServerError {
			t.Errorf("%d at %s", a.status, a.url)
		}
	}
	var sessions int
	if err := s.app.Store.QueryRow(t.Context(), "SELECT count(*) FROM audit_events WHERE action = 'magic_link.used'").Scan(&sessions); err != nil || sessions != 1 {
		t.Errorf("%d of 3 counted: %v", sessions, err)
	}
}

func TestSigningInByMailIsLimited(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openMagicLinks()
	for _, typed := range []string{s.ada.Username, "nobody@acme.test"} {
		for range 6 {
			s.byMail(typed)
		}
		b := s.browser()
		a := b.submit(b.get(attribute(b.get(s.authorizeURL()).element("magic-link"), "href")), "magic-link-form", "username", strings.ToUpper(typed))
		if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d", typed, a.status)
		}
	}
}

// A password that has to be changed is changed, whatever somebody signed in by.
func TestRequiredActionsAfterAMail(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openMagicLinks()
	grace := s.person(s.acme, "grace@acme.test", user.ChangePassword)
	b, page := s.byMail(grace.Username)
	a := b.submit(page, "confirm-form", "code", s.code(grace.Email))
	if a.element("password-form") == nil {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		changed := *s.now(grace)
		changed.Status = user.Disabled
		_, err := s.app.Users.Update(ctx, tx, operator, changed)
		return err
	})
	if a = b.submit(a, "password-form", "new_password", chosenPassword, "new_password_confirmation", chosenPassword); a.element("login-form") == nil {
		t.Errorf("disabled meanwhile: %d at %s", a.status, a.url)
	}
}
