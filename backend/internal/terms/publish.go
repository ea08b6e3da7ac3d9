package terms

import (
	"context"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// What a version may be at most.
const (
	MaximumVersions  = 1000
	maximumLanguages = 30
	maximumTitle     = 200
	maximumURL       = 2000
	maximumText      = 4000 // characters
	furthest         = 366 * 24 * time.Hour
)

// Counts are the people that a new version would ask, and those of them who accepted the one in force.
type Counts struct{ People, Accepted int64 }

// All are the versions of an organization, the latest first, uncached.
func (t *Terms) All(ctx context.Context, db store.DB, orgID uuid.UUID) ([]*Version, error) {
	rows, err := dbq.New(db).TermsOfOrganization(ctx, orgID)
	if err != nil {
		return nil, err
	}
	return fromRows(rows)
}

// StateOf says what has become of a version, given all of them.
func (t *Terms) StateOf(version *Version, all []*Version) State {
	now := t.now()
	if !version.WithdrawnAt.IsZero() {
		return Withdrawn
	}
	if version.InForceAt.After(now) {
		return Upcoming
	}
	for _, other := range all {
		if other.Version > version.Version && other.WithdrawnAt.IsZero() && !other.InForceAt.After(now) {
			return Superseded
		}
	}
	return InForce
}

// Count tells how many people another version would ask.
func (t *Terms) Count(ctx context.Context, db store.DB, orgID uuid.UUID) (Counts, error) {
	current, err := t.Current(ctx, orgID)
	if err != nil {
		return Counts{}, err
	}
	version := MaximumVersions + 1 // of which nobody accepted any
	if current != nil {
		version = current.Version
	}
	row, err := dbq.New(db).CountPeopleOfTerms(ctx, dbq.CountPeopleOfTermsParams{OrgID: orgID, Version: int32(version)})
	return Counts{row.People, row.Accepted}, err
}

// Publish makes the next version. The zero time puts it in force now; a later one while none waits already.
func (t *Terms) Publish(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID uuid.UUID, texts map[string]Text, inForceAt time.Time) (*Version, error) {
	now := t.now()
	texts, err := complete(texts)
	if err != nil {
		return nil, err
	}
	switch {
	case inForceAt.IsZero():
		inForceAt = now
	case inForceAt.Before(now):
		return nil, malformed("in_force_at", "Terms do not come into force in the past. Leave it out for now.")
	case inForceAt.After(now.Add(furthest)):
		return nil, malformed("in_force_at", "Choose a moment within a year.")
	}
	counting, err := dbq.New(tx).TermsThatCount(ctx, orgID)
	if err != nil {
		return nil, err
	}
	if len(counting) > 0 && counting[0].InForceAt.After(now) {
		return nil, ErrUpcoming
	}
	latest, err := dbq.New(tx).LatestTermsVersion(ctx, orgID)
	if err != nil {
		return nil, err
	}
	if latest >= MaximumVersions {
		return nil, ErrTooMany
	}
	encoded, err := json.Marshal(texts)
	if err != nil {
		return nil, err
	}
	row, err := dbq.New(tx).InsertTerms(ctx, dbq.InsertTermsParams{OrgID: orgID, ID: store.NewID(), Version: latest + 1, Texts: encoded, InForceAt: inForceAt, At: now})
	if store.Violates(err, "terms_version") {
		return nil, ErrPublished
	}
	if err != nil {
		return nil, err
	}
	published, err := fromRow(row)
	if err != nil {
		return nil, err
	}
	return published, t.log.Record(ctx, tx, orgID, audit.Event{Action: "terms.published", Actor: actor, Target: target(published), After: published})
}

// Withdraw takes a version back: nobody is asked for it any more, and the one before counts again. Who accepted it did so.
func (t *Terms) Withdraw(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID uuid.UUID, version int) (*Version, error) {
	if version < 1 || version > MaximumVersions {
		return nil, ErrNotFound
	}
	row, err := dbq.New(tx).WithdrawTerms(ctx, dbq.WithdrawTermsParams{OrgID: orgID, Version: int32(version), At: new(t.now())})
	if store.IsNotFound(err) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	withdrawn, err := fromRow(row)
	if err != nil {
		return nil, err
	}
	return withdrawn, t.log.Record(ctx, tx, orgID, audit.Event{Action: "terms.withdrawn", Actor: actor, Target: target(withdrawn), After: withdrawn})
}

// Forget makes this replica ask anew for the terms of the organization; others hear it from the database. Call it after the
// transaction committed.
func (t *Terms) Forget(orgID uuid.UUID) {
	t.hub.Announce(store.Change{Table: "terms", OrgID: orgID.String()})
}

var languagePattern = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

func malformed(field, message string) error {
	return fault.New(fault.Invalid, "terms_malformed", message).WithField(field)
}

// complete judges texts and brings them to the form that is kept.
func complete(texts map[string]Text) (map[string]Text, error) {
	if len(texts) == 0 || len(texts) > maximumLanguages {
		return nil, malformed("texts", "Write the terms in one language at least, and in 30 at most.")
	}
	kept := make(map[string]Text, len(texts))
	for language, text := range texts {
		field := "texts." + language
		if !languagePattern.MatchString(language) || len(language) > 35 {
			return nil, malformed("texts", "Name a language by its BCP 47 tag, for example de or it.")
		}
		text = Text{strings.TrimSpace(text.Title), strings.TrimSpace(text.URL), strings.TrimSpace(strings.ReplaceAll(text.Text, "\r\n", "\n"))}
		unprintable := func(r rune) bool { return unicode.IsControl(r) }
		address, err := url.Parse(text.URL)
		switch {
		case text.Title == "" || len([]rune(text.Title)) > maximumTitle || strings.ContainsFunc(text.Title, unprintable):
			return nil, malformed(field+".title", "Give the terms a title: 1 to 200 characters on one line.")
		case text.URL == "" && text.Text == "":
			return nil, malformed(field+".url", "Say where the terms can be read, or what they say.")
		case text.URL != "" && (err != nil || address.Scheme != "https" || address.Host == "" || address.User != nil || len(text.URL) > maximumURL):
			return nil, malformed(field+".url", "Enter an address that begins with https://.")
		case len([]rune(text.Text)) > maximumText || strings.ContainsFunc(text.Text, func(r rune) bool { return r != '\n' && unprintable(r) }):
			return nil, malformed(field+".text", "A text has at most 4000 characters. Publish a longer one at an address.")
		}
		kept[language] = text
	}
	return kept, nil
}

func target(version *Version) audit.Target {
	return audit.Target{Kind: "terms", ID: version.ID.String()}
}

func fromRows(rows []dbq.Term) ([]*Version, error) {
	all := make([]*Version, len(rows))
	for n, row := range rows {
		version, err := fromRow(row)
		if err != nil {
			return nil, err
		}
		all[n] = version
	}
	return all, nil
}

func fromRow(row dbq.Term) (*Version, error) {
	version := &Version{OrgID: row.OrgID, ID: row.ID, Version: int(row.Version), InForceAt: row.InForceAt, PublishedAt: row.PublishedAt}
	if row.WithdrawnAt != nil {
		version.WithdrawnAt = *row.WithdrawnAt
	}
	return version, json.Unmarshal(row.Texts, &version.Texts)
}
