package server

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/proofofwork"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/web/text"
)

// compute is submit with the answer to the challenge of the page.
func (b *browser) compute(a *answer, id string, namesAndValues ...string) *answer {
	b.t.Helper()
	_, fields := a.form(id)
	solution, ok := proofofwork.Solve(fields.Get("challenge"))
	if !ok {
		b.t.Fatalf("no challenge in %q at %s", id, a.url)
	}
	return b.submit(a, id, append(namesAndValues, "solution", solution)...)
}

// works are the events about proof of work at an organization, oldest first: action, form, and who, how or why.
func (s *site) works(organization *org.Organization) (found []string) {
	s.t.Helper()
	rows, err := s.app.Store.Query(s.t.Context(), `SELECT concat_ws(' ', replace(action, 'proof_of_work.', ''), details ->> 'form', details ->> 'of', details ->> 'by', details ->> 'reason')
		FROM audit_events WHERE org_id = $1 AND action LIKE 'proof_of_work.%' ORDER BY id`, organization.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			s.t.Fatal(err)
		}
		found = append(found, one)
	}
	return found
}

func (s *site) demandWork(policy org.ProofOfWork) {
	s.t.Helper()
	s.changePolicies(s.acme, func(p *org.Policies) { p.ProofOfWork = policy })
}

const wrongPassword = "not-the-password"

// Where it is always demanded, a sign-in needs an answer to the challenge of its own page.
func TestProofOfWork(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if page := s.browser().get(s.authorizeURL()); page.element("work") != nil {
		t.Fatal("it is demanded where nobody switched it on")
	}
	s.demandWork(org.ProofOfWorkAlways)
	b := s.browser()
	page, other := b.get(s.authorizeURL()), b.get(s.authorizeURL())
	_, fields := page.form("login-form")
	solution, _ := proofofwork.Solve(fields.Get("challenge"))
	stranger := s.browser()
	theirs := stranger.get(s.authorizeURL())
	for _, c := range []struct {
		name    string
		who     *browser
		page    *answer
		values  []string
		want    string
		renewed bool
	}{
		{"no challenge", b, page, []string{"challenge", "", "solution", solution}, "proof_of_work_missing", true},
		{"a wrong answer", b, page, []string{"solution", "1.2.3"}, "proof_of_work_wrong", true},
		{"of another sign-in of the browser", b, other, []string{"challenge", fields.Get("challenge"), "solution", solution}, "proof_of_work_over", true},
		{"of another browser", stranger, theirs, []string{"challenge", fields.Get("challenge"), "solution", solution}, "proof_of_work_over", true},
		{"no answer yet", b, page, []string{"solution", ""}, "proof_of_work_early", false},
	} {
		a := c.who.submit(c.page, "login-form", append([]string{"username", s.ada.Username, "password", password}, c.values...)...)
		_, shown := a.form("login-form")
		if a.status != http.StatusUnprocessableEntity || a.text("notice") != english(t, "fault_code_"+c.want) || shown.Get("username") != s.ada.Username || shown.Get("password") != "" {
			t.Errorf("%s: %d at %s: %s", c.name, a.status, a.url, a.text("notice"))
		}
		_, before := c.page.form("login-form")
		if (shown.Get("challenge") != before.Get("challenge")) != c.renewed {
			t.Errorf("%s: the challenge is %q", c.name, shown.Get("challenge"))
		}
	}
	again := b.compute(page, "login-form", "username", "nobody@acme.test", "password", wrongPassword)
	if again.status != http.StatusUnprocessableEntity || again.text("notice") != english(t, "fault_code_credentials_wrong") || again.element("work") == nil {
		t.Fatalf("%d at %s: %s", again.status, again.url, again.text("notice"))
	}
	replayed := b.submit(page, "login-form", "username", s.ada.Username, "password", password, "solution", solution)
	if replayed.text("notice") != english(t, "fault_code_proof_of_work_over") {
		t.Errorf("a second time: %d at %s: %s", replayed.status, replayed.url, replayed.text("notice"))
	}
	if a := b.compute(again, "login-form", "username", s.ada.Username, "password", password); a.element("consent-form") == nil {
		t.Errorf("%d at %s: %s", a.status, a.url, a.text("notice"))
	}
	want := []string{"failed login proof_of_work_wrong", "failed login proof_of_work_over", "failed login proof_of_work_over",
		"solved login work", "failed login proof_of_work_over", "solved login work"}
	if got := s.works(s.acme); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	rival := s.organization("rival")
	if page := s.browser().get("/rival/login"); page.element("work") != nil || len(s.works(rival)) != 0 {
		t.Error("it is demanded at another organization")
	}
}

