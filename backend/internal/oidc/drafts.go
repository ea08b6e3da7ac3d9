package oidc

import (
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
)

// DraftMetadata are the members of specifications that are not settled; only organizations that take part in one have its
// members.
type DraftMetadata struct {
	// Of org.DraftIdentityAssertionGrant §6, the first as draft-ietf-oauth-identity-chaining defines it.
	IdentityChainingTokenTypesSupported []string `json:"identity_chaining_requested_token_types_supported,omitempty"`
	AuthorizationGrantProfilesSupported []string `json:"authorization_grant_profiles_supported,omitempty"`
	// Of org.DraftClientAttestation §7.
	ClientAttestationAlgSupported      []string `json:"client_attestation_signing_alg_values_supported,omitempty"`
	ClientAttestationProofAlgSupported []string `json:"client_attestation_pop_signing_alg_values_supported,omitempty"`
	ChallengeEndpoint                  string   `json:"challenge_endpoint,omitempty"`
}

func (d *Documents) draftMetadata(organization *org.Organization) (metadata DraftMetadata) {
	if organization.Policies.Follows(org.DraftIdentityAssertionGrant) {
		metadata.IdentityChainingTokenTypesSupported = []string{"urn:ietf:params:oauth:token-type:id-jag"}
		metadata.AuthorizationGrantProfilesSupported = []string{"urn:ietf:params:oauth:grant-profile:id-jag"}
	}
	if organization.Policies.Follows(org.DraftClientAttestation) {
		metadata.ClientAttestationAlgSupported = oauth.ProfileFor(organization).ProofAlgorithms()
		metadata.ClientAttestationProofAlgSupported = metadata.ClientAttestationAlgSupported
	}
	if oauth.OffersChallenges(organization) {
		metadata.ChallengeEndpoint = d.issuers.Endpoint(organization, "challenge")
	}
	return metadata
}
