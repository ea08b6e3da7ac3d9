// Package mailqueue sees mails through to their delivery. A mail is put down in the transaction of its cause, sealed, and
// a job that knows nothing but its identifier hands it over, again and again with growing pauses until the server takes
// it, refuses it for good, or it is too old to be of use. A mail can arrive twice, when this process is killed between
// the server's answer and the record of it. What was written is forgotten when the mail is over; how it arrived is kept
// for a while and stands in the audit log. Templates are package web/letter's.
package mailqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/jobs"
	"github.com/clavex/clavex/backend/internal/mail"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// SendMail is the kind of the jobs that hand a mail over; their arguments are a Reference.
const SendMail = "send_mail"

// kept is how long the record of a mail is kept.
const kept = 30 * 24 * time.Hour

// ErrNotConfigured is the answer where something needs mail and nobody said how it is sent.
var ErrNotConfigured = fault.New(fault.Unavailable, "mail_not_configured", "Mail cannot be sent: no mail server is configured.")

// errNobody is what PutNothing comes to.
var errNobody = errors.New("a mail to nobody")

// Kind says what a mail is about, in records and audit events.
type Kind string

// Mail is one mail to be sent.
type Mail struct {
	OrgID    uuid.UUID
	Kind     Kind
	UserID   uuid.UUID // whom it concerns; uuid.Nil when that is nobody yet
	To       string
	FromName string // whose name stands before the sender's address
	Subject  string
	Text     string
	HTML     string
	Expires  time.Time // after which it is of no use
}

// Reference names a mail in a job.
type Reference struct {
	OrgID uuid.UUID `json:"org_id"`
	ID    uuid.UUID `json:"id"`
}

// State says how far a mail has come.
type State string

// The states of a mail.
const (
	Pending State = "pending"
	Sent    State = "sent"   // the server took it
	Failed  State = "failed" // for good
)

// Record is how a mail arrived.
type Record struct {
	ID        uuid.UUID
	Kind      Kind
	UserID    uuid.UUID
	State     State
	Attempts  int
	LastError string // code and reply of the server; "" when nothing went wrong
}

// Queue puts mails down and hands them over. It is safe for concurrent use.
type Queue struct {
	db     *store.Store
	ring   *seal.Ring
	jobs   *jobs.Jobs
	log    *audit.Log
	sender mail.Sender
	own    Own
	now    func() time.Time
}

// Own finds what organizations say of their mail themselves. mailserver.Servers is it.
type Own interface {
	// Has reports whether the organization sends its mail itself.
	Has(ctx context.Context, orgID uuid.UUID) (bool, error)
	// Sender is how it does; nil when it does not.
	Sender(ctx context.Context, orgID uuid.UUID) (mail.Sender, error)
}

// New makes the queue. A nil sender means that the operator did not say how mail is sent: organizations may still do.
func New(db *store.Store, ring *seal.Ring, queue *jobs.Jobs, log *audit.Log, sender mail.Sender, own Own, now func() time.Time) *Queue {
	return &Queue{db: db, ring: ring, jobs: queue, log: log, sender: sender, own: own, now: now}
}

// Installed reports whether mail of organizations that do not send it themselves is sent.
func (q *Queue) Installed() bool { return q.sender != nil }

// Works reports whether mail of the organization can be sent at all. Where that cannot be found out, nothing can be put
// down either.
func (q *Queue) Works(ctx context.Context, orgID uuid.UUID) bool {
	if q.sender != nil {
		return true
	}
	has, err := q.own.Has(ctx, orgID)
	return err == nil && has
}

// senderOf is how the organization's mail goes out; nil when it cannot.
func (q *Queue) senderOf(ctx context.Context, orgID uuid.UUID) (mail.Sender, error) {
	own, err := q.own.Sender(ctx, orgID)
	if err != nil || own != nil {
		return own, err
	}
	return q.sender, nil
}

// content is what is sealed.
type content struct {
	To       string `json:"to"`
	FromName string `json:"from_name,omitempty"`
	Subject  string `json:"subject"`
	Text     string `json:"text"`
	HTML     string `json:"html"`
}

