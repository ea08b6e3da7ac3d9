package grant

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// ErrConsentNotFound is returned when the person has allowed the client nothing.
var ErrConsentNotFound = fault.New(fault.NotFound, "consent_not_found", "This user has not given this client consent, or it was withdrawn.")

// withdrawn is why grants end that were made under a consent.
const withdrawn = "consent withdrawn"

// clientChanged is why grants end whose client proves itself in another way than when they were made.
const clientChanged = "client changed"

// Consent is what a person allowed a client, for all sign-ins to come.
type Consent struct {
	ID         uuid.UUID
	ClientID   uuid.UUID // clients.id, not client_id
	ClientName string
	Scopes     []string
	Resources  []string  // identifiers of the resource servers that they were given for
	CreatedAt  time.Time // first given
	UpdatedAt  time.Time // last confirmed or extended
}

// Consent remembers that a person allowed a client the scopes, and what ConsentFor makes of resource servers, beside those allowed before, and records it.
func (g *Grants) Consent(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID, clientID uuid.UUID, scopes []string) error {
	err := dbq.New(tx).UpsertConsent(ctx, dbq.UpsertConsentParams{OrgID: orgID, ID: store.NewID(), UserID: userID, ClientID: clientID, Scopes: list(scopes), At: g.now()})
	if err != nil {
		return err
	}
	return g.log.Record(ctx, tx, orgID, audit.Event{Action: "consent.granted", Actor: actor, Target: audit.Target{Kind: "client", ID: clientID.String()},
		Details: map[string]any{"scopes": scopes}})
}

// Consents lists what a person allowed, what is older than before (uuid.Max for all), newest first.
func (g *Grants) Consents(ctx context.Context, orgID, userID, before uuid.UUID, limit int32) ([]Consent, error) {
	rows, err := dbq.New(g.db).ConsentsOfUser(ctx, dbq.ConsentsOfUserParams{OrgID: orgID, UserID: userID, Before: before, RowLimit: limit})
	consents := make([]Consent, len(rows))
	for i, row := range rows {
		consents[i] = Consent{ID: row.ID, ClientID: row.ClientID, ClientName: row.ClientName, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt}
		for _, part := range row.Scopes {
			if resource, ok := ConsentedResource(part); ok {
				consents[i].Resources = append(consents[i].Resources, resource)
			} else {
				consents[i].Scopes = append(consents[i].Scopes, part)
			}
		}
	}
	return consents, err
}

// Withdraw takes back what a person allowed a client, revokes everything that the client holds of them, offline access
// included, and records it, all in the transaction. ErrConsentNotFound when there is nothing to take back.
func (g *Grants) Withdraw(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID, clientID uuid.UUID) error {
	queries, now := dbq.New(tx), g.now()
	scopes, err := queries.DeleteConsent(ctx, dbq.DeleteConsentParams{OrgID: orgID, UserID: userID, ClientID: clientID})
	if store.IsNotFound(err) {
		return ErrConsentNotFound
	}
	if err != nil {
		return err
	}
	revoked, err := queries.RevokeGrantsOfUserAndClient(ctx, dbq.RevokeGrantsOfUserAndClientParams{OrgID: orgID, UserID: userID, ClientID: clientID,
		At: &now, Reason: new(withdrawn)})
	if err != nil {
		return err
	}
	return g.log.Record(ctx, tx, orgID, audit.Event{Action: "consent.withdrawn", Actor: actor, Target: audit.Target{Kind: "client", ID: clientID.String()},
		Details: map[string]any{"user_id": userID, "scopes": scopes, "grants_revoked": revoked}})
}

// Changed is called when a client became another than the one that people allowed: they are asked anew. With revoke,
// whatever it holds of them ends, too. It records neither: the change of the client is recorded.
func (g *Grants) Changed(ctx context.Context, tx *store.Tx, orgID, clientID uuid.UUID, revoke bool) error {
	queries, now := dbq.New(tx), g.now()
	if _, err := queries.DeleteConsentsOfClient(ctx, dbq.DeleteConsentsOfClientParams{OrgID: orgID, ClientID: clientID}); err != nil || !revoke {
		return err
	}
	_, err := queries.RevokeGrantsOfClient(ctx, dbq.RevokeGrantsOfClientParams{OrgID: orgID, ClientID: clientID, At: &now, Reason: new(clientChanged)})
	return err
}
