package authorize

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
)

// identifyingChecks establish whom the answer goes to. Until they pass, an error is a page: redirecting
// to an address nobody registered would make us an open redirector (RFC 6749 §4.1.2.1).
func (a *Endpoint) identifyingChecks() oauth.Table[request] {
	return oauth.Table[request]{
		{Name: "client", Clause: "RFC 6749 §4.1.1", Do: a.checkClient},
		{Name: "pushed request", Clause: "RFC 9126 §4", Do: a.readPushedRequest},
		{Name: "request object", Clause: "OpenID Connect Core 1.0 §6, RFC 9101 §6", Do: a.readRequestObject},
		{Name: "redirect_uri", Clause: "RFC 6749 §3.1.2, RFC 9700 §2.1", Do: a.checkRedirectURI},
	}
}

// checks judge the rest; their errors travel to the client.
func (a *Endpoint) checks() oauth.Table[request] {
	return oauth.Table[request]{
		{Name: "response_mode", Clause: "OAuth 2.0 Multiple Response Types §2.1, JARM §2.3", Do: checkResponseMode},
		{Name: "parameters", Clause: "RFC 6749 §3.1", Do: func(_ context.Context, r *request) error { return r.malformed }},
		{Name: "pushed requests", Clause: "RFC 9126 §6", Do: checkPushed},
		{Name: "request object is good", Clause: "OpenID Connect Core 1.0 §3.1.2.6, RFC 9101 §6", Do: func(_ context.Context, r *request) error { return r.objectError }},
		{Name: "signed request object", Clause: "RFC 9101 §10.5", Do: checkSigned},
		{Name: "unsupported parameters", Clause: "OpenID Connect Core 1.0 §3.1.2.6", Do: checkUnsupported},
		{Name: "response_type", Clause: "RFC 6749 §3.1.1", Do: checkResponseType},
		{Name: "response mode of tokens", Clause: "OAuth 2.0 Multiple Response Types §3, §5, JARM §2.3.1", Do: checkTokensInQuery},
		{Name: "scope", Clause: "RFC 6749 §3.3, OpenID Connect Core 1.0 §11", Do: checkScope},
		{Name: "resource", Clause: "RFC 8707 §2.1", Do: a.checkResource},
		{Name: "authorization_details", Clause: "RFC 9396 §2, §5", Do: checkDetails},
		{Name: "code_challenge", Clause: "RFC 7636 §4.3, OAuth 2.1 §7.5.1", Do: checkCodeChallenge},
		{Name: "bound tokens", Clause: "RFC 9449 §5.2, RFC 8705 §3.4", Do: checkBoundTokens},
		{Name: "dpop_jkt", Clause: "RFC 9449 §10", Do: checkDPoPKey},
		{Name: "nonce", Clause: "OpenID Connect Core 1.0 §3.2.2.1, §3.3.2.11", Do: checkNonce},
		{Name: "lengths", Clause: "OpenID Connect Core 1.0 §3.1.2.1", Do: checkLengths},
		{Name: "prompt", Clause: "OpenID Connect Core 1.0 §3.1.2.1, Initiating User Registration 1.0 §4.1", Do: a.checkPrompt},
		{Name: "max_age", Clause: "OpenID Connect Core 1.0 §3.1.2.1", Do: checkMaxAge},
		{Name: "id_token_hint", Clause: "OpenID Connect Core 1.0 §3.1.2.1", Do: a.checkIDTokenHint},
		{Name: "claims", Clause: "OpenID Connect Core 1.0 §5.5", Do: a.checkClaims},
		{Name: "factors", Clause: "OpenID Connect Core 1.0 §3.1.2.1, acr_values", Do: checkFactors},
		{Name: "requirement", Clause: "OpenID Connect Core 1.0 §3.1.2.3, §3.1.2.4", Do: setRequirement},
	}
}

func (a *Endpoint) checkClient(ctx context.Context, r *request) error {
	clientID := r.parameters.Get("client_id")
	if clientID == "" {
		if r.malformed != nil {
			return r.malformed
		}
		return oauth.InvalidRequest("The parameter client_id is missing.")
	}
	found, err := a.Clients.Find(ctx, r.organization, clientID)
	if fault.IsKind(err, fault.NotFound) || err == nil && found.Status != client.Active {
		return oauth.NewError(oauth.CodeInvalidClient, "There is no such client in this organization, or it is disabled.")
	}
	if err != nil {
		return err
	}
	r.client, r.profile = found, oauth.ProfileOf(r.organization, found)
	return nil
}

