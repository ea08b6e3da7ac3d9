package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

func begin(w *domaintest.World, organization *org.Organization, person *user.User, replaces *session.Session) (begun session.Session, token string) {
	w.T.Helper()
	w.InTx(func(ctx context.Context, tx *store.Tx) (err error) {
		begun, token, err = w.Sessions.Begin(ctx, tx, session.Authenticated{Organization: organization, User: person, BrowserHash: []byte("browser"), Methods: []string{"pwd"}, At: w.Clock.Now(), Replaces: replaces})
		return err
	})
	return begun, token
}

func TestFind(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme, rival := w.Organization("acme"), w.Organization("rival")
	ada := w.User(acme, "ada@acme.test")
	begun, token := begin(w, acme, ada, nil)
	live, err := w.Sessions.Find(t.Context(), acme.ID, token, uuid.Nil)
	if err != nil || live.User.ID != ada.ID || live.Session.ID != begun.ID || live.ConsentedScopes != nil {
		t.Fatalf("%+v %v", live, err)
	}
	for name, try := range map[string]struct {
		orgID uuid.UUID
		token string
	}{"another organization": {rival.ID, token}, "another token": {acme.ID, string(token[0]^1) + token[1:]}, "none": {acme.ID, ""}, "enormous": {acme.ID, token + token}} {
		if _, err := w.Sessions.Find(t.Context(), try.orgID, try.token, uuid.Nil); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASessionEndsByItself(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	ada := w.User(acme, "ada@acme.test")
	alive := func(token string) *session.Live {
		live, err := w.Sessions.Find(t.Context(), acme.ID, token, uuid.Nil)
		if err != nil && !fault.IsKind(err, fault.NotFound) {
			t.Fatal(err)
		}
		return live
	}
	_, idle := begin(w, acme, ada, nil)
	w.Clock.Advance(org.DefaultSessionIdle + time.Second)
	if alive(idle) != nil {
		t.Fatal("an idle session lives")
	}
	_, used := begin(w, acme, ada, nil)
	for elapsed := time.Duration(0); elapsed < org.DefaultSessionAbsolute-org.DefaultSessionIdle; elapsed += org.DefaultSessionIdle / 2 {
		live := alive(used)
		if live == nil {
			t.Fatalf("a used session ended after %v", elapsed)
		}
		if err := w.Sessions.Touch(t.Context(), live, acme.Policies); err != nil {
			t.Fatal(err)
		}
		w.Clock.Advance(org.DefaultSessionIdle / 2)
	}
	w.Clock.Advance(org.DefaultSessionIdle - time.Minute)
	if live := alive(used); live != nil {
		if err := w.Sessions.Touch(t.Context(), live, acme.Policies); err != nil {
			t.Fatal(err)
		}
	}
	w.Clock.Advance(org.DefaultSessionIdle - time.Minute)
	if alive(used) != nil {
		t.Fatal("a session lives beyond its absolute lifetime")
	}
	w.Clock.Advance(40 * 24 * time.Hour)
	if deleted, err := w.Sessions.DeleteExpired(t.Context(), 100); err != nil || deleted != 2 {
		t.Fatalf("%d deleted, %v", deleted, err)
	}
}

func TestBeginReplaces(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	ada, bob := w.User(acme, "ada@acme.test"), w.User(acme, "bob@acme.test")
	first, oldToken := begin(w, acme, ada, nil)
	renewed, newToken := begin(w, acme, ada, &first)
	if renewed.ID != first.ID || newToken == oldToken {
		t.Fatalf("the same person's session is renewed under a fresh token: %v %v", renewed.ID, first.ID)
	}
	if _, err := w.Sessions.Find(t.Context(), acme.ID, oldToken, uuid.Nil); !errors.Is(err, session.ErrNotFound) {
		t.Fatalf("the old token works: %v", err)
	}
	other, _ := begin(w, acme, bob, &renewed)
	if other.ID == first.ID {
		t.Fatal("another person took over the session")
	}
	if _, err := w.Sessions.Find(t.Context(), acme.ID, newToken, uuid.Nil); !errors.Is(err, session.ErrNotFound) {
		t.Fatalf("the first person's session lives on in this browser: %v", err)
	}
	for _, action := range []string{"session.started", "session.renewed", "session.ended"} {
		if !slices.Contains(w.Events(acme.ID), action) {
			t.Errorf("%s is not recorded", action)
		}
	}
	if known, err := w.Sessions.BrowserIsKnown(t.Context(), acme.ID, ada.ID, []byte("browser")); err != nil || !known {
		t.Fatalf("%v %v", known, err)
	}
	if known, err := w.Sessions.BrowserIsKnown(t.Context(), acme.ID, ada.ID, []byte("another")); err != nil || known {
		t.Fatalf("%v %v", known, err)
	}
}

func TestEndIsOfOneOrganizationAndOnce(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme, rival := w.Organization("acme"), w.Organization("rival")
	begun, token := begin(w, acme, w.User(acme, "ada@acme.test"), nil)
	end := func(orgID uuid.UUID) error {
		return w.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return w.Sessions.End(ctx, tx, domaintest.Operator, orgID, begun.ID, "test")
		})
	}
	if err := end(rival.ID); !errors.Is(err, session.ErrNotFound) {
		t.Fatalf("%v", err)
	}
	if _, err := w.Sessions.Find(t.Context(), acme.ID, token, uuid.Nil); err != nil {
		t.Fatalf("another organization ended it: %v", err)
	}
	if err := end(acme.ID); err != nil {
		t.Fatal(err)
	}
	if err := end(acme.ID); !errors.Is(err, session.ErrNotFound) {
		t.Fatalf("ended twice: %v", err)
	}
}

