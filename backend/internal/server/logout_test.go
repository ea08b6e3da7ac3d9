package server

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// claims decodes a token of our own without verifying it: what it says, not whether it is true.
func claims(t testing.TB, token string) map[string]any {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var decoded map[string]any
	if err := json.Unmarshal(payload, &decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

func TestSigningOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	signedIn := func(t *testing.T) (*browser, map[string]any) {
		b := s.browser()
		_, tokens := s.tokens(b.signIn())
		return b, tokens
	}
	isOut := func(t *testing.T, b *browser, want bool) {
		t.Helper()
		if out := b.get(s.authorizeURL("prompt", "none")).url.Query().Get("error") == "login_required"; out != want {
			t.Fatalf("signed out: %v, want %v", out, want)
		}
	}
	t.Run("by the application, with its hint: back with the state and nothing else", func(t *testing.T) {
		b, tokens := signedIn(t)
		a := b.get("/acme/logout?" + url.Values{"id_token_hint": {tokens["id_token"].(string)}, "post_logout_redirect_uri": {afterLogout}, "state": {"bye"}}.Encode())
		if a.status != http.StatusSeeOther || a.url.String() != afterLogout+"?state=bye" {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		isOut(t, b, true)
		if status, body := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}); status != 400 || body["error"] != "invalid_grant" {
			t.Fatalf("the refresh token of an ended session lives: %d %v", status, body)
		}
	})
	t.Run("offline access outlives the session", func(t *testing.T) {
		b := s.browser()
		_, tokens := s.tokens(b.signIn("scope", "openid offline_access"))
		b.get("/acme/logout?" + url.Values{"id_token_hint": {tokens["id_token"].(string)}}.Encode())
		isOut(t, b, true)
		if status, body := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}); status != 200 {
			t.Fatalf("%d %v", status, body)
		}
	})
	t.Run("by the person: asked, cancelled, confirmed", func(t *testing.T) {
		b, _ := signedIn(t)
		a := b.get("/acme/logout")
		if a.element("logout-confirm") == nil || a.element("logout-cancel") == nil {
			t.Fatalf("%d\n%s", a.status, a.body)
		}
		b.submit(a, "logout-form", "decision", "cancel")
		isOut(t, b, false)
		if a := b.submit(a, "logout-form", "decision", "confirm"); a.element("logged-out") == nil {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		isOut(t, b, true)
	})
	t.Run("forged: another site cannot sign a person out", func(t *testing.T) {
		b, _ := signedIn(t)
		if a := b.post("/acme/logout", url.Values{"decision": {"confirm"}}, "Origin", "https://evil.example.test"); a.status != 403 {
			t.Fatalf("%d", a.status)
		}
		if a := b.post("/acme/logout", url.Values{"decision": {"confirm"}}); a.status != 403 {
			t.Fatalf("without token: %d", a.status)
		}
		isOut(t, b, false)
	})
	t.Run("open redirect: unregistered addresses are a page", func(t *testing.T) {
		b, tokens := signedIn(t)
		for _, address := range []string{"https://evil.example.test/", callback, afterLogout + "?x=1", afterLogout + "#x", "//evil.example.test", "javascript:alert(1)"} {
			a := b.get("/acme/logout?" + url.Values{"id_token_hint": {tokens["id_token"].(string)}, "post_logout_redirect_uri": {address}}.Encode())
			if a.status != 400 || a.header.Get("Location") != "" || a.element("error-page") == nil {
				t.Fatalf("%s: %d at %s", address, a.status, a.url)
			}
		}
		isOut(t, b, false)
	})
	t.Run("a foreign or broken hint is a page", func(t *testing.T) {
		b, tokens := signedIn(t)
		genuine := tokens["id_token"].(string)
		for name, hint := range map[string]string{"nonsense": "x", "tampered": genuine[:len(genuine)-4] + "AAAA", "an access token": tokens["access_token"].(string)} {
			if a := b.get("/acme/logout?" + url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {afterLogout}}.Encode()); a.status != 400 || a.header.Get("Location") != "" {
				t.Fatalf("%s: %d at %s", name, a.status, a.url)
			}
		}
		isOut(t, b, false)
	})
	t.Run("without a hint the person is asked and ends here", func(t *testing.T) {
		b, _ := signedIn(t)
		a := b.get("/acme/logout?" + url.Values{"client_id": {s.web.ClientID}, "post_logout_redirect_uri": {afterLogout}, "state": {"x"}}.Encode())
		a = b.submit(a, "logout-form", "decision", "confirm")
		if a.element("logged-out") == nil || a.header.Get("Location") != "" {
			t.Fatalf("%d at %s", a.status, a.url)
		}
		isOut(t, b, true)
	})
}
