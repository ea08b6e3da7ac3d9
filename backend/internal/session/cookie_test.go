package session_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// holding is a browser that signed in, each person with the token at the same place.
func holding(ids []uuid.UUID, tokens ...string) session.Browser {
	var browser session.Browser
	for i := range slices.Backward(tokens) {
		browser = browser.Begun(session.Session{ID: ids[i]}, &user.User{ID: ids[i]}, tokens[i])
	}
	return browser
}

func TestCookies(t *testing.T) {
	acme := &org.Organization{Slug: "acme"}
	token, other := strings.Repeat("0123456789", 5)[:secret.Length], strings.Repeat("abcdefghij", 5)[:secret.Length]
	ids := []uuid.UUID{uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New()}
	id := ids[0]
	for _, secure := range []bool{true, false} {
		cookies := session.Cookies{Secure: secure, StateKey: []byte("key")}
		request := func(given ...*http.Cookie) *http.Request {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			for _, cookie := range given {
				r.AddCookie(cookie)
			}
			return r
		}
		w := httptest.NewRecorder()
		cookies.SetSessions(w, request(), acme, holding(ids, token))
		set := w.Result().Cookies()[0]
		want := map[bool]struct {
			name string
			site http.SameSite
		}{true: {"__Host-clavex-session-acme", http.SameSiteNoneMode}, false: {"clavex-session-acme", http.SameSiteLaxMode}}[secure]
		if set.Name != want.name || set.SameSite != want.site || set.Secure != secure || !set.HttpOnly || set.Path != "/" || set.Domain != "" || len(w.Result().Cookies()) != 2 {
			t.Errorf("%+v", set)
		}
		if r := request(set); !slices.Equal(cookies.Tokens(r, acme), []string{token}) || cookies.Tokens(r, &org.Organization{Slug: "rival"}) != nil || cookies.Browser(r, acme) != "" {
			t.Error("read back wrongly")
		}
		state := w.Result().Cookies()[1]
		if state.Name != strings.Replace(want.name, "session", "state", 1) || state.Name != cookies.StateName(acme) || state.HttpOnly || state.SameSite != want.site || state.Secure != secure ||
			state.Value != cookies.BrowserState(acme, id) || strings.Contains(state.Value, id.String()) || state.Value == cookies.BrowserState(acme, uuid.New()) {
			t.Errorf("the browser state (Session Management 1.0 §4.2): %+v", state)
		}
		if cookies.BrowserState(acme, ids[0], ids[1]) != cookies.BrowserState(acme, ids[1], ids[0]) || cookies.BrowserState(acme, ids[0], ids[1]) == state.Value || cookies.BrowserState(acme) != "" {
			t.Error("the browser state is of all sessions, in no order")
		}
		if cookies.Tokens(request(&http.Cookie{Name: want.name, Value: "short"}), acme) != nil {
			t.Error("a value that is not ours was read")
		}
		kept := func(given *http.Cookie, before bool) int {
			w, r := httptest.NewRecorder(), request()
			if given != nil {
				r.AddCookie(given)
			}
			if before {
				cookies.SetSessions(w, r, acme, holding(ids, token))
			}
			cookies.KeepState(w, r, acme, []uuid.UUID{id})
			return len(w.Result().Cookies())
		}
		if kept(state, false) != 0 || kept(nil, false) != 1 || kept(&http.Cookie{Name: state.Name, Value: token}, false) != 1 || kept(nil, true) != 2 {
			t.Error("a browser state is given when it is missing or another, once")
		}

		w = httptest.NewRecorder()
		cookies.SetSessions(w, request(set), acme, holding(ids, other, token))
		several := w.Result().Cookies()
		if len(several) != 3 || several[0].Value != other || several[2].Name != strings.Replace(want.name, "session", "accounts", 1) || several[2].Value != token || !several[2].HttpOnly ||
			several[2].SameSite != want.site || several[2].Secure != secure || several[2].MaxAge != 0 {
			t.Errorf("the tokens of the others: %+v", several)
		}
		if got := cookies.Tokens(request(several...), acme); !slices.Equal(got, []string{other, token}) {
			t.Errorf("read back wrongly: %q", got)
		}
		for name, value := range map[string]string{"nonsense": "x.y.z", "the current one again": other, "a token with something": token + "x", "far too long": strings.Repeat(token+".", 6)} {
			if got := cookies.Tokens(request(several[0], &http.Cookie{Name: several[2].Name, Value: value}), acme); !slices.Equal(got, []string{other}) {
				t.Errorf("%s: %q", name, got)
			}
		}
		for _, after := range []session.Browser{nil, holding(ids, token)} {
			w = httptest.NewRecorder()
			cookies.SetSessions(w, request(several...), acme, after)
			for _, cleared := range w.Result().Cookies()[len(after)*2:] {
				if cleared.MaxAge >= 0 || cleared.Value != "" {
					t.Errorf("not cleared: %+v", cleared)
				}
			}
			if len(w.Result().Cookies()) != 3 {
				t.Errorf("%+v", w.Result().Cookies())
			}
		}
	}
}

