package oauth_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

func TestAccessTokensOfOthersAreWorthNothing(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	organization, elsewhere := p.Organization(t, "acme", org.Policies{}), p.Organization(t, "elsewhere", org.Policies{})
	ada := p.Person(t, organization, "ada")
	party := p.Party(t, organization, client.Client{ClientID: "web", IDTokenSignedResponseAlg: "ES256"})
	foreign := p.Party(t, elsewhere, client.Client{ClientID: "web"})
	inElsewhere := foreign.Redeem(p.Code(t, foreign.Client, p.SignIn(t, elsewhere, p.Person(t, elsewhere, "ada")), "openid"))
	tokens := party.Redeem(p.Code(t, party.Client, p.SignIn(t, organization, ada), "openid", "profile", "email"))
	if tokens.Status != 200 || inElsewhere.Status != 200 {
		t.Fatalf("%s %s", tokens.Body, inElsewhere.Body)
	}
	good := tokens.Text("access_token")
	issuer := p.Issuers.URL(organization)
	sign := func(organization *org.Organization, algorithm jose.Algorithm, tokenType string, change map[string]any) string {
		signer, err := p.Keys.Signer(t.Context(), organization.ID, algorithm)
		if err != nil {
			t.Fatal(err)
		}
		claims := p.Claims(t, party.Organization, good, "at+jwt")
		for name, value := range change {
			claims[name] = value
			if value == nil {
				delete(claims, name)
			}
		}
		signed, err := signer.Sign(t.Context(), tokenType, claims)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	parts := strings.Split(good, ".")
	header := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	kid := oidctest.Header(t, good).KeyID
	other, err := jose.GenerateSigner(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	unknownKey, err := other.Sign(t.Context(), "at+jwt", p.Claims(t, organization, good, "at+jwt"))
	if err != nil {
		t.Fatal(err)
	}

	if got := party.Userinfo(sign(organization, jose.ES256, "at+jwt", nil)); got.Status != 200 {
		t.Fatalf("the control, a copy of a good token: %d %s", got.Status, got.Body)
	}
	for name, token := range map[string]string{
		"ID token as access token":                      tokens.Text("id_token"),
		"typ JWT with the claims of an access token":    sign(organization, jose.ES256, "JWT", nil),
		"typ logout+jwt":                                sign(organization, jose.ES256, "logout+jwt", nil),
		"token of another organization":                 inElsewhere.Text("access_token"),
		"key of another organization, our issuer":       sign(elsewhere, jose.ES256, "at+jwt", nil),
		"our key, issuer of another organization":       sign(organization, jose.ES256, "at+jwt", map[string]any{"iss": p.Issuers.URL(elsewhere)}),
		"algorithm confusion: RS256 of our own RSA key": sign(organization, jose.RS256, "at+jwt", nil),
		"algorithm confusion: none":                     header(`{"alg":"none","kid":"`+kid+`","typ":"at+jwt"}`) + "." + parts[1] + ".",
		"algorithm confusion: HS256":                    header(`{"alg":"HS256","kid":"`+kid+`","typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2],
		"kid confusion: no kid":                         header(`{"alg":"ES256","typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2],
		"kid confusion: unknown key":                    unknownKey,
		"another audience":                              sign(organization, jose.ES256, "at+jwt", map[string]any{"aud": issuer + "/api"}),
		"expired":                                       sign(organization, jose.ES256, "at+jwt", map[string]any{"exp": p.Clock.Now().Add(-time.Minute).Unix()}),
		"without exp":                                   sign(organization, jose.ES256, "at+jwt", map[string]any{"exp": nil}),
		"from the future":                               sign(organization, jose.ES256, "at+jwt", map[string]any{"iat": p.Clock.Now().Add(time.Hour).Unix()}),
		"without jti":                                   sign(organization, jose.ES256, "at+jwt", map[string]any{"jti": nil}),
		"another person's sub on the same grant":        sign(organization, jose.ES256, "at+jwt", map[string]any{"sub": "0190b3f0-0000-7000-8000-000000000000"}),
		"without its grant, claiming a person":          sign(organization, jose.ES256, "at+jwt", map[string]any{"gid": "0190b3f0-0000-7000-8000-000000000000"}),
		"a scope that is no string":                     sign(organization, jose.ES256, "at+jwt", map[string]any{"scope": []string{"openid"}}),
		"unknown client":                                sign(organization, jose.ES256, "at+jwt", map[string]any{"client_id": "nobody"}),
		"changed payload":                               parts[0] + "." + header(`{"sub":"x"}`) + "." + parts[2],
		"refresh token":                                 tokens.Text("refresh_token"),
		"nonsense":                                      "nonsense",
		"an enormous token":                             strings.Repeat("x", 20<<10),
	} {
		t.Run(name, func(t *testing.T) {
			got := party.Userinfo(token)
			if got.Status != 401 || got.ErrorCode() != "invalid_token" || !strings.Contains(got.Header.Get("WWW-Authenticate"), `Bearer realm="clavex", error="invalid_token"`) {
				t.Errorf("userinfo answered %d %s, %q", got.Status, got.Body, got.Header.Get("WWW-Authenticate"))
			}
			if name != "another audience" && name != "refresh token" { // an introspecting client sees its own tokens whatever their audience
				if got := party.Introspect(token); strings.TrimSpace(string(got.Body)) != `{"active":false}` && token != strings.Repeat("x", 20<<10) {
					t.Errorf("introspection answered %d %s", got.Status, got.Body)
				}
			}
		})
	}
	t.Run("with the same message for all", func(t *testing.T) {
		one, two := party.Userinfo("nonsense"), party.Userinfo(inElsewhere.Text("access_token"))
		if string(one.Body) != string(two.Body) {
			t.Errorf("%s and %s", one.Body, two.Body)
		}
	})
	t.Run("a rotation of keys fails no verification", func(t *testing.T) {
		for range 2 {
			if _, err := p.Keys.Rotate(t.Context(), audit.Actor{Kind: audit.System}, organization.ID, jose.ES256, true); err != nil {
				t.Fatal(err)
			}
			if got := party.Userinfo(good); got.Status != 200 {
				t.Errorf("a token signed before the rotation: %d %s", got.Status, got.Body)
			}
		}
		fresh := party.Refresh(tokens.Text("refresh_token")).Text("access_token")
		if oidctest.Header(t, fresh).KeyID == kid {
			t.Error("still the old key signs")
		}
		if got := party.Userinfo(fresh); got.Status != 200 {
			t.Errorf("a token signed after the rotation: %d %s", got.Status, got.Body)
		}
	})
	t.Run("Verify tells a bad token from a lost database", func(t *testing.T) {
		var refused *oauth.Error
		if _, err := p.Tokens.Verify(t.Context(), organization, "nonsense", issuer); !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized {
			t.Errorf("nonsense: %v", err)
		}
	})
}
