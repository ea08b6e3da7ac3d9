package session

import "slices"

// ACRPassword says that a person proved themselves with a password over an encrypted connection (OASIS,
// Authentication Context for SAML 2.0 §3.4.4).
const ACRPassword = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"

// AuthenticationContexts lists the values of acr that a sign-in can reach, weakest first, for discovery documents.
func AuthenticationContexts() []string { return []string{ACRPassword} }

// AuthenticationContext is the acr that the methods (amr, RFC 8176) of the sign-in amount to; "" when none of the
// values says it.
func (s *Session) AuthenticationContext() string {
	if slices.Contains(s.Methods, "pwd") {
		return ACRPassword
	}
	return ""
}
