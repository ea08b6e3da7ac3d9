package user_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

func TestWhatIsWrongNamesItsField(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	w.User(acme, "Ada@acme.test")
	for name, c := range map[string]struct {
		wanted user.User
		code   string
	}{
		"no username":                {user.User{}, "username_invalid"},
		"control characters":         {user.User{Username: "a\x07b"}, "username_invalid"},
		"text direction override":    {user.User{Username: "a\u202eb"}, "username_invalid"},
		"overlong":                   {user.User{Username: strings.Repeat("a", 255)}, "username_invalid"},
		"no address":                 {user.User{Username: "x", Email: "nobody"}, "email_invalid"},
		"an address with a name":     {user.User{Username: "x", Email: "X <x@acme.test>"}, "email_invalid"},
		"verified without address":   {user.User{Username: "x", EmailVerified: true}, "email_missing"},
		"unknown required action":    {user.User{Username: "x", RequiredActions: []user.RequiredAction{"dance"}}, "required_action_unknown"},
		"unknown status":             {user.User{Username: "x", Status: "asleep"}, "status_invalid"},
		"NUL in an attribute":        {user.User{Username: "x", Attributes: map[string]any{"a": "\x00"}}, "text_invalid"},
		"enormous attributes":        {user.User{Username: "x", Attributes: map[string]any{"a": strings.Repeat("x", 70<<10)}}, "attributes_too_large"},
		"enormous profile":           {user.User{Username: "x", Profile: user.Profile{Website: strings.Repeat("x", 20<<10)}}, "profile_too_large"},
		"a taken username, any case": {user.User{Username: "aDa@acme.test"}, "username_taken"},
		"a taken address, any case":  {user.User{Username: "x", Email: "ADA@ACME.TEST"}, "email_taken"},
	} {
		c.wanted.OrgID = acme.ID
		err := w.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := w.Users.Create(ctx, tx, domaintest.Operator, c.wanted)
			return err
		})
		if err == nil || fault.From(err).Code != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

func TestAUsernameWinsOverAnAddress(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme, rival := w.Organization("acme"), w.Organization("rival")
	ada := w.User(acme, "ada@acme.test")
	w.InTx(func(ctx context.Context, tx *store.Tx) error {
		changed := *ada
		changed.Email = ""
		_, err := w.Users.Update(ctx, tx, domaintest.Operator, changed)
		return err
	})
	w.InTx(func(ctx context.Context, tx *store.Tx) error { // eve claims Ada's username as her address
		_, err := w.Users.Create(ctx, tx, domaintest.Operator, user.User{OrgID: acme.ID, Username: "eve", Email: "ada@acme.test"})
		return err
	})
	if found, _, err := w.Users.ByIdentifier(t.Context(), w.DB, acme.ID, "ADA@acme.test"); err != nil || found.ID != ada.ID {
		t.Fatalf("%+v %v", found, err)
	}
	if _, _, err := w.Users.ByIdentifier(t.Context(), w.DB, rival.ID, "ada@acme.test"); !errors.Is(err, user.ErrNotFound) {
		t.Fatalf("another organization: %v", err)
	}
	if _, err := w.Users.ByID(t.Context(), w.DB, rival.ID, ada.ID); !errors.Is(err, user.ErrNotFound) {
		t.Fatalf("another organization: %v", err)
	}
}

func TestChangesNeedTheVersionThatWasRead(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	ada := w.User(acme, "ada@acme.test")
	update := func(version int64) error {
		return w.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			changed := *ada
			changed.Version = version
			_, err := w.Users.Update(ctx, tx, domaintest.Operator, changed)
			return err
		})
	}
	remove := func(version int64) error {
		return w.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return w.Users.Delete(ctx, tx, domaintest.Operator, acme.ID, ada.ID, version)
		})
	}
	if err := update(1); err != nil {
		t.Fatal(err)
	}
	if err := update(1); !errors.Is(err, user.ErrVersionMismatch) {
		t.Fatalf("%v", err)
	}
	if err := remove(1); !errors.Is(err, user.ErrVersionMismatch) {
		t.Fatalf("%v", err)
	}
	if err := remove(2); err != nil {
		t.Fatal(err)
	}
	if err := remove(2); !errors.Is(err, user.ErrNotFound) {
		t.Fatalf("%v", err)
	}
}
