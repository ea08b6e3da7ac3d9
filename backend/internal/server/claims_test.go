package server

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// known fills in what is known of Ada, and defines a scope and claims of the organization's own.
func (s *site) known() {
	changed := *s.ada
	changed.Profile = user.Profile{Name: "Ada Lovelace", GivenName: "Ada", FamilyName: "Lovelace", Locale: "en-GB"}
	changed.Attributes = map[string]any{"cost centre": "42", "badges": []any{"red", "blue"}}
	acme := *s.acme
	acme.Policies.Claims = []org.ClaimDefinition{{Name: "cost_centre", Attribute: "cost centre"}, {Name: "https://acme.test/badges", Attribute: "badges"}}
	acme.Policies.Scopes = []org.ScopeDefinition{{Name: "work", Claims: []string{"cost_centre", "https://acme.test/badges", "name"},
		Description: map[string]string{"en": "See where you work"}}}
	s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		if s.ada, err = s.app.Users.Update(ctx, tx, operator, changed); err != nil {
			return err
		}
		s.acme, err = s.app.Organizations.Update(ctx, tx, operator, acme)
		return err
	})
	s.app.Organizations.Forget(s.acme)
}

// userinfo asks for the claims of an access token: status, media type, body.
func (s *site) userinfo(token any) (status int, mediaType, body string) {
	s.t.Helper()
	text, _ := token.(string)
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.server.URL+s.below+"/userinfo", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+text)
	response, err := s.server.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("Content-Type"), string(content)
}

// exchange redeems the code of an answer and returns the claims of the ID token and of userinfo.
func (s *site) exchange(a *answer) (idToken, userinfo map[string]any) {
	s.t.Helper()
	status, tokens := s.tokens(a)
	if status != http.StatusOK {
		s.t.Fatalf("%d %v at %s", status, tokens, a.url)
	}
	_, _, body := s.userinfo(tokens["access_token"])
	if err := json.Unmarshal([]byte(body), &userinfo); err != nil {
		s.t.Fatalf("%s: %v", body, err)
	}
	return claims(s.t, tokens["id_token"].(string)), userinfo
}

