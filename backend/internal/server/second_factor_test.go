package server

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// codeApp is somebody's app, and the recovery codes that they kept.
type codeApp struct {
	*site
	person *user.User
	secret string
	codes  []string
}

// code is what the app shows; what it showed before counts as long ago.
func (a *codeApp) code() string {
	a.t.Helper()
	if _, err := a.app.Store.Exec(a.t.Context(), "UPDATE totp_credentials SET last_used_step = 0 WHERE user_id = $1", a.person.ID); err != nil {
		a.t.Fatal(err)
	}
	return domaintest.OneTimePassword(a.t, a.secret, time.Now())
}

// wrong is a code that the app does not show.
func (a *codeApp) wrong() string {
	near := map[string]bool{}
	for steps := -3; steps <= 3; steps++ {
		near[domaintest.OneTimePassword(a.t, a.secret, time.Now().Add(time.Duration(steps)*30*time.Second))] = true
	}
	for _, code := range []string{"000000", "111111", "222222", "333333", "444444", "555555", "666666", "777777"} {
		if !near[code] {
			return code
		}
	}
	return "888888"
}

// addApp adds an app on the page of an account.
func (s *site) addApp(person *user.User) *codeApp {
	s.t.Helper()
	b, page := s.atAccount(person, "account/second-factor")
	a := &codeApp{site: s, person: person, secret: page.text("otp-secret")}
	page = b.submit(page, "otp-form", "code", a.code())
	if a.codes = page.recoveryCodes(); len(a.codes) != 10 {
		s.t.Fatalf("%d codes at %s (%d):\n%s", len(a.codes), page.url, page.status, page.body)
	}
	return a
}

func (a *answer) recoveryCodes() (codes []string) {
	if list := a.element("recovery-codes"); list != nil {
		for n := range list.Descendants() {
			if n.Type == html.TextNode && strings.Count(n.Data, "-") == 2 {
				codes = append(codes, n.Data)
			}
		}
	}
	return codes
}

// password goes as far as the password leads.
func (b *browser) password(namesAndValues ...string) *answer {
	b.t.Helper()
	return b.submit(b.get(b.authorizeURL(namesAndValues...)), "login-form", "username", b.ada.Username, "password", password)
}

// allowed allows the application what it asks for.
func (b *browser) allowed(a *answer) *answer {
	b.t.Helper()
	if a.element("consent-form") != nil {
		return b.submit(a, "consent-form", "decision", "allow")
	}
	return a
}

func (s *site) secondFactor(policy org.SecondFactor) {
	s.t.Helper()
	s.changePolicies(s.acme, func(p *org.Policies) { p.SecondFactor = policy })
}

func TestSigningInWithASecondFactor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	app := s.addApp(s.ada)
	if told := s.mail(s.ada.Email); !strings.Contains(told.Text, "has just been added") {
		t.Errorf("she is not told: %+v", told)
	}
	b := s.browser()
	page := b.password()
	if page.url.Path != "/acme/login/second-factor" || page.element("otp-submit") == nil || page.element("recovery-code") == nil {
		t.Fatalf("expected the second factor, got %d at %s", page.status, page.url)
	}
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("error") != "login_required" {
		t.Errorf("a password alone signs in: %s", silent.url)
	}
	if wrong := b.submit(page, "otp-form", "code", app.wrong()); wrong.status != http.StatusUnprocessableEntity || wrong.text("notice") == "" {
		t.Errorf("a wrong code: %d", wrong.status)
	}
	idToken, _ := s.exchange(b.allowed(b.submit(page, "otp-form", "code", app.code())))
	if got := texts(idToken["amr"]); !slices.Equal(got, []string{"pwd", "otp", "mfa"}) || idToken["acr"] != session.ACRMultiFactor {
		t.Errorf("amr %v, acr %v", got, idToken["acr"])
	}
	// Whoever lost the app has recovery codes; each is good once.
	b = s.browser()
	idToken, _ = s.exchange(b.allowed(b.submit(b.password(), "recovery-form", "recovery_code", strings.ToUpper(app.codes[0]))))
	if got := texts(idToken["amr"]); !slices.Equal(got, []string{"pwd", "mfa"}) {
		t.Errorf("amr of a recovery code: %v", got)
	}
	if told := s.mail(s.ada.Email); !strings.Contains(told.Text, "recovery code has just been used") {
		t.Errorf("she is not told: %+v", told)
	}
	b = s.browser()
	if again := b.submit(b.password(), "recovery-form", "recovery_code", app.codes[0]); again.status != http.StatusUnprocessableEntity {
		t.Errorf("a recovery code twice: %d at %s", again.status, again.url)
	}
	eve := s.addApp(s.person(s.acme, "eve@acme.test"))
	if other := b.submit(b.password(), "otp-form", "code", eve.code()); other.status != http.StatusUnprocessableEntity {
		t.Errorf("another person's code: %d at %s", other.status, other.url)
	}
}

