package token_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

// TestSecretsStayOutOfErrors: what is logged and what is answered repeats no secret, code or token.
func TestSecretsStayOutOfErrors(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	tokens, code := s.tokens(t, "offline_access"), s.code(t)
	other := s.Party(t, s.organization, client.Client{})
	s.LoggedErrors()
	wrong := *s.party
	wrong.Secret = strings.Repeat("S", 43)
	answers := []oidctest.Answer{
		other.Redeem(code), other.Refresh(tokens.Text("refresh_token")), wrong.Redeem(code), other.Post("revoke", "token", tokens.Text("refresh_token")),
		s.party.Userinfo(tokens.Text("id_token")), s.party.Post("token", "grant_type", code.Code), s.party.Redeem(code), s.party.Redeem(code),
	}
	s.Database.Cut()
	answers = append(answers, s.party.Redeem(code), s.party.Refresh(tokens.Text("refresh_token")), s.party.Userinfo(tokens.Text("access_token")))
	logged := s.LoggedErrors()
	if len(logged) < len(answers)-1 { // one of them succeeds
		t.Errorf("%d of %d errors were attached for the log", len(logged), len(answers))
	}
	for _, secret := range []string{code.Code, code.Verifier, tokens.Text("refresh_token"), tokens.Text("access_token"), tokens.Text("id_token"), s.party.Secret, wrong.Secret} {
		for _, err := range logged {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the log would say %v", err)
			}
		}
		for _, answer := range answers {
			if answer.Status != 200 && strings.Contains(string(answer.Body), secret) {
				t.Errorf("answered %s", answer.Body)
			}
		}
	}
}

// BenchmarkClientCredentials is compared with one ES256 signature behind a bare handler (performance.md).
func BenchmarkClientCredentials(b *testing.B) {
	p := oidctest.NewProvider(b)
	organization := p.Organization(b, "acme", org.Policies{})
	service := p.Party(b, organization, client.Client{GrantTypes: []string{client.ClientCredentials}, Scopes: []string{"orders"}})
	claims := p.Claims(b, organization, service.Post("token", "grant_type", "client_credentials").Text("access_token"), "at+jwt")
	signer, err := p.Keys.Signer(b.Context(), organization.ID, "ES256")
	if err != nil {
		b.Fatal(err)
	}
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed, err := signer.Sign(r.Context(), "at+jwt", claims)
		if err != nil {
			b.Error(err)
		}
		_, _ = w.Write([]byte(signed))
	})
	for name, handler := range map[string]http.Handler{"bare": bare, "endpoint": p.Handler} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				request := httptest.NewRequest(http.MethodPost, "/acme/token", strings.NewReader("grant_type=client_credentials"))
				request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				request.Header.Set("Authorization", oidctest.Basic(service.Client.ClientID, service.Secret))
				recorder := httptest.NewRecorder()
				handler.ServeHTTP(recorder, request)
				if recorder.Code != http.StatusOK {
					b.Fatal(recorder.Body)
				}
			}
		})
	}
}
