// Package console serves the administration console and the documents, which are static files of one export,
// and the back-end-for-frontend by which the console signs in through our own OpenID Provider
// (draft-ietf-oauth-browser-based-apps §6.1). The browser holds an opaque HttpOnly cookie; no token ever
// reaches JavaScript.
//
// The console's session lives in kv and stands on a grant of the built-in client clavex-console. Whether
// that grant is still good (session not ended, person not disabled, nothing revoked) is asked on every
// request, so ending a session anywhere ends it here at once. Neither access token nor refresh token is
// kept: the session itself is the authority, there is nothing else to steal.
//
// Left out: what an administrator may do, which is package admin's; the pages themselves, which are the
// folder console of the repository.
package console

import (
	"context"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/key"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/oauth/token"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/seal"
)

// Bounds of a console session; an organization's own policies can only be stricter. Coming back within
// the single sign-on session costs one redirect, so the powerful one can be short.
const (
	maximumIdle     = 2 * time.Hour
	maximumAbsolute = 12 * time.Hour
)

// Options are the parts that the console works with. All are required.
type Options struct {
	Organizations *org.Organizations
	Grants        *grant.Grants
	Keys          *key.Keys
	Token         *token.Endpoint
	AccessTokens  *oauth.AccessTokens
	Issuers       oauth.Issuers
	State         kv.Store
	Ring          *seal.Ring
	Now           func() time.Time
	Random        io.Reader
	URL           string // scheme://host[:port] where the console stands, without a slash at the end

	// Permissions says what the session's person may do, in the words of the Admin API.
	Permissions func(ctx context.Context, session *Session) ([]string, error)
	// Error answers with an error page.
	Error func(c *gin.Context, err error)
	// Problem answers with problem details (RFC 9457).
	Problem func(c *gin.Context, err error)
}

// Console is the console's server side. It is safe for concurrent use.
type Console struct {
	Options
	host    string // of URL, as browsers write it in Host
	cookies cookies
	files   *files
}

// New makes the console. The error says that the embedded files are broken; without a build of them the
// console answers with a page that tells how to make one.
func New(options Options) (*Console, error) {
	address, err := url.Parse(options.URL)
	if err != nil {
		return nil, err
	}
	read, err := openFiles()
	if err != nil {
		return nil, err
	}
	return &Console{Options: options, host: hostOf(address), cookies: cookies{secure: address.Scheme == "https"}, files: read}, nil
}

// hostOf writes the host without the scheme's own port, as browsers do.
func hostOf(address *url.URL) string {
	host := strings.ToLower(address.Host)
	if address.Scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}