func (a *Endpoint) checkRedirectURI(_ context.Context, r *request) error {
	r.sentRedirectURI = r.parameters.Get("redirect_uri")
	if r.sentRedirectURI != "" {
		if !r.client.MatchRedirectURI(r.sentRedirectURI) {
			return oauth.NewError(oauth.CodeInvalidRedirectURI, "The redirect_uri is not registered for this client. It must be the same, character by character.")
		}
		r.redirectURI = r.sentRedirectURI
		return nil
	}
	if r.malformed != nil {
		return r.malformed
	}
	if r.objectError != nil { // in which it may have stood
		return r.objectError
	}
	// OAuth 2.1 §4.1.1 lets a client with a single redirect URI leave it out; OpenID Connect does not.
	// Pushed requests of a profile that wants them name it, too (FAPI 2.0 Security Profile §5.3.2.2).
	openID := slices.Contains(strings.Fields(r.parameters.Get("scope")), oauth.ScopeOpenID)
	if openID || r.profile.PushedRequests || len(r.client.RedirectURIs) != 1 {
		return oauth.InvalidRequest("The parameter redirect_uri is missing.")
	}
	r.redirectURI = r.client.RedirectURIs[0]
	return nil
}

func checkUnsupported(_ context.Context, r *request) error {
	if r.parameters.Has("registration") {
		return oauth.NewError(oauth.CodeRegistrationNotSupported, "The parameter registration is not supported.")
	}
	return nil
}

func checkResponseType(_ context.Context, r *request) error {
	asked := r.parameters.Get("response_type")
	if asked == "" {
		return oauth.InvalidRequest("The parameter response_type is missing.")
	}
	canonical, known := client.CanonicalResponseType(asked)
	switch {
	case !known:
		return oauth.NewError(oauth.CodeUnsupportedResponseType, "There is no such response_type.")
	case !r.profile.Allows(canonical):
		return oauth.NewError(oauth.CodeUnsupportedResponseType, "Tokens are not delivered through addresses here. Use the response_type code.")
	case !slices.Contains(r.client.ResponseTypes, canonical):
		return oauth.NewError(oauth.CodeUnauthorizedClient, "The client is not registered for this response_type.")
	}
	r.responseType = canonical
	return nil
}

func checkNonce(_ context.Context, r *request) error {
	if client.AsksFor(r.responseType, client.IDTokenResponse) && !r.parameters.Has("nonce") {
		return oauth.InvalidRequest("The parameter nonce is missing: an ID token that comes through the browser repeats it.")
	}
	return nil
}

func checkScope(_ context.Context, r *request) error {
	asked, err := oauth.ParseScope(r.parameters.Get("scope"))
	if err != nil {
		return err
	}
	// What is not understood or not registered is left out (OpenID Connect Core 1.0 §3.1.2.1); the token
	// response says what was granted.
	r.scopes = slices.DeleteFunc(asked, func(scope string) bool {
		return !slices.Contains(r.client.Scopes, scope) || scope == oauth.ScopeOfflineAccess && !r.client.MayUse(client.RefreshToken)
	})
	if client.AsksFor(r.responseType, client.IDTokenResponse) && !slices.Contains(r.scopes, oauth.ScopeOpenID) {
		return oauth.NewError(oauth.CodeInvalidScope, "An ID token needs the scope openid.")
	}
	if !client.AsksFor(r.responseType, client.CodeResponse) {
		// Nothing that outlives the response is handed out without a code (OpenID Connect Core 1.0 §11).
		r.scopes = slices.DeleteFunc(r.scopes, func(scope string) bool { return scope == oauth.ScopeOfflineAccess })
	}
	if len(r.scopes) == 0 && r.client.RequireConsent && !r.parameters.Has("authorization_details") {
		// There would be nothing to ask, yet the answer tells who the person is (RFC 6749 §3.3: fail when
		// no default scope is left).
		return oauth.NewError(oauth.CodeInvalidScope, "None of the scopes asked for is registered for this client.")
	}
	return nil
}

// checkResource finds the resource servers that tokens of this grant may be for.
func (a *Endpoint) checkResource(ctx context.Context, r *request) (err error) {
	r.target, err = a.Targets.Of(ctx, r.organization, r.client, r.parameters.All("resource"))
	return err
}

func checkDetails(_ context.Context, r *request) (err error) {
	r.details, err = oauth.ParseDetails(r.organization, r.client, r.parameters.Get("authorization_details"))
	return err
}

var challengePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

func checkCodeChallenge(_ context.Context, r *request) error {
	if !client.AsksFor(r.responseType, client.CodeResponse) {
		return nil
	}
	switch challenge := r.parameters.Get("code_challenge"); {
	case challenge == "" && r.profile.MayOmitPKCE(r.client):
		if r.parameters.Has("code_challenge_method") {
			return oauth.InvalidRequest("The parameter code_challenge is missing, yet there is a code_challenge_method.")
		}
	case challenge == "":
		return oauth.InvalidRequest("The parameter code_challenge is missing: this client uses PKCE.")
	case r.parameters.Get("code_challenge_method") != "S256":
		return oauth.InvalidRequest("The code_challenge_method must be S256.")
	case !challengePattern.MatchString(challenge):
		return oauth.InvalidRequest("The code_challenge is not a SHA-256 digest in base64url.")
	}
	return nil
}

