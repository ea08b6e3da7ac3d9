package server

import (
	"context"
	"math/bits"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

func TestAWrongPasswordAndAnUnknownPersonLookTheSame(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		disabled := *s.personWithin(ctx, tx, "disabled@acme.test")
		disabled.Status = user.Disabled
		_, err := s.app.Users.Update(ctx, tx, operator, disabled)
		return err
	})
	shown := map[string]string{}
	for name, credentials := range map[string][2]string{"wrong": {"ada@acme.test", "not-the-password"}, "unknown": {"bob@acme.test", "not-the-password"},
		"disabled": {"disabled@acme.test", password}, "no password": {"disabled@acme.test", ""}, "not text": {"ada@acme.test", "\u0000"}} {
		b := s.browser()
		a := b.submit(b.get(s.authorizeURL()), "login-form", "username", credentials[0], "password", credentials[1])
		if name == "not text" {
			if a.status != 400 {
				t.Fatalf("a NUL byte: %d", a.status)
			}
			continue
		}
		if a.status != http.StatusUnprocessableEntity || a.element("login-form") == nil {
			t.Fatalf("%s: got %d at %s", name, a.status, a.url)
		}
		_, fields := a.form("login-form")
		if fields.Get("username") != credentials[0] || fields.Get("password") != "" {
			t.Fatalf("%s: what was typed must stay, the password must not: %v", name, fields)
		}
		shown[name] = a.text("notice")
	}
	if shown["wrong"] == "" || shown["wrong"] != shown["unknown"] || shown["wrong"] != shown["disabled"] {
		t.Fatalf("messages differ: %q", shown)
	}
}

// personWithin makes a person with the usual password inside a transaction that is open already.
func (s *site) personWithin(ctx context.Context, tx *store.Tx, email string) *user.User {
	s.t.Helper()
	hashed, err := s.app.Passwords.HashPreset(ctx, s.acme.ID, password)
	if err != nil {
		s.t.Fatal(err)
	}
	made, err := s.app.Users.Create(ctx, tx, operator, user.User{OrgID: s.acme.ID, Username: email, Email: email})
	if err == nil {
		err = s.app.Passwords.Store(ctx, tx, operator, s.acme.ID, made.ID, hashed)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return made
}

func TestGuessingIsSlowedDownForStrangersOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.person(s.acme, "bob@acme.test")
	known := s.browser()
	known.signIn()
	stranger := s.browser()
	page := stranger.get(s.authorizeURL())
	var all sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	began := time.Now()
	for range 30 { // all at once: simultaneous guesses gain nothing
		all.Go(func() {
			a := stranger.submit(page, "login-form", "username", s.ada.Username, "password", "guess")
			mu.Lock()
			defer mu.Unlock()
			statuses[a.status]++
		})
	}
	all.Wait()
	// Five are free, one more begins the first wait, and each wait that ends lets one through; waits double.
	most := 6 + bits.Len(uint(time.Since(began)/time.Second))
	if statuses[http.StatusUnprocessableEntity] > most || statuses[http.StatusUnprocessableEntity]+statuses[http.StatusTooManyRequests] != 30 {
		t.Fatalf("guesses let through: %v, at most %d should be", statuses, most)
	}
	for wait := 0; wait < 4; { // until the wait is longer than any request takes
		a := stranger.submit(page, "login-form", "username", s.ada.Username, "password", "guess")
		wait, _ = strconv.Atoi(a.header.Get("Retry-After"))
		time.Sleep(20 * time.Millisecond)
	}
	a := stranger.submit(page, "login-form", "username", s.ada.Username, "password", password)
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Fatalf("the right password inside a block: %d", a.status)
	}
	if a := stranger.submit(page, "login-form", "username", "bob@acme.test", "password", password); a.element("consent-form") == nil {
		t.Fatalf("another account is not blocked: %d", a.status)
	}
	if a := known.submit(known.get(s.authorizeURL("prompt", "login")), "login-form", "username", s.ada.Username, "password", password); a.url.Query().Get("code") == "" {
		t.Fatalf("the browser a person always uses is not blocked by strangers: %d at %s", a.status, a.url)
	}
}

func TestAOneTimeLinkLetsChooseAPasswordOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.organization("rival")
	var token string
	s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		token, _, err = s.app.Links.Create(ctx, tx, operator, s.acme.ID, s.ada.ID)
		return err
	})
	link := "/acme/login/link?token=" + token
	s.browser().get(link) // a mail scanner opens it first
	if a := s.browser().get("/rival/login/link?token=" + token); a.status != 404 {
		t.Fatalf("another organization's link: %d", a.status)
	}
	b, thief := s.browser(), s.browser()
	page, stolen := b.get(link), thief.get(link)
	if page.url.Path != "/acme/action/change-password" {
		t.Fatalf("%d at %s", page.status, page.url)
	}
	if a := b.get(s.authorizeURL("prompt", "none")); a.url.Query().Get("error") != "login_required" {
		t.Fatal("an opened link is not a session")
	}
	a := b.submit(page, "password-form", "new_password", "Brand-New-1843", "new_password_confirmation", "Brand-New-1843")
	if a.url.Path != "/acme/" || !strings.Contains(a.body, s.ada.Username) {
		t.Fatalf("after choosing: %d at %s", a.status, a.url)
	}
	if a := thief.submit(stolen, "password-form", "new_password", "Thiefs-Own-1843", "new_password_confirmation", "Thiefs-Own-1843"); a.status != 404 {
		t.Fatalf("a spent link: %d at %s", a.status, a.url)
	}
	if a := s.browser().get(link); a.status != 404 {
		t.Fatalf("opened again: %d", a.status)
	}
}

func TestChangingThePasswordEndsWhatWasSignedIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	elsewhere := s.browser()
	_, tokens := s.tokens(elsewhere.signIn("scope", "openid offline_access"))
	s.inTx(func(ctx context.Context, tx *store.Tx) error {
		changed := *s.ada
		changed.RequiredActions = []user.RequiredAction{user.ChangePassword}
		_, err := s.app.Users.Update(ctx, tx, operator, changed)
		return err
	})
	b := s.browser()
	a := b.submit(b.get(s.authorizeURL()), "login-form", "username", s.ada.Username, "password", password)
	b.submit(a, "password-form", "new_password", "Brand-New-1843", "new_password_confirmation", "Brand-New-1843")
	if q := elsewhere.get(s.authorizeURL("prompt", "none", "scope", "openid")).url.Query(); q.Get("error") != "login_required" {
		t.Fatalf("the other session lives: %v", q)
	}
	status, body := s.tokenRequest(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}})
	if status != 400 || body["error"] != "invalid_grant" {
		t.Fatalf("the other refresh token lives: %d %v", status, body)
	}
}
