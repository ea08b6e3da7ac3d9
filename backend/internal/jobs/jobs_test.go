package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/jobs"
	"github.com/clavex/clavex/backend/internal/store"
)

func TestJobsRunWithTheTransactionThatEnqueuedThem(t *testing.T) {
	t.Parallel()
	db := store.FromPool(dbtest.New(t))
	done := make(chan string, 10)
	var calls, periodic atomic.Int32
	queue, err := jobs.New(db, jobs.Options{Workers: 2, Logger: slog.New(slog.DiscardHandler),
		Handlers: map[string]jobs.Handler{"greet": func(_ context.Context, arguments json.RawMessage) error {
			var who struct{ Name string }
			if err := json.Unmarshal(arguments, &who); err != nil {
				return err
			}
			if calls.Add(1) == 1 {
				return jobs.Again(time.Millisecond)
			}
			done <- who.Name
			return nil
		}},
		Periodics: []jobs.Periodic{{Kind: "tick", Every: time.Hour, AtStart: true, Do: func(context.Context) error { periodic.Add(1); return nil }}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := queue.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("rolled back")
	err = db.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if err := queue.Enqueue(ctx, tx, "greet", map[string]string{"Name": "nobody"}); err != nil {
			return err
		}
		return refused
	})
	if !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if err := db.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return queue.Enqueue(ctx, tx, "greet", map[string]string{"Name": "Ada"})
	}); err != nil {
		t.Fatal(err)
	}
	select {
	case name := <-done:
		if name != "Ada" {
			t.Fatalf("a job of a rolled back transaction ran for %s", name)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the job did not run")
	}
	for deadline := time.Now().Add(30 * time.Second); periodic.Load() == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the periodic job did not run at the start")
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := queue.Stop(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestAProcessWithoutWorkersOnlyEnqueues(t *testing.T) {
	t.Parallel()
	db := store.FromPool(dbtest.New(t))
	queue, err := jobs.New(db, jobs.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error { return queue.Enqueue(ctx, tx, "later", nil) }); err != nil {
		t.Fatal(err)
	}
	var waiting int
	if err := db.QueryRow(t.Context(), "SELECT count(*) FROM river_job WHERE kind = 'later' AND state = 'available'").Scan(&waiting); err != nil || waiting != 1 {
		t.Fatalf("%d jobs, %v", waiting, err)
	}
}
