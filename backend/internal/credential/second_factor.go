package credential

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/reqctx"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// The faults of second factors.
var (
	// ErrFactorWrong is the answer to a wrong code, one that was used before, and one of an app that is gone: all the same.
	ErrFactorWrong     = fault.New(fault.Unauthenticated, "second_factor_wrong", "This code is not right, or was used before.").WithField("code")
	ErrRecoveryWrong   = fault.New(fault.Unauthenticated, "recovery_code_wrong", "This recovery code is not right, or was used before.").WithField("recovery_code")
	ErrEnrolmentWrong  = fault.New(fault.Invalid, "enrolment_code_wrong", "This is not the code that the app shows for this secret.").WithField("code")
	ErrEnrolmentVoid   = fault.New(fault.Invalid, "enrolment_void", "This secret is not good any more. Add the app anew.")
	ErrAlreadyEnrolled = fault.New(fault.Conflict, "second_factor_exists", "There is an authenticator app already. Remove it first.")
	ErrFactorMissing   = fault.New(fault.NotFound, "second_factor_missing", "There is no second factor.")
)

const (
	enrolmentLifetime = 30 * time.Minute
	recoveryCodes     = 10
	recoveryLength    = 12
	recoveryAlphabet  = "23456789cfghjmpqrvwx" // no vowels, nothing that looks like something else: 20¹² codes
)

// SecondFactors keeps authenticator apps (RFC 6238) and recovery codes. It is safe for concurrent use.
type SecondFactors struct {
	db       *store.Store
	sessions *session.Sessions
	log      *audit.Log
	ring     *seal.Ring
	now      func() time.Time
	random   io.Reader
	damping  damping
}

// NewSecondFactors makes the keeper of second factors.
func NewSecondFactors(db *store.Store, sessions *session.Sessions, log *audit.Log, ring *seal.Ring, now func() time.Time, random io.Reader) *SecondFactors {
	return &SecondFactors{db: db, sessions: sessions, log: log, ring: ring, now: now, random: random,
		damping: newDamping(db, "second_factor", ring, now, false)}
}

// Factor is what somebody has beside their password.
type Factor struct {
	ID         uuid.UUID
	AddedAt    time.Time
	LastUsedAt time.Time
	CodesLeft  int // recovery codes that were not used
}

// Of returns the factor of a person, nil when they have none.
func (f *SecondFactors) Of(ctx context.Context, db store.DB, orgID, userID uuid.UUID) (*Factor, error) {
	row, err := dbq.New(db).TOTPOfUser(ctx, dbq.TOTPOfUserParams{OrgID: orgID, UserID: userID})
	if store.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	left, err := dbq.New(db).RecoveryCodesLeft(ctx, dbq.RecoveryCodesLeftParams{OrgID: orgID, UserID: userID})
	return &Factor{ID: row.ID, AddedAt: row.ConfirmedAt, LastUsedAt: row.LastUsedAt, CodesLeft: int(left)}, err
}

