// Package jobs runs background work on River: jobs enqueued in the transaction of their cause, and
// periodic ones that scan for what is due. A job's arguments hold identifiers only, never a token or
// a secret. River's types do not leave this package.
package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/clavex/clavex/backend/internal/store"
)

// Handler does one job. Returning an error has it tried again later, with growing pauses.
type Handler func(ctx context.Context, arguments json.RawMessage) error

// Periodic is work that is done again and again, by one replica at a time.
type Periodic struct {
	Kind    string
	Every   time.Duration
	AtStart bool // also when a replica becomes the leader
	Do      func(ctx context.Context) error
}

// again is the error by which a handler asks to be called again without having failed.
type again struct{ after time.Duration }

func (a again) Error() string { return "call again after " + a.after.String() }

// Again is returned by a handler that did a part of its work and wants to go on after a pause.
func Again(after time.Duration) error { return again{after} }

// outgoing is the queue of jobs that wait for servers of others: many may wait at the same time, and none holds up
// what is our own to do.
const (
	outgoing         = "outgoing"
	outgoingMultiple = 8 // as many as workers, times this: they mostly wait
)

// timeLimit is how long one call of a handler may take; long work goes on by Again.
const timeLimit = 5 * time.Minute

// Jobs enqueues and works jobs. It is safe for concurrent use.
type Jobs struct {
	client *river.Client[pgx.Tx]
}

// Options says what is worked on.
type Options struct {
	Handlers  map[string]Handler
	Periodics []Periodic
	Workers   int // jobs worked on at the same time by this replica; 0 means none: it only enqueues
	Logger    *slog.Logger
}

// arguments carries any kind of job; the worker knows which kind it is for.
type arguments struct {
	kind string
	raw  json.RawMessage
}

// Kind implements river.JobArgs.
func (a arguments) Kind() string { return a.kind }

// MarshalJSON implements json.Marshaler.
func (a arguments) MarshalJSON() ([]byte, error) {
	if a.raw == nil {
		return []byte("{}"), nil
	}
	return a.raw, nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *arguments) UnmarshalJSON(data []byte) error {
	a.raw = append(json.RawMessage(nil), data...)
	return nil
}

type worker struct {
	river.WorkerDefaults[arguments]
	do Handler
}

// Timeout implements river.Worker.
func (w *worker) Timeout(*river.Job[arguments]) time.Duration { return timeLimit }

// Work implements river.Worker.
func (w *worker) Work(ctx context.Context, job *river.Job[arguments]) error {
	err := w.do(ctx, job.Args.raw)
	var later again
	if errors.As(err, &later) {
		return river.JobSnooze(later.after)
	}
	return err
}

// New prepares the queue on the store's database. Nothing is worked on until Start.
func New(db *store.Store, options Options) (*Jobs, error) {
	config := &river.Config{Logger: options.Logger}
	if options.Workers > 0 {
		config.Queues = map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: options.Workers}, outgoing: {MaxWorkers: outgoingMultiple * options.Workers}}
		config.Workers = river.NewWorkers()
		for kind, do := range options.Handlers {
			river.AddWorkerArgs(config.Workers, arguments{kind: kind}, &worker{do: do})
		}
		for _, periodic := range options.Periodics {
			do := func(ctx context.Context, _ json.RawMessage) error { return periodic.Do(ctx) }
			if _, taken := options.Handlers[periodic.Kind]; taken {
				return nil, fmt.Errorf("job %s: two workers", periodic.Kind)
			}
			river.AddWorkerArgs(config.Workers, arguments{kind: periodic.Kind}, &worker{do: do})
			config.PeriodicJobs = append(config.PeriodicJobs, river.NewPeriodicJob(river.PeriodicInterval(periodic.Every), constructor(periodic),
				&river.PeriodicJobOpts{RunOnStart: periodic.AtStart}))
		}
	}
	client, err := river.NewClient(riverpgxv5.New(db.Pool()), config)
	if err != nil {
		return nil, fmt.Errorf("job queue: %w", err)
	}
	return &Jobs{client: client}, nil
}

// constructor makes a periodic job. Unique by period: several leaders in a row make it once. A failed
// one is not repeated more than twice, because the next period comes anyway.
func constructor(periodic Periodic) river.PeriodicJobConstructor {
	return func() (river.JobArgs, *river.InsertOpts) {
		return arguments{kind: periodic.Kind}, &river.InsertOpts{MaxAttempts: 2, UniqueOpts: river.UniqueOpts{ByArgs: true, ByPeriod: periodic.Every,
			ByState: []rivertype.JobState{rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled}}}
	}
}

// Enqueue adds a job in the transaction of its cause: it runs if and only if that commits.
func (j *Jobs) Enqueue(ctx context.Context, tx *store.Tx, kind string, args any) error {
	raw, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("job %s: %w", kind, err)
	}
	_, err = j.client.InsertTx(ctx, tx.Pgx(), arguments{kind: kind, raw: raw}, nil)
	return err
}

// EnqueueOutgoing adds jobs of one kind that wait for servers of others, in the transaction of their cause.
func (j *Jobs) EnqueueOutgoing(ctx context.Context, tx *store.Tx, kind string, each ...any) error {
	if len(each) == 0 {
		return nil
	}
	inserts := make([]river.InsertManyParams, len(each))
	for i, args := range each {
		raw, err := json.Marshal(args)
		if err != nil {
			return fmt.Errorf("job %s: %w", kind, err)
		}
		inserts[i] = river.InsertManyParams{Args: arguments{kind: kind, raw: raw}, InsertOpts: &river.InsertOpts{Queue: outgoing}}
	}
	_, err := j.client.InsertManyTx(ctx, tx.Pgx(), inserts)
	return err
}

// Start begins to work. It returns at once; Stop ends it.
func (j *Jobs) Start(ctx context.Context) error { return j.client.Start(ctx) }

// Stop lets running jobs finish until ctx ends, then cancels them; they are tried again elsewhere.
func (j *Jobs) Stop(ctx context.Context) error {
	err := j.client.Stop(ctx)
	if err != nil && ctx.Err() != nil {
		cancel, done := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer done()
		return j.client.StopAndCancel(cancel)
	}
	return err
}
