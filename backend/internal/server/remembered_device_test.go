package server

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
)

// remembering lets people have their devices remembered.
func (s *site) remembering(policy org.SecondFactor, days int) {
	s.t.Helper()
	s.changePolicies(s.acme, func(p *org.Policies) { p.SecondFactor, p.RememberedDeviceDays = policy, days })
}

// remembered is a browser in which a person's second factor was proved and is not to be asked for again.
func (a *codeApp) remembered() *browser {
	a.t.Helper()
	b := a.browser()
	page := b.get(a.authorizeURL())
	page = b.submit(page, "login-form", "username", a.person.Username, "password", password)
	if page.element("otp-remember") == nil {
		a.t.Fatalf("it is not offered: %d at %s:\n%s", page.status, page.url, page.body)
	}
	b.allowed(b.submit(page, "otp-form", "code", a.code(), "remember", "yes"))
	return b
}

// again signs in once more in the browser, after its session is gone, as far as the password leads.
func (b *browser) again(namesAndValues ...string) *answer {
	b.t.Helper()
	return b.submit(b.get(b.authorizeURL(append([]string{"prompt", "login"}, namesAndValues...)...)), "login-form", "username", b.ada.Username, "password", password)
}

func TestARememberedDeviceIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	for _, policy := range []org.SecondFactor{org.SecondFactorOptional, org.SecondFactorRequired} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			app := s.addApp(s.ada)
			s.remembering(policy, 30)
			b := app.remembered()
			if told := s.mail(s.ada.Email); !strings.Contains(told.Text, "has just been remembered") {
				t.Errorf("she is not told: %+v", told)
			}
			a := b.again()
			idToken, _ := s.exchange(a)
			if got := texts(idToken["amr"]); !slices.Equal(got, []string{"pwd"}) || idToken["acr"] != session.ACRPassword {
				t.Errorf("more is said than was proved: amr %v, acr %v", got, idToken["acr"])
			}
			if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("code") == "" {
				t.Errorf("the session does not do: %s", silent.url)
			}
			// What demands a second factor by itself gets it.
			demand := `{"id_token":{"acr":{"essential":true,"values":["` + session.ACRMultiFactor + `"]}}}`
			for name, parameters := range map[string][]string{"demanded": {"claims", demand}, "wished for": {"acr_values", session.ACRMultiFactor}} {
				if page := b.get(s.authorizeURL(parameters...)); page.url.Path != "/acme/login/second-factor" {
					t.Errorf("%s: %d at %s", name, page.status, page.url)
				}
				if page := b.again(parameters...); page.url.Path != "/acme/login/second-factor" {
					t.Errorf("%s, with a fresh password: %d at %s", name, page.status, page.url)
				}
			}
			if page := b.get("/acme/account/password"); page.url.Path != "/acme/login/second-factor" && page.element("login-form") == nil {
				t.Errorf("what the account depends on: %d at %s", page.status, page.url)
			}
			bank := s.bank()
			if silent := b.get(s.authorizeURL("client_id", bank.ClientID, "prompt", "none")); silent.url.Query().Get("error") != "login_required" {
				t.Errorf("an application that demands it: %s", silent.url)
			}
			if page := b.get(s.authorizeURL("client_id", bank.ClientID)); page.url.Path != "/acme/login/second-factor" {
				t.Errorf("an application that demands it: %d at %s", page.status, page.url)
			}
			s.changePolicies(s.acme, func(p *org.Policies) {
				p.SecondFactorRoles = map[string]org.SecondFactor{string(role.OrganizationAuditor): org.SecondFactorRequired}
			})
			s.administrator(role.OrganizationAuditor)
			if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("error") != "login_required" {
				t.Errorf("a role that demands it: %s", silent.url)
			}
			if page := b.again(); page.url.Path != "/acme/login/second-factor" {
				t.Errorf("a role that demands it: %d at %s", page.status, page.url)
			}
		})
	}
}

// A device belongs to one person, one organization and one browser.
func TestARememberedDeviceBelongsToItsBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	app := s.addApp(s.ada)
	eve := s.addApp(s.person(s.acme, "eve@acme.test"))
	s.remembering(org.SecondFactorOptional, 30)
	b := app.remembered()
	base, _ := url.Parse(s.server.URL)
	var token *http.Cookie
	for _, cookie := range b.http.Jar.Cookies(base) {
		if strings.Contains(cookie.Name, "devices") {
			token = cookie
		}
	}
	if token == nil || !strings.HasPrefix(token.Name, "__Host-") {
		t.Fatalf("the cookie: %+v", token)
	}
	var kept int
	if err := s.app.Store.QueryRow(t.Context(), "SELECT count(*) FROM remembered_devices WHERE token_hash = convert_to($1, 'UTF8')", token.Value).Scan(&kept); err != nil || kept != 0 {
		t.Errorf("the token is kept as it is: %d %v", kept, err)
	}
	thief := s.browser()
	thief.get("/acme/login") // has a browser cookie of its own
	thief.http.Jar.SetCookies(base, []*http.Cookie{token})
	if a := thief.password(); a.url.Path != "/acme/login/second-factor" {
		t.Errorf("the token in another browser: %d at %s", a.status, a.url)
	}
	if a := b.submit(b.get(s.authorizeURL("prompt", "login")), "login-form", "username", eve.person.Username, "password", password); a.url.Path != "/acme/login/second-factor" {
		t.Errorf("another person in the browser: %d at %s", a.status, a.url)
	}
	// Not ticked, and ticked where nobody may.
	plain := s.browser()
	plain.allowed(plain.submit(plain.password(), "otp-form", "code", app.code()))
	if a := plain.again(); a.url.Path != "/acme/login/second-factor" {
		t.Errorf("nobody said so: %d at %s", a.status, a.url)
	}
	s.remembering(org.SecondFactorOptional, 0)
	closed := s.browser()
	page := closed.password()
	if page.element("otp-remember") != nil {
		t.Error("it is offered where nobody may")
	}
	closed.allowed(closed.submit(page, "otp-form", "code", app.code(), "remember", "yes"))
	s.remembering(org.SecondFactorOptional, 30)
	if a := closed.again(); a.url.Path != "/acme/login/second-factor" {
		t.Errorf("what was not offered counts: %d at %s", a.status, a.url)
	}
}

