package metadatadocument

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/ratelimit"
	"github.com/clavex/clavex/backend/internal/store"
)

// Keep makes a client that is new one of the organization's clients, because the actor, who signed in, is about to allow
// it something. Of simultaneous calls one makes it, and all return it. How many new ones a person brings is limited.
func (d *Documents) Keep(ctx context.Context, organization *org.Organization, actor audit.Actor, described *client.Client) (*client.Client, error) {
	if !oauth.IsNew(described) {
		return described, nil
	}
	if err := d.person.Count(ctx, organization.ID, actor.ID); err != nil {
		person, _ := uuid.Parse(actor.ID)
		return nil, ratelimit.AskedBy(ratelimit.About(err, person), actor)
	}
	wanted := *described
	wanted.DocumentReadAt = d.Now()
	var kept *client.Client
	err := d.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if err := oauth.HoldProfile(ctx, tx, d.Organizations, &wanted); err != nil {
			return unusable(err)
		}
		kept, _, err = d.Clients.Create(ctx, tx, actor, wanted, "")
		return err
	})
	if errors.Is(err, client.ErrClientIDTaken) {
		d.Clients.Forget(described)
		return d.Clients.ByClientID(ctx, organization.ID, described.ClientID)
	}
	if err != nil {
		return nil, err
	}
	d.Clients.Forget(kept)
	_ = d.Keys.Ensure(ctx, kept.OrgID, kept.SignsBy()...)
	return kept, nil
}

// follow makes what is kept of the client what its document says now.
func (d *Documents) follow(ctx context.Context, kept, described *client.Client) (*client.Client, error) {
	if same, err := kept.SaysTheSameAs(described); err != nil || same {
		if err == nil && d.Now().Sub(kept.DocumentReadAt) >= rememberEvery {
			err = d.Clients.RememberDocumentRead(ctx, kept, d.Now())
		}
		return kept, err
	}
	wanted := *described
	wanted.DocumentReadAt = d.Now()
	actor := audit.Actor{Kind: audit.Client, ID: kept.ID.String(), Name: "client metadata document"}
	var after *client.Client
	err := d.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if err := oauth.HoldProfile(ctx, tx, d.Organizations, &wanted); err != nil {
			return unusable(err)
		}
		if after, _, err = d.Clients.Update(ctx, tx, actor, wanted); err != nil {
			return err
		}
		proves := kept.AuthenticationMethod != after.AuthenticationMethod
		if !proves && kept.Name == after.Name && slices.Equal(kept.RedirectURIs, after.RedirectURIs) {
			return nil
		}
		return d.Grants.Changed(ctx, tx, after.OrgID, after.ID, proves)
	})
	if errors.Is(err, client.ErrVersionMismatch) || errors.Is(err, client.ErrNotFound) { // another replica was faster, or an administrator
		d.Clients.Forget(kept)
		return d.Clients.ByClientID(ctx, kept.OrgID, kept.ClientID)
	}
	if err != nil {
		return nil, err
	}
	d.Clients.Forget(after)
	_ = d.Keys.Ensure(ctx, after.OrgID, after.SignsBy()...)
	return after, nil
}
