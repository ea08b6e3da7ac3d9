package store_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
)

func TestInTxRefusesToNest(t *testing.T) {
	t.Parallel()
	db := store.FromPool(dbtest.New(t))
	err := db.InTx(t.Context(), func(ctx context.Context, _ *store.Tx) error {
		return db.InTx(ctx, func(context.Context, *store.Tx) error { return nil })
	})
	if err == nil {
		t.Fatal("nested")
	}
}

func TestInTxCommitsAllOrNothingAndRetriesDeadlocks(t *testing.T) {
	t.Parallel()
	db := store.FromPool(dbtest.New(t))
	if _, err := db.Exec(t.Context(), "CREATE TABLE counters (name text PRIMARY KEY, value int); INSERT INTO counters VALUES ('a', 0), ('b', 0)"); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	err := db.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Exec(ctx, "UPDATE counters SET value = 100"); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatalf("%v", err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			names := [][2]string{{"a", "b"}, {"b", "a"}}[i%2]
			for range 5 {
				err := db.InTx(context.Background(), func(ctx context.Context, tx *store.Tx) error {
					for _, name := range names {
						if _, err := tx.Exec(ctx, "UPDATE counters SET value = value + 1 WHERE name = $1", name); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil && !errors.Is(err, store.ErrUnavailable) {
					// four deadlocks in a row are possible, if rare; anything else is not
					t.Logf("gave up: %v", err)
				}
			}
		})
	}
	all.Wait()
	var a, b int
	if err := db.QueryRow(t.Context(), "SELECT (SELECT value FROM counters WHERE name = 'a'), (SELECT value FROM counters WHERE name = 'b')").Scan(&a, &b); err != nil {
		t.Fatal(err)
	}
	if a != b || a == 0 || a > 40 {
		t.Fatalf("half a transaction: a=%d b=%d", a, b)
	}
}

func TestALostDatabaseIsUnavailable(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), "postgres://nobody:secret@127.0.0.1:1/none", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var one int
	for name, err := range map[string]error{
		"row":         db.QueryRow(t.Context(), "SELECT 1").Scan(&one),
		"transaction": db.InTx(t.Context(), func(context.Context, *store.Tx) error { return nil }),
		"ping":        db.Ping(t.Context()),
	} {
		if !fault.IsKind(err, fault.Unavailable) || fault.From(err).RetryAfter == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := store.Open(t.Context(), "postgres://user:hunter2@host:notaport/db", store.Options{}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("a malformed URL: %v", err)
	}
}

func TestMigrateIsRepeatableAndSafeToRunAtOnce(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := store.Migrate(context.Background(), url); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	applied, needed, err := store.FromPool(dbtest.New(t)).SchemaVersion(t.Context())
	if err != nil || applied < needed || needed == 0 {
		t.Fatalf("applied %d, needed %d, %v", applied, needed, err)
	}
}

func TestChangesReachTheCachesOfOtherReplicas(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	db, err := store.Open(t.Context(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	hub := store.NewInvalidations()
	changes, flushes := make(chan store.Change, 10), make(chan struct{}, 10)
	hub.Watch(func(change store.Change) { changes <- change }, func() { flushes <- struct{}{} })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go hub.Listen(ctx, url, slog.New(slog.DiscardHandler))
	<-flushes // listening: what was missed before is forgotten
	id := store.NewID()
	if _, err := db.Exec(t.Context(), "INSERT INTO organizations (id, slug, display_name) VALUES ($1, 'acme', 'Acme')", id); err != nil {
		t.Fatal(err)
	}
	select {
	case change := <-changes:
		if change != (store.Change{Table: "organizations", OrgID: id.String(), Lookup: "acme"}) {
			t.Fatalf("%+v", change)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("no word of the change")
	}
	// Losing the listener empties the caches, and again once it is back.
	if _, err := db.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'clavex-listen' AND datname = current_database()"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		select {
		case <-flushes:
		case <-time.After(10 * time.Second):
			t.Fatal("the caches were not emptied")
		}
	}
}

// Transactions that hold all connections of the pool wait for what a cache loads; it needs none of theirs.
func TestACacheLoadsWhileTransactionsHoldThePool(t *testing.T) {
	db, err := store.Open(t.Context(), dbtest.URL(t), store.Options{MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	cache := store.NewCache[int](store.NewInvalidations(), 10, func(store.Change) []string { return nil })
	most := int(db.Pool().Config().MaxConns)
	if most != 3 {
		t.Errorf("%d connections for transactions", most)
	}
	var begun, group sync.WaitGroup
	begun.Add(most)
	for range most {
		group.Go(func() {
			err := db.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				begun.Done()
				begun.Wait() // nobody begins before all connections are taken
				_, err := cache.Get(ctx, "a", func(ctx context.Context) (number int, err error) {
					return number, db.QueryRow(ctx, "SELECT 1").Scan(&number)
				})
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}
