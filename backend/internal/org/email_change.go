package org

import "github.com/clavex/clavex/backend/internal/fault"

// EmailChange says whether people change the e-mail address of their account themselves.
type EmailChange string

// The policies of changing addresses.
const (
	EmailChangeOpen   EmailChange = "open"   // whoever proves the other address
	EmailChangeClosed EmailChange = "closed" // administrators change them
)

// EmailChangePolicy is whether people change their addresses themselves; they do unless the organization closed it.
func (p Policies) EmailChangePolicy() EmailChange {
	if p.EmailChange == "" {
		return EmailChangeOpen
	}
	return p.EmailChange
}

func (p Policies) validateEmailChange() error {
	switch p.EmailChangePolicy() {
	case EmailChangeOpen, EmailChangeClosed:
		return nil
	}
	return fault.New(fault.Invalid, "email_change_invalid", "Choose open or closed.").WithField("policies.email_change")
}
