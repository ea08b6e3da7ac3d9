package server

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/dbtest"
)

// television registers a public client for devices and begins one request of it.
func (s *site) television(scopes ...string) *client.Client {
	made, _ := s.client(s.acme, client.Client{Name: "Television", AuthenticationMethod: client.None, ApplicationType: client.Native,
		GrantTypes: []string{client.DeviceCode, client.RefreshToken}, ResponseTypes: []string{}, Scopes: append([]string{"openid", "email"}, scopes...)})
	return made
}

func (s *site) beginDevice(tv *client.Client, scope string) map[string]any {
	s.t.Helper()
	status, body := s.deviceForm("device_authorization", url.Values{"client_id": {tv.ClientID}, "scope": {scope}})
	if status != http.StatusOK {
		s.t.Fatalf("%d %v", status, body)
	}
	return body
}

func (s *site) pollDevice(tv *client.Client, begun map[string]any) (int, map[string]any) {
	return s.deviceForm("token", url.Values{"client_id": {tv.ClientID}, "grant_type": {client.DeviceCode}, "device_code": {begun["device_code"].(string)}})
}

func (s *site) deviceForm(endpoint string, form url.Values) (int, map[string]any) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.server.URL+"/acme/"+endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := s.server.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, body
}

func TestADeviceIsConnectedByItsCode(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	tv := s.television()
	begun, b := s.beginDevice(tv, "openid email"), s.browser()
	userCode := begun["user_code"].(string)
	a := b.submit(b.get("/acme/device"), "device-form", "user_code", strings.ToLower(strings.ReplaceAll(userCode, "-", "")))
	a = b.submit(a, "login-form", "username", s.ada.Username, "password", password)
	if a.element("consent-form") == nil || a.text("compare-code") != userCode || !strings.Contains(a.body, "Television") {
		t.Fatalf("RFC 8628 §3.3, §5.4: at %s\n%s", a.url, a.body)
	}
	if _, body := s.pollDevice(tv, begun); body["error"] != "authorization_pending" {
		t.Fatalf("before the person decided: %v", body)
	}
	if a = b.submit(a, "consent-form", "decision", "allow"); a.url.Path != "/acme/device/allowed" || a.element("device-done") == nil {
		t.Fatalf("at %s", a.url)
	}
	status, tokens := s.pollDevice(tv, begun)
	if status != http.StatusOK || tokens["scope"] != "openid email" || claims(t, tokens["id_token"].(string))["sub"] != s.ada.ID.String() {
		t.Fatalf("%d %v", status, tokens)
	}
	t.Run("a code is typed once", func(t *testing.T) {
		if a := b.submit(b.get("/acme/device"), "device-form", "user_code", userCode); a.status != http.StatusUnprocessableEntity || a.element("notice") == nil {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("who is signed in and allowed it before is asked again", func(t *testing.T) {
		begun := s.beginDevice(tv, "openid email")
		a := b.get(begun["verification_uri_complete"].(string))
		if _, fields := a.form("device-form"); fields.Get("user_code") != begun["user_code"] {
			t.Fatalf("RFC 8628 §3.3.1: the code is not shown: %s", a.body)
		}
		if a = b.submit(a, "device-form"); a.element("consent-form") == nil || a.text("compare-code") != begun["user_code"] {
			t.Fatalf("at %s", a.url)
		}
		if a = b.submit(a, "consent-form", "decision", "deny"); a.url.Path != "/acme/device/denied" {
			t.Errorf("at %s", a.url)
		}
		if _, body := s.pollDevice(tv, begun); body["error"] != "access_denied" {
			t.Errorf("%v", body)
		}
	})
	t.Run("also when no scope is asked for", func(t *testing.T) {
		begun := s.beginDevice(tv, "")
		if a := b.submit(b.get(begun["verification_uri_complete"].(string)), "device-form"); a.element("consent-form") == nil {
			t.Fatalf("RFC 10027: at %s", a.url)
		}
		if _, body := s.pollDevice(tv, begun); body["error"] != "authorization_pending" {
			t.Errorf("%v", body)
		}
	})
	t.Run("what was decided is recorded", func(t *testing.T) {
		for action, actor := range map[string]string{"device_request.approved": s.ada.ID.String(), "device_request.denied": s.ada.ID.String()} {
			var found int
			if err := s.app.Store.QueryRow(t.Context(), "SELECT count(*) FROM audit_events WHERE org_id = $1 AND action = $2 AND actor_id = $3", s.acme.ID, action, actor).Scan(&found); err != nil || found != 1 {
				t.Errorf("%s: %d, %v", action, found, err)
			}
		}
	})
}

func TestDeviceFormsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	tv := s.television()
	begun := s.beginDevice(tv, "openid")
	userCode := begun["user_code"].(string)
	form := func(b *browser) url.Values {
		_, fields := b.get("/acme/device").form("device-form")
		fields.Set("user_code", userCode)
		return fields
	}
	t.Run("from another browser", func(t *testing.T) {
		victim := s.browser()
		victim.get("/acme/device")
		if a := victim.post("/acme/device", form(s.browser())); a.status != http.StatusForbidden {
			t.Errorf("%d", a.status)
		}
	})
	t.Run("from another site", func(t *testing.T) {
		b := s.browser()
		if a := b.post("/acme/device", form(b), "Origin", "https://evil.example.test"); a.status != http.StatusForbidden {
			t.Errorf("%d", a.status)
		}
	})
	t.Run("at another organization", func(t *testing.T) {
		s.organization("other")
		b := s.browser()
		if a := b.submit(b.get("/other/device"), "device-form", "user_code", userCode); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("of a client that was disabled", func(t *testing.T) {
		b := s.browser()
		a := b.submit(b.submit(b.get("/acme/device"), "device-form", "user_code", userCode), "login-form", "username", s.ada.Username, "password", password)
		if _, err := s.app.Store.Exec(t.Context(), "UPDATE clients SET status = 'disabled' WHERE id = $1", tv.ID); err != nil {
			t.Fatal(err)
		}
		s.app.Clients.Forget(tv)
		if a = b.submit(a, "consent-form", "decision", "allow"); a.status != http.StatusConflict {
			t.Errorf("%d at %s", a.status, a.url)
		}
		if a = b.submit(b.get("/acme/device"), "device-form", "user_code", userCode); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
}

func TestGuessingOfUserCodesIsLimited(t *testing.T) {
	t.Parallel()
	s := newSiteOn(t, dbtest.URL(t), "sign_ins_per_network", "250") // 25 guesses of a network
	begun := s.beginDevice(s.television(), "openid")
	known := s.browser()
	known.signIn()
	try := func(b *browser, code string) *answer {
		return b.submit(b.get("/acme/device"), "device-form", "user_code", code)
	}
	guesser := s.browser()
	for i := range 20 {
		if a := try(guesser, "BBBB-BBBB"); a.status != http.StatusUnprocessableEntity {
			t.Fatalf("guess %d: %d", i, a.status)
		}
	}
	if a := try(guesser, begun["user_code"].(string)); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" || a.element("login-form") != nil {
		t.Errorf("RFC 8628 §5.1: the right code after too many guesses: %d", a.status)
	}
	for range 5 { // a browser that forgets its cookies is still on its network
		try(s.browser(), "BBBB-BBBB")
	}
	if a := try(s.browser(), begun["user_code"].(string)); a.status != http.StatusTooManyRequests {
		t.Errorf("RFC 8628 §5.1: a new browser of the same network: %d", a.status)
	}
	another := s.browser()
	for range 21 {
		try(another, "BBBB-BBBB")
	}
	if events := s.refused(s.acme); len(events) != 2 { // of the first browser and of the network
		t.Errorf("a network that is refused fills the audit log with browsers: %+v", events)
	}
	if a := try(known, begun["user_code"].(string)); a.element("consent-form") == nil {
		t.Errorf("a browser in which somebody signed in before pays for its network: %d at %s", a.status, a.url)
	}
}
