// Package session is about signed-in browsers: a session belongs to one person of one organization
// and lives until it is ended, idle for too long, or too old. Only the hash of its token is stored.
// A browser may hold the sessions of several people of an organization side by side.
//
// Whoever locks a person and sessions of theirs locks the person first, then the sessions, then what was granted in them.
package session

import (
	"context"
	"io"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/geolocation"
	"github.com/clavex/clavex/backend/internal/jobs"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/reqctx"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/useragent"
)

// touchInterval is how stale last_seen_at may become: touching on every request would make each
// read a write.
const touchInterval = time.Minute

// Session is a signed-in browser.
type Session struct {
	ID              uuid.UUID  `json:"id"`
	OrgID           uuid.UUID  `json:"-"`
	UserID          uuid.UUID  `json:"user_id"`
	AuthenticatedAt time.Time  `json:"authenticated_at"` // auth_time
	Methods         []string   `json:"methods"`          // amr, RFC 8176
	Address         netip.Addr `json:"address"`
	UserAgent       string     `json:"user_agent"`
	CreatedAt       time.Time  `json:"created_at"`
	LastSeenAt      time.Time  `json:"last_seen_at"`
	IdleExpiresAt   time.Time  `json:"idle_expires_at"`
	ExpiresAt       time.Time  `json:"expires_at"`
	BrowserHash     []byte     `json:"-"`
	Country         string     `json:"country,omitempty"` // of the last sign-in (ISO 3166-1 alpha-2); "" when nobody knows
	Novelty         Novelty    `json:"-"`                 // what Begin found new about it
	PasskeyID       uuid.UUID  `json:"-"`                 // that it was begun with; uuid.Nil: none, or it was removed
	Persistent      bool       `json:"persistent"`        // its person said that they stay signed in
	DeviceID        uuid.UUID  `json:"-"`                 // the remembered device in whose stead no second factor was asked for; uuid.Nil: none
	AAGUID          uuid.UUID  `json:"-"`                 // the model of that passkey's authenticator; uuid.Nil when not known

	agent     useragent.Agent // of which kind its browser is
	strayedAt *time.Time      // when it was last written down that its token came from another kind; nil: never
}

// IdleUntil returns until when the session may be idle if it is used at the moment now.
func (s *Session) IdleUntil(now time.Time, policies org.Policies) time.Time {
	until := now.Add(policies.IdleOf(s.Persistent))
	if until.After(s.ExpiresAt) {
		return s.ExpiresAt
	}
	return until
}

// TouchBefore returns the last_seen_at before which a use at the moment now is worth writing down.
func TouchBefore(now time.Time) time.Time { return now.Add(-touchInterval) }

// Live is a session that works, with its person and, when a client was named, what the person allowed it.
type Live struct {
	Session         Session
	User            *user.User
	ConsentedScopes []string

	token string // that the browser presented; for the cookies
}

// ErrNotFound is returned when no live session fits.
var ErrNotFound = fault.New(fault.NotFound, "session_not_found", "There is no such session.")

// Sessions begins, finds and ends sessions. It is safe for concurrent use.
type Sessions struct {
	db     *store.Store
	log    *audit.Log
	queue  *jobs.Jobs
	models *fido.Models
	now    func() time.Time
	random io.Reader

	// Countries says where addresses are; nil knows nothing.
	Countries *geolocation.Countries
}

// New makes the keeper of sessions. Jobs of the kind TellOfEnd go to the queue. A session that began with a passkey on a
// model that the organization does not accept is as if it had ended.
func New(db *store.Store, log *audit.Log, queue *jobs.Jobs, models *fido.Models, now func() time.Time, random io.Reader) *Sessions {
	return &Sessions{db: db, log: log, queue: queue, models: models, now: now, random: random}
}

// OfUser lists the live sessions of a person that are older than before (uuid.Max for all), newest first.
func (s *Sessions) OfUser(ctx context.Context, orgID, userID, before uuid.UUID, limit int32) ([]Session, error) {
	rules, err := s.models.Rules(ctx, orgID)
	if err != nil {
		return nil, err
	}
	rows, err := dbq.New(s.db).LiveSessionsOfUser(ctx, dbq.LiveSessionsOfUserParams{OrgID: orgID, UserID: userID, At: s.now(), Before: before, RowLimit: limit,
		RefusedModels: rules.Refused(), AcceptedModels: rules.Accepted()})
	sessions := make([]Session, len(rows))
	for i, row := range rows {
		sessions[i] = fromRow(row)
	}
	return sessions, err
}

