package server

import (
	"context"
	"net/http"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/clavex/clavex/backend/internal/client"
)

// TestAnIndependentRelyingPartyCompletesTheCodeFlow lets coreos/go-oidc and x/oauth2, which know nothing
// of us, discover the issuer, send a person to sign in, redeem the code, verify the ID token with the
// published keys, ask for the claims and refresh: OpenID Connect Core 1.0 §3.1, §5.3, §12, Discovery 1.0.
func TestAnIndependentRelyingPartyCompletesTheCodeFlow(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, registered := range map[string]client.Client{
		"confidential, RS256": {AuthenticationMethod: client.ClientSecretBasic, IDTokenSignedResponseAlg: "RS256"},
		"confidential, ES256": {AuthenticationMethod: client.ClientSecretPost, IDTokenSignedResponseAlg: "ES256"},
		"public, ES256":       {AuthenticationMethod: client.None, IDTokenSignedResponseAlg: "ES256"},
	} {
		registered.Name, registered.RedirectURIs, registered.RequireConsent = "Payroll", []string{callback}, true
		registered.GrantTypes = []string{client.AuthorizationCode, client.RefreshToken}
		made, secret := s.client(s.acme, registered)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			completeCodeFlow(t, s, made, secret)
		})
	}
}

func completeCodeFlow(t *testing.T, s *site, made *client.Client, secret string) {
	ctx := oidc.ClientContext(t.Context(), s.server.Client())
	provider, err := oidc.NewProvider(ctx, s.server.URL+"/acme")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams
	if made.AuthenticationMethod == client.ClientSecretBasic {
		endpoint.AuthStyle = oauth2.AuthStyleInHeader
	}
	application := oauth2.Config{ClientID: made.ClientID, ClientSecret: secret, Endpoint: endpoint, RedirectURL: callback,
		Scopes: []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess}}
	verifier, nonce := oauth2.GenerateVerifier(), oauth2.GenerateVerifier()

	b := s.browser()
	a := b.get(application.AuthCodeURL("the-state", oauth2.S256ChallengeOption(verifier), oidc.Nonce(nonce), oauth2.SetAuthURLParam("prompt", "consent")))
	a = b.submit(a, "login-form", "username", s.ada.Username, "password", password)
	a = b.submit(a, "consent-form", "decision", "allow")
	if a.url.Query().Get("state") != "the-state" || a.url.Query().Get("code") == "" {
		t.Fatalf("the browser ended at %s", a.url)
	}

	token, err := application.Exchange(ctx, a.url.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	idToken := verified(ctx, t, provider, made, token)
	if idToken.Nonce != nonce || idToken.Subject != s.ada.ID.String() {
		t.Errorf("ID token for %s with nonce %q, want %s and %q", idToken.Subject, idToken.Nonce, s.ada.ID, nonce)
	}
	if err := idToken.VerifyAccessToken(token.AccessToken); err != nil {
		t.Errorf("at_hash (Core §3.1.3.6): %v", err)
	}
	claims, err := provider.UserInfo(ctx, application.TokenSource(ctx, token))
	if err != nil {
		t.Fatal(err)
	}
	if claims.Subject != idToken.Subject || claims.Email != s.ada.Email {
		t.Errorf("userinfo tells of %s, %s", claims.Subject, claims.Email)
	}

	renewed, err := application.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	if err != nil {
		t.Fatal(err)
	}
	if renewed.AccessToken == token.AccessToken || renewed.RefreshToken == token.RefreshToken {
		t.Error("the refresh gave the same tokens again")
	}
	if again := verified(ctx, t, provider, made, renewed); again.Subject != idToken.Subject {
		t.Errorf("the refresh speaks of %s", again.Subject)
	}
	if _, err := application.Exchange(ctx, a.url.Query().Get("code"), oauth2.VerifierOption(verifier)); err == nil {
		t.Error("the code was redeemed twice")
	}
}

// verified checks the response's ID token with the issuer's published keys.
func verified(ctx context.Context, t *testing.T, provider *oidc.Provider, made *client.Client, token *oauth2.Token) *oidc.IDToken {
	t.Helper()
	raw, _ := token.Extra("id_token").(string)
	verifier := provider.Verifier(&oidc.Config{ClientID: made.ClientID, SupportedSigningAlgs: []string{made.IDTokenSignedResponseAlg}})
	idToken, err := verifier.Verify(ctx, raw)
	if err != nil {
		t.Fatalf("the ID token of the response: %v", err)
	}
	return idToken
}

// TestAnIndependentRelyingPartyHearsOfARefusal checks that errors arrive in the form libraries read.
func TestAnIndependentRelyingPartyHearsOfARefusal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx := oidc.ClientContext(t.Context(), s.server.Client())
	provider, err := oidc.NewProvider(ctx, s.server.URL+"/acme")
	if err != nil {
		t.Fatal(err)
	}
	application := oauth2.Config{ClientID: s.web.ClientID, ClientSecret: "wrong", Endpoint: provider.Endpoint(), RedirectURL: callback}
	_, err = application.Exchange(ctx, "no-such-code", oauth2.VerifierOption(verifier))
	refused, ok := err.(*oauth2.RetrieveError)
	if !ok || refused.ErrorCode != "invalid_client" || refused.Response.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong secret: %v, want 401 invalid_client (RFC 6749 §5.2)", err)
	}
}
