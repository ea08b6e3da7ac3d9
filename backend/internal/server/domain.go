package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/customdomain"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/reqctx"
	"github.com/clavex/clavex/backend/internal/web/asset"
	"github.com/clavex/clavex/backend/internal/webauthn"
)

// An organization at a host of its own has there what it has elsewhere below its slug, and nothing else: no console, no Admin
// API, no other organization. Requests come in here, are given the path that the router knows, and carry the host that they
// came to, so that everything that is made for them names it.

// errMoved is the answer at an address at which an organization is not any more.
var errMoved = fault.New(fault.NotFound, "organization_moved", "This organization is at another address now.")

// ownHosts are those of the server itself.
func ownHosts(addresses ...string) (hosts []string) {
	for _, address := range addresses {
		if parsed, err := url.Parse(address); err == nil && parsed.Hostname() != "" {
			hosts = append(hosts, strings.ToLower(parsed.Hostname()))
		}
	}
	return hosts
}

// errOwnerUnknown is the answer while the database does not say whose hosts are.
var errOwnerUnknown = fault.New(fault.Unavailable, "domain_lookup_unavailable", "The server cannot look up whose address this is. Try again in a moment.").WithRetryAfter(5 * time.Second)

// unknownOwner is the key of why it is not known whose host a request came to.
type unknownOwner struct{}

// refuseUnknownOwners answers such requests where all others are counted and logged.
func refuseUnknownOwners(c *gin.Context) {
	err, unknown := c.Request.Context().Value(unknownOwner{}).(error)
	if !unknown {
		return
	}
	if forPrograms(c.Request.URL.Path) {
		oauth.WriteError(c, err)
	} else {
		renderError(c, err)
	}
	c.Abort()
}

// handler answers at every address of the server.
func (a *App) handler(m *metrics, health *health) (http.Handler, error) {
	engine, err := a.router(m, health)
	if err != nil {
		return nil, err
	}
	return a.byDomain(engine), nil
}

// byDomain finds out whether a request came to a host of an organization's own. A host that is nobody's is answered as the
// server's own is: probes of load balancers and people's numbers of the machine come that way.
func (a *App) byDomain(next http.Handler) http.Handler {
	own := ownHosts(a.Config.PublicURL, a.Config.ConsoleURL, a.Config.MTLSURL)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, path := hostOf(r.Host), r.URL.Path
		with := reqctx.WithDomain
		if named, rest, ok := a.alias(r); ok {
			host, path, with = named, rest, reqctx.WithAlias
		} else if slices.Contains(own, host) || host == "" || net.ParseIP(host) != nil || forEverybody(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		if path == customdomain.ReachPath && a.answersReach(w, r, host) {
			return
		}
		slug, err := a.Domains.Slug(r.Context(), host)
		switch {
		case fault.IsKind(err, fault.NotFound): // an alias leads nowhere: no slug begins so
			next.ServeHTTP(w, r)
			return
		case err != nil:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), unknownOwner{}, errOwnerUnknown.WithCause(err))))
			return
		}
		inside := r.Clone(with(r.Context(), host, r.URL.EscapedPath()))
		inside.URL.Path, inside.URL.RawPath = pathInside(slug, path), "" // the router goes by the decoded path
		next.ServeHTTP(w, inside)
	})
}

// answersReach answers whoever asks whether a host of an organization's own leads here; false where it is nobody's.
func (a *App) answersReach(w http.ResponseWriter, r *http.Request, host string) bool {
	answer, err := a.Domains.Answer(r.Context(), host)
	if err != nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, answer+"\n")
	return true
}

// hostOf is a Host header without a port, in lower case.
func hostOf(header string) string {
	if host, _, err := net.SplitHostPort(header); err == nil {
		header = host
	}
	return strings.ToLower(strings.TrimSuffix(header, "."))
}

// forEverybody tells what every host of the server has.
func forEverybody(path string) bool {
	return strings.HasPrefix(path, asset.Prefix) || path == "/healthz" || path == "/readyz" || path == "/robots.txt"
}

