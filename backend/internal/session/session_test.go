package session_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

func begin(w *domaintest.World, organization *org.Organization, person *user.User, browser session.Browser) (begun session.Session, token string) {
	w.T.Helper()
	w.InTx(func(ctx context.Context, tx *store.Tx) (err error) {
		begun, token, err = w.Sessions.Begin(ctx, tx, session.Authenticated{Organization: organization, User: person, BrowserHash: []byte("browser"), Methods: []string{"pwd"}, At: w.Clock.Now(), Browser: browser})
		return err
	})
	return begun, token
}

// in are the live sessions of a browser with the tokens.
func in(w *domaintest.World, organization *org.Organization, tokens ...string) session.Browser {
	w.T.Helper()
	browser, err := w.Sessions.InBrowser(w.T.Context(), organization, tokens, uuid.Nil)
	if err != nil {
		w.T.Fatal(err)
	}
	return browser
}

func TestASessionEndsByItself(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	ada := w.User(acme, "ada@acme.test")
	alive := func(token string) *session.Live { return in(w, acme, token).Current() }
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

func TestBeginRenewsTheSamePersonsSession(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	ada, bob := w.User(acme, "ada@acme.test"), w.User(acme, "bob@acme.test")
	first, oldToken := begin(w, acme, ada, nil)
	renewed, newToken := begin(w, acme, ada, in(w, acme, oldToken))
	if renewed.ID != first.ID || newToken == oldToken {
		t.Fatalf("the same person's session is renewed under a fresh token: %v %v", renewed.ID, first.ID)
	}
	if len(in(w, acme, oldToken)) != 0 {
		t.Fatal("the old token works")
	}
	other, _ := begin(w, acme, bob, in(w, acme, newToken))
	if other.ID == first.ID {
		t.Fatal("another person took over the session")
	}
	if in(w, acme, newToken).Of(ada.ID) == nil {
		t.Fatal("the first person was signed out by another's sign-in")
	}
	for _, action := range []string{"session.started", "session.renewed"} {
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
	if len(in(w, acme, token)) == 0 {
		t.Fatal("another organization ended it")
	}
	if err := end(acme.ID); err != nil {
		t.Fatal(err)
	}
	if err := end(acme.ID); !errors.Is(err, session.ErrNotFound) {
		t.Fatalf("ended twice: %v", err)
	}
}
