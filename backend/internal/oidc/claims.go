package oidc

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// standard says where each standard claim (OpenID Connect Core 1.0 §5.1) comes from. nil means that it is not known.
var standard = map[string]func(*user.User) any{
	"name":               func(u *user.User) any { return known(u.Profile.Name) },
	"given_name":         func(u *user.User) any { return known(u.Profile.GivenName) },
	"family_name":        func(u *user.User) any { return known(u.Profile.FamilyName) },
	"middle_name":        func(u *user.User) any { return known(u.Profile.MiddleName) },
	"nickname":           func(u *user.User) any { return known(u.Profile.Nickname) },
	"preferred_username": preferredUsername,
	"profile":            func(u *user.User) any { return known(u.Profile.Profile) },
	"picture":            func(u *user.User) any { return known(u.Profile.Picture) },
	"website":            func(u *user.User) any { return known(u.Profile.Website) },
	"gender":             func(u *user.User) any { return known(u.Profile.Gender) },
	"birthdate":          func(u *user.User) any { return known(u.Profile.Birthdate) },
	"zoneinfo":           func(u *user.User) any { return known(u.Profile.Zoneinfo) },
	"locale":             func(u *user.User) any { return known(u.Profile.Locale) },
	"updated_at":         func(u *user.User) any { return u.UpdatedAt.Unix() },
	"email":              func(u *user.User) any { return known(u.Email) },
	"email_verified":     func(u *user.User) any { return knownWith(u.Email, u.EmailVerified) },
	"phone_number":       func(u *user.User) any { return known(u.PhoneNumber) },
	"phone_number_verified": func(u *user.User) any {
		return knownWith(u.PhoneNumber, u.PhoneNumberVerified)
	},
	"address": address,
}

func known(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func knownWith(text string, value bool) any {
	if text == "" {
		return nil
	}
	return value
}

func preferredUsername(u *user.User) any {
	if u.Profile.PreferredUsername != "" {
		return u.Profile.PreferredUsername
	}
	return known(u.Username)
}

func address(u *user.User) any {
	if u.Profile.Address == nil || *u.Profile.Address == (user.Address{}) {
		return nil
	}
	return u.Profile.Address
}

// claimsSupported lists the claims that the organization can give, those of ID tokens included, for the metadata.
func claimsSupported(organization *org.Organization) []string {
	supported := append([]string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid"}, org.StandardClaims()...)
	for _, own := range organization.Policies.Claims {
		supported = append(supported, own.Name)
	}
	return supported
}

// scopesSupported lists the scopes of OpenID Connect and those that the organization defined.
func scopesSupported(organization *org.Organization) []string {
	supported := oauth.StandardScopes()
	for _, own := range organization.Policies.Scopes {
		if !slices.Contains(supported, own.Name) {
			supported = append(supported, own.Name)
		}
	}
	return supported
}

// value is what is known of a person under a claim; nil when nothing is.
func value(organization *org.Organization, person *user.User, claim string) any {
	if get := standard[claim]; get != nil {
		return get(person)
	}
	if attribute := organization.Policies.Attribute(claim); attribute != "" {
		return person.Attributes[attribute]
	}
	return nil
}

// AccessTokenClaims makes the source of claims about people in access tokens: what the named scopes stand for, as in
// userinfo (OpenID Connect Core 1.0 §5.4), and of that what the policy names.
func AccessTokenClaims(db store.DB, users *user.Users) oauth.PersonClaims {
	return func(ctx context.Context, organization *org.Organization, userID uuid.UUID, scopes, names []string) (map[string]any, error) {
		person, err := users.ByID(ctx, db, organization.ID, userID)
		if err != nil {
			return nil, err
		}
		about := claimsAbout(organization, person, scopes, nil)
		maps.DeleteFunc(about, func(name string, _ any) bool { return !slices.Contains(names, name) })
		return about, nil
	}
}

// claimsAbout collects what the scopes stand for (OpenID Connect Core 1.0 §5.4) and the single claims that were asked
// for (§5.5), as far as it is known. A claim that was asked for with other values than the person's is left out.
func claimsAbout(organization *org.Organization, person *user.User, scopes []string, asked map[string]*oauth.ClaimRequest) map[string]any {
	found := map[string]any{}
	for _, scope := range scopes {
		for _, claim := range organization.Policies.ClaimsOfScope(scope) {
			if about := value(organization, person, claim); about != nil {
				found[claim] = about
			}
		}
	}
	for claim, request := range asked {
		if about := value(organization, person, claim); about != nil && request.Accepts(about) {
			found[claim] = about
		}
	}
	return found
}

// stillCovered leaves out what was asked for by name and may not be told any more: the client lost the scope that stands
// for it since it asked.
func stillCovered(organization *org.Organization, c *client.Client, asked map[string]*oauth.ClaimRequest) map[string]*oauth.ClaimRequest {
	covered := make(map[string]*oauth.ClaimRequest, len(asked))
	for name, request := range asked {
		if slices.ContainsFunc(organization.Policies.ScopesOfClaim(name), func(scope string) bool { return slices.Contains(c.Scopes, scope) }) {
			covered[name] = request
		}
	}
	return covered
}
