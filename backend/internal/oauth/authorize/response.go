package authorize

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
)

// Issued is what a response hook sees of a request that succeeded.
type Issued struct {
	Organization *org.Organization
	Client       *client.Client
	ResponseType string // canonical
	RedirectURI  string // where the response goes
	State        string
	Live         *session.Live // the person and their session
	Grant        *grant.Grant  // nil for the response type none
}

// Response is what a successful response says beside state and iss. Empty members are left out.
type Response struct {
	Code        string
	AccessToken string // with token_type, expires_in and scope
	ExpiresIn   time.Duration
	IDToken     string
}

// ResponseHook completes a response before it is sent. An error fails the whole request.
type ResponseHook func(ctx context.Context, issued *Issued, response *Response) error

// issue grants what the person allowed and makes the response: its code, its access token, and what hooks add.
func (a *Endpoint) issue(ctx context.Context, r *request, live *session.Live) (login.Answer, error) {
	issued := &Issued{Organization: r.organization, Client: r.client, ResponseType: r.responseType, RedirectURI: r.redirectURI,
		State: r.parameters.Get("state"), Live: live}
	if err := a.prepareAnswer(ctx, r); err != nil {
		return login.Answer{}, err
	}
	if err := a.usePushed(ctx, r); err != nil {
		return login.Answer{}, err
	}
	var response Response
	if r.responseType == client.NoneResponse {
		if err := a.Sessions.Touch(ctx, live, r.organization.Policies); err != nil {
			return login.Answer{}, err
		}
	} else if err := a.grant(ctx, r, issued, &response); err != nil {
		return login.Answer{}, err
	}
	for _, hook := range a.Hooks {
		if err := hook(ctx, issued, &response); err != nil {
			return login.Answer{}, err
		}
	}
	fields := []string{"code", response.Code, "access_token", response.AccessToken}
	if response.AccessToken != "" {
		fields = append(fields, "token_type", oauth.SchemeBearer, "expires_in", strconv.FormatInt(int64(response.ExpiresIn/time.Second), 10),
			"scope", oauth.FormatScope(r.target.Scopes(issued.Grant.Scopes)))
	}
	fields = append(fields, "id_token", response.IDToken, "session_state", a.sessionState(r))
	answer, err := a.answer(ctx, r, fields...)
	if err != nil {
		return login.Answer{}, err
	}
	a.keepState(r, &answer)
	return answer, nil
}

// grant writes the grant down and makes what the response type asks for of it.
func (a *Endpoint) grant(ctx context.Context, r *request, issued *Issued, response *Response) (err error) {
	withToken, lifetime := client.AsksFor(r.responseType, client.TokenResponse), r.target.Lifetime(oauth.AccessTokenLifetime(r.organization, r.client))
	now := a.Now()
	authorization := grant.Authorization{
		OrgID: r.organization.ID, ClientID: r.client.ID, Session: issued.Live.Session, IdleUntil: issued.Live.Session.IdleUntil(now, r.organization.Policies),
		Scopes: r.scopes, Nonce: r.parameters.Get("nonce"), RedirectURI: r.sentRedirectURI, ACR: issued.Live.Session.AuthenticationContextFor(r.askedContexts()), Audience: r.target.Audience,
		WithoutCode: !client.AsksFor(r.responseType, client.CodeResponse), TellOfEnd: r.client.WantsToHearOfSessionEnd(),
	}
	if authorization.Claims, err = r.claims.Encode(); err != nil {
		return err
	}
	if authorization.Details, err = r.details.Encode(); err != nil {
		return err
	}
	if !authorization.WithoutCode {
		authorization.BoundTo = oauth.HolderOfKey(r.parameters.Get("dpop_jkt"))
		authorization.CodeChallenge = r.parameters.Get("code_challenge")
	}
	if withToken {
		authorization.TokensExpireAt = now.Add(lifetime)
	}
	if issued.Grant, response.Code, err = a.Grants.Issue(ctx, authorization); errors.Is(err, grant.ErrSessionEnded) {
		r.browser = r.browser.Without(issued.Live.Session.ID) // which session_state then tells
		return oauth.NewError(oauth.CodeLoginRequired, "The session ended at this very moment. The person must sign in again.").WithCause(err)
	}
	if err != nil || !withToken {
		return err
	}
	subject, err := a.Subjects.Of(ctx, r.client, issued.Grant.UserID)
	if err != nil {
		return err
	}
	sid, err := a.Subjects.Session(ctx, r.client, issued.Grant.SessionID)
	if err != nil {
		return err
	}
	details, err := r.target.Details(r.details).Encode()
	if err != nil {
		return err
	}
	response.AccessToken, _, err = a.Tokens.Mint(ctx, r.organization, oauth.AccessTokenSpec{
		Subject: subject, ClientID: r.client.ClientID, Scopes: r.target.Scopes(r.scopes), Lifetime: lifetime, Audience: issued.Grant.Audience, Details: details,
		Policy: oauth.TokenPolicyOf(r.organization, r.client), UserID: issued.Grant.UserID, GrantID: issued.Grant.ID, Session: sid, AuthenticatedAt: issued.Grant.AuthenticatedAt, Methods: issued.Grant.Methods, ACR: issued.Grant.ACR,
	})
	response.ExpiresIn = lifetime
	return err
}