// sealedFor binds what is sealed to its row.
func sealedFor(of Reference) []byte {
	return []byte("mail:" + of.OrgID.String() + ":" + of.ID.String())
}

// Put puts a mail down in the transaction of its cause: it is sent if and only if that commits. ErrNotConfigured where
// it could not be.
func (q *Queue) Put(ctx context.Context, tx *store.Tx, wanted Mail) error {
	if !q.Works(ctx, wanted.OrgID) {
		return ErrNotConfigured
	}
	plain, err := json.Marshal(content{To: wanted.To, FromName: wanted.FromName, Subject: wanted.Subject, Text: wanted.Text, HTML: wanted.HTML})
	if err != nil {
		return err
	}
	of := Reference{OrgID: wanted.OrgID, ID: store.NewID()}
	sealedBy, sealed := q.ring.Seal(plain, sealedFor(of))
	row := dbq.InsertMailParams{OrgID: of.OrgID, ID: of.ID, Kind: string(wanted.Kind), SealedBy: &sealedBy, Sealed: sealed, At: q.now(), ExpiresAt: wanted.Expires}
	if wanted.UserID != uuid.Nil {
		row.UserID = &wanted.UserID
	}
	if err := dbq.New(tx).InsertMail(ctx, row); err != nil {
		return err
	}
	return q.jobs.EnqueueOutgoing(ctx, tx, SendMail, of)
}

// PutNothing takes the effort of Put and sends nothing: where a mail goes out only for people who exist, it keeps
// whoever measures from learning who does. The row goes away when its turn comes.
func (q *Queue) PutNothing(ctx context.Context, tx *store.Tx, instead Mail) error {
	instead.To, instead.UserID = "", uuid.Nil
	return q.Put(ctx, tx, instead)
}

// pauses are those before the second and each further attempt; the last one repeats until the mail expires.
func pauses() []time.Duration {
	return []time.Duration{5 * time.Second, 15 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}
}

// Deliver is the job that makes one attempt. What the server answers is written down and no error of the job; it asks
// to be called again while the mail is of use.
func (q *Queue) Deliver(ctx context.Context, arguments json.RawMessage) error {
	var of Reference
	if err := json.Unmarshal(arguments, &of); err != nil {
		return err
	}
	row, err := dbq.New(q.db).MailByID(ctx, dbq.MailByIDParams{OrgID: of.OrgID, ID: of.ID})
	if store.IsNotFound(err) {
		return nil // the organization was deleted
	}
	if err != nil || State(row.State) != Pending {
		return err
	}
	if !row.ExpiresAt.After(q.now()) {
		return q.over(ctx, row, Failed, "expired")
	}
	failed, err := q.send(ctx, of, row)
	switch {
	case errors.Is(err, errNobody):
		_, err := dbq.New(q.db).DeleteMail(ctx, dbq.DeleteMailParams{OrgID: of.OrgID, ID: of.ID})
		return err
	case err != nil:
		return err
	case failed == nil:
		return q.over(ctx, row, Sent, "")
	case failed.Permanent:
		return q.over(ctx, row, Failed, failed.String())
	}
	wait := pauses()[min(int(row.Attempts), len(pauses())-1)]
	next := q.now().Add(wait)
	if err := q.record(ctx, q.db, row, Pending, failed.String(), &next); err != nil {
		return err
	}
	return jobs.Again(wait)
}

// send hands the mail over. failed is what went wrong with that; err is our own.
func (q *Queue) send(ctx context.Context, of Reference, row dbq.Mail) (failed *mail.Error, err error) {
	sender, err := q.senderOf(ctx, of.OrgID)
	if err != nil {
		return nil, err
	}
	if sender == nil {
		return mail.ErrNotConfigured(), nil
	}
	plain, err := q.ring.Open(*row.SealedBy, row.Sealed, sealedFor(of))
	if err != nil {
		return nil, fmt.Errorf("mail %s of organization %s: %w", of.ID, of.OrgID, err)
	}
	var written content
	if err := json.Unmarshal(plain, &written); err != nil {
		return nil, err
	}
	if written.To == "" {
		return nil, errNobody
	}
	err = sender.Send(ctx, mail.Message{ID: of.ID.String(), To: written.To, FromName: written.FromName, Subject: written.Subject, Text: written.Text, HTML: written.HTML})
	switch {
	case err == nil:
		return nil, nil
	case ctx.Err() != nil:
		return nil, ctx.Err() // this process is stopping: no fault of the server's
	case errors.As(err, &failed):
		return failed, nil
	}
	return nil, err
}

