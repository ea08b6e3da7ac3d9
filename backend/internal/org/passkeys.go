package org

import "github.com/clavex/clavex/backend/internal/fault"

// Passkeys says whether people sign in with passkeys.
type Passkeys string

// The policies of passkeys.
const (
	PasskeysOn  Passkeys = "on"
	PasskeysOff Passkeys = "off" // nobody makes one, and those that exist do not sign in
)

// PasskeyPolicy is whether people sign in with passkeys; they do unless the organization switched that off.
func (p Policies) PasskeyPolicy() Passkeys {
	if p.Passkeys == "" {
		return PasskeysOn
	}
	return p.Passkeys
}

func (o *Organization) validatePasskeys() error {
	if policy := o.Policies.PasskeyPolicy(); policy != PasskeysOn && policy != PasskeysOff {
		return fault.New(fault.Invalid, "passkeys_invalid", "Choose on or off.").WithField("policies.passkeys")
	}
	return nil
}
