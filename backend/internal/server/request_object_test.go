package server

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/jose"
)

// signs is a client with a key, and signs a request object of the claims of a good request, changed.
type signs struct {
	*site
	key *jose.Signer
}

func newSigner(t *testing.T, algorithm jose.Algorithm) (*jose.Signer, json.RawMessage) {
	t.Helper()
	key, err := jose.GenerateSigner(algorithm)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(map[string]any{"keys": []jose.PublicKey{key.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	return key, set
}

func (s *site) signing(t *testing.T, algorithm jose.Algorithm, metadata client.Metadata) signs {
	t.Helper()
	key, set := newSigner(t, algorithm)
	if metadata.JWKSURI == "" {
		metadata.JWKS = set
	}
	s.web, s.secret = s.client(s.acme, client.Client{Name: "Signs", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback}, Metadata: metadata})
	return signs{s, key}
}

func (s signs) claims(change map[string]any) map[string]any {
	now := time.Now().Unix()
	claims := map[string]any{"iss": s.web.ClientID, "aud": s.server.URL + "/acme", "iat": now, "exp": now + 3600, "client_id": s.web.ClientID,
		"response_type": "code", "redirect_uri": callback, "scope": "openid email", "state": "inside", "nonce": "inside", "max_age": 3600}
	maps.Copy(claims, change)
	for name, value := range claims {
		if value == nil {
			delete(claims, name)
		}
	}
	return claims
}

func (s signs) object(t *testing.T, tokenType string, change map[string]any) string {
	t.Helper()
	signed, err := s.key.Sign(t.Context(), tokenType, s.claims(change))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestRequestObjectsByValue(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn()
	for _, algorithm := range []jose.Algorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA} {
		of := s.signing(t, algorithm, client.Metadata{})
		for _, tokenType := range []string{"JWT", "oauth-authz-req+jwt"} {
			a := b.get(s.authorizeURL("request", of.object(t, tokenType, nil), "state", "outside", "nonce", "outside"))
			if got := a.url.Query(); got.Get("code") == "" || got.Get("state") != "inside" {
				t.Fatalf("%s %s: %v", algorithm, tokenType, got)
			}
			status, tokens := s.tokens(a)
			if status != http.StatusOK || claims(t, tokens["id_token"].(string))["nonce"] != "inside" || tokens["scope"] != "openid email" {
				t.Errorf("%s: the object's parameters do not win: %v", algorithm, tokens)
			}
		}
	}
	of := s.signing(t, jose.ES256, client.Metadata{})
	thief, _ := newSigner(t, jose.ES256)
	stolen, err := thief.Sign(t.Context(), "JWT", of.claims(nil))
	if err != nil {
		t.Fatal(err)
	}
	good := of.object(t, "JWT", nil)
	inside := func(name string, value any) string { return of.object(t, "JWT", map[string]any{name: value}) }
	unsigned := "eyJhbGciOiJub25lIn0." + strings.Split(good, ".")[1] + "."
	for name, c := range map[string]struct {
		parameters []string
		want       string
	}{
		"signed with a key the client does not have":     {[]string{"request", stolen}, "invalid_request_object"},
		"none, which the client did not register (§6.1)": {[]string{"request", unsigned}, "invalid_request_object"},
		"a tampered signature":                           {[]string{"request", good[:len(good)-6] + "AAAAAA"}, "invalid_request_object"},
		"no JWT":                                         {[]string{"request", "nonsense"}, "invalid_request_object"},
		"encrypted":                                      {[]string{"request", "a.b.c.d.e"}, "invalid_request_object"},
		"for another issuer":                             {[]string{"request", inside("aud", "https://other.example.test")}, "invalid_request_object"},
		"of another client":                              {[]string{"request", inside("iss", "other")}, "invalid_request_object"},
		"expired":                                        {[]string{"request", inside("exp", 1000000000)}, "invalid_request_object"},
		"not yet valid":                                  {[]string{"request", inside("nbf", time.Now().Add(time.Hour).Unix())}, "invalid_request_object"},
		"an access token's typ":                          {[]string{"request", of.object(t, "at+jwt", nil)}, "invalid_request_object"},
		"another client_id inside":                       {[]string{"request", inside("client_id", "other")}, "invalid_request_object"},
		"another response_type inside":                   {[]string{"request", inside("response_type", "none")}, "invalid_request_object"},
		"an object inside the object (RFC 9101 §4)":      {[]string{"request", inside("request", good)}, "invalid_request_object"},
		"a request_uri inside the object (RFC 9101 §4)":  {[]string{"request", inside("request_uri", "https://app.example.test/r")}, "invalid_request_object"},
		"a list as scope":                                {[]string{"request", inside("scope", []string{"openid"})}, "invalid_request_object"},
		"both ways at once":                              {[]string{"request", good, "request_uri", "https://app.example.test/r"}, "invalid_request"},
		"prompt inside counts":                           {[]string{"request", of.object(t, "JWT", map[string]any{"prompt": "none", "max_age": 0})}, "login_required"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := b.get(s.authorizeURL(c.parameters...)).url.Query(); got.Get("error") != c.want || got.Get("code") != "" {
				t.Errorf("%v", got)
			}
		})
	}
	t.Run("a redirect_uri inside wins over a bad one outside, and is judged itself", func(t *testing.T) {
		if got := b.get(s.authorizeURL("request", good, "redirect_uri", "https://evil.example.test/")); got.url.Query().Get("code") == "" {
			t.Errorf("%d %s", got.status, got.url)
		}
		if got := b.get(s.authorizeURL("request", inside("redirect_uri", "https://evil.example.test/"))); got.element("error-page") == nil {
			t.Errorf("%d %s", got.status, got.url)
		}
		if got := b.get(s.authorizeURL("request", stolen, "redirect_uri", "https://evil.example.test/")); got.element("error-page") == nil {
			t.Errorf("%d %s", got.status, got.url)
		}
	})
	t.Run("claims inside are an object", func(t *testing.T) {
		a := b.get(s.authorizeURL("request", inside("claims", map[string]any{"id_token": map[string]any{"email": nil}})))
		if idToken, _ := s.exchange(a); idToken["email"] != s.ada.Email {
			t.Errorf("%v", idToken)
		}
	})
	t.Run("a sign-in in between keeps what was signed", func(t *testing.T) {
		fresh := s.browser()
		page := fresh.get(s.authorizeURL("request", good, "state", "outside", "scope", "openid profile"))
		a := fresh.submit(page, "login-form", "username", s.ada.Username, "password", password)
		if got := a.url.Query(); got.Get("state") != "inside" || got.Get("code") == "" {
			t.Fatalf("%d %s", a.status, a.url)
		}
		if _, tokens := s.tokens(a); tokens["scope"] != "openid email" {
			t.Errorf("%v", tokens)
		}
	})
}

func TestRequestObjectsInTheRegisteredFormOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn()
	code := func(object string) (string, string) {
		got := b.get(s.authorizeURL("request", object)).url.Query()
		return got.Get("code"), got.Get("error")
	}
	t.Run("none", func(t *testing.T) {
		of := s.signing(t, jose.ES256, client.Metadata{RequestObjectSigningAlg: client.Unsigned})
		signed := of.object(t, "JWT", nil)
		if got, failure := code("eyJhbGciOiJub25lIn0." + strings.Split(signed, ".")[1] + "."); got == "" {
			t.Error(failure)
		}
		if _, failure := code(signed); failure != "invalid_request_object" {
			t.Errorf("a signed one of a client that registered none: %q", failure)
		}
		if _, failure := code("eyJhbGciOiJub25lIn0." + strings.Split(signed, ".")[1] + "." + strings.Split(signed, ".")[2]); failure != "invalid_request_object" {
			t.Errorf("none with a signature: %q", failure)
		}
	})
	t.Run("HS256", func(t *testing.T) {
		of := s.signing(t, jose.ES256, client.Metadata{RequestObjectSigningAlg: client.HS256})
		sign := func(with string) string {
			secret, err := jose.NewSecret([]byte(with))
			if err != nil {
				t.Fatal(err)
			}
			signed, err := secret.Sign(t.Context(), "JWT", of.claims(nil))
			if err != nil {
				t.Fatal(err)
			}
			return signed
		}
		if got, failure := code(sign(s.secret)); got == "" {
			t.Error(failure)
		}
		if _, failure := code(sign(strings.Repeat("x", 43))); failure != "invalid_request_object" {
			t.Errorf("signed with another secret: %q", failure)
		}
	})
	t.Run("another algorithm than the registered", func(t *testing.T) {
		of := s.signing(t, jose.ES256, client.Metadata{RequestObjectSigningAlg: "RS256"})
		if _, failure := code(of.object(t, "JWT", nil)); failure != "invalid_request_object" {
			t.Errorf("%q", failure)
		}
	})
	t.Run("HS256 with the public key as secret (RFC 8725 §2.1)", func(t *testing.T) {
		of := s.signing(t, jose.RS256, client.Metadata{})
		public, err := json.Marshal(of.key.Public())
		if err != nil {
			t.Fatal(err)
		}
		secret, err := jose.NewSecret(public)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := secret.Sign(t.Context(), "JWT", of.claims(nil))
		if err != nil {
			t.Fatal(err)
		}
		if _, failure := code(signed); failure != "invalid_request_object" {
			t.Errorf("%q", failure)
		}
	})
}

