package dbtest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/store"
)

// TestRoundTripsAreCountedExactly runs each case twice, on a cold and on a warm connection: the
// count must be the same, only the preparing differs.
func TestRoundTripsAreCountedExactly(t *testing.T) {
	t.Parallel()
	pool, trips := dbtest.NewCounted(t)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var number int
	long := strings.Repeat("x", 300_000)
	for _, test := range []struct {
		name     string
		want     int
		prepares int // on the cold connection
		do       func()
	}{
		{"nothing", 0, 0, func() {}},
		{"simple query", 1, 0, func() { _, err := pool.Exec(ctx, "SELECT 1"); must(err) }},
		{"two statements in one simple query", 1, 0, func() { _, err := pool.Exec(ctx, "SELECT 1; SELECT 2"); must(err) }},
		{"prepared query", 1, 1, func() { must(pool.QueryRow(ctx, "SELECT $1::int", 7).Scan(&number)) }},
		{"unnamed statement", 1, 0, func() { must(pool.QueryRow(ctx, "SELECT $1::int", pgx.QueryExecModeExec, 7).Scan(&number)) }},
		{"described each time", 2, 0, func() {
			must(pool.QueryRow(ctx, "SELECT $1::int + 1", pgx.QueryExecModeDescribeExec, 7).Scan(&number))
		}},
		// pgx forgets a statement that failed and prepares it anew: two more trips, neither of a warm pool.
		{"failing query", 1, 1, func() { _ = pool.QueryRow(ctx, "SELECT 1 / $1::int", 0).Scan(&number) }},
		{"large answer", 1, 1, func() {
			rows, err := pool.Query(ctx, "SELECT repeat('x', $1) FROM generate_series(1, 200)", 10_000)
			must(err)
			_, err = pgx.CollectRows(rows, pgx.RowTo[string])
			must(err)
		}},
		{"large question", 1, 1, func() { must(pool.QueryRow(ctx, "SELECT length($1::text)", long).Scan(&number)) }},
		{"transaction of two statements", 4, 2, func() {
			must(pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
				must(tx.QueryRow(ctx, "SELECT $1::int + 2", 1).Scan(&number))
				return tx.QueryRow(ctx, "SELECT $1::int + 3", 1).Scan(&number)
			}))
		}},
		{"batch of three", 1, 1, func() {
			var batch pgx.Batch
			for range 3 {
				batch.Queue("SELECT $1::int + 4", 1)
			}
			must(pool.SendBatch(ctx, &batch).Close())
		}},
		{"empty transaction", 2, 0, func() {
			must(pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return nil }))
		}},
	} {
		// One connection, always the same, so that cold and warm mean something.
		pool.Reset()
		before := trips.Prepares()
		if got := trips.During(test.do); got != test.want {
			t.Errorf("%s, cold: %d round trips, want %d", test.name, got, test.want)
		}
		if got := trips.Prepares() - before; got != test.prepares {
			t.Errorf("%s, cold: %d trips to prepare, want %d", test.name, got, test.prepares)
		}
		before = trips.Prepares()
		if got := trips.During(test.do); got != test.want {
			t.Errorf("%s, warm: %d round trips, want %d", test.name, got, test.want)
		}
		if got := trips.Prepares() - before; got != 0 && test.name != "failing query" {
			t.Errorf("%s, warm: %d trips to prepare, want none", test.name, got)
		}
	}
}

func TestNotificationsAndPingsDoNotCount(t *testing.T) {
	t.Parallel()
	address := dbtest.URL(t)
	var trips dbtest.RoundTrips
	opened, err := store.Open(t.Context(), address, store.Options{MaxConns: 1, Configure: trips.Configure})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opened.Close)
	listener, err := opened.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listener.Exec(t.Context(), "LISTEN clavex_test"); err != nil {
		t.Fatal(err)
	}
	other, err := pgxpool.New(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if got := trips.During(func() {
		if _, err := other.Exec(t.Context(), "NOTIFY clavex_test"); err != nil {
			t.Fatal(err)
		}
		if _, err := listener.Conn().WaitForNotification(t.Context()); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("a notification counted as %d round trips", got)
	}
	listener.Release()
	time.Sleep(1100 * time.Millisecond) // the pool pings connections idle for a second
	trips.AtMost(t, 1, "one statement after a pause", func() {
		if _, err := opened.Exec(context.Background(), "SELECT 1"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAtMostFailsOverTheBudget(t *testing.T) {
	t.Parallel()
	pool, trips := dbtest.NewCounted(t)
	spy := &recorder{TB: t}
	trips.AtMost(spy, 1, "two statements", func() {
		for range 2 {
			if _, err := pool.Exec(t.Context(), "SELECT 1"); err != nil {
				t.Fatal(err)
			}
		}
	})
	if !spy.failed {
		t.Error("two round trips passed a budget of one")
	}
}

type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }
