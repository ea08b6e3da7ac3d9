package client

import "github.com/clavex/clavex/backend/internal/org"

func (c *Client) validateTokenPolicy() error {
	policy := c.Metadata.TokenPolicy
	if member, problem := policy.Problem(); problem != "" {
		return invalid("token_policy."+member, "%s", problem)
	}
	if policy.RefreshTokenRotation == org.KeepRefreshTokens && c.Public() && !c.Metadata.DPoPBoundAccessTokens && !c.Metadata.TLSClientCertificateBoundAccessTokens {
		return invalid("token_policy.refresh_token_rotation",
			"A public client keeps refresh tokens only when they are bound to its key or certificate: whoever steals one could use it for good.")
	}
	return nil
}
