package store_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/store"
)

func TestUUIDsTravelAsTheyAre(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), dbtest.URL(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	id, other := store.NewID(), uuid.Nil
	var single uuid.UUID
	var present, absent *uuid.UUID
	var list []uuid.UUID
	var text string
	err = db.QueryRow(t.Context(), "SELECT $1::uuid, $2::uuid, $3::uuid, $4::uuid[], $1::uuid::text", id, &id, (*uuid.UUID)(nil), []uuid.UUID{id, other}).
		Scan(&single, &present, &absent, &list, &text)
	if err != nil {
		t.Fatal(err)
	}
	if single != id || present == nil || *present != id || absent != nil || len(list) != 2 || list[0] != id || list[1] != other || text != id.String() {
		t.Errorf("%s became %s, %v, %v, %v, %s", id, single, present, absent, list, text)
	}
	if err := db.QueryRow(t.Context(), "SELECT NULL::uuid").Scan(&single); err == nil {
		t.Error("NULL became a UUID")
	}
	if err := db.QueryRow(t.Context(), "SELECT 'a'::text").Scan(&single); err == nil {
		t.Error("a text became a UUID")
	}
}
