// Package ratelimit limits what anybody may do without having proved who they are. It counts attempts at an
// organization, per network or another subject, in windows of short-lived state, so all replicas share the
// counts and a loss of that state forgives them. Guessing of passwords is not its business: package
// credential counts that where nothing is lost.
package ratelimit

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/reqctx"
)

// Limit is one limit, at all organizations. It is safe for concurrent use.
type Limit struct {
	counters kv.Store
	kind     string
	most     int64
	window   time.Duration
	refused  *fault.Error
}

// New makes a limit: most attempts of a subject at an organization in a window, which the first of them
// begins; more get the fault, with the rest of the window as time to wait. kind names the counters
// (kv.Key.Kind). A most of 0 sets no limit.
func New(counters kv.Store, kind string, most int, window time.Duration, refused *fault.Error) *Limit {
	return &Limit{counters: counters, kind: kind, most: int64(most), window: window, refused: refused}
}

// Count counts an attempt, refused ones too, in one round trip. The subject is stored as a digest. Of
// simultaneous attempts no more than the limit allows get through. Errors: the limit's own fault,
// kv.ErrUnavailable.
func (l *Limit) Count(ctx context.Context, orgID uuid.UUID, subject string) error {
	if l.most == 0 {
		return nil
	}
	count, err := l.counters.Increment(ctx, kv.Key{OrgID: orgID, Kind: l.kind, ID: kv.ID(subject)}, l.window)
	if err != nil {
		return err
	}
	if count.Value > l.most {
		return l.refused.WithRetryAfter(max(count.Reset, time.Second))
	}
	return nil
}

// CountNetwork is Count for the network that the request comes from.
func (l *Limit) CountNetwork(ctx context.Context, orgID uuid.UUID) error {
	return l.Count(ctx, orgID, reqctx.Network(reqctx.From(ctx).Address))
}
