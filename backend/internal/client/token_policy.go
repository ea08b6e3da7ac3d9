package client

import "github.com/clavex/clavex/backend/internal/org"

func (c *Client) validateSecondFactor() error {
	if policy := c.Metadata.SecondFactor; policy != "" && policy != org.SecondFactorOptional && policy != org.SecondFactorRequired {
		return invalid("second_factor", "Choose optional or required; a client demands more than its organization, or nothing.")
	}
	return nil
}

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
