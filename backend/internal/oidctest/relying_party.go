package oidctest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"

	"github.com/clavex/clavex/backend/internal/oauth/token"
	"github.com/clavex/clavex/backend/internal/secret"
)

// RelyingParty is an application with one browser in front of it. It finds its endpoints by discovery
// and checks every answer as OpenID Connect Core 1.0 §3.1.3.7 and RFC 9207 demand, ID tokens by
// coreos/go-oidc. Fill in the fields, then call Start.
type RelyingParty struct {
	Issuer       string
	ClientID     string
	ClientSecret string // "" for a public client; sent by client_secret_basic
	RedirectURI  string
	Scopes       []string
	Transport    http.RoundTripper // nil: the default one
	Now          func() time.Time  // nil: the present time

	provider *gooidc.Provider
	metadata providerMetadata
	browser  *http.Client // keeps cookies, follows redirects by hand
	server   *http.Client // the application's own, without cookies
}

type providerMetadata struct {
	Revocation string   `json:"revocation_endpoint"`
	EndSession string   `json:"end_session_endpoint"`
	Algorithms []string `json:"id_token_signing_alg_values_supported"`
}

// Start discovers the provider and opens a browser without cookies.
func (r *RelyingParty) Start(t testing.TB) *RelyingParty {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	r.server = &http.Client{Transport: r.Transport, Timeout: 30 * time.Second}
	r.browser = &http.Client{Transport: r.Transport, Timeout: 30 * time.Second, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if r.Now == nil {
		r.Now = time.Now
	}
	if r.Scopes == nil {
		r.Scopes = []string{"openid", "profile", "email"}
	}
	if r.provider, err = gooidc.NewProvider(r.context(), r.Issuer); err != nil {
		t.Fatalf("discovery: %v", err)
	}
	if err := r.provider.Claims(&r.metadata); err != nil {
		t.Fatal(err)
	}
	return r
}

// Browser is the browser's client, for looking at its cookies or sending it somewhere else.
func (r *RelyingParty) Browser() *http.Client { return r.browser }

// context lives longer than a test's: the provider's key set keeps it.
func (r *RelyingParty) context() context.Context {
	return gooidc.ClientContext(context.Background(), r.server)
}

// SignIn is a sign-in that the application began.
type SignIn struct {
	URL      string // of the authorization endpoint
	State    string
	Nonce    string
	Verifier string
}

// Begin makes an authorization request; extra are further parameters, as names and values in turn, and
// replace those that would be sent otherwise (an empty value leaves one out).
func (r *RelyingParty) Begin(extra ...string) SignIn {
	begun := SignIn{State: secret.New(rand.Reader), Nonce: secret.New(rand.Reader), Verifier: secret.New(rand.Reader)}
	query := url.Values{"response_type": {"code"}, "client_id": {r.ClientID}, "redirect_uri": {r.RedirectURI}, "scope": {strings.Join(r.Scopes, " ")},
		"state": {begun.State}, "nonce": {begun.Nonce}, "code_challenge": {token.CodeChallenge(begun.Verifier)}, "code_challenge_method": {"S256"}}
	for i := 0; i+1 < len(extra); i += 2 {
		query.Del(extra[i])
		if extra[i+1] != "" {
			query.Set(extra[i], extra[i+1])
		}
	}
	begun.URL = r.provider.Endpoint().AuthURL + "?" + query.Encode()
	return begun
}

// Tokens is what a token request brought.
type Tokens struct {
	AccessToken  string  `json:"access_token"`
	TokenType    string  `json:"token_type"`
	ExpiresIn    float64 `json:"expires_in"`
	RefreshToken string  `json:"refresh_token"`
	Scope        string  `json:"scope"`
	IDToken      string  `json:"id_token"`

	Status      int    `json:"-"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Subject     string `json:"-"` // of the ID token, once it was verified
}

// Complete redeems the code of an arrival after it checked state and iss. It fails the test when the
// arrival brought an error, or when anything about the answer is wrong.
func (r *RelyingParty) Complete(t testing.TB, begun SignIn, arrival Arrival) Tokens {
	t.Helper()
	if arrival.Page != nil {
		t.Fatalf("the browser is still at %s, status %d:\n%s", arrival.URL, arrival.Status, arrival.Page.Text())
	}
	if got := arrival.Parameters.Get("state"); got != begun.State {
		t.Fatalf("state is %q, want %q", got, begun.State)
	}
	if got := arrival.Parameters.Get("iss"); got != r.Issuer { // RFC 9207 §2.4
		t.Fatalf("iss is %q, want %q", got, r.Issuer)
	}
	if code := arrival.Parameters.Get("error"); code != "" {
		t.Fatalf("the provider answered %s: %s", code, arrival.Parameters.Get("error_description"))
	}
	tokens := r.Token(t, url.Values{"grant_type": {"authorization_code"}, "code": {arrival.Parameters.Get("code")}, "redirect_uri": {r.RedirectURI}, "code_verifier": {begun.Verifier}})
	if tokens.Status != http.StatusOK {
		t.Fatalf("the token endpoint answered %d %s: %s", tokens.Status, tokens.Error, tokens.Description)
	}
	r.verify(t, &tokens, begun.Nonce)
	return tokens
}

// Refresh uses a refresh token and verifies the new ID token, if there is one. It fails the test when refused.
func (r *RelyingParty) Refresh(t testing.TB, refreshToken string) Tokens {
	t.Helper()
	tokens := r.Token(t, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}})
	if tokens.Status != http.StatusOK {
		t.Fatalf("the token endpoint answered %d %s: %s", tokens.Status, tokens.Error, tokens.Description)
	}
	if tokens.IDToken != "" {
		r.verify(t, &tokens, "")
	}
	return tokens
}

func (r *RelyingParty) verify(t testing.TB, tokens *Tokens, nonce string) {
	t.Helper()
	verifier := r.provider.Verifier(&gooidc.Config{ClientID: r.ClientID, SupportedSigningAlgs: r.metadata.Algorithms, Now: r.Now})
	verified, err := verifier.Verify(r.context(), tokens.IDToken)
	if err != nil {
		t.Fatalf("ID token: %v", err)
	}
	if nonce != "" && verified.Nonce != nonce {
		t.Fatalf("nonce is %q, want %q", verified.Nonce, nonce)
	}
	if err := verified.VerifyAccessToken(tokens.AccessToken); err != nil {
		t.Fatalf("at_hash: %v", err)
	}
	tokens.Subject = verified.Subject
}

// Token sends any request to the token endpoint and returns the answer, good or bad.
func (r *RelyingParty) Token(t testing.TB, form url.Values) Tokens {
	t.Helper()
	var tokens Tokens
	tokens.Status = r.post(t, r.provider.Endpoint().TokenURL, form, &tokens)
	return tokens
}

// Revoke revokes a token.
func (r *RelyingParty) Revoke(t testing.TB, revoked string) {
	t.Helper()
	if status := r.post(t, r.metadata.Revocation, url.Values{"token": {revoked}}, nil); status != http.StatusOK {
		t.Fatalf("revocation answered %d", status)
	}
}

func (r *RelyingParty) post(t testing.TB, address string, form url.Values, into any) int {
	t.Helper()
	if r.ClientSecret == "" {
		form.Set("client_id", r.ClientID)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if r.ClientSecret != "" {
		request.Header.Set("Authorization", Basic(r.ClientID, r.ClientSecret))
	}
	status, body := send(t, r.server, request)
	if into != nil {
		if err := json.Unmarshal(body, into); err != nil {
			t.Fatalf("%s answered %d with no JSON: %s", address, status, body)
		}
	}
	return status
}

// Userinfo returns the claims for an access token, and the status.
func (r *RelyingParty) Userinfo(t testing.TB, accessToken string) (map[string]any, int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.provider.UserInfoEndpoint(), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+accessToken)
	status, body := send(t, r.server, request)
	claims := map[string]any{}
	_ = json.Unmarshal(body, &claims)
	return claims, status
}

// SignOutURL is where the application sends the browser to sign out.
func (r *RelyingParty) SignOutURL(idToken, postLogoutRedirectURI, state string) string {
	query := url.Values{}
	for name, value := range map[string]string{"id_token_hint": idToken, "post_logout_redirect_uri": postLogoutRedirectURI, "state": state} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return r.metadata.EndSession + "?" + query.Encode()
}

func send(t testing.TB, client *http.Client, request *http.Request) (status int, body []byte) {
	t.Helper()
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(response.Body, 1<<20)); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", request.URL, err))
	}
	return response.StatusCode, body
}
