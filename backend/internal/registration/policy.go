package registration

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
)

// errClosed refuses everybody where only administrators register clients. RFC 7591 §3 knows two kinds of
// endpoint: open ones and those that demand an initial access token. A 401 would ask for such a token,
// which is of no use there, so a closed organization says 403.
var errClosed = oauth.NewError(oauth.CodeAccessDenied, "This organization does not let applications register themselves. Ask its administrator.").WithStatus(http.StatusForbidden)

var errNoInitialToken = errors.New("the initial access token does not exist, expired, is used up or was revoked")

// checkPolicy lets in whom the organization lets in. A token that is presented must be good also where none is
// needed: whoever sends one relies on it. Whether one is left of its uses is decided when the client is written.
func (e *Endpoint) checkPolicy(ctx context.Context, request *Request) error {
	switch request.Organization.Policies.RegistrationPolicy() {
	case org.RegistrationLoopback, org.RegistrationOpen:
	case org.RegistrationByToken:
		if request.InitialAccessToken == "" {
			return &oauth.Error{Status: http.StatusUnauthorized, Scheme: oauth.SchemeBearer} // RFC 6750 §3.1: a bare challenge
		}
	default:
		return errClosed
	}
	if request.InitialAccessToken == "" {
		return nil
	}
	good, err := e.clients.InitialAccessTokenIsGood(ctx, request.Organization.ID, request.InitialAccessToken)
	if err == nil && !good {
		return oauth.InvalidToken(errNoInitialToken)
	}
	return err
}

// vouched reports whether an administrator's initial access token stands for the client.
func (r *Request) vouched() bool {
	return r.InitialAccessToken != "" || r.registered != nil && r.registered.InitialAccessTokenID != nil
}

// checkStillOpen keeps a client as it is when it could not register any more: otherwise what registered for one
// machine while that was allowed could move anywhere once nobody is let in.
func checkStillOpen(_ context.Context, request *Request) error {
	switch request.Organization.Policies.RegistrationPolicy() {
	case org.RegistrationLoopback, org.RegistrationOpen:
		return nil
	case org.RegistrationByToken:
		if request.vouched() {
			return nil
		}
	}
	return errClosedNow
}

// allowedGrants are those by which people sign in, unless the organization's rules name others. A client that acts
// for itself is trusted by name: the rules must name client_credentials and an administrator's token must stand for
// the client. What an administrator gave a client it may keep.
func allowedGrants(request *Request) []string {
	allowed := []string{client.AuthorizationCode, client.Implicit, client.RefreshToken}
	if rules := request.Organization.Policies.RegistrationRules.GrantTypes; len(rules) > 0 {
		allowed = slices.Clone(rules)
	}
	if !request.vouched() {
		allowed = slices.DeleteFunc(allowed, func(grantType string) bool { return grantType == client.ClientCredentials })
	}
	if request.registered != nil {
		allowed = append(allowed, request.registered.GrantTypes...)
	}
	return allowed
}

// errGrantType is what the log says: the answer repeats what was sent.
var errGrantType = errors.New("a grant type that the organization's rules do not allow")

func checkGrants(_ context.Context, request *Request) error {
	allowed := allowedGrants(request)
	for _, grantType := range request.client.GrantTypes {
		if !slices.Contains(allowed, grantType) {
			return oauth.NewError(oauth.CodeInvalidClientMetadata, "grant_types: a client that registers itself here cannot have "+clip(grantType)+".").WithCause(errGrantType)
		}
	}
	return nil
}

// allowedScopes are those of OpenID Connect unless the organization's rules name others; never those of the Admin
// API.
func allowedScopes(organization *org.Organization) []string {
	if rules := organization.Policies.RegistrationRules.Scopes; len(rules) > 0 {
		return slices.Clone(rules)
	}
	return oauth.StandardScopes()
}

func checkScopes(_ context.Context, request *Request) error {
	own := allowedScopes(request.Organization)
	allowed := own
	if request.registered != nil {
		allowed = slices.Concat(own, request.registered.Scopes)
	}
	if !oauth.WithinScopes(request.client.Scopes, allowed) {
		return oauth.NewError(oauth.CodeInvalidClientMetadata, "scope: a client that registers itself may have "+oauth.FormatScope(own)+" only.")
	}
	return nil
}

// checkAddresses holds developers' machines to themselves (whatever such a client gets stays on the machine), and
// everybody to the hosts that the organization's rules name.
func checkAddresses(_ context.Context, request *Request) error {
	return checkHosts(request, request.Organization.Policies.RegistrationPolicy() == org.RegistrationLoopback && !request.vouched())
}

func checkHosts(request *Request, loopback bool) error {
	policies := request.Organization.Policies
	told := slices.DeleteFunc([]string{request.client.Metadata.BackchannelLogoutURI, request.client.Metadata.FrontchannelLogoutURI, request.client.Metadata.InitiateLoginURI},
		func(uri string) bool { return uri == "" })
	for _, uri := range slices.Concat(request.client.RedirectURIs, request.client.PostLogoutRedirectURIs, told) {
		parsed, err := url.Parse(uri)
		web := err == nil && (parsed.Scheme == "http" || parsed.Scheme == "https")
		if loopback && (!web || !client.IsLoopback(parsed)) {
			return oauth.NewError(oauth.CodeInvalidRedirectURI, "Here applications may register themselves with addresses on this machine only: localhost, 127.0.0.1 or [::1].")
		}
		if len(policies.RegistrationRules.RedirectHosts) > 0 && (!web || !policies.RegistrationRules.AllowsHost(parsed.Hostname())) {
			return oauth.NewError(oauth.CodeInvalidRedirectURI, "This organization allows addresses on certain hosts only; ask its administrator.")
		}
	}
	return nil
}

// clip shortens what a message repeats.
func clip(text string) string {
	if len(text) > 60 {
		return text[:60] + "..."
	}
	return text
}
