package ciba

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/ratelimit"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/user"
)

// The error codes of CIBA Core 1.0 §13 that OAuth does not have.
const (
	CodeUnknownUserID         = "unknown_user_id"
	CodeInvalidBindingMessage = "invalid_binding_message"
)

// Bounds of a request.
const (
	shortestLifetime    = 10 * time.Second
	longestLifetime     = 10 * time.Minute
	maximumMessage      = 100 // characters
	maximumACRValues    = 1024
	maximumHint         = 254
	maximumNotification = 1024 // bytes (CIBA Core 1.0 §7.1)
	minimumNotification = 22   // of 64 different ones, that is 128 bits
)

// Request is a request of a client (CIBA Core 1.0 §7.1). Client is set by the check client_authentication.
type Request struct {
	Organization *org.Organization
	Parameters   oauth.Parameters
	Credentials  oauth.ClientCredentials
	Client       *client.Client

	profile           oauth.Profile
	person            *user.User
	scopes            []string
	target            oauth.Target
	details           oauth.Details
	acrValues         []string
	bindingMessage    string
	notificationToken string
	lifetime          time.Duration
}

// table is the table of the endpoint's checks.
func (e *Endpoint) table() oauth.Table[Request] {
	return oauth.Table[Request]{
		{Name: "client_authentication", Clause: "CIBA Core 1.0 §7.2", Do: func(ctx context.Context, r *Request) (err error) {
			if r.Client, err = e.Authentication.Authenticate(ctx, r.Organization, r.Credentials); err == nil {
				r.profile = oauth.ProfileOf(r.Organization, r.Client)
			}
			return err
		}},
		{Name: "grant_type_registered", Clause: "CIBA Core 1.0 §13", Do: checkRegistered},
		{Name: "signed request", Clause: "CIBA Core 1.0 §7.1.1, FAPI CIBA §5.2.2", Do: e.openRequest},
		{Name: "scope", Clause: "CIBA Core 1.0 §7.1", Do: checkScope},
		{Name: "client_notification_token", Clause: "CIBA Core 1.0 §7.1", Do: checkNotificationToken},
		{Name: "binding_message", Clause: "CIBA Core 1.0 §7.1, §13", Do: checkBindingMessage},
		{Name: "requested_expiry", Clause: "CIBA Core 1.0 §7.1", Do: checkExpiry},
		{Name: "acr_values", Clause: "CIBA Core 1.0 §7.1", Do: checkACRValues},
		{Name: "resource", Clause: "RFC 8707 §2", Do: func(ctx context.Context, r *Request) (err error) {
			r.target, err = e.Targets.Of(ctx, r.Organization, r.Client, r.Parameters.All("resource"))
			return err
		}},
		{Name: "authorization_details", Clause: "RFC 9396 §5", Do: func(_ context.Context, r *Request) (err error) {
			r.details, err = oauth.ParseDetails(r.Organization, r.Client, r.Parameters.Get("authorization_details"))
			return err
		}},
		{Name: "authorization context", Clause: "FAPI CIBA §5.2.2", Do: func(_ context.Context, r *Request) error {
			if r.profile.Backchannel.Context && r.bindingMessage == "" && len(r.details) == 0 {
				return oauth.InvalidRequest("The profile of this client wants to know what is decided: send a binding_message or authorization_details.")
			}
			return nil
		}},
		{Name: "hint", Clause: "CIBA Core 1.0 §7.1, §7.2", Do: e.findPerson},
		{Name: "requests for one person", Clause: "CIBA Core 1.0 §14", Do: func(ctx context.Context, r *Request) error {
			err := e.requests.Count(ctx, r.Organization.ID, r.Client.ClientID+" "+r.person.ID.String())
			return ratelimit.AskedBy(ratelimit.About(err, r.person.ID), audit.Actor{Kind: audit.Client, ID: r.Client.ID.String(), Name: r.Client.Name})
		}},
	}
}

// checkRegistered refuses clients that did not register this, and those whose way to get tokens their profile, which may
// have changed since, does not allow.
func checkRegistered(_ context.Context, r *Request) error {
	switch {
	case r.Client.Public(), !r.Client.MayUse(client.CIBA):
		return oauth.NewError(oauth.CodeUnauthorizedClient, "The client did not register the grant type '"+client.CIBA+"'.")
	case !r.profile.AllowsDelivery(r.Client.Metadata.BackchannelTokenDeliveryMode):
		return oauth.NewError(oauth.CodeUnauthorizedClient, "The profile of this client does not allow its backchannel_token_delivery_mode.")
	}
	return nil
}

