package credential

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/user"
)

// WayKind is a kind of proof.
type WayKind string

// The kinds, the best first.
const (
	ByPasskey  WayKind = "passkey"
	ByPassword WayKind = "password"
	ByProvider WayKind = "provider" // an account elsewhere
	ByMail     WayKind = "mail"
)

// FirstWay is the best way in that somebody has.
type FirstWay struct {
	Kind       WayKind   `json:"kind"`
	ProviderID uuid.UUID `json:"provider_id,omitzero"` // with ByProvider
}

// Offered are the ways in that an organization has beside passwords.
type Offered struct {
	RPID      string      // relying party of passkeys; "" where nobody signs in by them
	Mail      bool        // by mail
	Providers []uuid.UUID // active identity providers
}

// ways are what people may have first, always in the same order.
func (o Offered) ways() []FirstWay {
	var ways []FirstWay
	if o.RPID != "" {
		ways = append(ways, FirstWay{Kind: ByPasskey})
	}
	ways = append(ways, FirstWay{Kind: ByPassword})
	if o.Mail {
		ways = append(ways, FirstWay{Kind: ByMail})
	}
	for _, id := range slices.SortedFunc(slices.Values(o.Providers), func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) }) {
		ways = append(ways, FirstWay{Kind: ByProvider, ProviderID: id})
	}
	return ways
}

// best chooses the first of the ways that somebody has. A password is asked of whoever has none of them, as of whoever has one.
func (o Offered) best(passkey, password bool, provider uuid.UUID, mail bool) FirstWay {
	switch {
	case passkey && o.RPID != "":
		return FirstWay{Kind: ByPasskey}
	case password:
	case slices.Contains(o.Providers, provider):
		return FirstWay{Kind: ByProvider, ProviderID: provider}
	case mail && o.Mail:
		return FirstWay{Kind: ByMail}
	}
	return FirstWay{Kind: ByPassword}
}

// FirstWays tells by what the person whom an identifier names signs in best. Of an identifier that nobody has it tells something
// as well: see decoys. It is safe for concurrent use.
type FirstWays struct {
	db      *store.Store
	models  *fido.Models
	now     func() time.Time
	drawing drawing[FirstWay]
}

// NewFirstWays makes the teller of first ways.
func NewFirstWays(db *store.Store, models *fido.Models, now func() time.Time, random io.Reader) *FirstWays {
	return &FirstWays{db: db, models: models, now: now, drawing: drawing[FirstWay]{db: db, now: now, random: random, label: "first way of nobody", step: stepMost}}
}

// Of returns the first way for an identifier. Effort and answer are of the same kind for somebody and for nobody; people who
// may not sign in are answered like others.
func (f *FirstWays) Of(ctx context.Context, orgID uuid.UUID, identifier string, offered Offered) (FirstWay, error) {
	rules, err := f.models.Rules(ctx, orgID)
	if err != nil {
		return FirstWay{}, err
	}
	row, err := dbq.New(f.db).FirstWay(ctx, dbq.FirstWayParams{OrgID: orgID, Identifier: user.Normalize(identifier), RpID: offered.RPID, RefusedModels: rules.Refused(), AcceptedModels: rules.Accepted()})
	if err != nil {
		return FirstWay{}, err
	}
	decoys, err := f.decoys(ctx, orgID, row.Folded, offered, rules)
	if err != nil {
		return FirstWay{}, err
	}
	own, decoy := offered.best(row.Passkey, row.Password, row.ProviderID, row.Mail), offered.insteadOf(decoys.draw(offered.counted()))
	if row.Known {
		return own, nil
	}
	return decoy, nil
}
