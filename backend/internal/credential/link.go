package credential

import (
	"context"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// LinkLifetime is how long a one-time link works unless its maker says otherwise.
const LinkLifetime = 24 * time.Hour

// Links makes and uses one-time links: whoever opens one may choose a password, once. Only the hash of a
// link's token is stored. It is safe for concurrent use.
type Links struct {
	log    *audit.Log
	now    func() time.Time
	random io.Reader
}

// NewLinks makes the keeper of links.
func NewLinks(log *audit.Log, now func() time.Time, random io.Reader) *Links {
	return &Links{log: log, now: now, random: random}
}

// Create makes a link for a person that works for LinkLifetime, cancels their earlier ones, and returns
// its token.
func (l *Links) Create(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID uuid.UUID) (token string, expires time.Time, err error) {
	return l.CreateFor(ctx, tx, actor, orgID, userID, LinkLifetime)
}

// CreateFor is Create with another lifetime.
func (l *Links) CreateFor(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID uuid.UUID, lifetime time.Duration) (token string, expires time.Time, err error) {
	now := l.now()
	token, expires = secret.New(l.random), now.Add(lifetime)
	queries := dbq.New(tx)
	if _, err := queries.CancelOneTimeLinks(ctx, dbq.CancelOneTimeLinksParams{OrgID: orgID, UserID: userID, At: &now}); err != nil {
		return "", time.Time{}, err
	}
	err = queries.InsertOneTimeLink(ctx, dbq.InsertOneTimeLinkParams{OrgID: orgID, ID: store.NewID(), UserID: userID, TokenHash: secret.Hash(token), CreatedAt: now, ExpiresAt: expires})
	if err != nil {
		return "", time.Time{}, err
	}
	return token, expires, l.log.Record(ctx, tx, orgID, audit.Event{Action: "one_time_link.created", Actor: actor, Target: audit.Target{Kind: "user", ID: userID.String()}})
}

// Cancel makes the unused links of a person worth nothing.
func (l *Links) Cancel(ctx context.Context, tx *store.Tx, orgID, userID uuid.UUID) error {
	now := l.now()
	_, err := dbq.New(tx).CancelOneTimeLinks(ctx, dbq.CancelOneTimeLinksParams{OrgID: orgID, UserID: userID, At: &now})
	return err
}

// Person returns whom an unused link belongs to, without using it: mail scanners open links too.
// ErrLinkInvalid when it is used, expired, another organization's or unknown.
func (l *Links) Person(ctx context.Context, db store.DB, orgID uuid.UUID, tokenHash []byte) (userID uuid.UUID, username string, err error) {
	row, err := dbq.New(db).OneTimeLink(ctx, dbq.OneTimeLinkParams{OrgID: orgID, TokenHash: tokenHash, At: l.now()})
	if store.IsNotFound(err) {
		return uuid.Nil, "", ErrLinkInvalid
	}
	return row.UserID, row.Username, err
}

// Use spends a link in the transaction of what it allowed. Of simultaneous uses exactly one succeeds;
// the others get ErrLinkInvalid.
func (l *Links) Use(ctx context.Context, tx *store.Tx, orgID uuid.UUID, tokenHash []byte) (uuid.UUID, error) {
	now := l.now()
	userID, err := dbq.New(tx).UseOneTimeLink(ctx, dbq.UseOneTimeLinkParams{OrgID: orgID, TokenHash: tokenHash, At: &now})
	if store.IsNotFound(err) {
		return uuid.Nil, ErrLinkInvalid
	}
	if err != nil {
		return uuid.Nil, err
	}
	return userID, l.log.Record(ctx, tx, orgID, audit.Event{Action: "one_time_link.used", Actor: audit.Actor{Kind: audit.User, ID: userID.String()},
		Target: audit.Target{Kind: "user", ID: userID.String()}})
}
