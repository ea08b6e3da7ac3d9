package session

import "slices"

// The values of acr that a sign-in can reach. Two are those of OpenID Connect Extended Authentication Profile (EAP) ACR
// Values 1.0 §4; they are for passkeys, whose authenticators verify their users.
const (
	// ACRPassword says that a person proved themselves with a password over an encrypted connection (OASIS,
	// Authentication Context for SAML 2.0 §3.4.4).
	ACRPassword = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
	// ACRMultiFactor says that a person proved themselves by more than one factor (OpenID Provider Authentication Policy
	// Extension 1.0 §4). It says that much and no more; profiles of federations promise further things.
	ACRMultiFactor = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
	// ACRPhishingResistant says that nobody between the person and us can have signed in for them.
	ACRPhishingResistant = "phr"
	// ACRPhishingResistantHardware is ACRPhishingResistant with a key that does not leave its device.
	ACRPhishingResistantHardware = "phrh"
)

// AuthenticationContexts lists the values of acr that a sign-in can reach, weakest first, for discovery documents.
func AuthenticationContexts() []string {
	return []string{ACRPassword, ACRMultiFactor, ACRPhishingResistant, ACRPhishingResistantHardware}
}

// Contexts are the values of acr that methods (amr, RFC 8176) amount to, weakest first.
func Contexts(methods []string) []string {
	has := func(method string) bool { return slices.Contains(methods, method) }
	var contexts []string
	if has(MethodPassword) {
		contexts = append(contexts, ACRPassword)
	}
	if !has(MethodMultipleFactors) {
		return contexts
	}
	contexts = append(contexts, ACRMultiFactor)
	if has(MethodSoftwareKey) || has(MethodHardwareKey) {
		contexts = append(contexts, ACRPhishingResistant)
	}
	if has(MethodHardwareKey) {
		contexts = append(contexts, ACRPhishingResistantHardware)
	}
	return contexts
}

// Reach reports whether methods amount to one of the values of acr.
func Reach(methods, values []string) bool {
	return slices.ContainsFunc(Contexts(methods), func(context string) bool { return slices.Contains(values, context) })
}

// AuthenticationContext is the strongest acr that the methods of the sign-in amount to; "" when none of the values says it.
func (s *Session) AuthenticationContext() string { return s.AuthenticationContextFor(nil) }

// AuthenticationContextFor is the acr for who asked for some of the values, the best liked first: the first of them that
// the sign-in amounts to, otherwise the strongest.
func (s *Session) AuthenticationContextFor(asked []string) string {
	reached := Contexts(s.Methods)
	for _, wanted := range asked {
		if slices.Contains(reached, wanted) {
			return wanted
		}
	}
	if len(reached) == 0 {
		return ""
	}
	return reached[len(reached)-1]
}

// MultiFactor reports whether a person proved themselves by more than one factor.
func (s *Session) MultiFactor() bool { return slices.Contains(s.Methods, MethodMultipleFactors) }
