// Package userimport brings people from other systems into an organization, with the hashes of their passwords: a few at
// a time for the Admin API, or a file of millions that can be interrupted and goes on where it stopped. Whoever is
// imported is there completely or not at all.
package userimport

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// MaximumBatch is how many people are imported in one transaction at most.
const MaximumBatch = 2000

// Person is somebody to import, in the names of the Admin API.
type Person struct {
	ID                  uuid.UUID             `json:"id,omitzero"` // kept as `sub`, where the other system had UUIDs; made when absent
	Username            string                `json:"username"`
	Email               string                `json:"email,omitempty"`
	EmailVerified       bool                  `json:"email_verified,omitempty"`
	PhoneNumber         string                `json:"phone_number,omitempty"`
	PhoneNumberVerified bool                  `json:"phone_number_verified,omitempty"`
	Profile             user.Profile          `json:"profile,omitzero"`
	Attributes          map[string]any        `json:"attributes,omitempty"`
	Status              user.Status           `json:"status,omitempty"` // active unless said
	RequiredActions     []user.RequiredAction `json:"required_actions,omitempty"`
	PasswordHash        string                `json:"password_hash,omitempty"` // see credential.CheckHash; "" for nobody who can sign in by password
}

// Refusal is a person who was not imported, and why.
type Refusal struct {
	Place    int64 // index in a list, number of the line in a file
	Username string
	Fault    *fault.Error
}

// Imports imports people. It is safe for concurrent use.
type Imports struct {
	db        *store.Store
	users     *user.Users
	passwords *credential.Passwords
	log       *audit.Log
	now       func() time.Time
}

// New makes the importer.
func New(db *store.Store, users *user.Users, passwords *credential.Passwords, log *audit.Log, now func() time.Time) *Imports {
	return &Imports{db: db, users: users, passwords: passwords, log: log, now: now}
}

// attempts is how often a batch is tried when somebody else takes a name at that moment.
const attempts = 4

// People imports at most MaximumBatch people, in one transaction that is recorded as one event; those who are refused
// are left out. Refusal.Place is the index.
func (i *Imports) People(ctx context.Context, actor audit.Actor, orgID uuid.UUID, people []Person) (imported int, refused []Refusal, err error) {
	err = i.retried(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		var passwords int
		imported, passwords, refused, err = i.batch(ctx, tx, orgID, people, nil)
		if err != nil || imported == 0 {
			return err
		}
		if passwords > 0 {
			if err := i.passwords.ImitateImported(ctx, tx, orgID); err != nil {
				return err
			}
		}
		return i.record(ctx, tx, actor, orgID, map[string]any{"imported": imported, "refused": len(refused)})
	})
	return imported, refused, err
}

func (i *Imports) record(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID uuid.UUID, details map[string]any) error {
	return i.log.Record(ctx, tx, orgID, audit.Event{Action: "users.imported", Actor: actor, Target: audit.Target{Kind: "organization", ID: orgID.String()}, Details: details})
}

// retried runs a transaction again when a name was taken between looking and writing.
func (i *Imports) retried(ctx context.Context, do func(ctx context.Context, tx *store.Tx) error) (err error) {
	for range attempts {
		err = i.db.InTx(ctx, do)
		if !errors.Is(err, user.ErrUsernameTaken) && !errors.Is(err, user.ErrEmailTaken) && !errors.Is(err, user.ErrIDTaken) {
			return err
		}
	}
	return err
}

// batch writes those of the people who can be written, beside those who were seen before, and counts them and their passwords.
func (i *Imports) batch(ctx context.Context, tx *store.Tx, orgID uuid.UUID, people []Person, before *seen) (imported, passwords int, refused []Refusal, err error) {
	if len(people) > MaximumBatch {
		return 0, 0, nil, fault.New(fault.Invalid, "too_many", fmt.Sprintf("Import at most %d people at once.", MaximumBatch))
	}
	var wanted []user.User
	var places []int
	hashes := map[uuid.UUID]string{}
	refuse := func(place int, err error) {
		refused = append(refused, Refusal{Place: int64(place), Username: people[place].Username, Fault: fault.From(err)})
	}
	for place, person := range people {
		normalized, err := person.normalized(orgID)
		if err != nil {
			refuse(place, err)
			continue
		}
		wanted, places = append(wanted, normalized), append(places, place)
	}
	taken, err := i.users.Taken(ctx, tx, orgID, wanted)
	if err != nil {
		return 0, 0, nil, err
	}
	kept := make([]user.User, 0, len(wanted))
	for n, person := range wanted {
		problem := taken[n]
		if problem == nil {
			problem = before.taken(&wanted[n])
		}
		if problem != nil {
			refuse(places[n], problem)
			continue
		}
		if kept = append(kept, person); people[places[n]].PasswordHash != "" {
			hashes[person.ID] = people[places[n]].PasswordHash
		}
	}
	before.hold(kept)
	if len(kept) == 0 {
		return 0, 0, refused, nil
	}
	if err := i.users.CopyIn(ctx, tx, kept); err != nil {
		return 0, 0, nil, err
	}
	return len(kept), len(hashes), refused, i.passwords.CopyIn(ctx, tx, orgID, hashes)
}

func (p Person) normalized(orgID uuid.UUID) (user.User, error) {
	if p.ID == uuid.Nil {
		p.ID = store.NewID()
	}
	if p.PasswordHash != "" {
		if err := credential.CheckHash(p.PasswordHash); err != nil {
			return user.User{}, err
		}
	}
	return user.Normalized(user.User{OrgID: orgID, ID: p.ID, Username: p.Username, Email: p.Email, EmailVerified: p.EmailVerified, PhoneNumber: p.PhoneNumber,
		PhoneNumberVerified: p.PhoneNumberVerified, Profile: p.Profile, Attributes: p.Attributes, Status: p.Status, RequiredActions: p.RequiredActions})
}

// sortByPlace puts refusals into the order of their places.
func sortByPlace(refused []Refusal) {
	slices.SortFunc(refused, func(a, b Refusal) int { return cmp.Compare(a.Place, b.Place) })
}
