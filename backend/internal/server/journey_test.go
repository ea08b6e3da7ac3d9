package server

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/config"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/mail"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/passwordhash"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// site is a whole server over TLS on a database of its own, with one organization, person and client.
type site struct {
	below   string // path of the organization at server.URL
	t       testing.TB
	app     *App
	server  *httptest.Server
	acme    *org.Organization
	ada     *user.User
	web     *client.Client
	secret  string
	trips   *dbtest.RoundTrips
	metrics *metrics
	mailbox *mail.Mailbox
}

const (
	password    = "Engine-No-1843"
	callback    = "https://app.example.test/callback"
	afterLogout = "https://app.example.test/"
	verifier    = "a-code-verifier-that-is-long-enough-for-rfc-7636"
)

var operator = audit.Actor{Kind: audit.Operator, Name: "test"}

func newSite(t testing.TB) *site {
	t.Helper()
	return newSiteOn(t, dbtest.URL(t))
}

// newSiteOn makes a site on a database, with further settings as names and values.
func newSiteOn(t testing.TB, databaseURL string, settings ...string) *site {
	t.Helper()
	var handler http.Handler
	s := &site{t: t, trips: &dbtest.RoundTrips{}, mailbox: mail.NewMailbox(time.Now), server: httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))}
	t.Cleanup(s.server.Close)
	presets := map[string]string{"database_url": databaseURL, "public_url": s.server.URL, "key_encryption_key": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}
	for i := 0; i+1 < len(settings); i += 2 {
		presets[settings[i]] = settings[i+1]
	}
	cfg, err := config.Read(config.Source{Presets: presets})
	if err != nil {
		t.Fatal(err)
	}
	s.app, err = Open(t.Context(), cfg, slog.New(slog.NewTextHandler(logWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn})), Options{Workers: cfg.Workers, Store: store.Options{Configure: s.trips.Configure}, Hashing: passwordhash.Parameters{Memory: 64, Passes: 1, Parallelism: 1},
		FetchTimeout: time.Minute, Mail: s.mailbox})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.app.Close)
	if _, err := s.app.Organizations.EnsureSystem(t.Context(), operator); err != nil {
		t.Fatal(err)
	}
	s.metrics = newMetrics(s.app.Store, s.app.Hashes, s.app.Fetch, s.app.BackChannel)
	if handler, err = s.app.handler(s.metrics, &health{app: s.app}); err != nil {
		t.Fatal(err)
	}
	s.acme, s.below = s.organization("acme"), "/acme"
	s.ada = s.person(s.acme, "ada@acme.test")
	s.web, s.secret = s.client(s.acme, client.Client{Name: "Payroll", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback},
		PostLogoutRedirectURIs: []string{afterLogout}, GrantTypes: []string{client.AuthorizationCode, client.RefreshToken}, RequireConsent: true})
	return s
}

type logWriter struct{ t testing.TB }

func (w logWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func (s *site) inTx(do func(ctx context.Context, tx *store.Tx) error) {
	s.t.Helper()
	if err := s.app.Store.InTx(s.t.Context(), do); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) organization(slug string) (made *org.Organization) {
	s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		made, err = s.app.Organizations.Create(ctx, tx, operator, org.NewOrganization{Slug: slug, DisplayName: strings.ToUpper(slug)})
		return err
	})
	return made
}

func (s *site) person(organization *org.Organization, email string, required ...user.RequiredAction) (made *user.User) {
	hashed, err := s.app.Passwords.HashPreset(s.t.Context(), organization.ID, password)
	if err != nil {
		s.t.Fatal(err)
	}
	s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		made, err = s.app.Users.Create(ctx, tx, operator, user.User{OrgID: organization.ID, Username: email, Email: email, RequiredActions: required})
		if err != nil {
			return err
		}
		return s.app.Passwords.Store(ctx, tx, operator, organization.ID, made.ID, hashed)
	})
	return made
}

func (s *site) client(organization *org.Organization, wanted client.Client) (made *client.Client, secret string) {
	wanted.OrgID, wanted.Origin = organization.ID, client.Administrator
	s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		made, secret, err = s.app.Clients.Create(ctx, tx, operator, wanted, "")
		return err
	})
	return made, secret
}

// browser is a browser without JavaScript: it keeps cookies and posts forms.
type browser struct {
	*site
	http *http.Client
}

func (s *site) browser() *browser {
	jar, _ := cookiejar.New(nil)
	connection := s.server.Client()
	return &browser{s, &http.Client{Transport: connection.Transport, Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), s.server.URL) {
			return http.ErrUseLastResponse // it left for the application
		}
		return nil
	}}}
}

// answer is where a browser ended: a page of ours, or an address of the application.
type answer struct {
	t      testing.TB
	status int
	url    *url.URL
	header http.Header
	body   string
	page   *html.Node
}

func (b *browser) do(r *http.Request) *answer {
	b.t.Helper()
	response, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	a := &answer{t: b.t, status: response.StatusCode, url: response.Request.URL, header: response.Header, body: string(body)}
	if location, err := response.Location(); err == nil {
		a.url = location
	}
	if a.page, err = html.Parse(strings.NewReader(a.body)); err != nil {
		b.t.Fatal(err)
	}
	return a
}

