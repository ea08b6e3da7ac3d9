package org

import (
	"slices"
	"strings"

	"github.com/clavex/clavex/backend/internal/fault"
)

// SignUp says whether people make their accounts themselves.
type SignUp string

// The policies of signing up.
const (
	SignUpClosed SignUp = "closed" // administrators make the accounts
	SignUpOpen   SignUp = "open"   // whoever proves an e-mail address
)

// Recovery says what people can do who forgot their password.
type Recovery string

// The policies of forgotten passwords.
const (
	RecoveryByMail Recovery = "mail"   // whoever reads the mail of the account chooses another one
	RecoveryClosed Recovery = "closed" // administrators make links
)

// RecoversByMail reports whether whoever reads a person's mail may choose their password. Never at the system
// organization: one mailbox would open every organization.
func (o *Organization) RecoversByMail() bool {
	return o.Policies.RecoveryPolicy() == RecoveryByMail && o.Slug != SystemSlug
}

// RecoveryPolicy is what people can do who forgot their password; by mail unless the organization closed it.
func (p Policies) RecoveryPolicy() Recovery {
	if p.PasswordRecovery == "" {
		return RecoveryByMail
	}
	return p.PasswordRecovery
}

// Bounds of what an organization may demand of the length of passwords, in characters: no less than SP 800-63B-4 §3.1.1.2
// asks for beside a second factor, no more than people can be expected to type.
const (
	LeastPasswordMinimum = 8
	MostPasswordMinimum  = 64
)

// PasswordMinimum is how many characters a new password has at least.
func (p Policies) PasswordMinimum() int {
	return max(p.PasswordMinimumLength, LeastPasswordMinimum)
}

// ErrSignUpNeedsMail is the answer to opening sign-up where nobody could prove an address.
var ErrSignUpNeedsMail = fault.New(fault.Invalid, "mail_not_configured", "Nobody can sign up before mail is sent: set mail_host in the configuration, or enter a mail server of the organization, first.").
	WithField("policies.sign_up")

// SignUpPolicy is whether people make their accounts themselves; closed unless the organization opened it.
func (p Policies) SignUpPolicy() SignUp {
	if p.SignUp == "" {
		return SignUpClosed
	}
	return p.SignUp
}

// SignUpAllows reports whether an e-mail address may be signed up with.
func (p Policies) SignUpAllows(address string) bool {
	domain := strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
	return len(p.SignUpEmailDomains) == 0 || slices.ContainsFunc(p.SignUpEmailDomains, func(allowed string) bool {
		below, wild := strings.CutPrefix(allowed, "*")
		return domain == allowed || wild && strings.HasSuffix(domain, below)
	})
}

func (o *Organization) validateSignUp() error {
	p := o.Policies
	switch policy := p.SignUpPolicy(); {
	case policy != SignUpClosed && policy != SignUpOpen:
		return fault.New(fault.Invalid, "sign_up_invalid", "Choose closed or open.").WithField("policies.sign_up")
	case p.RecoveryPolicy() != RecoveryByMail && p.RecoveryPolicy() != RecoveryClosed:
		return fault.New(fault.Invalid, "password_recovery_invalid", "Choose mail or closed.").WithField("policies.password_recovery")
	case p.PasswordMinimumLength != 0 && (p.PasswordMinimumLength < LeastPasswordMinimum || p.PasswordMinimumLength > MostPasswordMinimum):
		return fault.Newf(fault.Invalid, "password_minimum_length_invalid", "Choose a number from %d to %d.", LeastPasswordMinimum, MostPasswordMinimum).
			WithField("policies.password_minimum_length")
	case policy == SignUpOpen && o.Slug == SystemSlug:
		return fault.New(fault.Invalid, "sign_up_invalid", "Nobody signs up at the organization of the platform's administrators.").WithField("policies.sign_up")
	case len(p.SignUpEmailDomains) > maximumRules:
		return fault.New(fault.Invalid, "sign_up_invalid", "A list has at most 50 domains.").WithField("policies.sign_up_email_domains")
	}
	for _, domain := range p.SignUpEmailDomains {
		if len(domain) > 253 || !hostPattern.MatchString(domain) {
			return fault.New(fault.Invalid, "sign_up_invalid", "Write a domain in lower case, such as acme.example, or *.acme.example for every domain below.").
				WithField("policies.sign_up_email_domains")
		}
	}
	return nil
}
