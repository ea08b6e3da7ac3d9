package grant

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// ErrNotVouched says that a grant without a session has nothing to stand on any more.
var ErrNotVouched = fault.New(fault.Invalid, "assertion_not_good", "The assertion's issuer, its subject or the client is not accepted any more.")

// Vouched is a grant without a session: a trusted issuer says that the person may be spoken for. It has neither code nor
// refresh token. It ends when it is revoked, when the person is disabled, removed or signed out everywhere, when the
// client is removed, and when the organization trusts the issuer no more.
type Vouched struct {
	OrgID           uuid.UUID
	ClientID        uuid.UUID // clients.id, not client_id
	UserID          uuid.UUID
	TrustedIssuerID uuid.UUID
	Scopes          []string
	Audience        []string
	Details         json.RawMessage // authorization_details, nil when there were none
	Lifetime        time.Duration   // of the access token
	Event           audit.Event     // recorded with it
}

// IssueVouched writes the grant and its event down. ErrNotVouched when trust, person or client ended meanwhile. Nobody
// has authenticated here, so AuthenticatedAt of the returned grant is zero.
func (g *Grants) IssueVouched(ctx context.Context, wanted Vouched) (*Grant, error) {
	now, id := g.now(), store.NewID()
	issued := &Grant{ID: id, UserID: wanted.UserID, Scopes: list(wanted.Scopes), Audience: list(wanted.Audience), Details: wanted.Details}
	err := g.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := dbq.New(tx).InsertGrantOfIssuer(ctx, dbq.InsertGrantOfIssuerParams{OrgID: wanted.OrgID, ID: id, ClientID: wanted.ClientID, UserID: wanted.UserID,
			TrustedIssuerID: wanted.TrustedIssuerID, Scopes: issued.Scopes, Audience: issued.Audience, AuthorizationDetails: wanted.Details,
			CreatedAt: now, ExpiresAt: now.Add(wanted.Lifetime)})
		if store.IsNotFound(err) || store.Violates(err, "grants_org_id_client_id_fkey") {
			return ErrNotVouched
		}
		if err != nil {
			return err
		}
		event := wanted.Event
		event.Target = audit.Target{Kind: "grant", ID: id.String()}
		return g.log.Record(ctx, tx, wanted.OrgID, event)
	})
	if err != nil {
		return nil, err
	}
	return issued, nil
}