// The cookies of people who stay signed in outlive the browser's own session, those of others do not.
func TestCookiesOfThoseWhoStay(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	offers := *acme
	offers.Policies.RememberMe = org.RememberMeOffered
	cookies := session.Cookies{Secure: true, StateKey: []byte("key"), Now: w.Clock.Now}
	var browser session.Browser
	enter := func(name string, stay bool) {
		person := w.User(acme, name+"@acme.test")
		var begun session.Session
		var token string
		w.InTx(func(ctx context.Context, tx *store.Tx) (err error) {
			begun, token, err = w.Sessions.Begin(ctx, tx, session.Authenticated{Organization: &offers, User: person, BrowserHash: []byte("browser"), Methods: []string{"pwd"}, At: w.Clock.Now(), Browser: browser, Persistent: &stay})
			return err
		})
		browser = browser.Begun(begun, person, token)
	}
	enter("stays", true)
	enter("passes", false)
	enter("stays-too", true)
	enter("current", false)
	recorder := httptest.NewRecorder()
	cookies.SetSessions(recorder, httptest.NewRequest(http.MethodGet, "/", nil), acme, browser)
	restarted, all := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRequest(http.MethodGet, "/", nil)
	for _, cookie := range recorder.Result().Cookies() {
		all.AddCookie(cookie)
		if cookie.MaxAge > 0 {
			restarted.AddCookie(cookie)
		}
		if long := int(org.DefaultRememberedSessionAbsolute.Seconds()); cookie.MaxAge != 0 && (cookie.MaxAge > long || cookie.MaxAge < long-60) || !cookie.Secure || cookie.Path != "/" {
			t.Errorf("%+v", cookie)
		}
	}
	names := func(r *http.Request) (names []string) {
		for _, live := range in(w, acme, cookies.Tokens(r, acme)...) {
			names = append(names, live.User.Username)
		}
		slices.Sort(names)
		return names
	}
	if got := names(all); len(got) != 4 {
		t.Errorf("%v", got)
	}
	if got := names(restarted); !slices.Equal(got, []string{"stays-too@acme.test", "stays@acme.test"}) {
		t.Errorf("after the browser was closed: %v", got)
	}
	// The last ones leave: what is kept is taken away.
	recorder = httptest.NewRecorder()
	cookies.SetSessions(recorder, all, acme, nil)
	if got := len(recorder.Result().Cookies()); got != 4 {
		t.Errorf("%d cookies are taken away", got)
	}
	for _, cookie := range recorder.Result().Cookies() {
		if cookie.MaxAge >= 0 {
			t.Errorf("%+v", cookie)
		}
	}
}

// However many people sign in, what the browser carries stays small.
func TestCookiesStaySmall(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	cookies := session.Cookies{Secure: true, StateKey: []byte("key")}
	var browser session.Browser
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		person := w.User(acme, name+"@acme.test")
		begun, token := begin(w, acme, person, browser)
		browser = browser.Begun(begun, person, token)
	}
	recorder := httptest.NewRecorder()
	cookies.SetSessions(recorder, httptest.NewRequest(http.MethodGet, "/", nil), acme, browser)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	size := 0
	for _, cookie := range recorder.Result().Cookies() {
		r.AddCookie(cookie)
		size += len(cookie.Name) + len(cookie.Value)
	}
	if tokens := cookies.Tokens(r, acme); len(tokens) != session.MaximumInBrowser || !slices.Equal(tokens, browser.Tokens()) || len(in(w, acme, tokens...)) != session.MaximumInBrowser {
		t.Errorf("%d tokens read back", len(tokens))
	}
	if count := len(recorder.Result().Cookies()); count != 3 || size > 400 {
		t.Errorf("%d cookies of %d bytes", count, size)
	}
}
