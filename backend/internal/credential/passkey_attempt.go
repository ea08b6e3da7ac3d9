package credential

import (
	"context"
	"encoding/hex"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/reqctx"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/user"
)

// PasskeyAttempt is somebody's attempt to sign in with a passkey.
type PasskeyAttempt struct {
	OrgID        uuid.UUID
	CredentialID []byte
	BrowserHash  []byte // of the browser's own cookie
	// Owner is who has to own the passkey, because they proved another factor before; uuid.Nil: whoever does signs in.
	Owner uuid.UUID
	// Verify judges the assertion by the stored passkey and the user handle of its owner. A fault of the kind
	// Unauthenticated is shown to the person, every other error becomes ErrPasskeyRefused.
	Verify func(stored Passkey, handle []byte) (Assertion, error)
}

// refusal is the one answer to a passkey that is not good for the attempt.
func (a PasskeyAttempt) refusal() *fault.Error {
	if a.Owner != uuid.Nil {
		return ErrPasskeyNotTheirs
	}
	return ErrPasskeyRefused
}

// Assertion is what an authenticator said, verified.
type Assertion struct {
	SignCount    uint32
	BackupState  bool
	UserVerified bool
}

// PasskeyProof is a passkey that was proved.
type PasskeyProof struct {
	Person       *user.User
	Passkey      Passkey
	UserVerified bool
}

// Verify checks an attempt and returns what it proves. ErrPasskeyRefused, ErrPasskeyCopied, ErrTooMany (with
// RetryAfter), or what the attempt's Verify says. Failures are counted and recorded as those of passwords are: for the
// credential, whoever's it is, and for the address that they come from.
func (p *Passkeys) Verify(ctx context.Context, attempt PasskeyAttempt) (*PasskeyProof, error) {
	row, err := dbq.New(p.db).PasskeyByCredentialID(ctx, dbq.PasskeyByCredentialIDParams{OrgID: attempt.OrgID, CredentialID: attempt.CredentialID})
	var person *user.User
	if !store.IsNotFound(err) {
		if person, err = user.FromRow(row.User, err); err != nil {
			return nil, err
		}
	}
	stored := passkeyFromRow(row.Passkey)
	reservation, err := p.reserve(ctx, attempt, person)
	if err != nil {
		return nil, err
	}
	if person == nil || attempt.Owner != uuid.Nil && attempt.Owner != person.ID {
		return nil, p.failed(ctx, attempt, nil, stored, attempt.refusal())
	}
	rules, err := p.models.Rules(ctx, attempt.OrgID)
	if err != nil {
		return nil, err
	}
	asserted, err := attempt.Verify(stored, row.Handle)
	if err == nil { // who has proved it may learn what is wrong with it
		err = p.accepts(rules, stored)
	}
	var told *fault.Error
	switch {
	case err != nil && !fault.IsKind(err, fault.Unauthenticated):
		told = attempt.refusal().WithCause(err)
	case err != nil:
		told = fault.From(err)
	case !person.MayProve():
		told = attempt.refusal()
	default:
		if told, err = p.use(ctx, stored, asserted); err != nil { // nothing was learned about the passkey
			_ = p.damping.forgive(context.WithoutCancel(ctx), attempt.OrgID, reservation)
			return nil, err
		}
	}
	if told != nil {
		return nil, p.failed(ctx, attempt, person, stored, told)
	}
	if err := p.damping.succeeded(ctx, attempt.OrgID, reservation); err != nil {
		return nil, err
	}
	return &PasskeyProof{Person: person, Passkey: stored, UserVerified: asserted.UserVerified}, nil
}

// accepts judges the model of a passkey that was proved.
func (p *Passkeys) accepts(rules *fido.Rules, stored Passkey) error {
	if !stored.SuspendedAt.IsZero() && stored.Suspension == SuspendedModel {
		return fido.ErrModelUnsafe
	}
	return rules.Used(stored.AAGUID, stored.Attested)
}

func (p *Passkeys) reserve(ctx context.Context, attempt PasskeyAttempt, person *user.User) (reservation, error) {
	userID := uuid.Nil
	if person != nil {
		userID = person.ID
	}
	knownBrowser, err := p.sessions.BrowserIsKnown(ctx, attempt.OrgID, userID, attempt.BrowserHash)
	if err != nil {
		return reservation{}, err
	}
	about := userID
	if attempt.Owner != uuid.Nil { // whose account it is about, whosever the passkey is
		about = attempt.Owner
	}
	// Not the account: who guesses its password does not keep its owner from using a passkey.
	return p.damping.reserve(ctx, attempt.OrgID, "passkey:"+hex.EncodeToString(attempt.CredentialID), about, knownBrowser, attempt.BrowserHash, reqctx.From(ctx).Address)
}

// use counts a verified assertion, once, and says what is wrong with it, nil for nothing. A counter that does not grow
// suspends the passkey, ends what was begun with it, and that is recorded.
func (p *Passkeys) use(ctx context.Context, stored Passkey, asserted Assertion) (told *fault.Error, err error) {
	err = p.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		told = nil
		counted, err := dbq.New(tx).UsePasskey(ctx, dbq.UsePasskeyParams{OrgID: stored.OrgID, ID: stored.ID, SignCount: int64(asserted.SignCount), BackupState: asserted.BackupState, At: p.now()})
		switch {
		case store.IsNotFound(err): // removed meanwhile, or suspended before
			told = ErrPasskeyRefused
			return nil
		case err != nil || counted:
			return err
		}
		told = ErrPasskeyCopied
		counter := audit.Actor{Kind: audit.System, Name: "passkey counter"}
		// Whoever has the copy may have been the first to sign in.
		if err := p.sessions.EndOfPasskey(ctx, tx, counter, stored.OrgID, stored.UserID, stored.ID, uuid.Nil, "the passkey may have been copied"); err != nil {
			return err
		}
		return p.record(ctx, tx, counter, "credential.passkey_suspended", stored.OrgID, stored.UserID,
			map[string]any{"passkey_id": stored.ID, "name": stored.Name, "stored_sign_count": stored.SignCount, "sign_count": asserted.SignCount})
	})
	return told, err
}

// failed records a failure and returns what is said about it.
func (p *Passkeys) failed(ctx context.Context, attempt PasskeyAttempt, person *user.User, stored Passkey, told *fault.Error) error {
	event := audit.Event{Action: "sign_in.failed", Actor: audit.Actor{Kind: audit.Anonymous}, Outcome: audit.Failure, Details: map[string]any{"method": "passkey"}}
	if attempt.Owner != uuid.Nil { // whose account it is about, whosever the passkey is
		event.Action, event.Target = "second_factor.failed", audit.Target{Kind: "user", ID: attempt.Owner.String()}
		event.Details["reason"] = told.Code
	}
	if person != nil {
		event.Target = user.Target(person)
		event.Details["disabled"], event.Details["passkey_id"], event.Details["reason"] = !person.MayProve(), stored.ID, told.Code
	}
	if err := p.log.Record(ctx, p.db, attempt.OrgID, event); err != nil {
		return err
	}
	return told
}
