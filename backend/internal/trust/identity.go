package trust

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
	"github.com/clavex/clavex/backend/internal/store/filter"
	"github.com/clavex/clavex/backend/internal/user"
)

// MaximumSubject is the length of the longest name of a person, in bytes (OpenID Connect Core 1.0 §2).
const MaximumSubject = 255

// Identity is a person of the organization under the name by which a trusted issuer knows them.
type Identity struct {
	OrgID     uuid.UUID `json:"-"`
	ID        uuid.UUID `json:"id"`
	IssuerID  uuid.UUID `json:"trusted_issuer_id"`
	Subject   string    `json:"subject"` // the value of the issuer's subject claim
	UserID    uuid.UUID `json:"user_id"`
	CreatedAt time.Time `json:"created_at"`
}

// The faults of linked identities.
var (
	ErrIdentityNotFound = fault.New(fault.NotFound, "linked_identity_not_found", "There is no such identity of this trusted issuer.")
	ErrIdentityTaken    = fault.New(fault.Conflict, "linked_identity_taken", "This subject of the issuer is linked to somebody already.").WithField("subject")
)

// Link says who a subject of a trusted issuer is.
func (i *Issuers) Link(ctx context.Context, tx *store.Tx, actor audit.Actor, wanted Identity) (*Identity, error) {
	if wanted.Subject == "" || len(wanted.Subject) > MaximumSubject || strings.ContainsFunc(wanted.Subject, unicode.IsControl) {
		return nil, fault.New(fault.Invalid, "linked_identity_malformed", "A subject has 1 to 255 bytes on one line.").WithField("subject")
	}
	row, err := dbq.New(tx).InsertLinkedIdentity(ctx, dbq.InsertLinkedIdentityParams{OrgID: wanted.OrgID, ID: store.NewID(), TrustedIssuerID: wanted.IssuerID,
		Subject: wanted.Subject, UserID: wanted.UserID, CreatedAt: i.now()})
	switch {
	case store.Violates(err, "linked_identities_subject"):
		return nil, ErrIdentityTaken
	case store.Violates(err, "linked_identities_org_id_user_id_fkey"):
		return nil, fault.New(fault.Invalid, "user_not_found", user.ErrNotFound.Message).WithField("user_id")
	case err != nil:
		return nil, err
	}
	linked := identity(row)
	return linked, i.log.Record(ctx, tx, linked.OrgID, audit.Event{Action: "linked_identity.created", Actor: actor, Target: identityTarget(linked), After: linked, Details: map[string]any{"user_id": linked.UserID}})
}

// Unlink forgets who a subject is, and ends what the issuer vouched for in the name of that person.
func (i *Issuers) Unlink(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, issuerID, id uuid.UUID) error {
	now := i.now()
	row, err := dbq.New(tx).DeleteLinkedIdentity(ctx, dbq.DeleteLinkedIdentityParams{OrgID: orgID, TrustedIssuerID: issuerID, ID: id, At: &now, Reason: new("identity unlinked")})
	if store.IsNotFound(err) {
		return ErrIdentityNotFound
	}
	if err != nil {
		return err
	}
	before := identity(dbq.LinkedIdentity(row))
	return i.log.Record(ctx, tx, orgID, audit.Event{Action: "linked_identity.deleted", Actor: actor, Target: identityTarget(before), Before: before, Details: map[string]any{"user_id": before.UserID}})
}

// IdentityByID returns an identity of a trusted issuer.
func (i *Issuers) IdentityByID(ctx context.Context, db store.DB, orgID, issuerID, id uuid.UUID) (*Identity, error) {
	row, err := dbq.New(db).LinkedIdentityByID(ctx, dbq.LinkedIdentityByIDParams{OrgID: orgID, TrustedIssuerID: issuerID, ID: id})
	if store.IsNotFound(err) {
		return nil, ErrIdentityNotFound
	}
	return identity(row), err
}

var listedIdentities = filter.Table{Name: "linked_identities", Columns: []string{"org_id", "id", "trusted_issuer_id", "subject", "user_id", "created_at"}}

type listedIdentity struct {
	dbq.LinkedIdentity
	SortKey string
}

// Identities returns a page of the identities of a trusted issuer, the oldest first; those of one person only unless
// userID is uuid.Nil.
func (i *Issuers) Identities(ctx context.Context, db store.DB, orgID, issuerID, userID uuid.UUID, after *filter.Position, limit int32) ([]*Identity, error) {
	query := filter.Query{OrgID: orgID, Equal: []filter.Equal{{Column: "trusted_issuer_id", Value: issuerID}}, After: after, Limit: limit}
	if userID != uuid.Nil {
		query.Equal = append(query.Equal, filter.Equal{Column: "user_id", Value: userID})
	}
	rows, err := filter.Collect[listedIdentity](ctx, db, listedIdentities, query)
	if err != nil {
		return nil, err
	}
	found := make([]*Identity, len(rows))
	for n, row := range rows {
		found[n] = identity(row.LinkedIdentity)
	}
	return found, nil
}

// Person is who the issuer means by the value of its subject claim, whatever their status. user.ErrNotFound when that is
// nobody. For VerifiedEmail the caller has made sure that the issuer verified the address.
func (i *Issuers) Person(ctx context.Context, issuer *Issuer, subject string) (*user.User, error) {
	if subject == "" || len(subject) > MaximumSubject || strings.ContainsRune(subject, 0) {
		return nil, user.ErrNotFound
	}
	queries := dbq.New(i.db)
	switch issuer.SubjectMatch {
	case LinkedIdentity:
		return user.FromRow(queries.UserByLinkedIdentity(ctx, dbq.UserByLinkedIdentityParams{OrgID: issuer.OrgID, TrustedIssuerID: issuer.ID, Subject: subject}))
	case Username:
		return user.FromRow(queries.UserByUsername(ctx, dbq.UserByUsernameParams{OrgID: issuer.OrgID, Username: subject}))
	case VerifiedEmail:
		return user.FromRow(queries.UserByVerifiedEmail(ctx, dbq.UserByVerifiedEmailParams{OrgID: issuer.OrgID, Email: subject}))
	}
	return nil, user.ErrNotFound
}

func identity(row dbq.LinkedIdentity) *Identity {
	return &Identity{OrgID: row.OrgID, ID: row.ID, IssuerID: row.TrustedIssuerID, Subject: row.Subject, UserID: row.UserID, CreatedAt: row.CreatedAt}
}

func identityTarget(i *Identity) audit.Target {
	return audit.Target{Kind: "linked_identity", ID: i.ID.String()}
}
