package registration

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
)

// attempts is how often an update is tried again because another one was faster. Both replace everything, so the
// later one wins.
const attempts = 5

// The refusals of the client configuration endpoint. A client that does not exist, belongs to another organization
// or has no registration access token is answered as a wrong token is.
var (
	errNotManaged = errors.New("the registration access token is not that of a client of this organization")
	errDisabled   = oauth.NewError(oauth.CodeAccessDenied, "An administrator disabled this client.").WithStatus(http.StatusForbidden)
	errClosedNow  = oauth.NewError(oauth.CodeAccessDenied,
		"This organization does not let applications register themselves any more. A client can still be read and deleted.").WithStatus(http.StatusForbidden)
)

// Read returns what is registered (RFC 7592 §2.1). The secret is not among it: only its digest is known.
func (e *Endpoint) Read(ctx context.Context, request *Request) (Response, error) {
	if err := e.authenticate(ctx, request); err != nil {
		return nil, err
	}
	return e.response(request, request.registered, ""), nil
}

// Update replaces what is registered (RFC 7592 §2.2): what the request leaves out gets its default. The registration
// access token stays; a secret changes only when the client becomes confidential or needs one that can be read again
// for HS256, and is then in the response.
func (e *Endpoint) Update(ctx context.Context, request *Request) (Response, error) {
	for attempt := 1; ; attempt++ {
		response, err := e.update(ctx, request)
		if !errors.Is(err, client.ErrVersionMismatch) || attempt == attempts {
			return response, err
		}
	}
}

func (e *Endpoint) update(ctx context.Context, request *Request) (Response, error) {
	if err := e.updates.Run(ctx, request); err != nil {
		return nil, err
	}
	var updated *client.Client
	var plain string
	err := e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if err := oauth.HoldProfile(ctx, tx, e.organizations, &request.client); err != nil {
			return metadataError(err)
		}
		updated, plain, err = e.clients.Update(ctx, tx, actor(request.registered), request.client)
		return err
	})
	if errors.Is(err, client.ErrNotFound) {
		return nil, oauth.InvalidToken(errNotManaged) // deleted meanwhile
	}
	if err != nil {
		return nil, metadataError(err)
	}
	e.clients.Forget(updated)
	_ = e.keys.Ensure(ctx, updated.OrgID, updated.SignsBy()...)
	return e.response(request, updated, plain), nil
}

// Delete removes the client with its grants: its tokens are worth nothing from then on (RFC 7592 §2.3).
func (e *Endpoint) Delete(ctx context.Context, request *Request) error {
	for attempt := 1; ; attempt++ {
		err := e.delete(ctx, request)
		if !errors.Is(err, client.ErrVersionMismatch) || attempt == attempts {
			return err
		}
	}
}

func (e *Endpoint) delete(ctx context.Context, request *Request) error {
	if err := e.authenticate(ctx, request); err != nil {
		return err
	}
	removed := request.registered
	err := e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return e.clients.Delete(ctx, tx, actor(removed), removed.OrgID, removed.ID, removed.Version)
	})
	if errors.Is(err, client.ErrNotFound) {
		return oauth.InvalidToken(errNotManaged)
	}
	if err == nil {
		e.clients.Forget(removed)
	}
	return err
}

func actor(c *client.Client) audit.Actor {
	return audit.Actor{Kind: audit.Client, ID: c.ID.String(), Name: "client registration"}
}

// authenticate finds the client that the registration access token is for.
func (e *Endpoint) authenticate(ctx context.Context, request *Request) error {
	found, err := e.clients.ByClientID(ctx, request.Organization.ID, request.ClientID)
	if err == nil { // the cache knows which one it is, the database how it is now
		found, err = e.clients.ByID(ctx, e.db, found.OrgID, found.ID)
	}
	if err != nil && !errors.Is(err, client.ErrNotFound) {
		return err
	}
	expected := e.decoy
	if err == nil && len(found.RegistrationAccessTokenID) > 0 {
		expected = found.RegistrationAccessTokenID
	}
	if matches := secret.Matches(request.Token, expected); !matches || err != nil {
		return oauth.InvalidToken(errNotManaged)
	}
	if found.Status != client.Active {
		return errDisabled
	}
	request.registered = found
	return nil
}

// checkUnchangeable refuses a request that names what the server alone decides, or another client (RFC 7592 §2.2).
func checkUnchangeable(_ context.Context, request *Request) error {
	for _, name := range []string{"registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"} {
		if _, there := request.object[name]; there {
			return oauth.NewError(oauth.CodeInvalidClientMetadata, name+": an update must not contain this.")
		}
	}
	var clientID string
	var presented *string
	if err := read("client_id", request.object["client_id"], &clientID); err != nil {
		return err
	}
	if clientID != request.registered.ClientID {
		return oauth.NewError(oauth.CodeInvalidClientMetadata, "client_id: an update names the client it is for.")
	}
	if err := read("client_secret", request.object["client_secret"], &presented); err != nil {
		return err
	}
	if presented != nil && !request.registered.SecretMatches(*presented) {
		return oauth.NewError(oauth.CodeInvalidClientMetadata, "client_secret: this is not the present secret, and a client cannot choose another.")
	}
	return nil
}

// blank is what an update starts from: the client without anything that it says of itself. What administrators
// decided stays.
func blank(registered *client.Client) client.Client {
	return client.Client{
		OrgID: registered.OrgID, ID: registered.ID, ClientID: registered.ClientID, Origin: registered.Origin, Status: registered.Status,
		RequireConsent: registered.RequireConsent, Profile: registered.Profile, AccessTokenLifetime: registered.AccessTokenLifetime,
		RefreshTokenLifetime: registered.RefreshTokenLifetime, RegistrationAccessTokenID: registered.RegistrationAccessTokenID,
		InitialAccessTokenID: registered.InitialAccessTokenID, Version: registered.Version, AuthenticationMethod: client.ClientSecretBasic,
		Metadata: registered.Metadata.Administered(),
	}
}

var errNotJSON = oauth.NewError(oauth.CodeInvalidClientMetadata, "The body must be a JSON object, each member once, in UTF-8.")

func readObject(_ context.Context, request *Request) (err error) {
	var object map[string]json.RawMessage
	if object, err = ParseObject(request.Body); err != nil {
		return errNotJSON.WithCause(err)
	}
	request.object = object
	return nil
}