func TestWhatEndsARememberedDevice(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*site, *codeApp, *browser){
		"the password is changed": func(s *site, _ *codeApp, _ *browser) { s.setPassword(s.ada, password, false) },
		"the days are over": func(s *site, _ *codeApp, _ *browser) {
			if _, err := s.app.Store.Exec(s.t.Context(), "UPDATE remembered_devices SET expires_at = now() - interval '1 second'"); err != nil {
				s.t.Fatal(err)
			}
		},
		"the policy says fewer days": func(s *site, _ *codeApp, _ *browser) {
			if _, err := s.app.Store.Exec(s.t.Context(), "UPDATE remembered_devices SET created_at = created_at - interval '10 days'"); err != nil {
				s.t.Fatal(err)
			}
			s.remembering(org.SecondFactorRequired, 7)
		},
		"the policy says never": func(s *site, _ *codeApp, _ *browser) { s.remembering(org.SecondFactorRequired, 0) },
		"the app is removed, and another one added": func(s *site, _ *codeApp, _ *browser) {
			s.inTx(func(ctx context.Context, tx *store.Tx) error {
				return s.app.SecondFactors.Remove(ctx, tx, operator, s.acme.ID, s.ada.ID)
			})
			s.secondFactor(org.SecondFactorOptional)
			s.addApp(s.ada)
		},
		"the person signs out everywhere": func(s *site, _ *codeApp, _ *browser) {
			s.inTx(func(ctx context.Context, tx *store.Tx) error {
				_, err := s.app.Sessions.EndEverywhere(ctx, tx, operator, s.acme.ID, s.ada.ID, "test")
				return err
			})
		},
		"the person removes it": func(s *site, _ *codeApp, b *browser) {
			page := b.get("/acme/account/sessions")
			action, fields := page.form("devices-form")
			devices, err := s.app.Devices.Of(s.t.Context(), s.app.Store, s.acme.ID, s.ada.ID)
			if err != nil || len(devices) != 1 {
				s.t.Fatalf("%d devices: %v", len(devices), err)
			}
			fields.Set("device", devices[0].ID.String())
			b.post(action, fields) // and is asked for the app at once: the session began in the stead of it
			if devices, err = s.app.Devices.Of(s.t.Context(), s.app.Store, s.acme.ID, s.ada.ID); err != nil || len(devices) != 0 {
				s.t.Errorf("%d devices are left: %v", len(devices), err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			app := s.addApp(s.ada)
			s.remembering(org.SecondFactorRequired, 30)
			b := app.remembered()
			if a := b.again(); a.url.Query().Get("code") == "" {
				t.Fatalf("it is not remembered: %d at %s", a.status, a.url)
			}
			end(s, app, b)
			if name != "the days are over" && name != "the policy says fewer days" { // the session that began in its stead has its own end
				if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("error") != "login_required" && !strings.HasPrefix(name, "the app") {
					t.Errorf("the session goes on: %s", silent.url)
				}
			}
			if a := b.again(); a.url.Path != "/acme/login/second-factor" {
				t.Errorf("%d at %s", a.status, a.url)
			}
		})
	}
}

// Forgetting somebody else's device does nothing.
func TestForgettingDevices(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	eve := s.addApp(s.person(s.acme, "eve@acme.test"))
	s.remembering(org.SecondFactorOptional, 30)
	eve.remembered()
	devices, err := s.app.Devices.Of(t.Context(), s.app.Store, s.acme.ID, eve.person.ID)
	if err != nil || len(devices) != 1 {
		t.Fatalf("%d devices: %v", len(devices), err)
	}
	b, page := s.atAccount(s.ada, "account/sessions")
	action, fields := page.form("sessions-form")
	for _, id := range []string{devices[0].ID.String(), "x"} {
		fields.Set("device", id)
		b.post(action, fields)
	}
	if devices, err = s.app.Devices.Of(t.Context(), s.app.Store, s.acme.ID, eve.person.ID); err != nil || len(devices) != 1 {
		t.Errorf("%d devices are left: %v", len(devices), err)
	}
	if n, err := s.app.Devices.DeleteExpired(t.Context(), 10); err != nil || n != 0 {
		t.Errorf("%d %v", n, err)
	}
	if _, err := s.app.Store.Exec(t.Context(), "UPDATE remembered_devices SET expires_at = now() - interval '1 day'"); err != nil {
		t.Fatal(err)
	}
	if n, err := s.app.Devices.DeleteExpired(t.Context(), 10); err != nil || n != 1 {
		t.Errorf("%d %v", n, err)
	}
}
