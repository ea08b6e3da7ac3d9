package server

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/clavex/clavex/backend/internal/customdomain"
	"github.com/clavex/clavex/backend/internal/dnstest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
)

// ownDomain is a host that the test server's certificate and clients know.
const ownDomain = "login.example.com"

// domainSite is a site whose organizations can have domains of their own.
type domainSite struct {
	*site
	names *dnstest.Server
}

func newDomainSite(t *testing.T, settings ...string) *domainSite {
	t.Helper()
	names := dnstest.New(t)
	return &domainSite{newPasskeySite(t, append(settings, "dns_server", names.Address)...), names}
}

// claim has an organization claim a domain, and proves it.
func (s *domainSite) claim(organization *org.Organization, host string) (claimed customdomain.Domain) {
	s.t.Helper()
	s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		claimed, err = s.app.Domains.Claim(ctx, tx, operator, organization, host)
		return err
	})
	s.names.Set(claimed.Record.Name, "something else", claimed.Record.Value)
	if err := s.app.Domains.Proved(s.t.Context(), claimed); err != nil {
		s.t.Fatal(err)
	}
	s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		claimed, err = s.app.Domains.Verify(ctx, tx, operator, organization.ID, claimed.ID, customdomain.ByOperator) // it is below the server's own
		return err
	})
	s.app.Domains.Forget(organization.ID)
	return claimed
}

func (s *domainSite) move(organization *org.Organization, host string, graceDays int) error {
	s.t.Helper()
	err := s.app.Store.InTx(s.t.Context(), func(ctx context.Context, tx *store.Tx) error {
		current, err := s.app.Organizations.ByID(ctx, tx, organization.ID)
		if err != nil {
			return err
		}
		_, err = s.app.Domains.Move(ctx, tx, operator, organization.ID, current.Version, host, graceDays)
		return err
	})
	s.app.Organizations.Forget(organization)
	return err
}

// moved brings acme to its own domain, with days of grace, and the test there.
func (s *domainSite) moved(graceDays int) {
	s.t.Helper()
	s.claim(s.acme, ownDomain)
	if err := s.move(s.acme, ownDomain, graceDays); err != nil {
		s.t.Fatal(err)
	}
	s.there()
}

// there has what the test does happen at the domain, here at the address that all share.
func (s *domainSite) there() { s.server.URL, s.below = "https://"+ownDomain, "" }
func (s *domainSite) here()  { s.server.URL, s.below = "https://"+passkeyHost, "/acme" }

// graceEnds makes the days of grace be over.
func (s *domainSite) graceEnds() {
	s.t.Helper()
	if _, err := s.app.Store.Exec(s.t.Context(), "UPDATE organizations SET former_until = now() - interval '1 second' WHERE former_until IS NOT NULL"); err != nil {
		s.t.Fatal(err)
	}
	s.app.Organizations.Forget(s.acme)
}

// fetch asks an address, and does not follow where it leads.
func (s *domainSite) fetch(method, address string, form url.Values) (status int, header http.Header, body string) {
	s.t.Helper()
	var content io.Reader
	if form != nil {
		content = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, address, content)
	if err != nil {
		s.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := s.browser().http.Transport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(read)
}

// posts sends a form with a request that was made for it.
func (s *domainSite) posts(r *http.Request, form url.Values) (status int, body map[string]any) {
	s.t.Helper()
	content := form.Encode()
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(content)), int64(len(content))
	response, err := s.server.Client().Transport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	_ = json.NewDecoder(response.Body).Decode(&body)
	return response.StatusCode, body
}

func (s *domainSite) metadata(address string) (metadata map[string]any) {
	s.t.Helper()
	status, _, body := s.fetch(http.MethodGet, address, nil)
	if status != http.StatusOK || json.Unmarshal([]byte(body), &metadata) != nil {
		s.t.Fatalf("%s: %d %s", address, status, body)
	}
	return metadata
}

// pkce is the code_challenge of the verifier.
func pkce() string {
	digest := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// claimOf is a claim of a JWT.
func claimOf(token any, name string) any {
	text, _ := token.(string)
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil
	}
	content, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var claims map[string]any
	_ = json.Unmarshal(content, &claims)
	return claims[name]
}

