package server

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/identityprovider"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// peer is an OpenID provider that the test writes the answers of, and the site that trusts it.
type peer struct {
	*site
	server   *httptest.Server
	signer   *jose.Signer
	provider *identityprovider.Provider

	mu       sync.Mutex
	claims   map[string]any    // of the next ID token, over those that are right
	metadata map[string]any    // over the right ones
	codes    map[string]string // code → nonce
	verified map[string]string // code → code_challenge
	redeemed int
	padding  int // bytes that an answer of the token endpoint has too much
}

const peerSecret = "the secret/of:acme"

func newPeer(t *testing.T, settings ...string) *peer {
	t.Helper()
	p := &peer{codes: map[string]string{}, verified: map[string]string{}}
	var err error
	if p.signer, err = jose.GenerateSigner(jose.ES256); err != nil {
		t.Fatal(err)
	}
	p.server = httptest.NewTLSServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.server.Close)
	authority := filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	p.site = newSiteOn(t, dbtest.URL(t), append([]string{"fetch_allowed_networks", "127.0.0.0/8", "fetch_ca_file", authority}, settings...)...)
	p.provider = p.provide(p.acme, identityprovider.Provider{Alias: "corp", Name: "Corp", Issuer: p.server.URL, ClientID: "acme at corp"}, peerSecret)
	return p
}

func (s *site) provide(organization *org.Organization, wanted identityprovider.Provider, secret string) (made *identityprovider.Provider) {
	s.t.Helper()
	wanted.OrgID = organization.ID
	s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		made, err = s.app.Providers.Create(ctx, tx, operator, wanted, secret)
		return err
	})
	s.app.Providers.Forget(organization.ID)
	return made
}

func (p *peer) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	answer := map[string]any{}
	status := http.StatusOK
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		maps.Copy(answer, map[string]any{"issuer": p.server.URL, "authorization_endpoint": p.server.URL + "/authorize", "token_endpoint": p.server.URL + "/token", "jwks_uri": p.server.URL + "/jwks"})
		maps.Copy(answer, p.metadata)
	case "/jwks":
		answer["keys"] = []any{p.signer.Public()}
	case "/token":
		p.redeemed++
		code := r.PostFormValue("code")
		id, secret, _ := r.BasicAuth()
		challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		nonce, known := p.codes[code]
		if !known || id != url.QueryEscape("acme at corp") || secret != url.QueryEscape(peerSecret) || base64.RawURLEncoding.EncodeToString(challenge[:]) != p.verified[code] ||
			!strings.HasSuffix(r.PostFormValue("redirect_uri"), "/acme/idp/corp/callback") {
			status, answer["error"] = http.StatusBadRequest, "invalid_grant"
			break
		}
		delete(p.codes, code)
		now := time.Now().Unix()
		claims := map[string]any{"iss": p.server.URL, "sub": "countess", "aud": "acme at corp", "iat": now, "exp": now + 60, "nonce": nonce, "auth_time": now, "email": "ada@corp.test", "email_verified": true}
		maps.Copy(claims, p.claims)
		token, err := p.signer.Sign(r.Context(), "JWT", claims)
		if err != nil {
			status = http.StatusInternalServerError
		}
		answer["id_token"], answer["access_token"], answer["token_type"] = token, "x", "Bearer"
		answer["padding"] = strings.Repeat("x", p.padding)
	default:
		status = http.StatusNotFound
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

// says changes the claims of ID tokens from here on.
func (p *peer) says(namesAndValues ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claims = map[string]any{}
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		p.claims[namesAndValues[i].(string)] = namesAndValues[i+1]
	}
}

// there takes a browser that was sent to the provider, and returns where the provider sends it back to.
func (p *peer) there(a *answer) string {
	p.t.Helper()
	query := a.url.Query()
	if a.url.Host != strings.TrimPrefix(p.server.URL, "https://") || a.url.Path != "/authorize" || query.Get("nonce") == "" || query.Get("code_challenge_method") != "S256" ||
		query.Get("scope") != "openid email profile" || query.Get("client_id") != "acme at corp" {
		p.t.Fatalf("not at the provider: %d at %s", a.status, a.url)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	code := query.Get("state")[:10] + query.Get("nonce")[:10]
	p.codes[code], p.verified[code] = query.Get("nonce"), query.Get("code_challenge")
	return query.Get("redirect_uri") + "?" + url.Values{"code": {code}, "state": {query.Get("state")}}.Encode()
}

// elsewhere begins a sign-in of the application and goes to the provider.
func (p *peer) elsewhere(namesAndValues ...string) (*browser, *answer) {
	p.t.Helper()
	b := p.browser()
	link := b.get(p.authorizeURL(namesAndValues...)).element("idp-corp")
	if link == nil {
		p.t.Fatal("the sign-in page leads nowhere")
	}
	return b, b.get(attribute(link, "href"))
}

// linked has a person link the account at the provider.
func (p *peer) linked(person *user.User) {
	p.t.Helper()
	b, page := p.atAccount(person, "account/identities")
	a := b.get(p.there(b.open2(b.submit(page, "identities-form", "link", "corp"))))
	if a = b.submit(a, "link-identity-form", "decision", "link"); a.url.Path != "/acme/account/identities" || a.element("identity-1") == nil {
		p.t.Fatalf("not linked: %d at %s:\n%s", a.status, a.url, a.body)
	}
}

// open2 goes on where a page that moves on by itself leads.
func (b *browser) open2(a *answer) *answer {
	if a.url.Path == "" || !strings.Contains(a.url.Path, "/idp/") {
		return a
	}
	return b.get(a.url.String())
}

func (p *peer) identities() (count int) {
	p.t.Helper()
	if err := p.app.Store.QueryRow(p.t.Context(), "SELECT count(*) FROM upstream_identities").Scan(&count); err != nil {
		p.t.Fatal(err)
	}
	return count
}
