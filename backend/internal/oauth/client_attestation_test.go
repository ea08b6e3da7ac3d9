package oauth_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

// wallet is an organization that takes part in the draft, with an attester and an application of which ada has an instance.
type wallet struct {
	*oidctest.Provider
	t                  *testing.T
	acme               *org.Organization
	policies           org.Policies
	attester, instance *jose.Signer
	app                *client.Client
}

func newWallet(t *testing.T, challenges bool) *wallet {
	p := oidctest.NewProvider(t)
	attester, set := newKey(t, jose.ES256)
	instance, _ := newKey(t, jose.ES256)
	w := &wallet{Provider: p, t: t, attester: attester, instance: instance}
	w.policies = org.Policies{Drafts: []org.Draft{org.DraftClientAttestation}, RequireAttestationChallenge: challenges, ClientAttesters: []org.ClientAttester{{Name: "Wallet backend", JWKS: set}}}
	w.acme = p.Organization(t, "acme", w.policies)
	w.app, _ = p.Application(t, w.acme, client.Client{ClientID: "wallet", AuthenticationMethod: client.AttestJWTClientAuth,
		GrantTypes: []string{client.ClientCredentials, client.AuthorizationCode, client.RefreshToken}, RedirectURIs: []string{"https://wallet.test/callback"}, Scopes: []string{"openid", "offline_access", "orders"}})
	return w
}