// Enrolled reports whether a person has a factor.
func (f *SecondFactors) Enrolled(ctx context.Context, orgID, userID uuid.UUID) (bool, error) {
	_, err := dbq.New(f.db).TOTPOfUser(ctx, dbq.TOTPOfUserParams{OrgID: orgID, UserID: userID})
	if store.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// Person is who proves a factor, or adds one.
type Person struct {
	OrgID, UserID uuid.UUID
	BrowserHash   []byte // of the browser's own cookie
}

// enrolment is what is sealed while an app is being added. It is kept by the page that adds it, so nobody who begins the
// same elsewhere learns of it.
type enrolment struct {
	Seed  []byte    `json:"seed"`
	Until time.Time `json:"until"`
}

// about binds an enrolment to the person and to where it was begun.
func (p Person) about(where string) []byte {
	return []byte("totp-enrolment:" + p.OrgID.String() + ":" + p.UserID.String() + ":" + where)
}

// Begin draws the seed of an app. kept is for Confirm, in the same place.
func (f *SecondFactors) Begin(person Person, where string) (seed Seed, kept string, err error) {
	seed = make(Seed, seedBytes)
	if _, err := io.ReadFull(f.random, seed); err != nil {
		return nil, "", err
	}
	plain, err := json.Marshal(enrolment{Seed: seed, Until: f.now().Add(enrolmentLifetime)})
	if err != nil {
		return nil, "", err
	}
	by, sealed := f.ring.Seal(plain, person.about(where))
	return seed, by + "." + base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Begun returns the seed of an enrolment again; ErrEnrolmentVoid when it is another's, of another place, or too old.
func (f *SecondFactors) Begun(person Person, where, kept string) (Seed, error) {
	by, text, _ := strings.Cut(kept, ".")
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, ErrEnrolmentVoid.WithCause(err)
	}
	plain, err := f.ring.Open(by, sealed, person.about(where))
	if err != nil {
		return nil, ErrEnrolmentVoid.WithCause(err)
	}
	var begun enrolment
	if err := json.Unmarshal(plain, &begun); err != nil || !f.now().Before(begun.Until) {
		return nil, ErrEnrolmentVoid.WithCause(err)
	}
	return begun.Seed, nil
}

// Confirm adds the app when the code is its own, and returns its name and fresh recovery codes, which are never shown
// again. ErrEnrolmentWrong; ErrAlreadyEnrolled when the person has one, of two at once for the second.
func (f *SecondFactors) Confirm(ctx context.Context, tx *store.Tx, actor audit.Actor, person Person, seed Seed, typed string) (uuid.UUID, []string, error) {
	now := f.now()
	step, ok := matchTOTP(seed, readTOTP(typed), now, 0)
	if !ok {
		return uuid.Nil, nil, ErrEnrolmentWrong
	}
	row := dbq.InsertTOTPParams{OrgID: person.OrgID, ID: store.NewID(), UserID: person.UserID, LastUsedStep: step, At: now}
	row.SealedBy, row.Sealed = f.ring.Seal(seed, sealedTOTP(person.OrgID, row.ID))
	err := dbq.New(tx).InsertTOTP(ctx, row)
	if store.Violates(err, "totp_credentials_user") {
		return uuid.Nil, nil, ErrAlreadyEnrolled
	}
	if err != nil {
		return uuid.Nil, nil, err
	}
	codes, err := f.replaceCodes(ctx, tx, person, seed)
	if err != nil {
		return uuid.Nil, nil, err
	}
	if err := forgetDevices(ctx, tx, person.OrgID, person.UserID); err != nil {
		return uuid.Nil, nil, err
	}
	return row.ID, codes, f.record(ctx, tx, actor, person, "second_factor.added", "totp")
}

// NewCodes replaces the recovery codes of a person who has a factor.
func (f *SecondFactors) NewCodes(ctx context.Context, tx *store.Tx, actor audit.Actor, person Person) ([]string, error) {
	row, err := dbq.New(tx).TOTPOfUser(ctx, dbq.TOTPOfUserParams{OrgID: person.OrgID, UserID: person.UserID})
	if err != nil {
		return nil, or(ignoreNotFound(err), ErrFactorMissing)
	}
	seed, err := f.open(row)
	if err != nil {
		return nil, err
	}
	codes, err := f.replaceCodes(ctx, tx, person, seed)
	if err != nil {
		return nil, err
	}
	return codes, f.record(ctx, tx, actor, person, "second_factor.recovery_codes_made", "recovery_code")
}

// Remove takes the factor and the recovery codes of a person away. ErrFactorMissing when there is none.
func (f *SecondFactors) Remove(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID uuid.UUID) error {
	queries := dbq.New(tx)
	removed, err := queries.DeleteTOTP(ctx, dbq.DeleteTOTPParams{OrgID: orgID, UserID: userID})
	if err != nil || removed == 0 {
		return or(err, ErrFactorMissing)
	}
	if _, err := queries.DeleteRecoveryCodes(ctx, dbq.DeleteRecoveryCodesParams{OrgID: orgID, UserID: userID}); err != nil {
		return err
	}
	if err := forgetDevices(ctx, tx, orgID, userID); err != nil {
		return err
	}
	return f.record(ctx, tx, actor, Person{OrgID: orgID, UserID: userID}, "second_factor.removed", "totp")
}

// Verify checks a code of the person's app and uses it up. It returns the name of the app. ErrFactorWrong, or ErrTooMany
// with RetryAfter: failures are counted before the code is looked at, as those of passwords.
func (f *SecondFactors) Verify(ctx context.Context, person Person, typed string) (uuid.UUID, error) {
	return f.attempt(ctx, person, ErrFactorWrong, func() (uuid.UUID, bool, error) {
		row, err := dbq.New(f.db).TOTPOfUser(ctx, dbq.TOTPOfUserParams{OrgID: person.OrgID, UserID: person.UserID})
		if err != nil {
			return uuid.Nil, false, ignoreNotFound(err)
		}
		seed, err := f.open(row)
		if err != nil {
			return uuid.Nil, false, err
		}
		step, ok := matchTOTP(seed, readTOTP(typed), f.now(), row.LastUsedStep)
		if !ok {
			return row.ID, false, nil
		}
		used, err := dbq.New(f.db).UseTOTPStep(ctx, dbq.UseTOTPStepParams{OrgID: row.OrgID, UserID: row.UserID, ID: row.ID, Step: step, At: f.now()})
		return row.ID, used == 1, err
	})
}

// UseRecoveryCode checks a recovery code and uses it up, in place of a code of the app, whose name it returns. tell is
// called in the transaction that uses it up. ErrRecoveryWrong, or ErrTooMany.
func (f *SecondFactors) UseRecoveryCode(ctx context.Context, person Person, typed string, tell func(context.Context, *store.Tx) error) (uuid.UUID, error) {
	return f.attempt(ctx, person, ErrRecoveryWrong, func() (uuid.UUID, bool, error) {
		row, err := dbq.New(f.db).TOTPOfUser(ctx, dbq.TOTPOfUserParams{OrgID: person.OrgID, UserID: person.UserID})
		code := readRecoveryCode(typed)
		if err != nil || code == "" {
			return uuid.Nil, false, ignoreNotFound(err)
		}
		seed, err := f.open(row)
		if err != nil {
			return uuid.Nil, false, err
		}
		var used int64
		err = f.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			used, err = dbq.New(tx).UseRecoveryCode(ctx, dbq.UseRecoveryCodeParams{OrgID: person.OrgID, UserID: person.UserID, Hashes: [][]byte{codeHash(seed, person, code)}, At: new(f.now())})
			if err != nil || used == 0 {
				return err
			}
			if err := f.record(ctx, tx, audit.Actor{Kind: audit.User, ID: person.UserID.String()}, person, "second_factor.recovery_code_used", "recovery_code"); err != nil {
				return err
			}
			return tell(ctx, tx)
		})
		return row.ID, used == 1, err
	})
}

