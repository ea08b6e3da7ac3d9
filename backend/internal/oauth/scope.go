package oauth

import (
	"slices"
	"strings"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/grant"
)

// The scopes with a meaning of their own.
const (
	ScopeOpenID        = "openid"
	ScopeProfile       = "profile"
	ScopeEmail         = "email"
	ScopeAddress       = "address"
	ScopePhone         = "phone"
	ScopeOfflineAccess = grant.OfflineAccess

	adminScopePrefix = "admin:"
	maximumScopes    = 50
)

// StandardScopes are those of OpenID Connect Core 1.0 §5.4 and §11, in the order of discovery documents.
func StandardScopes() []string {
	return []string{ScopeOpenID, ScopeProfile, ScopeEmail, ScopeAddress, ScopePhone, ScopeOfflineAccess}
}

// ParseScope splits a scope parameter into its tokens, each once, in order (RFC 6749 §3.3). An empty
// parameter has none; a malformed one is invalid_scope.
func ParseScope(scope string) ([]string, error) {
	scopes := []string{}
	for token := range strings.SplitSeq(scope, " ") {
		if token == "" || slices.Contains(scopes, token) {
			continue // generous: RFC 6749 knows no doubled spaces, clients do
		}
		if !client.ValidScope(token) || len(scopes) == maximumScopes {
			return nil, NewError(CodeInvalidScope, "The scope is malformed.")
		}
		scopes = append(scopes, token)
	}
	return scopes, nil
}

// FormatScope joins scopes as they are written in parameters, tokens and responses.
func FormatScope(scopes []string) string { return strings.Join(scopes, " ") }

// WithinScopes reports whether every one of part is among whole.
func WithinScopes(part, whole []string) bool {
	return !slices.ContainsFunc(part, func(scope string) bool { return !slices.Contains(whole, scope) })
}

// IsAdminScope reports whether the scope is one of the Admin API.
func IsAdminScope(scope string) bool { return strings.HasPrefix(scope, adminScopePrefix) }

// HasAdminScope reports whether one of the scopes is one of the Admin API.
func HasAdminScope(scopes []string) bool { return slices.ContainsFunc(scopes, IsAdminScope) }