func with(claims, changes map[string]any) map[string]any {
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

func (w *wallet) sign(by jose.TokenSigner, tokenType string, claims map[string]any) string {
	w.t.Helper()
	signed, err := by.Sign(w.t.Context(), tokenType, claims)
	if err != nil {
		w.t.Fatal(err)
	}
	return signed
}

// publicKey is the key of a signer as a JWK.
func publicKey(t *testing.T, of *jose.Signer) (jwk map[string]any) {
	t.Helper()
	encoded, err := json.Marshal(jose.NewKeySet(of.Public()))
	if err != nil {
		t.Fatal(err)
	}
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(encoded, &set); err != nil {
		t.Fatal(err)
	}
	return set.Keys[0]
}

func (w *wallet) attestation(changes map[string]any) string {
	return w.sign(w.attester, "oauth-client-attestation+jwt", with(map[string]any{"sub": "wallet", "exp": w.Clock.Now().Add(time.Hour).Unix(),
		"cnf": map[string]any{"jwk": publicKey(w.t, w.instance)}}, changes))
}

func (w *wallet) proof(changes map[string]any) string {
	return w.sign(w.instance, "oauth-client-attestation-pop+jwt", with(map[string]any{"aud": w.Issuers.URL(w.acme), "jti": uuid.NewString(), "iat": w.Clock.Now().Unix()}, changes))
}

func headers(attestation, proof string) []string {
	return []string{"OAuth-Client-Attestation", attestation, "OAuth-Client-Attestation-PoP", proof}
}

func (w *wallet) ask(header ...string) oidctest.Answer {
	return w.Post(w.acme, "token", url.Values{"grant_type": {client.ClientCredentials}}, header...)
}

func TestClientsAuthenticateByAttestation(t *testing.T) {
	t.Parallel()
	w := newWallet(t, false)
	answer := w.ask(headers(w.attestation(nil), w.proof(nil))...)
	if answer.Status != 200 {
		t.Fatalf("%d %s", answer.Status, answer.Body)
	}
	token := answer.Text("access_token")
	// The same attestation again, with its issuer as earlier versions of the draft want it, at other endpoints, with client_id too.
	attestation := w.attestation(map[string]any{"iss": "https://attester.test", "nbf": w.Clock.Now().Unix()})
	if got := w.Post(w.acme, "introspect", url.Values{"token": {token}, "client_id": {"wallet"}}, headers(attestation, w.proof(map[string]any{"iss": "wallet"}))...); got.JSON["active"] != true {
		t.Errorf("introspection: %d %s", got.Status, got.Body)
	}
	if got := w.Post(w.acme, "revoke", url.Values{"token": {token}}, headers(attestation, w.proof(map[string]any{"aud": []string{w.Issuers.URL(w.acme)}}))...); got.Status != 200 {
		t.Errorf("revocation: %d %s", got.Status, got.Body)
	}
	if got := w.Post(w.acme, "introspect", url.Values{"token": {token}}, headers(attestation, w.proof(nil))...); got.JSON["active"] != false {
		t.Errorf("introspection after: %d %s", got.Status, got.Body)
	}
	t.Run("by an attester of its own", func(t *testing.T) {
		own, set := newKey(t, jose.EdDSA)
		w.Application(t, w.acme, client.Client{ClientID: "own", AuthenticationMethod: client.AttestJWTClientAuth, GrantTypes: []string{client.ClientCredentials}, Metadata: client.Metadata{JWKS: set}})
		if got := w.ask(headers(w.attestation(map[string]any{"sub": "own"}), w.proof(nil))...); got.Status != 401 {
			t.Errorf("the organization's attester: %d", got.Status)
		}
		good := w.sign(own, "oauth-client-attestation+jwt", map[string]any{"sub": "own", "exp": w.Clock.Now().Add(time.Hour).Unix(), "cnf": map[string]any{"jwk": publicKey(t, w.instance)}})
		if got := w.ask(headers(good, w.proof(nil))...); got.Status != 200 {
			t.Errorf("its own: %d %s", got.Status, got.Body)
		}
	})
	t.Run("beside another method an attestation says nothing", func(t *testing.T) {
		secret := w.Party(t, w.acme, client.Client{ClientID: "secret", GrantTypes: []string{client.ClientCredentials}})
		if got := secret.With(headers("x", "y")...).Post("token", "grant_type", client.ClientCredentials); got.Status != 200 {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
	t.Run("where nobody takes part it is no method", func(t *testing.T) {
		w.SetPolicies(t, w.acme, org.Policies{ClientAttesters: w.policies.ClientAttesters})
		if got := w.ask(headers(w.attestation(nil), w.proof(nil))...); got.Status != 401 || got.ErrorCode() != "invalid_client" {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
}

func TestAttestationsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWallet(t, false)
	stranger, _ := newKey(t, jose.ES256)
	now := w.Clock.Now()
	w.Application(t, w.acme, client.Client{ClientID: "another", AuthenticationMethod: client.AttestJWTClientAuth, GrantTypes: []string{client.ClientCredentials}})
	private := publicKey(t, w.instance)
	private["d"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	used := w.proof(nil)
	if got := w.ask(headers(w.attestation(nil), used)...); got.Status != 200 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	attestation, proof := w.attestation(nil), func() string { return w.proof(nil) }
	for name, header := range map[string][]string{
		"no proof":                         {"OAuth-Client-Attestation", attestation},
		"no attestation":                   {"OAuth-Client-Attestation-PoP", proof()},
		"two attestations":                 append(headers(attestation, proof()), "OAuth-Client-Attestation", attestation),
		"two proofs":                       append(headers(attestation, proof()), "OAuth-Client-Attestation-PoP", proof()),
		"a DPoP proof in the place of one": {"OAuth-Client-Attestation", attestation, "DPoP", w.NewProver(t).Proof(t, "POST", w.URL+"/acme/token", nil)},
		"of nobody":                        headers("x", proof()),
		"by a stranger":                    headers(w.sign(stranger, "oauth-client-attestation+jwt", map[string]any{"sub": "wallet", "exp": now.Add(time.Hour).Unix(), "cnf": map[string]any{"jwk": publicKey(t, w.instance)}}), proof()),
		"of another type":                  headers(w.sign(w.attester, "JWT", map[string]any{"sub": "wallet", "exp": now.Add(time.Hour).Unix(), "cnf": map[string]any{"jwk": publicKey(t, w.instance)}}), proof()),
		"without an end":                   headers(w.attestation(map[string]any{"exp": nil}), proof()),
		"without a key":                    headers(w.attestation(map[string]any{"cnf": nil}), proof()),
		"with a thumbprint only":           headers(w.attestation(map[string]any{"cnf": map[string]any{"jkt": "x"}}), proof()),
		"with a private key":               headers(w.attestation(map[string]any{"cnf": map[string]any{"jwk": private}}), proof()),
		"proven by another key":            headers(attestation, w.sign(stranger, "oauth-client-attestation-pop+jwt", map[string]any{"aud": w.Issuers.URL(w.acme), "jti": "x", "iat": now.Unix()})),
		"proven by another type":           headers(attestation, w.sign(w.instance, "JWT", map[string]any{"aud": w.Issuers.URL(w.acme), "jti": "x", "iat": now.Unix()})),
		"a proof for the token endpoint":   headers(attestation, w.proof(map[string]any{"aud": w.URL + "/acme/token"})),
		"a proof for others too":           headers(attestation, w.proof(map[string]any{"aud": []string{w.Issuers.URL(w.acme), "https://elsewhere.test"}})),
		"a proof for nobody":               headers(attestation, w.proof(map[string]any{"aud": nil})),
		"a proof without jti":              headers(attestation, w.proof(map[string]any{"jti": nil})),
		"a proof with a jti too long":      headers(attestation, w.proof(map[string]any{"jti": strings.Repeat("x", 300)})),
		"a proof without iat":              headers(attestation, w.proof(map[string]any{"iat": nil})),
		"a proof made too long ago":        headers(attestation, w.proof(map[string]any{"iat": now.Add(-2 * time.Minute).Unix()})),
		"a proof from the future":          headers(attestation, w.proof(map[string]any{"iat": now.Add(2 * time.Minute).Unix()})),
		"a proof used before":              headers(attestation, used),
	} {
		t.Run(name, func(t *testing.T) {
			if got := w.ask(header...); got.Status != 401 || got.ErrorCode() != "invalid_client" {
				t.Errorf("%d %s", got.Status, got.Body)
			}
		})
	}
	t.Run("for another client_id", func(t *testing.T) {
		if got := w.Post(w.acme, "token", url.Values{"grant_type": {client.ClientCredentials}, "client_id": {"another"}}, headers(attestation, proof())...); got.Status != 401 {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
	t.Run("at another organization", func(t *testing.T) {
		elsewhere := w.Organization(t, "elsewhere", org.Policies{Drafts: w.policies.Drafts})
		w.Application(t, elsewhere, client.Client{ClientID: "wallet", AuthenticationMethod: client.AttestJWTClientAuth, GrantTypes: []string{client.ClientCredentials}})
		if got := w.Post(elsewhere, "token", url.Values{"grant_type": {client.ClientCredentials}}, headers(attestation, w.proof(map[string]any{"aud": w.Issuers.URL(elsewhere)}))...); got.Status != 401 {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
	t.Run("expired: a fresh one is wanted", func(t *testing.T) {
		if got := w.ask(headers(w.attestation(map[string]any{"exp": now.Add(-time.Minute).Unix()}), proof())...); got.Status != 400 || got.ErrorCode() != "use_fresh_attestation" {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
	t.Run("twice at once", func(t *testing.T) {
		header, good := headers(attestation, proof()), make(chan bool, 4)
		for range 4 {
			go func() { good <- w.ask(header...).Status == 200 }()
		}
		won := 0
		for range 4 {
			if <-good {
				won++
			}
		}
		if won != 1 {
			t.Errorf("%d of 4 simultaneous uses won", won)
		}
	})
}

func TestAttestationChallenges(t *testing.T) {
	t.Parallel()
	w := newWallet(t, true)
	document := w.Get("/acme/.well-known/openid-configuration")
	for _, member := range []string{`"challenge_endpoint":"` + w.URL + `/acme/challenge"`, `"attest_jwt_client_auth"`, `"client_attestation_signing_alg_values_supported"`, `"client_attestation_pop_signing_alg_values_supported"`} {
		if !strings.Contains(string(document.Body), member) {
			t.Errorf("draft §7: %s is missing", member)
		}
	}
	refused := w.ask(headers(w.attestation(nil), w.proof(nil))...)
	if refused.Status != 400 || refused.ErrorCode() != "use_attestation_challenge" || refused.Header.Get("OAuth-Client-Attestation-Challenge") == "" {
		t.Fatalf("draft §6.4: %d %s", refused.Status, refused.Body)
	}
	given := w.Post(w.acme, "challenge", url.Values{})
	challenge := given.Text("attestation_challenge")
	if given.Status != 200 || given.Header.Get("Cache-Control") != "no-store" || challenge != refused.Header.Get("OAuth-Client-Attestation-Challenge") {
		t.Errorf("draft §5.2.1: %d %s", given.Status, given.Body)
	}
	if got := w.ask(headers(w.attestation(nil), w.proof(map[string]any{"challenge": challenge, "iat": w.Clock.Now().Add(-5 * time.Minute).Unix()}))...); got.Status != 200 {
		t.Errorf("a clock that is wrong: %d %s", got.Status, got.Body)
	}
	for name, wrong := range map[string]any{"invented": "AAAAAAAAAAAAAAAAAAAAAAAA", "of another organization": w.Post(w.Organization(t, "elsewhere", w.policies), "challenge", url.Values{}).Text("attestation_challenge")} {
		if got := w.ask(headers(w.attestation(nil), w.proof(map[string]any{"challenge": wrong}))...); got.ErrorCode() != "use_attestation_challenge" {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	w.Clock.Advance(7 * time.Minute)
	if got := w.ask(headers(w.attestation(nil), w.proof(map[string]any{"challenge": challenge}))...); got.ErrorCode() != "use_attestation_challenge" {
		t.Errorf("an old one: %d %s", got.Status, got.Body)
	}
	plain := w.Organization(t, "plain", org.Policies{})
	if got := w.Post(plain, "challenge", url.Values{}); got.Status != 404 {
		t.Errorf("where challenges are not used: %d", got.Status)
	}
	if body := string(w.Get("/plain/.well-known/openid-configuration").Body); strings.Contains(body, "attest") || strings.Contains(body, "challenge_endpoint") {
		t.Errorf("draft §7: advertised where nobody takes part")
	}
}

func TestRefreshTokensOfAttestedClientsBelongToTheirInstance(t *testing.T) {
	t.Parallel()
	w := newWallet(t, false)
	ada := w.Person(t, w.acme, "ada")
	code := w.Code(t, w.app, w.SignIn(t, w.acme, ada), "openid", "offline_access")
	redeem := url.Values{"grant_type": {"authorization_code"}, "code": {code.Code}, "redirect_uri": {code.RedirectURI}, "code_verifier": {code.Verifier}}
	tokens := w.Post(w.acme, "token", redeem, headers(w.attestation(nil), w.proof(nil))...)
	if tokens.Status != 200 {
		t.Fatalf("%d %s", tokens.Status, tokens.Body)
	}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Text("refresh_token")}}
	own := w.instance
	w.instance, _ = newKey(t, jose.ES256)
	if got := w.Post(w.acme, "token", form, headers(w.attestation(nil), w.proof(nil))...); got.Status != 400 || got.ErrorCode() != "invalid_grant" {
		t.Errorf("draft §8.3: another instance: %d %s", got.Status, got.Body)
	}
	w.instance = own
	if got := w.Post(w.acme, "token", form, headers(w.attestation(nil), w.proof(nil))...); got.Status != 200 {
		t.Errorf("its own: %d %s", got.Status, got.Body)
	}
}