// Nobody fills the audit log with forms that are not taken.
func TestFailuresOfProofOfWorkAreToldAFewTimes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.demandWork(org.ProofOfWorkAlways)
	b := s.browser()
	page := b.get(s.authorizeURL())
	for range 25 {
		if a := b.submit(page, "login-form", "username", s.ada.Username, "password", password, "solution", "1.2.3"); a.status != http.StatusUnprocessableEntity {
			t.Fatalf("%d at %s", a.status, a.url)
		}
	}
	if told := s.works(s.acme); len(told) != 20 {
		t.Errorf("%d events", len(told))
	}
}

// Every form that programs abuse has it.
func TestFormsWithProofOfWork(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.openSignUp(s.acme)
	s.demandWork(org.ProofOfWorkAlways)
	s.changePolicies(s.acme, func(p *org.Policies) { p.MagicLinks = org.MagicLinksOn })
	for form, c := range map[string]struct {
		link   string
		values []string
		next   string
	}{
		"sign-up-form":         {"sign-up", []string{"email", newcomer, "given_name", "Eva", "new_password", newPassword}, "confirm-form"},
		"forgot-password-form": {"forgot-password", []string{"username", s.ada.Username}, "confirm-form"},
		"magic-link-form":      {"magic-link", []string{"username", s.ada.Username}, "confirm-form"},
	} {
		b := s.browser()
		page := b.get(attribute(b.get(s.authorizeURL()).element(c.link), "href"))
		refused := b.submit(page, form, append(c.values, "challenge", "")...)
		if refused.status != http.StatusUnprocessableEntity || refused.element(form) == nil || refused.element("work") == nil {
			t.Fatalf("%s: %d at %s", form, refused.status, refused.url)
		}
		if a := b.compute(refused, form, c.values...); a.element(c.next) == nil {
			t.Errorf("%s: %d at %s: %s", form, a.status, a.url, a.text("notice"))
		}
	}
	if got := s.works(s.acme); len(got) != 3 {
		t.Errorf("%q", got)
	}
}

// Who has no JavaScript waits.
func TestProofOfWorkWithoutJavaScript(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.demandWork(org.ProofOfWorkAlways)
	b := s.browser()
	page := b.get(s.authorizeURL())
	early := b.submit(page, "login-form", "username", s.ada.Username, "password", password)
	if early.text("notice") != english(t, "fault_code_proof_of_work_early") {
		t.Fatalf("%d at %s: %s", early.status, early.url, early.text("notice"))
	}
	_, fields := early.form("login-form")
	address, _ := url.Parse(s.server.URL)
	r := &http.Request{Header: http.Header{}}
	for _, cookie := range b.http.Jar.Cookies(address) {
		r.AddCookie(cookie)
	}
	about := proofofwork.About{OrgID: s.acme.ID, Browser: session.Cookies{Secure: true}.Browser(r, s.acme), Form: "login " + fields.Get("transaction")}
	older := proofofwork.New(s.app.Ring.DeriveKey("proof-of-work").Key, s.app.State, func() time.Time { return time.Now().Add(-proofofwork.Wait) }, rand.Reader)
	challenge, err := older.Challenge(about)
	if err != nil {
		t.Fatal(err)
	}
	if a := b.submit(early, "login-form", "username", s.ada.Username, "password", password, "challenge", challenge); a.element("consent-form") == nil {
		t.Errorf("%d at %s: %s", a.status, a.url, a.text("notice"))
	}
	if got := s.works(s.acme); !slices.Equal(got, []string{"solved login waiting"}) {
		t.Errorf("%q", got)
	}
}

// Where suspicion decides, it is demanded of a name that is tried, of a network that fails, and not of a browser that is known.
func TestSuspicion(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.demandWork(org.ProofOfWorkOnSuspicion)
	home := s.browser()
	home.signIn()
	fail := func(name string) *answer {
		b := s.browser()
		return b.submit(b.get(s.authorizeURL()), "login-form", "username", name, "password", wrongPassword)
	}
	for _, name := range []string{s.ada.Username, "nobody@acme.test"} { // somebody, and nobody
		for i := range 4 {
			if a := fail(name); a.text("notice") != english(t, "fault_code_credentials_wrong") || (a.element("work") != nil) != (i == 3) {
				t.Fatalf("%s %d: %d: %s", name, i, a.status, a.text("notice"))
			}
		}
		b := s.browser()
		page := b.get(s.authorizeURL())
		if page.element("work") != nil {
			t.Error("it is demanded before a name is said")
		}
		refused := b.submit(page, "login-form", "username", name, "password", password)
		if refused.text("notice") != english(t, "fault_code_proof_of_work_missing") || refused.element("work") == nil {
			t.Errorf("%s: %d: %s", name, refused.status, refused.text("notice"))
		}
		if a := b.compute(refused, "login-form", "username", name, "password", password); (a.element("consent-form") != nil || a.url.Query().Get("code") != "") != (name == s.ada.Username) {
			t.Errorf("%s: %d at %s: %s", name, a.status, a.url, a.text("notice"))
		}
	}
	if a := home.signIn("prompt", "login"); a.url.Query().Get("code") == "" {
		t.Errorf("a browser that is known pays for strangers: %d at %s", a.status, a.url)
	}
	if page := s.browser().get(s.authorizeURL()); page.element("work") != nil {
		t.Error("the network is suspected too early")
	}
	for i := range 20 {
		fail("guess-" + strconv.Itoa(i) + "@acme.test")
	}
	if page := s.browser().get(s.authorizeURL()); page.element("work") == nil {
		t.Error("the network is not suspected")
	}
	if a := home.signIn("prompt", "login"); a.url.Query().Get("code") == "" {
		t.Errorf("a browser that is known pays for its network: %d at %s", a.status, a.url)
	}
	demanded := slices.DeleteFunc(s.works(s.acme), func(event string) bool { return event[:8] != "demanded" })
	if !slices.Equal(demanded, []string{"demanded login name", "demanded login name", "demanded login network"}) {
		t.Errorf("%q", demanded)
	}
}

// english is what pages say under a key.
func english(t testing.TB, key string) string {
	t.Helper()
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	return texts.Match([]string{"en"}, "", "").T(key)
}

// At most a few letters about new sign-ins go to a person in a day, and the audit log says which were not written.
func TestNoticesOfSignInsAreLimited(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.browser().signIn() // the first one of the account
	bob := s.person(s.acme, "bob@acme.test")
	for range 3 {
		s.browser().signIn()
	}
	browsers, pages := make([]*browser, 4), make([]*answer, 4)
	for i := range browsers {
		browsers[i] = s.browser()
		pages[i] = browsers[i].get(s.authorizeURL())
	}
	answers := make([]*answer, len(browsers))
	var all sync.WaitGroup
	for i := range browsers {
		all.Go(func() {
			answers[i] = browsers[i].submit(pages[i], "login-form", "username", s.ada.Username, "password", password)
		})
	}
	all.Wait()
	for i, a := range answers {
		if a.status == http.StatusTooManyRequests { // so many at once are slowed down
			if _, err := s.app.Store.Exec(t.Context(), "DELETE FROM sign_in_failures"); err != nil {
				t.Fatal(err)
			}
			a = browsers[i].submit(a, "login-form", "username", s.ada.Username, "password", password)
		}
		if a.element("consent-form") == nil && a.url.Query().Get("code") == "" {
			t.Errorf("%d at %s: %s", a.status, a.url, a.text("notice"))
		}
	}
	if got := len(s.notices(s.ada.Email)); got != 5 {
		t.Errorf("%d letters", got)
	}
	withheld := s.eventsOf(s.acme, "sign_in_notice.withheld")
	if len(withheld) != 2 || withheld[0].Target.ID != s.ada.ID.String() {
		t.Fatalf("%+v", withheld)
	}
	var details struct {
		Session string `json:"session_id"`
		Most    int    `json:"letters_a_day"`
	}
	if err := json.Unmarshal(withheld[0].Details, &details); err != nil || details.Session == "" || details.Most != 5 {
		t.Errorf("%s %v", withheld[0].Details, err)
	}
	if _, err := s.app.Store.Exec(t.Context(), "UPDATE mails SET created_at = created_at - interval '25 hours'"); err != nil {
		t.Fatal(err)
	}
	s.browser().signIn()
	if got := len(s.notices(s.ada.Email)); got != 6 {
		t.Errorf("the day after: %d letters", got)
	}
	for range 2 { // another person has a count of their own
		b := s.browser()
		b.submit(b.get(s.authorizeURL()), "login-form", "username", bob.Username, "password", password)
	}
	if got := len(s.notices(bob.Email)); got != 1 {
		t.Errorf("%d letters to another person", got)
	}
}
