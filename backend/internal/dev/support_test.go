package dev_test

import (
	"context"
	"testing"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/store"
)

type storeTx = *store.Tx

func inTx(t *testing.T, app *server.App, do func(tx storeTx) error) {
	t.Helper()
	if err := app.Store.InTx(t.Context(), func(_ context.Context, tx *store.Tx) error { return do(tx) }); err != nil {
		t.Fatal(err)
	}
}

// events counts the organization's audit events.
func events(t *testing.T, app *server.App, organization *org.Organization) int {
	t.Helper()
	records, err := app.Audit.List(t.Context(), app.Store, organization.ID, audit.Filter{Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	return len(records)
}
