package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/oauth/token"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/secret"
)

const (
	signInKind     = "console_sign_in"
	signInLifetime = 30 * time.Minute // how long the person may take at the sign-in page
	signOutKind    = "console_sign_out"
	signOutTime    = time.Minute
	callbackPath   = "/console/callback"
	homePath       = "/console/"
	leeway         = 5 * time.Second
)

// The faults of signing in.
var (
	errSignInLost = fault.New(fault.Invalid, "console_sign_in_lost", "This sign-in took too long, was used before, or began in another browser. Start again at the console.")
	errSignIn     = fault.New(fault.Forbidden, "console_sign_in_failed", "The sign-in was not completed. Start again at the console.")
)

// pending is a sign-in in progress, as kv keeps it.
type pending struct {
	Slug     string `json:"slug"`
	Browser  string `json:"browser"` // digest of the browser's cookie
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	ReturnTo string `json:"return_to"`
}

// start begins a sign-in at the organization, bound to the browser, and returns where the browser goes.
func (c *Console) start(ctx context.Context, slug, browser, returnTo string) (string, error) {
	organization, err := c.Organizations.Serving(ctx, slug)
	if err != nil {
		return "", err
	}
	begun := pending{Slug: slug, Browser: kvDigest(browser), Nonce: secret.New(c.Random), Verifier: secret.New(c.Random), ReturnTo: localPath(returnTo)}
	encoded, err := json.Marshal(begun)
	if err != nil {
		return "", err
	}
	state := secret.New(c.Random)
	if _, err := c.State.Put(ctx, keyOf(signInKind, state), encoded, signInLifetime); err != nil {
		return "", err
	}
	parameters := oauth.NewParameters("response_type", client.CodeResponse, "client_id", client.ConsoleClientID, "redirect_uri", c.URL+callbackPath,
		"scope", oauth.FormatScope([]string{oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeEmail, string(role.Read), string(role.Write)}),
		"state", state, "nonce", begun.Nonce, "code_challenge", token.CodeChallenge(begun.Verifier), "code_challenge_method", "S256")
	return c.Issuers.Endpoint(organization, "authorize") + "?" + parameters.Encode(), nil
}

// kvDigest keeps the browser's secret itself out of kv.
func kvDigest(browser string) string { return keyOf(signInKind, browser).ID }

// localPath returns the address when it is a page of the console, else the console's first page. Whatever
// a browser could read as another host is none.
func localPath(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || len(address) > 2000 || parsed.Scheme != "" || parsed.Host != "" || parsed.User != nil || !strings.HasPrefix(address, homePath) ||
		strings.ContainsAny(address, "\\") || path.Clean(parsed.Path) != strings.TrimSuffix(parsed.Path, "/") || strings.ContainsFunc(parsed.Path, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return homePath
	}
	rest := strings.TrimPrefix(parsed.Path, homePath)
	for _, ours := range []string{"login", "callback", "logout", "api"} {
		if rest == ours || strings.HasPrefix(rest, ours+"/") {
			return homePath
		}
	}
	return parsed.RequestURI()
}

// signedIn is a completed sign-in.
type signedIn struct {
	token    string // of the new session
	returnTo string
}

// finish completes a sign-in: the answer must belong to a sign-in that this browser began, and come from
// the issuer it was sent to (RFC 9207 §2.4). The code is redeemed in process, by the same code as at the
// token endpoint.
func (c *Console) finish(ctx context.Context, answer oauth.Parameters, browser string) (*signedIn, error) {
	begun, err := c.pending(ctx, answer.Get("state"), browser)
	if err != nil {
		return nil, err
	}
	organization, err := c.Organizations.Serving(ctx, begun.Slug)
	if err != nil {
		return nil, err
	}
	if !c.Issuers.Means(organization, answer.Get("iss"), c.Now()) || !answer.Has("code") || answer.Has("error") {
		return nil, errSignIn.WithCause(errors.New("console: the answer has no code of the right issuer; error: " + answer.Get("error")))
	}
	access, idToken, err := c.redeem(ctx, organization, begun, answer.Get("code"))
	if err != nil {
		return nil, err
	}
	begunToken, err := c.begin(ctx, organization, access, idToken)
	if err != nil {
		return nil, err
	}
	return &signedIn{token: begunToken, returnTo: begun.ReturnTo}, nil
}