func fromRow(row dbq.Session) Session {
	session := Session{ID: row.ID, OrgID: row.OrgID, UserID: row.UserID, AuthenticatedAt: row.AuthenticatedAt, Methods: row.Methods, UserAgent: row.UserAgent,
		CreatedAt: row.CreatedAt, LastSeenAt: row.LastSeenAt, IdleExpiresAt: row.IdleExpiresAt, ExpiresAt: row.ExpiresAt, BrowserHash: row.BrowserHash,
		Persistent: row.Persistent, agent: useragent.Parse(row.Agent), strayedAt: row.StrayedAt}
	if row.Address != nil {
		session.Address = *row.Address
	}
	if n := len(row.Countries); n > 0 {
		session.Country = row.Countries[n-1]
	}
	if row.PasskeyID != nil {
		session.PasskeyID = *row.PasskeyID
	}
	if row.DeviceID != nil {
		session.DeviceID = *row.DeviceID
	}
	if row.Aaguid != nil {
		session.AAGUID = *row.Aaguid
	}
	return session
}

// model is that of the passkey that the session began with, nil when it began with none. An authenticator that does not say its
// model is of one that nobody knows, not of none: it proves nothing where that is demanded.
func (s *Session) model() *uuid.UUID {
	if s.PasskeyID == uuid.Nil && s.AAGUID == uuid.Nil {
		return nil
	}
	return &s.AAGUID
}

