package token_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/trust"
	"github.com/clavex/clavex/backend/internal/user"
)

const partner = "https://idp.partner.test"

// bearer is a scene with a trusted issuer, who knows ada as "u-1", and a client that may present its assertions.
type bearer struct {
	*scene
	signer *jose.Signer
	issuer *trust.Issuer
	agent  *oidctest.Party
}

func newBearer(t *testing.T, change func(*trust.Issuer)) *bearer {
	t.Helper()
	s := newScene(t)
	b := &bearer{scene: s}
	b.agent = s.Party(t, s.organization, client.Client{ClientID: "agent", Name: "Agent", GrantTypes: []string{client.JWTBearer, client.ClientCredentials}, ResponseTypes: []string{},
		Scopes: []string{"openid", "profile", "email", "orders:read", "admin:read"}})
	var set json.RawMessage
	b.signer, set = keyPair(t, jose.ES256)
	wanted := trust.Issuer{OrgID: s.organization.ID, Issuer: partner, Name: "Partner", JWKS: set, Clients: []string{"agent"}, Scopes: []string{"openid", "profile", "orders:read", "orders:write"}}
	if change != nil {
		change(&wanted)
	}
	b.issuer = s.trust(t, wanted)
	if b.issuer.SubjectMatch == trust.LinkedIdentity {
		b.link(t, b.issuer, "u-1", s.ada)
	}
	return b
}

func keyPair(t *testing.T, algorithm jose.Algorithm) (*jose.Signer, json.RawMessage) {
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

func (s *scene) trust(t *testing.T, wanted trust.Issuer) (made *trust.Issuer) {
	t.Helper()
	s.InTx(t, func(ctx context.Context, tx *store.Tx) (err error) {
		made, err = s.Trusted.Create(ctx, tx, oidctest.Actor(), wanted)
		return err
	})
	s.Trusted.Forget(wanted.OrgID)
	return made
}

func (s *scene) link(t *testing.T, issuer *trust.Issuer, subject string, person *user.User) (made *trust.Identity) {
	t.Helper()
	s.InTx(t, func(ctx context.Context, tx *store.Tx) (err error) {
		made, err = s.Trusted.Link(ctx, tx, oidctest.Actor(), trust.Identity{OrgID: issuer.OrgID, IssuerID: issuer.ID, Subject: subject, UserID: person.ID})
		return err
	})
	return made
}

// changeTrust writes a changed trusted issuer.
func (b *bearer) changeTrust(t *testing.T, change func(*trust.Issuer)) {
	t.Helper()
	b.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		current, err := b.Trusted.ByID(ctx, tx, b.organization.ID, b.issuer.ID)
		if err != nil {
			return err
		}
		changed := *current
		change(&changed)
		_, err = b.Trusted.Update(ctx, tx, oidctest.Actor(), changed)
		return err
	})
	b.Trusted.Forget(b.organization.ID)
}

