package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
)

// counter is a till that asks people for something through the back channel.
type counter struct {
	*site
	till   *client.Client
	secret string
}

func newCounter(t *testing.T) *counter {
	s := newSite(t)
	till, secret := s.client(s.acme, client.Client{Name: "Till", AuthenticationMethod: client.ClientSecretPost, GrantTypes: []string{client.CIBA}, ResponseTypes: []string{},
		Scopes: []string{"openid", "email"}, Metadata: client.Metadata{BackchannelTokenDeliveryMode: client.Poll}})
	return &counter{s, till, secret}
}

func (c *counter) send(endpoint string, form url.Values) (int, map[string]any) {
	c.t.Helper()
	form.Set("client_id", c.till.ClientID)
	form.Set("client_secret", c.secret)
	return c.program(http.MethodPost, "/acme/"+endpoint, form)
}

func (c *counter) ask(namesAndValues ...string) map[string]any {
	c.t.Helper()
	form := url.Values{"scope": {"openid email"}, "login_hint": {c.ada.Username}}
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		form.Set(namesAndValues[i], namesAndValues[i+1])
	}
	status, body := c.send("bc-authorize", form)
	if status != http.StatusOK {
		c.t.Fatalf("%d %v", status, body)
	}
	return body
}

func (c *counter) poll(begun map[string]any) (int, map[string]any) {
	return c.send("token", url.Values{"grant_type": {client.CIBA}, "auth_req_id": {begun["auth_req_id"].(string)}})
}

// approval is the id of the form that opens the first request on the page.
func approval(t *testing.T, a *answer) string {
	t.Helper()
	_, rest, found := strings.Cut(a.body, `id="approval-`)
	id, _, _ := strings.Cut(rest, `"`)
	if !found || len(id) != 36 {
		t.Fatalf("no request on %s: %d %s", a.url, a.status, a.body)
	}
	return "approval-" + id
}

// open opens the request on the page, as pressing its button does.
func (b *browser) open(t *testing.T, a *answer) *answer {
	t.Helper()
	form := approval(t, a)
	return b.submit(a, form, "request", strings.TrimPrefix(form, "approval-"))
}

func TestAPersonApprovesWhatAnApplicationAsks(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	if _, err := c.app.Store.Exec(t.Context(), "UPDATE users SET email_verified = true WHERE id = $1", c.ada.ID); err != nil {
		t.Fatal(err)
	}
	begun, b := c.ask("binding_message", "Receipt 4711"), c.browser()
	a := b.submit(b.get("/acme/approvals"), "login-form", "username", c.ada.Username, "password", password)
	if a.url.Path != "/acme/approvals" || !strings.Contains(a.body, "Till") || !strings.Contains(a.body, "Receipt 4711") {
		t.Fatalf("at %s\n%s", a.url, a.body)
	}
	a = b.open(t, a)
	if a.element("consent-form") == nil || a.text("compare-message") != "Receipt 4711" {
		t.Fatalf("RFC 10027: at %s\n%s", a.url, a.body)
	}
	if _, body := c.poll(begun); body["error"] != "authorization_pending" {
		t.Fatalf("before the person decided: %v", body)
	}
	if a = b.submit(a, "consent-form", "decision", "allow"); a.url.Path != "/acme/approvals/allowed" || a.element("approval-done") == nil {
		t.Fatalf("at %s", a.url)
	}
	status, tokens := c.poll(begun)
	if status != http.StatusOK || tokens["scope"] != "openid email" || claims(t, tokens["id_token"].(string))["sub"] != c.ada.ID.String() {
		t.Fatalf("%d %v", status, tokens)
	}
	if a = b.get("/acme/approvals"); a.element("approvals-list") != nil || a.element("approvals-again") == nil {
		t.Errorf("what was answered is still shown: %s", a.body)
	}
	t.Run("who allowed it before is asked again, and refuses", func(t *testing.T) {
		begun := c.ask()
		if b.get("/acme/").element("approvals") == nil {
			t.Error("the home page does not say that something waits")
		}
		a := b.open(t, b.get("/acme/approvals"))
		if a.element("consent-form") == nil {
			t.Fatalf("at %s", a.url)
		}
		if a = b.submit(a, "consent-form", "decision", "deny"); a.url.Path != "/acme/approvals/denied" {
			t.Errorf("at %s", a.url)
		}
		if _, body := c.poll(begun); body["error"] != "access_denied" {
			t.Errorf("%v", body)
		}
	})
	t.Run("the person is told by mail, once", func(t *testing.T) {
		c.ask("binding_message", "For their eyes only")
		c.ask()
		written := c.mail(c.ada.Email)
		if !strings.Contains(written.Text, c.server.URL+"/acme/approvals") || !strings.Contains(written.Text, "Till") || strings.Contains(written.Text, "eyes only") {
			t.Errorf("%s", written.Text)
		}
		if sent := len(c.mailbox.List(c.ada.Email)); sent != 3 { // each of the two before had come alone
			t.Errorf("%d mails", sent)
		}
	})
	t.Run("what was decided is recorded", func(t *testing.T) {
		for _, action := range []string{"backchannel_request.approved", "backchannel_request.denied"} {
			var found int
			if err := c.app.Store.QueryRow(t.Context(), "SELECT count(*) FROM audit_events WHERE org_id = $1 AND action = $2 AND actor_id = $3", c.acme.ID, action, c.ada.ID.String()).Scan(&found); err != nil || found != 1 {
				t.Errorf("%s: %d, %v", action, found, err)
			}
		}
	})
}

