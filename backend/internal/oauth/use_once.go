package oauth

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/kv"
)

// UseOnce marks the "jti" of a verified token of a maker, such as a client, as used at the organization and reports whether this was certainly the first
// time, whichever replica answered the others; of simultaneous calls one is. kind tells apart what tokens are for,
// lifetime is how far ahead the end of one may be, and leeway by how much clocks may differ. The earliest moment at which
// the token could have been accepted decides whether a mark may have been lost with the store: "iat" is optional.
func UseOnce(ctx context.Context, state kv.Store, kind string, orgID uuid.UUID, maker string, token *jose.Token, lifetime, leeway time.Duration, now time.Time) (bool, error) {
	issuedAt := token.Expiry.Add(-lifetime)
	for _, bound := range []time.Time{token.IssuedAt, token.NotBefore} {
		if bound.After(issuedAt) {
			issuedAt = bound
		}
	}
	mark := kv.Key{OrgID: orgID, Kind: kind, ID: kv.ID(maker, token.ID)}
	// Its end, and the smallest unit of a lifetime, because it is accepted until just before.
	placed, err := state.PutIfAbsent(ctx, mark, nil, token.Expiry.Add(leeway).Sub(now)+time.Second)
	if err != nil {
		return false, err
	}
	return placed.FirstUse(issuedAt, leeway), nil
}