func TestAnOrganizationAtItsOwnDomain(t *testing.T) {
	t.Parallel()
	s := newDomainSite(t)
	rival := s.organization("rival")
	_, before := s.tokens(s.browser().signIn("scope", "openid offline_access", "prompt", "consent"))
	old := s.browser()
	old.signIn()
	s.moved(30)
	own, shared := "https://"+ownDomain, "https://"+passkeyHost+"/acme"

	for address, issuer := range map[string]string{own + "/.well-known/openid-configuration": own, own + "/.well-known/oauth-authorization-server": own,
		shared + "/.well-known/openid-configuration": shared, "https://" + passkeyHost + "/.well-known/oauth-authorization-server/acme": shared} {
		found := s.metadata(address)
		if found["issuer"] != issuer || found["token_endpoint"] != issuer+"/token" || found["jwks_uri"] != issuer+"/jwks" || found["authorization_endpoint"] != issuer+"/authorize" {
			t.Errorf("%s: %v %v", address, found["issuer"], found["token_endpoint"])
		}
	}
	if found := s.metadata(own + "/.well-known/oauth-protected-resource"); found["resource"] != own {
		t.Errorf("%v", found["resource"])
	}
	if s.metadata(own + "/jwks")["keys"] == nil {
		t.Error("no keys")
	}

	b := s.browser()
	page := b.get(s.authorizeURL("prompt", "consent", "scope", "openid profile offline_access"))
	if page.url.Host != ownDomain || page.url.Path != "/login" || !strings.HasPrefix(attribute(page.element("former-address"), "href"), "/login/former-address?transaction=") {
		t.Fatalf("%d at %s", page.status, page.url)
	}
	answered := b.allowed(b.submit(page, "login-form", "username", s.ada.Username, "password", password))
	if answered.url.Query().Get("iss") != own {
		t.Fatalf("%d at %s", answered.status, answered.url)
	}
	_, tokens := s.tokens(answered)
	if claimOf(tokens["id_token"], "iss") != own || claimOf(tokens["access_token"], "iss") != own {
		t.Errorf("%v", tokens)
	}
	for name, token := range map[string]any{"made here": tokens["access_token"], "made at the address before": before["access_token"]} {
		if status, _, body := s.userinfo(token); status != http.StatusOK {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if status, refreshed := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {before["refresh_token"].(string)}}); status != http.StatusOK || claimOf(refreshed["id_token"], "iss") != own {
		t.Errorf("a refresh token of before: %d %v", status, refreshed)
	}
	if a := b.get("/account"); a.status != http.StatusOK || a.url.Host != ownDomain || a.element("profile-form") == nil {
		t.Errorf("account: %d at %s", a.status, a.url)
	}
	if a := b.get("/"); a.status != http.StatusOK {
		t.Errorf("front page: %d at %s", a.status, a.url)
	}
	// Who is signed in at one address is not at the other one: their cookies are apart.
	if a := b.get("https://" + passkeyHost + "/acme/authorize?prompt=none&" + strings.SplitN(s.authorizeURL(), "?", 2)[1]); a.url.Query().Get("error") != "login_required" {
		t.Errorf("%s", a.url)
	}

	// Nothing else is there.
	for _, path := range []string{"/console/", "/api/v1/orgs", "/rival/login", "/acme/login", "/rival/.well-known/openid-configuration", "/.well-known/openid-configuration/rival",
		"/.well-known/oauth-authorization-server/rival", "/docs/", "/%2e%2e/rival/login", "/..%2frival%2flogin", "//rival/login"} {
		if status, _, body := s.fetch(http.MethodGet, own+path, nil); status != http.StatusNotFound || strings.Contains(body, rival.DisplayName) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, path := range []string{"/healthz", "/robots.txt"} {
		if status, _, _ := s.fetch(http.MethodGet, own+path, nil); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
	}

	// The address before goes on for a while, as the issuer that it was.
	s.here()
	if a := old.get(s.authorizeURL("prompt", "none")); a.url.Query().Get("code") == "" || a.url.Query().Get("iss") != shared {
		t.Errorf("%s", a.url)
	}
	_, again := s.tokens(s.browser().signIn())
	if claimOf(again["id_token"], "iss") != shared {
		t.Errorf("%v", again)
	}
	if status, _, _ := s.userinfo(tokens["access_token"]); status != http.StatusOK {
		t.Errorf("a token of the new address at the one before: %d", status)
	}

	// Then it leads people to where the organization is, and says so to programs.
	s.graceEnds()
	status, header, _ := s.fetch(http.MethodGet, shared+"/authorize?client_id=x&state=%26", nil)
	if status != http.StatusFound || header.Get("Location") != own+"/authorize?client_id=x&state=%26" {
		t.Errorf("%d %s", status, header.Get("Location"))
	}
	for _, path := range []string{"/token", "/par", "/introspect"} {
		status, _, body := s.fetch(http.MethodPost, shared+path, url.Values{"grant_type": {"client_credentials"}})
		if status != http.StatusNotFound && status != http.StatusBadRequest || !strings.Contains(body, "another address") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, _, body := s.fetch(http.MethodGet, shared+"/.well-known/openid-configuration", nil); status == http.StatusOK {
		t.Errorf("metadata: %s", body)
	}
	if status, _, _ := s.fetch(http.MethodPost, shared+"/login", url.Values{"username": {"x"}}); status != http.StatusNotFound {
		t.Errorf("a form: %d", status)
	}
	// However the path is written, it leads to the organization's own host or nowhere.
	for _, path := range []string{"%2flogo%2f@evil.example", "/logo%2f@evil.example", "%2fidp%2f@evil.example", "//evil.example", "/%5cevil.example", "%2f%2fevil.example/login"} {
		status, header, _ := s.fetch(http.MethodGet, shared+path, nil)
		if to, err := url.Parse(header.Get("Location")); status == http.StatusFound && (err != nil || to.Host != ownDomain || to.User != nil) {
			t.Errorf("%s leads to %s", path, header.Get("Location"))
		}
	}
	s.there()
	if status, _, _ := s.userinfo(tokens["access_token"]); status != http.StatusOK {
		t.Errorf("the present address: %d", status)
	}
	if status, _, _ := s.userinfo(before["access_token"]); status != http.StatusUnauthorized {
		t.Errorf("a token of an address that is not served any more: %d", status)
	}
}

// A passkey is one of the host that it was made at, and of no other (WebAuthn Level 3 §5.1.3, §13.4.9).
func TestPasskeysOfAnOwnDomain(t *testing.T) {
	t.Parallel()
	s := newDomainSite(t)
	elsewhere := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	s.moved(30)
	b := s.browser()
	page := b.get("/login")
	var options struct{ RPID string }
	if json.Unmarshal([]byte(page.options()), &options) != nil || options.RPID != ownDomain {
		t.Fatalf("%s", page.options())
	}
	if a := b.usePasskey(page, elsewhere); a.element("login-form") == nil || a.status != http.StatusUnprocessableEntity {
		t.Errorf("of the shared host: %d at %s", a.status, a.url)
	}
	made := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{})
	if made.stored.RPID != ownDomain {
		t.Fatalf("made for %s", made.stored.RPID)
	}
	if a := b.usePasskey(b.get("/login"), made); a.url.Path != "/" || a.url.Host != ownDomain {
		t.Errorf("%d at %s", a.status, a.url)
	}
	// What was answered at one address is nothing at the other one, though the challenge is good still.
	response := made.answer(t, s.browser().get("/login").options())
	s.here()
	old := s.browser()
	if a := old.submit(old.get("/acme/login"), "passkey-form", "passkey", response); a.element("login-form") == nil {
		t.Errorf("at the address before: %d at %s", a.status, a.url)
	}
	if a := old.usePasskey(old.get("/acme/login"), made); a.element("login-form") == nil {
		t.Errorf("the new passkey at the address before: %d at %s", a.status, a.url)
	}
	if a := old.usePasskey(old.get("/acme/login"), elsewhere); a.url.Path != "/acme/" {
		t.Errorf("the former passkey at the address before: %d at %s", a.status, a.url)
	}
	// The page of passkeys says what works where.
	if a := old.get("/acme/" + passkeysPage); !strings.Contains(a.text("former-address"), ownDomain) || strings.Count(a.body, "This passkey is for "+ownDomain) != 1 {
		t.Errorf("%d at %s:\n%s", a.status, a.url, a.body)
	}
}

// Whoever signed in at the new address with something else adds a passkey there, by the pages.
func TestMakingAPasskeyAtAnOwnDomain(t *testing.T) {
	t.Parallel()
	s := newDomainSite(t)
	s.moved(0)
	b := s.browser()
	b.submit(b.get("/login"), "login-form", "username", s.ada.Username, "password", password)
	page := b.get("/" + passkeysPage)
	key := s.newAuthenticator()
	key.party.ID, key.party.Origin = ownDomain, "https://"+ownDomain
	b.addPasskey(page, key, "Laptop")
	if page.element("former-address") != nil {
		t.Error("no former address is served")
	}
	if own := s.passkeysOf(s.ada); len(own) != 1 || own[0].RPID != ownDomain {
		t.Errorf("%+v", own)
	}
}

func TestPagesOfADomainLeadToItself(t *testing.T) {
	t.Parallel()
	s := newDomainSite(t, "sign_ins_per_network", "1")
	s.moved(0)
	s.browser().get("/login")
	limited := s.browser().get("/login?ui_locales=en&x=%2F")
	if limited.status != http.StatusTooManyRequests || attribute(limited.element("retry"), "href") != "/login?ui_locales=en&x=%2F" {
		t.Errorf("%d at %s:\n%s", limited.status, limited.url, limited.body)
	}
}

func TestAFormOfOneAddressIsNoneOfAnother(t *testing.T) {
	t.Parallel()
	s := newDomainSite(t)
	s.moved(30)
	b := s.browser()
	page := b.get("/login")
	action, fields := page.form("login-form")
	fields.Set("username", s.ada.Username)
	fields.Set("password", password)
	for origin, want := range map[string]bool{"https://" + passkeyHost: false, "https://" + ownDomain: true} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+ownDomain+action, strings.NewReader(fields.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
		if a := b.do(r); (a.url.Path == "/") != want {
			t.Errorf("%s: %d at %s", origin, a.status, a.url)
		}
	}
}
