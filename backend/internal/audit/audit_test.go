package audit_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/reqctx"
)

func TestRecordKeepsWhoWhatFromWhere(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme, rival := w.Organization("acme"), w.Organization("rival")
	ctx := reqctx.With(t.Context(), reqctx.Request{ID: "request-1", Address: netip.MustParseAddr("::ffff:203.0.113.9"), UserAgent: "a\x00b\xff" + strings.Repeat("é", 300)})
	err := w.Audit.Record(ctx, w.DB, acme.ID, audit.Event{Action: "thing.changed", Actor: audit.Actor{Kind: audit.User, ID: "u1", Name: "Ada"}, Target: audit.Target{Kind: "thing", ID: "t1"},
		Before: map[string]string{"a": "1"}, After: map[string]string{"a": "2"}, Details: map[string]any{"why": "test"}})
	if err != nil {
		t.Fatal(err)
	}
	records, err := w.Audit.List(t.Context(), w.DB, acme.ID, audit.Filter{Action: "thing.changed", ActorID: "u1", TargetID: "t1", Limit: 10})
	if err != nil || len(records) != 1 {
		t.Fatalf("%v %v", records, err)
	}
	r := records[0]
	if r.Outcome != audit.Success || r.Actor.Name != "Ada" || r.Address.String() != "203.0.113.9" || r.RequestID != "request-1" || string(r.Before) != `{"a": "1"}` || len(r.UserAgent) > 256 {
		t.Fatalf("%+v", r)
	}
	if others, err := w.Audit.List(t.Context(), w.DB, rival.ID, audit.Filter{Action: "thing.changed", Limit: 10}); err != nil || len(others) != 0 {
		t.Fatalf("another organization reads it: %v %v", others, err)
	}
}

func TestListPagesFromTheNewestAndByTime(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	for range 5 {
		if err := w.Audit.Record(t.Context(), w.DB, acme.ID, audit.Event{Action: "n", Actor: domaintest.Operator}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
	}
	var seen []uuid.UUID
	filter := audit.Filter{Action: "n", Limit: 2}
	for {
		page, err := w.Audit.List(t.Context(), w.DB, acme.ID, filter)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, r := range page {
			if len(seen) > 0 && r.ID.String() >= seen[len(seen)-1].String() {
				t.Fatal("not in order")
			}
			seen = append(seen, r.ID)
		}
		filter.Before = seen[len(seen)-1]
	}
	if len(seen) != 5 {
		t.Fatalf("%d of 5", len(seen))
	}
	for name, c := range map[string]struct {
		filter audit.Filter
		want   int
	}{
		"from the future": {audit.Filter{Action: "n", From: time.Now().Add(time.Minute), Limit: 10}, 0},
		"to the past":     {audit.Filter{Action: "n", To: time.Now().Add(-time.Minute), Limit: 10}, 0},
		"all":             {audit.Filter{Action: "n", From: time.Now().Add(-time.Minute), To: time.Now().Add(time.Minute), Limit: 10}, 5},
	} {
		if page, err := w.Audit.List(t.Context(), w.DB, acme.ID, c.filter); err != nil || len(page) != c.want {
			t.Errorf("%s: %d, %v", name, len(page), err)
		}
	}
}

func TestPartitionsAreMadeAheadAndDroppedBehind(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	if dropped, err := w.Audit.Maintain(t.Context(), w.DB, time.Now().AddDate(0, -13, 0)); err != nil || len(dropped) != 0 {
		t.Fatalf("%v %v", dropped, err)
	}
	if _, err := w.DB.Exec(t.Context(), "SELECT ensure_audit_partition(now() - interval '20 months')"); err != nil {
		t.Fatal(err)
	}
	var misplaced int
	if err := w.DB.QueryRow(t.Context(), "SELECT count(*) FROM audit_events_default").Scan(&misplaced); err != nil || misplaced != 0 {
		t.Fatalf("%d events in no month's partition, %v", misplaced, err)
	}
	dropped, err := w.Audit.Maintain(t.Context(), w.DB, time.Now().AddDate(0, -13, 0))
	if err != nil || len(dropped) != 1 {
		t.Fatalf("%v %v", dropped, err)
	}
	if len(w.Events(acme.ID)) == 0 {
		t.Fatal("living events were dropped")
	}
}