func TestSingleClaimsAreToldWhereTheyWereAskedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.known()
	s.web, s.secret = s.client(s.acme, client.Client{Name: "Asks", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback},
		RequireConsent: true, Scopes: []string{"openid", "profile", "email", "work"}})
	b := s.browser()
	asked := `{"userinfo":{"name":{"essential":true},"cost_centre":null,"phone_number":null,"unheard_of":null,"locale":{"value":"de"}},
		"id_token":{"email":null,"given_name":{"values":["Grace","Ada"]},"https://acme.test/badges":{"value":["red","blue"]},"auth_time":{"essential":true},"iss":{"value":"me"}}}`
	a := b.get(s.authorizeURL("scope", "openid", "claims", asked))
	a = b.submit(a, "login-form", "username", s.ada.Username, "password", password)
	page := strings.Join(strings.Fields(a.text("consent-form")), " ")
	if a.element("consent-form") == nil || !strings.Contains(a.body, "See where you work") || !strings.Contains(a.body, "See your email address") {
		t.Fatalf("consent covers the scopes that stand for the claims: %q", page)
	}
	idToken, userinfo := s.exchange(b.submit(a, "consent-form", "decision", "allow"))
	for name, want := range map[string]any{"name": "Ada Lovelace", "cost_centre": "42", "phone_number": nil, "unheard_of": nil, "locale": nil, "email": nil, "given_name": nil} {
		if userinfo[name] != want {
			t.Errorf("userinfo: %s is %v, want %v", name, userinfo[name], want)
		}
	}
	badges, _ := json.Marshal(idToken["https://acme.test/badges"])
	if idToken["email"] != s.ada.Email || idToken["given_name"] != "Ada" || string(badges) != `["red","blue"]` || idToken["name"] != nil ||
		idToken["iss"] != s.server.URL+"/acme" || idToken["auth_time"] == nil {
		t.Errorf("ID token: %v", idToken)
	}
	t.Run("a scope of the organization's own stands for its claims", func(t *testing.T) {
		_, userinfo := s.exchange(b.signIn("scope", "openid work"))
		if userinfo["cost_centre"] != "42" || userinfo["name"] != "Ada Lovelace" || userinfo["given_name"] != nil {
			t.Errorf("%v", userinfo)
		}
	})
	t.Run("a refreshed access token tells the same", func(t *testing.T) {
		status, tokens := s.tokens(b.signIn("scope", "openid", "claims", asked))
		if status != http.StatusOK {
			t.Fatal(tokens)
		}
		if _, _, body := s.userinfo(tokens["access_token"]); !strings.Contains(body, `"cost_centre":"42"`) {
			t.Errorf("%s", body)
		}
	})
	for name, c := range map[string]struct{ claims, want string }{
		"no JSON (Core §5.5)":     {`{"userinfo":`, "invalid_request"},
		"an array":                {`[]`, "invalid_request"},
		"a claim that is a text":  {`{"userinfo":{"name":"x"}}`, "invalid_request"},
		"too long":                {`{"userinfo":{"` + strings.Repeat("x", 9000) + `":null}}`, "invalid_request"},
		"a sub that nobody has":   {`{"id_token":{"sub":{"value":"nobody"}}}`, "invalid_request"},
		"an acr nobody reaches":   {`{"id_token":{"acr":{"essential":true,"values":["urn:example:gold"]}}}`, "unmet_authentication_requirements"},
		"another person (§5.5.1)": {`{"id_token":{"sub":{"value":"` + s.person(s.acme, "bob@acme.test").ID.String() + `"}}}`, "login_required"},
	} {
		t.Run(name, func(t *testing.T) {
			a := b.get(s.authorizeURL("scope", "openid", "claims", c.claims, "prompt", "none"))
			if got := a.url.Query(); got.Get("error") != c.want {
				t.Errorf("%v", got)
			}
		})
	}
	t.Run("the person who is signed in, and a wish that is not essential", func(t *testing.T) {
		a := b.get(s.authorizeURL("scope", "openid", "prompt", "none", "acr_values", "urn:example:gold",
			"claims", `{"id_token":{"sub":{"value":"`+s.ada.ID.String()+`"},"acr":{"values":["urn:example:gold"]}}}`))
		if idToken, _ := s.exchange(a); idToken["acr"] != session.ACRPassword {
			t.Errorf("%v", idToken)
		}
	})
}

// OpenID Connect Core 1.0 §5.4: what userinfo could tell is not in the ID token; without an access token it is.
func TestScopeClaimsAreInTheIDTokenOnlyWithoutAnAccessToken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.known()
	s.everything()
	b := s.browser()
	b.signIn()
	for responseType, there := range map[string]bool{"id_token": true, "id_token token": false, "code id_token": false} {
		idToken := claims(t, fragment(b.get(s.authorizeURL("response_type", responseType))).Get("id_token"))
		if told := idToken["email"] == s.ada.Email && idToken["name"] == "Ada Lovelace"; told != there {
			t.Errorf("%s: %v", responseType, idToken)
		}
	}
}

func TestDefaultsOfTheClientHoldForItsRequests(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn()
	var began int64
	if err := s.app.Store.QueryRow(t.Context(), "SELECT floor(extract(epoch FROM authenticated_at))::bigint FROM sessions").Scan(&began); err != nil {
		t.Fatal(err)
	}
	says := func(t *testing.T, namesAndValues ...string) {
		t.Helper()
		idToken, _ := s.exchange(b.get(s.authorizeURL(append([]string{"prompt", "none"}, namesAndValues...)...)))
		if idToken["auth_time"] != float64(began) || idToken["acr"] != session.ACRPassword {
			t.Errorf("auth_time %v, want %d; acr %v", idToken["auth_time"], began, idToken["acr"])
		}
	}
	registered := func(metadata client.Metadata) {
		s.web, s.secret = s.client(s.acme, client.Client{Name: "Strict", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback}, Metadata: metadata})
	}
	t.Run("auth_time and acr are told to clients that did not ask for them too", func(t *testing.T) {
		registered(client.Metadata{})
		says(t)
	})
	t.Run("default_acr_values are a wish, of which the token says what was reached", func(t *testing.T) {
		registered(client.Metadata{RequireAuthTime: true, DefaultACRValues: []string{"urn:example:gold"}})
		says(t)
	})
	t.Run("default_max_age holds until the request says otherwise", func(t *testing.T) {
		registered(client.Metadata{DefaultMaxAge: new(0), RequireAuthTime: true})
		if got := b.get(s.authorizeURL("prompt", "none")).url.Query(); got.Get("error") != "login_required" {
			t.Errorf("%v", got)
		}
		says(t, "max_age", "3600")
	})
}

func TestPairwiseSubjectsDifferBySectorOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	pairwise := func(name string, redirectURIs ...string) {
		s.web, s.secret = s.client(s.acme, client.Client{Name: name, AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: redirectURIs,
			Metadata: client.Metadata{SubjectType: client.PairwiseSubject}})
	}
	b.signIn()
	pairwise("One", callback)
	first, userinfo := s.exchange(b.get(s.authorizeURL()))
	subject, _ := first["sub"].(string)
	if subject == "" || subject == s.ada.ID.String() || userinfo["sub"] != subject {
		t.Fatalf("ID token says %q, userinfo %v", subject, userinfo["sub"])
	}
	if again, _ := s.exchange(b.get(s.authorizeURL())); again["sub"] != subject {
		t.Errorf("not the same twice: %v", again["sub"])
	}
	t.Run("the access token is no way around it", func(t *testing.T) {
		_, tokens := s.tokens(b.get(s.authorizeURL()))
		if got := claims(t, tokens["access_token"].(string)); got["sub"] != subject {
			t.Errorf("%v", got)
		}
	})
	t.Run("the same sector, the same subject", func(t *testing.T) {
		pairwise("Two", callback)
		if second, _ := s.exchange(b.get(s.authorizeURL())); second["sub"] != subject {
			t.Errorf("%v", second["sub"])
		}
	})
	t.Run("another sector, another subject (Core §8.1)", func(t *testing.T) {
		pairwise("Three", "https://elsewhere.example.test/callback")
		a := b.get(s.authorizeURL("redirect_uri", "https://elsewhere.example.test/callback"))
		status, tokens := s.tokens(a, "redirect_uri", "https://elsewhere.example.test/callback")
		if status != http.StatusOK {
			t.Fatal(tokens)
		}
		if third := claims(t, tokens["id_token"].(string)); third["sub"] == subject || third["sub"] == s.ada.ID.String() {
			t.Errorf("%v", third["sub"])
		}
	})
	t.Run("a hint and a demanded sub lead back to the person", func(t *testing.T) {
		pairwise("Four", callback)
		_, tokens := s.tokens(b.get(s.authorizeURL()))
		hint := tokens["id_token"].(string)
		if got := b.get(s.authorizeURL("prompt", "none", "id_token_hint", hint)).url.Query(); got.Get("code") == "" {
			t.Errorf("%v", got)
		}
		if got := b.get(s.authorizeURL("prompt", "none", "claims", `{"id_token":{"sub":{"value":"`+subject+`"}}}`)).url.Query(); got.Get("code") == "" {
			t.Errorf("%v", got)
		}
		if got := b.get(s.authorizeURL("prompt", "none", "claims", `{"id_token":{"sub":{"value":"`+s.ada.ID.String()+`"}}}`)).url.Query(); got.Get("error") != "invalid_request" {
			t.Errorf("a pairwise client asks by the public subject: %v", got)
		}
	})
}

// OpenID Connect Core 1.0 §5.3.2: a signed answer has iss and aud, and its own media type.
func TestUserinfoIsSignedForClientsThatRegisteredIt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn()
	for _, algorithm := range []jose.Algorithm{jose.RS256, jose.ES256} {
		s.web, s.secret = s.client(s.acme, client.Client{Name: string(algorithm), AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback},
			Metadata: client.Metadata{UserinfoSignedResponseAlg: string(algorithm)}})
		_, tokens := s.tokens(b.get(s.authorizeURL()))
		status, mediaType, body := s.userinfo(tokens["access_token"])
		if status != http.StatusOK || mediaType != "application/jwt" {
			t.Fatalf("%s: %d %s %s", algorithm, status, mediaType, body)
		}
		ctx := gooidc.ClientContext(t.Context(), s.server.Client())
		provider, err := gooidc.NewProvider(ctx, s.server.URL+"/acme")
		if err != nil {
			t.Fatal(err)
		}
		judged, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: tokens["access_token"].(string), TokenType: "Bearer"}))
		if err != nil || judged.Subject != s.ada.ID.String() || judged.Email != s.ada.Email {
			t.Errorf("%s: %v %v", algorithm, judged, err)
		}
		if told := claims(t, body); told["iss"] != s.server.URL+"/acme" || told["aud"] != s.web.ClientID {
			t.Errorf("%v", told)
		}
		if _, refused := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {body}}); refused["error"] == nil {
			t.Errorf("%v", refused)
		}
		if status, _, _ := s.userinfo(body); status != http.StatusUnauthorized {
			t.Errorf("a signed userinfo answer is taken for an access token: %d", status)
		}
	}
}

