package oidctest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/reqctx"
)

// Answer is an HTTP answer with its JSON members.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	JSON   map[string]any // nil when the body is no JSON object
}

// Text returns a member that is a string, "" otherwise.
func (a Answer) Text(name string) string {
	text, _ := a.JSON[name].(string)
	return text
}

// ErrorCode is the OAuth error, "" when there is none.
func (a Answer) ErrorCode() string { return a.Text("error") }

// Do sends a request to the provider, without a network between.
func (p *Provider) Do(request *http.Request) Answer {
	recorder := httptest.NewRecorder()
	p.Handler.ServeHTTP(recorder, request)
	answer := Answer{Status: recorder.Code, Header: recorder.Header(), Body: recorder.Body.Bytes()}
	_ = json.Unmarshal(answer.Body, &answer.JSON)
	return answer
}

// From is the provider as seen from another client address.
func (p *Provider) From(address string) *Provider {
	seen := &Provider{URL: p.URL, Issuers: p.Issuers}
	from := netip.MustParseAddr(address)
	seen.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.Handler.ServeHTTP(w, r.WithContext(reqctx.With(r.Context(), reqctx.Request{Address: from})))
	})
	return seen
}

// Post posts a form to an endpoint of the organization, with further headers as names and values in turn.
func (p *Provider) Post(organization *org.Organization, endpoint string, form url.Values, header ...string) Answer {
	return p.PostBody(organization, endpoint, "application/x-www-form-urlencoded", form.Encode(), header...)
}

// PostBody posts any body.
func (p *Provider) PostBody(organization *org.Organization, endpoint, contentType, body string, header ...string) Answer {
	request := httptest.NewRequest(http.MethodPost, "/"+organization.Slug+"/"+endpoint, strings.NewReader(body))
	request.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	return p.Do(request)
}

// Send sends a request with any method and body to a path, with headers as names and values in turn.
func (p *Provider) Send(method, path, body string, header ...string) Answer {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	return p.Do(request)
}

// Get asks for a path, with headers as names and values in turn.
func (p *Provider) Get(path string, header ...string) Answer {
	request := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	return p.Do(request)
}

// Basic is the Authorization header of a client (RFC 6749 §2.3.1).
func Basic(clientID, secret string) string {
	request := &http.Request{Header: http.Header{}}
	request.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(secret))
	return request.Header.Get("Authorization")
}

// Party is a registered client that talks to a provider's endpoints.
type Party struct {
	Provider     *Provider
	Organization *org.Organization
	Client       *client.Client
	Secret       string
	Header       []string // of every request by POST, as names and values in turn
}

// Party registers a client and returns it ready to talk.
func (p *Provider) Party(t testing.TB, organization *org.Organization, wanted client.Client) *Party {
	t.Helper()
	made, secret := p.Application(t, organization, wanted)
	return &Party{Provider: p, Organization: organization, Client: made, Secret: secret}
}

// Post posts a form to an endpoint, authenticated in the client's way.
func (a *Party) Post(endpoint string, namesAndValues ...string) Answer {
	form := url.Values{}
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		form.Add(namesAndValues[i], namesAndValues[i+1])
	}
	var header []string
	switch a.Client.AuthenticationMethod {
	case client.ClientSecretBasic:
		header = []string{"Authorization", Basic(a.Client.ClientID, a.Secret)}
	case client.ClientSecretPost:
		form.Set("client_id", a.Client.ClientID)
		form.Set("client_secret", a.Secret)
	default:
		form.Set("client_id", a.Client.ClientID)
	}
	return a.Provider.Post(a.Organization, endpoint, form, append(header, a.Header...)...)
}

// With is the party with further headers in every request, as names and values in turn.
func (a *Party) With(header ...string) *Party {
	copied := *a
	copied.Header = header
	return &copied
}

// Redeem redeems a code.
func (a *Party) Redeem(code Code) Answer {
	return a.Post("token", "grant_type", "authorization_code", "code", code.Code, "redirect_uri", code.RedirectURI, "code_verifier", code.Verifier)
}

// Refresh uses a refresh token.
func (a *Party) Refresh(refreshToken string) Answer {
	return a.Post("token", "grant_type", "refresh_token", "refresh_token", refreshToken)
}

// Userinfo asks for the claims of a token.
func (a *Party) Userinfo(accessToken string) Answer {
	return a.Provider.Get("/"+a.Organization.Slug+"/userinfo", "Authorization", "Bearer "+accessToken)
}

// Introspect asks about a token.
func (a *Party) Introspect(token string) Answer { return a.Post("introspect", "token", token) }

// Claims reads the claims of a JWT that the organization signed; it fails the test when it did not.
func (p *Provider) Claims(t testing.TB, organization *org.Organization, signed, tokenType string) map[string]any {
	t.Helper()
	verified, err := jose.Verify(signed, p.Keys.Lookup(t.Context(), organization.ID), jose.Expected{Types: []string{tokenType},
		Algorithms: jose.Algorithms(), Issuer: p.Issuers.URL(organization), AnyAudience: true, Now: p.Clock.Now()})
	if err != nil {
		t.Fatalf("a %s that should be good: %v", tokenType, err)
	}
	claims := map[string]any{}
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "auth_time", "nonce", "at_hash", "azp", "acr", "amr", "sid", "gid", "gcid", "act",
		"client_id", "scope", "cnf", "name", "email", "given_name", "phone_number", "address", "preferred_username",
		"urn:openid:params:jwt:claim:auth_req_id", "urn:openid:params:jwt:claim:rt_hash"} {
		var value any
		if present, err := verified.Claim(name, &value); err != nil {
			t.Fatal(err)
		} else if present {
			claims[name] = value
		}
	}
	return claims
}

// Header reads a member of a JWT's header.
func Header(t testing.TB, signed string) jose.Header {
	t.Helper()
	unverified, err := jose.Inspect(signed)
	if err != nil {
		t.Fatal(err)
	}
	return unverified.Header
}
