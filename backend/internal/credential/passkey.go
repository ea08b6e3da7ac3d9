package credential

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/user"
)

// Bounds of passkeys.
const (
	MaximumPasskeys      = 20  // of a person
	MaximumPasskeyName   = 100 // characters
	MinimumCredentialID  = 16  // bytes (WebAuthn Level 3 §4, "credential ID")
	MaximumCredentialID  = 1023
	MaximumAttestation   = 64 << 10
	userHandleLength     = 64 // bytes, as WebAuthn Level 3 §14.6.1 recommends
	maximumTransports    = 10
	maximumTransportName = 32
)

// The faults of passkeys.
var (
	// ErrPasskeyRefused is the one answer to a passkey that is unknown here, another organization's, somebody's who is
	// disabled, suspended, or not proved.
	ErrPasskeyRefused = fault.New(fault.Unauthenticated, "passkey_refused", "This passkey does not open an account here. Use another one, or sign in with your password.").WithField("passkey")
	// ErrPasskeyNotTheirs is ErrPasskeyRefused where somebody proves another factor of an account.
	ErrPasskeyNotTheirs = fault.New(fault.Unauthenticated, "passkey_not_theirs", "This passkey is none of this account. Use another one.").WithField("passkey")
	// ErrPasskeyCopied says that the counter of the authenticator went back (WebAuthn Level 3 §6.1.1).
	ErrPasskeyCopied = fault.New(fault.Unauthenticated, "passkey_copied",
		"This passkey may have been copied, so it does not sign in any more. Sign in another way, remove it from your account, and make a new one.").WithField("passkey")
	ErrPasskeyExists      = fault.New(fault.Conflict, "passkey_exists", "This passkey is registered already.").WithField("passkey")
	ErrTooManyPasskeys    = fault.Newf(fault.Conflict, "too_many_passkeys", "An account has at most %d passkeys. Remove one that you do not use.", MaximumPasskeys).WithField("passkey")
	ErrPasskeyNotFound    = fault.New(fault.NotFound, "passkey_not_found", "There is no such passkey.")
	ErrPasskeyNameInvalid = fault.Newf(fault.Invalid, "passkey_name_invalid", "A name has 1 to %d characters on one line.", MaximumPasskeyName).WithField("name")
)

// Passkey is a public key credential (WebAuthn Level 3 §4, "credential record").
type Passkey struct {
	ID             uuid.UUID
	OrgID          uuid.UUID
	UserID         uuid.UUID
	CredentialID   []byte
	PublicKey      []byte // COSE_Key
	RPID           string // that it was made for
	SignCount      uint32
	AAGUID         uuid.UUID // the model; uuid.Nil when the authenticator does not say
	Transports     []string
	Discoverable   *bool // nil when the client did not say
	BackupEligible bool
	BackupState    bool
	UserVerified   bool // when it was made
	Attestation    Attestation
	Attested       bool // the attestation led to a root of the model, when it was made
	Name           string
	CreatedAt      time.Time
	LastUsedAt     time.Time // zero: never
	SuspendedAt    time.Time // zero: it signs in; else since when it does not
	Suspension     Suspension
}

// Suspension is why a passkey does not sign in any more.
type Suspension string

// The suspensions.
const (
	SuspendedCopied Suspension = "copied" // its counter says that there may be two of it
	SuspendedModel  Suspension = "model"  // its model has a known weakness
)

// Attestation is what an authenticator said of itself when the passkey was made, kept as it came, so that it can be
// judged by what becomes known later.
type Attestation struct {
	Format         string // "none", "packed" …
	Object         []byte // nil for the format none
	ClientDataHash []byte // that the statement covers
}

// Passkeys keeps passkeys and counts attempts with them. How an assertion is verified is package webauthn's duty. It
// is safe for concurrent use.
type Passkeys struct {
	db       *store.Store
	sessions *session.Sessions
	grants   *grant.Grants
	models   *fido.Models
	log      *audit.Log
	now      func() time.Time
	random   io.Reader
	damping  damping
}

// NewPasskeys makes the keeper of passkeys.
func NewPasskeys(db *store.Store, sessions *session.Sessions, grants *grant.Grants, models *fido.Models, log *audit.Log, now func() time.Time, ring *seal.Ring,
	random io.Reader,
) *Passkeys {
	return &Passkeys{db: db, sessions: sessions, grants: grants, models: models, log: log, now: now, random: random, damping: newDamping(db, "passkey", ring, now, true)}
}

// NewHandle draws a user handle: random, because organizations on one host share an RP ID, and an authenticator keeps
// one discoverable passkey for an RP ID and handle.
func (p *Passkeys) NewHandle() ([]byte, error) {
	handle := make([]byte, userHandleLength)
	if _, err := io.ReadFull(p.random, handle); err != nil {
		return nil, fmt.Errorf("draw a user handle: %w", err)
	}
	return handle, nil
}

