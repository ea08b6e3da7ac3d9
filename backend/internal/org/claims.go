package org

import (
	"fmt"
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
	"s_hash", "sid", "cnf", "client_id", "scope", "gid", "act", "may_act", "events", "toe", "txn", "_claim_names", "_claim_sources"}

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

// validateClaims says what is wrong with the definitions of scopes and claims: the field and a sentence, empty
// when nothing is.
func (p Policies) validateClaims() (field, problem string) {
	if len(p.Claims) > maximumClaims || len(p.Scopes) > maximumScopes {
		return "policies.claims", fmt.Sprintf("Define at most %d claims and %d scopes.", maximumClaims, maximumScopes)
	}
	known := slices.Concat(standardClaims["profile"], standardClaims["email"], standardClaims["address"], standardClaims["phone"])
	for _, claim := range p.Claims {
		switch {
		case !claimPattern.MatchString(claim.Name) || !attributePattern.MatchString(claim.Attribute):
			return "policies.claims", "A claim has a name of visible ASCII characters and an attribute it is made of."
		case slices.Contains(protocolClaims, claim.Name):
			return "policies.claims", "The claim " + claim.Name + " has a meaning in tokens already. Choose another name."
		case slices.Contains(known, claim.Name):
			return "policies.claims", "The claim " + claim.Name + " is there already."
		}
		known = append(known, claim.Name)
	}
	var names []string
	for _, scope := range p.Scopes {
		switch {
		case !scopePattern.MatchString(scope.Name) || strings.HasPrefix(scope.Name, "admin:") || scope.Name == "openid" || scope.Name == "offline_access":
			return "policies.scopes", "A scope has a name of visible ASCII characters without quotes and backslashes; openid, offline_access and admin: are taken."
		case slices.Contains(names, scope.Name):
			return "policies.scopes", "The scope " + scope.Name + " is defined twice."
		}
		names = append(names, scope.Name)
		for _, claim := range scope.Claims {
			if !slices.Contains(known, claim) {
				return "policies.scopes", "The scope " + scope.Name + " names the claim " + claim + ", which is not defined."
			}
		}
		for language, words := range scope.Description {
			if !localePattern.MatchString(language) || len([]rune(words)) > maximumDescription || strings.ContainsFunc(words, isControl) {
				return "policies.scopes", fmt.Sprintf("A description has at most %d characters on one line, under a language tag such as de.", maximumDescription)
			}
		}
	}
	return "", ""
}

// StandardClaims lists the claims of OpenID Connect Core 1.0 §5.1 but sub, in the order of its scopes.
func StandardClaims() []string {
	return slices.Concat(standardClaims["profile"], standardClaims["email"], standardClaims["address"], standardClaims["phone"])
}