// claims are those of a good assertion, each time with another jti, and the changes; nil takes a claim away.
func (b *bearer) claims(changes map[string]any) map[string]any {
	now := b.Clock.Now()
	claims := map[string]any{"iss": partner, "sub": "u-1", "aud": b.Issuers.URL(b.organization), "jti": uuid.NewString(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

func (b *bearer) assertion(t *testing.T, changes map[string]any) string {
	t.Helper()
	return signed(t, b.signer, "JWT", b.claims(changes))
}

func signed(t *testing.T, by jose.TokenSigner, tokenType string, claims map[string]any) string {
	t.Helper()
	text, err := by.Sign(t.Context(), tokenType, claims)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func present(by *oidctest.Party, assertion string, more ...string) oidctest.Answer {
	return by.Post("token", append([]string{"grant_type", client.JWTBearer, "assertion", assertion}, more...)...)
}

func TestJWTBearerGrant(t *testing.T) {
	t.Parallel()
	b := newBearer(t, nil)
	answer := present(b.agent, b.assertion(t, map[string]any{"auth_time": 1, "acr": "gold", "amr": []string{"mfa"}}))
	expect(t, answer, 200, "")
	if answer.Text("token_type") != "Bearer" || answer.Text("scope") != "openid profile orders:read" || answer.JSON["id_token"] != nil || answer.JSON["refresh_token"] != nil || answer.JSON["expires_in"] != 300.0 {
		t.Errorf("RFC 7521 §4.1: %s", answer.Body)
	}
	claims := b.Claims(t, b.organization, answer.Text("access_token"), "at+jwt")
	for name, want := range map[string]any{"sub": b.ada.ID.String(), "client_id": "agent", "aud": b.Issuers.URL(b.organization), "sid": nil, "auth_time": nil, "acr": nil, "amr": nil} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	if got := b.agent.Introspect(answer.Text("access_token")); got.JSON["active"] != true || got.Text("sub") != b.ada.ID.String() || got.JSON["auth_time"] != nil {
		t.Errorf("introspection: %s", got.Body)
	}
	if got := b.agent.Userinfo(answer.Text("access_token")); got.Status != 200 || got.Text("name") != "Ada Lovelace" {
		t.Errorf("userinfo: %d %s", got.Status, got.Body)
	}
	var found int
	if err := b.Store.QueryRow(t.Context(), "SELECT count(*) FROM audit_events WHERE action = 'assertion.accepted' AND actor_id = $1 AND details ->> 'issuer' = $2", b.agent.Client.ID.String(), partner).Scan(&found); err != nil || found != 1 {
		t.Errorf("audit: %d, %v", found, err)
	}
	t.Run("at an address, with rotated keys", func(t *testing.T) {
		first, firstSet := keyPair(t, jose.ES256)
		second, secondSet := keyPair(t, jose.EdDSA)
		var served atomic.Pointer[json.RawMessage]
		served.Store(&firstSet)
		address := b.Web.Handle("/partner-keys", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/jwk-set+json")
			_, _ = w.Write(*served.Load())
		})
		other := b.scene.trust(t, trust.Issuer{OrgID: b.organization.ID, Issuer: "https://rotating.test", Name: "Rotating", JWKSURI: address, Clients: []string{"agent"}, SubjectMatch: trust.Username})
		for _, signer := range []*jose.Signer{first, second} {
			expect(t, present(b.agent, signed(t, signer, "JWT", b.claims(map[string]any{"iss": other.Issuer, "sub": "ada"}))), 200, "")
			served.Store(&secondSet)
		}
		b.Clock.Advance(3 * time.Hour)
		served.Store(&json.RawMessage{'{', '}'})
		if got := present(b.agent, signed(t, second, "JWT", b.claims(map[string]any{"iss": other.Issuer, "sub": "ada"}))); got.Status < 400 {
			t.Errorf("without keys: %d %s", got.Status, got.Body)
		}
	})
}

func TestAssertionsThatAreRefused(t *testing.T) {
	t.Parallel()
	b := newBearer(t, func(i *trust.Issuer) { i.Algorithms = []jose.Algorithm{jose.ES256} })
	other, otherSet := keyPair(t, jose.ES256)
	b.trust(t, trust.Issuer{OrgID: b.organization.ID, Issuer: "https://other.test", Name: "Other", JWKS: otherSet, Clients: []string{"agent"}, SubjectMatch: trust.Username})
	elsewhere := b.Organization(t, "elsewhere", org.Policies{})
	b.trust(t, trust.Issuer{OrgID: elsewhere.ID, Issuer: "https://there.test", Name: "There", JWKS: otherSet, Clients: []string{"agent"}, SubjectMatch: trust.Username})
	stranger := b.BarePerson(t, elsewhere, "stranger")
	disabled := b.BarePerson(t, b.organization, "disabled")
	b.link(t, b.issuer, "u-2", disabled)
	b.Disable(t, disabled)
	now := b.Clock.Now()
	nobody, _ := keyPair(t, jose.ES256)
	for name, assertion := range map[string]string{
		"unsigned":                         unsigned(t, b.claims(nil)),
		"signed by nobody known":           signed(t, nobody, "JWT", b.claims(nil)),
		"signed by another trusted issuer": signed(t, other, "JWT", b.claims(nil)),
		"of an issuer that nobody trusts":  signed(t, b.signer, "JWT", b.claims(map[string]any{"iss": "https://nobody.test"})),
		"of an issuer trusted elsewhere":   signed(t, other, "JWT", b.claims(map[string]any{"iss": "https://there.test", "sub": "ada"})),
		"of ourselves":                     signed(t, b.signer, "JWT", b.claims(map[string]any{"iss": b.Issuers.URL(b.organization)})),
		"for the token endpoint":           b.assertion(t, map[string]any{"aud": b.tokenURL()}),
		"for another organization":         b.assertion(t, map[string]any{"aud": b.Issuers.URL(elsewhere)}),
		"for us and others":                b.assertion(t, map[string]any{"aud": []string{b.Issuers.URL(b.organization), "https://elsewhere.test"}}),
		"for nobody":                       b.assertion(t, map[string]any{"aud": nil}),
		"for a client":                     b.assertion(t, map[string]any{"aud": "agent"}),
		"without exp":                      b.assertion(t, map[string]any{"exp": nil}),
		"expired":                          b.assertion(t, map[string]any{"exp": now.Add(-time.Minute).Unix()}),
		"ends too late":                    b.assertion(t, map[string]any{"exp": now.Add(6 * time.Minute).Unix(), "iat": nil}),
		"lives too long":                   b.assertion(t, map[string]any{"iat": now.Add(-5 * time.Minute).Unix()}),
		"not yet":                          b.assertion(t, map[string]any{"nbf": now.Add(time.Minute).Unix()}),
		"issued in the future":             b.assertion(t, map[string]any{"iat": now.Add(time.Minute).Unix(), "exp": now.Add(2 * time.Minute).Unix()}),
		"without jti":                      b.assertion(t, map[string]any{"jti": nil}),
		"with a jti too long":              b.assertion(t, map[string]any{"jti": strings.Repeat("x", 257)}),
		"without sub":                      b.assertion(t, map[string]any{"sub": nil}),
		"of a sub that is a number":        b.assertion(t, map[string]any{"sub": 1}),
		"of somebody unknown":              b.assertion(t, map[string]any{"sub": "u-3"}),
		"of somebody by their id here":     b.assertion(t, map[string]any{"sub": b.ada.ID.String()}),
		"of somebody disabled":             b.assertion(t, map[string]any{"sub": "u-2"}),
		"of somebody elsewhere":            b.assertion(t, map[string]any{"sub": stranger.ID.String()}),
		"another typ":                      signed(t, b.signer, "at+jwt", b.claims(nil)),
		"a type that needs more":           signed(t, b.signer, "oauth-id-jag+jwt", b.claims(nil)),
		"bound to what nobody proves":      b.assertion(t, map[string]any{"cnf": map[string]any{"jkt": b.NewProver(t).Thumbprint(t)}}),
		"bound to what nobody knows":       b.assertion(t, map[string]any{"cnf": map[string]any{"kid": "x"}}),
		"no JWT":                           "x",
	} {
		t.Run(name, func(t *testing.T) { expect(t, present(b.agent, assertion), 400, "invalid_grant") })
	}
	t.Run("none, or too large", func(t *testing.T) {
		expect(t, b.agent.Post("token", "grant_type", client.JWTBearer), 400, "invalid_request")
		expect(t, present(b.agent, b.assertion(t, map[string]any{"x": strings.Repeat("x", jose.MaximumTokenBytes)})), 400, "invalid_request")
	})
	t.Run("with a key of another type, if the algorithm is not accepted", func(t *testing.T) {
		signer, set := keyPair(t, jose.EdDSA)
		b.changeTrust(t, func(i *trust.Issuer) { i.JWKS = set })
		expect(t, present(b.agent, signed(t, signer, "JWT", b.claims(nil))), 400, "invalid_grant")
	})
}

func unsigned(t *testing.T, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
}

func TestWhoMayPresentAssertions(t *testing.T) {
	t.Parallel()
	b := newBearer(t, nil)
	grants := []string{client.JWTBearer}
	unnamed := b.Party(t, b.organization, client.Client{ClientID: "unnamed", GrantTypes: grants, ResponseTypes: []string{}, Scopes: []string{"openid"}})
	expect(t, present(unnamed, b.assertion(t, nil)), 400, "invalid_grant")
	expect(t, present(b.party, b.assertion(t, nil)), 400, "unauthorized_client")
	elsewhere := b.Organization(t, "elsewhere", org.Policies{})
	namesake := b.Party(t, elsewhere, client.Client{ClientID: "agent", GrantTypes: grants, ResponseTypes: []string{}, Scopes: []string{"openid"}})
	expect(t, present(namesake, b.assertion(t, map[string]any{"aud": b.Issuers.URL(elsewhere)})), 400, "invalid_grant")
	wrong := *b.agent
	wrong.Secret = secret.New(rand.Reader)
	expect(t, present(&wrong, b.assertion(t, nil)), 401, "invalid_client")
	if err := (&client.Client{ClientID: "public", AuthenticationMethod: client.None, GrantTypes: grants, ResponseTypes: []string{}, Origin: client.Administrator}).Complete(); err == nil {
		t.Error("a public client may have the grant type")
	}
}

func TestAnAssertionIsUsedOnce(t *testing.T) {
	t.Parallel()
	b := newBearer(t, nil)
	assertion := b.assertion(t, nil)
	won := 0
	for _, answer := range simultaneously(4, func() oidctest.Answer { return present(b.agent, assertion) }) {
		switch {
		case answer.Status == 200:
			won++
		case answer.Status != 400 || answer.ErrorCode() != "invalid_grant":
			t.Errorf("%d %s", answer.Status, answer.Body)
		}
	}
	if won != 1 {
		t.Errorf("%d of 4 simultaneous uses won", won)
	}
	b.Clock.Advance(80 * time.Second) // within the leeway
	expect(t, present(b.agent, assertion), 400, "invalid_grant")
	var found int
	if err := b.Store.QueryRow(t.Context(), "SELECT count(*) FROM audit_events WHERE action = 'assertion.reused' AND outcome = 'failure'").Scan(&found); err != nil || found != 4 {
		t.Errorf("audit: %d, %v", found, err)
	}
	t.Run("and asking for too much does not use it up", func(t *testing.T) {
		fresh := b.assertion(t, nil)
		expect(t, present(b.agent, fresh, "scope", "orders:write"), 400, "invalid_scope")
		expect(t, present(b.agent, fresh, "resource", "https://api.test/"), 400, "invalid_target")
		expect(t, present(b.agent, fresh, "authorization_details", `[{"type":"payment"}]`), 400, "invalid_authorization_details")
		expect(t, present(b.agent, fresh, "scope", "orders:read"), 200, "")
	})
}

func TestPeopleOfTrustedIssuers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*trust.Issuer)
		claims map[string]any
		status int
	}{
		"by their username":                        {func(i *trust.Issuer) { i.SubjectMatch = trust.Username }, map[string]any{"sub": "ADA"}, 200},
		"by another claim":                         {func(i *trust.Issuer) { i.SubjectMatch, i.SubjectClaim = trust.Username, "employee" }, map[string]any{"employee": "ada"}, 200},
		"by another claim that is not there":       {func(i *trust.Issuer) { i.SubjectMatch, i.SubjectClaim = trust.Username, "employee" }, map[string]any{"sub": "ada"}, 400},
		"by their address":                         {func(i *trust.Issuer) { i.SubjectMatch = trust.VerifiedEmail }, map[string]any{"email": "Ada@example.test", "email_verified": true}, 200},
		"by an address not verified there":         {func(i *trust.Issuer) { i.SubjectMatch = trust.VerifiedEmail }, map[string]any{"email": "ada@example.test", "email_verified": false}, 400},
		"by an address of which nothing is said":   {func(i *trust.Issuer) { i.SubjectMatch = trust.VerifiedEmail }, map[string]any{"email": "ada@example.test"}, 400},
		"by an address that is a text":             {func(i *trust.Issuer) { i.SubjectMatch = trust.VerifiedEmail }, map[string]any{"email": "ada@example.test", "email_verified": "true"}, 400},
		"by an address not verified here":          {func(i *trust.Issuer) { i.SubjectMatch = trust.VerifiedEmail }, map[string]any{"email": "grace@example.test", "email_verified": true}, 400},
		"by a username that is somebody's address": {func(i *trust.Issuer) { i.SubjectMatch = trust.Username }, map[string]any{"sub": "ada@example.test"}, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBearer(t, test.change)
			b.InTx(t, func(ctx context.Context, tx *store.Tx) error {
				_, err := b.Users.Create(ctx, tx, oidctest.Actor(), user.User{OrgID: b.organization.ID, Username: "grace", Email: "grace@example.test"})
				return err
			})
			if got := present(b.agent, b.assertion(t, test.claims)); got.Status != test.status {
				t.Errorf("%d %s", got.Status, got.Body)
			}
		})
	}
}
