package console

import (
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
)

// The faults of the addresses.
var (
	errUnknown         = fault.New(fault.NotFound, "unknown_address", "The console has nothing at this address.")
	errUnauthenticated = fault.New(fault.Unauthenticated, "unauthenticated", "Nobody is signed in to the console.")
)

// Mount adds everything under /console/, the documents under /docs, and the files that their pages load. One
// catch-all route holds it all, because deep links and the export's own names cannot be told apart by a router.
func (c *Console) Mount(router gin.IRouter) {
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		router.Handle(method, "/console/*path", c.serve)
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		for _, address := range []string{"/console", "/docs", "/docs/*path", "/_next/*path"} {
			router.Handle(method, address, c.serveFile)
		}
		for _, name := range c.files.atRoot() {
			router.Handle(method, "/"+name, c.serveFile)
		}
	}
}

// endpoint is an address of the back-end-for-frontend.
type endpoint struct {
	method string
	serve  gin.HandlerFunc
	script bool // called by the console's script: answers are JSON
}

func (c *Console) endpoint(path string) (endpoint, bool) {
	switch path {
	case "/console/login":
		return endpoint{http.MethodGet, c.login, false}, true
	case callbackPath:
		return endpoint{http.MethodGet, c.callback, false}, true
	case "/console/logout":
		return endpoint{http.MethodGet, c.logout, false}, true
	case "/console/api/session":
		return endpoint{http.MethodGet, c.session, true}, true
	case "/console/api/logout":
		return endpoint{http.MethodPost, c.signOut, true}, true
	}
	return endpoint{}, false
}

func (c *Console) serve(g *gin.Context) {
	path := g.Request.URL.Path
	found, known := c.endpoint(path)
	switch {
	case !known && strings.HasPrefix(path, "/console/api/"):
		noStore(g)
		c.Problem(g, errUnknown)
	case !known:
		c.serveFile(g)
	case !c.onHost(g.Request):
		c.elsewhere(g)
	case g.Request.Method != found.method:
		g.Header("Allow", found.method)
		noStore(g)
		g.AbortWithStatus(http.StatusMethodNotAllowed)
	default:
		noStore(g)
		found.serve(g)
	}
}

// elsewhere answers on a host that is not the console's: whoever looks for a page is shown the way, and
// nothing else exists there.
func (c *Console) elsewhere(g *gin.Context) {
	noStore(g)
	path := g.Request.URL.Path
	if g.Request.Method == http.MethodPost || path == callbackPath || strings.HasPrefix(path, "/console/api/") {
		c.Problem(g, errUnknown)
		return
	}
	g.Redirect(http.StatusSeeOther, c.URL+g.Request.URL.RequestURI())
	g.Abort()
}

