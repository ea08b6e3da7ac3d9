package ciba_test

import (
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
)

// signing is a client that signs its requests.
type signing struct {
	*scene
	party  *oidctest.Party
	signer *jose.Signer
	prover *oidctest.Prover
}

func newSigning(t *testing.T, algorithm jose.Algorithm, profile org.Profile) *signing {
	t.Helper()
	s := newScene(t)
	signer, err := jose.GenerateSigner(algorithm)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(map[string]any{"keys": []jose.PublicKey{signer.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	wanted := asks("signs", client.Poll, client.Metadata{JWKS: set, BackchannelAuthenticationRequestSigningAlg: string(algorithm)})
	if wanted.Profile = profile; profile != "" {
		wanted.AuthenticationMethod, wanted.IDTokenSignedResponseAlg = client.PrivateKeyJWT, "ES256"
	}
	return &signing{s, s.Party(t, s.organization, wanted), signer, s.NewProver(t)}
}

// object is a good signed request; change alters its claims, and a nil value leaves one out.
func (s *signing) object(t *testing.T, by *jose.Signer, tokenType string, change map[string]any) string {
	t.Helper()
	now := s.Clock.Now()
	claims := map[string]any{"iss": "signs", "aud": s.Issuers.URL(s.organization), "jti": secret.New(rand.Reader), "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"scope": "openid", "login_hint": "ada", "binding_message": "W4SCT"}
	for name, value := range change {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	signed, err := by.Sign(t.Context(), tokenType, claims)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// send posts to an endpoint, with an assertion where the client authenticates by one.
func (s *signing) send(t *testing.T, endpoint string, namesAndValues ...string) oidctest.Answer {
	t.Helper()
	party := s.party
	if party.Client.AuthenticationMethod == client.PrivateKeyJWT {
		now := s.Clock.Now()
		assertion, err := s.signer.Sign(t.Context(), "JWT", map[string]any{"iss": "signs", "sub": "signs", "aud": s.Issuers.Endpoint(s.organization, "bc-authorize"),
			"jti": secret.New(rand.Reader), "exp": now.Add(time.Minute).Unix()})
		if err != nil {
			t.Fatal(err)
		}
		namesAndValues = append(namesAndValues, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", assertion)
		if endpoint == "token" {
			party = party.With("DPoP", s.prover.Proof(t, "POST", s.Issuers.Endpoint(s.organization, "token"), nil))
		}
	}
	return party.Post(endpoint, namesAndValues...)
}

func TestSignedRequests(t *testing.T) {
	t.Parallel()
	s := newSigning(t, jose.ES256, "")
	for _, good := range []map[string]any{{}, {"requested_expiry": 120}, {"requested_expiry": "120"}, {"aud": []string{"x", s.Issuers.URL(s.organization)}}} {
		answer := s.send(t, "bc-authorize", "request", s.object(t, s.signer, "JWT", good))
		if answer.Status != 200 || good["requested_expiry"] != nil && answer.JSON["expires_in"] != 120.0 {
			t.Errorf("%v: %d %s", good, answer.Status, answer.Body)
		}
	}
	expect(t, s.send(t, "bc-authorize", "request", s.object(t, s.signer, "oauth-authz-req+jwt", nil)), 200, "")
	used := s.object(t, s.signer, "JWT", nil)
	expect(t, s.send(t, "bc-authorize", "request", used), 200, "")
	expect(t, s.send(t, "bc-authorize", "request", used), 400, "invalid_request") // CIBA Core 1.0 §7.1.1: the jti is used once
	expect(t, s.send(t, "bc-authorize", "scope", "openid", "login_hint", "ada"), 400, "invalid_request")
	expect(t, s.send(t, "bc-authorize", "request", s.object(t, s.signer, "JWT", nil), "binding_message", "another"), 400, "invalid_request")
	expect(t, s.send(t, "bc-authorize", "request", s.object(t, s.signer, "JWT", nil), "resource", "https://api.example.test/"), 400, "invalid_request")
	stranger, err := jose.GenerateSigner(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	now := s.Clock.Now()
	at := func(minutes time.Duration) int64 { return now.Add(minutes * time.Minute).Unix() }
	for name, object := range map[string]string{
		"signed by somebody else": s.object(t, stranger, "JWT", nil),
		"a token of another kind": s.object(t, s.signer, "at+jwt", nil),
		"no JWT":                  "x",
		"unsigned":                "eyJhbGciOiJub25lIn0." + strings.Split(s.object(t, s.signer, "JWT", nil), ".")[1] + ".",
		"no aud":                  s.object(t, s.signer, "JWT", map[string]any{"aud": nil}),
		"another aud":             s.object(t, s.signer, "JWT", map[string]any{"aud": "https://id.example.test/acme"}),
		"no iss":                  s.object(t, s.signer, "JWT", map[string]any{"iss": nil}),
		"another iss":             s.object(t, s.signer, "JWT", map[string]any{"iss": "bank"}),
		"no exp":                  s.object(t, s.signer, "JWT", map[string]any{"exp": nil}),
		"expired":                 s.object(t, s.signer, "JWT", map[string]any{"exp": at(-5)}),
		"exp in 70 minutes":       s.object(t, s.signer, "JWT", map[string]any{"exp": at(70)}),
		"no iat":                  s.object(t, s.signer, "JWT", map[string]any{"iat": nil}),
		"no nbf":                  s.object(t, s.signer, "JWT", map[string]any{"nbf": nil}),
		"nbf in 10 minutes":       s.object(t, s.signer, "JWT", map[string]any{"nbf": at(10)}),
		"nbf 70 minutes ago":      s.object(t, s.signer, "JWT", map[string]any{"nbf": at(-70)}),
		"no jti":                  s.object(t, s.signer, "JWT", map[string]any{"jti": nil}),
		"no hint":                 s.object(t, s.signer, "JWT", map[string]any{"login_hint": nil}),
		"two hints":               s.object(t, s.signer, "JWT", map[string]any{"id_token_hint": "x"}),
		"a scope of a wrong type": s.object(t, s.signer, "JWT", map[string]any{"scope": []string{"openid"}}),
		"an expiry of zero":       s.object(t, s.signer, "JWT", map[string]any{"requested_expiry": 0}),
	} {
		if answer := s.send(t, "bc-authorize", "request", object); answer.Status != 400 || answer.ErrorCode() != "invalid_request" {
			t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
		}
	}
}

func TestTheProfileFAPICIBA(t *testing.T) {
	t.Parallel()
	s := newSigning(t, jose.PS256, org.ProfileFAPICIBA)
	begun := s.send(t, "bc-authorize", "request", s.object(t, s.signer, "JWT", nil))
	expect(t, begun, 200, "")
	expect(t, s.send(t, "bc-authorize", "scope", "openid", "login_hint", "ada", "binding_message", "W4SCT"), 400, "invalid_request")
	expect(t, s.send(t, "bc-authorize", "request", s.object(t, s.signer, "JWT", map[string]any{"binding_message": nil})), 400, "invalid_request") // §5.2.2
	s.allow(t)
	tokens := s.send(t, "token", "grant_type", client.CIBA, "auth_req_id", begun.Text("auth_req_id"))
	if expect(t, tokens, 200, ""); tokens.Text("token_type") != "DPoP" {
		t.Errorf("%s", tokens.Body)
	}
	t.Run("a token that is not bound", func(t *testing.T) {
		begun := s.send(t, "bc-authorize", "request", s.object(t, s.signer, "JWT", nil))
		s.allow(t)
		assertion, err := s.signer.Sign(t.Context(), "JWT", map[string]any{"iss": "signs", "sub": "signs", "aud": s.Issuers.URL(s.organization), "jti": secret.New(rand.Reader), "exp": s.Clock.Now().Add(time.Minute).Unix()})
		if err != nil {
			t.Fatal(err)
		}
		answer := s.party.Post("token", "grant_type", client.CIBA, "auth_req_id", begun.Text("auth_req_id"), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", assertion)
		if answer.Status != 400 {
			t.Errorf("%d %s", answer.Status, answer.Body)
		}
	})
	t.Run("a client whose mode it does not allow any more", func(t *testing.T) {
		pushes := s.Party(t, s.organization, asks("pushes", client.Push, client.Metadata{BackchannelClientNotificationEndpoint: "https://bank.example.test/told"}))
		s.SetPolicies(t, s.organization, org.Policies{RequireBoundTokens: true})
		answer := pushes.Post("bc-authorize", "scope", "openid", "login_hint", "ada", "client_notification_token", notificationToken)
		expect(t, answer, 400, "unauthorized_client")
	})
}
