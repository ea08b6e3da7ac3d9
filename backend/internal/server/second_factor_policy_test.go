package server

import (
	"context"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// demands makes the application demand second factors.
func (s *site) demands(of *client.Client, policy org.SecondFactor) {
	s.t.Helper()
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		now, err := s.app.Clients.ByID(ctx, tx, of.OrgID, of.ID)
		if err != nil {
			return err
		}
		changed := *now
		changed.Metadata.SecondFactor = policy
		_, _, err = s.app.Clients.Update(ctx, tx, operator, changed)
		return err
	})
	s.app.Clients.Forget(of)
}

// bank is an application that demands a second factor of everybody.
func (s *site) bank() *client.Client {
	bank, _ := s.client(s.acme, client.Client{Name: "Bank", AuthenticationMethod: client.None, RedirectURIs: []string{callback}, GrantTypes: []string{client.AuthorizationCode},
		Metadata: client.Metadata{SecondFactor: org.SecondFactorRequired}})
	return bank
}

// Of the organization, the roles of the person and the application, the strictest holds.
func TestTheStrictestPolicyOfSecondFactorsHolds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	app := s.addApp(s.person(s.acme, "eve@acme.test"))
	plain := s.person(s.acme, "bob@acme.test")
	for _, person := range []*user.User{app.person, plain} {
		s.inTx(func(ctx context.Context, tx *store.Tx) error {
			return s.app.Roles.Set(ctx, tx, role.Grantor{Actor: operator, Platform: true}, s.acme.ID, person.ID, false, []role.Role{role.OrganizationAuditor})
		})
	}
	const none, asked, added = "/acme/consent", "/acme/login/second-factor", "/acme/login/second-factor/add"
	off, optional, required := org.SecondFactorOff, org.SecondFactorOptional, org.SecondFactorRequired
	for _, c := range []struct {
		organization, auditors, administrators, client org.SecondFactor
		with, without                                  string // where somebody who has an app comes to after the password, and somebody who has none
	}{
		{off, "", "", "", none, none},
		{off, optional, "", "", asked, none},
		{off, "", "", optional, asked, none},
		{off, required, "", "", asked, added},
		{off, "", "", required, asked, added},
		{off, "", required, "", none, none}, // a role that they do not have
		{optional, off, "", "", asked, none},
		{optional, required, "", "", asked, added},
		{optional, "", "", required, asked, added},
		{required, off, "", optional, asked, added}, // nothing demands less
	} {
		s.changePolicies(s.acme, func(p *org.Policies) {
			p.SecondFactor, p.SecondFactorRoles = c.organization, map[string]org.SecondFactor{}
			for name, policy := range map[role.Role]org.SecondFactor{role.OrganizationAuditor: c.auditors, role.OrganizationAdministrator: c.administrators} {
				if policy != "" {
					p.SecondFactorRoles[string(name)] = policy
				}
			}
		})
		s.demands(s.web, c.client)
		for person, want := range map[*user.User]string{app.person: c.with, plain: c.without} {
			b := s.browser()
			if a := b.submit(b.get(s.authorizeURL()), "login-form", "username", person.Username, "password", password); a.url.Path != want {
				t.Errorf("%+v, %s: %s, want %s", c, person.Username, a.url.Path, want)
			}
		}
	}
}

