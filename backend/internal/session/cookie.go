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

// Cookies reads and writes the cookies of a browser at an organization: the token of the session used last; where
// several people are signed in, the tokens of the others; the browser's own secret, which binds sign-ins to the
// browser and lives longer than sessions; and the browser state, which changes with who is signed in, says nothing of
// them, and is the only one that scripts of ours may read (OpenID Connect Session Management 1.0 §4.2).
//
// Over https the cookies carry the __Host- prefix (RFC 6265bis §4.1.3.2) and SameSite=None, because
// POST authorization requests, form_post answers and iframes are cross-site; every state-changing
// POST therefore checks the Origin header and a token. Over plain http, which only `clavex dev` serves
// on the machine itself, browsers allow neither: the cookies are SameSite=Lax without prefix.
type Cookies struct {
	Secure   bool   // the public URL is https
	StateKey []byte // derives browser states from sessions
	// Now says for how long the cookies of people who stay signed in are kept; time.Now when nil.
	Now func() time.Time
}

const browserLifetime = 400 * 24 * time.Hour // the longest browsers keep a cookie

func (c Cookies) name(kind string, organization *org.Organization) string {
	name := "clavex-" + kind + "-" + organization.Slug
	if c.Secure {
		return "__Host-" + name
	}
	return name
}

// The kinds of cookies. The accounts and kept cookies exist only while several people are signed in, and hold the tokens of
// all but the one used last: of those who stay signed in the kept cookie, of the others the accounts cookie.
const (
	sessionCookie  = "session"
	accountsCookie = "accounts"
	keptCookie     = "kept"
	browserCookie  = "browser"
	stateCookie    = "state"
	devicesCookie  = "devices"
)

// Tokens returns the session tokens that the browser presents at the organization, that of the session used last
// first. There are at most MaximumInBrowser, each once.
func (c Cookies) Tokens(r *http.Request, organization *org.Organization) []string {
	var tokens []string
	if current := value(r, c.name(sessionCookie, organization)); current != "" {
		tokens = append(tokens, current)
	}
	for _, kind := range []string{accountsCookie, keptCookie} {
		others, err := r.Cookie(c.name(kind, organization))
		if err != nil || len(others.Value) > maximumAccountsBytes {
			continue
		}
		for _, token := range splitTokens(others.Value) {
			if !slices.Contains(tokens, token) && len(tokens) < MaximumInBrowser {
				tokens = append(tokens, token)
			}
		}
	}
	return tokens
}

// maximumAccountsBytes is the length of the longest accounts cookie that we write.
const maximumAccountsBytes = (MaximumInBrowser - 1) * (secret.Length + len(tokenSeparator))

// Browser returns the browser's own secret at the organization, "" when none.
func (c Cookies) Browser(r *http.Request, organization *org.Organization) string {
	return value(r, c.name(browserCookie, organization))
}

// value returns a cookie's value when it has the form of our secrets.
func value(r *http.Request, name string) string {
	cookie, err := r.Cookie(name)
	if err != nil || !wellFormed(cookie.Value) {
		return ""
	}
	return cookie.Value
}

func wellFormed(value string) bool {
	return len(value) == secret.Length && !strings.ContainsAny(value, " \x00"+tokenSeparator)
}

// SetSessions gives the browser the tokens of its sessions and the browser state that goes with them, and takes away
// what it had before. They live as long as the browser's own session, those of people who stay signed in until the session is
// over in any case; the server decides how long a token is worth anything.
func (c Cookies) SetSessions(w http.ResponseWriter, r *http.Request, organization *org.Organization, browser Browser) {
	if len(browser) == 0 {
		c.set(w, c.name(sessionCookie, organization), "", -1)
		c.setState(w, organization, "", -1)
	} else {
		c.set(w, c.name(sessionCookie, organization), browser[0].token, c.maxAge(browser[:1]))
		c.setState(w, organization, c.BrowserState(organization, browser.IDs()...), c.maxAge(browser))
	}
	var passing, kept Browser
	for i, live := range browser {
		switch {
		case i == 0: // it has a cookie of its own
		case live.Session.Persistent:
			kept = append(kept, live)
		default:
			passing = append(passing, live)
		}
	}
	c.setOthers(w, r, c.name(accountsCookie, organization), passing)
	c.setOthers(w, r, c.name(keptCookie, organization), kept)
}

func (c Cookies) setOthers(w http.ResponseWriter, r *http.Request, name string, others Browser) {
	if len(others) > 0 {
		c.set(w, name, strings.Join(others.Tokens(), tokenSeparator), c.maxAge(others))
	} else if _, err := r.Cookie(name); err == nil {
		c.set(w, name, "", -1)
	}
}

// maxAge is for how long the longest of the sessions is kept, in seconds; 0 when the browser's own session decides.
func (c Cookies) maxAge(of Browser) int {
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	longest := time.Duration(0)
	for _, live := range of {
		if live.Session.Persistent {
			longest = max(longest, live.Session.ExpiresAt.Sub(now()))
		}
	}
	return int(min(longest, browserLifetime) / time.Second)
}

// SetBrowser gives the browser its own secret.
func (c Cookies) SetBrowser(w http.ResponseWriter, organization *org.Organization, browser string) {
	c.set(w, c.name(browserCookie, organization), browser, int(browserLifetime/time.Second))
}

// Devices are the tokens by which the browser is remembered, one for each person who said so.
func (c Cookies) Devices(r *http.Request, organization *org.Organization) []string {
	cookie, err := r.Cookie(c.name(devicesCookie, organization))
	if err != nil || len(cookie.Value) > MaximumInBrowser*(secret.Length+len(tokenSeparator)) {
		return nil
	}
	tokens := splitTokens(cookie.Value)
	return tokens[:min(len(tokens), MaximumInBrowser)]
}

// AddDevice gives the browser one more token by which it is remembered; of too many the oldest goes. Unlike the other cookies
// it is never sent with what another site does in the background.
func (c Cookies) AddDevice(w http.ResponseWriter, r *http.Request, organization *org.Organization, token string, lifetime time.Duration) {
	tokens := append([]string{token}, c.Devices(r, organization)...)
	cookie := c.cookie(c.name(devicesCookie, organization), strings.Join(tokens[:min(len(tokens), MaximumInBrowser)], tokenSeparator), int(lifetime/time.Second))
	cookie.SameSite = http.SameSiteLaxMode
	http.SetCookie(w, cookie)
}

// StateName is the name of the cookie that holds the browser state.
func (c Cookies) StateName(organization *org.Organization) string {
	return c.name(stateCookie, organization)
}

// BrowserState is what the browser state is while exactly these sessions live; without any it is "". Their order does
// not matter: which account was used last is nothing that an application of another one should hear of.
func (c Cookies) BrowserState(organization *org.Organization, ids ...uuid.UUID) string {
	if len(ids) == 0 {
		return ""
	}
	parts := []string{organization.ID.String()}
	for _, id := range ids {
		parts = append(parts, id.String())
	}
	slices.Sort(parts[1:])
	return secret.DeriveToken(c.StateKey, "browser-state", parts...)
}

// KeepState gives the browser the state of its live sessions again if it has another: cookies can be lost one by one,
// a session of several ends by itself, and the key can be replaced.
func (c Cookies) KeepState(w http.ResponseWriter, r *http.Request, organization *org.Organization, ids []uuid.UUID) {
	name, state := c.StateName(organization), c.BrowserState(organization, ids...)
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
