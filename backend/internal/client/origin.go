package client

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/store/dbq"
)

const maxKnownOrigins = 1000 // remembered per organization; strangers can name any number

// knownOrigins remembers which origins are registered with one organization, until one of its clients
// changes.
type knownOrigins struct {
	mu    sync.RWMutex
	known map[string]bool
}

// OriginIsRegistered reports whether the origin (scheme://host[:port]) is that of a redirect URI of one
// of the organization's active clients: such pages may call the endpoints with CORS.
func (c *Clients) OriginIsRegistered(ctx context.Context, orgID uuid.UUID, origin string) (bool, error) {
	if len(origin) > 300 || !visibleASCII(origin) {
		return false, nil
	}
	origins, err := c.cors.Get(ctx, orgID.String(), func(context.Context) (*knownOrigins, error) {
		return &knownOrigins{known: map[string]bool{}}, nil
	})
	if err != nil {
		return false, err
	}
	origins.mu.RLock()
	registered, known := origins.known[origin]
	origins.mu.RUnlock()
	if known {
		return registered, nil
	}
	registered, err = dbq.New(c.db).OriginIsRegistered(ctx, dbq.OriginIsRegisteredParams{OrgID: orgID, Origin: origin})
	if err != nil {
		return false, err
	}
	origins.mu.Lock()
	defer origins.mu.Unlock()
	if len(origins.known) < maxKnownOrigins {
		origins.known[origin] = registered
	}
	return registered, nil
}

// origins are those of the web addresses among the URIs.
func origins(uris []string) []string {
	found := []string{}
	for _, uri := range uris {
		if origin := OriginOf(uri); origin != "" && !slices.Contains(found, origin) {
			found = append(found, origin)
		}
	}
	return found
}

// OriginOf is the origin of a web address as browsers write it (RFC 6454 §6.2): scheme://host[:port], in lower case and
// without the scheme's own port; "" for any other address.
func OriginOf(uri string) string {
	parsed, err := url.Parse(uri)
	if err != nil || parsed.Hostname() == "" || parsed.Scheme != "https" && parsed.Scheme != "http" {
		return ""
	}
	host := strings.ToLower(parsed.Host)
	host = strings.TrimSuffix(host, map[string]string{"https": ":443", "http": ":80"}[parsed.Scheme])
	return parsed.Scheme + "://" + strings.TrimSuffix(host, ":")
}
