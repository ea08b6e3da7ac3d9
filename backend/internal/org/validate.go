package org

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/clavex/clavex/backend/internal/fault"
)

var (
	colorPattern  = regexp.MustCompile(`^#[0-9a-f]{6}$`)
	localePattern = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
)

// validate judges what an organization says of itself, all rules together. The fault names the member.
func (o *Organization) validate() error {
	invalid := func(field, code, message string) error {
		return fault.New(fault.Invalid, code, message).WithField(field)
	}
	if n := len([]rune(o.DisplayName)); n < 1 || n > 200 || strings.ContainsFunc(o.DisplayName, isControl) {
		return invalid("display_name", "display_name_invalid", "A display name has 1 to 200 characters on one line.")
	}
	if o.Branding.BrandColor != "" && !colorPattern.MatchString(o.Branding.BrandColor) {
		return invalid("branding.brand_color", "brand_color_invalid", "Write the colour as # and six hexadecimal digits, for example #1d4ed8.")
	}
	p := o.Policies
	for _, bound := range []struct {
		field    string
		value    int
		min, max int
	}{
		{"session_idle_seconds", p.SessionIdleSeconds, 60, 30 * 86400},
		{"session_absolute_seconds", p.SessionAbsoluteSeconds, 300, 90 * 86400},
		{"access_token_lifetime_seconds", p.AccessTokenLifetimeSeconds, 30, 86400},
		{"refresh_token_lifetime_seconds", p.RefreshTokenLifetimeSeconds, 60, 31536000},
	} {
		if bound.value != 0 && (bound.value < bound.min || bound.value > bound.max) {
			return invalid("policies."+bound.field, "lifetime_invalid", fmt.Sprintf("Choose between %d and %d seconds.", bound.min, bound.max))
		}
	}
	if member, problem := p.TokenPolicy.Problem(); problem != "" {
		return invalid("policies.token_policy."+member, "token_policy_invalid", problem)
	}
	if p.SessionIdle() > p.SessionAbsolute() {
		return invalid("policies.session_idle_seconds", "lifetime_invalid", "A session cannot be idle for longer than it may live.")
	}
	switch p.RegistrationPolicy() {
	case RegistrationClosed, RegistrationLoopback, RegistrationOpen, RegistrationByToken:
	default:
		return invalid("policies.registration", "registration_invalid", "Choose closed, loopback, open or initial_access_token.")
	}
	if err := p.RegistrationRules.validate(); err != nil {
		return err
	}
	if err := p.validateClientDocuments(); err != nil {
		return err
	}
	if err := o.validateSignUp(); err != nil {
		return err
	}
	if err := o.validateSecondFactor(); err != nil {
		return err
	}
	if err := o.validateMagicLinks(); err != nil {
		return err
	}
	if err := p.validateIdentifierFirst(); err != nil {
		return err
	}
	if err := p.validateSignInNotices(); err != nil {
		return err
	}
	if err := p.validateProofOfWork(); err != nil {
		return err
	}
	if err := p.validateSessions(); err != nil {
		return err
	}
	if err := p.validateAccountDeletion(); err != nil {
		return err
	}
	if err := p.validateEmailChange(); err != nil {
		return err
	}
	if err := p.validateInvitations(); err != nil {
		return err
	}
	if err := o.validatePasskeys(); err != nil {
		return err
	}
	if err := o.Policies.Attestation.Validate("policies.attestation."); err != nil {
		return err
	}
	if !slices.Contains(profiles, p.ProfileName()) {
		return invalid("policies.profile", "profile_invalid", "Choose one of "+ProfileNames()+".")
	}
	if problem := authoritiesProblem(p.ClientCertificateAuthorities); problem != "" {
		return invalid("policies.client_certificate_authorities", "client_certificate_authorities_invalid", problem)
	}
	if field, problem := p.validateClaims(); problem != "" {
		return invalid(field, "claims_invalid", problem)
	}
	if field, problem := p.validateDetails(); problem != "" {
		return invalid(field, "authorization_details_types_invalid", problem)
	}
	if field, problem := p.validateDrafts(); problem != "" {
		return invalid(field, "drafts_invalid", problem)
	}
	if p.DefaultLocale != "" && !localePattern.MatchString(p.DefaultLocale) {
		return invalid("policies.default_locale", "default_locale_invalid", "Write the language as a BCP 47 tag, for example de or it.")
	}
	return nil
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f || r == 0x2028 || r == 0x2029 }
