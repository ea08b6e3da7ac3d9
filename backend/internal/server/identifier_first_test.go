package server

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"
	"golang.org/x/net/html"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/identityprovider"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/user"
)

// identifierFirst has the organization ask for the identifier first.
func (s *site) identifierFirst() {
	s.t.Helper()
	s.changePolicies(s.acme, func(p *org.Policies) { p.IdentifierFirst = org.IdentifierFirstOn })
}

// identified is a browser in front of the second page.
func (s *site) identified(typed string, namesAndValues ...string) (*browser, *answer) {
	s.t.Helper()
	b := s.browser()
	first := b.get(s.authorizeURL(namesAndValues...))
	if first.url.Path != "/acme/login" || first.element("password") != nil {
		s.t.Fatalf("expected the first page, got %d at %s:\n%s", first.status, first.url, first.body)
	}
	return b, b.submit(first, "login-form", "username", typed).forWays(s.t, typed)
}

// forWays fails the test unless it is the second page for an identifier.
func (a *answer) forWays(t testing.TB, identifier string) *answer {
	t.Helper()
	shown := a.url.Path == "/acme/login/ways" || a.url.Path == "/acme/login/passkey" && a.status == http.StatusUnprocessableEntity
	if !shown || a.element("password") == nil || !strings.HasPrefix(a.text("identified"), identifier) || attribute(a.element("username"), "value") != identifier {
		t.Fatalf("expected the second page for %s, got %d at %s:\n%s", identifier, a.status, a.url, a.body)
	}
	return a
}

// first is what the second page shows first.
func (a *answer) first() string {
	for n := range a.page.Descendants() {
		if id := attribute(n, "id"); n.Type == html.ElementNode && (id == "login-form" || id == "passkey-form" || id == "magic-link-form" || strings.HasPrefix(id, "idp-")) {
			return id
		}
	}
	return ""
}

func (s *site) nobodySignedIn(t *testing.T, b *browser, what string) {
	t.Helper()
	if a := b.get(s.authorizeURL("prompt", "none")); a.url.Query().Get("error") != "login_required" {
		t.Errorf("%s: somebody is signed in: %s", what, a.url)
	}
}

func TestIdentifierFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.identifierFirst()
	b, page := s.identified(s.ada.Username)
	if again := b.get(page.url.String()).forWays(t, s.ada.Username); again.status != http.StatusOK || again.first() != "login-form" {
		t.Errorf("loaded again: %d, %s first", again.status, again.first())
	}
	wrong := b.submit(page, "login-form", "password", wrongPassword).forWays(t, s.ada.Username)
	if wrong.status != http.StatusUnprocessableEntity || wrong.text("notice") != "The username or the password is not right. Check both and try again." || attribute(wrong.element("password"), "value") != "" {
		t.Errorf("wrong: %d %q", wrong.status, wrong.text("notice"))
	}
	back := b.get(attribute(wrong.element("change-identifier"), "href"))
	if back.url.Path != "/acme/login" || attribute(back.element("username"), "value") != s.ada.Username || back.element("password") != nil {
		t.Fatalf("back: %d at %s:\n%s", back.status, back.url, back.body)
	}
	page = b.submit(back, "login-form", "username", "  "+strings.ToUpper(s.ada.Username)+" ").forWays(t, strings.ToUpper(s.ada.Username))
	done := b.allowed(b.submit(page, "login-form", "password", password))
	if idToken, _ := s.exchange(done); idToken["sub"] != s.ada.ID.String() || fmt.Sprint(idToken["amr"]) != "[pwd]" {
		t.Errorf("%v", idToken)
	}
	// What the application suggests is filled in, and not taken for what the person says.
	hinted := s.browser().get(s.authorizeURL("login_hint", s.ada.Username))
	if hinted.url.Path != "/acme/login" || attribute(hinted.element("username"), "value") != s.ada.Username || hinted.element("password") != nil {
		t.Errorf("login_hint: %d at %s", hinted.status, hinted.url)
	}
	for name, typed := range map[string]string{"nothing": " ", "too much": strings.Repeat("x", 255)} {
		b := s.browser()
		if a := b.submit(b.get(s.authorizeURL()), "login-form", "username", typed); a.status != http.StatusUnprocessableEntity || a.url.Path != "/acme/login" || a.element("password") != nil ||
			attribute(a.element("username"), "aria-invalid") != "true" || a.text("notice") != "Enter your email address or username." {
			t.Errorf("%s: %d at %s", name, a.status, a.url)
		}
	}
	// Switched off meanwhile there is one form again, and nothing that was typed is lost.
	b, page = s.identified(s.ada.Username)
	s.changePolicies(s.acme, func(p *org.Policies) { p.IdentifierFirst = org.IdentifierFirstOff })
	for _, a := range []*answer{b.get(page.url.String()), b.submit(page, "login-form", "password", password)} {
		if a.url.Path != "/acme/login" || a.element("password") == nil || attribute(a.element("username"), "value") != s.ada.Username {
			t.Errorf("switched off: %d at %s", a.status, a.url)
		}
	}
}