func TestASecondFactorIsAddedWhereItIsRequired(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	old := s.browser()
	old.signIn()
	s.secondFactor(org.SecondFactorRequired)
	if silent := old.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("error") != "login_required" {
		t.Errorf("a session from before goes on: %s", silent.url)
	}
	if a := old.get(s.authorizeURL()); a.element("login-form") == nil {
		t.Errorf("a factor can be added without a proof: %d at %s", a.status, a.url)
	}
	if a := old.get("/acme/account/second-factor"); a.element("login-form") == nil {
		t.Errorf("a factor can be added without a proof: %d at %s", a.status, a.url)
	}
	b := s.browser()
	page := b.password()
	if page.url.Path != "/acme/login/second-factor/add" {
		t.Fatalf("expected to add a factor, got %d at %s", page.status, page.url)
	}
	other := s.browser().password()
	app := &codeApp{site: s, person: s.ada, secret: page.text("otp-secret")}
	if app.secret == other.text("otp-secret") {
		t.Error("two sign-ins are shown one secret")
	}
	if wrong := b.submit(page, "otp-form", "code", app.wrong()); wrong.status != http.StatusUnprocessableEntity || wrong.text("otp-secret") != app.secret {
		t.Errorf("a wrong code: %d, the secret is another: %v", wrong.status, wrong.text("otp-secret") != app.secret)
	}
	_, foreign := other.form("otp-form")
	if mixed := b.submit(page, "otp-form", "enrolment", foreign.Get("enrolment"), "code", app.code()); mixed.status != http.StatusUnprocessableEntity {
		t.Errorf("what another sign-in began: %d at %s", mixed.status, mixed.url)
	}
	codes := b.submit(page, "otp-form", "code", app.code())
	if len(codes.recoveryCodes()) != 10 {
		t.Fatalf("%d at %s:\n%s", codes.status, codes.url, codes.body)
	}
	file, err := url.PathUnescape(strings.TrimPrefix(attribute(codes.element("download-codes"), "href"), "data:text/plain;charset=utf-8,"))
	if err != nil || !strings.Contains(file, strings.Join(codes.recoveryCodes(), "\r\n")) || attribute(codes.element("download-codes"), "download") != "recovery-codes-acme.txt" {
		t.Errorf("what is downloaded: %q %v", file, err)
	}
	if again := b.submit(page, "otp-form", "code", app.code()); len(again.recoveryCodes()) != 0 {
		t.Errorf("the codes are shown twice: %d at %s", again.status, again.url)
	}
	fresh := s.browser()
	idToken, _ := s.exchange(fresh.allowed(fresh.submit(fresh.password(), "otp-form", "code", app.code())))
	if idToken["acr"] != session.ACRMultiFactor {
		t.Errorf("acr %v", idToken["acr"])
	}
	// Where it is required, the last one stays.
	sudo := s.browser()
	account := sudo.submit(sudo.submit(sudo.get("/acme/account/second-factor"), "login-form", "username", s.ada.Username, "password", password), "otp-form", "code", app.code())
	if kept := sudo.submit(account, "factor-form", "do", "remove"); kept.status != http.StatusConflict {
		t.Errorf("the required factor is removed: %d at %s", kept.status, kept.url)
	}
	s.secondFactor(org.SecondFactorOptional)
	if gone := sudo.submit(account, "factor-form", "do", "remove"); gone.url.Path != "/acme/account/sign-in" || gone.text("done") == "" {
		t.Errorf("%d at %s", gone.status, gone.url)
	}
	if a := s.browser().password(); a.element("consent-form") == nil && a.url.Query().Get("code") == "" {
		t.Errorf("it is still asked for: %d at %s", a.status, a.url)
	}
}

func TestSteppingUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	app := s.addApp(s.ada)
	s.secondFactor(org.SecondFactorOff)
	before, _ := s.exchange(b.signIn()) // while nobody is asked for the app
	if before["acr"] != session.ACRPassword {
		t.Fatalf("acr %v", before["acr"])
	}
	s.secondFactor(org.SecondFactorOptional)
	demand := `{"id_token":{"acr":{"essential":true,"values":["` + session.ACRMultiFactor + `"]}}}`
	if silent := b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("code") == "" {
		t.Errorf("nothing more is asked for, and the session ended: %s", silent.url)
	}
	if silent := b.get(s.authorizeURL("prompt", "none", "claims", demand)); silent.url.Query().Get("error") != "login_required" {
		t.Errorf("without asking: %s", silent.url)
	}
	for name, parameters := range map[string][]string{"demanded": {"claims", demand}, "wished for": {"acr_values", session.ACRMultiFactor}} {
		page := b.get(s.authorizeURL(parameters...))
		if page.url.Path != "/acme/login/second-factor" {
			t.Fatalf("%s: %d at %s", name, page.status, page.url)
		}
		if a := b.submit(page, "otp-form", "code", app.wrong()); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: a wrong code: %d", name, a.status)
		}
	}
	page := b.get(s.authorizeURL("claims", demand))
	strong, _ := s.exchange(b.submit(page, "otp-form", "code", app.code()))
	if strong["acr"] != session.ACRMultiFactor || strong["auth_time"] != before["auth_time"] || strong["sid"] != before["sid"] {
		t.Errorf("acr %v, auth_time %v (%v), sid %v (%v)", strong["acr"], strong["auth_time"], before["auth_time"], strong["sid"], before["sid"])
	}
	weak, _ := s.exchange(b.get(s.authorizeURL("claims", strings.ReplaceAll(demand, session.ACRMultiFactor, session.ACRPassword))))
	if weak["acr"] != session.ACRPassword {
		t.Errorf("the demanded value is not the one that is told: %v", weak["acr"])
	}
	if unmet := b.get(s.authorizeURL("claims", strings.ReplaceAll(demand, session.ACRMultiFactor, "urn:example:gold"))); unmet.url.Query().Get("error") != "unmet_authentication_requirements" {
		t.Errorf("what nothing reaches: %s", unmet.url)
	}
	phishable := s.browser()
	page = phishable.submit(phishable.password("claims", strings.ReplaceAll(demand, session.ACRMultiFactor, "phr")), "otp-form", "code", app.code())
	if page = phishable.allowed(page); page.url.Query().Get("error") != "unmet_authentication_requirements" {
		t.Errorf("a code is taken for what cannot be phished: %d at %s", page.status, page.url)
	}
	s.secondFactor(org.SecondFactorOff)
	off := s.browser()
	if idToken, _ := s.exchange(off.signIn()); idToken["acr"] != session.ACRPassword {
		t.Errorf("acr %v", idToken["acr"])
	}
}

