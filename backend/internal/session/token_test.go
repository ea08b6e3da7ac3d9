package session_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/store"
)

func TestReplaceRefusesAnOldTokenAndAnEndedSession(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	ada, bob := w.User(acme, "ada@acme.test"), w.User(acme, "bob@acme.test")
	_, bobs := begin(w, acme, bob, nil)
	begun, token := begin(w, acme, ada, in(w, acme, bobs))
	browser := in(w, acme, token, bobs)
	var fresh []string
	replace := func() error {
		return w.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			after, err := w.Sessions.Replace(ctx, tx, browser, browser.Current())
			if err == nil {
				fresh = after.Tokens()
			}
			return err
		})
	}
	if err := replace(); err != nil {
		t.Fatal(err)
	}
	if len(fresh) != 2 || fresh[0] == token || fresh[1] != bobs || in(w, acme, fresh...).Current().Session.ID != begun.ID || len(in(w, acme, token)) != 0 || browser.Tokens()[0] != token {
		t.Fatalf("%v of %v", fresh, browser.Tokens())
	}
	if err := replace(); err == nil {
		t.Error("an old token buys a fresh one")
	}
	browser = in(w, acme, fresh...)
	w.InTx(func(ctx context.Context, tx *store.Tx) error {
		_, err := w.Sessions.EndOthers(ctx, tx, domaintest.Operator, acme.ID, ada.ID, uuid.Nil, "test")
		return err
	})
	if err := replace(); err == nil {
		t.Error("an ended session gets a token")
	}
}
