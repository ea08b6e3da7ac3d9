package server

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/user"
)

// offerToStay lets people stay signed in.
func (s *site) offerToStay() {
	s.t.Helper()
	s.changePolicies(s.acme, func(p *org.Policies) {
		p.RememberMe, p.RememberedSessionIdleSeconds, p.RememberedSessionAbsoluteSeconds = org.RememberMeOffered, 20*86400, 60*86400
	})
}

// staying is for how long the person's newest session lives unused and at most, and whether they stay signed in.
func (s *site) staying(person *user.User) (idle, most time.Duration, persistent bool) {
	s.t.Helper()
	var began, idleUntil, until time.Time
	err := s.app.Store.QueryRow(s.t.Context(), "SELECT authenticated_at, idle_expires_at, expires_at, persistent FROM sessions WHERE user_id = $1 ORDER BY id DESC LIMIT 1", person.ID).Scan(&began, &idleUntil, &until, &persistent)
	if err != nil {
		s.t.Fatal(err)
	}
	return idleUntil.Sub(began).Round(time.Hour), until.Sub(began).Round(time.Hour), persistent
}

func TestStayingSignedIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.named("User-Agent", chromeOnWindows)
	a := b.get(s.authorizeURL())
	if a.element("stay") != nil {
		t.Fatal("it is offered where nobody said so")
	}
	b.allowed(b.submit(a, "login-form", "username", s.ada.Username, "password", password, "stay", "yes"))
	if idle, most, stays := s.staying(s.ada); stays || idle != org.DefaultSessionIdle || most != org.DefaultSessionAbsolute || b.closed().get("/acme/").element("login-form") == nil {
		t.Errorf("a field that somebody made up: %v %v %v", stays, idle, most)
	}
	s.offerToStay()
	for name, ticked := range map[string]string{"not ticked": "", "ticked": "yes", "nonsense": "always"} {
		b := s.named("User-Agent", chromeOnWindows)
		a := b.get(s.authorizeURL())
		if a.element("stay") == nil || attribute(a.element("stay"), "type") != "checkbox" {
			t.Fatalf("no box:\n%s", a.body)
		}
		_, fields := a.form("login-form")
		fields.Del("stay") // browsers send it only when it is ticked
		fields.Set("username", s.ada.Username)
		fields.Set("password", "wrong")
		if ticked != "" {
			fields.Set("stay", ticked)
		}
		a = b.post("/acme/login", fields)
		if _, checked := attributeOf(a, "stay", "checked"); checked != (ticked == "yes") {
			t.Errorf("%s: after a wrong password the box is as it was not left", name)
		}
		fields.Set("password", password)
		b.allowed(b.post("/acme/login", fields))
		idle, most, stays := s.staying(s.ada)
		wantIdle, wantMost := org.DefaultSessionIdle, org.DefaultSessionAbsolute
		if ticked == "yes" {
			wantIdle, wantMost = 20*24*time.Hour, 60*24*time.Hour
		}
		if stays != (ticked == "yes") || idle != wantIdle || most != wantMost {
			t.Errorf("%s: %v, %v, %v", name, stays, idle, most)
		}
		closed := b.closed()
		if signedIn := closed.get("/acme/").element("logout") != nil; signedIn != stays {
			t.Errorf("%s: signed in after the browser was closed: %v", name, signedIn)
		}
		if !stays {
			continue
		}
		if a := closed.get("/acme/account/sessions"); !strings.Contains(a.body, "Stays signed in until:") {
			t.Errorf("the page of sessions does not say it:\n%s", a.body)
		}
		// What stays is no fresh proof.
		s.longAgo(s.ada)
		if a := closed.get(s.authorizeURL("prompt", "none", "max_age", "60")); a.url.Query().Get("error") != "login_required" {
			t.Errorf("max_age: %s", a.url)
		}
		a = closed.get("/acme/account/password")
		if a.element("login-form") == nil || a.element("stay") != nil {
			t.Fatalf("sudo mode: %d at %s", a.status, a.url)
		}
		closed.submit(a, "login-form", "username", s.ada.Username, "password", password)
		if _, most, stays := s.staying(s.ada); !stays || most != wantMost || closed.closed().get("/acme/").element("logout") == nil {
			t.Errorf("the choice was lost with a fresh proof: %v %v", stays, most)
		}
		// Proving it again for an application shows the box as it was left, and it may be taken back.
		a = closed.get(s.authorizeURL("prompt", "login"))
		if _, checked := attributeOf(a, "stay", "checked"); !checked {
			t.Error("the box forgets that they stay")
		}
		_, fields = a.form("login-form")
		fields.Del("stay")
		fields.Set("username", s.ada.Username)
		fields.Set("password", password)
		closed.post("/acme/login", fields)
		if _, most, stays := s.staying(s.ada); stays || most != org.DefaultSessionAbsolute || closed.closed().get("/acme/").element("logout") != nil {
			t.Errorf("taken back: %v %v", stays, most)
		}
	}
}

