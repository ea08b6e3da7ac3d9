package authorize

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/key"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/ratelimit"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/user"
)

// ContinuationName is the name under which the endpoint goes on after a sign-in.
const ContinuationName = "authorize"

// Endpoint is the authorization endpoint of every organization. It is safe for concurrent use.
type Endpoint struct {
	Issuers  oauth.Issuers
	Clients  *oauth.ClientDirectory
	Sessions *session.Sessions
	Grants   *grant.Grants
	Tokens   *oauth.AccessTokens
	Subjects *oauth.Subjects
	KeySets  *client.KeySets
	Keys     *key.Keys                // that request objects are encrypted to
	Objects  *fetch.Documents[string] // request objects at request_uri, from NewRequestObjects
	Targets  *oauth.Targets
	Hints    *oauth.IDTokenHints
	JWTs     *oauth.ClientJWTs // of answers that travel signed
	Hooks    []ResponseHook    // complete every response, in order

	Authentication *oauth.ClientAuthentication // of those who push requests
	Senders        *oauth.SenderConstraint     // of the keys that they show
	State          kv.Store                    // of pushed requests
	Pushes         *ratelimit.Limit            // by clients that do not authenticate

	// SessionState makes the session_state by which a page at redirectURI learns that the browser is no longer in this
	// state (Session Management 1.0 §2): these people are signed in. "" is for pages that cannot ask.
	SessionState func(organization *org.Organization, c *client.Client, redirectURI string, browser session.Browser) string
	// SignUpOpen reports whether people make their accounts at the organization themselves.
	SignUpOpen func(ctx context.Context, organization *org.Organization) bool
	// SecondFactor is the policy of second factors for a person, and what their roles demand by themselves.
	SecondFactor func(ctx context.Context, organization *org.Organization, userID uuid.UUID) (policy, ofRoles org.SecondFactor, err error)
	// MustAct reports whether a signed-in person has something to do before an application gets an answer about them: an action
	// that is required of them, or terms to accept.
	MustAct func(ctx context.Context, organization *org.Organization, person *user.User) (bool, error)
	Now     func() time.Time
	Random  io.Reader
}

// Result is the outcome of a request that was understood: either an answer for the client, or what is
// still required of the person.
type Result struct {
	Answer   login.Answer
	Required *login.Required
}

// Handle judges an authorization request. tokens are the browser's session tokens; malformed is what was
// wrong with the encoding of the parameters. An error is shown as a page, because whom to
// tell is not known; every other failure is part of the answer.
func (a *Endpoint) Handle(ctx context.Context, organization *org.Organization, parameters oauth.Parameters, malformed error, tokens []string) (Result, error) {
	r := &request{organization: organization, parameters: parameters, malformed: malformed, at: a.Now()}
	if err := a.identifyingChecks().Run(ctx, r); err != nil {
		return Result{}, err
	}
	if err := a.checks().Run(ctx, r); err != nil {
		return a.refuse(ctx, r, err)
	}
	browser, err := a.Sessions.InBrowser(ctx, organization, tokens, r.client.ID)
	if err != nil {
		return a.refuse(ctx, r, err)
	}
	r.sawSessions, r.browser = true, browser
	live, err := a.pick(ctx, r)
	if err == nil {
		err = a.demandOfRoles(ctx, r, live)
	}
	if err != nil {
		return a.refuse(ctx, r, err)
	}
	signedIn := r.requirement.Accepts(live)
	acts := false
	if live != nil {
		if acts, err = a.MustAct(ctx, organization, live.User); err != nil {
			return a.refuse(ctx, r, err)
		}
	}
	switch {
	case acts && r.prompted(promptNone):
		return a.refuse(ctx, r, oauth.NewError(oauth.CodeInteractionRequired, "The person must do something first that is required of them, and prompt=none forbids asking."))
	case acts:
		// They do it when they are asked.
	case signedIn && !r.prompted(promptNone) && r.wishesMore(live):
		// Whether the person has another factor is seen when they are asked.
	case signedIn && !r.requirement.Consent.Asks(live.ConsentedScopes):
		answer, err := a.issue(ctx, r, live)
		if err != nil {
			return a.refuse(ctx, r, err)
		}
		return Result{Answer: answer}, nil
	case r.prompted(promptNone) && !signedIn:
		return a.refuse(ctx, r, oauth.NewError(oauth.CodeLoginRequired, "The person must sign in, and prompt=none forbids asking."))
	case r.prompted(promptNone):
		return a.refuse(ctx, r, oauth.NewError(oauth.CodeConsentRequired, "The person must give consent, and prompt=none forbids asking."))
	}
	stored, err := r.persist()
	if err != nil {
		return a.refuse(ctx, r, err)
	}
	return Result{Required: &login.Required{Continuation: ContinuationName, Request: stored, ClientID: r.client.ClientID, Requirement: r.requirement}}, nil
}

