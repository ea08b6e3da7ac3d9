package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/clavex/clavex/backend/internal/org"
)

const (
	nextDomain   = "sso.example.com"
	relatedPath  = "/.well-known/webauthn"
	formerDomain = "https://" + ownDomain
)

// movedOn brings acme from one domain of its own, where ada made a passkey, to another one.
func (s *domainSite) movedOn() *authenticator {
	s.t.Helper()
	s.moved(0)
	made := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	s.claim(s.acme, nextDomain)
	if err := s.move(s.acme, nextDomain, 30); err != nil {
		s.t.Fatal(err)
	}
	s.server.URL = "https://" + nextDomain
	made.party.Origin = s.server.URL // the browser is at a page of the next one now
	return made
}

// useFormerPasskey answers a page with a passkey of the address before.
func (b *browser) useFormerPasskey(page *answer, d *authenticator) *answer {
	b.t.Helper()
	form := page.element("former-passkey-form")
	if form == nil {
		b.t.Fatalf("no passkey of before is asked for at %s (status %d):\n%s", page.url, page.status, page.body)
	}
	return b.submit(page, "former-passkey-form", "passkey", d.answer(b.t, attribute(form, "data-options")))
}

// WebAuthn Level 3 §5.11: passkeys of an organization's own host before are good at the present one while both are served.
func TestPasskeysOfTheOwnDomainBefore(t *testing.T) {
	t.Parallel()
	s := newDomainSite(t)
	made := s.movedOn()

	status, header, body := s.fetch(http.MethodGet, formerDomain+relatedPath, nil)
	if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "application/json") || header.Get("Cache-Control") != "no-store" || strings.TrimSpace(body) != `{"origins":["https://`+nextDomain+`"]}` {
		t.Errorf("%d %v %s", status, header, body)
	}
	for _, other := range []string{"https://" + nextDomain + relatedPath, "https://" + passkeyHost + relatedPath, "https://" + passkeyHost + "/acme" + relatedPath} {
		if status, _, body := s.fetch(http.MethodGet, other, nil); status != http.StatusNotFound || strings.Contains(body, "origins") {
			t.Errorf("%s: %d %s", other, status, body)
		}
	}

	b := s.browser()
	page := b.get(s.authorizeURL())
	var options struct{ RPID string }
	if json.Unmarshal([]byte(attribute(page.element("former-passkey-form"), "data-options")), &options) != nil || options.RPID != ownDomain {
		t.Fatalf("%+v", options)
	}
	_, tokens := s.tokens(b.allowed(b.later(b.useFormerPasskey(page, made))))
	if claimOf(tokens["id_token"], "iss") != "https://"+nextDomain || claimOf(tokens["id_token"], "acr") == nil {
		t.Errorf("%v", tokens)
	}
	// As another factor, too.
	s.changePolicies(s.acme, func(p *org.Policies) { p.SecondFactor = org.SecondFactorOptional })
	b = s.browser()
	page = b.submit(b.get("/login"), "login-form", "username", s.ada.Username, "password", password)
	if page.url.Path != "/login/second-factor" || page.element("passkey-form") != nil || page.element("passkeys-elsewhere") == nil {
		t.Fatalf("%d at %s:\n%s", page.status, page.url, page.body)
	}
	if a := b.later(b.useFormerPasskey(page, made)); a.url.Path != "/" {
		t.Errorf("%d at %s", a.status, a.url)
	}

	// Not by the form of the present address, nor in another browser, nor at the former one from here.
	b = s.browser()
	page = b.get("/login")
	response := made.answer(t, attribute(page.element("former-passkey-form"), "data-options"))
	if a := b.submit(page, "passkey-form", "passkey", response); a.element("login-form") == nil {
		t.Errorf("by the other form: %d at %s", a.status, a.url)
	}
	stranger := s.browser()
	if a := stranger.submit(stranger.get("/login"), "former-passkey-form", "passkey", response); a.element("login-form") == nil {
		t.Errorf("in another browser: %d at %s", a.status, a.url)
	}
	page = b.submit(page, "former-passkey-form", "passkey", response)
	next := s.newAuthenticator()
	next.party.ID, next.party.Origin = nextDomain, "https://"+nextDomain
	if a := b.addPasskey(page, next, ""); a.url.Path != "/" {
		t.Errorf("%d at %s", a.status, a.url)
	}
	var rests []byte
	if err := s.app.Store.QueryRow(t.Context(), "SELECT p.credential_id FROM sessions s JOIN passkeys p ON p.org_id = s.org_id AND p.id = s.passkey_id ORDER BY s.id DESC LIMIT 1").Scan(&rests); err != nil ||
		!bytes.Equal(rests, made.credential.ID) {
		t.Errorf("the session does not rest on the passkey that was proved: %v", err)
	}
	b = s.browser()
	if a := b.useFormerPasskey(b.get("/login"), made); a.url.Path != "/" {
		t.Errorf("who has one of the present address is asked for one: %d at %s", a.status, a.url)
	}
	s.server.URL = formerDomain
	old := s.browser()
	if page := old.get("/login"); page.element("former-passkey-form") != nil {
		t.Error("at the former address passkeys of it are asked for as such")
	} else if a := old.usePasskey(page, made); a.element("login-form") == nil {
		t.Errorf("at the former address, from a page of the present one: %d at %s", a.status, a.url)
	}

	// It ends with the days of grace.
	s.server.URL = "https://" + nextDomain
	b = s.browser()
	page = b.get("/login")
	s.graceEnds()
	if status, _, _ := s.fetch(http.MethodGet, formerDomain+relatedPath, nil); status != http.StatusNotFound {
		t.Errorf("%d", status)
	}
	if a := b.useFormerPasskey(page, made); a.element("login-form") == nil || a.element("former-passkey-form") != nil {
		t.Errorf("%d at %s", a.status, a.url)
	}
}

