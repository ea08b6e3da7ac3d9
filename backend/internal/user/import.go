package user

import (
	"context"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// ErrIDTaken is the fault of an imported person whose identifier somebody has.
var ErrIDTaken = fault.New(fault.Conflict, "id_taken", "Somebody in this organization has this id already.").WithField("id")

// Normalized is a person as Create would store them: an empty status is active. The error says which field is at fault.
func Normalized(wanted User) (User, error) {
	if wanted.Status == "" {
		wanted.Status = Active
	}
	err := wanted.normalize()
	return wanted, err
}

// Taken finds, of normalized people, those whose username, address or id somebody of the organization has, or one before
// them in the list: by their index, what is wrong. One round trip.
func (u *Users) Taken(ctx context.Context, db store.DB, orgID uuid.UUID, people []User) (map[int]*fault.Error, error) {
	parameters := dbq.TakenIdentifiersParams{OrgID: orgID, Usernames: make([]string, len(people)), Emails: make([]string, len(people)), Ids: make([]uuid.UUID, len(people))}
	for i, person := range people {
		parameters.Usernames[i], parameters.Emails[i], parameters.Ids[i] = person.Username, person.Email, person.ID
	}
	rows, err := dbq.New(db).TakenIdentifiers(ctx, parameters)
	if err != nil {
		return nil, err
	}
	taken := make(map[int]*fault.Error, len(rows))
	for _, row := range rows {
		taken[int(row.Place)-1] = map[string]*fault.Error{"username": ErrUsernameTaken, "email": ErrEmailTaken, "id": ErrIDTaken}[row.Kind]
	}
	return taken, nil
}

// CopyIn writes normalized people with their ids, many at once, and records nothing: whoever imports them does. The
// errors are those of Create; then nobody was written.
func (u *Users) CopyIn(ctx context.Context, tx *store.Tx, people []User) error {
	now, rows := u.now(), make([]dbq.InsertUsersParams, len(people))
	for i, person := range people {
		rows[i] = dbq.InsertUsersParams{OrgID: person.OrgID, ID: person.ID, Username: person.Username, Email: optional(person.Email), EmailVerified: person.EmailVerified,
			PhoneNumber: optional(person.PhoneNumber), PhoneNumberVerified: person.PhoneNumberVerified, Profile: mustJSON(person.Profile),
			Attributes: attributes(person.Attributes), Status: string(person.Status), RequiredActions: actions(person.RequiredActions), CreatedAt: now, UpdatedAt: now}
	}
	_, err := dbq.New(tx).InsertUsers(ctx, rows)
	if store.Violates(err, "users_pkey") {
		return ErrIDTaken
	}
	return conflict(err)
}
