package client

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/store/filter"
)

// Bounds of an initial access token.
const (
	MaximumInitialAccessTokenLifetime = 366 * 24 * time.Hour
	MaximumInitialAccessTokenUses     = 1_000_000
)

// The faults about initial access tokens.
var (
	ErrInitialAccessTokenNotFound = fault.New(fault.NotFound, "initial_access_token_not_found", "There is no such initial access token in this organization.")
	// ErrInitialAccessTokenInvalid tells nothing of why: whoever found a token learns nothing about it.
	ErrInitialAccessTokenInvalid = fault.New(fault.Unauthenticated, "initial_access_token_invalid", "The initial access token is not valid.")
)

// InitialAccessToken lets whoever has it register clients (RFC 7591 §1.2, §3).
type InitialAccessToken struct {
	OrgID     uuid.UUID  `json:"-"`
	ID        uuid.UUID  `json:"id"`
	Name      string     `json:"name"`               // for administrators
	MaxUses   int        `json:"max_uses,omitempty"` // 0: any number
	Uses      int        `json:"uses"`
	ExpiresAt time.Time  `json:"expires_at"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	CreatedBy string     `json:"created_by"`
	CreatedAt time.Time  `json:"created_at"`
}

// CreateInitialAccessToken issues a token and returns its value, which nobody can read again.
func (c *Clients) CreateInitialAccessToken(ctx context.Context, tx *store.Tx, actor audit.Actor, wanted InitialAccessToken) (*InitialAccessToken, string, error) {
	wanted.Name = strings.TrimSpace(wanted.Name)
	now := c.now()
	refuse := func(field, message string) error {
		return fault.New(fault.Invalid, "initial_access_token_malformed", message).WithField(field)
	}
	switch n := len([]rune(wanted.Name)); {
	case n < 1 || n > 200 || strings.ContainsFunc(wanted.Name, misleading):
		return nil, "", refuse("name", "A name has 1 to 200 characters on one line.")
	case !wanted.ExpiresAt.After(now) || wanted.ExpiresAt.After(now.Add(MaximumInitialAccessTokenLifetime)):
		return nil, "", refuse("expires_at", "A token expires within a year.")
	case wanted.MaxUses < 0 || wanted.MaxUses > MaximumInitialAccessTokenUses:
		return nil, "", refuse("max_uses", "Choose between 1 and 1000000 uses, or none for any number.")
	}
	var most *int32
	if wanted.MaxUses > 0 {
		most = new(int32(wanted.MaxUses)) // bounded
	}
	plain := secret.New(c.random)
	row, err := dbq.New(tx).InsertInitialAccessToken(ctx, dbq.InsertInitialAccessTokenParams{OrgID: wanted.OrgID, ID: store.NewID(), Name: wanted.Name,
		TokenHash: secret.Hash(plain), MaxUses: most, ExpiresAt: wanted.ExpiresAt, CreatedBy: actor.Name, CreatedAt: now})
	if err != nil {
		return nil, "", err
	}
	created := fromTokenRow(row)
	return created, plain, c.log.Record(ctx, tx, created.OrgID, audit.Event{Action: "initial_access_token.created", Actor: actor, Target: tokenTarget(created), After: created})
}

// InitialAccessTokenByID returns a token of the organization, whatever its state.
func (c *Clients) InitialAccessTokenByID(ctx context.Context, db store.DB, orgID, id uuid.UUID) (*InitialAccessToken, error) {
	row, err := dbq.New(db).InitialAccessTokenByID(ctx, dbq.InitialAccessTokenByIDParams{OrgID: orgID, ID: id})
	if store.IsNotFound(err) {
		return nil, ErrInitialAccessTokenNotFound
	}
	if err != nil {
		return nil, err
	}
	return fromTokenRow(row), nil
}

// InitialAccessTokenIsGood reports whether a client could be registered with the token now.
func (c *Clients) InitialAccessTokenIsGood(ctx context.Context, orgID uuid.UUID, token string) (bool, error) {
	_, err := dbq.New(c.db).InitialAccessTokenByHash(ctx, dbq.InitialAccessTokenByHashParams{OrgID: orgID, TokenHash: secret.Hash(token), At: c.now()})
	if store.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// UseInitialAccessToken counts a use in the transaction that registers the client. Of simultaneous uses no more get
// through than are left; the others get ErrInitialAccessTokenInvalid.
func (c *Clients) UseInitialAccessToken(ctx context.Context, tx *store.Tx, orgID uuid.UUID, token string) (uuid.UUID, error) {
	id, err := dbq.New(tx).UseInitialAccessToken(ctx, dbq.UseInitialAccessTokenParams{OrgID: orgID, TokenHash: secret.Hash(token), At: c.now()})
	if store.IsNotFound(err) {
		return uuid.Nil, ErrInitialAccessTokenInvalid
	}
	return id, err
}

// RevokeInitialAccessToken ends a token; doing it twice is harmless. Clients registered with it stay.
func (c *Clients) RevokeInitialAccessToken(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, id uuid.UUID) (*InitialAccessToken, error) {
	before, err := c.InitialAccessTokenByID(ctx, tx, orgID, id)
	if err != nil || before.RevokedAt != nil {
		return before, err
	}
	row, err := dbq.New(tx).RevokeInitialAccessToken(ctx, dbq.RevokeInitialAccessTokenParams{OrgID: orgID, ID: id, At: new(c.now())})
	if err != nil {
		return nil, err
	}
	after := fromTokenRow(row)
	return after, c.log.Record(ctx, tx, orgID, audit.Event{Action: "initial_access_token.revoked", Actor: actor, Target: tokenTarget(after), Before: before, After: after})
}

var listedTokens = filter.Table{
	Name:    "initial_access_tokens",
	Columns: []string{"org_id", "id", "name", "token_hash", "max_uses", "uses", "expires_at", "revoked_at", "created_by", "created_at"},
}

// ListInitialAccessTokens returns a page of the organization's tokens, the newest first. after is the last of the
// page before, nil at first.
func (c *Clients) ListInitialAccessTokens(ctx context.Context, db store.DB, orgID uuid.UUID, after *filter.Position, limit int32) ([]InitialAccessToken, error) {
	rows, err := filter.Collect[listedTokenRow](ctx, db, listedTokens, filter.Query{OrgID: orgID, After: after, Limit: limit, Order: filter.Order{Descending: true}})
	if err != nil {
		return nil, err
	}
	tokens := make([]InitialAccessToken, len(rows))
	for i, row := range rows {
		tokens[i] = *fromTokenRow(row.InitialAccessToken)
	}
	return tokens, nil
}

type listedTokenRow struct {
	dbq.InitialAccessToken
	SortKey string
}

func tokenTarget(token *InitialAccessToken) audit.Target {
	return audit.Target{Kind: "initial_access_token", ID: token.ID.String()}
}

func fromTokenRow(row dbq.InitialAccessToken) *InitialAccessToken {
	token := &InitialAccessToken{OrgID: row.OrgID, ID: row.ID, Name: row.Name, Uses: int(row.Uses), ExpiresAt: row.ExpiresAt, RevokedAt: row.RevokedAt,
		CreatedBy: row.CreatedBy, CreatedAt: row.CreatedAt}
	if row.MaxUses != nil {
		token.MaxUses = int(*row.MaxUses)
	}
	return token
}