// open is the seed of an app.
func (f *SecondFactors) open(row dbq.TotpCredential) (Seed, error) {
	seed, err := f.ring.Open(row.SealedBy, row.Sealed, sealedTOTP(row.OrgID, row.ID))
	if err != nil {
		return nil, fmt.Errorf("authenticator %s of organization %s: %w", row.ID, row.OrgID, err)
	}
	return seed, nil
}

// attempt counts an attempt before it is made, so simultaneous guesses gain nothing, and forgets the count when it was right.
func (f *SecondFactors) attempt(ctx context.Context, person Person, wrong error, check func() (uuid.UUID, bool, error)) (uuid.UUID, error) {
	known, err := f.sessions.BrowserIsKnown(ctx, person.OrgID, person.UserID, person.BrowserHash)
	if err != nil {
		return uuid.Nil, err
	}
	reserved, err := f.damping.reserve(ctx, person.OrgID, "second-factor:"+person.UserID.String(), person.UserID, known, person.BrowserHash, reqctx.From(ctx).Address)
	if err != nil {
		return uuid.Nil, err
	}
	id, ok, err := check()
	switch {
	case err != nil:
		_ = f.damping.forgive(context.WithoutCancel(ctx), person.OrgID, reserved)
		return uuid.Nil, err
	case !ok:
		event := audit.Event{Action: "second_factor.failed", Outcome: audit.Failure, Actor: audit.Actor{Kind: audit.Anonymous},
			Target: audit.Target{Kind: "user", ID: person.UserID.String()}}
		return uuid.Nil, or(f.log.Record(ctx, f.db, person.OrgID, event), wrong)
	}
	return id, f.damping.succeeded(ctx, person.OrgID, reserved)
}