func TestWhatChangesDuringASecondFactor(t *testing.T) {
	t.Parallel()
	removed := func(s *site) {
		s.inTx(func(ctx context.Context, tx *store.Tx) error {
			return s.app.SecondFactors.Remove(ctx, tx, operator, s.acme.ID, s.ada.ID)
		})
	}
	for name, c := range map[string]struct {
		change func(*site)
		path   string // where the right code leads
	}{
		"the factor is removed":             {removed, "/acme/consent"},
		"the policy is off":                 {func(s *site) { s.secondFactor(org.SecondFactorOff) }, "/acme/consent"},
		"removed, and required":             {func(s *site) { removed(s); s.secondFactor(org.SecondFactorRequired) }, "/acme/login/second-factor/add"},
		"the password is replaced":          {func(s *site) { s.setPassword(s.ada, chosenPassword, false) }, "/acme/login"},
		"the person has to change it first": {func(s *site) { s.setPassword(s.ada, chosenPassword, true) }, "/acme/action/change-password"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			app := s.addApp(s.ada)
			b := s.browser()
			page := b.password()
			code := app.code()
			c.change(s)
			a := b.submit(page, "otp-form", "code", code)
			if a.url.Path != c.path {
				t.Errorf("%d at %s, want %s", a.status, a.url, c.path)
			}
			if name == "the person has to change it first" {
				if a = b.submit(a, "password-form", "new_password", "Another-No-1822", "new_password_confirmation", "Another-No-1822"); a.url.Path != "/acme/login" {
					t.Errorf("with a proof that is worth nothing: %d at %s", a.status, a.url)
				}
			}
		})
	}
}

