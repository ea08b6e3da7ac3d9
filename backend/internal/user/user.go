// Package user is about the people of an organization: who they are, not how they prove it (that is
// package credential).
package user

import (
	"context"
	"encoding/json"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// Status says whether a person may sign in.
type Status string

// The states of a person.
const (
	Active   Status = "active"
	Disabled Status = "disabled"
)

// RequiredAction is something a person must do before the next sign-in completes.
type RequiredAction string

// The required actions.
const (
	ChangePassword RequiredAction = "change_password" // choose a new password
	VerifyEmail    RequiredAction = "verify_email"    // prove once more that the address of the account is theirs
	EnrolPasskey   RequiredAction = "enrol_passkey"   // make a passkey
	AcceptTerms    RequiredAction = "accept_terms"    // accept the terms in force, once more
)

// Profile holds the standard claims of OpenID Connect Core 1.0 §5.1 that have no column of their own.
type Profile struct {
	Name              string   `json:"name,omitempty"`
	GivenName         string   `json:"given_name,omitempty"`
	FamilyName        string   `json:"family_name,omitempty"`
	MiddleName        string   `json:"middle_name,omitempty"`
	Nickname          string   `json:"nickname,omitempty"`
	PreferredUsername string   `json:"preferred_username,omitempty"`
	Profile           string   `json:"profile,omitempty"`
	Picture           string   `json:"picture,omitempty"`
	Website           string   `json:"website,omitempty"`
	Gender            string   `json:"gender,omitempty"`
	Birthdate         string   `json:"birthdate,omitempty"` // YYYY-MM-DD, 0000-MM-DD or YYYY
	Zoneinfo          string   `json:"zoneinfo,omitempty"`
	Locale            string   `json:"locale,omitempty"`
	Address           *Address `json:"address,omitempty"`
}

// Address is the address claim, OpenID Connect Core 1.0 §5.1.1.
type Address struct {
	Formatted     string `json:"formatted,omitempty"`
	StreetAddress string `json:"street_address,omitempty"`
	Locality      string `json:"locality,omitempty"`
	Region        string `json:"region,omitempty"`
	PostalCode    string `json:"postal_code,omitempty"`
	Country       string `json:"country,omitempty"`
}

// User is a person of one organization.
type User struct {
	OrgID               uuid.UUID        `json:"-"`
	ID                  uuid.UUID        `json:"id"` // also the subject (`sub`) towards clients
	Username            string           `json:"username"`
	Email               string           `json:"email,omitempty"` // "" when none
	EmailVerified       bool             `json:"email_verified"`
	PhoneNumber         string           `json:"phone_number,omitempty"`
	PhoneNumberVerified bool             `json:"phone_number_verified"`
	Profile             Profile          `json:"profile"`
	Attributes          map[string]any   `json:"attributes,omitempty"`
	Status              Status           `json:"status"`
	RequiredActions     []RequiredAction `json:"required_actions,omitempty"`
	EraseAt             time.Time        `json:"erase_at,omitzero"` // when the account is erased; only of somebody who leaves
	Version             int64            `json:"version"`
	CreatedAt           time.Time        `json:"created_at"`
	UpdatedAt           time.Time        `json:"updated_at"`
}

// DisplayName is what pages call the person.
func (u *User) DisplayName() string {
	for _, name := range []string{u.Profile.Name, strings.TrimSpace(u.Profile.GivenName + " " + u.Profile.FamilyName), u.Username} {
		if name != "" {
			return name
		}
	}
	return u.ID.String()
}

// Must reports whether the action is required of the person.
func (u *User) Must(action RequiredAction) bool { return slices.Contains(u.RequiredActions, action) }

// done takes a required action away.
func (u *User) done(action RequiredAction) {
	u.RequiredActions = slices.DeleteFunc(slices.Clone(u.RequiredActions), func(a RequiredAction) bool { return a == action })
}

// IsCalled reports whether a hint names the person: by their username or their email address, in any case of letters.
func (u *User) IsCalled(hint string) bool {
	return hint != "" && (strings.EqualFold(hint, u.Username) || strings.EqualFold(hint, u.Email))
}

// The faults of this package.
var (
	ErrNotFound        = fault.New(fault.NotFound, "user_not_found", "There is no such user in this organization.")
	ErrUsernameTaken   = fault.New(fault.Conflict, "username_taken", "Somebody in this organization has this username already.").WithField("username")
	ErrEmailTaken      = fault.New(fault.Conflict, "email_taken", "Somebody in this organization has this e-mail address already.").WithField("email")
	ErrVersionMismatch = fault.New(fault.PreconditionFailed, "version_mismatch", "Somebody changed this user meanwhile. Load it again and repeat your change.")
)

// Users finds and changes people. It is safe for concurrent use.
type Users struct {
	log *audit.Log
	now func() time.Time
}

// New makes the directory of people.
func New(log *audit.Log, now func() time.Time) *Users { return &Users{log: log, now: now} }

// ByID returns a person of the organization.
func (u *Users) ByID(ctx context.Context, db store.DB, orgID, id uuid.UUID) (*User, error) {
	row, err := dbq.New(db).UserByID(ctx, dbq.UserByIDParams{OrgID: orgID, ID: id})
	return FromRow(row, err)
}

// ByIdentifier finds a person by username or e-mail address, ignoring case, together with the hash of
// their password ("" when they have none). ErrNotFound when there is nobody.
func (u *Users) ByIdentifier(ctx context.Context, db store.DB, orgID uuid.UUID, identifier string) (*User, string, error) {
	identifier = Normalize(identifier)
	if identifier == "" || len(identifier) > MaximumIdentifier {
		return nil, "", ErrNotFound
	}
	row, err := dbq.New(db).UserByIdentifier(ctx, dbq.UserByIdentifierParams{OrgID: orgID, Identifier: identifier})
	found, err := FromRow(row.User, err)
	if err != nil || row.Password == nil {
		return found, "", err
	}
	return found, *row.Password, nil
}

// Create makes a person. OrgID and the descriptive fields are taken from wanted; ID, Version and
// times are made here. An empty status means active.
func (u *Users) Create(ctx context.Context, tx *store.Tx, actor audit.Actor, wanted User) (*User, error) {
	if wanted.Status == "" {
		wanted.Status = Active
	}
	if err := wanted.normalize(); err != nil {
		return nil, err
	}
	row, err := dbq.New(tx).InsertUser(ctx, dbq.InsertUserParams{
		OrgID: wanted.OrgID, ID: store.NewID(), Username: wanted.Username, Email: optional(wanted.Email), EmailVerified: wanted.EmailVerified,
		PhoneNumber: optional(wanted.PhoneNumber), PhoneNumberVerified: wanted.PhoneNumberVerified, Profile: mustJSON(wanted.Profile),
		Attributes: attributes(wanted.Attributes), Status: string(wanted.Status), RequiredActions: actions(wanted.RequiredActions), CreatedAt: u.now(),
	})
	created, err := FromRow(row, conflict(err))
	if err != nil {
		return nil, err
	}
	return created, u.log.Record(ctx, tx, created.OrgID, audit.Event{Action: "user.created", Actor: actor, Target: Target(created), After: created})
}

// Update writes a changed copy of a person; its Version must be the one that was read.
func (u *Users) Update(ctx context.Context, tx *store.Tx, actor audit.Actor, changed User) (*User, error) {
	before, err := u.ByID(ctx, tx, changed.OrgID, changed.ID)
	if err != nil {
		return nil, err
	}
	return u.write(ctx, tx, actor, "user.updated", before, changed)
}

// write stores a changed copy, and what was done.
func (u *Users) write(ctx context.Context, tx *store.Tx, actor audit.Actor, action string, before *User, changed User) (*User, error) {
	if err := changed.normalize(); err != nil {
		return nil, err
	}
	if err := before.mayBecome(changed.Status); err != nil {
		return nil, err
	}
	row, err := dbq.New(tx).UpdateUser(ctx, dbq.UpdateUserParams{
		OrgID: changed.OrgID, ID: changed.ID, ExpectedVersion: changed.Version, Username: changed.Username, Email: optional(changed.Email),
		EmailVerified: changed.EmailVerified, PhoneNumber: optional(changed.PhoneNumber), PhoneNumberVerified: changed.PhoneNumberVerified,
		Profile: mustJSON(changed.Profile), Attributes: attributes(changed.Attributes), Status: string(changed.Status),
		RequiredActions: actions(changed.RequiredActions), UpdatedAt: u.now(),
	})
	if store.IsNotFound(err) {
		return nil, ErrVersionMismatch
	}
	after, err := FromRow(row, conflict(err))
	if err != nil {
		return nil, err
	}
	return after, u.log.Record(ctx, tx, after.OrgID, audit.Event{Action: action, Actor: actor, Target: Target(after), Before: before, After: after})
}

// Delete removes a person and everything that belongs to them. Version must be the one that was read.
func (u *Users) Delete(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, id uuid.UUID, version int64) error {
	before, err := u.ByID(ctx, tx, orgID, id)
	if err != nil {
		return err
	}
	removed, err := dbq.New(tx).DeleteUser(ctx, dbq.DeleteUserParams{OrgID: orgID, ID: id, ExpectedVersion: version})
	if err != nil {
		return err
	}
	if removed == 0 {
		return ErrVersionMismatch
	}
	return u.log.Record(ctx, tx, orgID, audit.Event{Action: "user.deleted", Actor: actor, Target: Target(before), Before: before})
}

// CompleteAction removes a required action; doing it twice is harmless.
func (u *Users) CompleteAction(ctx context.Context, tx *store.Tx, orgID, id uuid.UUID, action RequiredAction) error {
	_, err := dbq.New(tx).RemoveRequiredAction(ctx, dbq.RemoveRequiredActionParams{OrgID: orgID, ID: id, Action: string(action), UpdatedAt: u.now()})
	return err
}

// MaximumIdentifier is as many bytes as an e-mail address may have (RFC 5321 §4.5.3.1.3), and a username with it.
const MaximumIdentifier = 254

// Normalize brings what somebody typed as their identifier to the stored form: NFC, no space around.
func Normalize(identifier string) string { return norm.NFC.String(strings.TrimSpace(identifier)) }

// IsEmail reports whether a normalised text is an e-mail address, without a name (RFC 5322 §3.4.1).
func IsEmail(text string) bool {
	address, err := mail.ParseAddress(text)
	return err == nil && address.Address == text && len(text) <= MaximumIdentifier
}

func (u *User) normalize() error {
	invalid := func(field, code, message string) error {
		return fault.New(fault.Invalid, code, message).WithField(field)
	}
	u.Username, u.Email = Normalize(u.Username), Normalize(u.Email)
	if u.Username == "" || len(u.Username) > 254 || !printable(u.Username) {
		return invalid("username", "username_invalid", "A username has 1 to 254 printable characters.")
	}
	if u.Email != "" && !IsEmail(u.Email) {
		return invalid("email", "email_invalid", "This is not an e-mail address.")
	}
	if u.Email == "" && u.EmailVerified {
		return invalid("email_verified", "email_missing", "There is no e-mail address that could be verified.")
	}
	if len(u.PhoneNumber) > 64 || !printable(u.PhoneNumber) {
		return invalid("phone_number", "phone_number_invalid", "A phone number has at most 64 characters.")
	}
	if u.Status != Active && u.Status != Disabled && (u.Status != Leaving || u.EraseAt.IsZero()) {
		return invalid("status", "status_invalid", "Choose active or disabled.")
	}
	for _, action := range u.RequiredActions {
		if !slices.Contains([]RequiredAction{ChangePassword, VerifyEmail, EnrolPasskey, AcceptTerms}, action) {
			return invalid("required_actions", "required_action_unknown", fmt.Sprintf("There is no required action %q.", action))
		}
	}
	if len(mustJSON(u.Profile)) > 16<<10 {
		return invalid("profile", "profile_too_large", "The profile is larger than 16 KiB.")
	}
	if len(attributes(u.Attributes)) > 64<<10 {
		return invalid("attributes", "attributes_too_large", "The attributes are larger than 64 KiB.")
	}
	for _, encoded := range [][]byte{mustJSON(u.Profile), attributes(u.Attributes)} {
		if strings.Contains(string(encoded), `\u0000`) {
			return invalid("profile", "text_invalid", "Text cannot contain the character NUL.")
		}
	}
	return nil
}

func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar })
}

