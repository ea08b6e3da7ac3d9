package session

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
)

// Cookies reads and writes the cookies of a browser at an organization: its session's token; the browser's own
// secret, which binds sign-ins to the browser and lives longer than sessions; and the browser state, which changes
// with the session, says nothing of it, and is the only one that scripts of ours may read (OpenID Connect Session
// Management 1.0 §4.2).
//
// Over https the cookies carry the __Host- prefix (RFC 6265bis §4.1.3.2) and SameSite=None, because
// POST authorization requests, form_post answers and iframes are cross-site; every state-changing
// POST therefore checks the Origin header and a token. Over plain http, which only `clavex dev` serves
// on the machine itself, browsers allow neither: the cookies are SameSite=Lax without prefix.
type Cookies struct {
	Secure   bool   // the public URL is https
	StateKey []byte // derives browser states from sessions
}

const browserLifetime = 400 * 24 * time.Hour // the longest browsers keep a cookie

func (c Cookies) name(kind string, organization *org.Organization) string {
	name := "clavex-" + kind + "-" + organization.Slug
	if c.Secure {
		return "__Host-" + name
	}
	return name
}

// Token returns the session token the browser presents at the organization, "" when none.
func (c Cookies) Token(r *http.Request, organization *org.Organization) string {
	return value(r, c.name("session", organization))
}

// Browser returns the browser's own secret at the organization, "" when none.
func (c Cookies) Browser(r *http.Request, organization *org.Organization) string {
	return value(r, c.name("browser", organization))
}

// value returns a cookie's value when it has the form of our secrets.
func value(r *http.Request, name string) string {
	cookie, err := r.Cookie(name)
	if err != nil || len(cookie.Value) != secret.Length || strings.ContainsAny(cookie.Value, " \x00") {
		return ""
	}
	return cookie.Value
}

// SetSession gives the browser a session's token and the browser state that goes with it. They live as long as the
// browser's own session; the server decides how long the token is worth anything.
func (c Cookies) SetSession(w http.ResponseWriter, organization *org.Organization, token string, id uuid.UUID) {
	c.set(w, c.name("session", organization), token, 0)
	c.setState(w, organization, c.BrowserState(organization, id), 0)
}

// SetBrowser gives the browser its own secret.
func (c Cookies) SetBrowser(w http.ResponseWriter, organization *org.Organization, browser string) {
	c.set(w, c.name("browser", organization), browser, int(browserLifetime/time.Second))
}

// ClearSession takes the session's token and the browser state away.
func (c Cookies) ClearSession(w http.ResponseWriter, organization *org.Organization) {
	c.set(w, c.name("session", organization), "", -1)
	c.setState(w, organization, "", -1)
}

// StateName is the name of the cookie that holds the browser state.
func (c Cookies) StateName(organization *org.Organization) string {
	return c.name("state", organization)
}

// BrowserState is what the browser state is while the session lives; without one it is "".
func (c Cookies) BrowserState(organization *org.Organization, id uuid.UUID) string {
	return secret.DeriveToken(c.StateKey, "browser-state", organization.ID.String(), id.String())
}

// KeepState gives the browser the state of its live session again if it has another: cookies can be lost one by one,
// and the key can be replaced.
func (c Cookies) KeepState(w http.ResponseWriter, r *http.Request, organization *org.Organization, id uuid.UUID) {
	name, state := c.StateName(organization), c.BrowserState(organization, id)
	given := slices.ContainsFunc(w.Header().Values("Set-Cookie"), func(line string) bool { return strings.HasPrefix(line, name+"=") })
	if !given && value(r, name) != state {
		c.setState(w, organization, state, 0)
	}
}

func (c Cookies) setState(w http.ResponseWriter, organization *org.Organization, state string, maxAge int) {
	cookie := c.cookie(c.StateName(organization), state, maxAge)
	cookie.HttpOnly = false
	http.SetCookie(w, cookie)
}

func (c Cookies) set(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, c.cookie(name, value, maxAge))
}

func (c Cookies) cookie(name, value string, maxAge int) *http.Cookie {
	cookie := &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if c.Secure {
		cookie.Secure, cookie.SameSite = true, http.SameSiteNoneMode
	}
	return cookie
}
