package client

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/clavex/clavex/backend/internal/fault"
)

// NormalKeySet judges a JWK set as that of a client is judged, and returns it as it is stored. The error is a fault.
func NormalKeySet(set json.RawMessage) (json.RawMessage, error) {
	if len(set) > maximumJWKSBytes {
		return nil, invalid("jwks", "A key set has at most %d bytes.", maximumJWKSBytes)
	}
	if _, err := parseKeySet(set); err != nil {
		return nil, invalid("jwks", "%s", fault.From(err).Message)
	}
	return normalKeys(set)
}

// normalKeys writes a JWK set that was judged as one reader read it and PostgreSQL can store it: each member once.
// Members that are objects mean nothing in a key and are left out, as RFC 7517 §4 lets a reader do.
func normalKeys(set json.RawMessage) (json.RawMessage, error) {
	var parsed struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(set, &parsed); err != nil {
		return nil, invalid("jwks", "This is not a JWK set.")
	}
	for _, key := range parsed.Keys {
		for name, value := range key {
			if nested(value) {
				delete(key, name)
			}
		}
	}
	written, err := json.Marshal(parsed)
	if err == nil && strings.Contains(string(written), `\u0000`) {
		return nil, invalid("jwks", "A key contains a character that no text has.")
	}
	return written, err
}

func nested(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		return true
	case []any:
		return slices.ContainsFunc(value, func(element any) bool {
			_, text := element.(string)
			return !text
		})
	default:
		return false
	}
}