// A session that was begun with less is made stronger when it comes to an application that demands more, and the others go on.
func TestAnApplicationDemandsASecondFactorOfSessions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.secondFactor(org.SecondFactorOff)
	b := s.browser()
	before, _ := s.exchange(b.signIn())
	bank := s.bank()
	atBank := []string{"client_id", bank.ClientID}
	if silent := b.get(s.authorizeURL(append(atBank, "prompt", "none")...)); silent.url.Query().Get("error") != "login_required" {
		t.Errorf("a password alone: %s", silent.url)
	}
	page := b.get(s.authorizeURL(atBank...))
	if page.element("login-form") == nil {
		t.Fatalf("a factor is added without a proof: %d at %s", page.status, page.url)
	}
	page = b.submit(page, "login-form", "username", s.ada.Username, "password", password)
	app := &codeApp{site: s, person: s.ada, secret: page.text("otp-secret")}
	if page.url.Path != "/acme/login/second-factor/add" {
		t.Fatalf("%d at %s", page.status, page.url)
	}
	if a := b.submit(page, "otp-form", "code", app.code()); len(a.recoveryCodes()) != 10 {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	if silent := b.get(s.authorizeURL(append(atBank, "prompt", "none")...)); silent.url.Query().Get("code") != "" {
		t.Errorf("the sign-in goes on before it is complete: %s", silent.url)
	}
	// In another browser: the other application asks for nothing, then the bank for the app alone.
	other := s.browser()
	weak, _ := s.exchange(other.signIn())
	page = other.get(s.authorizeURL(atBank...))
	if page.url.Path != "/acme/login/second-factor" {
		t.Fatalf("%d at %s", page.status, page.url)
	}
	if a := other.submit(page, "otp-form", "code", app.code()); a.url.Query().Get("code") == "" {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	strong, _ := s.exchange(other.get(s.authorizeURL("prompt", "none")))
	if strong["sid"] != weak["sid"] || strong["auth_time"] != weak["auth_time"] || len(texts(strong["amr"])) != 3 || before["sid"] == weak["sid"] {
		t.Errorf("%v, before %v", strong, weak)
	}
	// Demanded while the sign-in is on its way.
	late := s.browser()
	waiting := late.submit(late.get(s.authorizeURL()), "login-form", "username", s.ada.Username, "password", password)
	if waiting.element("consent-form") == nil && waiting.url.Query().Get("code") == "" {
		t.Fatalf("%d at %s", waiting.status, waiting.url)
	}
	s.demands(s.web, org.SecondFactorRequired)
	if silent := late.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("error") != "login_required" {
		t.Errorf("demanded meanwhile: %s", silent.url)
	}
}

// Whoever gets a role proves what it demands; pages of the account demand it, too.
func TestARoleDemandsASecondFactorOfSessions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.changePolicies(s.acme, func(p *org.Policies) {
		p.SecondFactorRoles = map[string]org.SecondFactor{string(role.OrganizationAdministrator): org.SecondFactorRequired}
	})
	b := s.browser()
	b.signIn()
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("code") == "" {
		t.Fatalf("before she has the role: %s", silent.url)
	}
	late := s.browser()
	waiting := late.get(s.authorizeURL("prompt", "consent"))
	waiting = late.submit(waiting, "login-form", "username", s.ada.Username, "password", password)
	if waiting.element("consent-form") == nil {
		t.Fatalf("%d at %s", waiting.status, waiting.url)
	}
	s.administrator(role.OrganizationAdministrator)
	if a := late.submit(waiting, "consent-form", "decision", "allow"); a.url.Path != "/acme/login/second-factor/add" {
		t.Errorf("a sign-in that was on its way: %d at %s", a.status, a.url)
	}
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("error") != "login_required" {
		t.Errorf("with the role: %s", silent.url)
	}
	if a := b.get("/acme/account"); a.element("login-form") == nil {
		t.Errorf("the account: %d at %s", a.status, a.url)
	}
	fresh := s.browser()
	page := fresh.submit(fresh.get("/acme/account/second-factor"), "login-form", "username", s.ada.Username, "password", password)
	app := &codeApp{site: s, person: s.ada, secret: page.text("otp-secret")}
	if page.url.Path != "/acme/login/second-factor/add" {
		t.Fatalf("%d at %s", page.status, page.url)
	}
	fresh.submit(page, "otp-form", "code", app.code())
	strong := s.browser()
	at := strong.submit(strong.submit(strong.get("/acme/account/second-factor"), "login-form", "username", s.ada.Username, "password", password), "otp-form", "code", app.code())
	if kept := strong.submit(at, "factor-form", "do", "remove"); kept.status != 409 {
		t.Errorf("what the role demands is removed: %d at %s", kept.status, kept.url)
	}
}
