package oauth

import (
	"context"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/jose"
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

	CodeOnly           bool                          // no other response type than code
	PushedRequests     bool                          // authorization requests are pushed (RFC 9126)
	BoundTokens        bool                          // every access token is bound to its sender
	Methods            []client.AuthenticationMethod // by which clients may authenticate; nil: all
	AssertionsToIssuer bool                          // the audience of an assertion is the issuer, as a string
	Algorithms         []jose.Algorithm              // of every signature between clients and us; nil: all
	KeepRefreshTokens  bool                          // refresh tokens are not rotated
	SecureRedirects    bool                          // redirect URIs are https, or a native application's on its own machine
	SignedAnswers      bool                          // the authorization endpoint answers by a signed JWT (JARM)
	Attestations       bool                          // the organization takes part in org.DraftClientAttestation
	Backchannel        BackchannelRules              // of requests through the back channel
	Interactions       bool                          // answers of our protected resources carry InteractionHeader
}

// BackchannelRules are what a profile demands of requests through the back channel beyond CIBA Core 1.0. The zero value
// demands nothing.
type BackchannelRules struct {
	Signed  bool                  // they are signed (CIBA Core 1.0 §7.1.1)
	Modes   []client.DeliveryMode // how tokens are delivered; nil: all
	Context bool                  // they say what is decided: in a binding_message or in authorization_details
}

var profiles = map[org.Profile]Profile{
	org.ProfileOAuth21:             {Name: org.ProfileOAuth21},
	org.ProfileOIDCLegacy:          {Name: org.ProfileOIDCLegacy, FrontChannel: true, WithoutPKCE: true, UnsignedObjects: true},
	org.ProfileFAPI2Security:       fapi2(org.ProfileFAPI2Security),
	org.ProfileFAPI2MessageSigning: signedMessages(fapi2(org.ProfileFAPI2MessageSigning)),
	org.ProfileFAPICIBA:            fapiCIBA(),
}

// fapi2 is the FAPI 2.0 Security Profile, final, §5.3.2 and §5.4.
func fapi2(name org.Profile) Profile {
	return Profile{Name: name, CodeOnly: true, PushedRequests: true, BoundTokens: true,
		Methods:            []client.AuthenticationMethod{client.PrivateKeyJWT, client.TLSClientAuth, client.SelfSignedTLSClientAuth},
		AssertionsToIssuer: true, Algorithms: []jose.Algorithm{jose.PS256, jose.ES256, jose.EdDSA}, KeepRefreshTokens: true, SecureRedirects: true,
		Backchannel: BackchannelRules{Signed: true, Modes: []client.DeliveryMode{client.Poll, client.Ping}, Context: true}}
}

// fapiCIBA is FAPI CIBA, implementer's draft 1, §5.2.2. What begins in a browser it leaves to FAPI 1.0, which does not
// exist here: FAPI 2.0 holds for it. CIBA Core 1.0 §7.1 lets an assertion name the endpoint that it is sent to.
func fapiCIBA() Profile {
	profile := fapi2(org.ProfileFAPICIBA)
	profile.AssertionsToIssuer, profile.Algorithms = false, []jose.Algorithm{jose.PS256, jose.ES256}
	profile.Interactions = true
	return profile
}

// signedMessages adds FAPI 2.0 Message Signing, final: requests (§5.3) and answers (§5.4) that can be shown to others.
func signedMessages(profile Profile) Profile {
	profile.SignedAnswers = true
	profile.RequestObject = RequestObjectRules{Required: true, Lifetime: time.Hour, Types: []string{"", RequestObjectType}, Algorithms: profile.Algorithms, Alone: true}
	return profile
}

// ProfileOf is the profile that holds for the client: its own, otherwise its organization's.
func ProfileOf(organization *org.Organization, c *client.Client) Profile {
	if c.Origin == client.BuiltIn { // ours: it meets what no setting can ask of it
		return profiles[org.ProfileOAuth21]
	}
	if c.Profile != "" {
		return profileNamed(c.Profile, organization)
	}
	return ProfileFor(organization)
}

// profileNamed is a profile with what the organization demands besides. An unknown one is the strictest: nothing is allowed.
func profileNamed(name org.Profile, organization *org.Organization) Profile {
	profile, known := profiles[name]
	if !known { // by this release: nobody gets in
		profile = Profile{Name: name, CodeOnly: true, PushedRequests: true, Methods: []client.AuthenticationMethod{}, Algorithms: []jose.Algorithm{}, BoundTokens: true, SignedAnswers: true,
			Backchannel: BackchannelRules{Signed: true, Modes: []client.DeliveryMode{}, Context: true}}
	}
	profile.Attestations = organization.Policies.Follows(org.DraftClientAttestation)
	profile.BoundTokens = profile.BoundTokens || organization.Policies.RequireBoundTokens
	return profile
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

// CannotMeet lists at most limit of the clients that follow the organization's profile and cannot meet it: they would stop
// working at once, and nobody would have been told. Clients that have a profile of their own are not among them. more
// says that there are others.
func CannotMeet(ctx context.Context, tx *store.Tx, clients *client.Clients, organization *org.Organization, limit int) (unmet []Unmeeting, more bool, err error) {
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
	return profileNamed(organization.Policies.ProfileName(), organization)
}
