package registration

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
)

// Described is the client that metadata describes which was published for every server at once, and not sent to register
// with this organization: base with what the members say. The rules are those of clients that register themselves.
// Grant types, response types and scopes that such a client cannot have here are left out instead of refused (RFC 7591
// §2: the server may replace what is asked for), because the client cannot ask again. Errors are those of RFC 7591 §3.2.2.
func Described(ctx context.Context, organization *org.Organization, base client.Client, object map[string]json.RawMessage) (*client.Client, error) {
	request := &Request{Organization: organization, object: maps.Clone(object), client: base}
	delete(request.object, softwareStatement) // nobody verified it
	table := oauth.Table[Request]{
		{Name: "metadata", Clause: "RFC 7591 §2", Do: readDescription},
		{Name: "narrowed", Clause: "RFC 7591 §2", Do: narrow},
		{Name: "validity", Clause: "RFC 7591 §3.2.2", Do: complete},
		{Name: "own_grants_only", Clause: "RFC 7591 §5", Do: checkGrants},
		{Name: "profile", Clause: "OAuth 2.1 §10.1", Do: checkProfile},
		{Name: "addresses", Clause: "RFC 7591 §5", Do: func(_ context.Context, request *Request) error { return checkHosts(request, false) }},
	}
	if err := table.Run(ctx, request); err != nil {
		return nil, err
	}
	return &request.client, nil
}

// readDescription reads the members. A scope that has not the form of one is as good as none.
func readDescription(_ context.Context, request *Request) error {
	allowed := allowedScopes(request.Organization)
	request.client.Scopes = allowed
	var scope *string
	if err := read("scope", request.object["scope"], &scope); err != nil {
		return err
	}
	delete(request.object, "scope")
	if err := readMembers(request.object, &request.client); err != nil || scope == nil {
		return err
	}
	request.client.Scopes = slices.DeleteFunc(slices.Clone(allowed), func(known string) bool { return !slices.Contains(strings.Fields(*scope), known) })
	return nil
}

// narrow leaves out what the organization does not let such clients have: they come with a person and a browser.
func narrow(_ context.Context, request *Request) error {
	profile := oauth.ProfileOf(request.Organization, &request.client)
	allowed := slices.DeleteFunc(allowedGrants(request), func(grantType string) bool {
		return grantType != client.AuthorizationCode && grantType != client.RefreshToken && (grantType != client.Implicit || !profile.FrontChannel)
	})
	request.client.GrantTypes = slices.DeleteFunc(request.client.GrantTypes, func(grantType string) bool { return !slices.Contains(allowed, grantType) })
	request.client.ResponseTypes = slices.DeleteFunc(request.client.ResponseTypes, func(responseType string) bool {
		canonical, known := client.CanonicalResponseType(responseType)
		return !known || !slices.Contains(profile.ResponseTypes(), canonical)
	})
	return nil
}