// Handle is the user handle of a person. One who has none gets one.
func (p *Passkeys) Handle(ctx context.Context, db store.DB, orgID, userID uuid.UUID) ([]byte, error) {
	known, err := dbq.New(db).UserHandle(ctx, dbq.UserHandleParams{OrgID: orgID, UserID: userID})
	if !store.IsNotFound(err) {
		return known, err
	}
	drawn, err := p.NewHandle()
	if err != nil {
		return nil, err
	}
	if err := p.SetHandle(ctx, db, orgID, userID, drawn); err != nil {
		return nil, err
	}
	return dbq.New(db).UserHandle(ctx, dbq.UserHandleParams{OrgID: orgID, UserID: userID})
}

// SetHandle gives a person a handle that was drawn before; one who has one keeps it.
func (p *Passkeys) SetHandle(ctx context.Context, db store.DB, orgID, userID uuid.UUID, handle []byte) error {
	return dbq.New(db).InsertUserHandle(ctx, dbq.InsertUserHandleParams{OrgID: orgID, UserID: userID, Handle: handle, CreatedAt: p.now()})
}

// OfUser lists a person's passkeys, oldest first.
func (p *Passkeys) OfUser(ctx context.Context, db store.DB, orgID, userID uuid.UUID) ([]Passkey, error) {
	rows, err := dbq.New(db).PasskeysOfUser(ctx, dbq.PasskeysOfUserParams{OrgID: orgID, UserID: userID})
	passkeys := make([]Passkey, len(rows))
	for i, row := range rows {
		passkeys[i] = passkeyFromRow(row)
	}
	return passkeys, err
}

// Signing is OfUser for those that sign in: neither suspended nor on a model that the organization does not accept.
func (p *Passkeys) Signing(ctx context.Context, db store.DB, orgID, userID uuid.UUID) ([]Passkey, error) {
	rules, err := p.models.Rules(ctx, orgID)
	if err != nil {
		return nil, err
	}
	all, err := p.OfUser(ctx, db, orgID, userID)
	return slices.DeleteFunc(all, func(passkey Passkey) bool {
		return !passkey.SuspendedAt.IsZero() || rules.Used(passkey.AAGUID, passkey.Attested) != nil
	}), err
}

func passkeyFromRow(row dbq.Passkey) Passkey {
	passkey := Passkey{ID: row.ID, OrgID: row.OrgID, UserID: row.UserID, CredentialID: row.CredentialID, PublicKey: row.PublicKey, RPID: row.RpID,
		SignCount: uint32(row.SignCount), AAGUID: row.Aaguid, Transports: row.Transports, Discoverable: row.Discoverable,
		BackupEligible: row.BackupEligible, BackupState: row.BackupState, UserVerified: row.UserVerified,
		Attestation: Attestation{Format: row.AttestationFormat, Object: row.AttestationObject, ClientDataHash: row.ClientDataHash}, Attested: row.Attested, Name: row.Name, CreatedAt: row.CreatedAt}
	if row.LastUsedAt != nil {
		passkey.LastUsedAt = *row.LastUsedAt
	}
	if row.SuspendedAt != nil {
		passkey.SuspendedAt, passkey.Suspension = *row.SuspendedAt, SuspendedCopied
		if row.Suspension != nil {
			passkey.Suspension = Suspension(*row.Suspension)
		}
	}
	return passkey
}

// Register stores a passkey that package webauthn verified, in the name of its owner, who has a handle already, and
// returns it with its identifier. ErrPasskeyExists when anybody of the organization has one with the credential ID
// (WebAuthn Level 3 §7.1 step 26), ErrTooManyPasskeys.
func (p *Passkeys) Register(ctx context.Context, tx *store.Tx, actor audit.Actor, made Passkey) (Passkey, error) {
	name, err := CheckPasskeyName(made.Name)
	if err != nil {
		return Passkey{}, err
	}
	made.ID, made.Name, made.CreatedAt, made.Transports = store.NewID(), name, p.now(), KnownTransports(made.Transports)
	inserted, err := dbq.New(tx).InsertPasskey(ctx, dbq.InsertPasskeyParams{OrgID: made.OrgID, ID: made.ID, UserID: made.UserID, CredentialID: made.CredentialID,
		PublicKey: made.PublicKey, RpID: made.RPID, SignCount: int64(made.SignCount), Aaguid: made.AAGUID, Transports: made.Transports, Discoverable: made.Discoverable,
		BackupEligible: made.BackupEligible, BackupState: made.BackupState, UserVerified: made.UserVerified, AttestationFormat: made.Attestation.Format,
		AttestationObject: made.Attestation.Object, ClientDataHash: made.Attestation.ClientDataHash, Name: made.Name, CreatedAt: made.CreatedAt, Attested: made.Attested,
		Most: MaximumPasskeys})
	switch {
	case store.Violates(err, "passkeys_credential_id"):
		return Passkey{}, ErrPasskeyExists
	case err != nil:
		return Passkey{}, err
	case inserted == 0:
		return Passkey{}, ErrTooManyPasskeys
	}
	if err := forgetDevices(ctx, tx, made.OrgID, made.UserID); err != nil {
		return Passkey{}, err
	}
	if err := settleInvitation(ctx, tx, actor, made.OrgID, made.UserID, made.CreatedAt); err != nil {
		return Passkey{}, err
	}
	return made, p.record(ctx, tx, actor, "credential.passkey_added", made.OrgID, made.UserID, map[string]any{"passkey_id": made.ID, "name": made.Name, "aaguid": made.AAGUID, "attested": made.Attested,
		"backup_eligible": made.BackupEligible, "rp_id": made.RPID})
}

