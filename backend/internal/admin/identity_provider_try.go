package admin

import (
	"context"
	"errors"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/upstream"
)

// TestIdentityProvider implements the operation testIdentityProvider: what a provider says of itself is looked at before anybody
// is sent there. Nothing is kept.
func (h handlers) TestIdentityProvider(ginContext context.Context, request api.TestIdentityProviderRequestObject) (api.TestIdentityProviderResponseObject, error) {
	call, issuer := callOf(ginContext), request.Body.Issuer
	if issuer == h.issuers.URL(call.organization) {
		return nil, errOwnProvider
	}
	found, err := upstream.Try(call.ctx, h.fetch, issuer)
	var problem *fault.Error
	switch {
	case err == nil:
		return api.TestIdentityProvider200JSONResponse{Outcome: api.Usable, Message: "People can be sent there.", AuthorizationEndpoint: optional(found.AuthorizationEndpoint)}, nil
	case errors.As(err, &problem) && (problem.Kind == fault.Invalid || problem.Kind == fault.Unavailable):
		return api.TestIdentityProvider200JSONResponse{Outcome: api.Unusable, Message: problem.Message, Error: optional(problem.Code)}, nil
	}
	return nil, err
}
