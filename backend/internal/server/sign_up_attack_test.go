package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/org"
)

func TestCodesOfSignUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openSignUp(s.acme)
	s.openSignUp(s.organization("rival"))
	refused := func(t *testing.T, a *answer, code string) {
		t.Helper()
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `id="notice"`) {
			t.Errorf("%s: %d at %s", code, a.status, a.url)
		}
	}
	t.Run("guessing: five wrong ones end it", func(t *testing.T) {
		b, page := s.asked("guess@new.test")
		right := s.code("guess@new.test")
		for range 5 {
			refused(t, b.submit(page, "confirm-form", "code", wrongCode(right)), "wrong")
		}
		refused(t, b.submit(page, "confirm-form", "code", right), "right, too late")
		page = b.submit(page, "resend-form", "resend", "again")
		refused(t, b.submit(page, "confirm-form", "code", right), "that of an earlier mail")
		if a := b.submit(page, "confirm-form", "code", s.code("guess@new.test")); a.element("consent-form") == nil {
			t.Errorf("the new one: %d at %s", a.status, a.url)
		}
	})
	t.Run("what is no code", func(t *testing.T) {
		b, page := s.asked("none@new.test")
		for _, code := range []string{"", "2345", "2345-CFGHJ", "0000-0000", "2345-CFGÄ", strings.Repeat("2", 1000)} {
			refused(t, b.submit(page, "confirm-form", "code", code), code)
		}
	})
	t.Run("expired", func(t *testing.T) {
		b, page := s.asked("late@new.test")
		code := s.code("late@new.test")
		if _, err := s.app.Store.Exec(t.Context(), `UPDATE kv_entries SET value = convert_to(jsonb_set(convert_from(value, 'UTF8')::jsonb,
			'{progress,sign_up,expires}', '"2020-01-01T00:00:00Z"')::text, 'UTF8') WHERE kind = 'login-transaction' AND id = $1`, page.url.Query().Get("transaction")); err != nil {
			t.Fatal(err)
		}
		refused(t, b.submit(page, "confirm-form", "code", code), "expired")
		page = b.submit(page, "resend-form", "resend", "again")
		if a := b.submit(page, "confirm-form", "code", s.code("late@new.test")); a.element("consent-form") == nil {
			t.Errorf("a new one: %d at %s", a.status, a.url)
		}
	})
	t.Run("replayed", func(t *testing.T) {
		b, page := s.asked("replay@new.test")
		code := s.code("replay@new.test")
		consent := b.submit(page, "confirm-form", "code", code)
		if a := b.submit(page, "confirm-form", "code", code); a.url.Path != "/acme/consent" {
			t.Errorf("before the end: %d at %s", a.status, a.url)
		}
		b.submit(consent, "consent-form", "decision", "allow")
		if a := b.submit(page, "confirm-form", "code", code); a.status != http.StatusGone {
			t.Errorf("after the end: %d at %s", a.status, a.url)
		}
	})
	t.Run("another browser, another organization", func(t *testing.T) {
		_, page := s.asked("elsewhere@new.test")
		action, fields := page.form("confirm-form")
		fields.Set("code", s.code("elsewhere@new.test"))
		before := s.people(s.acme)
		other := s.browser()
		other.get(s.authorizeURL())
		if a := other.post(action, fields); a.status != http.StatusGone {
			t.Errorf("another browser: %d", a.status)
		}
		if a := other.post(strings.Replace(action, "acme", "rival", 1), fields); a.status != http.StatusGone {
			t.Errorf("another organization: %d", a.status)
		}
		if s.people(s.acme) != before {
			t.Error("an account was made")
		}
	})
}

