package org

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/jose"
)

// Registration says who may register clients without an administrator (RFC 7591).
type Registration string

// The registration policies.
const (
	RegistrationClosed   Registration = "closed"
	RegistrationLoopback Registration = "loopback" // open, for redirect URIs on the developer's own machine
	RegistrationOpen     Registration = "open"
	RegistrationByToken  Registration = "initial_access_token" // whoever has a token that an administrator issued
)

// RegistrationPolicy is who may register clients; closed unless the organization opened it.
func (p Policies) RegistrationPolicy() Registration {
	if p.Registration == "" {
		return RegistrationClosed
	}
	return p.Registration
}

// RegistrationRules bound what clients may say of themselves when they register. Zero sets no bound beyond those of
// package registration.
type RegistrationRules struct {
	RedirectHosts []string `json:"redirect_hosts,omitempty"` // app.example.com, or *.example.com for every host below
	Scopes        []string `json:"scopes,omitempty"`         // empty: those of OpenID Connect
	GrantTypes    []string `json:"grant_types,omitempty"`    // empty: those by which people sign in
	// SoftwareStatementIssuers are whose software statements are believed (RFC 7591 §2.3).
	SoftwareStatementIssuers []SoftwareStatementIssuer `json:"software_statement_issuers,omitempty"`
}

// SoftwareStatementIssuer is somebody who vouches for software, with the keys that sign for it.
type SoftwareStatementIssuer struct {
	Issuer  string          `json:"issuer"`
	JWKS    json.RawMessage `json:"jwks,omitempty"` // a JWK set; exactly one of it and JWKSURI
	JWKSURI string          `json:"jwks_uri,omitempty"`
}

// AllowsHost reports whether redirect URIs may lead to the host.
func (r RegistrationRules) AllowsHost(host string) bool {
	host = strings.ToLower(host)
	return len(r.RedirectHosts) == 0 || slices.ContainsFunc(r.RedirectHosts, func(allowed string) bool {
		domain, below := strings.CutPrefix(allowed, "*")
		return host == allowed || below && strings.HasSuffix(host, domain)
	})
}

// Bounds of the rules.
const (
	maximumRules        = 50
	maximumIssuers      = 20
	maximumIssuerJWKS   = 32 << 10
	maximumAddressBytes = 2000
)

var (
	hostPattern  = regexp.MustCompile(`^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
	scopePattern = regexp.MustCompile(`^[\x21\x23-\x5b\x5d-\x7e]{1,200}$`)
	grantTypes   = []string{"authorization_code", "implicit", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code"}
)

func (r RegistrationRules) validate() error {
	invalid := func(field, message string) error {
		return fault.New(fault.Invalid, "registration_rules_invalid", message).WithField("policies.registration_rules." + field)
	}
	if len(r.RedirectHosts) > maximumRules || len(r.Scopes) > maximumRules || len(r.SoftwareStatementIssuers) > maximumIssuers {
		return invalid("redirect_hosts", "A list has at most 50 entries, that of issuers 20.")
	}
	for _, host := range r.RedirectHosts {
		if len(host) > 253 || !hostPattern.MatchString(host) {
			return invalid("redirect_hosts", "Write a host in lower case, such as app.example.com, or *.example.com for every host below.")
		}
	}
	for _, scope := range r.Scopes {
		if !scopePattern.MatchString(scope) || strings.HasPrefix(scope, "admin:") {
			return invalid("scopes", "A scope consists of visible ASCII characters; those that begin with admin: are given by administrators only.")
		}
	}
	for _, grantType := range r.GrantTypes {
		if !slices.Contains(grantTypes, grantType) {
			return invalid("grant_types", "Choose among "+strings.Join(grantTypes, ", ")+".")
		}
	}
	for i, issuer := range r.SoftwareStatementIssuers {
		if slices.ContainsFunc(r.SoftwareStatementIssuers[:i], func(other SoftwareStatementIssuer) bool { return other.Issuer == issuer.Issuer }) {
			return invalid(issuerField(i, "issuer"), "Name each issuer once.")
		}
		if part, problem := issuer.problem(); problem != "" {
			return invalid(issuerField(i, part), problem)
		}
	}
	return nil
}

func issuerField(i int, part string) string {
	return fmt.Sprintf("software_statement_issuers[%d].%s", i, part)
}

// problem says which part of the issuer is wrong, and what with it.
func (i SoftwareStatementIssuer) problem() (part, problem string) {
	if i.Issuer == "" || len(i.Issuer) > maximumAddressBytes || strings.ContainsFunc(i.Issuer, isControl) {
		return "issuer", "An issuer is the text that stands in iss."
	}
	if part, problem = keysProblem(i.JWKS, i.JWKSURI); problem != "" {
		return part, "Of an issuer: " + problem
	}
	return "", ""
}

// keysProblem says which part of the keys of somebody elsewhere is wrong, and what with it.
func keysProblem(jwks json.RawMessage, jwksURI string) (part, problem string) {
	if (len(jwks) > 0) == (jwksURI != "") || len(jwks) > maximumIssuerJWKS {
		return "jwks", "Give either jwks or jwks_uri."
	}
	if jwksURI != "" {
		if address, err := url.Parse(jwksURI); err != nil || address.Scheme != "https" || address.Host == "" || address.User != nil || len(jwksURI) > maximumAddressBytes {
			return "jwks_uri", "The jwks_uri is an https address."
		}
		return "", ""
	}
	if set, err := jose.ParseKeySet(jwks); err != nil || set.Len() == 0 || strings.Contains(string(jwks), `\u0000`) {
		return "jwks", "The jwks is a set of public keys with at least one that signs."
	}
	return "", ""
}
