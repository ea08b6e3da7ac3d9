package grant

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// Kept is what an application holds, or held, of a person.
type Kept struct {
	ID              uuid.UUID       `json:"id"`
	ClientID        string          `json:"client_id"`
	ClientName      string          `json:"client_name"`
	Scopes          []string        `json:"scopes"`
	Audience        []string        `json:"audience,omitempty"`
	AuthenticatedAt time.Time       `json:"authenticated_at"`
	Methods         []string        `json:"methods"`
	ACR             string          `json:"acr,omitempty"`
	CreatedAt       time.Time       `json:"created_at"`
	ExpiresAt       time.Time       `json:"expires_at"`
	RevokedAt       *time.Time      `json:"revoked_at,omitempty"`
	RevokeReason    string          `json:"revoke_reason,omitempty"`
	RedirectURI     string          `json:"redirect_uri,omitempty"`
	Claims          json.RawMessage `json:"claims,omitempty"` // that were asked for
	Details         json.RawMessage `json:"authorization_details,omitempty"`
}

// KeptOfUser returns everything that is kept of what applications hold of a person, newest first.
func (g *Grants) KeptOfUser(ctx context.Context, orgID, userID uuid.UUID) ([]Kept, error) {
	rows, err := dbq.New(g.db).GrantsKeptOfUser(ctx, dbq.GrantsKeptOfUserParams{OrgID: orgID, UserID: userID})
	kept := make([]Kept, len(rows))
	for i, row := range rows {
		kept[i] = Kept{ID: row.ID, ClientID: row.ClientID, ClientName: row.ClientName, Scopes: row.Scopes, Audience: row.Audience,
			AuthenticatedAt: row.AuthenticatedAt, Methods: row.Methods, ACR: row.Acr, CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt,
			RevokedAt: row.RevokedAt, RevokeReason: text(row.RevokeReason), RedirectURI: row.RedirectURI, Claims: row.Claims, Details: row.AuthorizationDetails}
	}
	return kept, err
}
