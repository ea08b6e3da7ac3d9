package oauth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertions is an organization whose clients authenticate by assertions.
type assertions struct {
	*oidctest.Provider
	t               *testing.T
	acme, elsewhere *org.Organization
	made            int
}

func newAssertions(t *testing.T) *assertions {
	p := oidctest.NewProvider(t)
	return &assertions{Provider: p, t: t, acme: p.Organization(t, "acme", org.Policies{}), elsewhere: p.Organization(t, "elsewhere", org.Policies{})}
}

func newKey(t *testing.T, algorithm jose.Algorithm) (*jose.Signer, json.RawMessage) {
	t.Helper()
	signer, err := jose.GenerateSigner(algorithm)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.NewKeySet(signer.Public()))
	if err != nil {
		t.Fatal(err)
	}
	return signer, set
}

// register makes a client that may use client_credentials.
func (a *assertions) register(at *org.Organization, id string, method client.AuthenticationMethod, metadata client.Metadata) string {
	a.t.Helper()
	_, secret := a.Application(a.t, at, client.Client{ClientID: id, AuthenticationMethod: method, GrantTypes: []string{client.ClientCredentials}, Metadata: metadata})
	return secret
}

// claims are those of a good assertion, each time with another jti, and the changes; nil takes a claim away.
func (a *assertions) claims(id string, changes map[string]any) map[string]any {
	a.made++
	now := a.Clock.Now()
	claims := map[string]any{"iss": id, "sub": id, "aud": a.Issuers.URL(a.acme), "jti": "jti-" + strconv.Itoa(a.made),
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

func (a *assertions) sign(by jose.TokenSigner, claims map[string]any) string {
	a.t.Helper()
	signed, err := by.Sign(a.t.Context(), "JWT", claims)
	if err != nil {
		a.t.Fatal(err)
	}
	return signed
}

func (a *assertions) secret(bytes []byte) jose.Secret {
	a.t.Helper()
	secret, err := jose.NewSecret(bytes)
	if err != nil {
		a.t.Fatal(err)
	}
	return secret
}

func form(assertion string, namesAndValues ...string) url.Values {
	values := url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {assertionType}, "client_assertion": {assertion}}
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		values.Set(namesAndValues[i], namesAndValues[i+1])
	}
	return values
}

// OpenID Connect Core 1.0 §9, RFC 7523 §2.2 and §3.
func TestClientAssertionsAreAccepted(t *testing.T) {
	t.Parallel()
	a := newAssertions(t)
	for _, algorithm := range []jose.Algorithm{jose.RS256, jose.ES256, jose.PS256} {
		t.Run(string(algorithm), func(t *testing.T) {
			signer, set := newKey(t, algorithm)
			name := strings.ToLower(string(algorithm))
			address := a.Web.Document("/"+name, "application/jwk-set+json", string(set))
			a.register(a.acme, name+"-inline", client.PrivateKeyJWT, client.Metadata{JWKS: set, TokenEndpointAuthSigningAlg: string(algorithm)})
			a.register(a.acme, name+"-address", client.PrivateKeyJWT, client.Metadata{JWKSURI: address})
			for _, id := range []string{name + "-inline", name + "-address"} {
				if got := a.Post(a.acme, "token", form(a.sign(signer, a.claims(id, nil)))); got.Status != 200 {
					t.Errorf("%s: %d %s", id, got.Status, got.Body)
				}
			}
		})
	}
	signer, set := newKey(t, jose.ES256)
	a.register(a.acme, "service", client.PrivateKeyJWT, client.Metadata{JWKS: set})
	secret := a.secret([]byte(a.register(a.acme, "shared", client.ClientSecretJWT, client.Metadata{TokenEndpointAuthSigningAlg: "HS256"})))
	issuer, now := a.Issuers.URL(a.acme), a.Clock.Now()
	for name, test := range map[string]struct {
		assertion string
		more      []string
	}{
		"client_secret_jwt (Core §9)":                   {a.sign(secret, a.claims("shared", nil)), nil},
		"client_id that fits (RFC 7521 §4.2)":           {a.sign(signer, a.claims("service", nil)), []string{"client_id", "service"}},
		"aud is the token endpoint (Core §9)":           {a.sign(signer, a.claims("service", map[string]any{"aud": issuer + "/token"})), nil},
		"aud is its alias (RFC 8705 §5)":                {a.sign(signer, a.claims("service", map[string]any{"aud": a.Issuers.MTLSEndpoint(a.acme, "token")})), nil},
		"aud is an array (RFC 7519 §4.1.3)":             {a.sign(signer, a.claims("service", map[string]any{"aud": []string{"https://other.example.test", issuer}})), nil},
		"without iat (RFC 7523 §3)":                     {a.sign(signer, a.claims("service", map[string]any{"iat": nil})), nil},
		"from a clock that is 20 s ahead (RFC 7523 §3)": {a.sign(signer, a.claims("service", map[string]any{"iat": now.Add(20 * time.Second).Unix()})), nil},
		"an hour long": {a.sign(signer, a.claims("service", map[string]any{"exp": now.Add(time.Hour).Unix()})), nil},
		"the jti that another client used (RFC 7519 §4.1.7)":  {a.sign(signer, a.claims("service", map[string]any{"jti": "both"})), nil},
		"the jti that another client used, the other of them": {a.sign(secret, a.claims("shared", map[string]any{"jti": "both"})), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := a.Post(a.acme, "token", form(test.assertion, test.more...)); got.Status != 200 {
				t.Errorf("%d %s", got.Status, got.Body)
			}
		})
	}
	t.Run("at introspection and revocation", func(t *testing.T) {
		for _, endpoint := range []string{"introspect", "revoke"} {
			good := a.sign(signer, a.claims("service", map[string]any{"aud": issuer + "/" + endpoint}))
			if got := a.Post(a.acme, endpoint, form(good, "token", "x")); got.Status != 200 {
				t.Errorf("%s: %d %s", endpoint, got.Status, got.Body)
			}
			if got := a.Post(a.acme, endpoint, form(good, "token", "x")); got.Status != 401 {
				t.Errorf("%s, used again: %d %s", endpoint, got.Status, got.Body)
			}
		}
	})
}

