// Package audit writes and reads the audit log: who did what, to what, from where, with which
// outcome. Events are written in the transaction of the change they tell of, so there is no change
// without its event and no event without its change. Events are never altered, but for
// one case: of people who were erased only a pseudonym is left. Old months are dropped as whole partitions.
package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/reqctx"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/store/filter"
)

// ActorKind says what sort of actor did something.
type ActorKind string

// The kinds of actors.
const (
	User      ActorKind = "user"      // a signed-in person
	Client    ActorKind = "client"    // an application acting for itself
	System    ActorKind = "system"    // a background job
	Operator  ActorKind = "operator"  // somebody at the command line
	Anonymous ActorKind = "anonymous" // somebody who has not proved who they are
)

// Actor is who did it. Name is what a reader recognises; it stays readable after the actor is deleted.
type Actor struct {
	Kind ActorKind
	ID   string
	Name string
}

// Target is what it was done to.
type Target struct {
	Kind string // the Admin API's resource name in the singular: user, client, organization …
	ID   string
}

// Outcome says whether it happened.
type Outcome string

// The outcomes.
const (
	Success Outcome = "success"
	Failure Outcome = "failure"
)

// Event is something to record. Before and After are marshalled to JSON: pass domain values, whose
// secrets are excluded from JSON by their own tags, never raw rows.
type Event struct {
	Action        string // `noun.verb`, past tense: user.created, session.ended
	Actor         Actor
	Target        Target
	Outcome       Outcome // Success when empty
	Before, After any
	Details       map[string]any
}

// Log writes and reads audit events. It is safe for concurrent use.
type Log struct {
	now func() time.Time
}

// NewLog makes a log that dates its events by now.
func NewLog(now func() time.Time) *Log { return &Log{now: now} }

// Record writes an event. Pass the transaction of the change as db. Address, user agent and request
// id come from the request's context.
func (l *Log) Record(ctx context.Context, db store.DB, orgID uuid.UUID, event Event) error {
	request := reqctx.From(ctx)
	row := dbq.InsertAuditEventParams{
		OrgID: orgID, ID: store.NewID(), OccurredAt: l.now(), Action: event.Action,
		ActorKind: string(event.Actor.Kind), ActorID: event.Actor.ID, ActorName: clip(event.Actor.Name, 254),
		TargetKind: event.Target.Kind, TargetID: event.Target.ID, Outcome: string(event.Outcome),
		UserAgent: clip(request.UserAgent, 256), RequestID: request.ID,
	}
	if event.Outcome == "" {
		row.Outcome = string(Success)
	}
	if request.Address.IsValid() {
		address := request.Address.Unmap()
		row.Address = &address
	}
	for _, part := range []struct {
		value any
		into  *[]byte
	}{{event.Before, &row.Before}, {event.After, &row.After}} {
		if part.value != nil {
			encoded, err := json.Marshal(part.value)
			if err != nil {
				return fmt.Errorf("audit %s: %w", event.Action, err)
			}
			*part.into = encoded
		}
	}
	if len(event.Details) > 0 {
		encoded, err := json.Marshal(event.Details)
		if err != nil {
			return fmt.Errorf("audit %s: %w", event.Action, err)
		}
		row.Details = encoded
	}
	return dbq.New(db).InsertAuditEvent(ctx, row)
}

// clip keeps what strangers send storable: valid UTF-8 without NUL, at most limit bytes.
func clip(text string, limit int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if len(text) <= limit {
		return text
	}
	text = text[:limit]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text
}

// Record is a stored event.
type Record struct {
	ID         uuid.UUID
	OccurredAt time.Time
	Action     string
	Actor      Actor
	Target     Target
	Outcome    Outcome
	Address    netip.Addr // zero when unknown
	UserAgent  string
	RequestID  string
	Before     json.RawMessage // nil when there was none
	After      json.RawMessage
	Details    json.RawMessage
}

// Filter narrows a list. Zero fields do not filter.
type Filter struct {
	Action, ActorID, TargetID string
	From, To                  time.Time // From inclusive, To exclusive
	Before                    uuid.UUID // the cursor: only events older than this one
	Limit                     int32     // required, 1…200
}

