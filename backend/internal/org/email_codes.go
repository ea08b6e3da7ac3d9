package org

import "github.com/clavex/clavex/backend/internal/fault"

// EmailCodes says whether a code of a mail is a second factor.
type EmailCodes string

// The policies of codes by mail.
const (
	EmailCodesOff EmailCodes = "off"
	EmailCodesOn  EmailCodes = "on" // of people with a verified address who have neither app nor passkey
)

// EmailCodePolicy is whether a code of a mail is a second factor; it is not unless the organization switched it on: a mailbox is
// often open where the password is kept, and a code of a mail can be phished.
func (p Policies) EmailCodePolicy() EmailCodes {
	if p.SecondFactorEmailCodes == "" {
		return EmailCodesOff
	}
	return p.SecondFactorEmailCodes
}

// ProvesByMail reports whether a code of a mail is a second factor. Never at the system organization: its people administer
// every other one.
func (o *Organization) ProvesByMail() bool {
	return o.Policies.EmailCodePolicy() == EmailCodesOn && o.Slug != SystemSlug
}

func (o *Organization) validateEmailCodes() error {
	invalid := func(message string) error {
		return fault.New(fault.Invalid, "second_factor_email_codes_invalid", message).WithField("policies.second_factor_email_codes")
	}
	switch policy := o.Policies.EmailCodePolicy(); {
	case policy != EmailCodesOff && policy != EmailCodesOn:
		return invalid("Choose on or off.")
	case policy == EmailCodesOn && o.Slug == SystemSlug:
		return invalid("A mailbox is no second factor at the organization of the platform's administrators.")
	}
	return nil
}
