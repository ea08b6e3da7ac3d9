package ratelimit

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/reqctx"
	"github.com/clavex/clavex/backend/internal/store"
)

var errFull = fault.New(fault.RateLimited, "full", "Full.")

func from(t *testing.T, address string) context.Context {
	parsed, _ := netip.ParseAddr(address)
	return reqctx.With(t.Context(), reqctx.Request{Address: parsed})
}

func TestALimitHoldsPerNetworkAndOrganization(t *testing.T) {
	t.Parallel()
	counters := kv.NewPostgres(store.FromPool(dbtest.New(t)), rand.Reader)
	acme, rival := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	limit := New(counters, "test", 2, time.Minute, errFull)
	for _, step := range []struct {
		name, address string
		orgID         uuid.UUID
		refused       bool
	}{
		{"the first", "192.0.2.1", acme, false},
		{"the second, written as an IPv6 address", "::ffff:192.0.2.1", acme, false},
		{"one too many", "192.0.2.1", acme, true},
		{"again, at once", "192.0.2.1", acme, true},
		{"a neighbour's IPv4 address", "192.0.2.2", acme, false},
		{"another organization", "192.0.2.1", rival, false},
		{"IPv6", "2001:db8:1:2::1", acme, false},
		{"another address of that /64", "2001:db8:1:2:ffff::1", acme, false},
		{"a third address of that /64", "2001:db8:1:2:3:4:5:6", acme, true},
		{"a zone does not make another network", "2001:db8:1:2::1%eth0", acme, true},
		{"the next /64", "2001:db8:1:3::1", acme, false},
		{"no address", "", acme, false},
		{"no address again", "", acme, false},
		{"those without an address are one network", "", acme, true},
	} {
		err := limit.CountNetwork(from(t, step.address), step.orgID)
		if errors.Is(err, errFull) != step.refused || err != nil && !step.refused {
			t.Fatalf("%s: %v", step.name, err)
		}
		if wait := fault.From(err); wait != nil && (wait.RetryAfter < time.Second || wait.RetryAfter > time.Minute) {
			t.Fatalf("%s: wait %v", step.name, wait.RetryAfter)
		}
	}
	if err := New(counters, "another", 2, time.Minute, errFull).CountNetwork(from(t, "192.0.2.1"), acme); err != nil {
		t.Fatalf("another limit counts by itself: %v", err)
	}
	short := New(counters, "short", 1, 50*time.Millisecond, errFull)
	if err := short.Count(t.Context(), acme, "subject"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(60 * time.Millisecond)
	if err := short.Count(t.Context(), acme, "subject"); err != nil {
		t.Fatalf("after the window: %v", err)
	}
	without := New(counters, "without", 0, time.Minute, errFull)
	for range 5 {
		if err := without.Count(t.Context(), acme, "subject"); err != nil {
			t.Fatalf("0 sets no limit: %v", err)
		}
	}
}

func TestManyAtOnceGainNothing(t *testing.T) {
	t.Parallel()
	limit := New(kv.NewPostgres(store.FromPool(dbtest.New(t)), rand.Reader), "test", 5, time.Minute, errFull)
	acme := uuid.Must(uuid.NewV7())
	var through atomic.Int64
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			if limit.Count(t.Context(), acme, "subject") == nil {
				through.Add(1)
			}
		})
	}
	all.Wait()
	if through.Load() != 5 {
		t.Fatalf("%d got through", through.Load())
	}
}