// KnownTransports are the transports in a form that may be stored and given back: what a client calls by a name that
// is none is left out (WebAuthn Level 3 §5.8.4).
func KnownTransports(reported []string) []string {
	kept := make([]string, 0, min(len(reported), maximumTransports))
	for _, transport := range reported[:min(len(reported), maximumTransports)] {
		if transport != "" && len(transport) <= maximumTransportName && strings.Trim(transport, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" {
			kept = append(kept, transport)
		}
	}
	return kept
}

// CheckPasskeyName is the name that somebody typed, without superfluous space; ErrPasskeyNameInvalid when it is none.
func CheckPasskeyName(typed string) (string, error) {
	name := strings.Join(strings.Fields(user.Normalize(typed)), " ")
	if name == "" || utf8.RuneCountInString(name) > MaximumPasskeyName || strings.ContainsFunc(name, unicode.IsControl) {
		return "", ErrPasskeyNameInvalid
	}
	return name, nil
}

// Rename gives a person's passkey another name. ErrPasskeyNotFound when it is not theirs.
func (p *Passkeys) Rename(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID, id uuid.UUID, typed string) error {
	name, err := CheckPasskeyName(typed)
	if err != nil {
		return err
	}
	renamed, err := dbq.New(tx).RenamePasskey(ctx, dbq.RenamePasskeyParams{OrgID: orgID, UserID: userID, ID: id, Name: name})
	if err != nil {
		return err
	}
	if renamed == 0 {
		return ErrPasskeyNotFound
	}
	return p.record(ctx, tx, actor, "credential.passkey_renamed", orgID, userID, map[string]any{"passkey_id": id, "name": name})
}

// Delete removes a person's passkey and ends the sessions that were begun with it, but keep (uuid.Nil keeps none), and what was
// granted in them, offline access included: it may be removed because it was lost. It returns the name that it had.
// ErrPasskeyNotFound when it is not theirs.
func (p *Passkeys) Delete(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID, id, keep uuid.UUID) (name string, err error) {
	queries := dbq.New(tx)
	name, err = queries.LockPasskeyOfUser(ctx, dbq.LockPasskeyOfUserParams{OrgID: orgID, UserID: userID, ID: id})
	if store.IsNotFound(err) {
		return "", ErrPasskeyNotFound
	}
	if err != nil {
		return "", err
	}
	if err := p.sessions.EndOfPasskey(ctx, tx, actor, orgID, userID, id, keep, "passkey removed"); err != nil {
		return "", err
	}
	if _, err := queries.DeletePasskey(ctx, dbq.DeletePasskeyParams{OrgID: orgID, UserID: userID, ID: id}); err != nil {
		return "", err
	}
	if err := forgetDevices(ctx, tx, orgID, userID); err != nil {
		return "", err
	}
	return name, p.record(ctx, tx, actor, "credential.passkey_removed", orgID, userID, map[string]any{"passkey_id": id, "name": name})
}

func (p *Passkeys) record(ctx context.Context, db store.DB, actor audit.Actor, action string, orgID, userID uuid.UUID, details map[string]any) error {
	return p.log.Record(ctx, db, orgID, audit.Event{Action: action, Actor: actor, Target: audit.Target{Kind: "user", ID: userID.String()}, Details: details})
}

// Usable reports whether a person has a passkey of the relying party ("" for any) that may sign them in, made before a moment;
// the zero moment is any.
func (p *Passkeys) Usable(ctx context.Context, db store.DB, orgID, userID uuid.UUID, rpID string, madeBefore time.Time) (bool, error) {
	rules, err := p.models.Rules(ctx, orgID)
	if err != nil {
		return false, err
	}
	return dbq.New(db).HasUsablePasskey(ctx, dbq.HasUsablePasskeyParams{OrgID: orgID, UserID: userID, RpID: rpID, RefusedModels: rules.Refused(), AcceptedModels: rules.Accepted(), AnyTime: madeBefore.IsZero(),
		MadeBefore: madeBefore})
}

// StillHolds tells whether a passkey that was proved signs its person in still: ErrReplaced when it was removed or
// suspended, its model is not accepted, or the person disabled. In a transaction it stays so until the end, as in Passwords.StillHolds.
func (p *Passkeys) StillHolds(ctx context.Context, db store.DB, orgID, userID, id uuid.UUID) error {
	rules, err := p.models.Rules(ctx, orgID)
	if err != nil {
		return err
	}
	_, err = dbq.New(db).LockUsablePasskey(ctx, dbq.LockUsablePasskeyParams{OrgID: orgID, UserID: userID, ID: id, RefusedModels: rules.Refused(), AcceptedModels: rules.Accepted()})
	if store.IsNotFound(err) {
		return ErrReplaced
	}
	return err
}
