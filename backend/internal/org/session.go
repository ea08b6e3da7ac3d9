package org

import "github.com/clavex/clavex/backend/internal/fault"

// SessionPolicies are further rules of sessions.
type SessionPolicies struct {
	// SessionsPerPerson is in how many browsers a person is signed in at the same time; 0: in as many as they like.
	SessionsPerPerson int `json:"sessions_per_person,omitempty"`
}

// MaximumSessionsPerPerson is the highest limit of SessionsPerPerson.
const MaximumSessionsPerPerson = 100

func (p SessionPolicies) validateSessions() error {
	if p.SessionsPerPerson < 0 || p.SessionsPerPerson > MaximumSessionsPerPerson {
		return fault.Newf(fault.Invalid, "sessions_per_person_invalid", "Choose a number from 0 to %d; 0 sets no limit.", MaximumSessionsPerPerson).WithField("policies.sessions_per_person")
	}
	return nil
}