// What is wrong is not told: RFC 6749 §5.2, RFC 7521 §4.2.1.
func TestClientAssertionsAreRefused(t *testing.T) {
	t.Parallel()
	a := newAssertions(t)
	signer, set := newKey(t, jose.RS256)
	stranger, otherSet := newKey(t, jose.RS256)
	a.register(a.acme, "service", client.PrivateKeyJWT, client.Metadata{JWKS: set, TokenEndpointAuthSigningAlg: "RS256"})
	a.register(a.acme, "other", client.PrivateKeyJWT, client.Metadata{JWKS: otherSet})
	a.register(a.elsewhere, "foreign", client.PrivateKeyJWT, client.Metadata{JWKS: set})
	plain := []byte(a.register(a.acme, "shared", client.ClientSecretJWT, client.Metadata{}))
	basic := []byte(a.register(a.acme, "basic", client.ClientSecretBasic, client.Metadata{}))
	elliptic, ellipticSet := newKey(t, jose.ES256)
	a.register(a.acme, "elliptic", client.PrivateKeyJWT, client.Metadata{JWKS: ellipticSet, TokenEndpointAuthSigningAlg: "RS256"})
	disabled, _ := a.Application(t, a.acme, client.Client{ClientID: "disabled", AuthenticationMethod: client.PrivateKeyJWT, Metadata: client.Metadata{JWKS: set}})
	off := *disabled
	off.Status = client.Disabled
	a.Change(t, off)
	a.register(a.acme, "keyless", client.PrivateKeyJWT, client.Metadata{JWKSURI: a.Web.Document("/keyless", "application/jwk-set+json", `{"keys":[]}`)})

	now := a.Clock.Now()
	with := func(changes map[string]any) string { return a.sign(signer, a.claims("service", changes)) }
	unsigned := func(header string) string {
		payload, _ := json.Marshal(a.claims("service", nil))
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
	}
	replayed := with(nil)
	if got := a.Post(a.acme, "token", form(replayed)); got.Status != 200 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	sameID := with(map[string]any{"jti": "again"})
	if got := a.Post(a.acme, "token", form(sameID)); got.Status != 200 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	for name, test := range map[string]url.Values{
		"used before (Core §9)":                                form(replayed),
		"another assertion with a used jti (RFC 7523 §3)":      form(with(map[string]any{"jti": "again", "exp": now.Add(2 * time.Minute).Unix()})),
		"signed by another client (RFC 7523 §3)":               form(a.sign(stranger, a.claims("service", nil))),
		"another client's sub":                                 form(with(map[string]any{"sub": "other"})),
		"another client's iss":                                 form(with(map[string]any{"iss": "other"})),
		"both of another client":                               form(with(map[string]any{"iss": "other", "sub": "other"})),
		"without iss":                                          form(with(map[string]any{"iss": nil})),
		"without sub":                                          form(with(map[string]any{"sub": nil})),
		"client_id of another client (RFC 7521 §4.2)":          form(with(nil), "client_id", "other"),
		"client of another organization":                       form(a.sign(signer, a.claims("foreign", nil))),
		"meant for another organization":                       form(with(map[string]any{"aud": a.Issuers.URL(a.elsewhere)})),
		"meant for somebody else":                              form(with(map[string]any{"aud": []string{"https://other.example.test"}})),
		"aud that only begins like ours":                       form(with(map[string]any{"aud": a.Issuers.URL(a.acme) + "/authorize"})),
		"without aud":                                          form(with(map[string]any{"aud": nil})),
		"expired":                                              form(with(map[string]any{"exp": now.Add(-time.Minute).Unix()})),
		"without exp (Core §9)":                                form(with(map[string]any{"exp": nil})),
		"good for a day":                                       form(with(map[string]any{"exp": now.Add(24 * time.Hour).Unix()})),
		"nbf in the future":                                    form(with(map[string]any{"nbf": now.Add(time.Minute).Unix()})),
		"iat in the future":                                    form(with(map[string]any{"iat": now.Add(time.Minute).Unix()})),
		"without jti (Core §9)":                                form(with(map[string]any{"jti": nil})),
		"empty jti":                                            form(with(map[string]any{"jti": ""})),
		"alg none (RFC 7518 §3.6)":                             form(unsigned(`{"alg":"none"}`)),
		"RS256 without signature":                              form(unsigned(`{"alg":"RS256"}`)),
		"HS256 with the public key as secret (RFC 8725 §2.1)":  form(a.sign(a.secret(set), a.claims("service", nil))),
		"HS256 with another secret":                            form(a.sign(a.secret(append([]byte("x"), plain...)), a.claims("shared", nil))),
		"a key pair of a client with client_secret_jwt":        form(a.sign(signer, a.claims("shared", nil))),
		"an algorithm that was not registered (Registration)":  form(a.sign(elliptic, a.claims("elliptic", nil))),
		"HS256 of a client with client_secret_basic (Core §9)": form(a.sign(a.secret(basic), a.claims("basic", nil))),
		"disabled client":                                      form(a.sign(signer, a.claims("disabled", nil))),
		"unknown client":                                       form(a.sign(signer, a.claims("nobody", nil))),
		"client whose set has no key":                          form(a.sign(signer, a.claims("keyless", nil))),
		"malformed":                                            form("x.y.z"),
		"empty":                                                form(""),
		"another type of assertion (RFC 7523 §2.2)":            form(with(nil), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
		"no type": form(with(nil), "client_assertion_type", ""),
		"typ of an access token (RFC 8725 §3.11)": form(typed(t, signer, "at+jwt", a.claims("service", nil))),
	} {
		t.Run(name, func(t *testing.T) {
			got := a.Post(a.acme, "token", test)
			if got.Status != 401 || got.ErrorCode() != "invalid_client" ||
				got.Text("error_description") != "The client is unknown here, or did not authenticate in the way it registered." {
				t.Errorf("%d %s", got.Status, got.Body)
			}
		})
	}
	t.Run("client_secret_basic of a client that registered client_secret_jwt", func(t *testing.T) {
		if got := a.Post(a.acme, "token", url.Values{"grant_type": {"client_credentials"}}, "Authorization", oidctest.Basic("shared", string(plain))); got.Status != 401 {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
	t.Run("RFC 6749 §2.3: one method in a request", func(t *testing.T) {
		for _, got := range []oidctest.Answer{
			a.Post(a.acme, "token", form(with(nil)), "Authorization", oidctest.Basic("basic", string(basic))),
			a.Post(a.acme, "token", form(with(nil), "client_id", "service", "client_secret", "x")),
		} {
			if got.Status != 400 || got.ErrorCode() != "invalid_request" {
				t.Errorf("%d %s", got.Status, got.Body)
			}
		}
	})
	t.Run("oversized", func(t *testing.T) {
		got := a.Post(a.acme, "token", form(with(map[string]any{"padding": strings.Repeat("x", jose.MaximumTokenBytes)})))
		if got.Status != 400 || got.ErrorCode() != "invalid_request" {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
	t.Run("what was refused is not used up", func(t *testing.T) {
		early := with(map[string]any{"nbf": now.Add(40 * time.Second).Unix(), "exp": now.Add(2 * time.Minute).Unix()})
		if got := a.Post(a.acme, "token", form(early)); got.Status != 401 {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		a.Clock.Advance(30 * time.Second)
		if got := a.Post(a.acme, "token", form(early)); got.Status != 200 {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
}

func typed(t *testing.T, by *jose.Signer, tokenType string, claims map[string]any) string {
	t.Helper()
	signed, err := by.Sign(t.Context(), tokenType, claims)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// OpenID Connect Core 1.0 §9: the jti is used once, whichever replica is asked.
func TestAnAssertionUsedTwiceAtOnceAuthenticatesOnce(t *testing.T) {
	t.Parallel()
	a := newAssertions(t)
	signer, set := newKey(t, jose.ES256)
	a.register(a.acme, "service", client.PrivateKeyJWT, client.Metadata{JWKS: set})
	replicas := []*oauth.ClientAuthentication{a.Authentication, oauth.NewClientAuthentication(oauth.NewClientDirectory(a.Clients, nil), a.KeySets, a.State, a.Issuers, oauth.NewClientAuthorities(nil), a.Clock.Now)}
	parameters := oauth.NewParameters("client_assertion_type", assertionType, "client_assertion", a.sign(signer, a.claims("service", nil)))
	var together sync.WaitGroup
	failures := make([]error, 8)
	for i := range failures {
		together.Go(func() {
			_, failures[i] = replicas[i%2].Authenticate(context.WithoutCancel(t.Context()), a.acme, oauth.ClientCredentials{Parameters: parameters})
		})
	}
	together.Wait()
	won := 0
	for _, err := range failures {
		if err == nil {
			won++
		} else if answer := oauth.FromFault(err); answer.Code != oauth.CodeInvalidClient {
			t.Errorf("%v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d authenticated", won, len(failures))
	}
}

// What package kv promises about a store that was lost: what may have been used before is refused.
func TestAssertionsFromBeforeTheStoreWasLostAreRefused(t *testing.T) {
	t.Parallel()
	a := newAssertions(t)
	signer, set := newKey(t, jose.ES256)
	a.register(a.acme, "service", client.PrivateKeyJWT, client.Metadata{JWKS: set})
	used := a.sign(signer, a.claims("service", nil))
	longer := a.sign(signer, a.claims("service", map[string]any{"iat": nil, "exp": a.Clock.Now().Add(time.Hour).Unix()}))
	if got := a.Post(a.acme, "token", form(used)); got.Status != 200 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	for _, statement := range []string{"TRUNCATE kv_entries", "TRUNCATE kv_birth"} {
		if _, err := a.Store.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for _, assertion := range []string{used, longer} {
		if got := a.Post(a.acme, "token", form(assertion)); got.Status != 401 {
			t.Errorf("from before: %d %s", got.Status, got.Body)
		}
	}
	a.Clock.Advance(10 * time.Minute)
	if got := a.Post(a.acme, "token", form(a.sign(signer, a.claims("service", nil)))); got.Status != 200 {
		t.Errorf("a new one: %d %s", got.Status, got.Body)
	}
}

// OpenID Connect Core 1.0 §10.1.1; a key set out of reach says nothing about the assertion.
func TestAClientWhoseKeysAreOutOfReachIsToldToComeAgain(t *testing.T) {
	t.Parallel()
	a := newAssertions(t)
	signer, _ := newKey(t, jose.ES256)
	a.register(a.acme, "service", client.PrivateKeyJWT, client.Metadata{JWKSURI: a.Web.Handle("/broken", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })})
	if got := a.Post(a.acme, "token", form(a.sign(signer, a.claims("service", nil)))); got.Status != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}
