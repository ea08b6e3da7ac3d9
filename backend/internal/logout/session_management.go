package logout

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"strings"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/session"
)

// SessionState is the value by which a page of a client learns, through our check-session iframe, that the browser's
// state has changed (Session Management 1.0 §2, §3.2). origin is that of the client's page, browserState what
// session.Cookies keeps in the browser, salt anything without a full stop.
func SessionState(clientID, origin, browserState, salt string) string {
	digest := sha256.Sum256([]byte(clientID + " " + origin + " " + browserState + " " + salt))
	return base64.RawURLEncoding.EncodeToString(digest[:]) + "." + salt
}

// SessionManagement is OpenID Connect Session Management 1.0: session_state in authorization responses, and the
// iframe that judges it later. It is safe for concurrent use.
type SessionManagement struct {
	cookies session.Cookies
	random  io.Reader
}

// NewSessionManagement makes it. Salts are drawn from random.
func NewSessionManagement(cookies session.Cookies, random io.Reader) *SessionManagement {
	return &SessionManagement{cookies: cookies, random: random}
}

// State is the session_state of an answer to an authentication request (§2), successful or not. It tells of everybody
// who is signed in, so it changes with a sign-in or sign-out and not with the account that is used: otherwise the
// applications of two people would take turns in seeing a change. A client whose redirect URI is no web address has no page that could ask, and gets "".
func (m *SessionManagement) State(organization *org.Organization, c *client.Client, redirectURI string, browser session.Browser) string {
	origin := client.OriginOf(redirectURI)
	if origin == "" {
		return ""
	}
	return SessionState(c.ClientID, origin, m.cookies.BrowserState(organization, browser.IDs()...), secret.New(m.random))
}

//go:embed check_session.js
var checkSessionScript string

// checkSessionPolicy lets the page run its one script and be embedded anywhere, and nothing else.
func checkSessionPolicy() string {
	digest := sha256.Sum256([]byte(checkSessionScript))
	return "default-src 'none'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors *"
}

// checkSessionPage is the iframe's document (§3.2) for the cookie with the browser state.
func checkSessionPage(cookie string) string {
	return strings.Join([]string{`<!DOCTYPE html><html lang="en" data-cookie="`, template.HTMLEscapeString(cookie),
		`"><head><meta charset="utf-8"><title>check_session</title><script>`, checkSessionScript, `</script></head><body></body></html>`}, "")
}
