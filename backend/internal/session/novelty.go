package session

import (
	"context"

	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// Novelty is what was new about a sign-in, held against the sessions of the person that are kept: those that have not
// been over for longer than keptAfterExpiry.
type Novelty struct {
	Browser bool // nobody signed in to this account from the browser
	Country bool // nor from the country, while other countries are known
}

// novelty judges a sign-in that is about to begin a session. The first sign-in of a new account is nothing new.
func (s *Sessions) novelty(ctx context.Context, tx *store.Tx, proof Authenticated, country string) (Novelty, error) {
	before, err := dbq.New(tx).SignInsBefore(ctx, dbq.SignInsBeforeParams{OrgID: proof.Organization.ID, UserID: proof.User.ID, BrowserHash: proof.BrowserHash, Country: country})
	if err != nil || !before.AnySession && s.now().Sub(proof.User.CreatedAt) < keptAfterExpiry {
		return Novelty{}, err
	}
	return Novelty{Browser: !before.SameBrowser, Country: country != "" && before.AnyCountry && !before.SameCountry}, nil
}

// explain says in an audit event what was new.
func (n Novelty) explain(country string, details map[string]any) {
	if country != "" {
		details["country"] = country
	}
	if n.Browser {
		details["new_browser"] = true
	}
	if n.Country {
		details["new_country"] = true
	}
}

// countries are where a session's only sign-in came from.
func countries(of Session) []string {
	if of.Country == "" {
		return []string{}
	}
	return []string{of.Country}
}