// attributeOf is an attribute of an element, and whether it has it.
func attributeOf(a *answer, id, name string) (value string, has bool) {
	n := a.element(id)
	if n == nil {
		return "", false
	}
	for _, one := range n.Attr {
		if one.Key == name {
			return one.Val, true
		}
	}
	return "", false
}

// Whatever way in somebody takes, what they said goes along, and what they did not say is not assumed.
func TestStayingSignedInByEveryWay(t *testing.T) {
	t.Parallel()
	s := newPasskeySite(t)
	s.offerToStay()
	s.openMagicLinks()
	s.openSignUp(s.acme)
	s.changePolicies(s.acme, func(p *org.Policies) { p.PasswordRecovery = org.RecoveryByMail })
	holder := s.person(s.acme, "key@acme.test")
	key := s.passkey(holder, virtualwebauthn.AuthenticatorOptions{})
	app := s.addApp(s.person(s.acme, "app@acme.test"))
	ways := map[string]func(b *browser, page *answer, stay string) *user.User{
		"password": func(b *browser, page *answer, stay string) *user.User {
			b.submit(page, "login-form", "username", s.ada.Username, "password", password, "stay", stay)
			return s.ada
		},
		"second factor": func(b *browser, page *answer, stay string) *user.User {
			b.submit(b.submit(page, "login-form", "username", app.person.Username, "password", password, "stay", stay), "otp-form", "code", app.code())
			return app.person
		},
		"passkey": func(b *browser, page *answer, stay string) *user.User {
			b.usePasskey(b.get(page.url.String()+"&stay="+stay), key)
			return holder
		},
		"magic link": func(b *browser, page *answer, stay string) *user.User {
			mia := s.person(s.acme, "mia"+stay+"@acme.test")
			a := b.submit(b.get(attribute(page.element("magic-link"), "href")), "magic-link-form", "username", mia.Username, "stay", stay)
			b.submit(a, "confirm-form", "code", s.code(mia.Email))
			return mia
		},
		"forgotten password": func(b *browser, page *answer, stay string) *user.User {
			rosa := s.person(s.acme, "rosa"+stay+"@acme.test")
			a := b.submit(b.get(attribute(page.element("forgot-password"), "href")+"&stay="+stay), "forgot-password-form", "username", rosa.Username, "stay", stay)
			a = b.submit(a, "confirm-form", "code", s.code(rosa.Email))
			b.submit(a, "password-form", "new_password", "Difference-No-1822", "new_password_confirmation", "Difference-No-1822")
			return rosa
		},
		"sign-up": func(b *browser, page *answer, stay string) *user.User {
			email := "new" + stay + "@acme.test"
			a := b.submit(b.get(attribute(page.element("sign-up"), "href")), "sign-up-form", "email", email, "given_name", "Nora", "new_password", "Difference-No-1822", "stay", stay)
			b.submit(a, "confirm-form", "code", s.code(email))
			made, _, err := s.app.Users.ByIdentifier(s.t.Context(), s.app.Store, s.acme.ID, email)
			if err != nil {
				s.t.Fatal(err)
			}
			return made
		},
	}
	for name, way := range ways {
		for _, stay := range []string{"yes", "no"} {
			b := s.named("User-Agent", chromeOnWindows)
			person := way(b, b.get(b.get("/acme/login").url.String()), stay)
			if _, _, stays := s.staying(person); stays != (stay == "yes") || (b.closed().get("/acme/").element("logout") != nil) != stays {
				t.Errorf("%s, %s: %v", name, stay, stays)
			}
		}
	}
}