func noStore(g *gin.Context) {
	header := g.Writer.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// login sends the browser to the organization's sign-in page.
func (c *Console) login(g *gin.Context) {
	parameters, err := oauth.ParseQuery(g.Request.URL.RawQuery)
	if err != nil {
		c.Error(g, err)
		return
	}
	browser := c.cookies.read(g.Request, signInCookie)
	if browser == "" {
		browser = secret.New(c.Random)
	}
	slug := parameters.Get("organization")
	if slug == "" {
		slug = org.SystemSlug
	}
	address, err := c.start(g.Request.Context(), slug, browser, parameters.Get("return_to"))
	if err != nil {
		c.Error(g, err)
		return
	}
	// The same secret for every tab, so that two sign-ins side by side do not undo each other.
	c.cookies.write(g.Writer, signInCookie, browser, signInLifetime)
	g.Redirect(http.StatusSeeOther, address)
}

// callback completes the sign-in. It answers with a page that moves on by itself instead of a redirect:
// browsers do not send SameSite=Strict cookies on a chain of redirects that began at another site.
func (c *Console) callback(g *gin.Context) {
	parameters, err := oauth.ParseQuery(g.Request.URL.RawQuery)
	if err != nil {
		c.Error(g, err)
		return
	}
	ctx := g.Request.Context()
	done, err := c.finish(ctx, parameters, c.cookies.read(g.Request, signInCookie))
	if err != nil {
		c.Error(g, err)
		return
	}
	c.replaceFormer(g)
	c.cookies.write(g.Writer, sessionCookie, done.token, 0)
	g.Header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	g.Header("X-Frame-Options", "DENY")
	g.Header("Content-Type", "text/html; charset=utf-8")
	g.Status(http.StatusOK)
	if err := movingOn.Execute(g.Writer, done.returnTo); err != nil {
		_ = g.Error(err)
	}
}

// replaceFormer forgets the session that the browser had before: nobody can reach it any more.
func (c *Console) replaceFormer(g *gin.Context) {
	former := c.cookies.read(g.Request, sessionCookie)
	if former == "" {
		return
	}
	if err := c.State.Delete(g.Request.Context(), keyOf(sessionKind, former)); err != nil {
		_ = g.Error(err) // it expires by itself
	}
}

var movingOn = template.Must(template.New("moving on").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="0;url={{.}}">
<title>Signed in</title>
</head>
<body><p><a href="{{.}}">Continue to the console</a></p></body>
</html>
`))

type personAnswer struct {
	ID       uuid.UUID `json:"id"`
	Username string    `json:"username"`
	Name     string    `json:"name,omitempty"`
	Email    string    `json:"email,omitempty"`
}

type organizationAnswer struct {
	ID   uuid.UUID `json:"id"`
	Slug string    `json:"slug"`
	Name string    `json:"name"`
}

type sessionAnswer struct {
	Authenticated bool                `json:"authenticated"`
	CSRFToken     string              `json:"csrf_token,omitempty"`
	User          *personAnswer       `json:"user,omitempty"`
	Organization  *organizationAnswer `json:"organization,omitempty"`
	Permissions   []string            `json:"permissions,omitzero"`
}

// session tells the console's script who is signed in.
func (c *Console) session(g *gin.Context) {
	found, err := c.Authenticate(g.Request)
	if err != nil {
		c.Problem(g, err)
		return
	}
	if found == nil {
		g.JSON(http.StatusOK, sessionAnswer{})
		return
	}
	permissions, err := c.Permissions(g.Request.Context(), found)
	if err != nil {
		c.Problem(g, err)
		return
	}
	g.JSON(http.StatusOK, sessionAnswer{
		Authenticated: true, CSRFToken: found.CSRFToken, Permissions: permissions,
		User:         &personAnswer{found.User.ID, found.User.Username, found.User.Profile.Name, found.User.Email},
		Organization: &organizationAnswer{found.Organization.ID, found.Organization.Slug, found.Organization.DisplayName},
	})
}

// signOut ends the console's session and says where the browser ends the single sign-on session, too.
func (c *Console) signOut(g *gin.Context) {
	found, err := c.Authenticate(g.Request)
	if err == nil && found == nil {
		err = errUnauthenticated
	}
	if err != nil {
		c.Problem(g, err)
		return
	}
	ticket, err := c.leave(g.Request.Context(), found)
	if err != nil {
		c.Problem(g, err)
		return
	}
	c.cookies.clear(g.Writer, sessionCookie)
	c.cookies.write(g.Writer, signOutCookie, ticket, signOutTime)
	g.JSON(http.StatusOK, map[string]string{"redirect_to": "/console/logout"})
}

// logout follows signOut: it sends the browser to the organization's own sign-out.
func (c *Console) logout(g *gin.Context) {
	address, err := c.afterLeaving(g.Request.Context(), c.cookies.read(g.Request, signOutCookie))
	if err != nil {
		c.Error(g, err)
		return
	}
	c.cookies.clear(g.Writer, signOutCookie)
	g.Redirect(http.StatusSeeOther, address)
}

// serveFile answers with a file of the export.
func (c *Console) serveFile(g *gin.Context) {
	if !c.onHost(g.Request) {
		c.elsewhere(g)
		return
	}
	if g.Request.Method == http.MethodPost {
		g.Header("Allow", "GET, HEAD")
		noStore(g)
		g.AbortWithStatus(http.StatusMethodNotAllowed)
		return
	}
	if err := c.files.serve(g.Writer, g.Request); err != nil && !errors.Is(err, http.ErrAbortHandler) {
		_ = g.Error(err)
	}
}
