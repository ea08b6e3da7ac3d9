package org

import (
	"time"

	"github.com/clavex/clavex/backend/internal/fault"
)

// Bounds of how long an invitation works, in days.
const (
	DefaultInvitationDays = 7
	MostInvitationDays    = 30
)

// InvitationLifetime is how long the link of an invitation works.
func (p Policies) InvitationLifetime() time.Duration {
	return time.Duration(p.InvitationDays()) * 24 * time.Hour
}

// InvitationDays is how many days the link of an invitation works: a week unless the organization says otherwise.
func (p Policies) InvitationDays() int {
	if p.InvitationLifetimeDays == 0 {
		return DefaultInvitationDays
	}
	return p.InvitationLifetimeDays
}

func (p Policies) validateInvitations() error {
	if days := p.InvitationDays(); days < 1 || days > MostInvitationDays {
		return fault.Newf(fault.Invalid, "invitation_lifetime_days_invalid", "Choose a number from 1 to %d.", MostInvitationDays).WithField("policies.invitation_lifetime_days")
	}
	return nil
}
