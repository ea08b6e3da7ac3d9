package oidctest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

// TestRelyingParty lets the relying party sign in at a provider whose pages are the smallest possible.
func TestRelyingParty(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	organization := p.Organization(t, "acme", org.Policies{})
	ada := p.Person(t, organization, "ada")
	session := p.SignIn(t, organization, ada)
	registered, secret := p.Application(t, organization, client.Client{ClientID: "web"})

	pages := http.NewServeMux()
	pages.HandleFunc("GET /acme/authorize", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "transaction", Value: url.QueryEscape(r.URL.RawQuery), Path: "/"})
		http.Redirect(w, r, "/acme/login", http.StatusSeeOther)
	})
	pages.HandleFunc("GET /acme/login", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<form id="login-form" method="post" action="login"><input type="hidden" name="csrf_token" value="c"><input name="username"><input type="password" name="password"></form>`)
	})
	pages.HandleFunc("POST /acme/login", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("csrf_token") != "c" || r.Header.Get("Origin") != p.URL || r.FormValue("password") != "right" {
			fmt.Fprint(w, `<p id="problem">That was wrong.</p><form id="login-form" method="post" action="login"></form>`)
			return
		}
		fmt.Fprint(w, `<form id="consent-form" method="post" action="/acme/consent"><button name="decision" value="allow">Allow</button></form>`)
	})
	pages.HandleFunc("POST /acme/consent", func(w http.ResponseWriter, r *http.Request) {
		cookie, _ := r.Cookie("transaction")
		raw, _ := url.QueryUnescape(cookie.Value)
		request, _ := url.ParseQuery(raw)
		answer := url.Values{"state": {request.Get("state")}, "iss": {p.Issuers.URL(organization)}}
		if r.FormValue("decision") != "allow" {
			answer.Set("error", "access_denied")
		} else {
			_, code, err := p.Grants.Issue(r.Context(), grant.Authorization{OrgID: organization.ID, ClientID: registered.ID, Session: session, IdleUntil: session.IdleExpiresAt,
				Scopes: []string{"openid", "email"}, Nonce: request.Get("nonce"), RedirectURI: request.Get("redirect_uri"), CodeChallenge: request.Get("code_challenge")})
			if err != nil {
				t.Error(err)
			}
			answer.Set("code", code)
		}
		switch request.Get("response_mode") {
		case "form_post":
			fmt.Fprintf(w, `<form method="post" action="%s">`, request.Get("redirect_uri"))
			for name := range answer {
				fmt.Fprintf(w, `<input type="hidden" name="%s" value="%s">`, name, answer.Get(name))
			}
		case "fragment":
			http.Redirect(w, r, request.Get("redirect_uri")+"#"+answer.Encode(), http.StatusSeeOther)
		default:
			http.Redirect(w, r, request.Get("redirect_uri")+"?"+answer.Encode(), http.StatusSeeOther)
		}
	})
	pages.Handle("/", p.Handler)
	transport := handlerTransport{pages}
	rp := (&oidctest.RelyingParty{Issuer: p.Issuers.URL(organization), ClientID: "web", ClientSecret: secret, RedirectURI: registered.RedirectURIs[0], Transport: transport, Now: p.Clock.Now}).Start(t)
	person := oidctest.Person{Username: "ada", Password: "right"}

	for _, mode := range []string{"query", "fragment", "form_post"} {
		begun := rp.Begin("response_mode", mode)
		tokens := rp.Complete(t, begun, rp.Follow(t, begun.URL, person))
		if claims, status := rp.Userinfo(t, tokens.AccessToken); status != 200 || claims["sub"] != tokens.Subject || claims["email"] != "ada@example.test" {
			t.Errorf("%s: userinfo %d %v", mode, status, claims)
		}
		tokens = rp.Refresh(t, tokens.RefreshToken)
		rp.Revoke(t, tokens.RefreshToken)
		if _, status := rp.Userinfo(t, tokens.AccessToken); status != 401 {
			t.Errorf("%s: userinfo after revocation %d", mode, status)
		}
	}
	wrong := rp.Follow(t, rp.Begin().URL, oidctest.Person{Username: "ada", Password: "wrong"})
	if wrong.Page == nil || !wrong.Page.HasID("problem") || wrong.Page.Text() != "That was wrong.\n" {
		t.Errorf("a wrong password: %+v", wrong)
	}
	denied := rp.Follow(t, rp.Begin().URL, oidctest.Person{Username: "ada", Password: "right", Decision: "deny"})
	if denied.Parameters.Get("error") != "access_denied" {
		t.Errorf("denied: %+v", denied)
	}
}

// handlerTransport answers requests by a handler, without a network between.
type handlerTransport struct{ handler http.Handler }

func (h handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	copied := r.Clone(r.Context())
	if copied.Body == nil {
		copied.Body = http.NoBody
	}
	h.handler.ServeHTTP(recorder, copied)
	return recorder.Result(), nil
}