func TestRequestObjectsByReference(t *testing.T) {
	t.Parallel()
	s := newSiteOn(t, dbtest.URL(t), "fetch_allowed_networks", "127.0.0.0/8")
	b := s.browser()
	b.signIn()
	var object, keys atomic.Value
	var opened atomic.Int64
	rp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/request":
			opened.Add(1)
			w.Header().Set("Content-Type", "application/oauth-authz-req+jwt")
			_, _ = w.Write([]byte(object.Load().(string)))
		case "/jwks":
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(keys.Load().(json.RawMessage))
		default:
			http.Redirect(w, r, "/request", http.StatusFound)
		}
	}))
	t.Cleanup(rp.Close)
	keys.Store(json.RawMessage(`{"keys":[]}`))
	of := s.signing(t, jose.ES256, client.Metadata{JWKSURI: rp.URL + "/jwks",
		RequestURIs: []string{rp.URL + "/request", rp.URL + "/request#a-hash", rp.URL + "/moved", "http://127.0.0.1:1/gone"}})
	publish := func(key *jose.Signer) {
		set, err := json.Marshal(map[string]any{"keys": []jose.PublicKey{key.Public()}})
		if err != nil {
			t.Fatal(err)
		}
		keys.Store(json.RawMessage(set))
	}
	publish(of.key)
	object.Store(of.object(t, "JWT", nil))
	ask := func(uri string) url.Values { return b.get(s.authorizeURL("request_uri", uri)).url.Query() }
	for _, uri := range []string{rp.URL + "/request", rp.URL + "/request#a-hash", rp.URL + "/request#another"} {
		if got := ask(uri); got.Get("code") == "" || got.Get("state") != "inside" {
			t.Fatalf("%s: %v", uri, got)
		}
	}
	before := opened.Load()
	for name, uri := range map[string]string{
		"not registered (Core §6.2)": rp.URL + "/request?x=1",
		"a redirect":                 rp.URL + "/moved",
		"out of reach":               "http://127.0.0.1:1/gone",
		"too long":                   rp.URL + "/request#" + strings.Repeat("x", 600),
		"no address":                 "request",
	} {
		if got := ask(uri); got.Get("error") != "invalid_request_uri" {
			t.Errorf("%s: %v", name, got)
		}
	}
	if opened.Load() != before {
		t.Error("an address that was refused was opened")
	}
	t.Run("the client changed its key (Core §10.1.1)", func(t *testing.T) {
		fresh, _ := newSigner(t, jose.ES256)
		publish(fresh)
		object.Store(signs{s, fresh}.object(t, "JWT", nil))
		if got := ask(rp.URL + "/request"); got.Get("code") == "" {
			t.Errorf("%v", got)
		}
	})
	t.Run("another client cannot use the address", func(t *testing.T) {
		s.signing(t, jose.ES256, client.Metadata{})
		if got := ask(rp.URL + "/request"); got.Get("error") != "invalid_request_uri" {
			t.Errorf("%v", got)
		}
	})
}
