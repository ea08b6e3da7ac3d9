package org

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// AccessTokenFormat is the form of access tokens.
type AccessTokenFormat string

// The forms.
const (
	JWTAccessToken    AccessTokenFormat = "jwt"    // RFC 9068: resource servers read it themselves
	OpaqueAccessToken AccessTokenFormat = "opaque" // nobody but us reads it: resource servers ask (RFC 7662)
)

// RefreshTokenRotation says what a use does to a refresh token.
type RefreshTokenRotation string

// What a use does.
const (
	RotateRefreshTokens RefreshTokenRotation = "rotate" // it is replaced, and worth nothing after the grace window
	KeepRefreshTokens   RefreshTokenRotation = "keep"   // it stays, for clients that prove who they are
)

// DefaultRefreshTokenGrace is how long a refresh token that was replaced is answered with the same successor.
const DefaultRefreshTokenGrace = 30 * time.Second

const (
	maximumGraceSeconds     = 300
	maximumTokenClaims      = 50
	maximumDefaultResources = 20
	maximumResourceBytes    = 2000
)

// TokenPolicy says what tokens look like and how they are renewed. Organizations have one, clients may differ in single
// members. The zero value of a member leaves it to whoever is asked next: the organization, then the default.
type TokenPolicy struct {
	AccessTokenFormat AccessTokenFormat `json:"access_token_format,omitempty"`
	// AccessTokenClaims are the claims about the person that access tokens contain, as far as a granted scope stands for
	// them. Empty but not nil: none.
	AccessTokenClaims []string `json:"access_token_claims,omitzero"`
	// RefreshTokenRotation "keep" holds only for tokens that somebody has to prove something for: a public client's bearer
	// refresh tokens are always replaced (OAuth 2.1 §4.3.1).
	RefreshTokenRotation     RefreshTokenRotation `json:"refresh_token_rotation,omitempty"`
	RefreshTokenGraceSeconds *int                 `json:"refresh_token_grace_seconds,omitempty"` // 0: the first use alone counts
	// DefaultResources are the resource servers that a token is for when a request names none (RFC 8707 §2), beside the
	// issuer where userinfo must work. Empty but not nil: the issuer only.
	DefaultResources []string `json:"default_resources,omitzero"`
}

// Format is the form of access tokens.
func (p TokenPolicy) Format() AccessTokenFormat {
	if p.AccessTokenFormat == "" {
		return JWTAccessToken
	}
	return p.AccessTokenFormat
}

// Rotation says what a use does to a refresh token.
func (p TokenPolicy) Rotation() RefreshTokenRotation {
	if p.RefreshTokenRotation == "" {
		return RotateRefreshTokens
	}
	return p.RefreshTokenRotation
}

// Grace is how long a refresh token that was replaced is answered with the same successor.
func (p TokenPolicy) Grace() time.Duration {
	if p.RefreshTokenGraceSeconds == nil {
		return DefaultRefreshTokenGrace
	}
	return time.Duration(*p.RefreshTokenGraceSeconds) * time.Second
}

// Or fills the members that the policy leaves open with those of another.
func (p TokenPolicy) Or(otherwise TokenPolicy) TokenPolicy {
	if p.AccessTokenFormat == "" {
		p.AccessTokenFormat = otherwise.AccessTokenFormat
	}
	if p.AccessTokenClaims == nil {
		p.AccessTokenClaims = otherwise.AccessTokenClaims
	}
	if p.RefreshTokenRotation == "" {
		p.RefreshTokenRotation = otherwise.RefreshTokenRotation
	}
	if p.RefreshTokenGraceSeconds == nil {
		p.RefreshTokenGraceSeconds = otherwise.RefreshTokenGraceSeconds
	}
	if p.DefaultResources == nil {
		p.DefaultResources = otherwise.DefaultResources
	}
	return p
}

// Problem says what is wrong with the policy: the member and a sentence; empty when nothing is.
func (p TokenPolicy) Problem() (member, problem string) {
	switch {
	case p.Format() != JWTAccessToken && p.Format() != OpaqueAccessToken:
		return "access_token_format", "Choose jwt or opaque."
	case p.Rotation() != RotateRefreshTokens && p.Rotation() != KeepRefreshTokens:
		return "refresh_token_rotation", "Choose rotate or keep."
	case p.Grace() < 0 || p.Grace() > maximumGraceSeconds*time.Second:
		return "refresh_token_grace_seconds", fmt.Sprintf("Choose between 0 and %d seconds.", maximumGraceSeconds)
	case len(p.AccessTokenClaims) > maximumTokenClaims || repeated(p.AccessTokenClaims):
		return "access_token_claims", fmt.Sprintf("Name at most %d claims, each once.", maximumTokenClaims)
	case len(p.DefaultResources) > maximumDefaultResources || repeated(p.DefaultResources):
		return "default_resources", fmt.Sprintf("Name at most %d resource servers, each once.", maximumDefaultResources)
	}
	for _, claim := range p.AccessTokenClaims {
		if !claimPattern.MatchString(claim) || slices.Contains(protocolClaims, claim) {
			return "access_token_claims", "The claim " + claim + " is not one about a person."
		}
	}
	for _, uri := range p.DefaultResources {
		if uri == "" || len(uri) > maximumResourceBytes || strings.ContainsFunc(uri, func(r rune) bool { return r < '!' || r > '~' }) {
			return "default_resources", "Name resource servers by their identifiers, which are URIs."
		}
	}
	return "", ""
}

func repeated(values []string) bool {
	sorted := slices.Sorted(slices.Values(values))
	return len(slices.Compact(sorted)) != len(values)
}