// pathInside is where the router has what an organization has at a path of its own host. Metadata of an issuer without a path
// is at the well-known address itself (RFC 8414 §3, RFC 9728 §3).
func pathInside(slug, path string) string {
	switch path {
	case "/.well-known/oauth-authorization-server", oauth.WellKnownProtectedResource:
		return path + "/" + slug
	}
	return "/" + slug + path
}

// organization resolves whom an address belongs to, by slug or by host, and sees the organization from there. What does not
// exist or does not serve is answered in the form of the group of routes. People who come to where an organization was are
// led to where it is.
func (a *App) organization(c *gin.Context) {
	found, err := a.Organizations.Serving(c.Request.Context(), c.Param("org"))
	if err != nil {
		renderError(c, err)
		c.Abort()
		return
	}
	seen := found.At(reqctx.Domain(c.Request.Context()), a.Now())
	if seen == nil {
		a.moved(c, found)
		c.Abort()
		return
	}
	oauth.SetOrganization(c, seen)
}

// alias reads which organization's own host is named by a path at the address of clients with TLS certificates (RFC 8705 §5), and
// the path there.
func (a *App) alias(r *http.Request) (host, path string, ok bool) {
	rest, named := strings.CutPrefix(r.URL.Path, oauth.OwnHostPrefix)
	if !named || a.Config.MTLSURL == "" {
		return "", "", false
	}
	if at, err := url.Parse(a.Config.MTLSURL); err != nil || !strings.EqualFold(at.Host, r.Host) {
		return "", "", false
	}
	host, path, _ = strings.Cut(rest, "/")
	return host, "/" + path, true
}

// moved answers where an organization was.
func (a *App) moved(c *gin.Context, organization *org.Organization) {
	method := c.Request.Method
	if forPrograms(c.Request.URL.Path) || method != http.MethodGet && method != http.MethodHead {
		renderError(c, errMoved)
		return
	}
	// The router goes by the decoded path, so the target is built from it: a path that was escaped otherwise could end the host.
	path, below := strings.CutPrefix(c.Request.URL.Path, "/"+organization.Slug+"/")
	target, err := url.Parse(a.Issuers.Origin(organization) + organization.Path(""))
	if err != nil || !below {
		renderError(c, errMoved)
		return
	}
	target.Path += path
	target.RawQuery = c.Request.URL.RawQuery
	c.Header("Cache-Control", "no-store") // it may move again
	c.Redirect(http.StatusFound, target.String())
}

// party is the relying party of an organization's pages; the zero value where browsers let nobody use passkeys.
func (a *App) party(organization *org.Organization) webauthn.RelyingParty {
	party, _ := webauthn.PartyOf(a.Issuers, organization)
	return party
}

// PreviewAttestation says what a policy would do to an organization's passkeys.
func (a *App) PreviewAttestation(ctx context.Context, organization *org.Organization, policy org.Attestation) (*fido.Preview, error) {
	return a.Models.Preview(ctx, organization.ID, a.party(organization.Present()).ID, policy)
}

// serveRelatedOrigins tells browsers where the passkeys of this host may be used as well (WebAuthn Level 3 §5.11.1).
func (a *App) serveRelatedOrigins(c *gin.Context) {
	origins := webauthn.RelatedOrigins(a.Issuers, oauth.Organization(c))
	if len(origins) == 0 {
		oauth.WriteError(c, oauth.InvalidRequest("The passkeys of this address are used nowhere else.").WithStatus(http.StatusNotFound))
		return
	}
	c.Header("Cache-Control", "no-store") // it ends with the days of grace
	c.JSON(http.StatusOK, gin.H{"origins": origins})
}

// organizationOf returns the organization that an issuer identifier of ours names. Its kind of fault is NotFound when there is
// none.
func (a *App) organizationOf(ctx context.Context, issuer string) (*org.Organization, error) {
	if slug, below := strings.CutPrefix(issuer, a.Config.PublicURL+"/"); below {
		return a.Organizations.Serving(ctx, slug)
	}
	parsed, err := url.Parse(issuer)
	if err != nil || a.Issuers.OriginOf(strings.ToLower(parsed.Hostname())) != issuer {
		return nil, customdomain.ErrNotFound
	}
	slug, err := a.Domains.Slug(ctx, parsed.Hostname())
	if err != nil {
		return nil, err
	}
	return a.Organizations.Serving(ctx, slug)
}
