package server

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/mail"
	"github.com/clavex/clavex/backend/internal/mailqueue"
	"github.com/clavex/clavex/backend/internal/mailserver"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
)

const newcomer, newPassword = "eva@new.test", "Analytical-No-1843"

// openSignUp lets people make their accounts at the organization.
func (s *site) openSignUp(organization *org.Organization, domains ...string) {
	s.t.Helper()
	s.changePolicies(organization, func(p *org.Policies) { p.SignUp, p.SignUpEmailDomains = org.SignUpOpen, domains })
}

func (s *site) changePolicies(organization *org.Organization, change func(*org.Policies)) {
	s.t.Helper()
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		current, err := s.app.Organizations.ByID(ctx, tx, organization.ID)
		if err != nil {
			return err
		}
		changed := *current
		change(&changed.Policies)
		_, err = s.app.Organizations.Update(ctx, tx, operator, changed)
		return err
	})
	s.app.Organizations.Forget(organization)
}

// deliver does the work of the jobs that send mail.
func (s *site) deliver() {
	s.t.Helper()
	rows, err := s.app.Store.Query(s.t.Context(), "SELECT org_id, id FROM mails WHERE state = 'pending' ORDER BY id")
	if err != nil {
		s.t.Fatal(err)
	}
	var waiting []mailqueue.Reference
	for rows.Next() {
		var of mailqueue.Reference
		if err := rows.Scan(&of.OrgID, &of.ID); err != nil {
			s.t.Fatal(err)
		}
		waiting = append(waiting, of)
	}
	rows.Close()
	for _, of := range waiting {
		arguments, err := json.Marshal(of)
		if err == nil {
			err = s.app.Mails.Deliver(s.t.Context(), arguments)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// mail is the latest one to the address but those about new sign-ins: in tests most browsers are new.
func (s *site) mail(to string) mail.Received {
	s.t.Helper()
	s.deliver()
	found := slices.DeleteFunc(s.mailbox.List(to), aboutSignIn)
	if len(found) == 0 {
		s.t.Fatalf("no mail went to %s", to)
	}
	return found[0]
}

var codePattern = regexp.MustCompile(`\b[2-9CFGHJMPQRVWX]{4}-[2-9CFGHJMPQRVWX]{4}\b`)

// code is that of the latest mail to the address.
func (s *site) code(to string) string {
	s.t.Helper()
	written := s.mail(to)
	found := codePattern.FindString(written.Text)
	if found == "" {
		s.t.Fatalf("no code in %q", written.Text)
	}
	return found
}

// wrongCode is a code that is not the given one.
func wrongCode(code string) string {
	if code[0] == '2' {
		return "3" + code[1:]
	}
	return "2" + code[1:]
}

func (s *site) people(organization *org.Organization) (count int) {
	s.t.Helper()
	if err := s.app.Store.QueryRow(s.t.Context(), "SELECT count(*) FROM users WHERE org_id = $1", organization.ID).Scan(&count); err != nil {
		s.t.Fatal(err)
	}
	return count
}

// signUp fills in the form of a page.
func (b *browser) signUp(page *answer, email string, namesAndValues ...string) *answer {
	b.t.Helper()
	return b.submit(page, "sign-up-form", append([]string{"email", email, "given_name", "Eva", "family_name", "Nova", "new_password", newPassword}, namesAndValues...)...)
}

// asked is a browser in front of the page that wants the code, after prompt=create.
func (s *site) asked(email string) (*browser, *answer) {
	s.t.Helper()
	b := s.browser()
	page := b.signUp(b.get(s.authorizeURL("prompt", "create")), email)
	if page.element("confirm-form") == nil {
		s.t.Fatalf("expected the page for the code, got %d at %s:\n%s", page.status, page.url, page.body)
	}
	return b, page
}

// Initiating User Registration via OpenID Connect 1.0 §4: the newcomer makes an account and is back at the application.
func TestSigningUp(t *testing.T) {
	t.Parallel()
	t.Run("short-lived state in PostgreSQL", func(t *testing.T) { t.Parallel(); signUpOnce(t, newSite(t)) })
	t.Run("short-lived state in Redis", func(t *testing.T) {
		t.Parallel()
		signUpOnce(t, newSiteOn(t, dbtest.URL(t), "redis_url", dbtest.Redis(t)))
	})
}

func signUpOnce(t *testing.T, s *site) {
	t.Helper()
	s.openSignUp(s.acme)
	b := s.browser()
	page := b.get(s.authorizeURL("prompt", "create", "login_hint", newcomer, "ui_locales", "it"))
	if page.status != http.StatusOK || page.url.Path != "/acme/sign-up" || attribute(page.element("email"), "value") != newcomer {
		t.Fatalf("expected the form with the hint, got %d at %s:\n%s", page.status, page.url, page.body)
	}
	before := s.people(s.acme)
	page = b.signUp(page, newcomer)
	if page.status != http.StatusOK || page.url.Path != "/acme/sign-up/confirm" || !strings.Contains(page.body, newcomer) {
		t.Fatalf("expected the page for the code, got %d at %s:\n%s", page.status, page.url, page.body)
	}
	written := s.mail(newcomer)
	if written.FromName != "ACME" || !strings.Contains(written.Subject, "ACME") || !strings.Contains(written.Text, "Codice") && !strings.Contains(written.Text, "codice") || s.people(s.acme) != before {
		t.Fatalf("%+v; %d people", written, s.people(s.acme))
	}
	page = b.submit(page, "confirm-form", "code", " "+strings.ToLower(strings.Replace(s.code(newcomer), "-", " ", 1)))
	if page.element("consent-form") == nil {
		t.Fatalf("expected the consent page, got %d at %s:\n%s", page.status, page.url, page.body)
	}
	back := b.submit(page, "consent-form", "decision", "allow")
	status, tokens := s.tokens(back)
	if status != http.StatusOK {
		t.Fatalf("%d %v", status, tokens)
	}
	claims := claims(t, tokens["id_token"].(string))
	if amr, _ := claims["amr"].([]any); len(amr) != 1 || amr[0] != "pwd" {
		t.Errorf("amr %v", claims["amr"])
	}
	made, _, err := s.app.Users.ByIdentifier(t.Context(), s.app.Store, s.acme.ID, newcomer)
	if err != nil || !made.EmailVerified || made.Username != newcomer || made.Profile.Name != "Eva Nova" || made.Profile.GivenName != "Eva" || made.Profile.FamilyName != "Nova" || made.Profile.Locale != "it" {
		t.Fatalf("%+v %v", made, err)
	}
	if claims["sub"] != made.ID.String() {
		t.Errorf("sub %v", claims["sub"])
	}
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("code") == "" {
		t.Errorf("the newcomer is not signed in: %s", silent.url)
	}
	events, err := s.app.Audit.List(t.Context(), s.app.Store, s.acme.ID, audit.Filter{Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	for _, action := range []string{"user.created", "user.signed_up", "credential.password_set", "session.started", "mail.sent"} {
		if !slices.ContainsFunc(events, func(e audit.Record) bool { return e.Action == action }) {
			t.Errorf("no audit event %s", action)
		}
	}
	later := s.browser()
	if a := later.submit(later.get(s.authorizeURL()), "login-form", "username", strings.ToUpper(newcomer), "password", newPassword); a.url.Query().Get("code") == "" {
		t.Errorf("the password does not sign in: %d at %s", a.status, a.url)
	}
}

// Initiating User Registration via OpenID Connect 1.0 §4, §4.1.
func TestPromptCreate(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	supported := func() []any {
		var metadata map[string]any
		if err := json.Unmarshal([]byte(s.browser().get("/acme/.well-known/openid-configuration").body), &metadata); err != nil {
			t.Fatal(err)
		}
		return metadata["prompt_values_supported"].([]any)
	}
	signedIn := s.browser()
	signedIn.signIn()
	t.Run("where sign-up is closed it is an error, and not in the metadata", func(t *testing.T) {
		q := signedIn.get(s.authorizeURL("prompt", "create")).url.Query()
		if q.Get("error") != "invalid_request" || q.Get("error_description") == "" || slices.Contains(supported(), any("create")) {
			t.Errorf("%v, %v", q, supported())
		}
		if a := s.browser().get("/acme/sign-up"); a.status != http.StatusForbidden || a.text("error-code") != "sign_up_closed" {
			t.Errorf("%d %s", a.status, a.body)
		}
		b := s.browser()
		if a := b.get(s.authorizeURL()); a.element("sign-up") != nil {
			t.Error("the sign-in page offers an account")
		}
	})
	s.openSignUp(s.acme)
	t.Run("where it is open the metadata says so", func(t *testing.T) {
		if !slices.Contains(supported(), any("create")) {
			t.Errorf("%v", supported())
		}
	})
	t.Run("it is shown also to somebody who is signed in", func(t *testing.T) {
		if a := signedIn.get(s.authorizeURL("prompt", "create")); a.element("sign-up-form") == nil {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
	for prompt, want := range map[string]string{"create none": "invalid_request", "none create": "invalid_request"} {
		if q := signedIn.get(s.authorizeURL("prompt", prompt)).url.Query(); q.Get("error") != want {
			t.Errorf("%s: %v", prompt, q)
		}
	}
	for _, prompt := range []string{"create login", "select_account create", "consent create", "create unknown"} {
		if a := signedIn.get(s.authorizeURL("prompt", prompt)); a.element("sign-up-form") == nil {
			t.Errorf("%s: %d at %s", prompt, a.status, a.url)
		}
	}
	t.Run("with a hint about somebody who has an account it contradicts itself", func(t *testing.T) {
		_, tokens := s.tokens(signedIn.signIn())
		if q := signedIn.get(s.authorizeURL("prompt", "create", "id_token_hint", tokens["id_token"].(string))).url.Query(); q.Get("error") != "invalid_request" {
			t.Errorf("%v", q)
		}
	})
	t.Run("together with others it is asked once", func(t *testing.T) {
		page := signedIn.signUp(signedIn.get(s.authorizeURL("prompt", "create login consent select_account")), "all@new.test")
		page = signedIn.submit(page, "confirm-form", "code", s.code("all@new.test"))
		if page.element("consent-form") == nil {
			t.Fatalf("%d at %s", page.status, page.url)
		}
		if back := signedIn.submit(page, "consent-form", "decision", "allow"); back.url.Query().Get("code") == "" {
			t.Errorf("%d at %s", back.status, back.url)
		}
	})
	t.Run("who has an account already chooses it", func(t *testing.T) {
		page := signedIn.submit(signedIn.get(s.authorizeURL("prompt", "create")), "sign-in-form", "instead", "sign_in")
		if page.element("accounts-form") == nil {
			t.Fatalf("%d at %s:\n%s", page.status, page.url, page.body)
		}
		if back := signedIn.submit(page, "accounts-form", "account", attribute(page.element("account-1"), "value")); back.url.Query().Get("code") == "" {
			t.Errorf("%d at %s", back.status, back.url)
		}
		stranger := s.browser()
		page = stranger.submit(stranger.get(s.authorizeURL("prompt", "create")), "sign-in-form", "instead", "sign_in")
		if back := stranger.submit(page, "login-form", "username", s.ada.Username, "password", password); back.url.Query().Get("code") == "" {
			t.Errorf("%d at %s", back.status, back.url)
		}
	})
	t.Run("a pushed request may ask for it", func(t *testing.T) {
		if a := s.browser().get(s.push("prompt", "create")); a.element("sign-up-form") == nil {
			t.Errorf("%d at %s", a.status, a.url)
		}
	})
}

// What cannot be done is not offered: without mail nobody proves an address.
func TestWithoutMailNobodySignsUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.app.Mails = mailqueue.New(s.app.Store, s.app.Ring, s.app.Jobs, s.app.Audit, nil, s.app.MailServers, s.app.Now)
	s.openSignUp(s.acme)
	s.openSignUp(s.organization("rival"))
	b := s.browser()
	if q := b.get(s.authorizeURL("prompt", "create")).url.Query(); q.Get("error") != "invalid_request" {
		t.Errorf("%v", q)
	}
	if a := b.get("/acme/.well-known/openid-configuration"); strings.Contains(a.body, `"create"`) {
		t.Errorf("%s", a.body)
	}
	if a := b.get("/acme/sign-up"); a.status != http.StatusForbidden {
		t.Errorf("%d", a.status)
	}
	// From the moment on at which the organization sends its mail itself, it is offered; elsewhere it is not.
	err := s.app.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := s.app.MailServers.Set(ctx, tx, audit.Actor{Kind: audit.System, Name: "test"}, mailserver.Server{OrgID: s.acme.ID, Host: "smtp.acme.test", Port: 587, From: "post@acme.test"}, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.app.MailServers.Forget(s.acme.ID)
	if a := b.get("/acme/.well-known/openid-configuration"); !strings.Contains(a.body, `"create"`) {
		t.Errorf("%s", a.body)
	}
	if a := b.get("/acme/sign-up"); a.element("sign-up-form") == nil {
		t.Errorf("%d", a.status)
	}
	if a := b.get("/rival/.well-known/openid-configuration"); strings.Contains(a.body, `"create"`) {
		t.Errorf("%s", a.body)
	}
}

func TestSigningUpFromTheSignInPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openSignUp(s.acme)
	b := s.browser()
	link := b.get(s.authorizeURL()).element("sign-up")
	if link == nil {
		t.Fatal("the sign-in page offers no account")
	}
	form := b.get(attribute(link, "href"))
	if form.element("sign-up-form") == nil {
		t.Fatalf("%d at %s", form.status, form.url)
	}
	page := b.signUp(form, newcomer)
	t.Run("back to the form with another address", func(t *testing.T) {
		again := b.submit(page, "sign-up-again-form", "instead", "again")
		if again.element("sign-up-form") == nil {
			t.Fatalf("%d at %s", again.status, again.url)
		}
		page = b.signUp(again, "other@new.test")
	})
	page = b.submit(page, "confirm-form", "code", s.code("other@new.test"))
	if page.element("consent-form") == nil || s.people(s.acme) != 2 {
		t.Fatalf("%d at %s, %d people", page.status, page.url, s.people(s.acme))
	}
	t.Run("for oneself it ends at the home page", func(t *testing.T) {
		alone := s.browser()
		page := alone.signUp(alone.get("/acme/sign-up"), "alone@new.test")
		if home := alone.submit(page, "confirm-form", "code", s.code("alone@new.test")); home.url.Path != "/acme/" || !strings.Contains(home.body, "alone@new.test") {
			t.Errorf("%d at %s", home.status, home.url)
		}
	})
}

// Whoever proves an address first has it, with their own password; who only typed it has nothing (account pre-hijacking).
func TestAnAddressIsNotOccupiedBeforeItIsProved(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openSignUp(s.acme)
	eve := s.browser()
	evesPage := eve.signUp(eve.get(s.authorizeURL("prompt", "create")), newcomer, "new_password", "Password-of-Eve-1")
	evesCode := s.code(newcomer) // went to the owner of the mailbox
	owner := s.browser()
	page := owner.signUp(owner.get(s.authorizeURL("prompt", "create")), newcomer)
	if page.element("confirm-form") == nil {
		t.Fatalf("%d at %s", page.status, page.url)
	}
	ownersCode := s.code(newcomer)
	if a := owner.submit(page, "confirm-form", "code", evesCode); a.status != http.StatusUnprocessableEntity {
		t.Errorf("the code of another browser: %d at %s", a.status, a.url)
	}
	if a := eve.submit(evesPage, "confirm-form", "code", ownersCode); a.status != http.StatusUnprocessableEntity {
		t.Errorf("the code of another browser: %d at %s", a.status, a.url)
	}
	if a := owner.submit(page, "confirm-form", "code", ownersCode); a.element("consent-form") == nil {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	// Even with the right code of her own sign-up nothing is left for Eve.
	if a := eve.submit(evesPage, "confirm-form", "code", evesCode); a.status != http.StatusConflict || a.element("login-form") == nil {
		t.Errorf("%d at %s:\n%s", a.status, a.url, a.body)
	}
	for _, b := range []*browser{eve, s.browser()} {
		if a := b.submit(b.get(s.authorizeURL()), "login-form", "username", newcomer, "password", "Password-of-Eve-1"); a.status != http.StatusUnprocessableEntity {
			t.Errorf("Eve's password: %d at %s", a.status, a.url)
		}
	}
	if s.people(s.acme) != 2 {
		t.Errorf("%d people", s.people(s.acme))
	}
}

// Whether an address has an account is told to its mailbox and to nobody else: not by the page, nor by what it takes.
func TestSigningUpTellsNobodyWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openSignUp(s.acme)
	// The least of a few times: what works in the background on the same pool counts, too.
	ask := func(email string) (page *answer, trips int, b *browser) {
		trips = math.MaxInt
		for range 3 {
			b = s.browser()
			form := b.get(s.authorizeURL("prompt", "create"))
			trips = min(trips, s.trips.During(func() { page = b.signUp(form, email) }))
		}
		return page, trips, b
	}
	ask("warm-up@new.test") // statements are prepared once per connection
	known, knownTrips, b := ask("ADA@acme.test")
	unknown, unknownTrips, _ := ask("nobody@new.test")
	words := func(a *answer, email string) string { return strings.ReplaceAll(textOf(a), email, "…") }
	if known.status != unknown.status || known.url.Path != unknown.url.Path || words(known, "ADA@acme.test") != words(unknown, "nobody@new.test") {
		t.Errorf("%d %s\n%d %s", known.status, words(known, "ADA@acme.test"), unknown.status, words(unknown, "nobody@new.test"))
	}
	if knownTrips != unknownTrips {
		t.Errorf("%d and %d round trips", knownTrips, unknownTrips)
	}
	written := s.mail("ADA@acme.test")
	if codePattern.MatchString(written.Text) || !strings.Contains(written.Text, "/acme/login") {
		t.Errorf("%s", written.Text)
	}
	if a := b.submit(known, "confirm-form", "code", "2345-CFGH"); a.status != http.StatusUnprocessableEntity || s.people(s.acme) != 1 {
		t.Errorf("%d", a.status)
	}
	// Neither does a username that looks like an address.
	if a, _, _ := ask(s.ada.Username); a.element("confirm-form") == nil {
		t.Errorf("%d", a.status)
	}
}

func textOf(a *answer) string {
	var text strings.Builder
	for n := range a.page.Descendants() {
		if n.Data != "" && n.FirstChild == nil && n.Parent != nil && n.Parent.Data != "style" {
			text.WriteString(strings.TrimSpace(n.Data) + " ")
		}
	}
	return text.String()
}

func TestTwoConfirmationsAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openSignUp(s.acme)
	t.Run("in one browser", func(t *testing.T) {
		b, page := s.asked(newcomer)
		action, fields := page.form("confirm-form")
		fields.Set("code", s.code(newcomer))
		answers := make([]*answer, 4)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = b.post(action, fields) })
		}
		all.Wait()
		for _, a := range answers {
			if a.status >= http.StatusInternalServerError {
				t.Errorf("%d at %s", a.status, a.url)
			}
		}
		if s.people(s.acme) != 2 {
			t.Errorf("%d people", s.people(s.acme))
		}
	})
	t.Run("in two browsers", func(t *testing.T) {
		const address = "twice@new.test"
		first, firstPage := s.asked(address)
		firstCode := s.code(address)
		second, secondPage := s.asked(address)
		secondCode := s.code(address)
		var one, other *answer
		var both sync.WaitGroup
		both.Go(func() { one = first.submit(firstPage, "confirm-form", "code", firstCode) })
		both.Go(func() { other = second.submit(secondPage, "confirm-form", "code", secondCode) })
		both.Wait()
		made, refused := 0, 0
		for _, a := range []*answer{one, other} {
			switch {
			case a.element("consent-form") != nil:
				made++
			case a.status == http.StatusConflict && a.element("login-form") != nil:
				refused++
			}
		}
		if made != 1 || refused != 1 || s.people(s.acme) != 3 {
			t.Errorf("%d made, %d refused, %d people (%d at %s, %d at %s)", made, refused, s.people(s.acme), one.status, one.url, other.status, other.url)
		}
	})
}
