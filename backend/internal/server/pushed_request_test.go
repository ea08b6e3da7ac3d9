package server

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/jose"
)

// parameters are those of authorizeURL.
func (s *site) parameters(namesAndValues ...string) url.Values {
	_, query, _ := strings.Cut(s.authorizeURL(namesAndValues...), "?")
	parameters, err := url.ParseQuery(query)
	if err != nil {
		s.t.Fatal(err)
	}
	return parameters
}

// pushing sends a form to the pushed authorization request endpoint; change may alter the request.
func (s *site) pushing(form string, change func(*http.Request)) (int, http.Header, map[string]any) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.server.URL+"/acme/par", strings.NewReader(form))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if s.secret != "" {
		r.SetBasicAuth(url.QueryEscape(s.web.ClientID), url.QueryEscape(s.secret))
	}
	if change != nil {
		change(r)
	}
	response, err := s.server.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		s.t.Fatalf("%d: %v", response.StatusCode, err)
	}
	return response.StatusCode, response.Header, body
}

// push pushes a good request, changed, and returns the address with its reference.
func (s *site) push(namesAndValues ...string) string {
	s.t.Helper()
	status, header, body := s.pushing(s.parameters(namesAndValues...).Encode(), nil)
	reference, _ := body["request_uri"].(string)
	if status != http.StatusCreated || !strings.HasPrefix(reference, "urn:ietf:params:oauth:request_uri:") || body["expires_in"] != 90.0 ||
		len(body) != 2 || header.Get("Cache-Control") != "no-store" || header.Get("Content-Type") != "application/json" {
		s.t.Fatalf("RFC 9126 §2.2: %d %v %v", status, header, body)
	}
	return s.pushedURL(reference)
}

func (s *site) pushedURL(reference string, namesAndValues ...string) string {
	q := url.Values{"client_id": {s.web.ClientID}, "request_uri": {reference}}
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		q.Set(namesAndValues[i], namesAndValues[i+1])
	}
	return "/acme/authorize?" + q.Encode()
}

func TestAPushedRequestIsUsedOnceAndOutsideParametersAreIgnored(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	address := s.push("state", "pushed", "scope", "openid email")
	// What stands beside the reference is ignored (RFC 9126 §4).
	beside := address + "&scope=openid+profile&state=beside&redirect_uri=https%3A%2F%2Fevil.example.test%2F&response_type=token&state=again"
	for range 2 { // people reload
		if a := b.get(beside); a.element("login-form") == nil {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	a := b.submit(b.get(beside), "login-form", "username", s.ada.Username, "password", password)
	a = b.submit(a, "consent-form", "decision", "allow")
	if got := a.url.Query(); got.Get("state") != "pushed" || got.Get("iss") != s.server.URL+"/acme" || !strings.HasPrefix(a.url.String(), callback) {
		t.Fatalf("answered %s", a.url)
	}
	status, tokens := s.tokens(a)
	if status != http.StatusOK || tokens["scope"] != "openid email" {
		t.Fatalf("%d %v", status, tokens)
	}
	if a := b.get(address); a.status != http.StatusBadRequest || a.text("error-code") == "" || a.header.Get("Location") != "" {
		t.Errorf("RFC 9126 §7.3: used again: %d at %s", a.status, a.url)
	}
}

func TestAPushedRequestIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const used = "invalid_request_uri"
	t.Run("two tabs", func(t *testing.T) {
		b, address := s.browser(), s.push()
		first, second := b.get(address), b.get(address)
		a := b.submit(b.submit(first, "login-form", "username", s.ada.Username, "password", password), "consent-form", "decision", "allow")
		if a.url.Query().Get("code") == "" {
			t.Fatalf("first: %s", a.url)
		}
		if a := b.submit(second, "login-form", "username", s.ada.Username, "password", password); a.url.Query().Get("error") != used || a.url.Query().Get("code") != "" {
			t.Errorf("second: %s", a.url)
		}
	})
	signedIn := s.browser()
	signedIn.signIn()
	t.Run("twice at once", func(t *testing.T) {
		address := s.push()
		var codes, refusals int
		var counted sync.Mutex
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				a := signedIn.get(address)
				counted.Lock()
				defer counted.Unlock()
				switch {
				case a.url.Query().Get("code") != "":
					codes++
				case a.url.Query().Get("error") == used, a.status == http.StatusBadRequest:
					refusals++
				}
			})
		}
		if both.Wait(); codes != 1 || refusals != 1 {
			t.Errorf("%d codes and %d refusals", codes, refusals)
		}
	})
	t.Run("a refusal is an answer", func(t *testing.T) {
		b, address := s.browser(), s.push("prompt", "none")
		if a := b.get(address); a.url.Query().Get("error") != "login_required" {
			t.Fatalf("%s", a.url)
		}
		if a := b.get(address); a.status != http.StatusBadRequest || a.element("error-page") == nil {
			t.Errorf("again: %d at %s", a.status, a.url)
		}
		address = s.push("prompt", "consent")
		if a := signedIn.submit(signedIn.get(address), "consent-form", "decision", "deny"); a.url.Query().Get("error") != "access_denied" {
			t.Fatalf("%s", a.url)
		}
		if a := signedIn.get(address); a.status != http.StatusBadRequest {
			t.Errorf("after a denial: %d at %s", a.status, a.url)
		}
	})
}

func TestReferencesOfPushedRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn()
	address := s.push()
	reference := parsed(t, address).Get("request_uri")
	rival := s.organization("rival")
	other, _ := s.client(s.acme, client.Client{Name: "Other", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback}})
	foreign, _ := s.client(rival, client.Client{Name: "Foreign", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback}})
	for name, wrong := range map[string]string{
		"another client's":        strings.Replace(address, s.web.ClientID, other.ClientID, 1),
		"another organization's":  strings.NewReplacer("/acme/", "/rival/", s.web.ClientID, foreign.ClientID).Replace(address),
		"unknown":                 s.pushedURL("urn:ietf:params:oauth:request_uri:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
		"empty":                   s.pushedURL("urn:ietf:params:oauth:request_uri:"),
		"oversized":               s.pushedURL("urn:ietf:params:oauth:request_uri:" + strings.Repeat("a", 9000)),
		"without a client":        "/acme/authorize?" + url.Values{"request_uri": {reference}}.Encode(),
		"beside a request object": s.pushedURL(reference, "request", "e30.e30."),
	} {
		if a := b.get(wrong); a.status != http.StatusBadRequest || a.element("error-page") == nil || a.header.Get("Location") != "" {
			t.Errorf("%s: %d at %s", name, a.status, a.url)
		}
	}
	if a := b.get(address); a.url.Query().Get("code") == "" {
		t.Errorf("the wrong attempts used the reference up: %d at %s", a.status, a.url)
	}
}

