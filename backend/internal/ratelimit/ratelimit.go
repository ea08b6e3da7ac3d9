// Package ratelimit limits how often somebody may do something, most of all without having proved who they
// are. It counts attempts at an organization, per network or another subject, in windows of short-lived state,
// so all replicas share the counts and a loss of that state forgives them. Guessing of passwords is not its business: package
// credential counts that where nothing is lost.
package ratelimit

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/reqctx"
)

// By says whose attempts were counted together.
type By string

// What is counted.
const (
	ByAccount      By = "account" // or what was typed for one
	ByAddress      By = "address" // the network of the request
	ByBrowser      By = "browser"
	ByOrganization By = "organization"
	ByActor        By = "actor" // who sent the requests, having proved who they are
)

// Refusal tells the audit log of an attempt that was refused. It is the cause of the fault that somebody is refused with:
// the server finds it where the fault goes out, and records it (but not each of them).
type Refusal struct {
	OrgID   uuid.UUID
	Limit   string // its name; of a wait after failures, what was guessed
	Wait    bool   // after failures
	By      By
	Subject string      // a digest of whose attempts were counted
	Person  uuid.UUID   // whose account it is about; uuid.Nil for nobody's
	Actor   audit.Actor // who was refused; zero when they had not proved who they are
}

// Error implements error, for the log.
func (r *Refusal) Error() string { return "refused by " + r.Limit }

// Mark is the key of what is kept when a refusal was recorded: all of the same subject and about the same account have the same.
func (r *Refusal) Mark() kv.Key {
	return kv.Key{OrgID: r.OrgID, Kind: "refusal_told", ID: kv.ID(r.Limit, string(r.By), r.Subject, r.Person.String())}
}

// About says in a refusal of this package whose account it is about, uuid.Nil for nobody's, and returns it. Only what is
// counted for an account, or for one in a browser, is about one.
func About(err error, person uuid.UUID) error {
	var refusal *Refusal
	if errors.As(err, &refusal) && (refusal.By == ByAccount || refusal.By == ByBrowser) {
		refusal.Person = person
	}
	return err
}

// AskedBy says in a refusal of this package who was refused, having proved who they are, and returns it. It is for what is counted
// for them alone, or told of each person by itself (About): otherwise one would be named for what others did.
func AskedBy(err error, actor audit.Actor) error {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		refusal.Actor = actor
	}
	return err
}

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

// Count counts an attempt about an account, or what was typed for one; refused attempts too, in one round trip. The subject
// is stored as a digest. Of simultaneous attempts no more than the limit allows get through. Errors: the limit's own fault
// with a Refusal as its cause, kv.ErrUnavailable.
func (l *Limit) Count(ctx context.Context, orgID uuid.UUID, subject string) error {
	return l.count(ctx, orgID, ByAccount, subject)
}

func (l *Limit) count(ctx context.Context, orgID uuid.UUID, by By, subject string) error {
	if l.most == 0 {
		return nil
	}
	digest := kv.ID(subject)
	count, err := l.counters.Increment(ctx, kv.Key{OrgID: orgID, Kind: l.kind, ID: digest}, l.window)
	if err != nil {
		return err
	}
	if count.Value > l.most {
		return l.refused.WithRetryAfter(max(count.Reset, time.Second)).WithCause(&Refusal{OrgID: orgID, Limit: l.kind, By: by, Subject: digest})
	}
	return nil
}

// CountNetwork is Count for the network that the request comes from.
func (l *Limit) CountNetwork(ctx context.Context, orgID uuid.UUID) error {
	return l.count(ctx, orgID, ByAddress, reqctx.Network(reqctx.From(ctx).Address))
}

// CountBrowser is Count for the browser that has the secret.
func (l *Limit) CountBrowser(ctx context.Context, orgID uuid.UUID, secret string) error {
	return l.count(ctx, orgID, ByBrowser, secret)
}

// CountOrganization is Count for the whole organization.
func (l *Limit) CountOrganization(ctx context.Context, orgID uuid.UUID) error {
	return l.count(ctx, orgID, ByOrganization, "")
}