// Who was named on the first page is who proves themselves on the second, in the same browser and sign-in, and nobody skips a page.
func TestWhoWasIdentifiedIsWhoProvesThemselves(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.organization("rival")
	bob := s.person(s.acme, "bob@acme.test")
	s.identifierFirst()
	attempts := func() (count int) {
		if err := s.app.Store.QueryRow(t.Context(), "SELECT COALESCE(sum(failures), 0) FROM sign_in_failures").Scan(&count); err != nil {
			t.Fatal(err)
		}
		return count
	}
	b, page := s.identified(s.ada.Username)
	action, fields := page.form("login-form")
	fields.Set("password", password)
	for name, username := range map[string]string{"somebody else": bob.Username, "nobody": "", "almost the same": s.ada.Username + "x"} {
		swapped := url.Values{"transaction": fields["transaction"], "csrf_token": fields["csrf_token"], "username": {username}, "password": {password}}
		b.post(action, swapped).forWays(t, s.ada.Username)
		s.nobodySignedIn(t, b, name)
	}
	t.Run("another browser or organization", func(t *testing.T) {
		stranger := s.browser()
		stranger.get(s.authorizeURL())
		for _, address := range []string{"/acme/login/ways", "/acme/login", "/rival/login/ways"} {
			for who, from := range map[string]*browser{"stranger": stranger, "rival": b} {
				if who == "rival" && !strings.HasPrefix(address, "/rival") {
					continue
				}
				if a := from.post(address, fields); a.status != http.StatusGone {
					t.Errorf("%s sends to %s: %d", who, address, a.status)
				}
				if a := from.get(address + "?transaction=" + fields.Get("transaction")); a.status != http.StatusGone || strings.Contains(a.body, s.ada.Username) {
					t.Errorf("%s looks at %s: %d", who, address, a.status)
				}
			}
		}
	})
	t.Run("forged or too large", func(t *testing.T) {
		for name, status := range map[string]int{"csrf_token": http.StatusForbidden, "transaction": http.StatusGone} {
			changed := maps.Clone(fields)
			changed.Set(name, strings.Repeat("A", 43))
			for _, address := range []string{"/acme/login/ways", "/acme/login"} {
				if a := b.post(address, changed); a.status != status {
					t.Errorf("%s at %s: %d", name, address, a.status)
				}
			}
		}
		large := maps.Clone(fields)
		large.Set("x", strings.Repeat("x", 100<<10))
		if a := b.post(action, large); a.status != http.StatusRequestEntityTooLarge {
			t.Errorf("large: %d", a.status)
		}
		if a := b.post(action, fields, "Origin", "https://evil.example.test"); a.status != http.StatusForbidden {
			t.Errorf("from elsewhere: %d", a.status)
		}
	})
	t.Run("skipped", func(t *testing.T) {
		b := s.browser()
		first := b.get(s.authorizeURL())
		_, begun := first.form("login-form")
		if a := b.get("/acme/login/ways?transaction=" + begun.Get("transaction")); a.url.Path != "/acme/login" {
			t.Errorf("looked at without an identifier: %d at %s", a.status, a.url)
		}
		begun.Set("username", s.ada.Username)
		begun.Set("password", password)
		if a := b.post("/acme/login/ways", begun); a.url.Path != "/acme/login" || a.element("password") != nil {
			t.Errorf("sent without an identifier: %d at %s", a.status, a.url)
		}
		s.nobodySignedIn(t, b, "without an identifier")
		b.post("/acme/login", begun).forWays(t, s.ada.Username) // a password is not what the first page takes
		s.nobodySignedIn(t, b, "with a password on the first page")
	})
	t.Run("another tab", func(t *testing.T) {
		b, page := s.identified(s.ada.Username)
		there := b.submit(b.get(attribute(page.element("change-identifier"), "href")), "login-form", "username", bob.Username).forWays(t, bob.Username)
		b.submit(page, "login-form", "password", wrongPassword).forWays(t, bob.Username)
		if a := b.submit(there, "login-form", "password", password); a.element("consent-form") == nil {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	if count := attempts(); count != 0 {
		t.Errorf("%d wrong passwords were tried", count)
	}
	consent := b.post(action, fields)
	if consent.element("consent-form") == nil {
		t.Fatalf("after all that the form works still: %d at %s", consent.status, consent.url)
	}
	t.Run("replayed", func(t *testing.T) {
		if a := b.post("/acme/login", fields); a.url.Path != "/acme/consent" {
			t.Errorf("the first form after the proof: %d at %s", a.status, a.url)
		}
		if a := b.post(action, fields); a.url.Path != "/acme/consent" {
			t.Errorf("the second form after the proof: %d at %s", a.status, a.url)
		}
		b.allowed(b.get(consent.url.String()))
		for _, address := range []string{"/acme/login", "/acme/login/ways"} {
			if a := b.post(address, fields); a.status != http.StatusGone {
				t.Errorf("%s after the end: %d at %s", address, a.status, a.url)
			}
		}
	})
}

// The second page says the same of somebody and of nobody, with the same effort; so does the refusal of a password.
func TestNobodyLearnsByIdentifiersWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	s.openMagicLinks()
	s.identifierFirst()
	bob := s.person(s.acme, "bob@acme.test")
	s.disabled("gone@acme.test")
	s.passkey(bob, virtualwebauthn.AuthenticatorOptions{})
	type page struct {
		shape          string
		identify, fail int
	}
	shape := func(a *answer, typed string) string {
		var shape strings.Builder
		for n := range a.page.Descendants() {
			if n.Type == html.ElementNode {
				shape.WriteString(n.Data + "#" + attribute(n, "id") + "." + attribute(n, "class") + " ")
			}
		}
		return shape.String() + strings.ReplaceAll(textOf(a), typed, "…")
	}
	look := func(typed string) (seen page, first string) {
		seen = page{identify: math.MaxInt, fail: math.MaxInt}
		for range 3 {
			b := s.browser()
			var second, refused *answer
			begun := b.get(s.authorizeURL())
			seen.identify = min(seen.identify, s.trips.During(func() { second = b.submit(begun, "login-form", "username", typed).forWays(t, typed) }))
			seen.fail = min(seen.fail, s.trips.During(func() { refused = b.submit(second, "login-form", "password", wrongPassword) }))
			seen.shape, first = shape(second, typed)+shape(refused, typed), second.first()
			if !strings.Contains(attribute(second.element("passkey-form"), "data-options"), `"allowCredentials":[]`) && strings.Contains(attribute(second.element("passkey-form"), "data-options"), "allowCredentials") {
				t.Errorf("%s: passkeys are named: %s", typed, attribute(second.element("passkey-form"), "data-options"))
			}
		}
		return seen, first
	}
	look("warm-up")
	want := map[string]page{}
	for _, person := range []string{s.ada.Username, bob.Username} {
		seen, first := look(person)
		want[first] = seen
	}
	if _, ok := want["login-form"]; len(want) != 2 || !ok {
		t.Fatalf("%v", want)
	}
	found := map[string]bool{}
	for n := range 200 { // until both are seen: each third is one with a passkey
		typed := fmt.Sprintf("nobody-%d@acme.test", n)
		if n == 0 {
			typed = "gone@acme.test"
		}
		_, second := s.identified(typed)
		first := second.first()
		if found[first] || want[first].shape == "" {
			continue
		}
		found[first] = n > 0
		if seen, _ := look(typed); seen != want[first] {
			t.Errorf("%s, %s first:\n%+v\nwant\n%+v", typed, first, seen, want[first])
		}
		if len(found) == 2 && found["login-form"] && found["passkey-form"] {
			break
		}
	}
	if !found["login-form"] || !found["passkey-form"] {
		t.Errorf("nobody is answered like those who exist: %v", found)
	}
	// The same on another replica, which begins with nothing, and sends no mail.
	s.changePolicies(s.acme, func(p *org.Policies) { p.MagicLinks = org.MagicLinksOff })
	other := s.replica()
	site := *s
	site.server = other
	for _, typed := range []string{"nobody-1@acme.test", "nobody-2@acme.test", "nobody-3@acme.test", bob.Username} {
		_, here := s.identified(typed)
		there := (&site).browser()
		begun := there.get("/acme/login")
		if second := there.post(other.URL+"/acme/login", fieldsWith(begun, "username", typed), "Origin", s.server.URL); second.first() != here.first() {
			t.Errorf("%s: %s first, and %s on another replica (%d)", typed, here.first(), second.first(), second.status)
		}
	}
}

func fieldsWith(a *answer, name, value string) url.Values {
	_, fields := a.form("login-form")
	fields.Set(name, value)
	return fields
}

func TestPasskeysOfWhoIsIdentified(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	s.identifierFirst()
	bob := s.person(s.acme, "bob@acme.test")
	adas, bobs := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{}), s.passkey(bob, virtualwebauthn.AuthenticatorOptions{})
	b, page := s.identified(s.ada.Username)
	if page.first() != "passkey-form" {
		t.Errorf("%s first", page.first())
	}
	other := b.usePasskey(page, bobs).forWays(t, s.ada.Username)
	if other.status != http.StatusUnprocessableEntity || other.text("notice") != "This passkey belongs to another account. Use one of this account, or change the account above." {
		t.Errorf("somebody else's: %d %q", other.status, other.text("notice"))
	}
	s.nobodySignedIn(t, b, "somebody else's passkey")
	if a := b.usePasskey(other, adas); a.element("consent-form") == nil {
		t.Errorf("their own: %d at %s", a.status, a.url)
	}
	// A form that was shown for somebody else than the sign-in is about by now tries a passkey on nobody.
	for name, d := range map[string]*authenticator{"of whom it was shown for": adas, "of whom it is about now": bobs} {
		b, page = s.identified(s.ada.Username)
		b.submit(b.get(attribute(page.element("change-identifier"), "href")), "login-form", "username", bob.Username).forWays(t, bob.Username)
		now := b.usePasskey(page, d).forWays(t, bob.Username)
		if now.status != http.StatusOK || now.text("notice") != "" {
			t.Errorf("%s: %d %q", name, now.status, now.text("notice"))
		}
		s.nobodySignedIn(t, b, name)
		if a := b.usePasskey(now, bobs); a.element("consent-form") == nil {
			t.Errorf("%s, then their own: %d at %s", name, a.status, a.url)
		}
	}
	// The first page takes any passkey: nobody is identified there, or somebody changed their mind.
	b = s.browser()
	if a := b.usePasskey(b.get(s.authorizeURL()), bobs); a.element("consent-form") == nil {
		t.Errorf("without an identifier: %d at %s", a.status, a.url)
	}
	b, page = s.identified(s.ada.Username)
	if a := b.usePasskey(b.get(attribute(page.element("change-identifier"), "href")), bobs); a.element("consent-form") == nil {
		t.Errorf("after going back: %d at %s", a.status, a.url)
	}
	// A password does, too, whatever stands first.
	b, page = s.identified(bob.Username)
	if a := b.submit(page, "login-form", "password", password); a.url.Path != "/acme/login/second-factor" {
		t.Errorf("a password: %d at %s", a.status, a.url)
	}
}

func TestMailsForWhoIsIdentified(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openMagicLinks()
	s.openSignUp(s.acme)
	s.identifierFirst()
	b, page := s.identified(s.ada.Username)
	confirm := b.submit(page, "magic-link-form")
	if confirm.url.Path != "/acme/login/mail/confirm" {
		t.Fatalf("one click: %d at %s", confirm.status, confirm.url)
	}
	_, fields := confirm.form("confirm-form")
	fields.Set("instead", "sign_in")
	b.post("/acme/login/mail", fields).forWays(t, s.ada.Username)
	forgot := b.get(attribute(page.element("forgot-password"), "href"))
	if attribute(forgot.element("username"), "value") != s.ada.Username {
		t.Errorf("forgotten: %d at %s", forgot.status, forgot.url)
	}
	confirm = b.submit(b.get(page.url.String()), "magic-link-form")
	if a := b.submit(confirm, "confirm-form", "code", s.code(s.ada.Email)); a.element("consent-form") == nil {
		t.Errorf("by mail: %d at %s", a.status, a.url)
	}
	// Whoever has nothing but a mailbox gets that first; on the first page there are neither, and the way to make an account.
	if _, err := s.app.Store.Exec(t.Context(), "DELETE FROM credentials WHERE user_id = $1", s.person(s.acme, "mail@acme.test").ID); err != nil {
		t.Fatal(err)
	}
	if _, page := s.identified("mail@acme.test"); page.first() != "magic-link-form" || page.element("sign-up") != nil {
		t.Errorf("%s first", page.first())
	}
	if first := s.browser().get(s.authorizeURL()); first.element("sign-up") == nil || first.element("magic-link") != nil || first.element("forgot-password") != nil {
		t.Errorf("the first page:\n%s", first.body)
	}
}

func TestTheProviderOfWhoIsIdentified(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.linked(p.ada)
	p.provide(p.acme, identityprovider.Provider{Alias: "other", Name: "Other", Issuer: p.server.URL, ClientID: "acme at other"}, peerSecret)
	p.site.identifierFirst()
	if _, page := p.identified(p.ada.Username); page.first() != "login-form" || page.element("idp-corp") != nil {
		t.Errorf("with a password: %s first", page.first())
	}
	if _, err := p.app.Store.Exec(t.Context(), "DELETE FROM credentials WHERE user_id = $1", p.ada.ID); err != nil {
		t.Fatal(err)
	}
	b, page := p.identified(p.ada.Username)
	if page.first() != "idp-corp" || page.element("idp-other") != nil {
		t.Fatalf("without: %s first", page.first())
	}
	leaving := b.get(attribute(page.element("idp-corp"), "href"))
	if hint := leaving.url.Query().Get("login_hint"); hint != p.ada.Username {
		t.Errorf("the provider is told %q", hint)
	}
	a := b.get(p.there(leaving))
	if a.element("consent-form") == nil {
		t.Errorf("%d at %s", a.status, a.url)
	}
	// The one who was identified is suggested, not whom the application suggests; who comes back is whom the provider says.
	p.person(p.acme, "bob@acme.test")
	b, page = p.identified("bob@acme.test", "login_hint", "eve@acme.test")
	leaving = b.get("/acme/idp/corp?transaction=" + page.transaction())
	if hint := leaving.url.Query().Get("login_hint"); hint != "bob@acme.test" {
		t.Errorf("the provider is told %q", hint)
	}
	if a := b.get(p.there(leaving)); p.subject(b.allowed(a)) != p.ada.ID.String() {
		t.Errorf("%d at %s", a.status, a.url)
	}
	b = p.browser()
	leaving = b.get(attribute(b.get(p.authorizeURL("login_hint", "eve@acme.test")).element("idp-corp"), "href"))
	if hint := leaving.url.Query().Get("login_hint"); hint != "eve@acme.test" {
		t.Errorf("where nobody is identified, the provider is told %q", hint)
	}
	// Who comes back and is not believed is at the second page again.
	p.says("nonce", "of another sign-in")
	b, page = p.identified(p.ada.Username)
	if a := b.get(p.there(b.get(attribute(page.element("idp-corp"), "href")))); a.status != http.StatusBadGateway || a.element("identified") == nil || a.text("notice") == "" {
		t.Errorf("not believed: %d at %s", a.status, a.url)
	}
	// The first page has all of them, as ever.
	if first := p.browser().get(p.authorizeURL()); first.element("idp-corp") == nil || first.element("idp-other") == nil {
		t.Errorf("the first page:\n%s", first.body)
	}
}

// Where nobody is known, identifiers are typed as often as sign-ins are begun.
func TestIdentifiersAreLimited(t *testing.T) {
	t.Parallel()
	s := newSiteOn(t, dbtest.URL(t), "sign_ins_per_network", "3", "trusted_proxies", "127.0.0.1")
	s.identifierFirst()
	b := s.browser()
	first := b.get(s.authorizeURL())
	for n := range 3 {
		b.submit(first, "login-form", "username", fmt.Sprintf("nobody-%d", n)).forWays(t, fmt.Sprintf("nobody-%d", n))
	}
	a := b.submit(first, "login-form", "username", "nobody-4")
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" || a.url.Path != "/acme/login" || a.text("notice") == "" || attribute(a.element("username"), "value") != "nobody-4" {
		t.Errorf("%d at %s", a.status, a.url)
	}
	page := b.get("/acme/login/ways?transaction="+a.transaction()).forWays(t, "nobody-2")
	if a := b.submit(page, "login-form", "password", wrongPassword); a.status != http.StatusUnprocessableEntity {
		t.Errorf("who is past it goes on: %d", a.status)
	}
}