func parsed(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestPushedRequestsAreJudgedAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	other, _ := s.client(s.acme, client.Client{Name: "Other", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback}})
	good := func(change ...string) string { return s.parameters(change...).Encode() }
	basic := func(id, secret string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) }
	}
	for name, test := range map[string]struct {
		form   string
		change func(*http.Request)
		status int
		code   string
	}{
		"a request_uri inside":          {good("request_uri", "urn:ietf:params:oauth:request_uri:x"), nil, 400, "invalid_request"},
		"a wrong secret":                {good(), basic(s.web.ClientID, "wrong"), 401, "invalid_client"},
		"no authentication":             {good(), func(r *http.Request) { r.Header.Del("Authorization") }, 401, "invalid_client"},
		"another client's id":           {good("client_id", other.ClientID), nil, 400, "invalid_request"},
		"an unregistered redirect URI":  {good("redirect_uri", "https://evil.example.test/"), nil, 400, "invalid_request"},
		"no redirect URI":               {good("redirect_uri", ""), nil, 400, "invalid_request"},
		"no response type":              {good("response_type", ""), nil, 400, "invalid_request"},
		"a response type of the legacy": {good("response_type", "token"), nil, 400, "unsupported_response_type"},
		"no PKCE":                       {good("code_challenge", ""), nil, 400, "invalid_request"},
		"plain PKCE":                    {good("code_challenge_method", "plain"), nil, 400, "invalid_request"},
		"contradicting prompts":         {good("prompt", "none login"), nil, 400, "invalid_request"},
		"a wrong hint":                  {good("id_token_hint", "e30.e30.x"), nil, 400, "invalid_request"},
		"malformed claims":              {good("claims", "{"), nil, 400, "invalid_request"},
		"a broken request object":       {good("request", "e30.e30.x"), nil, 400, "invalid_request_object"},
		"a repeated parameter":          {good() + "&state=again", nil, 400, "invalid_request"},
		"JSON":                          {"{}", func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, 400, "invalid_request"},
		"too large":                     {good("state", strings.Repeat("s", 70<<10)), nil, 413, "invalid_request"},
		"by GET":                        {"", func(r *http.Request) { r.Method = http.MethodGet }, 405, "invalid_request"},
	} {
		status, header, body := s.pushing(test.form, test.change)
		if status != test.status || body["error"] != test.code || body["request_uri"] != nil {
			t.Errorf("%s: %d %v", name, status, body)
		}
		if status != http.StatusMethodNotAllowed && header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be cached", name)
		}
	}
	s.person(s.acme, "bob@acme.test")
	if status, _, body := s.pushing(good("client_id", "", "login_hint", "bob@acme.test"), nil); status != http.StatusCreated {
		t.Errorf("the client_id follows from the authentication: %d %v", status, body)
	}
}

func TestRequestObjectsArePushed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn()
	of := s.signing(t, jose.ES256, client.Metadata{})
	pushed := func(change map[string]any) (int, map[string]any) {
		status, _, body := s.pushing(url.Values{"client_id": {s.web.ClientID}, "state": {"outside"}, "request": {of.object(t, "oauth-authz-req+jwt", change)}}.Encode(), nil)
		return status, body
	}
	digest := s.parameters().Get("code_challenge")
	status, body := pushed(map[string]any{"code_challenge": digest, "code_challenge_method": "S256"})
	if status != http.StatusCreated {
		t.Fatalf("%d %v", status, body)
	}
	if got := b.get(s.pushedURL(body["request_uri"].(string), "state", "beside")).url.Query(); got.Get("code") == "" || got.Get("state") != "inside" {
		t.Errorf("%v", got)
	}
	for name, change := range map[string]map[string]any{
		"another client's":        {"client_id": "other"},
		"another issuer's":        {"iss": "other"},
		"for another server":      {"aud": "https://other.example.test"},
		"expired":                 {"exp": 1},
		"with a reference inside": {"request_uri": "urn:ietf:params:oauth:request_uri:x"},
		"without PKCE":            {"code_challenge": nil},
	} {
		if status, body := pushed(change); status != http.StatusBadRequest || body["request_uri"] != nil {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
}

func TestAClientThatMustPushIsHeldToIt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn()
	s.web, s.secret = s.client(s.acme, client.Client{Name: "Bank", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback},
		Metadata: client.Metadata{RequirePushedAuthorizationRequests: true}})
	if got := b.get(s.authorizeURL()).url.Query(); got.Get("error") != "invalid_request" || got.Get("code") != "" {
		t.Errorf("RFC 9126 §6: %v", got)
	}
	if a := b.get(s.push()); a.url.Query().Get("code") == "" {
		t.Errorf("%s", a.url)
	}
}

func TestPushesWithoutAuthenticationAreLimited(t *testing.T) {
	t.Parallel()
	s := newSiteOn(t, dbtest.URL(t), "sign_ins_per_network", "1")
	s.web, s.secret = s.client(s.acme, client.Client{Name: "Page", AuthenticationMethod: client.None, RedirectURIs: []string{callback}})
	for range 10 {
		s.push()
	}
	status, header, body := s.pushing(s.parameters().Encode(), nil)
	if status != http.StatusTooManyRequests || header.Get("Retry-After") == "" || body["error"] != "temporarily_unavailable" {
		t.Errorf("%d %v", status, body)
	}
}
