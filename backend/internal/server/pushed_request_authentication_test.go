package server

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
)

// proof is how a client proves itself in one request: parameters and headers, as names and values in turn.
type proof struct{ form, header []string }

func basically(id, secret string) proof {
	return proof{header: []string{"Authorization", oidctest.Basic(id, secret)}}
}

// pushAs pushes a good request of a client.
func (s *site) pushAs(clientID string, by proof) (int, map[string]any) {
	form := s.parameters("client_id", clientID)
	for i := 0; i+1 < len(by.form); i += 2 {
		form.Set(by.form[i], by.form[i+1])
	}
	return s.program(http.MethodPost, "/acme/par", form, by.header...)
}

func (s *site) signed(by jose.TokenSigner, tokenType string, claims, changes map[string]any) string {
	s.t.Helper()
	maps.Copy(claims, changes)
	text, err := by.Sign(s.t.Context(), tokenType, claims)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// asserted is a client assertion (RFC 7523 §2.2).
func (s *site) asserted(by jose.TokenSigner, id string, changes map[string]any) proof {
	now := time.Now()
	claims := map[string]any{"iss": id, "sub": id, "aud": s.server.URL + "/acme", "jti": secret.New(rand.Reader), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	return proof{form: []string{"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", s.signed(by, "JWT", claims, changes)}}
}

// RFC 9126 §2: "the rules for client authentication as defined in RFC 6749 for token endpoint requests apply". Each method
// proves a client here, too, and nothing else does.
func TestEachClientAuthenticationAtPushedRequests(t *testing.T) {
	t.Parallel()
	s := newMutualSite(t)
	root := newHolder(t, nil, authority)
	s.setPolicies(func(s *site) { s.acme.Policies.ClientCertificateAuthorities = root.pem() })
	issued, own, other := newHolder(t, root, nil), newHolder(t, nil, nil), newHolder(t, nil, nil)
	signer, set := newSigner(t, jose.ES256)
	stranger, _ := newSigner(t, jose.ES256)
	register := func(id string, method client.AuthenticationMethod, metadata client.Metadata) string {
		_, secret := s.client(s.acme, client.Client{ClientID: id, AuthenticationMethod: method, RedirectURIs: []string{callback}, GrantTypes: []string{client.AuthorizationCode}, Scopes: []string{"openid", "profile", "email"},
			Metadata: metadata})
		return secret
	}
	shared := func(text string) jose.Secret {
		made, err := jose.NewSecret([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	by := func(h *holder) proof { return proof{header: []string{certificateHeader, h.header()}} }
	register("none", client.None, client.Metadata{})
	basic := register("basic", client.ClientSecretBasic, client.Metadata{})
	post := register("post", client.ClientSecretPost, client.Metadata{})
	hmac := shared(register("hmac", client.ClientSecretJWT, client.Metadata{}))
	register("key", client.PrivateKeyJWT, client.Metadata{JWKS: set})
	register("pki", client.TLSClientAuth, client.Metadata{TLSClientAuthSubjectDN: "CN=payroll,O=Acme"})
	register("self", client.SelfSignedTLSClientAuth, client.Metadata{JWKS: own.jwks(t)})
	used := s.asserted(signer, "key", nil)
	for id, test := range map[string]struct {
		good proof
		bad  map[string]proof
	}{
		"none":  {proof{}, map[string]proof{"a secret": {form: []string{"client_secret", "x"}}}},
		"basic": {basically("basic", basic), map[string]proof{"nothing": {}, "another secret": basically("basic", post), "in the body": {form: []string{"client_secret", basic}}}},
		"post":  {proof{form: []string{"client_secret", post}}, map[string]proof{"nothing": {}, "in the header": basically("post", post)}},
		"hmac": {s.asserted(hmac, "hmac", nil), map[string]proof{"nothing": {}, "another secret": s.asserted(shared(secret.New(rand.Reader)), "hmac", nil),
			"a key": s.asserted(signer, "hmac", nil)}},
		"key": {used, map[string]proof{"nothing": {}, "the same again": used, "another key": s.asserted(stranger, "key", nil), "for another server": s.asserted(signer, "key", map[string]any{"aud": "https://other.test"}),
			"expired": s.asserted(signer, "key", map[string]any{"exp": time.Now().Add(-time.Minute).Unix()})}},
		"pki":  {by(issued), map[string]proof{"nothing": {}, "another certificate": by(other)}},
		"self": {by(own), map[string]proof{"nothing": {}, "another certificate": by(other), "one of the authority": by(issued)}},
	} {
		t.Run(id, func(t *testing.T) {
			if status, body := s.pushAs(id, test.good); status != http.StatusCreated || body["request_uri"] == nil {
				t.Errorf("%d %v", status, body)
			}
			for name, bad := range test.bad {
				if status, body := s.pushAs(id, bad); status != http.StatusUnauthorized || body["error"] != "invalid_client" || body["request_uri"] != nil {
					t.Errorf("%s: %d %v", name, status, body)
				}
			}
		})
	}
}

// draft-ietf-oauth-attestation-based-client-auth-10 §5: at pushed requests as at the token endpoint.
func TestAttestedClientsPushTheirRequests(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	attester, attesters := newSigner(t, jose.ES256)
	instance, _ := newSigner(t, jose.ES256)
	stranger, _ := newSigner(t, jose.ES256)
	s.setPolicies(func(s *site) {
		s.acme.Policies.Drafts = []org.Draft{org.DraftClientAttestation}
		s.acme.Policies.ClientAttesters = []org.ClientAttester{{Name: "Wallet backend", JWKS: attesters}}
	})
	s.web, s.secret = s.client(s.acme, client.Client{ClientID: "wallet", AuthenticationMethod: client.AttestJWTClientAuth, RedirectURIs: []string{callback}, GrantTypes: []string{client.AuthorizationCode}, Scopes: []string{"openid", "profile", "email"}})
	attestation := func(by *jose.Signer, changes map[string]any) string {
		encoded, err := json.Marshal(instance.Public())
		if err != nil {
			t.Fatal(err)
		}
		return s.signed(by, "oauth-client-attestation+jwt", map[string]any{"sub": "wallet", "exp": time.Now().Add(time.Hour).Unix(), "cnf": map[string]any{"jwk": json.RawMessage(encoded)}}, changes)
	}
	possession := func(by *jose.Signer, changes map[string]any) string {
		return s.signed(by, "oauth-client-attestation-pop+jwt", map[string]any{"aud": s.server.URL + "/acme", "jti": secret.New(rand.Reader), "iat": time.Now().Unix()}, changes)
	}
	both := func(attestation, possession string) proof {
		return proof{header: []string{"OAuth-Client-Attestation", attestation, "OAuth-Client-Attestation-PoP", possession}}
	}
	good := attestation(attester, nil)
	used := possession(instance, nil)
	status, body := s.pushAs("wallet", both(good, used))
	if status != http.StatusCreated {
		t.Fatalf("%d %v", status, body)
	}
	for name, bad := range map[string]proof{
		"nothing":                         {},
		"no attestation":                  {header: []string{"OAuth-Client-Attestation-PoP", possession(instance, nil)}},
		"no proof of possession":          {header: []string{"OAuth-Client-Attestation", good}},
		"a proof that was used":           both(good, used),
		"a proof by another key":          both(good, possession(stranger, nil)),
		"a proof for the endpoint":        both(good, possession(instance, map[string]any{"aud": s.server.URL + "/acme/par"})),
		"an old proof":                    both(good, possession(instance, map[string]any{"iat": time.Now().Add(-time.Hour).Unix()})),
		"an attestation by nobody":        both(attestation(stranger, nil), possession(instance, nil)),
		"an attestation of its own":       both(attestation(instance, nil), possession(instance, nil)),
		"an attestation of another":       both(attestation(attester, map[string]any{"sub": "web"}), possession(instance, nil)),
		"an attestation that has expired": both(attestation(attester, map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}), possession(instance, nil)),
	} {
		if status, body := s.pushAs("wallet", bad); status < 400 || body["request_uri"] != nil || status != http.StatusUnauthorized && body["error"] != "use_fresh_attestation" {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
	t.Run("the code is redeemed by the instance", func(t *testing.T) {
		b := s.browser()
		a := b.submit(b.get(s.pushedURL(body["request_uri"].(string))), "login-form", "username", s.ada.Username, "password", password)
		code := a.url.Query().Get("code")
		if code == "" {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		form := url.Values{"grant_type": {client.AuthorizationCode}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}, "client_id": {"wallet"}}
		if status, answer := s.program(http.MethodPost, "/acme/token", form, both(good, possession(instance, nil)).header...); status != http.StatusOK || answer["access_token"] == nil {
			t.Errorf("%d %v", status, answer)
		}
	})
	t.Run("where nobody takes part it is no method", func(t *testing.T) {
		s.setPolicies(func(s *site) { s.acme.Policies.Drafts = nil })
		if status, body := s.pushAs("wallet", both(good, possession(instance, nil))); status != http.StatusUnauthorized || body["error"] != "invalid_client" {
			t.Errorf("%d %v", status, body)
		}
	})
}
