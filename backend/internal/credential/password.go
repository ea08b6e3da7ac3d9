// Package credential keeps what people prove themselves with: passwords (argon2id) and one-time
// links, and slows down whoever guesses. Which credential is asked for, and when, is decided by
// package login; what happens in a browser by package signin.
//
// Password rules follow NIST SP 800-63B-4 §3.1.1: a minimum length, no composition rules, every
// Unicode character, no forced rotation; what is tried first (package commonpassword), holds little more than the person's
// name, or was seen in a theft (Breaches) is refused.
package credential

import (
	"context"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/commonpassword"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/passwordhash"
	"github.com/clavex/clavex/backend/internal/reqctx"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/user"
)

// MaximumLength of a password, in characters after normalisation. The least is the organization's.
const MaximumLength = 256

// The faults of this package.
var (
	// ErrWrong is the one answer to a wrong password, an unknown person, a disabled person and a person
	// without password: all look and cost the same.
	ErrWrong       = fault.New(fault.Unauthenticated, "credentials_wrong", "The username or password is not right.")
	ErrTooShort    = fault.New(fault.Invalid, "password_too_short", "Choose a longer password.").WithField("password") // the message names the least
	ErrTooLong     = fault.Newf(fault.Invalid, "password_too_long", "Choose a password of at most %d characters.", MaximumLength).WithField("password")
	ErrGuessable   = fault.New(fault.Invalid, "password_guessable", "This password contains little more than your name, your address or the name of the organization, or repeats one character. Choose another one.").WithField("password")
	ErrCommon      = fault.New(fault.Invalid, "password_common", "This password is one of those that are tried first. Choose another one.").WithField("password")
	ErrStolen      = fault.New(fault.Invalid, "password_stolen", "This password was seen in a theft of passwords elsewhere. Choose another one, and change it wherever you use it.").WithField("password")
	ErrUnreadable  = fault.New(fault.Invalid, "password_unreadable", "The password contains bytes that are not text.").WithField("password")
	ErrSame        = fault.New(fault.Invalid, "password_unchanged", "This is your present password. Choose another one.").WithField("password")
	ErrTooMany     = fault.New(fault.RateLimited, "too_many_attempts", "There were too many failed attempts. Wait a moment, then try again.")
	ErrReplaced    = fault.New(fault.Unauthenticated, "password_replaced", "The password was changed meanwhile. Sign in with the new one.")
	ErrLinkInvalid = fault.New(fault.NotFound, "link_invalid", "This link was used before, has expired, or is incomplete. Ask for a new one.")
)

// Passwords verifies and stores passwords. It is safe for concurrent use.
type Passwords struct {
	db       *store.Store
	users    *user.Users
	sessions *session.Sessions
	log      *audit.Log
	now      func() time.Time
	hashes   *passwordhash.Hasher
	damping  damping
	drawing  drawing[hashKind]

	// Breaches, when set, is asked about new passwords.
	Breaches *Breaches
}

// NewPasswords makes the keeper of passwords. Hashing waits in the queue.
func NewPasswords(db *store.Store, users *user.Users, sessions *session.Sessions, log *audit.Log, now func() time.Time, hashes *passwordhash.Hasher, ring *seal.Ring, random io.Reader) *Passwords {
	return &Passwords{db: db, users: users, sessions: sessions, log: log, now: now, hashes: hashes, damping: newDamping(db, "password", ring, now, true),
		drawing: drawing[hashKind]{db: db, now: now, random: random, label: "hash of nobody", step: 1}}
}

// Attempt is somebody's attempt to sign in.
type Attempt struct {
	OrgID       uuid.UUID
	Identifier  string // username or e-mail address
	Password    string
	BrowserHash []byte // of the browser's own cookie
}

// Proof is a password that was right.
type Proof struct {
	Person   *user.User
	Password []byte // names the password, see StillHolds
}

