package fetch

import (
	"context"
	"errors"
	"io"
	"log"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clavex/clavex/backend/internal/fault"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := newTurns(2, 3)
		take := func(host string) (func(), error) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return queue.take(ctx, host)
		}
		var done []func()
		for range 2 {
			one, err := take("a.example")
			if err != nil {
				t.Fatal(err)
			}
			done = append(done, one)
		}
		if _, err := take("a.example"); !errors.Is(err, ErrBusy) {
			t.Error("a third one at the same host:", err)
		}
		other, err := take("b.example")
		if err != nil {
			t.Fatal("another host waits for a slow one:", err)
		}
		if _, err := take("c.example"); !errors.Is(err, ErrBusy) {
			t.Error("more than all of them together:", err)
		}
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := queue.take(canceled, "a.example"); !errors.Is(err, fault.ErrCanceled) {
			t.Error(err)
		}
		waited := make(chan error, 1)
		go func() {
			again, err := take("a.example")
			if err == nil {
				again()
			}
			waited <- err
		}()
		synctest.Wait()
		done[0]()
		if err := <-waited; err != nil {
			t.Error("a turn that came free was not given to who waited:", err)
		}
		done[1]()
		other()
		if len(queue.sites) != 0 || len(queue.all) != 0 {
			t.Errorf("left over: %d hosts, %d turns", len(queue.sites), len(queue.all))
		}
	})
}