// StillHolds returns ErrReplaced when a factor that was proved was removed since. It stays until the transaction ends.
func (f *SecondFactors) StillHolds(ctx context.Context, db store.DB, orgID, userID, id uuid.UUID) error {
	_, err := dbq.New(db).LockTOTP(ctx, dbq.LockTOTPParams{OrgID: orgID, UserID: userID, ID: id})
	if store.IsNotFound(err) {
		return ErrReplaced
	}
	return err
}

// Reseal brings seeds under the current key-encryption key and returns how many it changed.
func (f *SecondFactors) Reseal(ctx context.Context) (changed int, err error) {
	queries, current := dbq.New(f.db), f.ring.CurrentKeyID()
	for {
		rows, err := queries.TOTPsSealedByOthers(ctx, dbq.TOTPsSealedByOthersParams{Current: current, RowLimit: 200})
		if err != nil || len(rows) == 0 {
			return changed, err
		}
		for _, row := range rows {
			by, sealed, err := f.ring.Rewrap(row.SealedBy, row.Sealed)
			if err != nil {
				return changed, fmt.Errorf("authenticator %s of organization %s: %w", row.ID, row.OrgID, err)
			}
			if _, err := queries.ResealTOTP(ctx, dbq.ResealTOTPParams{OrgID: row.OrgID, ID: row.ID, SealedBy: by, Sealed: sealed, WasSealedBy: row.SealedBy}); err != nil {
				return changed, err
			}
			changed++
		}
	}
}

func (f *SecondFactors) replaceCodes(ctx context.Context, tx *store.Tx, person Person, seed Seed) ([]string, error) {
	queries := dbq.New(tx)
	if _, err := queries.DeleteRecoveryCodes(ctx, dbq.DeleteRecoveryCodesParams{OrgID: person.OrgID, UserID: person.UserID}); err != nil {
		return nil, err
	}
	row := dbq.InsertRecoveryCodesParams{OrgID: person.OrgID, UserID: person.UserID, At: f.now()}
	codes := make([]string, recoveryCodes)
	for i := range codes {
		code, err := f.drawCode()
		if err != nil {
			return nil, err
		}
		row.Ids, row.Hashes = append(row.Ids, store.NewID()), append(row.Hashes, codeHash(seed, person, code))
		codes[i] = code[:4] + "-" + code[4:8] + "-" + code[8:]
	}
	return codes, queries.InsertRecoveryCodes(ctx, row)
}

// drawCode draws a code; every one is equally likely.
func (f *SecondFactors) drawCode() (string, error) {
	code := make([]byte, 0, recoveryLength)
	var drawn [1]byte
	for len(code) < recoveryLength {
		if _, err := io.ReadFull(f.random, drawn[:]); err != nil {
			return "", err
		}
		if most := byte(256 / len(recoveryAlphabet) * len(recoveryAlphabet)); drawn[0] < most {
			code = append(code, recoveryAlphabet[int(drawn[0])%len(recoveryAlphabet)])
		}
	}
	return string(code), nil
}

// readRecoveryCode is the code that somebody typed, "" when it can be none.
func readRecoveryCode(typed string) string {
	code := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -\u00a0\u2010\u2011\u2013\t", r) {
			return -1
		}
		return r
	}, strings.ToLower(typed))
	if len(code) != recoveryLength || strings.Trim(code, recoveryAlphabet) != "" {
		return ""
	}
	return code
}

// codeHash is what is kept of a code: keyed by the seed of the app in whose place it stands, which is sealed and moves
// to a new key-encryption key, as a hash could not.
func codeHash(seed Seed, person Person, code string) []byte {
	return secret.Derive(seed, "recovery-code", person.OrgID.String(), person.UserID.String(), code)
}

func (f *SecondFactors) record(ctx context.Context, db store.DB, actor audit.Actor, person Person, action, kind string) error {
	return f.log.Record(ctx, db, person.OrgID, audit.Event{Action: action, Actor: actor, Target: audit.Target{Kind: "user", ID: person.UserID.String()},
		Details: map[string]any{"kind": kind}})
}

// sealedTOTP binds a seed to its row.
func sealedTOTP(orgID, id uuid.UUID) []byte {
	return []byte("totp:" + orgID.String() + ":" + id.String())
}

func ignoreNotFound(err error) error {
	if store.IsNotFound(err) {
		return nil
	}
	return err
}

func or(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
