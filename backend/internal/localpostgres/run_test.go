//go:build unix

package localpostgres

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestRun(t *testing.T) {
	t.Parallel()
	dir := place(t)
	mine := errors.New("mine")
	ask := func(ctx context.Context, url string) error {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, "SELECT 1")
		return err
	}
	stoppable, stop := context.WithCancel(t.Context())
	for _, test := range []struct {
		name string
		ctx  context.Context
		work func(ctx context.Context, cluster *Cluster, url string) error
		want func(err error) bool
	}{
		{"work is done", t.Context(), func(ctx context.Context, _ *Cluster, url string) error { return ask(ctx, url) },
			func(err error) bool { return err == nil }},
		{"work fails", t.Context(), func(context.Context, *Cluster, string) error { return mine },
			func(err error) bool { return errors.Is(err, mine) }},
		{"PostgreSQL goes away", t.Context(), func(ctx context.Context, cluster *Cluster, _ string) error {
			if err := syscall.Kill(cluster.process.PID(), syscall.SIGKILL); err != nil {
				return err
			}
			<-ctx.Done()
			if !strings.Contains(context.Cause(ctx).Error(), "stopped by itself") {
				t.Errorf("cause = %v", context.Cause(ctx))
			}
			return mine
		}, func(err error) bool { return err != nil && strings.Contains(err.Error(), "stopped by itself") }},
		{"work notices first that PostgreSQL went away", t.Context(), func(_ context.Context, cluster *Cluster, _ string) error {
			if err := syscall.Kill(cluster.process.PID(), syscall.SIGKILL); err != nil {
				return err
			}
			return mine
		}, func(err error) bool { return err != nil && strings.Contains(err.Error(), "stopped by itself") }},
		{"work finishes after the end was asked for", stoppable, func(ctx context.Context, _ *Cluster, url string) error {
			stop()
			<-ctx.Done()
			time.Sleep(50 * time.Millisecond)
			if err := ask(context.WithoutCancel(ctx), url); err != nil {
				t.Errorf("the database was gone before work was done: %v", err)
			}
			return ctx.Err()
		}, func(err error) bool { return err == nil }},
	} {
		if err := Run(test.ctx, quick(dir), "clavex", test.work); !test.want(err) {
			t.Errorf("%s: err = %v", test.name, err)
		}
	}
}
