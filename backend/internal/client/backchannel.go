package client

import (
	"slices"
	"strings"

	"github.com/clavex/clavex/backend/internal/jose"
)

// DeliveryMode says how a client gets the tokens of a request through the back channel (CIBA Core 1.0 §5).
type DeliveryMode string

// The delivery modes.
const (
	Poll DeliveryMode = "poll" // it asks the token endpoint
	Ping DeliveryMode = "ping" // it is told when to ask
	Push DeliveryMode = "push" // they are sent to it
)

// DeliveryModes lists the modes, in the order of discovery documents.
func DeliveryModes() []DeliveryMode { return []DeliveryMode{Poll, Ping, Push} }

// validateBackchannel judges what belongs to requests through the back channel (CIBA Core 1.0 §4).
func (c *Client) validateBackchannel() error {
	m := &c.Metadata
	mode, endpoint, algorithm := m.BackchannelTokenDeliveryMode, m.BackchannelClientNotificationEndpoint, m.BackchannelAuthenticationRequestSigningAlg
	told := mode == Ping || mode == Push
	switch {
	case mode != "" && !slices.Contains(DeliveryModes(), mode):
		return invalid("backchannel_token_delivery_mode", "Choose one of %s.", strings.Join(texts(DeliveryModes()), ", "))
	case c.MayUse(CIBA) && mode == "":
		return invalid("backchannel_token_delivery_mode", "The grant type %s needs a delivery mode: choose one of %s.", CIBA, strings.Join(texts(DeliveryModes()), ", "))
	case !c.MayUse(CIBA) && (mode != "" || endpoint != "" || algorithm != ""):
		return invalid("grant_types", "What begins with backchannel_ goes with the grant type %s.", CIBA)
	case told && endpoint == "":
		return invalid("backchannel_client_notification_endpoint", "To be told, the client needs an address.")
	case !told && endpoint != "":
		return invalid("backchannel_client_notification_endpoint", "This goes with the delivery modes ping and push.")
	case mode == Push && (m.DPoPBoundAccessTokens || m.TLSClientCertificateBoundAccessTokens):
		return invalid("backchannel_token_delivery_mode", "Tokens that are pushed cannot be bound to their sender.")
	case algorithm != "" && !jose.Algorithm(algorithm).Known():
		return invalid("backchannel_authentication_request_signing_alg", "Choose one of %s.", strings.Join(texts(jose.Algorithms()), ", "))
	case algorithm != "" && len(m.JWKS) == 0 && m.JWKSURI == "":
		return invalid("backchannel_authentication_request_signing_alg", "To sign its requests the client needs keys: give jwks or jwks_uri.")
	}
	return webURI("backchannel_client_notification_endpoint", endpoint)
}
