package org

import (
	"regexp"
	"slices"
)

var slugPattern = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9])*$`)

// reservedSlugs are the first segments of global addresses, present and planned, and words that would
// mislead. "system" is reserved for everybody but the first start.
var reservedSlugs = []string{
	"account", "accounts", "admin", "api", "app", "assets", "auth", "authorize", "check-session", "clavex", "console", "connect", "demo-assets",
	"dev", "device", "docs", "error", "favicon", "health", "healthz", "help", "id", "jwks", "login", "logout", "metrics", "mtls", "oauth", "oauth2",
	"oidc", "openid", "public", "readyz", "register", "robots", "saml", "scim", "security", "signin", "signup", "ssf", "static", "status",
	"support", "system", "token", "userinfo", "vci", "vp", "well-known", "www",
}

// Reserved returns the words that no organization may take as its name; a test holds the router's
// global addresses against it.
func Reserved() []string { return slices.Clone(reservedSlugs) }

// ValidateSlug checks the form of a name that somebody chose.
func ValidateSlug(slug string) error {
	if len(slug) < 2 || len(slug) > 63 || !slugPattern.MatchString(slug) {
		return ErrSlugInvalid
	}
	if slices.Contains(reservedSlugs, slug) {
		return ErrSlugReserved
	}
	return nil
}