// Verify checks an attempt and returns what it proves. ErrWrong, ErrTooMany (with RetryAfter), or
// Unavailable when too many hashes wait. Failures are counted and recorded; the attempt is counted
// before it is made, so simultaneous guesses gain nothing.
func (p *Passwords) Verify(ctx context.Context, attempt Attempt) (*Proof, error) {
	person, stored, err := p.users.ByIdentifier(ctx, p.db, attempt.OrgID, attempt.Identifier)
	if err != nil && !fault.IsKind(err, fault.NotFound) {
		return nil, err
	}
	reservation, err := p.reserve(ctx, attempt, person)
	if err != nil {
		return nil, err
	}
	matches, rehash, err := p.compare(ctx, attempt, stored)
	if err != nil {
		// Nothing was learned about the password: the attempt does not count.
		_ = p.damping.forgive(context.WithoutCancel(ctx), attempt.OrgID, reservation)
		return nil, err
	}
	if person == nil || !person.MayProve() || !matches {
		return nil, p.failed(ctx, attempt, person)
	}
	others, err := p.otherNames(ctx, attempt, person, reservation)
	if err != nil {
		return nil, err
	}
	if err := p.damping.succeeded(ctx, attempt.OrgID, reservation, others...); err != nil {
		return nil, err
	}
	if rehash {
		stored = p.rehash(ctx, attempt, person, stored)
	}
	return &Proof{Person: person, Password: secret.Hash(stored)}, nil
}

// StillHolds tells whether the password that a Proof named is the person's still, and lets them in:
// ErrReplaced when it does not. In a transaction it stays theirs until the end, so what begins in the transaction is seen by whoever
// changes the password afterwards and ends everything.
func (p *Passwords) StillHolds(ctx context.Context, db store.DB, orgID, userID uuid.UUID, password []byte) error {
	stored, err := dbq.New(db).LockPasswordOfUser(ctx, dbq.LockPasswordOfUserParams{OrgID: orgID, UserID: userID})
	if store.IsNotFound(err) || err == nil && !secret.Matches(stored, password) {
		return ErrReplaced
	}
	return err
}

// reserve counts an attempt. In a browser in which the person signed in before it is counted for the person, in others for
// the name that was typed: were it the person there, too, a wait that one name brought about would tell which other names
// are of the same account, and so that there is one. An account with two names allows twice the guesses for that.
func (p *Passwords) reserve(ctx context.Context, attempt Attempt, person *user.User) (reservation, error) {
	userID := uuid.Nil
	if person != nil {
		userID = person.ID
	}
	// Asked for nobody, too: a refusal costs no hash, so one round trip less would tell who exists.
	knownBrowser, err := p.sessions.BrowserIsKnown(ctx, attempt.OrgID, userID, attempt.BrowserHash)
	if err != nil {
		return reservation{}, err
	}
	account := countedName(attempt.Identifier)
	if knownBrowser {
		account = userID.String()
	}
	return p.damping.reserve(ctx, attempt.OrgID, account, userID, knownBrowser, attempt.BrowserHash, reqctx.From(ctx).Address)
}

// countedName is what attempts are counted by in browsers that are not known. The prefix keeps what somebody types apart
// from what other attempts are counted by.
func countedName(identifier string) string {
	return "name:" + strings.ToLower(user.Normalize(identifier))
}

// otherNames are the names of a person whose failures a success forgets besides those of the name that was typed; none
// where attempts were counted for the person. An address that is the username of somebody else names them, so whoever has it
// must not forget what was guessed there.
func (p *Passwords) otherNames(ctx context.Context, attempt Attempt, person *user.User, reserved reservation) ([]string, error) {
	if reserved.browser != nil {
		return nil, nil
	}
	names, email := []string{countedName(person.Username)}, countedName(person.Email)
	if person.Email == "" || email == names[0] || email == countedName(attempt.Identifier) {
		return names, nil
	}
	named, _, err := p.users.ByIdentifier(ctx, p.db, attempt.OrgID, person.Email)
	switch {
	case fault.IsKind(err, fault.NotFound): // changed meanwhile
		return names, nil
	case err != nil:
		return nil, err
	case named.ID == person.ID:
		names = append(names, email)
	}
	return names, nil
}

