package console

import (
	"net/http"
	"time"

	"github.com/clavex/clavex/backend/internal/secret"
)

// The kinds of cookies.
const (
	sessionCookie = "console"        // the session's token
	signInCookie  = "console-login"  // binds sign-ins in progress to the browser
	signOutCookie = "console-logout" // lets the browser go on to the organization's sign-out, once
)

// cookies are __Host- cookies (RFC 6265bis §4.1.3.2): Secure, no Domain, Path=/. Over plain http, which
// only `clavex dev` serves on the machine itself, browsers allow neither prefix nor Secure.
type cookies struct{ secure bool }

func (c cookies) name(kind string) string {
	if c.secure {
		return "__Host-clavex-" + kind
	}
	return "clavex-" + kind
}

// read returns a cookie's value when it has the form of our secrets and is there exactly once.
func (c cookies) read(r *http.Request, kind string) string {
	found := r.CookiesNamed(c.name(kind))
	if len(found) != 1 || len(found[0].Value) != secret.Length {
		return ""
	}
	return found[0].Value
}

// write gives the browser a cookie; lifetime 0 keeps it for the browser's own session. The session's
// cookie is SameSite=Strict: no page elsewhere can make the browser send it. Those of a sign-in in
// progress are Lax, because the way back from the organization's page may be cross-site.
func (c cookies) write(w http.ResponseWriter, kind, value string, lifetime time.Duration) {
	sameSite := http.SameSiteLaxMode
	if kind == sessionCookie {
		sameSite = http.SameSiteStrictMode
	}
	http.SetCookie(w, &http.Cookie{Name: c.name(kind), Value: value, Path: "/", MaxAge: int(lifetime / time.Second), Secure: c.secure, HttpOnly: true, SameSite: sameSite})
}

func (c cookies) clear(w http.ResponseWriter, kind string) { c.write(w, kind, "", -time.Second) }