// pick is the session that the request is about, nil when there is none or the person has to say which. Where nobody
// may be asked and several people are signed in, an application goes on with whom it dealt with last in this browser;
// one that dealt with none of them learns that somebody has to choose (OpenID Connect Core 1.0 §3.1.2.6).
func (a *Endpoint) pick(ctx context.Context, r *request) (*session.Live, error) {
	live := r.requirement.Pick(r.browser)
	if live != nil || len(r.browser) < 2 || r.requirement.UserID != uuid.Nil || !r.prompted(promptNone) {
		return live, nil
	}
	last, err := a.Grants.LastSession(ctx, r.organization.ID, r.client.ID, r.browser.IDs())
	if err != nil {
		return nil, err
	}
	if live = r.browser.ByID(last); live == nil {
		return nil, oauth.NewError(oauth.CodeAccountSelectionRequired, "Several people are signed in, and prompt=none forbids asking which of them. An id_token_hint or a login_hint says it.")
	}
	return live, nil
}

// refuse turns an error into an answer for the client. A lost database is no answer to a request but a
// reason to try it again, so it stays an error with its 503. Every other failure answers a pushed request for good.
func (a *Endpoint) refuse(ctx context.Context, r *request, err error) (Result, error) {
	if fault.IsKind(err, fault.Unavailable) && !isOAuth(err) {
		return Result{}, err
	}
	wire := oauth.FromFault(err)
	if wire.Code == oauth.CodeServerError {
		return Result{}, err // logged with its request id, which the client would not learn from a redirect
	}
	answer, err := a.failure(ctx, r, wire)
	if err != nil {
		return Result{}, err // a page: the client reads nothing but a JWT
	}
	if err := a.usePushed(ctx, r); err != nil && !errors.Is(err, errPushedUsed) {
		return Result{}, err
	}
	a.keepState(r, &answer)
	return Result{Answer: answer}, nil
}

// sessionState is "" for requests that are none for authentication, and until the browser's sessions were looked for.
func (a *Endpoint) sessionState(r *request) string {
	if !r.sawSessions || !slices.Contains(r.scopes, oauth.ScopeOpenID) {
		return ""
	}
	return a.SessionState(r.organization, r.client, r.redirectURI, r.browser)
}

// keepState has the browser keep the state that an answer tells of.
func (a *Endpoint) keepState(r *request, answer *login.Answer) {
	if a.sessionState(r) != "" {
		answer.Sessions = r.browser.IDs()
	}
}

func isOAuth(err error) bool {
	var wire *oauth.Error
	return errors.As(err, &wire)
}

// again judges a persisted request anew.
func (a *Endpoint) again(ctx context.Context, organization *org.Organization, transaction *login.Transaction) (*request, error) {
	r, err := restore(organization, transaction.Required.Request)
	if err != nil {
		return nil, err
	}
	if err := a.identifyingChecks().Run(ctx, r); err != nil {
		return nil, err
	}
	return r, a.checks().Run(ctx, r)
}

// Complete implements login.Continuation.
func (a *Endpoint) Complete(ctx context.Context, organization *org.Organization, transaction *login.Transaction, live *session.Live, browser session.Browser) (login.Answer, error) {
	r, err := a.again(ctx, organization, transaction)
	if err != nil {
		return a.refuseAgain(ctx, r, err)
	}
	r.sawSessions, r.browser = true, browser
	if err := a.demandOfRoles(ctx, r, live); err != nil {
		return a.refuseAgain(ctx, r, err)
	}
	if demanded := r.requirement.ACRValues; len(demanded) > 0 && !session.Reach(live.Session.Methods, demanded) {
		return a.refuseAgain(ctx, r, oauth.NewError(oauth.CodeUnmetAuthenticationRequirements, "The sign-in did not reach any of the demanded values of acr."))
	}
	// The requirement of the transaction was met by the sign-in; what the client was changed to demand
	// meanwhile was not.
	if !r.requirement.Accepts(live) || (len(r.details) > 0 || r.requirement.Consent.EachTime) && !transaction.Progress.Consented || (r.client.RequireConsent && len((&login.ConsentRequirement{Scopes: r.consentScopes(), Ask: true}).Missing(live.ConsentedScopes)) > 0) {
		return a.refuseAgain(ctx, r, oauth.NewError(oauth.CodeInteractionRequired, "The client was changed during the sign-in. Start again."))
	}
	answer, err := a.issue(ctx, r, live)
	if err != nil {
		return a.refuseAgain(ctx, r, err)
	}
	return answer, nil
}

// Deny implements login.Continuation.
func (a *Endpoint) Deny(ctx context.Context, organization *org.Organization, transaction *login.Transaction) (login.Answer, error) {
	r, err := a.again(ctx, organization, transaction)
	if err == nil {
		err = oauth.NewError(oauth.CodeAccessDenied, "The person refused.")
	}
	return a.refuseAgain(ctx, r, err)
}

func (a *Endpoint) refuseAgain(ctx context.Context, r *request, err error) (login.Answer, error) {
	if r == nil {
		return login.Answer{}, err
	}
	result, err := a.refuse(ctx, r, err)
	return result.Answer, err
}

// LeadsTo implements login.Continuation.
func (a *Endpoint) LeadsTo(transaction *login.Transaction) string {
	r, err := restore(nil, transaction.Required.Request)
	if err != nil {
		return ""
	}
	return r.redirectURI
}

// RestartURL implements login.Continuation.
func (a *Endpoint) RestartURL(organization *org.Organization, transaction *login.Transaction) string {
	r, err := restore(organization, transaction.Required.Request)
	if err != nil || r.fromObject || r.pushed != "" { // the client signed or pushed the request, and nobody else can
		return ""
	}
	return a.Issuers.Endpoint(organization, "authorize") + "?" + r.parameters.Encode()
}
