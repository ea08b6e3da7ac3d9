package registration

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oauth"
)

// readMembers puts what the object says into the client. Members that are not understood are ignored (RFC 7591 §2),
// null is as if left out.
func readMembers(object map[string]json.RawMessage, wanted *client.Client) error {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if string(object[name]) == "null" {
			continue
		}
		if _, err := wanted.SetMember(name, object[name]); err != nil {
			return metadataError(err)
		}
	}
	var scope *string
	if err := read("scope", object["scope"], &scope); err != nil {
		return err
	}
	if scope != nil {
		scopes, err := oauth.ParseScope(*scope)
		if err != nil {
			return oauth.NewError(oauth.CodeInvalidClientMetadata, "scope: this is malformed.")
		}
		wanted.Scopes = scopes
	}
	return nil
}

func read(name string, raw json.RawMessage, into any) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return oauth.NewError(oauth.CodeInvalidClientMetadata, name+": this is not of the right type.").WithCause(err)
	}
	return nil
}

// writeMembers is everything that is registered, defaults included (RFC 7591 §3.2.1).
func writeMembers(registered *client.Client) map[string]any {
	object := registered.Members()
	object["scope"] = oauth.FormatScope(registered.Scopes)
	for name, value := range registered.Metadata.Localized {
		object[name] = value
	}
	return object
}
