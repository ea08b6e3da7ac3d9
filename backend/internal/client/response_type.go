package client

import (
	"slices"
	"strings"
)

// The values a response type is made of (OAuth 2.0 Multiple Response Type Encoding Practices §3-5).
const (
	CodeResponse    = "code"
	IDTokenResponse = "id_token"
	TokenResponse   = "token"
	NoneResponse    = "none"
)

// responseTypes are those that exist, in their canonical form and in the order of discovery documents.
var responseTypes = []string{"code", "id_token", "id_token token", "code id_token", "code token", "code id_token token", "none", "token"}

// ResponseTypes lists the response types that exist. Which of them a client may register is a matter of its profile.
func ResponseTypes() []string { return slices.Clone(responseTypes) }

// CanonicalResponseType brings the values of a response type into their canonical order, which means nothing
// (RFC 6749 §3.1.1). False when it is none that exists.
func CanonicalResponseType(responseType string) (string, bool) {
	values := strings.Fields(responseType)
	slices.Sort(values) // code, id_token, none, token
	canonical := strings.Join(values, " ")
	return canonical, slices.Contains(responseTypes, canonical)
}

// AsksFor reports whether the response type contains the value.
func AsksFor(responseType, value string) bool {
	return slices.Contains(strings.Fields(responseType), value)
}

// FrontChannel reports whether the response type delivers tokens through the browser: the implicit and hybrid
// flows, which OAuth 2.1 removed.
func FrontChannel(responseType string) bool {
	return AsksFor(responseType, IDTokenResponse) || AsksFor(responseType, TokenResponse)
}

// grantTypesFor returns the grant types that response types need (OpenID Connect Registration 1.0 §2).
func grantTypesFor(types []string) []string {
	var needed []string
	for _, responseType := range types {
		if AsksFor(responseType, CodeResponse) && !slices.Contains(needed, AuthorizationCode) {
			needed = append(needed, AuthorizationCode)
		}
		if FrontChannel(responseType) && !slices.Contains(needed, Implicit) {
			needed = append(needed, Implicit)
		}
	}
	return needed
}
