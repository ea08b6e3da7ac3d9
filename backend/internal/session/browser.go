package session

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/user"
)

// MaximumInBrowser is how many people may be signed in at one organization in one browser at the same time. It
// bounds the cookies.
const MaximumInBrowser = 5

// Browser are the live sessions of one browser at one organization, each of another person, the one used last first.
type Browser []*Live

// InBrowser returns the live sessions of a browser's tokens at the organization, in the order of the tokens and in
// one round trip; what comes after MaximumInBrowser tokens is not looked at. clientID may be uuid.Nil. A token of
// another organization, of a disabled person, or of a session that ended does not exist: it is left out. So is one that comes
// from another kind of browser than the session belongs to, where the organization binds them.
func (s *Sessions) InBrowser(ctx context.Context, organization *org.Organization, tokens []string, clientID uuid.UUID) (Browser, error) {
	presented, err := s.Presented(ctx, s.db, organization.ID, tokens, clientID)
	if err != nil || len(presented) == 0 {
		return nil, err
	}
	return s.fitting(ctx, organization, presented)
}

// Presented is InBrowser whatever kind of browser presents the tokens. It lets people sign out, and nothing else.
func (s *Sessions) Presented(ctx context.Context, db store.DB, orgID uuid.UUID, tokens []string, clientID uuid.UUID) (Browser, error) {
	order := map[string]int{}
	hashes := make([][]byte, 0, MaximumInBrowser)
	for i, token := range tokens[:min(len(tokens), MaximumInBrowser)] {
		if len(token) == secret.Length {
			hash := secret.Hash(token)
			order[string(hash)] = i
			hashes = append(hashes, hash)
		}
	}
	if len(hashes) == 0 {
		return nil, nil
	}
	rules, err := s.models.Rules(ctx, orgID)
	if err != nil {
		return nil, err
	}
	rows, err := dbq.New(db).LiveSessions(ctx, dbq.LiveSessionsParams{OrgID: orgID, TokenHashes: hashes, ClientID: clientID, At: s.now(), RefusedModels: rules.Refused(), AcceptedModels: rules.Accepted()})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(a, b dbq.LiveSessionsRow) int {
		return order[string(a.Session.TokenHash)] - order[string(b.Session.TokenHash)]
	})
	browser := make(Browser, len(rows))
	for i, row := range rows {
		person, err := user.FromRow(row.User, nil)
		if err != nil {
			return nil, err
		}
		browser[i] = &Live{Session: fromRow(row.Session), User: person, ConsentedScopes: row.ConsentedScopes, token: tokens[order[string(row.Session.TokenHash)]]}
	}
	return browser, nil
}

// Current is the session used last, nil when nobody is signed in.
func (b Browser) Current() *Live {
	if len(b) == 0 {
		return nil
	}
	return b[0]
}

// ByID is the session with the id, nil when the browser has no such session.
func (b Browser) ByID(id uuid.UUID) *Live {
	return b.first(func(live *Live) bool { return live.Session.ID == id })
}

// Of is the session of a person, nil when they are not signed in here.
func (b Browser) Of(userID uuid.UUID) *Live {
	return b.first(func(live *Live) bool { return live.User.ID == userID })
}

// Hinted is the session of the one person that a login_hint names by username or email address; nil when it names
// nobody who is signed in here, or more than one.
func (b Browser) Hinted(loginHint string) *Live {
	var found *Live
	for _, live := range b {
		if !live.User.IsCalled(loginHint) {
			continue
		}
		if found != nil {
			return nil
		}
		found = live
	}
	return found
}

// IDs are those of the sessions, in the order of the sessions.
func (b Browser) IDs() []uuid.UUID {
	ids := make([]uuid.UUID, len(b))
	for i, live := range b {
		ids[i] = live.Session.ID
	}
	return ids
}

// First is the browser with the session moved to the front, because it was used.
func (b Browser) First(used *Live) Browser {
	return append(Browser{used}, b.Without(used.Session.ID)...)
}

// Without is the browser after the sessions ended.
func (b Browser) Without(ids ...uuid.UUID) Browser {
	return slices.DeleteFunc(slices.Clone(b), func(live *Live) bool { return slices.Contains(ids, live.Session.ID) })
}

// Begun is the browser after a sign-in that Begin turned into a session.
func (b Browser) Begun(begun Session, person *user.User, token string) Browser {
	gone := b.excess(person.ID)
	if former := b.Of(person.ID); former != nil {
		gone = append(gone, former)
	}
	return append(Browser{{Session: begun, User: person, token: token}}, b.Without(gone.IDs()...)...)
}

// Tokens are what the browser presents for its sessions, in their order.
func (b Browser) Tokens() []string {
	tokens := make([]string, len(b))
	for i, live := range b {
		tokens[i] = live.token
	}
	return tokens
}

// excess are the sessions that must end so that the person's fits: those unused for longest.
func (b Browser) excess(newcomer uuid.UUID) Browser {
	others := slices.DeleteFunc(slices.Clone(b), func(live *Live) bool { return live.User.ID == newcomer })
	slices.SortStableFunc(others, func(x, y *Live) int { return y.Session.LastSeenAt.Compare(x.Session.LastSeenAt) })
	return others[min(len(others), MaximumInBrowser-1):]
}

func (b Browser) first(fits func(*Live) bool) *Live {
	if i := slices.IndexFunc(b, fits); i >= 0 {
		return b[i]
	}
	return nil
}

// tokenSeparator stands between the tokens of the accounts cookie and in none of them.
const tokenSeparator = "."

// splitTokens reads the accounts cookie: what is not of the form of our secrets is left out.
func splitTokens(value string) []string {
	return slices.DeleteFunc(strings.Split(value, tokenSeparator), func(token string) bool { return !wellFormed(token) })
}