// OpenID Connect Core 1.0 §10.1, §10.2: signed with the client's secret, encrypted to the client's key, or both.
func TestTokensAreSignedAndEncryptedAsRegistered(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.signIn()
	var own []*jose.DecryptionKey
	var keys []any
	for _, algorithm := range jose.KeyManagements() {
		made, err := jose.GenerateDecryptionKey(algorithm)
		if err != nil {
			t.Fatal(err)
		}
		own = append(own, made)
		keys = append(keys, made.Public())
	}
	set, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	register := func(metadata client.Metadata, idTokenAlgorithm string) {
		metadata.JWKS = set
		s.web, s.secret = s.client(s.acme, client.Client{Name: "Encrypts", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback},
			IDTokenSignedResponseAlg: idTokenAlgorithm, Metadata: metadata})
	}
	t.Run("HS256", func(t *testing.T) {
		register(client.Metadata{UserinfoSignedResponseAlg: client.HS256}, client.HS256)
		_, tokens := s.tokens(b.get(s.authorizeURL()))
		secret, err := jose.NewSecret([]byte(s.secret))
		if err != nil {
			t.Fatal(err)
		}
		_, _, userinfo := s.userinfo(tokens["access_token"])
		for _, token := range []string{tokens["id_token"].(string), userinfo} {
			verified, err := secret.Verify(token, jose.Expected{Types: []string{"jwt"}, Algorithms: []jose.Algorithm{jose.HS256}, Issuer: s.server.URL + "/acme",
				Audiences: []string{s.web.ClientID}, Now: time.Now(), ExpiryOptional: true})
			if err != nil || verified.Subject != s.ada.ID.String() {
				t.Errorf("%v %v", verified, err)
			}
		}
		hint := tokens["id_token"].(string)
		if got := b.get(s.authorizeURL("prompt", "none", "id_token_hint", hint)).url.Query(); got.Get("code") == "" {
			t.Errorf("as a hint: %v", got)
		}
		if got := b.get(s.authorizeURL("prompt", "none", "id_token_hint", hint[:len(hint)-4]+"AAAA")).url.Query(); got.Get("error") != "invalid_request" {
			t.Errorf("a hint that nobody signed: %v", got)
		}
	})
	for _, algorithm := range jose.KeyManagements() {
		for _, content := range jose.Encryptions() {
			t.Run(string(algorithm)+" "+string(content), func(t *testing.T) {
				register(client.Metadata{IDTokenEncryptedResponseAlg: string(algorithm), IDTokenEncryptedResponseEnc: string(content),
					UserinfoEncryptedResponseAlg: string(algorithm), UserinfoEncryptedResponseEnc: string(content)}, "ES256")
				_, tokens := s.tokens(b.get(s.authorizeURL()))
				open := func(token string) string {
					opened, err := jose.Decrypt(token, jose.DecryptionKeys(own...), []jose.KeyManagement{algorithm}, []jose.Encryption{content})
					if err != nil {
						t.Fatal(err)
					}
					return string(opened.Payload)
				}
				if idToken := claims(t, open(tokens["id_token"].(string))); idToken["sub"] != s.ada.ID.String() || idToken["at_hash"] == nil {
					t.Errorf("%v", idToken)
				}
				_, mediaType, userinfo := s.userinfo(tokens["access_token"])
				if told := open(userinfo); mediaType != "application/jwt" || !strings.Contains(told, `"email":"`+s.ada.Email+`"`) || !strings.Contains(told, `"aud"`) {
					t.Errorf("%s %s", mediaType, told)
				}
			})
		}
	}
}