// compare costs the same whether or not there is a stored hash.
func (p *Passwords) compare(ctx context.Context, attempt Attempt, stored string) (matches, rehash bool, err error) {
	kind, err := p.kindOfNobody(ctx, attempt.OrgID, attempt.Identifier) // of somebody, too: it takes time
	if err != nil {
		return false, false, err
	}
	password, err := prepare(attempt.Password)
	possible := err == nil && utf8.RuneCountInString(password) <= MaximumLength
	if !possible {
		password = "" // cannot be anybody's, and takes no less time
	}
	if stored == "" {
		return false, false, p.hashes.Dummy(ctx, attempt.OrgID, kind, password)
	}
	matches, err = p.hashes.Verify(ctx, attempt.OrgID, stored, password)
	matches = matches && possible
	return matches, matches && p.hashes.NeedsRehash(stored), err
}

func (p *Passwords) failed(ctx context.Context, attempt Attempt, person *user.User) error {
	event := audit.Event{Action: "sign_in.failed", Actor: audit.Actor{Kind: audit.Anonymous}, Outcome: audit.Failure}
	if person != nil {
		event.Target = user.Target(person)
		event.Details = map[string]any{"disabled": !person.MayProve()}
	}
	if err := p.log.Record(ctx, p.db, attempt.OrgID, event); err != nil {
		return err
	}
	return ErrWrong
}

// rehash stores the password under today's parameters and returns the hash that is stored now. Failing is
// harmless: the next sign-in tries again.
func (p *Passwords) rehash(ctx context.Context, attempt Attempt, person *user.User, verified string) string {
	password, err := prepare(attempt.Password)
	if err != nil {
		return verified
	}
	fresh, err := p.hashes.Hash(ctx, attempt.OrgID, password)
	if err != nil {
		return verified
	}
	stored, err := dbq.New(p.db).RehashPassword(ctx, dbq.RehashPasswordParams{OrgID: attempt.OrgID, UserID: person.ID, Secret: fresh, VerifiedSecret: verified})
	if err != nil || stored == 0 {
		return verified
	}
	return fresh
}

// Hash checks a new password against the rules of the person's organization and hashes it. Do it before the transaction
// that stores it: it waits in the queue.
func (p *Passwords) Hash(ctx context.Context, organization *org.Organization, person *user.User, password string) (Hashed, error) {
	password, err := prepare(password)
	if err != nil {
		return Hashed{}, err
	}
	if err := checkRules(password, organization, person); err != nil {
		return Hashed{}, err
	}
	if p.Breaches.seen(ctx, password) {
		return Hashed{}, ErrStolen
	}
	encoded, err := p.hashes.Hash(ctx, person.OrgID, password)
	return Hashed{encoded: encoded}, err
}

// CheckRules judges a new password as Hash does, without asking anybody else and without the cost of hashing it.
func CheckRules(organization *org.Organization, person *user.User, password string) error {
	password, err := prepare(password)
	if err != nil {
		return err
	}
	return checkRules(password, organization, person)
}

// HashPreset hashes a password that is not held against the rules, for seeds and imports.
func (p *Passwords) HashPreset(ctx context.Context, orgID uuid.UUID, password string) (Hashed, error) {
	encoded, err := p.hashes.Hash(ctx, orgID, norm.NFC.String(password))
	return Hashed{encoded: encoded}, err
}

// Hashed is a password that passed the rules, ready to be stored.
type Hashed struct {
	encoded string
	byLink  bool
}

// Keep is the hash as text, to be kept until it is stored as somebody's password.
func (h Hashed) Keep() string { return h.encoded }

// Kept is the hash that Keep returned.
func Kept(encoded string) Hashed { return Hashed{encoded: encoded} }

// Proof is what choosing the password proves, once it is stored.
func (h Hashed) Proof(person *user.User) *Proof {
	return &Proof{Person: person, Password: secret.Hash(h.encoded)}
}