func TestStayingSignedInElsewhere(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.offerToStay()
	p.linked(p.ada)
	for _, stay := range []string{"yes", "no", ""} {
		b := p.named("User-Agent", chromeOnWindows)
		link := attribute(b.get(p.authorizeURL()).element("idp-corp"), "href")
		if stay != "" {
			link += "&stay=" + url.QueryEscape(stay)
		}
		b.allowed(b.get(p.there(b.get(link))))
		if _, _, stays := p.staying(p.ada); stays != (stay == "yes") {
			t.Errorf("%q: %v", stay, stays)
		}
	}
}

// Of several people in one browser each stays or not, whoever used it last.
func TestOfSeveralPeopleSomeStay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.offerToStay()
	bob, eve := s.person(s.acme, "bob@acme.test"), s.person(s.acme, "eve@acme.test")
	b := s.named("User-Agent", chromeOnWindows)
	enter := func(person *user.User, stay string) {
		t.Helper()
		a := b.get("/acme/login")
		if a.element("login-form") == nil {
			a = b.submit(b.get("/acme/select-account"), "accounts-form", "account", "another")
		}
		_, fields := a.form("login-form")
		fields.Del("stay")
		fields.Set("username", person.Username)
		fields.Set("password", password)
		if stay != "" {
			fields.Set("stay", stay)
		}
		b.post("/acme/login", fields)
	}
	enter(s.ada, "yes")
	enter(bob, "yes")
	enter(eve, "")
	here := func(b *browser) (names []string) {
		t.Helper()
		a := b.get("/acme/select-account")
		for _, person := range []*user.User{s.ada, bob, eve} {
			if strings.Contains(a.body, person.Username) {
				names = append(names, person.Username)
			}
		}
		return names
	}
	if got := strings.Join(here(b), " "); got != "ada@acme.test bob@acme.test eve@acme.test" {
		t.Fatalf("all are here: %s", got)
	}
	if got := strings.Join(here(b.closed()), " "); got != "ada@acme.test bob@acme.test" {
		t.Errorf("after the browser was closed: %s", got)
	}
	if got := b.closed().closed().get("/acme/").element("logout"); got == nil {
		t.Error("closed twice, nobody is here any more")
	}
	// Whoever signs in where somebody else stays is not taken for them.
	fresh := b.get(s.authorizeURL("prompt", "login"))
	if fresh.element("login-form") == nil {
		fresh = b.submit(fresh, "accounts-form", "account", "another")
	}
	if _, checked := attributeOf(fresh, "stay", "checked"); checked {
		t.Error("the box is ticked because somebody else stays")
	}
	// Once it is not offered any more, nobody who signs in stays, and who stayed ends as all others do.
	s.changePolicies(s.acme, func(p *org.Policies) { p.RememberMe = org.RememberMeOff })
	a := b.get(s.authorizeURL("prompt", "login", "login_hint", bob.Username))
	b.submit(a, "login-form", "username", bob.Username, "password", password, "stay", "yes")
	if _, most, stays := s.staying(bob); stays || most != org.DefaultSessionAbsolute {
		t.Errorf("%v %v", stays, most)
	}
}

// What an organization allows holds for those who stay already, used or not.
func TestGivingUpThatPeopleStayEndsWhatIsOlder(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.offerToStay()
	b := s.named("User-Agent", chromeOnWindows)
	b.submit(b.get("/acme/login"), "login-form", "username", s.ada.Username, "password", password, "stay", "yes")
	if _, err := s.app.Store.Exec(t.Context(), "UPDATE sessions SET authenticated_at = now() - interval '10 days', last_seen_at = now() - interval '10 days' WHERE user_id = $1", s.ada.ID); err != nil {
		t.Fatal(err)
	}
	s.changePolicies(s.acme, func(p *org.Policies) { p.DefaultLocale = "it" })
	if a := b.get("/acme/"); a.element("logout") == nil {
		t.Fatalf("another change ends it: %d at %s", a.status, a.url)
	}
	if _, err := s.app.Store.Exec(t.Context(), "UPDATE sessions SET last_seen_at = now() - interval '10 days' WHERE user_id = $1", s.ada.ID); err != nil {
		t.Fatal(err)
	}
	s.changePolicies(s.acme, func(p *org.Policies) { p.RememberMe = org.RememberMeOff })
	if a := b.get("/acme/"); a.element("login-form") == nil {
		t.Errorf("it goes on: %d at %s", a.status, a.url)
	}
}
