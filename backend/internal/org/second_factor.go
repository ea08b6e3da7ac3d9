package org

import (
	"maps"
	"slices"

	"github.com/clavex/clavex/backend/internal/fault"
)

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

// SecondFactors are further rules of second factors.
type SecondFactors struct {
	// SecondFactorRoles are policies for people who have a role, by its name. They demand more than the organization, or
	// nothing.
	SecondFactorRoles map[string]SecondFactor `json:"second_factor_roles,omitempty"`
	// RememberedDeviceDays is for how long people may say that they are not asked again on a device; 0: they may not.
	RememberedDeviceDays int `json:"remembered_device_days,omitempty"`
	// SecondFactorEmailCodes says whether a code of a mail is a second factor of people who have none.
	SecondFactorEmailCodes EmailCodes `json:"second_factor_email_codes,omitempty"`
}

// MaximumRememberedDays is the longest that a device is remembered.
const MaximumRememberedDays = 90

// Strictest is the one of the policies that demands most. "" demands nothing.
func (s SecondFactor) Strictest(others ...SecondFactor) SecondFactor {
	order := []SecondFactor{"", SecondFactorOff, SecondFactorOptional, SecondFactorRequired}
	for _, other := range others {
		if slices.Index(order, other) > slices.Index(order, s) {
			s = other
		}
	}
	return s
}

// Known reports whether it is one of the policies.
func (s SecondFactor) Known() bool {
	return slices.Contains([]SecondFactor{SecondFactorOff, SecondFactorOptional, SecondFactorRequired}, s)
}

// SecondFactorOfRoles is what the roles demand by themselves.
func (p Policies) SecondFactorOfRoles(roles ...string) SecondFactor {
	var policy SecondFactor
	for _, role := range roles {
		policy = policy.Strictest(p.SecondFactorRoles[role])
	}
	return policy
}

// SecondFactorOf is the policy for somebody who has the roles: the strictest of those of the organization and of the roles.
func (p Policies) SecondFactorOf(roles ...string) SecondFactor {
	return p.SecondFactorPolicy().Strictest(p.SecondFactorOfRoles(roles...))
}

// AsksForSecondFactors reports whether anybody is asked for a second factor by the organization's own rules.
func (p Policies) AsksForSecondFactors() bool {
	return p.SecondFactorOf(slices.Collect(maps.Keys(p.SecondFactorRoles))...) != SecondFactorOff
}

func (o *Organization) validateSecondFactor() error {
	p := o.Policies
	if err := o.validateEmailCodes(); err != nil {
		return err
	}
	if !p.SecondFactorPolicy().Known() {
		return fault.New(fault.Invalid, "second_factor_invalid", "Choose off, optional or required.").WithField("policies.second_factor")
	}
	if p.RememberedDeviceDays < 0 || p.RememberedDeviceDays > MaximumRememberedDays {
		return fault.Newf(fault.Invalid, "remembered_device_days_invalid", "Choose a number from 0 to %d.", MaximumRememberedDays).WithField("policies.remembered_device_days")
	}
	for _, policy := range p.SecondFactorRoles {
		if len(p.SecondFactorRoles) > maximumRules || !policy.Known() {
			return fault.New(fault.Invalid, "second_factor_roles_invalid", "Choose off, optional or required for each role.").WithField("policies.second_factor_roles")
		}
	}
	return nil
}