func conflict(err error) error {
	switch {
	case store.Violates(err, "users_username"):
		return ErrUsernameTaken
	case store.Violates(err, "users_email"):
		return ErrEmailTaken
	}
	return err
}

// Target names a person in an audit event.
func Target(u *User) audit.Target { return audit.Target{Kind: "user", ID: u.ID.String()} }

// FromRow translates a row, for the sibling packages whose queries join people.
func FromRow(row dbq.User, err error) (*User, error) {
	if store.IsNotFound(err) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	found := &User{OrgID: row.OrgID, ID: row.ID, Username: row.Username, EmailVerified: row.EmailVerified, PhoneNumberVerified: row.PhoneNumberVerified,
		Status: Status(row.Status), Version: row.Version, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt}
	if row.Email != nil {
		found.Email = *row.Email
	}
	if row.EraseAt != nil {
		found.EraseAt = *row.EraseAt
	}
	if row.PhoneNumber != nil {
		found.PhoneNumber = *row.PhoneNumber
	}
	for _, action := range row.RequiredActions {
		found.RequiredActions = append(found.RequiredActions, RequiredAction(action))
	}
	if err := json.Unmarshal(row.Profile, &found.Profile); err != nil {
		return nil, fmt.Errorf("profile of user %s: %w", row.ID, err)
	}
	if err := json.Unmarshal(row.Attributes, &found.Attributes); err != nil {
		return nil, fmt.Errorf("attributes of user %s: %w", row.ID, err)
	}
	return found, nil
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func actions(list []RequiredAction) []string {
	names := make([]string, 0, len(list))
	for _, action := range list {
		if !slices.Contains(names, string(action)) {
			names = append(names, string(action))
		}
	}
	return names
}

func attributes(values map[string]any) []byte {
	if len(values) == 0 {
		return []byte("{}")
	}
	return mustJSON(values)
}

// mustJSON encodes values that came from JSON or are plain structs, which cannot fail.
func mustJSON(value any) []byte {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return encoded
}

// Reads reports whether a person may sign in, and an address is theirs still. In a transaction it stays so until the end.
func (u *Users) Reads(ctx context.Context, db store.DB, orgID, id uuid.UUID, address string) (bool, error) {
	_, err := dbq.New(db).LockMailboxOfUser(ctx, dbq.LockMailboxOfUserParams{OrgID: orgID, ID: id, Email: address})
	if store.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// Hold keeps a person's row from being changed, and from being held by others, until the transaction ends.
func (u *Users) Hold(ctx context.Context, tx *store.Tx, orgID, id uuid.UUID) error {
	_, err := dbq.New(tx).HoldUser(ctx, dbq.HoldUserParams{OrgID: orgID, ID: id})
	if store.IsNotFound(err) {
		err = ErrNotFound
	}
	return err
}
