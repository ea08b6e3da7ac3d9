// Package terms is about the terms of an organization: versions that are published, come into force, and are withdrawn, but
// never changed, and who accepted which of them, in which language, when. Who has yet to accept something is asked while
// signing in (package login); what the terms say is the organization's business.
package terms

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/user"
)

// Text is what people are shown of a version in one language: where it can be read, what it says, or both.
type Text struct {
	Title string `json:"title"`
	URL   string `json:"url,omitempty"`
	Text  string `json:"text,omitempty"` // paragraphs, without any markup
}

// Version is a version of an organization's terms. Values come from a cache and are shared.
type Version struct {
	OrgID       uuid.UUID       `json:"-"`
	ID          uuid.UUID       `json:"id"`
	Version     int             `json:"version"`
	Texts       map[string]Text `json:"texts"` // by language (BCP 47)
	InForceAt   time.Time       `json:"in_force_at"`
	PublishedAt time.Time       `json:"published_at"`
	WithdrawnAt time.Time       `json:"withdrawn_at,omitzero"`
}

// State says what has become of a version.
type State string

// The states of a version.
const (
	InForce    State = "in_force"
	Upcoming   State = "upcoming"
	Superseded State = "superseded" // a later one is in force
	Withdrawn  State = "withdrawn"
)

// In is the text in the first of the languages that there is one in, whole or without what stands behind a hyphen; else in
// English, else in any.
func (v *Version) In(languages ...string) (language string, text Text) {
	for _, wanted := range append(slices.Clone(languages), "en") {
		base, _, _ := strings.Cut(wanted, "-")
		for _, tag := range []string{wanted, base} {
			if text, ok := v.Texts[tag]; ok {
				return tag, text
			}
		}
	}
	language = slices.Sorted(maps.Keys(v.Texts))[0]
	return language, v.Texts[language]
}

// Due is a version that somebody has yet to accept.
type Due struct {
	*Version
	Before int // the version that they accepted last; 0 for none
}

// Acceptance is that somebody accepted a version.
type Acceptance struct {
	Version    int       `json:"version"`
	Language   string    `json:"language"`
	Title      string    `json:"title"`
	URL        string    `json:"url,omitempty"`
	AcceptedAt time.Time `json:"accepted_at"`
}

// The faults of this package; those about a field are Invalid and named terms_malformed.
var (
	ErrNotFound = fault.New(fault.NotFound, "terms_not_found", "There is no such version of the terms, or it was withdrawn before.")
	// ErrUpcoming says that at most one version waits to come into force.
	ErrUpcoming = fault.New(fault.Conflict, "terms_upcoming", "Another version has yet to come into force. Withdraw it first.")
	// ErrPublished says that two people published at once.
	ErrPublished = fault.New(fault.Conflict, "terms_published_meanwhile", "Somebody else published a version meanwhile. Look at it first.")
	ErrTooMany   = fault.Newf(fault.Conflict, "terms_too_many", "An organization has at most %d versions of its terms.", MaximumVersions)
	// ErrNone refuses to ask for terms that there are none of.
	ErrNone = fault.New(fault.Invalid, "required_action_impossible", "There are no terms in force that could be accepted: publish some first.").WithField("required_actions")
)

// Terms finds, publishes and withdraws versions, and keeps who accepted them. It is safe for concurrent use.
type Terms struct {
	db    *store.Store
	users *user.Users
	log   *audit.Log
	now   func() time.Time
	hub   *store.Invalidations
	cache *store.Cache[[]*Version]
}

// New makes the keeper, with a cache for cacheSize organizations.
func New(db *store.Store, hub *store.Invalidations, users *user.Users, log *audit.Log, now func() time.Time, cacheSize int) *Terms {
	t := &Terms{db: db, users: users, log: log, now: now, hub: hub}
	t.cache = store.NewCache[[]*Version](hub, cacheSize, func(change store.Change) []string {
		if change.Table != "terms" {
			return nil
		}
		return []string{change.OrgID}
	})
	return t
}

