package upstream

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/jose"
)

// Try fetches what a provider says of itself now, before anybody is sent there, and judges whether people could sign in there
// (OpenID Connect Discovery 1.0 §4). What stands in the way is a fault with words for an administrator: Invalid, or Unavailable
// when the provider may be reached another time.
func Try(ctx context.Context, client *fetch.Client, issuer string) (Metadata, error) {
	var found Metadata
	if strings.ContainsAny(issuer, "?#") {
		return found, unusable("An issuer has neither a question mark nor a fragment.")
	}
	response, err := client.Get(ctx, fetch.Request{URL: strings.TrimSuffix(issuer, "/") + wellKnown, ContentTypes: []string{"application/json"}, MaximumBytes: metadataBytes})
	if err != nil {
		return found, err
	}
	if json.Unmarshal(response.Body, &found) != nil {
		return found, unusable("What stands at the well-known address is no description of an OpenID provider.")
	}
	switch {
	case found.Issuer != issuer:
		return found, unusable("The provider calls itself by another issuer. Write it as the provider does, character by character.")
	case found.TokenEndpoint == "" || found.JWKSURI == "" || !opens(issuer, found.AuthorizationEndpoint):
		return found, unusable("The description names no endpoints that people could be sent to safely.")
	case len(found.Algorithms) > 0 && !slices.ContainsFunc(found.Algorithms, func(algorithm jose.Algorithm) bool { return slices.Contains(accepted, algorithm) }):
		return found, unusable("The provider signs its ID tokens in none of the ways that are accepted here: ES256, PS256, EdDSA and RS256.")
	}
	return found, nil
}

func unusable(message string) error {
	return fault.New(fault.Invalid, "identity_provider_unusable", message).WithField("issuer")
}
