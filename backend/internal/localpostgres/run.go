//go:build unix

package localpostgres

import (
	"context"
	"errors"
	"time"
)

// Run starts a cluster, makes sure of the database, runs work beside it and stops the cluster when
// work has returned. Work's context ends with the given one, and also when PostgreSQL stops by itself:
// then Run returns PostgreSQL's last words, whatever work makes of its loss. When the given context
// was the reason to end, work's error counts, and a work that reports just that is a success.
func Run(ctx context.Context, options Options, database string, work func(ctx context.Context, cluster *Cluster, url string) error) (err error) {
	cluster, err := Start(ctx, options)
	if err != nil {
		return err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*stopPatience)
		defer cancel()
		err = errors.Join(err, cluster.Stop(stopping))
	}()
	if err := cluster.EnsureDatabase(ctx, database); err != nil {
		return err
	}
	working, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	returned := make(chan struct{})
	var outcome error // of the work; readable once returned is closed
	go func() {
		defer close(returned)
		outcome = work(working, cluster, cluster.URL(database))
	}()
	select {
	case <-returned:
		err = outcome
	case lost := <-cluster.Done():
		cancel(lost)
		// Work gets a moment to end requests in its own way; it has no database to write to any more.
		select {
		case <-returned: // its outcome follows from the loss
		case <-time.After(stopPatience):
		}
		return lost
	}
	switch {
	case err == nil, ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return nil
	case ctx.Err() != nil:
		return err
	}
	// A work that failed because PostgreSQL went away may have noticed before we did.
	select {
	case lost := <-cluster.Done():
		return lost
	case <-time.After(200 * time.Millisecond):
		return err
	}
}
