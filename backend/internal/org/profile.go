package org

import (
	"slices"
	"strings"
)

// Profile names a set of rules that tightens or loosens what clients must do. An organization has one, and a
// client may have another; package oauth knows what each demands.
type Profile string

// The profiles.
const (
	ProfileOAuth21    Profile = "oauth2.1"    // the default: code flow with PKCE for everybody
	ProfileOIDCLegacy Profile = "oidc-legacy" // also implicit and hybrid flows, and PKCE optional for confidential clients

	ProfileFAPI2Security       Profile = "fapi2-security"        // FAPI 2.0 Security Profile, final
	ProfileFAPI2MessageSigning Profile = "fapi2-message-signing" // and FAPI 2.0 Message Signing, final: signed requests and answers
	ProfileFAPICIBA            Profile = "fapi-ciba"             // FAPI CIBA, implementer's draft 1: signed requests through the back channel
)

var profiles = []Profile{ProfileOAuth21, ProfileOIDCLegacy, ProfileFAPI2Security, ProfileFAPI2MessageSigning, ProfileFAPICIBA}

// Profiles lists the profiles that exist.
func Profiles() []Profile { return slices.Clone(profiles) }

// ProfileNames is the list of profiles for messages.
func ProfileNames() string {
	names := make([]string, len(profiles))
	for i, profile := range profiles {
		names[i] = string(profile)
	}
	return strings.Join(names, ", ")
}

// ProfileName is the organization's profile; oauth2.1 unless it chose another.
func (p Policies) ProfileName() Profile {
	if p.Profile == "" {
		return ProfileOAuth21
	}
	return p.Profile
}
