package org

import "github.com/clavex/clavex/backend/internal/fault"

// SecondFactor says whether people prove themselves by more than one factor.
type SecondFactor string

// The policies of second factors.
const (
	SecondFactorOff      SecondFactor = "off"      // nobody is asked for one, whoever has one
	SecondFactorOptional SecondFactor = "optional" // whoever has one is asked for it
	SecondFactorRequired SecondFactor = "required" // everybody has one; who has none adds it while signing in
)

// SecondFactorPolicy is whether people prove themselves by more than one factor; as they like unless the organization
// says otherwise.
func (p Policies) SecondFactorPolicy() SecondFactor {
	if p.SecondFactor == "" {
		return SecondFactorOptional
	}
	return p.SecondFactor
}

func (p Policies) validateSecondFactor() error {
	switch p.SecondFactorPolicy() {
	case SecondFactorOff, SecondFactorOptional, SecondFactorRequired:
		return nil
	}
	return fault.New(fault.Invalid, "second_factor_invalid", "Choose off, optional or required.").WithField("policies.second_factor")
}