// checkScope leaves out what is not registered, as the authorization endpoint does.
func checkScope(_ context.Context, r *Request) error {
	asked, err := oauth.ParseScope(r.Parameters.Get("scope"))
	if err != nil {
		return err
	}
	r.scopes = slices.DeleteFunc(asked, func(scope string) bool {
		return !slices.Contains(r.Client.Scopes, scope) || scope == oauth.ScopeOfflineAccess && !r.Client.MayUse(client.RefreshToken)
	})
	if !slices.Contains(r.scopes, oauth.ScopeOpenID) {
		return oauth.NewError(oauth.CodeInvalidScope, "The scope openid is not asked for, or the client did not register it.")
	}
	return nil
}

// checkNotificationToken wants what we authenticate ourselves with when we call the client: a Bearer token (RFC 6750
// §2.1) that nobody guesses. Who polls needs none.
func checkNotificationToken(_ context.Context, r *Request) error {
	if r.Client.Metadata.BackchannelTokenDeliveryMode == client.Poll {
		return nil
	}
	sent := r.Parameters.Get("client_notification_token")
	body := strings.TrimRight(sent, "=")
	foreign := strings.ContainsFunc(body, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("-._~+/", c))
	})
	if foreign || len(body) < minimumNotification || len(sent) > maximumNotification {
		return oauth.InvalidRequest("The client_notification_token is missing, too easy to guess, longer than 1024 bytes, or no Bearer token.")
	}
	r.notificationToken = sent
	return nil
}

// checkBindingMessage lets pass what fits on one line and cannot pretend to be anything but text.
func checkBindingMessage(_ context.Context, r *Request) error {
	message := r.Parameters.Get("binding_message")
	foreign := strings.ContainsFunc(message, func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsMark(c) && !unicode.IsNumber(c) && !unicode.Is(unicode.Sc, c) && !strings.ContainsRune(" .,:;!?'\"()/+-–_#&@%*=’", c)
	})
	if foreign || utf8.RuneCountInString(message) > maximumMessage || message != strings.TrimSpace(message) {
		return oauth.NewError(CodeInvalidBindingMessage, "The binding_message has at most 100 characters: letters, digits, spaces and common punctuation, on one line.")
	}
	r.bindingMessage = message
	return nil
}

// checkExpiry takes the wish of the client for what we can keep.
func checkExpiry(_ context.Context, r *Request) error {
	r.lifetime = grant.BackchannelLifetime
	text := r.Parameters.Get("requested_expiry")
	if text == "" {
		return nil
	}
	seconds := 0
	for _, c := range text {
		if c < '0' || c > '9' || len(text) > 9 {
			seconds = 0
			break
		}
		seconds = 10*seconds + int(c-'0')
	}
	if seconds == 0 {
		return oauth.InvalidRequest("The requested_expiry is not a positive number of seconds.")
	}
	r.lifetime = min(max(time.Duration(seconds)*time.Second, shortestLifetime), longestLifetime)
	return nil
}

// checkACRValues demands of the sign-in what a sign-in can reach.
func checkACRValues(_ context.Context, r *Request) error {
	text := r.Parameters.Get("acr_values")
	if len(text) > maximumACRValues {
		return oauth.InvalidRequest("The parameter acr_values is longer than 1024 bytes.")
	}
	asked := strings.Fields(text)
	r.acrValues = slices.DeleteFunc(session.AuthenticationContexts(), func(value string) bool { return !slices.Contains(asked, value) })
	return nil
}

// findPerson finds whom the one hint means. That a person is unknown is told to clients alone, which authenticated and
// may sign people in.
func (e *Endpoint) findPerson(ctx context.Context, r *Request) (err error) {
	hints := slices.DeleteFunc([]string{"login_hint", "id_token_hint", "login_hint_token"}, func(name string) bool { return !r.Parameters.Has(name) })
	if len(hints) != 1 {
		return oauth.InvalidRequest("Exactly one of login_hint, id_token_hint and login_hint_token says who is meant.")
	}
	switch hint := r.Parameters.Get(hints[0]); hints[0] {
	case "login_hint":
		if len(hint) <= maximumHint {
			r.person, _, err = e.Users.ByIdentifier(ctx, e.Store, r.Organization.ID, hint)
		}
	case "id_token_hint":
		var verified *oauth.IDTokenHint
		if verified, err = e.Hints.Verify(ctx, r.Organization, hint); err != nil {
			return err
		}
		if verified.ClientID != r.Client.ClientID {
			return oauth.InvalidRequest("The id_token_hint was not issued to this client.")
		}
		r.person, err = e.Users.ByID(ctx, e.Store, r.Organization.ID, verified.UserID)
	default:
		return oauth.InvalidRequest("A login_hint_token is not supported: send a login_hint or an id_token_hint.")
	}
	if err != nil && !fault.IsKind(err, fault.NotFound) {
		return err
	}
	if r.person == nil || r.person.Status != user.Active {
		return oauth.NewError(CodeUnknownUserID, "The hint does not mean anybody who can sign in here.").WithCause(err)
	}
	return nil
}
