package metadatadocument_test

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/reqctx"
)

// Of simultaneous first uses one makes the client.
func TestFirstUsesAtTheSameTime(t *testing.T) {
	t.Parallel()
	s := newSite(t, org.Policies{})
	described := s.must(t, s.publish(t, "/client", nil))
	var group sync.WaitGroup
	var lock sync.Mutex
	seen := map[string]bool{}
	for range 4 {
		group.Go(func() {
			kept, err := s.documents.Keep(context.WithoutCancel(t.Context()), s.acme, ada, described)
			if err != nil {
				t.Error(err)
				return
			}
			lock.Lock()
			defer lock.Unlock()
			seen[kept.ID.String()] = true
		})
	}
	group.Wait()
	if len(seen) != 1 || s.Web.Requests("/client") != 1 {
		t.Errorf("%v, fetched %d times", seen, s.Web.Requests("/client"))
	}
}

// Strangers cannot have us fetch as much as they like, nor one person fill the organization with clients.
func TestLimits(t *testing.T) {
	t.Parallel()
	s := newSite(t, org.Policies{})
	known := s.keep(t, s.publish(t, "/known", nil))
	stranger := reqctx.With(t.Context(), reqctx.Request{Address: netip.MustParseAddr("192.0.2.7")})
	ask := func(ctx context.Context, path string) error {
		_, err := s.documents.Client(ctx, s.acme, s.publish(t, path, nil), nil)
		return err
	}
	for i := range signIns / 10 {
		if err := ask(stranger, "/client"+string(rune('a'+i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := ask(stranger, "/one-more"); !fault.IsKind(err, fault.RateLimited) {
		t.Errorf("%v", err)
	}
	if err := ask(stranger, "/clienta"); err != nil {
		t.Errorf("what is in memory costs nothing: %v", err)
	}
	if _, err := s.documents.Client(stranger, s.acme, known.ClientID, known); err != nil {
		t.Errorf("clients that somebody uses are not strangers: %v", err)
	}
	if err := ask(reqctx.With(t.Context(), reqctx.Request{Address: netip.MustParseAddr("198.51.100.7")}), "/from-elsewhere"); err != nil {
		t.Errorf("another network: %v", err)
	}
	s.ForgetRates(t)
	var err error
	for i := 0; i <= 20 && err == nil; i++ {
		ctx := reqctx.With(t.Context(), reqctx.Request{Address: netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})})
		described, failure := s.documents.Client(ctx, s.acme, s.publish(t, "/of-ada"+string(rune('a'+i)), nil), nil)
		if failure != nil {
			t.Fatal(failure)
		}
		_, err = s.documents.Keep(ctx, s.acme, ada, described)
	}
	if !fault.IsKind(err, fault.RateLimited) {
		t.Errorf("%v", err)
	}
}

// What nobody uses goes; what an administrator disabled stays disabled.
func TestUnusedClientsGo(t *testing.T) {
	t.Parallel()
	s := newSite(t, org.Policies{})
	unused, used, disabled := s.keep(t, s.publish(t, "/unused", nil)), s.keep(t, s.publish(t, "/used", nil)), s.keep(t, s.publish(t, "/disabled", nil))
	changed := *disabled
	changed.Status = client.Disabled
	s.Change(t, changed)
	s.Clock.Advance(client.UnusedDocumentClients - time.Hour)
	s.must(t, used.ClientID)
	s.Clock.Advance(2 * time.Hour)
	if _, err := s.Clients.DeleteUnusedDocumentClients(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	for wanted, c := range map[string]*client.Client{"gone": unused, "used": used, "disabled": disabled} {
		_, err := s.Clients.ByID(t.Context(), s.Store, s.acme.ID, c.ID)
		if (wanted == "gone") != errors.Is(err, client.ErrNotFound) {
			t.Errorf("%s: %v", wanted, err)
		}
	}
}