func TestApprovalFormsThatAreRefused(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	begun := c.ask()
	b := c.browser()
	b.signIn()
	page := b.get("/acme/approvals")
	form := approval(t, page)
	_, fields := page.form(form)
	fields.Set("request", strings.TrimPrefix(form, "approval-"))
	undecided := func(t *testing.T) {
		t.Helper()
		if _, body := c.poll(begun); body["error"] != "authorization_pending" && body["error"] != "slow_down" {
			t.Errorf("it was decided: %v", body)
		}
	}
	t.Run("looking decides nothing", func(t *testing.T) {
		b.get("/acme/approvals?request=" + fields.Get("request") + "&decision=allow")
		b.get("/acme/approvals/allowed")
		undecided(t)
	})
	t.Run("from another browser", func(t *testing.T) {
		victim := c.browser()
		victim.signIn()
		if a := victim.post("/acme/approvals", fields); a.status != http.StatusForbidden {
			t.Errorf("%d", a.status)
		}
	})
	t.Run("from another site", func(t *testing.T) {
		if a := b.post("/acme/approvals", fields, "Origin", "https://evil.example.test"); a.status != http.StatusForbidden {
			t.Errorf("%d", a.status)
		}
	})
	t.Run("of somebody else", func(t *testing.T) {
		eve := c.person(c.acme, "eve@acme.test")
		c.setPassword(eve, password, false)
		other := c.browser()
		a := other.submit(other.get("/acme/approvals"), "login-form", "username", eve.Username, "password", password)
		if a.element("approvals-list") != nil {
			t.Fatalf("she sees what waits for others: %s", a.body)
		}
		begun := c.ask("login_hint", eve.Username)
		own := other.get("/acme/approvals")
		_, foreign := own.form(approval(t, own))
		foreign.Set("request", fields.Get("request"))
		if a := other.post("/acme/approvals", foreign); a.status != http.StatusNotFound || a.element("consent-form") != nil {
			t.Errorf("%d at %s", a.status, a.url)
		}
		_ = begun
		undecided(t)
	})
	t.Run("at another organization", func(t *testing.T) {
		c.organization("other")
		if a := b.post("/other/approvals", fields); a.status != http.StatusForbidden {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("of a client that was disabled", func(t *testing.T) {
		a := b.open(t, page)
		if _, err := c.app.Store.Exec(t.Context(), "UPDATE clients SET status = 'disabled' WHERE id = $1", c.till.ID); err != nil {
			t.Fatal(err)
		}
		c.app.Clients.Forget(c.till)
		if a = b.submit(a, "consent-form", "decision", "allow"); a.status != http.StatusConflict {
			t.Errorf("%d at %s", a.status, a.url)
		}
		if b.get("/acme/approvals").element("approvals-list") != nil {
			t.Error("its request is still shown")
		}
	})
}

// CIBA Core 1.0 §7.1: a session that does not reach what acr_values demand does not approve.
func TestApprovalsStepUp(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	begun := c.ask("acr_values", "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport")
	b := c.browser()
	b.signIn()
	if _, err := c.app.Store.Exec(t.Context(), "UPDATE sessions SET methods = '{otp}' WHERE org_id = $1", c.acme.ID); err != nil {
		t.Fatal(err)
	}
	a := b.open(t, b.get("/acme/approvals"))
	if a.element("login-form") == nil || a.element("consent-form") != nil {
		t.Fatalf("at %s\n%s", a.url, a.body)
	}
	a = b.submit(a, "login-form", "username", c.ada.Username, "password", password)
	if a = b.submit(a, "consent-form", "decision", "allow"); a.element("approval-done") == nil {
		t.Fatalf("at %s", a.url)
	}
	if _, tokens := c.poll(begun); claims(t, tokens["id_token"].(string))["acr"] != "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport" {
		t.Errorf("%v", tokens)
	}
}