// Matches reports whether the password is the person's present one.
func (p *Passwords) Matches(ctx context.Context, orgID, userID uuid.UUID, password string) (bool, error) {
	stored, err := dbq.New(p.db).PasswordOfUser(ctx, dbq.PasswordOfUserParams{OrgID: orgID, UserID: userID})
	if store.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	password, err = prepare(password)
	if err != nil {
		return false, nil //nolint:nilerr // what is not text cannot be anybody's password
	}
	return p.hashes.Verify(ctx, orgID, stored, password)
}

// Since is when the person's password was set; zero when they have none.
func (p *Passwords) Since(ctx context.Context, db store.DB, orgID, userID uuid.UUID) (time.Time, error) {
	since, err := dbq.New(db).PasswordSince(ctx, dbq.PasswordSinceParams{OrgID: orgID, UserID: userID})
	if store.IsNotFound(err) {
		return time.Time{}, nil
	}
	return since, err
}

// Store makes the hash the person's password, cancels their open one-time links, and records it. Ending
// their sessions is the caller's decision (session.EndAll).
func (p *Passwords) Store(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID uuid.UUID, hashed Hashed) error {
	now := p.now()
	queries := dbq.New(tx)
	if err := queries.UpsertPassword(ctx, dbq.UpsertPasswordParams{OrgID: orgID, ID: store.NewID(), UserID: userID, Secret: hashed.encoded, ByLink: hashed.byLink, At: now}); err != nil {
		return err
	}
	if _, err := queries.CancelOneTimeLinks(ctx, dbq.CancelOneTimeLinksParams{OrgID: orgID, UserID: userID, At: &now}); err != nil {
		return err
	}
	if err := forgetDevices(ctx, tx, orgID, userID); err != nil {
		return err
	}
	if err := settleInvitation(ctx, tx, actor, orgID, userID, now); err != nil {
		return err
	}
	return p.log.Record(ctx, tx, orgID, audit.Event{Action: "credential.password_set", Actor: actor, Target: audit.Target{Kind: "user", ID: userID.String()}})
}

// Remove takes a person's password away, because somebody else may know it, and records it; nothing happens when they have
// none.
func (p *Passwords) Remove(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID uuid.UUID) error {
	removed, err := dbq.New(tx).DeletePassword(ctx, dbq.DeletePasswordParams{OrgID: orgID, UserID: userID})
	if err != nil || removed == 0 {
		return err
	}
	return p.log.Record(ctx, tx, orgID, audit.Event{Action: "credential.password_removed", Actor: actor, Target: audit.Target{Kind: "user", ID: userID.String()}})
}

// prepare normalises a password to NFC (SP 800-63B-4 §3.1.1.2), so that the same characters typed on
// another keyboard are the same password.
func prepare(password string) (string, error) {
	if !utf8.ValidString(password) {
		return "", ErrUnreadable
	}
	if len(password) > 4*MaximumLength {
		return "", ErrTooLong
	}
	return norm.NFC.String(password), nil
}

func checkRules(password string, organization *org.Organization, person *user.User) error {
	length := utf8.RuneCountInString(password)
	if least := organization.Policies.PasswordMinimum(); length < least {
		return ErrTooShort.WithMessage("Choose a password of at least %d characters.", least)
	}
	if length > MaximumLength {
		return ErrTooLong
	}
	lower := strings.ToLower(password)
	if first, _ := utf8.DecodeRuneInString(lower); strings.Trim(lower, string(first)) == "" {
		return ErrGuessable
	}
	if commonpassword.Contains(password) {
		return ErrCommon
	}
	if littleMore(password, organization, person) {
		return ErrGuessable
	}
	return nil
}

// DeleteExpired removes spent links and forgotten failures, at most limit of each. Called by a periodic job.
func DeleteExpired(ctx context.Context, db *store.Store, now time.Time, limit int32) (int64, error) {
	links, err := dbq.New(db).DeleteExpiredOneTimeLinks(ctx, dbq.DeleteExpiredOneTimeLinksParams{Before: now, RowLimit: limit})
	if err != nil {
		return 0, err
	}
	failures, err := dbq.New(db).DeleteOldSignInFailures(ctx, dbq.DeleteOldSignInFailuresParams{Before: now.Add(-triesDay), RowLimit: limit})
	return max(links, failures), err
}