func (q *Queue) record(ctx context.Context, db store.DB, row dbq.Mail, state State, problem string, next *time.Time) error {
	parameters := dbq.RecordMailAttemptParams{OrgID: row.OrgID, ID: row.ID, State: string(state), At: new(q.now()), NextAttemptAt: next}
	if problem != "" {
		parameters.LastError = &problem
	}
	_, err := dbq.New(db).RecordMailAttempt(ctx, parameters)
	return err
}

// over ends a mail, with its audit event.
func (q *Queue) over(ctx context.Context, row dbq.Mail, state State, problem string) error {
	event := audit.Event{Action: "mail.sent", Actor: audit.Actor{Kind: audit.System, Name: "mail"}, Target: audit.Target{Kind: "mail", ID: row.ID.String()},
		Details: map[string]any{"kind": row.Kind, "attempts": row.Attempts + 1}}
	if state == Failed {
		event.Action, event.Outcome, event.Details["error"] = "mail.failed", audit.Failure, problem
	}
	if row.UserID != nil {
		event.Details["user_id"] = row.UserID.String()
	}
	return q.db.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx *store.Tx) error { // the server has it; this must not be forgotten
		if err := q.record(ctx, tx, row, state, problem, nil); err != nil {
			return err
		}
		return q.log.Record(ctx, tx, row.OrgID, event)
	})
}

// ByReference returns the record of a mail; a fault of kind NotFound when the organization has none of this name.
func (q *Queue) ByReference(ctx context.Context, of Reference) (Record, error) {
	row, err := dbq.New(q.db).MailByID(ctx, dbq.MailByIDParams{OrgID: of.OrgID, ID: of.ID})
	if store.IsNotFound(err) {
		return Record{}, fault.New(fault.NotFound, "mail_not_found", "There is no such mail in this organization.")
	}
	if err != nil {
		return Record{}, err
	}
	record := Record{ID: row.ID, Kind: Kind(row.Kind), State: State(row.State), Attempts: int(row.Attempts)}
	if row.UserID != nil {
		record.UserID = *row.UserID
	}
	if row.LastError != nil {
		record.LastError = *row.LastError
	}
	return record, nil
}

// DeleteOld removes old records, at most limit of them. Called by a periodic job.
func (q *Queue) DeleteOld(ctx context.Context, limit int32) (int64, error) {
	return dbq.New(q.db).DeleteOldMails(ctx, dbq.DeleteOldMailsParams{Before: q.now().Add(-kept), RowLimit: limit})
}

// DeleteOfUser removes every mail that concerns a person, those that wait included.
func (q *Queue) DeleteOfUser(ctx context.Context, tx *store.Tx, orgID, userID uuid.UUID) error {
	_, err := dbq.New(tx).DeleteMailsOfUser(ctx, dbq.DeleteMailsOfUserParams{OrgID: orgID, UserID: userID})
	return err
}

// Reseal brings mails that wait under the current key-encryption key and returns how many it changed.
func (q *Queue) Reseal(ctx context.Context) (changed int, err error) {
	queries, current := dbq.New(q.db), q.ring.CurrentKeyID()
	for {
		rows, err := queries.MailsSealedByOthers(ctx, dbq.MailsSealedByOthersParams{Current: &current, RowLimit: 200})
		if err != nil || len(rows) == 0 {
			return changed, err
		}
		for _, row := range rows {
			sealedBy, sealed, err := q.ring.Rewrap(*row.SealedBy, row.Sealed)
			if err != nil {
				return changed, fmt.Errorf("mail %s of organization %s: %w", row.ID, row.OrgID, err)
			}
			if _, err := queries.ResealMail(ctx, dbq.ResealMailParams{OrgID: row.OrgID, ID: row.ID, Sealed: sealed, SealedBy: &sealedBy, WasSealedBy: row.SealedBy}); err != nil {
				return changed, err
			}
			changed++
		}
	}
}
