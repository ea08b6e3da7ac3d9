package org

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Draft names a version of a specification that is not settled. What it says exists only where an organization takes part
// in that very version, and may change with the next release.
type Draft string

// The drafts of this release.
const (
	// DraftIdentityAssertionGrant is the Identity Assertion JWT Authorization Grant of 22 April 2026.
	DraftIdentityAssertionGrant Draft = "draft-ietf-oauth-identity-assertion-authz-grant-03"
	// DraftClientAttestation is OAuth 2.0 Attestation-Based Client Authentication of 6 July 2026.
	DraftClientAttestation Draft = "draft-ietf-oauth-attestation-based-client-auth-10"
)

// Drafts lists those that an organization may take part in.
func Drafts() []Draft { return []Draft{DraftIdentityAssertionGrant, DraftClientAttestation} }

// Follows reports whether the organization takes part in the draft.
func (p Policies) Follows(draft Draft) bool { return slices.Contains(p.Drafts, draft) }

// ClientAttester is somebody who attests instances of clients, with the keys that sign for it.
type ClientAttester struct {
	Name    string          `json:"name"`
	JWKS    json.RawMessage `json:"jwks,omitempty"` // a JWK set; exactly one of it and JWKSURI
	JWKSURI string          `json:"jwks_uri,omitempty"`
}

const maximumAttesters = 20

// validateDrafts names the first offending member and says what is wrong with it; "" when nothing is.
func (p Policies) validateDrafts() (field, problem string) {
	for i, draft := range p.Drafts {
		if !slices.Contains(Drafts(), draft) || slices.Contains(p.Drafts[:i], draft) {
			return "policies.drafts", fmt.Sprintf("Name each draft once, of %s and %s.", DraftIdentityAssertionGrant, DraftClientAttestation)
		}
	}
	if len(p.ClientAttesters) > maximumAttesters {
		return "policies.client_attesters", fmt.Sprintf("Name at most %d attesters.", maximumAttesters)
	}
	for i, attester := range p.ClientAttesters {
		at := fmt.Sprintf("policies.client_attesters[%d].", i)
		if n := len([]rune(attester.Name)); n < 1 || n > 200 || strings.ContainsFunc(attester.Name, isControl) {
			return at + "name", "A name has 1 to 200 characters on one line."
		}
		if part, problem := keysProblem(attester.JWKS, attester.JWKSURI); problem != "" {
			return at + part, problem
		}
	}
	return "", ""
}
