package identityprovider

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// MaximumSubject is the length of the longest name of a person, in bytes (OpenID Connect Core 1.0 §2).
const MaximumSubject = 255

// Identity is a person of the organization under the name by which a provider knows them.
type Identity struct {
	OrgID      uuid.UUID `json:"-"`
	ID         uuid.UUID `json:"id"`
	ProviderID uuid.UUID `json:"identity_provider_id"`
	Subject    string    `json:"subject"`
	Name       string    `json:"name,omitempty"` // what the provider called them when they were linked
	UserID     uuid.UUID `json:"user_id"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"`
}

// The faults of identities.
var (
	ErrIdentityNotFound = fault.New(fault.NotFound, "identity_not_found", "This account elsewhere is not linked.")
	// ErrIdentityTaken says that one account elsewhere cannot be two people here.
	ErrIdentityTaken = fault.New(fault.Conflict, "identity_taken", "This account elsewhere is linked to another account here.")
)

// Acceptable reports whether a provider's subject can be kept.
func Acceptable(subject string) bool {
	return subject != "" && len(subject) <= MaximumSubject && !strings.ContainsFunc(subject, unicode.IsControl)
}

// BySubject is who a subject of a provider is here. ErrIdentityNotFound when that is nobody.
func (p *Providers) BySubject(ctx context.Context, db store.DB, orgID, providerID uuid.UUID, subject string) (*Identity, error) {
	row, err := dbq.New(db).UpstreamIdentityBySubject(ctx, dbq.UpstreamIdentityBySubjectParams{OrgID: orgID, ProviderID: providerID, Subject: subject})
	if store.IsNotFound(err) {
		return nil, ErrIdentityNotFound
	}
	return identity(row), err
}

// OfUser are the identities of a person, the oldest first.
func (p *Providers) OfUser(ctx context.Context, db store.DB, orgID, userID uuid.UUID) ([]*Identity, error) {
	rows, err := dbq.New(db).UpstreamIdentitiesOfUser(ctx, dbq.UpstreamIdentitiesOfUserParams{OrgID: orgID, UserID: userID})
	found := make([]*Identity, len(rows))
	for n, row := range rows {
		found[n] = identity(row)
	}
	return found, err
}

// Link says who a subject of a provider is. The caller has seen proof of both accounts. Linking what is linked to the same
// person already changes nothing; ErrIdentityTaken when it is somebody else.
func (p *Providers) Link(ctx context.Context, tx *store.Tx, actor audit.Actor, wanted Identity) (*Identity, error) {
	known, err := p.BySubject(ctx, tx, wanted.OrgID, wanted.ProviderID, wanted.Subject)
	switch {
	case err == nil && known.UserID == wanted.UserID:
		return known, nil
	case err == nil:
		return nil, ErrIdentityTaken
	case !fault.IsKind(err, fault.NotFound):
		return nil, err
	}
	row, err := dbq.New(tx).InsertUpstreamIdentity(ctx, dbq.InsertUpstreamIdentityParams{OrgID: wanted.OrgID, ID: store.NewID(), ProviderID: wanted.ProviderID, Subject: wanted.Subject,
		Name: wanted.Name, UserID: wanted.UserID, At: p.now()})
	if store.Violates(err, "upstream_identities_subject") {
		return nil, ErrIdentityTaken
	}
	if err != nil {
		return nil, err
	}
	linked := identity(row)
	return linked, p.log.Record(ctx, tx, linked.OrgID, audit.Event{Action: "identity.linked", Actor: actor, Target: audit.Target{Kind: "user", ID: linked.UserID.String()}, After: linked})
}

// Unlink forgets an identity of a person.
func (p *Providers) Unlink(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID, id uuid.UUID) (*Identity, error) {
	row, err := dbq.New(tx).DeleteUpstreamIdentity(ctx, dbq.DeleteUpstreamIdentityParams{OrgID: orgID, UserID: userID, ID: id})
	if store.IsNotFound(err) {
		return nil, ErrIdentityNotFound
	}
	if err != nil {
		return nil, err
	}
	removed := identity(row)
	return removed, p.log.Record(ctx, tx, orgID, audit.Event{Action: "identity.unlinked", Actor: actor, Target: audit.Target{Kind: "user", ID: userID.String()}, Before: removed})
}

// Used notes that somebody signed in by an identity.
func (p *Providers) Used(ctx context.Context, db store.DB, orgID, id uuid.UUID) error {
	_, err := dbq.New(db).UseUpstreamIdentity(ctx, dbq.UseUpstreamIdentityParams{OrgID: orgID, ID: id, At: p.now()})
	return err
}

// StillHolds tells whether an identity is the person's still, and its provider lets people in: ErrIdentityNotFound when not.
// In a transaction it stays so until the end.
func (p *Providers) StillHolds(ctx context.Context, db store.DB, orgID, userID, id uuid.UUID) error {
	_, err := dbq.New(db).LockUpstreamIdentity(ctx, dbq.LockUpstreamIdentityParams{OrgID: orgID, UserID: userID, ID: id})
	if store.IsNotFound(err) {
		return ErrIdentityNotFound
	}
	return err
}

func identity(row dbq.UpstreamIdentity) *Identity {
	return &Identity{OrgID: row.OrgID, ID: row.ID, ProviderID: row.ProviderID, Subject: row.Subject, Name: row.Name, UserID: row.UserID, CreatedAt: row.CreatedAt, LastUsedAt: row.LastUsedAt}
}