var listed = filter.Table{
	Name: "audit_events",
	Columns: []string{"id", "occurred_at", "action", "actor_kind", "actor_id", "actor_name", "target_kind", "target_id", "outcome", "address", "user_agent",
		"request_id", "before", "after", "details"},
}

type listedRow struct {
	dbq.AuditEventRow
	SortKey string
}

// List returns events of the organization, newest first.
func (l *Log) List(ctx context.Context, db store.DB, orgID uuid.UUID, wanted Filter) ([]Record, error) {
	query := filter.Query{OrgID: orgID, Order: filter.Order{Descending: true}, Limit: wanted.Limit}
	for _, condition := range []filter.Equal{{Column: "action", Value: wanted.Action}, {Column: "actor_id", Value: wanted.ActorID}, {Column: "target_id", Value: wanted.TargetID}} {
		if condition.Value != "" {
			query.Equal = append(query.Equal, condition)
		}
	}
	if !wanted.From.IsZero() {
		query.FromID = floor(wanted.From)
	}
	if !wanted.To.IsZero() {
		query.BeforeID = floor(wanted.To)
	}
	if wanted.Before != uuid.Nil {
		query.After = &filter.Position{ID: wanted.Before}
	}
	rows, err := filter.Collect[listedRow](ctx, db, listed, query)
	if err != nil {
		return nil, err
	}
	records := make([]Record, len(rows))
	for i, row := range rows {
		records[i] = fromRow(row.AuditEventRow)
	}
	return records, nil
}

// ErrNotFound is returned when the organization has no such event.
var ErrNotFound = fault.New(fault.NotFound, "audit_event_not_found", "There is no such audit event in this organization.")

// ByID returns one event of the organization.
func (l *Log) ByID(ctx context.Context, db store.DB, orgID, id uuid.UUID) (Record, error) {
	row, err := dbq.New(db).AuditEvent(ctx, dbq.AuditEventParams{OrgID: orgID, ID: id})
	if store.IsNotFound(err) {
		return Record{}, ErrNotFound
	}
	if err != nil {
		return Record{}, err
	}
	return fromRow(row), nil
}

func fromRow(row dbq.AuditEventRow) Record {
	record := Record{
		ID: row.ID, OccurredAt: row.OccurredAt, Action: row.Action,
		Actor:   Actor{Kind: ActorKind(row.ActorKind), ID: row.ActorID, Name: row.ActorName},
		Target:  Target{Kind: row.TargetKind, ID: row.TargetID},
		Outcome: Outcome(row.Outcome), UserAgent: row.UserAgent, RequestID: row.RequestID,
		Before: row.Before, After: row.After, Details: row.Details,
	}
	if row.Address != nil {
		record.Address = *row.Address
	}
	return record
}

// floor is the smallest UUIDv7 of the moment, as uuid_v7_floor in SQL. Moments that no UUIDv7 can have
// become the nearest that one can.
func floor(moment time.Time) uuid.UUID {
	var id uuid.UUID
	milliseconds := min(max(moment.UnixMilli(), 0), 1<<48-1)
	for i := range 6 {
		id[i] = byte(milliseconds >> (8 * (5 - i)))
	}
	return id
}

const partitionPrefix = "audit_events_"

// Maintain makes the partitions of this and the next month and drops those that ended before
// keepSince. It returns the names of dropped partitions. Called by a periodic job.
func (l *Log) Maintain(ctx context.Context, db *store.Store, keepSince time.Time) (dropped []string, err error) {
	for _, moment := range []time.Time{l.now(), l.now().AddDate(0, 1, -l.now().UTC().Day()+1)} {
		if _, err := dbq.New(db).EnsureAuditPartition(ctx, moment); err != nil {
			return nil, err
		}
	}
	rows, err := db.Query(ctx, `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'audit_events'::regclass ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			rows.Close()
			return nil, err
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, name := range names {
		month, err := time.Parse("200601", strings.TrimPrefix(name, partitionPrefix))
		if err != nil || month.AddDate(0, 1, 0).After(keepSince) {
			continue // the default partition, or still wanted
		}
		// The name is a prefix and six digits, both checked, so it needs no quoting.
		if _, err := db.Exec(ctx, "DROP TABLE IF EXISTS "+partitionPrefix+month.Format("200601")); err != nil {
			return dropped, err
		}
		dropped = append(dropped, name)
	}
	return dropped, nil
}