func TestCookies(t *testing.T) {
	acme := &org.Organization{Slug: "acme"}
	for _, secure := range []bool{true, false} {
		cookies := session.Cookies{Secure: secure, StateKey: []byte("key")}
		w := httptest.NewRecorder()
		token := "0123456789012345678901234567890123456789012"
		id := uuid.New()
		cookies.SetSession(w, acme, token, id)
		set := w.Result().Cookies()[0]
		want := map[bool]struct {
			name string
			site http.SameSite
		}{true: {"__Host-clavex-session-acme", http.SameSiteNoneMode}, false: {"clavex-session-acme", http.SameSiteLaxMode}}[secure]
		if set.Name != want.name || set.SameSite != want.site || set.Secure != secure || !set.HttpOnly || set.Path != "/" || set.Domain != "" {
			t.Errorf("%+v", set)
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(set)
		if cookies.Token(r, acme) != token || cookies.Token(r, &org.Organization{Slug: "rival"}) != "" || cookies.Browser(r, acme) != "" {
			t.Error("read back wrongly")
		}
		state := w.Result().Cookies()[1]
		if state.Name != strings.Replace(want.name, "session", "state", 1) || state.Name != cookies.StateName(acme) || state.HttpOnly || state.SameSite != want.site || state.Secure != secure ||
			state.Value != cookies.BrowserState(acme, id) || strings.Contains(state.Value, id.String()) || state.Value == cookies.BrowserState(acme, uuid.New()) {
			t.Errorf("the browser state (Session Management 1.0 §4.2): %+v", state)
		}
		short := httptest.NewRequest(http.MethodGet, "/", nil)
		short.AddCookie(&http.Cookie{Name: want.name, Value: "short"})
		if cookies.Token(short, acme) != "" {
			t.Error("a value that is not ours was read")
		}
		kept := func(given *http.Cookie, before bool) int {
			w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
			if given != nil {
				r.AddCookie(given)
			}
			if before {
				cookies.SetSession(w, acme, token, id)
			}
			cookies.KeepState(w, r, acme, id)
			return len(w.Result().Cookies())
		}
		if kept(state, false) != 0 || kept(nil, false) != 1 || kept(&http.Cookie{Name: state.Name, Value: token}, false) != 1 || kept(nil, true) != 2 {
			t.Error("a browser state is given when it is missing or another, once")
		}
		w = httptest.NewRecorder()
		cookies.ClearSession(w, acme)
		for _, cleared := range w.Result().Cookies() {
			if cleared.MaxAge >= 0 || cleared.Value != "" {
				t.Errorf("not cleared: %+v", cleared)
			}
		}
	}
}