func (a *answer) transaction() string {
	_, fields := a.form("login-form")
	return fields.Get("transaction")
}

// The challenge is on the page with the password, where guesses are.
func TestProofOfWorkAfterTheIdentifier(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.demandWork(org.ProofOfWorkAlways)
	s.openMagicLinks()
	s.identifierFirst()
	b, page := s.identified(s.ada.Username)
	if page.element("magic-link-form") != nil || page.element("magic-link") == nil {
		t.Error("a mail without an answer")
	}
	refused := b.submit(page, "login-form", "password", password).forWays(t, s.ada.Username)
	if refused.status != http.StatusUnprocessableEntity {
		t.Errorf("without an answer: %d", refused.status)
	}
	if a := b.compute(refused, "login-form", "password", password); a.element("consent-form") == nil {
		t.Errorf("%d at %s", a.status, a.url)
	}
}

// Second factors and what is required come after it as after the other form.
func TestStepsAfterTheIdentifier(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	app := s.addApp(s.ada)
	grace := s.person(s.acme, "grace@acme.test", user.ChangePassword)
	s.identifierFirst()
	b, page := s.identified(s.ada.Username)
	second := b.submit(page, "login-form", "password", password)
	if second.url.Path != "/acme/login/second-factor" {
		t.Fatalf("%d at %s", second.status, second.url)
	}
	for _, address := range []string{"/acme/login", "/acme/login/ways"} {
		if a := b.get(address + "?transaction=" + page.transaction()); a.url.Path != "/acme/login/second-factor" {
			t.Errorf("%s leads to %s", address, a.url)
		}
	}
	if a := b.submit(page, "login-form", "password", password); a.url.Path != "/acme/login/second-factor" {
		t.Errorf("the form once more: %d at %s", a.status, a.url)
	}
	if a := b.allowed(b.submit(second, "otp-form", "code", app.code())); a.url.Query().Get("code") == "" {
		t.Errorf("%d at %s", a.status, a.url)
	}
	b, page = s.identified(grace.Username)
	if a := b.submit(page, "login-form", "password", password); a.url.Path != "/acme/action/change-password" {
		t.Errorf("%d at %s", a.status, a.url)
	}
}
