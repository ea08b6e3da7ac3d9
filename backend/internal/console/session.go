package console

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/user"
)

const (
	sessionKind   = "console_session"
	csrfLabel     = "console-csrf"
	csrfHeader    = "X-CSRF-Token"
	touchInterval = time.Minute
	recordVersion = 1
)

// errCSRF is the one answer to a changing request that may have been made by another page.
var errCSRF = fault.New(fault.Forbidden, "csrf_token_invalid", "This request did not come from the console, or the console's page is out of date. Load the page again.")

// record is a session as kv keeps it, readable by the previous release.
type record struct {
	Version    int       `json:"version"`
	OrgID      uuid.UUID `json:"org_id"`
	Slug       string    `json:"slug"`
	UserID     uuid.UUID `json:"user_id"`
	GrantID    uuid.UUID `json:"grant_id"`
	Scopes     []string  `json:"scopes"`
	IDToken    string    `json:"id_token"` // the hint for signing out; it opens nothing
	LastSeenAt time.Time `json:"last_seen_at"`
	ExpiresAt  time.Time `json:"expires_at"` // absolute
}

// Session is a signed-in console.
type Session struct {
	Organization *org.Organization
	User         *user.User
	Scopes       []string
	CSRFToken    string

	grantID uuid.UUID
	idToken string
	token   string
}

// Actor is how the session's person appears in audit events.
func (s *Session) Actor() audit.Actor {
	return audit.Actor{Kind: audit.User, ID: s.User.ID.String(), Name: s.User.Username}
}

// keyOf is where kv keeps what a secret of the browser stands for. Only a digest of the secret is stored.
func keyOf(kind, token string) kv.Key { return kv.Key{Kind: kind, ID: kv.ID(token)} }

// begin starts a session and returns its token, which the browser never had before.
func (c *Console) begin(ctx context.Context, organization *org.Organization, access *oauth.AccessToken, idToken string) (string, error) {
	userID, err := uuid.Parse(access.Subject)
	if err != nil {
		return "", err
	}
	now := c.Now()
	fresh := record{Version: recordVersion, OrgID: organization.ID, Slug: organization.Slug, UserID: userID, GrantID: access.GrantID, Scopes: access.Scopes,
		IDToken: idToken, LastSeenAt: now, ExpiresAt: now.Add(min(organization.Policies.SessionAbsolute(), maximumAbsolute))}
	encoded, err := json.Marshal(fresh)
	if err != nil {
		return "", err
	}
	token := secret.New(c.Random)
	_, err = c.State.Put(ctx, keyOf(sessionKind, token), encoded, fresh.lifetime(now, organization))
	return token, err
}

// lifetime is how long kv keeps the record: until it was idle for too long, or is too old.
func (r record) lifetime(now time.Time, organization *org.Organization) time.Duration {
	return max(min(organization.Policies.SessionIdle(), maximumIdle, r.ExpiresAt.Sub(now)), time.Second)
}

// Authenticate returns the session of a request, nil when it has none or came to another host than the
// console's. A changing request must also prove that the console's own page sent it: errors are 403.
func (c *Console) Authenticate(r *http.Request) (*Session, error) {
	if !c.onHost(r) {
		return nil, nil
	}
	token := c.cookies.read(r, sessionCookie)
	if token == "" {
		return nil, nil
	}
	if err := c.checkOrigin(r, token); err != nil {
		return nil, err
	}
	return c.find(r.Context(), token)
}

func (c *Console) onHost(r *http.Request) bool {
	host := strings.ToLower(r.Host)
	if c.cookies.secure {
		host = strings.TrimSuffix(host, ":443")
	} else {
		host = strings.TrimSuffix(host, ":80")
	}
	return host == c.host
}

// checkOrigin refuses what another page could have sent. Browsers tell where a request comes from
// (Fetch Metadata, else Origin); the token in the header is known to the console's own script only.
func (c *Console) checkOrigin(r *http.Request, token string) error {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return errCSRF
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	if origin := r.Header.Get("Origin"); origin != c.URL && (origin != "" || r.Header.Get("Sec-Fetch-Site") != "same-origin") {
		return errCSRF
	}
	presented := r.Header.Get(csrfHeader)
	for _, derived := range c.Ring.DeriveKeys(csrfLabel) {
		if secret.Equal(presented, secret.DeriveToken(derived.Key, csrfLabel, token)) {
			return nil
		}
	}
	return errCSRF
}

func (c *Console) csrfToken(token string) string {
	return secret.DeriveToken(c.Ring.DeriveKey(csrfLabel).Key, csrfLabel, token)
}

func (c *Console) find(ctx context.Context, token string) (*Session, error) {
	at := keyOf(sessionKind, token)
	entry, found, err := c.State.Get(ctx, at)
	if err != nil || !found {
		return nil, err
	}
	var kept record
	if json.Unmarshal(entry.Value, &kept) != nil || kept.Version != recordVersion {
		return nil, c.State.Delete(ctx, at)
	}
	now := c.Now()
	organization, person, err := c.alive(ctx, kept, now)
	if err != nil {
		return nil, err
	}
	if person == nil {
		return nil, c.State.Delete(ctx, at)
	}
	if now.Sub(kept.LastSeenAt) >= touchInterval {
		if err := c.touch(ctx, at, entry.Version, kept, now, organization); err != nil {
			return nil, err
		}
	}
	return &Session{Organization: organization, User: person, Scopes: kept.Scopes, CSRFToken: c.csrfToken(token),
		grantID: kept.GrantID, idToken: kept.IDToken, token: token}, nil
}

// alive returns the organization and the person of a session that is still good, nil when it is not.
func (c *Console) alive(ctx context.Context, kept record, now time.Time) (*org.Organization, *user.User, error) {
	idle := now.Sub(kept.LastSeenAt)
	if !now.Before(kept.ExpiresAt) || idle >= maximumIdle {
		return nil, nil, nil
	}
	organization, err := c.Organizations.Serving(ctx, kept.Slug)
	if fault.IsKind(err, fault.NotFound) || fault.IsKind(err, fault.Forbidden) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if organization.ID != kept.OrgID || idle >= organization.Policies.SessionIdle() {
		return nil, nil, nil
	}
	state, err := c.Grants.State(ctx, organization.ID, kept.GrantID, "")
	if err != nil || !state.Alive || state.User.ID != kept.UserID {
		return nil, nil, err
	}
	return organization, state.User, nil
}

// touch writes down that the session was used. It replaces the very entry that was read: a session that
// was ended meanwhile stays ended.
func (c *Console) touch(ctx context.Context, at kv.Key, version kv.Version, kept record, now time.Time, organization *org.Organization) error {
	kept.LastSeenAt = now
	encoded, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	_, _, err = c.State.Replace(ctx, at, version, encoded, kept.lifetime(now, organization))
	return err
}

// end ends the session and revokes the grant it stood on.
func (c *Console) end(ctx context.Context, session *Session) error {
	if err := c.State.Delete(ctx, keyOf(sessionKind, session.token)); err != nil {
		return err
	}
	return c.Grants.Revoke(ctx, session.Organization.ID, session.grantID, "signed out of the console", session.Actor())
}