// known is nil for uuid.Nil.
func known(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// Authenticated is what a completed sign-in proves.
type Authenticated struct {
	Organization *org.Organization
	User         *user.User
	BrowserHash  []byte // of the browser's own cookie
	Methods      []string
	At           time.Time
	// Browser are the live sessions that the browser has already. The same person's is renewed under a
	// fresh token; other people stay signed in, as many as a browser may hold.
	Browser Browser
	// PasskeyID is the passkey that was used, uuid.Nil for none; AAGUID the model of its authenticator.
	PasskeyID, AAGUID uuid.UUID
	// DeviceID is the remembered device in whose stead no second factor was asked for, uuid.Nil for none.
	DeviceID uuid.UUID
	// Persistent says whether the person wants to stay signed in; nil when they were not asked: then it is as before.
	Persistent *bool

	// Passing says that the session is one on the way to another one: it ends no other.
	Passing bool

	By audit.Actor // who vouches for the person; the zero value is the person
}

// Begin starts the session of a completed sign-in and returns the browser's new token for it. A token that the
// browser had for the same person is worth nothing afterwards. Where the browser holds as many sessions as it may,
// the one unused for longest ends; and so do those of the person in other browsers that are more than the organization allows.
func (s *Sessions) Begin(ctx context.Context, tx *store.Tx, proof Authenticated) (Session, string, error) {
	now, request := s.now(), reqctx.From(ctx)
	if err := s.hold(ctx, tx, proof); err != nil {
		return Session{}, "", err
	}
	if proof.Methods == nil {
		proof.Methods = []string{} // none of the values says what was proved
	}
	session := Session{OrgID: proof.Organization.ID, UserID: proof.User.ID, AuthenticatedAt: proof.At, Methods: proof.Methods, Address: request.Address,
		UserAgent: request.UserAgent, CreatedAt: now, LastSeenAt: now, BrowserHash: proof.BrowserHash,
		PasskeyID: proof.PasskeyID, AAGUID: proof.AAGUID, DeviceID: proof.DeviceID}
	old := proof.Browser.Of(proof.User.ID)
	session.Persistent = proof.persistent(old)
	session.ExpiresAt = proof.At.Add(proof.Organization.Policies.AbsoluteOf(session.Persistent))
	session.agent = agentOf(ctx)
	session.IdleExpiresAt = session.IdleUntil(now, proof.Organization.Policies)
	session.Country = s.Countries.Of(request.Address)
	token := secret.New(s.random)
	var address *netip.Addr
	if request.Address.IsValid() {
		address = &request.Address
	}
	if old == nil || session.Country != "" {
		var err error
		if session.Novelty, err = s.novelty(ctx, tx, proof, session.Country); err != nil {
			return Session{}, "", err
		}
	}
	for _, surplus := range proof.Browser.excess(proof.User.ID) {
		err := s.End(ctx, tx, audit.Actor{Kind: audit.System, Name: "sign-in"}, session.OrgID, surplus.Session.ID, "too many accounts in one browser")
		if err != nil && !fault.IsKind(err, fault.NotFound) {
			return Session{}, "", err
		}
	}
	if old != nil {
		renewed, err := dbq.New(tx).RenewSession(ctx, dbq.RenewSessionParams{OrgID: session.OrgID, ID: old.Session.ID, UserID: session.UserID, TokenHash: secret.Hash(token),
			AuthenticatedAt: proof.At, At: now, Methods: proof.Methods, IdleExpiresAt: session.IdleExpiresAt, ExpiresAt: session.ExpiresAt, Address: address, UserAgent: session.UserAgent,
			PasskeyID: known(session.PasskeyID), Aaguid: session.model(), DeviceID: known(session.DeviceID), Country: session.Country,
			Persistent: session.Persistent, Agent: session.agent.String()})
		if err != nil {
			return Session{}, "", err
		}
		if renewed == 1 {
			session.ID, session.CreatedAt = old.Session.ID, old.Session.CreatedAt
			return session, token, s.began(ctx, tx, proof, session, "session.renewed")
		}
	}
	session.ID = store.NewID()
	err := dbq.New(tx).InsertSession(ctx, dbq.InsertSessionParams{OrgID: session.OrgID, ID: session.ID, UserID: session.UserID, TokenHash: secret.Hash(token),
		BrowserHash: session.BrowserHash, AuthenticatedAt: session.AuthenticatedAt, Methods: session.Methods, Address: address, UserAgent: session.UserAgent,
		CreatedAt: now, IdleExpiresAt: session.IdleExpiresAt, ExpiresAt: session.ExpiresAt,
		PasskeyID: known(session.PasskeyID), Aaguid: session.model(), DeviceID: known(session.DeviceID), Countries: countries(session), Domain: proof.Organization.Domain, Vouched: proof.vouched(),
		Persistent: session.Persistent, Agent: session.agent.String()})
	if err != nil {
		return Session{}, "", err
	}
	return session, token, s.began(ctx, tx, proof, session, "session.started")
}

// persistent reports whether the person stays signed in: as they said now, else as before; never where it is not offered.
func (a Authenticated) persistent(old *Live) bool {
	switch {
	case !a.Organization.Policies.OffersRememberMe():
		return false
	case a.Persistent != nil:
		return *a.Persistent
	}
	return old != nil && old.Session.Persistent
}

func (s *Sessions) began(ctx context.Context, tx *store.Tx, proof Authenticated, session Session, action string) error {
	event := audit.Event{Action: action, Actor: proof.By, Target: audit.Target{Kind: "session", ID: session.ID.String()},
		Details: map[string]any{"methods": session.Methods}}
	session.Novelty.explain(session.Country, event.Details)
	if session.Persistent {
		event.Details["persistent"] = true
	}
	if session.DeviceID != uuid.Nil {
		event.Details["remembered_device"] = session.DeviceID
	}
	if event.Actor == (audit.Actor{}) {
		event.Actor = audit.Actor{Kind: audit.User, ID: proof.User.ID.String(), Name: proof.User.Username}
	} else {
		event.Details["user_id"] = proof.User.ID
	}
	if err := s.log.Record(ctx, tx, session.OrgID, event); err != nil {
		return err
	}
	return s.endSurplus(ctx, tx, proof, session)
}

// Touch writes down that a session was used, at most once a minute.
func (s *Sessions) Touch(ctx context.Context, live *Live, policies org.Policies) error {
	now := s.now()
	if !live.Session.LastSeenAt.Before(TouchBefore(now)) {
		return nil
	}
	return dbq.New(s.db).TouchSession(ctx, dbq.TouchSessionParams{OrgID: live.Session.OrgID, ID: live.Session.ID, At: now, IdleExpiresAt: live.Session.IdleUntil(now, policies)})
}

// BrowserIsKnown reports whether the person signed in from the browser before. A stranger's guesses must
// not lock out the browser a person always uses.
func (s *Sessions) BrowserIsKnown(ctx context.Context, orgID, userID uuid.UUID, browserHash []byte) (bool, error) {
	return dbq.New(s.db).BrowserIsKnown(ctx, dbq.BrowserIsKnownParams{OrgID: orgID, UserID: userID, BrowserHash: browserHash})
}

// HasSignedIn reports whether anybody signed in from the browser before, and so proved to be a person of the
// organization.
func (s *Sessions) HasSignedIn(ctx context.Context, orgID uuid.UUID, browserHash []byte) (bool, error) {
	return dbq.New(s.db).BrowserHasSignedIn(ctx, dbq.BrowserHasSignedInParams{OrgID: orgID, BrowserHash: browserHash})
}

// keptAfterExpiry is how long an expired session is kept: it is how a browser stays known.
const keptAfterExpiry = 30 * 24 * time.Hour

// DeleteExpired removes long-expired sessions, at most limit of them. Called by a periodic job.
func (s *Sessions) DeleteExpired(ctx context.Context, limit int32) (int64, error) {
	return dbq.New(s.db).DeleteOldSessions(ctx, dbq.DeleteOldSessionsParams{Before: s.now().Add(-keptAfterExpiry), RowLimit: limit})
}