// The link of the mail shows the code and changes nothing, however often a mail scanner opens it.
func TestTheLinkOfSignUpIsHarmless(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openSignUp(s.acme)
	b, _ := s.asked(newcomer)
	code := s.code(newcomer)
	found := ""
	for line := range strings.SplitSeq(s.mail(newcomer).Text, "\n") {
		if strings.HasPrefix(line, s.server.URL+"/acme/sign-up/confirm?") {
			found = line
		}
	}
	for range 3 {
		for _, elsewhere := range []*browser{s.browser(), s.browser()} {
			if a := elsewhere.get(found); a.status != http.StatusOK || a.element("other-browser") == nil || strings.Contains(a.body, code) || strings.Contains(a.body, newcomer) {
				t.Fatalf("a scanner: %d\n%s", a.status, a.body)
			}
		}
	}
	page := b.get(found)
	if page.element("confirm-form") == nil || attribute(page.element("code"), "value") != code || s.people(s.acme) != 1 {
		t.Fatalf("%d at %s, %d people", page.status, page.url, s.people(s.acme))
	}
	if a := b.submit(page, "confirm-form"); a.element("consent-form") == nil {
		t.Errorf("%d at %s", a.status, a.url)
	}
	if a := b.get(found); a.url.Path != "/acme/consent" {
		t.Errorf("the link afterwards: %d at %s", a.status, a.url)
	}
	hostile := s.browser().get("/acme/sign-up/confirm?transaction=x&code=" + url.QueryEscape(`"><script>alert(1)</script>`))
	if strings.Contains(hostile.body, "<script>alert") {
		t.Error("the code of a link runs")
	}
}

func TestSignUpLimits(t *testing.T) {
	t.Parallel()
	t.Run("mails of one sign-up", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.openSignUp(s.acme)
		b, page := s.asked(newcomer)
		for range 3 {
			page = b.submit(page, "resend-form", "resend", "again")
		}
		if page.element("resend-form") != nil {
			t.Error("a fifth mail is offered")
		}
		action, fields := page.form("confirm-form")
		fields.Set("resend", "again")
		if a := b.post(action, fields); a.status != http.StatusTooManyRequests {
			t.Errorf("a fifth mail: %d", a.status)
		}
		s.deliver()
		if sent := len(s.mailbox.List(newcomer)); sent != 4 {
			t.Errorf("%d mails", sent)
		}
		if a := b.submit(page, "confirm-form", "code", s.code(newcomer)); a.element("consent-form") == nil {
			t.Errorf("the last code: %d at %s", a.status, a.url)
		}
	})
	t.Run("mails to one address, whoever asks", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.openSignUp(s.acme)
		for range 6 {
			s.asked(newcomer)
		}
		b := s.browser()
		a := b.signUp(b.get(s.authorizeURL("prompt", "create")), strings.ToUpper(newcomer))
		if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" || a.element("sign-up-form") == nil {
			t.Errorf("%d at %s", a.status, a.url)
		}
		s.asked("another@new.test")
	})
	t.Run("a network, at one organization", func(t *testing.T) {
		t.Parallel()
		s := newSiteOn(t, dbtest.URL(t), "sign_ups_per_network", "2")
		s.openSignUp(s.acme)
		rival := s.organization("rival")
		s.openSignUp(rival)
		s.asked("one@new.test")
		b, _ := s.asked("two@new.test")
		a := b.signUp(s.formAgain(b), "three@new.test")
		if a.status != http.StatusTooManyRequests || attribute(a.element("email"), "value") != "three@new.test" {
			t.Errorf("%d at %s", a.status, a.url)
		}
		if a := b.signUp(b.get("/rival/sign-up"), "three@new.test"); a.element("confirm-form") == nil {
			t.Errorf("at another organization: %d at %s", a.status, a.url)
		}
	})
}

func (s *site) formAgain(b *browser) *answer {
	s.t.Helper()
	return b.get(s.authorizeURL("prompt", "create"))
}

func TestFormsOfSignUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openSignUp(s.acme, "new.test", "*.acme.example")
	b := s.browser()
	page := b.get(s.authorizeURL("prompt", "create"))
	for name, c := range map[string]struct {
		values []string
		status int
	}{
		"no address":            {[]string{"email", ""}, 422},
		"an address that is no": {[]string{"email", "eva"}, 422},
		"with a name":           {[]string{"email", "Eva <eva@new.test>"}, 422},
		"two addresses":         {[]string{"email", "eva@new.test, eve@new.test"}, 422},
		"a header":              {[]string{"email", "eva@new.test\r\nBcc: eve@new.test"}, 422},
		"another domain":        {[]string{"email", "eva@elsewhere.test"}, 422},
		"a domain that ends so": {[]string{"email", "eva@evilnew.test"}, 422},
		"the domain above":      {[]string{"email", "eva@acme.example"}, 422},
		"no name":               {[]string{"given_name", "  \t "}, 422},
		"a long name":           {[]string{"given_name", strings.Repeat("ä", 101)}, 422},
		"a short password":      {[]string{"new_password", "short"}, 422},
		"the address again":     {[]string{"new_password", "eva@new.test"}, 422},
		"no token":              {[]string{"csrf_token", ""}, 403},
		"no transaction":        {[]string{"transaction", ""}, 410},
		"oversized":             {[]string{"given_name", strings.Repeat("x", 100<<10)}, 413},
	} {
		a := b.signUp(page, newcomer, c.values...)
		if a.status != c.status {
			t.Errorf("%s: %d at %s", name, a.status, a.url)
		}
		if c.status == 422 && (strings.Contains(a.body, newPassword) || a.element("sign-up-form") == nil) {
			t.Errorf("%s: the password is echoed, or the form is gone", name)
		}
	}
	s.deliver()
	if sent := len(s.mailbox.List("")); sent != 0 {
		t.Errorf("%d mails", sent)
	}
	if a := b.signUp(page, "eva@mail.acme.example", "given_name", " Eva \t Maria ", "family_name", ""); a.element("confirm-form") == nil {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	confirm := b.get("/acme/sign-up?transaction=" + page.url.Query().Get("transaction"))
	if confirm.url.Path != "/acme/sign-up/confirm" {
		t.Errorf("the form of a sign-up that waits for its code leads to %s", confirm.url)
	}
	b.submit(confirm, "confirm-form", "code", s.code("eva@mail.acme.example"))
	if made, _, err := s.app.Users.ByIdentifier(t.Context(), s.app.Store, s.acme.ID, "eva@mail.acme.example"); err != nil || made.Profile.Name != "Eva Maria" {
		t.Errorf("%+v %v", made, err)
	}
}

func TestNoStepOfSignUpCanBeSkipped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openSignUp(s.acme)
	b := s.browser()
	page := b.get(s.authorizeURL("prompt", "create"))
	_, fields := page.form("sign-up-form")
	transaction := fields.Get("transaction")
	skip := func(name, want string) {
		t.Helper()
		if a := b.get("/acme/" + name + "?transaction=" + transaction); a.url.Path != want {
			t.Errorf("GET %s: at %s, want %s", name, a.url.Path, want)
		}
		form := url.Values{"transaction": {transaction}, "csrf_token": {fields.Get("csrf_token")}, "decision": {"allow"}, "code": {"2345-CFGH"}, "new_password": {newPassword}, "new_password_confirmation": {newPassword}}
		if a := b.post("/acme/"+name, form); a.url.Path != want {
			t.Errorf("POST %s: at %s, want %s", name, a.url.Path, want)
		}
	}
	for _, name := range []string{"sign-up/confirm", "consent", "action/change-password"} {
		skip(name, "/acme/sign-up")
	}
	page = b.signUp(page, newcomer)
	for _, name := range []string{"consent", "action/change-password"} {
		skip(name, "/acme/sign-up/confirm")
	}
	t.Run("a person who is demanded does not become another one", func(t *testing.T) {
		demanding := s.browser()
		_, tokens := s.tokens(demanding.signIn())
		login := demanding.get(s.authorizeURL("prompt", "login", "id_token_hint", tokens["id_token"].(string)))
		if login.element("sign-up") != nil {
			t.Error("an account is offered")
		}
		if a := demanding.get("/acme/sign-up?transaction=" + login.url.Query().Get("transaction")); a.element("login-form") == nil {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	t.Run("closed meanwhile", func(t *testing.T) {
		code := s.code(newcomer)
		s.changePolicies(s.acme, func(p *org.Policies) { p.SignUp = org.SignUpClosed })
		if a := b.submit(page, "confirm-form", "code", code); a.url.Path != "/acme/login" || s.people(s.acme) != 1 {
			t.Errorf("%d at %s, %d people", a.status, a.url, s.people(s.acme))
		}
	})
	t.Run("its domain was taken from the list meanwhile", func(t *testing.T) {
		s.openSignUp(s.acme)
		late, page := s.asked("late@new.test")
		code := s.code("late@new.test")
		s.openSignUp(s.acme, "other.test")
		if a := late.submit(page, "confirm-form", "code", code); a.status != http.StatusForbidden || s.people(s.acme) != 1 {
			t.Errorf("%d at %s, %d people", a.status, a.url, s.people(s.acme))
		}
	})
}
