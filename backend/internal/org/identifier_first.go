package org

import "github.com/clavex/clavex/backend/internal/fault"

// IdentifierFirst says whether the sign-in page asks for the identifier first, and on a second page for the proof.
type IdentifierFirst string

// The policies of asking for the identifier first.
const (
	IdentifierFirstOff IdentifierFirst = "off" // one form with both fields
	IdentifierFirstOn  IdentifierFirst = "on"  // two pages; the second shows first by what the person signs in best
)

// IdentifierFirstPolicy is whether the identifier is asked for first; it is not unless the organization switched that on.
func (p Policies) IdentifierFirstPolicy() IdentifierFirst {
	if p.IdentifierFirst == "" {
		return IdentifierFirstOff
	}
	return p.IdentifierFirst
}

// AsksIdentifierFirst reports whether the sign-in page asks for the identifier first.
func (o *Organization) AsksIdentifierFirst() bool {
	return o.Policies.IdentifierFirstPolicy() == IdentifierFirstOn
}

func (p Policies) validateIdentifierFirst() error {
	switch p.IdentifierFirstPolicy() {
	case IdentifierFirstOff, IdentifierFirstOn:
		return nil
	}
	return fault.New(fault.Invalid, "identifier_first_invalid", "Choose on or off.").WithField("policies.identifier_first")
}