func (b *browser) get(address string) *answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.absolute(address), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(r)
}

func (b *browser) absolute(address string) string {
	if strings.HasPrefix(address, "/") {
		return b.server.URL + address
	}
	return address
}

func (b *browser) post(address string, form url.Values, header ...string) *answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.absolute(address), strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.server.URL)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return b.do(r)
}

// submit fills in and posts the form with the id.
func (b *browser) submit(a *answer, id string, namesAndValues ...string) *answer {
	b.t.Helper()
	action, fields := a.form(id)
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		fields.Set(namesAndValues[i], namesAndValues[i+1])
	}
	return b.post(action, fields)
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// element returns the element with the id, nil when there is none.
func (a *answer) element(id string) (found *html.Node) {
	for n := range a.page.Descendants() {
		if n.Type == html.ElementNode && attribute(n, "id") == id {
			return n
		}
	}
	return nil
}

func (a *answer) text(id string) string {
	n := a.element(id)
	if n == nil {
		return ""
	}
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

func (a *answer) form(id string) (action string, fields url.Values) {
	a.t.Helper()
	n := a.element(id)
	if n == nil {
		a.t.Fatalf("no form %q at %s (status %d):\n%s", id, a.url, a.status, a.body)
	}
	fields = url.Values{}
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.Data == "input" && attribute(d, "name") != "" && attribute(d, "type") != "checkbox" {
			fields.Set(attribute(d, "name"), attribute(d, "value"))
		}
	}
	return attribute(n, "action"), fields
}

func (s *site) authorizeURL(namesAndValues ...string) string {
	digest := sha256.Sum256([]byte(verifier))
	q := url.Values{"client_id": {s.web.ClientID}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid profile email"}, "state": {"the-state"}, "nonce": {"the-nonce"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(digest[:])}, "code_challenge_method": {"S256"}}
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		q.Set(namesAndValues[i], namesAndValues[i+1])
		if namesAndValues[i+1] == "" {
			q.Del(namesAndValues[i])
		}
	}
	return s.below + "/authorize?" + q.Encode()
}

// signIn goes through login and consent and returns the answer for the application.
func (b *browser) signIn(namesAndValues ...string) *answer {
	b.t.Helper()
	a := b.get(b.authorizeURL(namesAndValues...))
	if a.element("login-form") != nil {
		a = b.submit(a, "login-form", "username", b.ada.Username, "password", password)
	}
	if a.element("consent-form") != nil {
		a = b.submit(a, "consent-form", "decision", "allow")
	}
	return a
}

// tokens redeems the code of an answer and returns status and body of the token endpoint.
func (s *site) tokens(a *answer, namesAndValues ...string) (int, map[string]any) {
	s.t.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {a.url.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	return s.tokenRequest(form, namesAndValues...)
}

func (s *site) tokenRequest(form url.Values, namesAndValues ...string) (int, map[string]any) {
	s.t.Helper()
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		form.Set(namesAndValues[i], namesAndValues[i+1])
	}
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.server.URL+s.below+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(s.web.ClientID), url.QueryEscape(s.secret))
	response, err := s.server.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, body
}

func TestSigningInGivesTheApplicationTokens(t *testing.T) {
	t.Parallel()
	t.Run("short-lived state in PostgreSQL", func(t *testing.T) { t.Parallel(); signInOnce(t, newSite(t)) })
	t.Run("short-lived state in Redis", func(t *testing.T) {
		t.Parallel()
		signInOnce(t, newSiteOn(t, dbtest.URL(t), "redis_url", dbtest.Redis(t)))
	})
}

func signInOnce(t *testing.T, s *site) {
	t.Helper()
	b := s.browser()
	a := b.get(s.authorizeURL())
	if a.status != http.StatusOK || a.element("login-form") == nil || !strings.HasPrefix(a.url.Path, "/acme/login") {
		t.Fatalf("expected the login page, got %d at %s:\n%s", a.status, a.url, a.body)
	}
	a = b.submit(a, "login-form", "username", "ADA@acme.test ", "password", password)
	if a.element("consent-form") == nil || a.url.Path != "/acme/consent" {
		t.Fatalf("expected the consent page, got %d at %s:\n%s", a.status, a.url, a.body)
	}
	a = b.submit(a, "consent-form", "decision", "allow")
	q := a.url.Query()
	if a.status != http.StatusSeeOther || !strings.HasPrefix(a.url.String(), callback) || q.Get("state") != "the-state" || q.Get("iss") != s.server.URL+"/acme" || q.Get("session_state") == "" || len(q) != 4 {
		t.Fatalf("expected a code at the application, got %d at %s", a.status, a.url)
	}
	status, tokens := s.tokens(a)
	if status != http.StatusOK || tokens["access_token"] == nil || tokens["id_token"] == nil || tokens["refresh_token"] == nil {
		t.Fatalf("token endpoint: %d %v", status, tokens)
	}
	if again := b.get(s.authorizeURL("prompt", "none")); again.url.Query().Get("code") == "" {
		t.Fatalf("prompt=none right after a sign-in must succeed silently (OpenID Connect Core §3.1.2.1): %s", again.url)
	}
}