// The address that organizations share names nobody's host as related: all of them have their passkeys there.
func TestTheSharedAddressHasNoRelatedOrigins(t *testing.T) {
	t.Parallel()
	s := newDomainSite(t)
	shared := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	s.moved(30)
	for _, address := range []string{"https://" + passkeyHost + relatedPath, "https://" + passkeyHost + "/acme" + relatedPath, formerDomain + relatedPath} {
		if status, _, body := s.fetch(http.MethodGet, address, nil); status != http.StatusNotFound || strings.Contains(body, ownDomain) {
			t.Errorf("%s: %d %s", address, status, body)
		}
	}
	b := s.browser()
	page := b.get("/login")
	if page.element("former-passkey-form") != nil {
		t.Error("passkeys that all share are asked for at an organization's own host")
	}
	shared.party.Origin = "https://" + ownDomain
	if a := b.submit(page, "passkey-form", "passkey", shared.answer(t, page.options()), "relying_party", "former"); a.element("login-form") == nil {
		t.Errorf("%d at %s", a.status, a.url)
	}
}

// Back at the address that all share, the passkeys of the host before are good: its pages are the server's own.
func TestMovingBackKeepsThePasskeysOfTheOwnDomain(t *testing.T) {
	t.Parallel()
	s := newDomainSite(t)
	s.moved(0)
	made := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	if err := s.move(s.acme, "", 30); err != nil {
		t.Fatal(err)
	}
	s.here()
	made.party.Origin = s.server.URL
	if status, _, body := s.fetch(http.MethodGet, formerDomain+relatedPath, nil); status != http.StatusOK || !strings.Contains(body, `"https://`+passkeyHost+`"`) {
		t.Errorf("%d %s", status, body)
	}
	b := s.browser()
	if a := b.useFormerPasskey(b.get("/acme/login"), made); a.url.Path != "/acme/action/passkey" || a.element("later-form") == nil {
		t.Errorf("%d at %s", a.status, a.url)
	}
	// Another organization's pages there do not ask for them.
	rival := s.organization("rival")
	if page := s.browser().get("/" + rival.Slug + "/login"); page.element("former-passkey-form") != nil {
		t.Error("another organization asks for them")
	}
}
