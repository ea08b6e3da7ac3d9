package oauth

import (
	"context"
	"slices"
	"strings"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
)

// Profile is what a set of rules demands of a client and its requests. The checks of the endpoints read it;
// no endpoint knows a profile by name.
type Profile struct {
	Name         org.Profile
	FrontChannel bool // response types that deliver tokens through the browser may be registered
	WithoutPKCE  bool // a confidential client may leave out the code challenge
	// UnsignedObjects is what OpenID Connect Registration 1.0 §2 says of a client that registered no
	// request_object_signing_alg: it may use any, none included. Others have to register none.
	UnsignedObjects bool
	RequestObject   RequestObjectRules // beyond OpenID Connect
}

var profiles = map[org.Profile]Profile{
	org.ProfileOAuth21:    {Name: org.ProfileOAuth21},
	org.ProfileOIDCLegacy: {Name: org.ProfileOIDCLegacy, FrontChannel: true, WithoutPKCE: true, UnsignedObjects: true},
}

// ProfileOf is the profile that holds for the client: its own, otherwise its organization's.
func ProfileOf(organization *org.Organization, c *client.Client) Profile {
	name := organization.Policies.ProfileName()
	if c.Profile != "" {
		name = c.Profile
	}
	return profiles[name] // an unknown one is the strictest: nothing is allowed
}

// HoldProfile refuses a client that cannot meet the profile that holds for it, whatever a cache said before: the
// organization is read and held in the transaction in which the client is written, so the two cannot miss each other.
func HoldProfile(ctx context.Context, tx *store.Tx, organizations *org.Organizations, wanted *client.Client) error {
	organization, err := organizations.Hold(ctx, tx, wanted.OrgID)
	if err != nil {
		return err
	}
	return ProfileOf(organization, wanted).Check(wanted)
}

// CodeProfileNotMet is the code of a change of profile that existing clients cannot follow.
const CodeProfileNotMet = "profile_not_met"

// Unmeeting is a client that cannot meet a profile, and why.
type Unmeeting struct {
	Client *client.Client
	Reason string
}

// Unmet lists at most limit of the clients that follow the organization's profile and cannot meet it: they would stop
// working at once, and nobody would have been told. Clients that have a profile of their own are not among them. more
// says that there are others.
func Unmet(ctx context.Context, tx *store.Tx, clients *client.Clients, organization *org.Organization, limit int) (unmet []Unmeeting, more bool, err error) {
	profile := ProfileFor(organization)
	err = clients.EachWithoutProfile(ctx, tx, organization.ID, func(follower *client.Client) bool {
		if err := profile.Check(follower); err != nil {
			if more = len(unmet) == limit; !more {
				unmet = append(unmet, Unmeeting{Client: follower, Reason: fault.From(err).Message})
			}
		}
		return !more
	})
	return unmet, more, err
}

// ProfileFor is the profile that an organization's clients have unless they have one of their own.
func ProfileFor(organization *org.Organization) Profile {
	return profiles[organization.Policies.ProfileName()]
}

// ResponseTypes lists the response types that the profile knows, in the order of discovery documents.
func (p Profile) ResponseTypes() []string {
	return slices.DeleteFunc(client.ResponseTypes(), func(responseType string) bool { return !p.Allows(responseType) })
}

// Allows reports whether the profile knows the response type.
func (p Profile) Allows(responseType string) bool {
	return p.FrontChannel || !client.FrontChannel(responseType)
}

// MayOmitPKCE reports whether the client may leave out the code challenge. A public client never may: nothing
// else ties a code to it.
func (p Profile) MayOmitPKCE(c *client.Client) bool { return p.WithoutPKCE && !c.Public() }

// Check refuses a client that cannot meet the profile, naming the member at fault.
func (p Profile) Check(c *client.Client) error {
	refused := slices.DeleteFunc(slices.Clone(c.ResponseTypes), p.Allows)
	if len(refused) > 0 {
		return fault.Newf(fault.Invalid, CodeInvalidClientMetadata, "The profile %s does not allow the response types %s: tokens would travel through addresses.",
			p.Name, strings.Join(refused, ", ")).WithField("response_types")
	}
	if !p.FrontChannel && c.MayUse(client.Implicit) {
		return fault.Newf(fault.Invalid, CodeInvalidClientMetadata, "The profile %s does not allow the grant type implicit.", p.Name).WithField("grant_types")
	}
	return p.RequestObject.check(p, c)
}
