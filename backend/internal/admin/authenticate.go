package admin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/user"
)

// ConsoleSession is what the console's cookie stands for, after the console checked host, origin and
// CSRF token.
type ConsoleSession struct {
	Organization *org.Organization
	User         *user.User
	Scopes       []string
}

// authenticate finds out who calls. An Authorization header is decisive: a request that has one is never
// judged by its cookies.
func (a *API) authenticate(r *http.Request) (*Authority, error) {
	if headers := r.Header.Values("Authorization"); len(headers) > 0 {
		return a.token(r, headers)
	}
	if a.console == nil {
		return nil, errNoCredentials
	}
	session, err := a.console(r)
	if err != nil {
		return nil, err
	}
	if session == nil {
		return nil, errNoCredentials
	}
	return a.OfConsole(r.Context(), session)
}

// OfConsole computes the authority of a console session from the roles that the person has now.
func (a *API) OfConsole(ctx context.Context, session *ConsoleSession) (*Authority, error) {
	roles, err := role.Of(ctx, a.db, session.Organization.ID, session.User.ID)
	if err != nil {
		return nil, err
	}
	return newAuthority(session.Organization, session.User, nil, session.Scopes, roles), nil
}

// token judges an access token (RFC 6750 §2.1, RFC 9449 §7, RFC 9068 §4).
func (a *API) token(r *http.Request, headers []string) (*Authority, error) {
	ctx := r.Context()
	scheme, token, _ := strings.Cut(headers[0], " ")
	presented := oauth.Presented{Scheme: oauth.SchemeBearer, Token: strings.TrimSpace(token), Sender: oauth.SenderOfRequest(r)}
	switch {
	case len(headers) > 1 || presented.Token == "":
		return nil, errInvalidToken
	case strings.EqualFold(scheme, oauth.SchemeDPoP):
		presented.Scheme = oauth.SchemeDPoP
	case !strings.EqualFold(scheme, oauth.SchemeBearer):
		return nil, errInvalidToken
	}
	organization, err := a.issuer(ctx, presented.Token)
	if err != nil {
		return nil, err
	}
	verified, live, err := a.resource.Accept(ctx, organization, presented, a.issuers.AdminAudience())
	if err != nil {
		return nil, refusedToken(err)
	}
	// A scope that was taken from the client is worth nothing in tokens it got before.
	scopes := slices.DeleteFunc(slices.Clone(verified.Scopes), func(scope string) bool { return !slices.Contains(live.Client.Scopes, scope) })
	var roles []role.Role
	if live.User != nil {
		if roles, err = role.Of(ctx, a.db, organization.ID, live.User.ID); err != nil {
			return nil, err
		}
	}
	return newAuthority(organization, live.User, live.Client, scopes, roles), nil
}

// issuer reads the unverified issuer of a token, only to pick the organization whose keys verify it. An
// organization that does not serve has no valid tokens.
func (a *API) issuer(ctx context.Context, token string) (*org.Organization, error) {
	issuer, err := a.resource.ClaimedIssuer(token)
	if err != nil {
		return nil, errInvalidToken.withCause(err)
	}
	organization, err := a.issuerOf(ctx, issuer)
	if fault.IsKind(err, fault.NotFound) || errors.Is(err, org.ErrSuspended) {
		return nil, errInvalidToken.withCause(err)
	}
	return organization, err
}

// refusedToken tells what is wrong with a token from what is wrong with us.
func refusedToken(err error) error {
	var refused *oauth.Error
	if errors.As(err, &refused) {
		return errInvalidToken.withCause(err).withWire(refused)
	}
	return err
}