// Current is the version that is in force; nil when there is none. A cache answers when warm.
func (t *Terms) Current(ctx context.Context, orgID uuid.UUID) (*Version, error) {
	counting, err := t.cache.Get(ctx, orgID.String(), func(ctx context.Context) ([]*Version, error) {
		rows, err := dbq.New(t.db).TermsThatCount(ctx, orgID)
		if err != nil {
			return nil, err
		}
		return fromRows(rows)
	})
	if err != nil {
		return nil, err
	}
	now := t.now()
	for _, version := range counting {
		if !version.InForceAt.After(now) {
			return version, nil
		}
	}
	return nil, nil
}

// Due is what a person has yet to accept: the version in force, when they accepted none or an earlier one, or are to accept
// it again (user.AcceptTerms); nil when nothing.
func (t *Terms) Due(ctx context.Context, person *user.User) (*Due, error) {
	current, err := t.Current(ctx, person.OrgID)
	if err != nil || current == nil {
		return nil, err
	}
	accepted, err := dbq.New(t.db).AcceptedTermsVersion(ctx, dbq.AcceptedTermsVersionParams{OrgID: person.OrgID, UserID: person.ID})
	if err != nil || int(accepted) >= current.Version && !person.Must(user.AcceptTerms) {
		return nil, err
	}
	return &Due{Version: current, Before: int(accepted)}, nil
}

// Accept keeps that a person accepted a version, as it was shown to them in a language, and takes the required action away.
// The caller has seen that they were shown it.
func (t *Terms) Accept(ctx context.Context, tx *store.Tx, actor audit.Actor, person *user.User, version int, language string) error {
	again, err := dbq.New(tx).LockPersonOfTerms(ctx, dbq.LockPersonOfTermsParams{OrgID: person.OrgID, UserID: person.ID})
	if err != nil {
		return err
	}
	before, err := dbq.New(tx).AcceptedTermsVersion(ctx, dbq.AcceptedTermsVersionParams{OrgID: person.OrgID, UserID: person.ID})
	if err != nil || int(before) >= version && !again {
		return err // answered in another tab
	}
	if err := dbq.New(tx).InsertTermsAcceptance(ctx, dbq.InsertTermsAcceptanceParams{OrgID: person.OrgID, ID: store.NewID(), UserID: person.ID, Version: int32(version),
		Language: language, At: t.now()}); err != nil {
		return err
	}
	if err := t.users.CompleteAction(ctx, tx, person.OrgID, person.ID, user.AcceptTerms); err != nil {
		return err
	}
	return t.record(ctx, tx, actor, "terms.accepted", person, version, language)
}

// Decline records that a person did not accept a version.
func (t *Terms) Decline(ctx context.Context, tx *store.Tx, actor audit.Actor, person *user.User, version int, language string) error {
	return t.record(ctx, tx, actor, "terms.declined", person, version, language)
}

func (t *Terms) record(ctx context.Context, tx *store.Tx, actor audit.Actor, action string, person *user.User, version int, language string) error {
	return t.log.Record(ctx, tx, person.OrgID, audit.Event{Action: action, Actor: actor, Target: user.Target(person), Details: map[string]any{"version": version, "language": language}})
}

// OfUser are the acceptances of a person, the latest first.
func (t *Terms) OfUser(ctx context.Context, db store.DB, orgID, userID uuid.UUID) ([]Acceptance, error) {
	rows, err := dbq.New(db).TermsAcceptancesOfUser(ctx, dbq.TermsAcceptancesOfUserParams{OrgID: orgID, UserID: userID})
	found := make([]Acceptance, len(rows))
	for n, row := range rows {
		texts := map[string]Text{}
		if err := json.Unmarshal(row.Texts, &texts); err != nil {
			return nil, err
		}
		found[n] = Acceptance{int(row.Version), row.Language, texts[row.Language].Title, texts[row.Language].URL, row.AcceptedAt}
	}
	return found, err
}
