package org

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// ScopeDefinition says which claims a scope stands for: a scope of the organization's own, or one of OpenID
// Connect (Core 1.0 §5.4) with other claims than the specification's.
type ScopeDefinition struct {
	Name        string            `json:"name"`
	Claims      []string          `json:"claims,omitempty"`
	Description map[string]string `json:"description,omitempty"` // by language: what the consent page says
}

// ClaimDefinition makes a claim of an attribute of people.
type ClaimDefinition struct {
	Name      string `json:"name"`
	Attribute string `json:"attribute"`
}

const (
	maximumScopes      = 50
	maximumClaims      = 100
	maximumDescription = 200 // characters
)

// standardClaims are those about a person (OpenID Connect Core 1.0 §5.1) by the scope that asks for them (§5.4).
var standardClaims = map[string][]string{
	"profile": {"name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
		"gender", "birthdate", "zoneinfo", "locale", "updated_at"},
	"email":   {"email", "email_verified"},
	"address": {"address"},
	"phone":   {"phone_number", "phone_number_verified"},
}

// protocolClaims have a meaning in tokens that no attribute may take.
var protocolClaims = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash",
	"s_hash", "sid", "cnf", "client_id", "scope", "authorization_details", "gid", "gcid", "act", "may_act", "events", "toe", "txn", "_claim_names", "_claim_sources"}

// ClaimsOfScope lists the claims that a scope stands for in this organization.
func (p Policies) ClaimsOfScope(scope string) []string {
	for _, definition := range p.Scopes {
		if definition.Name == scope {
			return definition.Claims
		}
	}
	return standardClaims[scope]
}

// ScopesOfClaim lists the scopes that stand for a claim in this organization, sorted. A claim that no scope stands
// for cannot be asked for: nobody could have consented to it.
func (p Policies) ScopesOfClaim(claim string) []string {
	var found []string
	names := []string{"profile", "email", "address", "phone"}
	for _, definition := range p.Scopes {
		names = append(names, definition.Name)
	}
	for _, name := range names {
		if slices.Contains(p.ClaimsOfScope(name), claim) && !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

// Attribute returns the attribute that a claim of the organization's own is made of, "" when there is no such claim.
func (p Policies) Attribute(claim string) string {
	for _, definition := range p.Claims {
		if definition.Name == claim {
			return definition.Attribute
		}
	}
	return ""
}

// DescribeScope is what the consent page says of a scope, in the first of the languages that the organization
// wrote; "" when it wrote nothing.
func (p Policies) DescribeScope(scope string, languages ...string) string {
	for _, definition := range p.Scopes {
		if definition.Name != scope {
			continue
		}
		for _, language := range append(languages, p.DefaultLocale, "en") {
			if words := definition.Description[language]; words != "" {
				return words
			}
		}
	}
	return ""
}

var (
	claimPattern     = regexp.MustCompile(`^[!-~]{1,200}$`)
	attributePattern = regexp.MustCompile(`^[^\x00-\x1f\x7f]{1,200}$`)
)

// validateClaims says what is wrong with the definitions of scopes and claims: the field, which names the entry by its
// place in the list, and a sentence; empty when nothing is.
func (p Policies) validateClaims() (field, problem string) {
	if len(p.Claims) > maximumClaims || len(p.Scopes) > maximumScopes {
		return "policies.claims", fmt.Sprintf("Define at most %d claims and %d scopes.", maximumClaims, maximumScopes)
	}
	known := StandardClaims()
	for i, claim := range p.Claims {
		part, problem := claim.problem(known)
		if problem != "" {
			return fmt.Sprintf("policies.claims[%d].%s", i, part), problem
		}
		known = append(known, claim.Name)
	}
	var names []string
	for i, scope := range p.Scopes {
		part, problem := scope.problem(names, known)
		if problem != "" {
			return fmt.Sprintf("policies.scopes[%d].%s", i, part), problem
		}
		names = append(names, scope.Name)
	}
	return "", ""
}

// problem says which part of the definition is wrong, and what with it. known are the claims that are taken.
func (c ClaimDefinition) problem(known []string) (part, problem string) {
	switch {
	case !claimPattern.MatchString(c.Name):
		return "name", "A claim has a name of visible ASCII characters."
	case !attributePattern.MatchString(c.Attribute):
		return "attribute", "A claim has an attribute it is made of, in at most 200 bytes."
	case slices.Contains(protocolClaims, c.Name):
		return "name", "The claim " + c.Name + " has a meaning in tokens already. Choose another name."
	case slices.Contains(known, c.Name):
		return "name", "The claim " + c.Name + " is there already."
	}
	return "", ""
}

// problem says which part of the definition is wrong, and what with it. names are the scopes that are taken, known the
// claims that there are.
func (s ScopeDefinition) problem(names, known []string) (part, problem string) {
	switch {
	case !scopePattern.MatchString(s.Name) || strings.HasPrefix(s.Name, "admin:") || s.Name == "openid" || s.Name == "offline_access":
		return "name", "A scope has a name of visible ASCII characters without quotes and backslashes; openid, offline_access and admin: are taken."
	case slices.Contains(names, s.Name):
		return "name", "The scope " + s.Name + " is defined twice."
	}
	for _, claim := range s.Claims {
		if !slices.Contains(known, claim) {
			return "claims", "The scope " + s.Name + " names the claim " + claim + ", which is not defined."
		}
	}
	for _, language := range slices.Sorted(maps.Keys(s.Description)) {
		words := s.Description[language]
		if !localePattern.MatchString(language) || len([]rune(words)) > maximumDescription || strings.ContainsFunc(words, isControl) {
			return "description", fmt.Sprintf("A description has at most %d characters on one line, under a language tag such as de.", maximumDescription)
		}
	}
	return "", ""
}

// StandardClaims lists the claims of OpenID Connect Core 1.0 §5.1 but sub, in the order of its scopes.
func StandardClaims() []string {
	return slices.Concat(standardClaims["profile"], standardClaims["email"], standardClaims["address"], standardClaims["phone"])
}
