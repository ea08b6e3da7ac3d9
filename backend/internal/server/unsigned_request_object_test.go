package server

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/org"
)

// withoutSignature is a request object without signature (RFC 7518 §3.6).
func withoutSignature(t *testing.T, claims map[string]any) string {
	t.Helper()
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return "eyJhbGciOiJub25lIn0." + base64.RawURLEncoding.EncodeToString(body) + "."
}

// OpenID Connect Core 1.0 §6, Registration 1.0 §2: a client that registered no algorithm may use any that the metadata
// lists, also none. That is so in the profile that keeps to OpenID Connect; elsewhere none has to be registered. The
// subtests are modules of the OpenID Foundation's suite, and what it does not ask.
func TestUnsignedRequestObjectsOfTheLegacyProfile(t *testing.T) {
	t.Parallel()
	s := newSiteOn(t, dbtest.URL(t), "fetch_allowed_networks", "127.0.0.0/8")
	b := s.browser()
	b.signIn()
	var object atomic.Value
	rp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(object.Load().(string))) }))
	t.Cleanup(rp.Close)
	key, set := newSigner(t, jose.ES256)
	registered := client.Client{Name: "Legacy", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback}, Profile: org.ProfileOIDCLegacy,
		Metadata: client.Metadata{JWKS: set, RequestURIs: []string{rp.URL + "/request"}}}
	become := func(change func(*client.Client)) signs {
		wanted := registered
		change(&wanted)
		s.web, s.secret = s.client(s.acme, wanted)
		return signs{s, key}
	}
	answer := func(namesAndValues ...string) (code, failure string) {
		got := b.get(s.authorizeURL(namesAndValues...)).url.Query()
		return got.Get("code"), got.Get("error")
	}
	of := become(func(*client.Client) {})
	plain := withoutSignature(t, of.claims(nil))
	object.Store(plain)
	t.Run("oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported", func(t *testing.T) {
		a := b.get(s.authorizeURL("request", plain, "state", "outside"))
		if got := a.url.Query(); got.Get("code") == "" || got.Get("state") != "inside" {
			t.Fatalf("%v", got)
		}
		if idToken, _ := s.exchange(a); idToken["nonce"] != "inside" {
			t.Errorf("%v", idToken)
		}
	})
	for _, module := range []string{"oidcc-request-uri-unsigned", "oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported"} {
		t.Run(module, func(t *testing.T) {
			if code, failure := answer("request_uri", rp.URL+"/request"); code == "" {
				t.Error(failure)
			}
		})
	}
	t.Run("oidcc-ensure-request-object-with-redirect-uri", func(t *testing.T) {
		if code, failure := answer("request", plain, "redirect_uri", callback+"/other"); code == "" {
			t.Error(failure)
		}
		evil := withoutSignature(t, of.claims(map[string]any{"redirect_uri": "https://evil.example.test/"}))
		if got := b.get(s.authorizeURL("request", evil)); got.element("error-page") == nil {
			t.Errorf("a redirect_uri inside that is not registered: %d %s", got.status, got.url)
		}
	})
	t.Run("a signature is still judged where there is one", func(t *testing.T) {
		signed := of.object(t, "JWT", nil)
		if code, failure := answer("request", signed); code == "" {
			t.Error(failure)
		}
		parts := strings.Split(signed, ".")
		stranger, _ := newSigner(t, jose.ES256)
		for name, wrong := range map[string]string{"none with a signature": plain + parts[2], "another's": signs{s, stranger}.object(t, "JWT", nil),
			"changed": parts[0] + "." + strings.Split(withoutSignature(t, of.claims(map[string]any{"scope": "openid"})), ".")[1] + "." + parts[2]} {
			if _, failure := answer("request", wrong); failure != "invalid_request_object" {
				t.Errorf("%s: %q", name, failure)
			}
		}
	})
	t.Run("expired, or for somebody else", func(t *testing.T) {
		for name, change := range map[string]map[string]any{"expired": {"exp": 1}, "another client's": {"iss": "somebody"}, "another organization's": {"aud": s.server.URL + "/rival"}} {
			if _, failure := answer("request", withoutSignature(t, of.claims(change))); failure != "invalid_request_object" {
				t.Errorf("%s: %q", name, failure)
			}
		}
	})
	for name, change := range map[string]func(*client.Client){
		"of a client that registered a signature": func(c *client.Client) { c.Metadata.RequestObjectSigningAlg = "ES256" },
		"of a client of the default profile":      func(c *client.Client) { c.Profile = "" },
		"of a client of the profile oauth2.1":     func(c *client.Client) { c.Profile = org.ProfileOAuth21 },
	} {
		t.Run(name, func(t *testing.T) {
			of := become(change)
			if _, failure := answer("request", withoutSignature(t, of.claims(nil))); failure != "invalid_request_object" {
				t.Errorf("by value: %q", failure)
			}
			object.Store(withoutSignature(t, of.claims(nil)))
			if _, failure := answer("request_uri", rp.URL+"/request"); failure != "invalid_request_object" {
				t.Errorf("by reference: %q", failure)
			}
		})
	}
}
