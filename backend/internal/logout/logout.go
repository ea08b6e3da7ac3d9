// Package logout is the protocol part of signing out, as OpenID Connect's four specifications of September 2022 have
// it: RP-Initiated Logout 1.0 (what a request asks for, whether it may be believed, and where the browser goes
// afterwards), Back-Channel Logout 1.0 and Front-Channel Logout 1.0 (how clients hear of an ended session from us and
// through the browser), Session Management 1.0 (how their pages notice). The pages, and the ending of the session,
// are package signin's; who must hear of an ended session is package session's.
package logout

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
)

// The refusals of this package: each is shown as a page with the status 400, never as a redirect, because
// nothing in such a request says who sent it.
var (
	ErrClientUnknown         = oauth.InvalidRequest("The client that asks to sign out is not known here.")
	ErrClientMismatch        = oauth.InvalidRequest("The id_token_hint was issued to another client.")
	ErrRedirectNotRegistered = oauth.NewError(oauth.CodeInvalidRedirectURI, "The post_logout_redirect_uri is not registered by this client.")
)

const maximumStateBytes = 4096

// Parameters are those of RP-Initiated Logout 1.0 §2, by GET or POST.
type Parameters struct {
	IDTokenHint           string
	LogoutHint            string
	ClientID              string
	PostLogoutRedirectURI string
	State                 string
	UILocales             string
}

// ParametersOf picks the parameters of a request.
func ParametersOf(p oauth.Parameters) Parameters {
	return Parameters{IDTokenHint: p.Get("id_token_hint"), LogoutHint: p.Get("logout_hint"), ClientID: p.Get("client_id"),
		PostLogoutRedirectURI: p.Get("post_logout_redirect_uri"), State: p.Get("state"), UILocales: p.Get("ui_locales")}
}

// Request is a validated request to sign out.
type Request struct {
	Client    *client.Client     // who asks; nil when the request does not say
	Hint      *oauth.IDTokenHint // whom the client thinks signed in; nil without id_token_hint
	UILocales []string

	logoutHint  string
	redirectURI string
	state       string
}

// Validator validates requests to sign out. It is safe for concurrent use.
type Validator struct {
	hints   *oauth.IDTokenHints
	clients *client.Clients
	checks  oauth.Table[validation]
}

// validation is a request while it is checked.
type validation struct {
	organization *org.Organization
	parameters   Parameters
	request      *Request
}

// NewValidator makes the validator.
func NewValidator(hints *oauth.IDTokenHints, clients *client.Clients) *Validator {
	v := &Validator{hints: hints, clients: clients}
	v.checks = oauth.Table[validation]{
		{Name: "id_token_hint", Clause: "RP-Initiated Logout 1.0 §2, §4", Do: v.checkHint},
		{Name: "client", Clause: "RP-Initiated Logout 1.0 §2", Do: v.checkClient},
		{Name: "post_logout_redirect_uri", Clause: "RP-Initiated Logout 1.0 §3", Do: checkRedirectURI},
	}
	return v
}

// Validate checks a request to sign out of the organization. An error is an *oauth.Error for a page, or
// tells that a part is away; there is never anywhere to redirect it to.
func (v *Validator) Validate(ctx context.Context, organization *org.Organization, parameters Parameters) (*Request, error) {
	checking := validation{organization: organization, parameters: parameters, request: &Request{UILocales: strings.Fields(parameters.UILocales), logoutHint: parameters.LogoutHint}}
	if err := v.checks.Run(ctx, &checking); err != nil {
		return nil, err
	}
	return checking.request, nil
}

// checkHint accepts an ID token of this organization, expired or not.
func (v *Validator) checkHint(ctx context.Context, checking *validation) (err error) {
	if checking.parameters.IDTokenHint == "" {
		return nil
	}
	checking.request.Hint, err = v.hints.Verify(ctx, checking.organization, checking.parameters.IDTokenHint)
	return err
}

// checkClient finds out who asks: the client_id, which must be the hint's audience when there is a hint, or else that
// audience.
func (v *Validator) checkClient(ctx context.Context, checking *validation) error {
	clientID, hint := checking.parameters.ClientID, checking.request.Hint
	switch {
	case hint == nil && clientID == "":
		return nil
	case hint != nil && clientID == "":
		clientID = hint.ClientID
	case hint != nil && clientID != hint.ClientID:
		return ErrClientMismatch
	}
	found, err := v.clients.ByClientID(ctx, checking.organization.ID, clientID)
	if errors.Is(err, client.ErrNotFound) || err == nil && found.Status != client.Active {
		return ErrClientUnknown
	}
	checking.request.Client = found
	return err
}

// checkRedirectURI compares character by character with the client's own list for signing out. Without a
// hint nothing proves that the client sent the person, so they end on our own page (§3, §6).
func checkRedirectURI(_ context.Context, checking *validation) error {
	wanted, request := checking.parameters.PostLogoutRedirectURI, checking.request
	if wanted == "" || request.Client == nil {
		return nil
	}
	if !request.Client.MatchPostLogoutRedirectURI(wanted) {
		return ErrRedirectNotRegistered
	}
	if request.Hint != nil && len(checking.parameters.State) <= maximumStateBytes {
		request.redirectURI, request.state = wanted, checking.parameters.State
	}
	return nil
}

// RedirectURL is where the browser goes after signing out, with the state and nothing else (§3); "" means
// our own page.
func (r *Request) RedirectURL() string {
	if r.redirectURI == "" || r.state == "" {
		return r.redirectURI
	}
	separator := "?"
	if strings.Contains(r.redirectURI, "?") {
		separator = "&"
	}
	return r.redirectURI + separator + "state=" + url.QueryEscape(r.state)
}

// Session is the session that the request is about, of those in the browser: the hint's own, or one of its person; else
// the one that the logout_hint names; else the one used last. nil when nobody is signed in.
func (r *Request) Session(browser session.Browser) *session.Live {
	if r.Hint != nil {
		if live := browser.ByID(r.Hint.SessionID); live != nil && live.Session.UserID == r.Hint.UserID {
			return live
		}
		if live := browser.Of(r.Hint.UserID); live != nil {
			return live
		}
	}
	if i := slices.IndexFunc(browser, r.names); r.logoutHint != "" && i >= 0 {
		return browser[i]
	}
	return browser.Current()
}

// NeedsConfirmation reports whether the person must be asked first (§2, §6): they are signed in, and the
// request does not prove that it is about this very session. Anybody could have made them follow a link.
// A logout_hint that names somebody else than who is signed in is a reason to ask, too. live is nil when nobody is
// signed in.
func (r *Request) NeedsConfirmation(live *session.Live) bool {
	if live == nil {
		return false
	}
	return !r.names(live) || r.Hint == nil || r.Hint.SessionID == uuid.Nil || r.Hint.SessionID != live.Session.ID || r.Hint.UserID != live.Session.UserID
}

// names reports whether the logout_hint, if there is one, may mean the signed-in person or their session.
func (r *Request) names(live *session.Live) bool {
	hint := r.logoutHint
	return hint == "" || live.User.IsCalled(hint) ||
		hint == live.User.ID.String() || hint == live.Session.ID.String() || r.Hint != nil && hint == r.Hint.Subject
}