// pending takes the sign-in of a state, once.
func (c *Console) pending(ctx context.Context, state, browser string) (pending, error) {
	if len(state) != secret.Length || browser == "" {
		return pending{}, errSignInLost
	}
	entry, found, err := c.State.Take(ctx, keyOf(signInKind, state))
	if err != nil {
		return pending{}, err
	}
	var begun pending
	if !found || json.Unmarshal(entry.Value, &begun) != nil || !secret.Equal(begun.Browser, kvDigest(browser)) {
		return pending{}, errSignInLost
	}
	return begun, nil
}

// redeem exchanges the code and verifies both tokens as any relying party would (OpenID Connect Core 1.0
// §3.1.3.7).
func (c *Console) redeem(ctx context.Context, organization *org.Organization, begun pending, code string) (*oauth.AccessToken, string, error) {
	parameters := oauth.NewParameters("grant_type", client.AuthorizationCode, "client_id", client.ConsoleClientID, "code", code,
		"redirect_uri", c.URL+callbackPath, "code_verifier", begun.Verifier)
	issued, err := c.Token.Issue(ctx, &token.Request{Organization: organization, Parameters: parameters, Credentials: oauth.ClientCredentials{Parameters: parameters}})
	if err != nil {
		return nil, "", refused(err)
	}
	verified, err := jose.Verify(issued.IDToken, c.Keys.Lookup(ctx, organization.ID), jose.Expected{Types: []string{oauth.IDTokenType}, Algorithms: jose.Algorithms(),
		Issuer: c.Issuers.URL(organization), Audiences: []string{client.ConsoleClientID}, Now: c.Now(), Leeway: leeway})
	if errors.Is(err, jose.ErrInvalid) {
		return nil, "", errSignIn.WithCause(err)
	}
	if err != nil {
		return nil, "", err
	}
	var nonce string
	if _, err := verified.Claim("nonce", &nonce); err != nil || !secret.Equal(nonce, begun.Nonce) {
		return nil, "", errSignIn.WithCause(errors.New("console: the ID token has another nonce"))
	}
	access, err := c.AccessTokens.Verify(ctx, organization, issued.AccessToken, c.Issuers.AdminAudience())
	if err != nil {
		return nil, "", refused(err)
	}
	if access.Subject != verified.Subject {
		return nil, "", errSignIn.WithCause(errors.New("console: the two tokens speak of different persons"))
	}
	return access, issued.IDToken, nil
}

// refused makes a protocol error the console's own, and leaves outages what they are. Of the protocol's
// error only the text is kept: on a page of the console it is a reason, not the answer.
func refused(err error) error {
	var wire *oauth.Error
	if errors.As(err, &wire) && wire.Status < http.StatusInternalServerError || fault.IsKind(err, fault.Invalid) {
		return errSignIn.WithCause(errors.New(err.Error()))
	}
	return err
}

// leave ends a session and returns the ticket with which the browser goes on to the organization's own
// sign-out, so that single sign-on ends, too. The way there carries an ID token, which scripts must not
// see: the address is kept for a request of the browser itself.
func (c *Console) leave(ctx context.Context, session *Session) (ticket string, err error) {
	if err := c.end(ctx, session); err != nil {
		return "", err
	}
	parameters := oauth.NewParameters("id_token_hint", session.idToken, "client_id", client.ConsoleClientID, "post_logout_redirect_uri", c.URL+homePath)
	ticket = secret.New(c.Random)
	address := c.Issuers.Endpoint(session.Organization, "logout") + "?" + parameters.Encode()
	_, err = c.State.Put(ctx, keyOf(signOutKind, ticket), []byte(address), signOutTime)
	return ticket, err
}

// afterLeaving returns where a ticket leads, once; the console's first page when it leads nowhere.
func (c *Console) afterLeaving(ctx context.Context, ticket string) (string, error) {
	if ticket == "" {
		return homePath, nil
	}
	entry, found, err := c.State.Take(ctx, keyOf(signOutKind, ticket))
	if err != nil || !found {
		return homePath, err
	}
	return string(entry.Value), nil
}