// A walk through every pair of steps: who is at one of them comes to no other by its address, neither by looking nor by
// sending its form; another browser gets nothing; and nothing of a completed sign-in can be sent again.
func TestNoStepIsSkippedReplayedOrTakenElsewhere(t *testing.T) {
	t.Parallel()
	p := newPeer(t, "public_url", "https://"+passkeyHost)
	p.site.server.URL = "https://" + passkeyHost
	s := p.site
	s.openSignUp(s.acme)
	s.openMagicLinks()
	app := s.addApp(s.ada)
	bob := s.person(s.acme, "bob@acme.test")
	mailing, magicLink := s.byMail(bob.Username)
	grace := s.person(s.acme, "grace@acme.test", user.ChangePassword)
	s.mailCodes(org.SecondFactorOptional)
	hugo := s.reachable("hugo@acme.test")
	signedIn := func(person *user.User) *browser {
		b := s.browser()
		b.submit(b.get(s.authorizeURL()), "login-form", "username", person.Username, "password", password)
		return b
	}
	type place struct {
		b    *browser
		page *answer
		form string
	}
	recovering, recovery := s.forgot(bob.Username)
	signingUp, confirm := s.asked("eva@new.test")
	begin := func(b *browser, namesAndValues ...string) *answer { return b.get(s.authorizeURL(namesAndValues...)) }
	carol := s.person(s.acme, "carol@acme.test")
	moving, address := s.moving(carol, "carol@new.test")
	heidi := s.person(s.acme, "heidi@acme.test")
	s.leaving(heidi)
	atLink, there := p.elsewhere()
	ivan := s.person(s.acme, "ivan@acme.test")
	linking := atLink.submit(atLink.get(p.there(there)), "login-form", "username", ivan.Username, "password", password)
	atKeep, keeping := s.atKeep(heidi)
	demanding := []string{"claims", `{"id_token":{"acr":{"essential":true,"values":["` + session.ACRMultiFactor + `"]}}}`}
	atEnrol, dora := s.browser(), s.person(s.acme, "dora@acme.test")
	making := s.browser()
	makePasskey := making.signUp(begin(making, "prompt", "create"), "fay@new.test", "new_password", "", "with", "passkey")
	makePasskey = making.submit(makePasskey, "confirm-form", "code", s.code("fay@new.test"))
	verifying, enrolling := s.browser(), s.browser()
	hal, ida := s.person(s.acme, "hal@acme.test", user.VerifyEmail), s.person(s.acme, "ida@acme.test", user.EnrolPasskey)
	accepting := s.browser()
	_, link := s.invited("gil@acme.test")
	atSecond, atMail, atPassword, atConsent, atLogin, atSignUp, atSelect := s.browser(), s.browser(), s.browser(), s.browser(), s.browser(), s.browser(), signedIn(bob)
	places := map[string]place{
		"login":                    {atLogin, begin(atLogin), "login-form"},
		"login/second-factor":      {atSecond, atSecond.password(), "otp-form"},
		"action/change-password":   {atPassword, atPassword.submit(begin(atPassword), "login-form", "username", grace.Username, "password", password), "password-form"},
		"consent":                  {atConsent, atConsent.submit(begin(atConsent), "login-form", "username", bob.Username, "password", password), "consent-form"},
		"sign-up":                  {atSignUp, begin(atSignUp, "prompt", "create"), "sign-up-form"},
		"sign-up/confirm":          {signingUp, confirm, "confirm-form"},
		"forgot-password/confirm":  {recovering, recovery, "confirm-form"},
		"login/mail/confirm":       {mailing, magicLink, "confirm-form"},
		"login/second-factor/add":  {atEnrol, atEnrol.submit(begin(atEnrol, demanding...), "login-form", "username", dora.Username, "password", password), "otp-form"},
		"sign-up/passkey":          {making, makePasskey, "passkey-form"},
		"action/email":             {moving, address, "confirm-form"},
		"action/link-account":      {atLink, linking, "link-identity-form"},
		"action/keep-account":      {atKeep, keeping, "keep-account-form"},
		"action/verify-email":      {verifying, verifying.submit(begin(verifying), "login-form", "username", hal.Username, "password", password), "verify-email-form"},
		"action/passkey":           {enrolling, enrolling.submit(begin(enrolling), "login-form", "username", ida.Username, "password", password), "passkey-form"},
		"invitation/accept":        {accepting, accepting.get(link), "password-form"},
		"select-account":           {atSelect, begin(atSelect, "prompt", "select_account"), "accounts-form"},
		"login/second-factor#mail": {atMail, atMail.submit(atMail.submit(begin(atMail, demanding...), "login-form", "username", hugo.Username, "password", password), "mail-form"), "mail-code-form"},
	}
	// Everybody but one has accepted the terms.
	s.publish(s.acme, "Terms of the walk", time.Time{})
	jan := s.person(s.acme, "jan@acme.test")
	if _, err := s.app.Store.Exec(t.Context(), `INSERT INTO terms_acceptances (org_id, id, user_id, version, language, accepted_at)
		SELECT org_id, gen_random_uuid(), id, 1, 'en', now() FROM users WHERE org_id = $1 AND id <> $2`, s.acme.ID, jan.ID); err != nil {
		t.Fatal(err)
	}
	atTerms := s.browser()
	places["action/terms"] = place{atTerms, atTerms.submit(begin(atTerms), "login-form", "username", jan.Username, "password", password), "terms-form"}
	// From here on the identifier is asked for first, which those who are at a page already do not notice.
	s.changePolicies(s.acme, func(p *org.Policies) { p.IdentifierFirst = org.IdentifierFirstOn })
	atWays := s.browser()
	places["login/ways"] = place{atWays, atWays.submit(begin(atWays), "login-form", "username", bob.Username), "login-form"}
	addresses := []string{"action/terms", "login/ways", "login", "login/second-factor", "login/second-factor/add", "action/change-password", "action/email", "action/keep-account", "action/verify-email", "action/passkey", "action/link-account", "invitation/accept", "consent", "sign-up", "sign-up/confirm", "sign-up/passkey", "login/passkey", "forgot-password", "forgot-password/confirm", "login/mail", "login/mail/confirm", "select-account"}
	// What an honest form of each address would say.
	sent := url.Values{"decision": {"allow"}, "code": {"123456"}, "recovery_code": {app.codes[1]}, "new_password": {chosenPassword}, "new_password_confirmation": {chosenPassword}, "enrolment": {"x.y"}, "passkey": {"{}"}, "accept": {"1"}}
	for name, at := range places {
		step, _, _ := strings.Cut(name, "#")                    // several forms of one step
		authenticate := step == "login" || step == "login/ways" // two pages of one step
		if at.page.url.Path != "/acme/"+step || at.page.element(at.form) == nil {
			t.Fatalf("expected to stand at %s, got %d at %s:\n%s", step, at.page.status, at.page.url, at.page.body)
		}
		_, fields := at.page.form(at.form)
		transaction := fields.Get("transaction")
		here := func(what string) {
			t.Helper()
			if now := at.b.get("/acme/login?transaction=" + transaction); !authenticate && now.url.Path != "/acme/"+step {
				t.Errorf("from %s: %s leads to %s", step, what, now.url)
			}
			if silent := at.b.get(s.authorizeURL("prompt", "none")); silent.url.Query().Get("code") != "" {
				t.Errorf("from %s: %s gets a code", step, what)
			}
		}
		for _, address := range addresses {
			anotherForm := address == step || authenticate && slices.Contains([]string{"login", "login/ways", "login/passkey", "sign-up", "forgot-password", "login/mail"}, address)
			if a := at.b.get("/acme/" + address + "?transaction=" + transaction); !anotherForm && a.url.Path != "/acme/"+step {
				t.Errorf("from %s: %s is shown at %s (%d)", step, address, a.url, a.status)
			}
			here("looking at " + address)
			form := url.Values{"transaction": {transaction}, "csrf_token": {fields.Get("csrf_token")}}
			for name, values := range sent {
				form[name] = values
			}
			if decision := map[string]string{"action/keep-account": "keep", "action/link-account": "link"}[address]; decision != "" {
				form.Set("decision", decision)
			}
			stranger := s.browser()
			if a := stranger.post("/acme/"+address, form); a.status != http.StatusGone && a.status != http.StatusForbidden {
				t.Errorf("from %s: another browser sends %s and gets %d at %s", step, address, a.status, a.url)
			}
			if a := stranger.get("/acme/" + address + "?transaction=" + transaction); a.status != http.StatusGone {
				t.Errorf("from %s: another browser looks at %s and gets %d at %s", step, address, a.status, a.url)
			}
			// The forms of the step itself, and those that begin anew, are judged elsewhere.
			if address == step || slices.Contains([]string{"login", "select-account", "sign-up", "forgot-password", "login/mail"}, address) {
				continue
			}
			if a := at.b.post("/acme/"+address, form); a.url.Query().Get("code") != "" {
				t.Errorf("from %s: sending %s gets a code", step, address)
			}
			here("sending " + address)
		}
	}
	// A completed sign-in is over: none of its forms counts again.
	at := places["login/second-factor"]
	if a := at.b.allowed(at.b.submit(at.page, "otp-form", "code", app.code())); a.url.Query().Get("code") == "" {
		t.Fatalf("%d at %s", a.status, a.url)
	}
	_, fields := at.page.form("otp-form")
	for _, address := range addresses {
		form := url.Values{"transaction": {fields.Get("transaction")}, "csrf_token": {fields.Get("csrf_token")}, "code": {app.code()}, "username": {s.ada.Username}, "password": {password}}
		if a := at.b.post("/acme/"+address, form); a.status != http.StatusGone {
			t.Errorf("replayed at %s: %d at %s", address, a.status, a.url)
		}
	}
	var recoveryLeft int
	if err := s.app.Store.QueryRow(t.Context(), "SELECT count(*) FROM recovery_codes WHERE used_at IS NULL").Scan(&recoveryLeft); err != nil || recoveryLeft != 10 {
		t.Errorf("%d recovery codes are left: %v", recoveryLeft, err)
	}
}
