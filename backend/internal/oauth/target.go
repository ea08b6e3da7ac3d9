package oauth

import (
	"context"
	"slices"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/resource"
)

// maximumTargets is how many resource servers one request may name.
const maximumTargets = 20

// Targets decides for which resource servers a client gets access tokens (RFC 8707). It is safe for concurrent use.
type Targets struct {
	resources *resource.Resources
	issuers   Issuers
}

// NewTargets makes the judge of resource indicators.
func NewTargets(resources *resource.Resources, issuers Issuers) *Targets {
	return &Targets{resources: resources, issuers: issuers}
}

// Target is what an access token is for. The zero value is for no resource server in particular: its audience is the
// issuer.
type Target struct {
	Audience []string // nil for the zero value
	named    []*resource.Resource
	others   []*resource.Resource
}

// InvalidTarget is the error for a resource server that a client gets no token for (RFC 8707 §2).
func InvalidTarget(description string) *Error { return NewError(CodeInvalidTarget, description) }

// Of judges the values of the parameter resource. Without any it is what the client's policy says, otherwise the zero value.
func (t *Targets) Of(ctx context.Context, organization *org.Organization, c *client.Client, values []string) (Target, error) {
	if len(values) == 0 {
		return t.held(ctx, organization, c, nil)
	}
	if len(values) > maximumTargets {
		return Target{}, InvalidTarget("Too many resources are named.")
	}
	for _, value := range values {
		if !resource.ValidIdentifier(value) {
			return Target{}, InvalidTarget("A resource is an absolute URI without fragment.")
		}
	}
	target, err := t.held(ctx, organization, c, values)
	if err == nil && len(target.Audience) != len(unique(values)) {
		return Target{}, InvalidTarget("One of the resources is not known here, or not meant for this client.")
	}
	return target, err
}

// Held is what is left of the resource servers of a grant: those that are still registered and still meant for the
// client. invalid_target when nothing is left of several, because a token without them would be one for the issuer.
func (t *Targets) Held(ctx context.Context, organization *org.Organization, c *client.Client, audience []string) (Target, error) {
	target, err := t.held(ctx, organization, c, audience)
	if err == nil && len(audience) > 0 && len(target.Audience) == 0 {
		return Target{}, InvalidTarget("The resources that were granted are not known here any more, or not meant for this client.")
	}
	return target, err
}

func (t *Targets) held(ctx context.Context, organization *org.Organization, c *client.Client, values []string) (Target, error) {
	if len(values) == 0 {
		if values = t.defaults(organization, c); len(values) == 0 {
			return Target{}, nil
		}
	}
	all, err := t.resources.All(ctx, organization.ID)
	if err != nil {
		return Target{}, err
	}
	var target Target
	for _, value := range unique(values) {
		switch {
		case t.issuers.Was(organization, value) && slices.Contains(c.Scopes, ScopeOpenID): // granted at the address before, it is for the present one
			if issuer := t.issuers.URL(organization); !slices.Contains(target.Audience, issuer) {
				target.Audience = append(target.Audience, issuer)
			}
			continue
		case value == t.issuers.AdminAudience() && HasAdminScope(c.Scopes):
			target.Audience = append(target.Audience, value)
			continue
		case len(c.Metadata.Resources) > 0 && !slices.Contains(c.Metadata.Resources, value):
			continue
		}
		if i := slices.IndexFunc(all, func(known *resource.Resource) bool { return known.Identifier == value }); i >= 0 {
			target.Audience, target.named = append(target.Audience, value), append(target.named, all[i])
		}
	}
	for _, known := range all {
		if !slices.Contains(target.named, known) {
			target.others = append(target.others, known)
		}
	}
	return target, nil
}

// defaults are what a token is for when nobody names a target: what the policy says, and beside it those that the
// scopes of the client would not work without.
func (t *Targets) defaults(organization *org.Organization, c *client.Client) []string {
	policy := TokenPolicyOf(organization, c)
	if len(policy.DefaultResources) == 0 {
		return nil
	}
	values := slices.Clone(policy.DefaultResources)
	if slices.Contains(c.Scopes, ScopeOpenID) {
		values = append(values, t.issuers.URL(organization))
	}
	if HasAdminScope(c.Scopes) {
		values = append(values, t.issuers.AdminAudience())
	}
	return values
}

// Named are the targets that a token is for whatever the client may ask for: those of a token exchange, which the
// client's policy names and which need not be registered.
func (t *Targets) Named(ctx context.Context, organization *org.Organization, audience []string) (Target, error) {
	all, err := t.resources.All(ctx, organization.ID)
	if err != nil {
		return Target{}, err
	}
	target := Target{Audience: audience}
	for _, known := range all {
		if slices.Contains(audience, known.Identifier) {
			target.named = append(target.named, known)
		} else {
			target.others = append(target.others, known)
		}
	}
	return target, nil
}

// AskedAbout is what a client may learn of a token with the audience although it was issued to another: that it is for the
// resource servers that the client may ask about tokens for (RFC 9701 §5). The zero value when there is none.
func (t *Targets) AskedAbout(ctx context.Context, organization *org.Organization, asking *client.Client, audience []string) (Target, error) {
	all, err := t.resources.All(ctx, organization.ID)
	if err != nil {
		return Target{}, err
	}
	var target Target
	for _, known := range all {
		if slices.Contains(audience, known.Identifier) && slices.Contains(known.IntrospectionClients, asking.ClientID) {
			target.Audience, target.named = append(target.Audience, known.Identifier), append(target.named, known)
		} else {
			target.others = append(target.others, known)
		}
	}
	return target, nil
}

// Resources are the registered ones among those named, for people to read.
func (t Target) Resources() []*resource.Resource { return t.named }

// Scopes are those of a token for the target: a scope that belongs to other resource servers only is no use there, and
// could be used by this one at theirs.
func (t Target) Scopes(granted []string) []string {
	if len(t.Audience) == 0 {
		return granted
	}
	owns := func(scope string) func(*resource.Resource) bool {
		return func(known *resource.Resource) bool { return slices.Contains(known.Scopes, scope) }
	}
	return slices.DeleteFunc(slices.Clone(granted), func(scope string) bool {
		return slices.ContainsFunc(t.others, owns(scope)) && !slices.ContainsFunc(t.named, owns(scope))
	})
}

// Details are those that a token for the target contains: what is meant for other resource servers is nothing that
// these should read (RFC 9396 §9).
func (t Target) Details(granted Details) Details {
	if len(t.Audience) == 0 {
		return granted
	}
	return granted.At(t.Audience)
}

// Lifetime is how long an access token for the target lives: at most as long as each resource server says.
func (t Target) Lifetime(otherwise time.Duration) time.Duration {
	for _, known := range t.named {
		if known.AccessTokenLifetime > 0 {
			otherwise = min(otherwise, known.AccessTokenLifetime)
		}
	}
	return otherwise
}

// WithinAudience refuses what was not granted (RFC 8707 §2.2).
func WithinAudience(asked, granted []string) error {
	if slices.ContainsFunc(asked, func(value string) bool { return !slices.Contains(granted, value) }) {
		return InvalidTarget("One of the resources was not granted.")
	}
	return nil
}

func unique(values []string) []string {
	found := []string{}
	for _, value := range values {
		if !slices.Contains(found, value) {
			found = append(found, value)
		}
	}
	return found
}