// checkBoundTokens refuses to deliver a token through the browser that must be bound to its sender.
func checkBoundTokens(_ context.Context, r *request) error {
	if client.AsksFor(r.responseType, client.TokenResponse) && oauth.RequiresBoundTokens(r.organization, r.client) {
		return oauth.NewError(oauth.CodeUnauthorizedClient, "The access tokens of this client are bound to it, and those that come through the browser cannot be. Use the response_type code.")
	}
	return nil
}

func checkDPoPKey(_ context.Context, r *request) error {
	if thumbprint := r.parameters.Get("dpop_jkt"); thumbprint != "" && !oauth.ValidThumbprint(thumbprint) {
		return oauth.InvalidRequest("The dpop_jkt is not a SHA-256 thumbprint of a key in base64url.")
	}
	return nil
}

func checkLengths(_ context.Context, r *request) error {
	for _, bound := range []struct {
		name string
		max  int
	}{{"state", 4096}, {"nonce", 1024}, {"login_hint", 254}, {"ui_locales", 254}, {"claims_locales", 254}, {"acr_values", 1024}, {"display", 64}} {
		if len(r.parameters.Get(bound.name)) > bound.max {
			return oauth.InvalidRequest("The parameter " + bound.name + " is longer than " + strconv.Itoa(bound.max) + " bytes.")
		}
	}
	return nil
}

func (a *Endpoint) checkPrompt(ctx context.Context, r *request) error {
	r.prompts = strings.Fields(r.parameters.Get("prompt"))
	if r.prompted(promptNone) && len(r.prompts) > 1 {
		return oauth.InvalidRequest("The prompt none cannot be combined with others.")
	}
	if r.prompted(promptCreate) && !a.SignUpOpen(ctx, r.organization) {
		return oauth.InvalidRequest("The prompt create is not supported: this organization makes the accounts of its people itself.")
	}
	return nil
}

// maximumMaxAge keeps time arithmetic in range; a longer age is no demand at all.
const maximumMaxAge = 10 * 365 * 24 * 60 * 60

func checkMaxAge(_ context.Context, r *request) error {
	text := r.parameters.Get("max_age")
	if text == "" {
		if age := r.client.Metadata.DefaultMaxAge; age != nil {
			r.requirement.AuthenticatedSince = r.at.Add(-time.Duration(*age) * time.Second)
		}
		return nil
	}
	seconds, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return oauth.InvalidRequest("The max_age must be a number of seconds.")
	}
	if seconds <= maximumMaxAge {
		r.requirement.AuthenticatedSince = r.at.Add(-time.Duration(seconds) * time.Second)
	}
	return nil
}

func (a *Endpoint) checkIDTokenHint(ctx context.Context, r *request) error {
	text := r.parameters.Get("id_token_hint")
	if text == "" {
		return nil
	}
	hint, err := a.Hints.Verify(ctx, r.organization, text)
	if err != nil {
		if fault.IsKind(err, fault.Unavailable) {
			return err
		}
		return oauth.InvalidRequest("The id_token_hint is not an ID token of this issuer.").WithCause(err)
	}
	r.requirement.UserID = hint.UserID
	return nil
}

// anybody reports whether the request may come from another program than the client: one that nobody allowed anything
// yet, or one that nobody registered, cannot prove itself, and is answered at an address that every program on the
// person's machine can listen at (RFC 8252 §8.6).
func (r *request) anybody() bool {
	return oauth.IsNew(r.client) ||
		r.client.Origin == client.MetadataDocument && r.client.Public() && !strings.HasPrefix(r.redirectURI, "https://")
}

func setRequirement(_ context.Context, r *request) error {
	if r.prompted(promptLogin) {
		r.requirement.AuthenticatedSince = r.at
	}
	r.requirement.SelectAccount = r.prompted(promptSelectAccount)
	if r.requirement.Create = r.prompted(promptCreate); r.requirement.Create && r.requirement.UserID != uuid.Nil {
		return oauth.InvalidRequest("The prompt create is about somebody who has no account yet; id_token_hint and sub name somebody who has.")
	}
	r.requirement.Consent = &login.ConsentRequirement{ClientID: r.client.ID, Scopes: r.consentScopes(), Ask: r.client.RequireConsent, EachTime: r.anybody(),
		Always: r.prompted(promptConsent) || len(r.details) > 0 || r.anybody(), Details: r.details}
	r.requirement.LoginHint = r.parameters.Get("login_hint")
	r.requirement.UILocales = strings.Fields(r.parameters.Get("ui_locales"))
	return nil
}
