package org

import (
	"fmt"
	"time"

	"github.com/clavex/clavex/backend/internal/fault"
)

// SessionPolicies are further rules of sessions.
type SessionPolicies struct {
	// SessionsPerPerson is in how many browsers a person is signed in at the same time; 0: in as many as they like.
	SessionsPerPerson int `json:"sessions_per_person,omitempty"`
	// RememberMe says whether people may stay signed in beyond the browser's own session, and for longer.
	RememberMe                       RememberMe     `json:"remember_me,omitempty"`
	RememberedSessionIdleSeconds     int            `json:"remembered_session_idle_seconds,omitempty"`
	RememberedSessionAbsoluteSeconds int            `json:"remembered_session_absolute_seconds,omitempty"`
	SessionBinding                   SessionBinding `json:"session_binding,omitempty"`
}

// MaximumSessionsPerPerson is the highest limit of SessionsPerPerson.
const MaximumSessionsPerPerson = 100

// RememberMe says whether people may stay signed in.
type RememberMe string

// The policies of staying signed in.
const (
	RememberMeOff     RememberMe = "off"
	RememberMeOffered RememberMe = "offered" // by a box of the sign-in forms
)

// SessionBinding says to what a session is bound besides its token.
type SessionBinding string

// The policies of what sessions are bound to.
const (
	SessionBindingBrowser SessionBinding = "browser" // to the kind of browser and system that it began in
	SessionBindingOff     SessionBinding = "off"
)

// Defaults of sessions whose people stay signed in.
const (
	DefaultRememberedSessionIdle     = 14 * 24 * time.Hour
	DefaultRememberedSessionAbsolute = 30 * 24 * time.Hour
)

// RememberMePolicy is whether people may stay signed in; they may not unless the organization offers it.
func (p SessionPolicies) RememberMePolicy() RememberMe {
	if p.RememberMe == "" {
		return RememberMeOff
	}
	return p.RememberMe
}

// OffersRememberMe reports whether people may stay signed in.
func (p SessionPolicies) OffersRememberMe() bool { return p.RememberMePolicy() == RememberMeOffered }

// SessionBindingPolicy is to what sessions are bound; to the kind of browser unless the organization says otherwise.
func (p SessionPolicies) SessionBindingPolicy() SessionBinding {
	if p.SessionBinding == "" {
		return SessionBindingBrowser
	}
	return p.SessionBinding
}

// BindsSessions reports whether a session is bound to the kind of browser that it began in.
func (p SessionPolicies) BindsSessions() bool {
	return p.SessionBindingPolicy() == SessionBindingBrowser
}

// RememberedSessionIdle is how long the session of somebody who stays signed in lives without being used.
func (p SessionPolicies) RememberedSessionIdle() time.Duration {
	return seconds(p.RememberedSessionIdleSeconds, min(DefaultRememberedSessionIdle, p.RememberedSessionAbsolute()))
}

// RememberedSessionAbsolute is how long such a session lives at most.
func (p SessionPolicies) RememberedSessionAbsolute() time.Duration {
	return seconds(p.RememberedSessionAbsoluteSeconds, max(DefaultRememberedSessionAbsolute, time.Duration(p.RememberedSessionIdleSeconds)*time.Second))
}

// IdleOf is how long a session lives without being used, by whether its person stays signed in: never shorter than others.
func (p Policies) IdleOf(persistent bool) time.Duration {
	if persistent && p.OffersRememberMe() {
		return max(p.RememberedSessionIdle(), p.SessionIdle())
	}
	return p.SessionIdle()
}

// AbsoluteOf is IdleOf for how long a session lives at most.
func (p Policies) AbsoluteOf(persistent bool) time.Duration {
	if persistent && p.OffersRememberMe() {
		return max(p.RememberedSessionAbsolute(), p.SessionAbsolute())
	}
	return p.SessionAbsolute()
}

func (p SessionPolicies) validateSessions() error {
	invalid := func(field, code, message string) error {
		return fault.New(fault.Invalid, code, message).WithField("policies." + field)
	}
	const shortest, longest = 300, 31_536_000
	if p.SessionsPerPerson < 0 || p.SessionsPerPerson > MaximumSessionsPerPerson {
		return invalid("sessions_per_person", "sessions_per_person_invalid", fmt.Sprintf("Choose a number from 0 to %d; 0 sets no limit.", MaximumSessionsPerPerson))
	}
	if policy := p.RememberMePolicy(); policy != RememberMeOff && policy != RememberMeOffered {
		return invalid("remember_me", "remember_me_invalid", "Choose off or offered.")
	}
	if policy := p.SessionBindingPolicy(); policy != SessionBindingOff && policy != SessionBindingBrowser {
		return invalid("session_binding", "session_binding_invalid", "Choose off or browser.")
	}
	if s := p.RememberedSessionIdleSeconds; s != 0 && (s < shortest || s > longest) {
		return invalid("remembered_session_idle_seconds", "lifetime_invalid", fmt.Sprintf("Choose between %d and %d seconds.", shortest, longest))
	}
	if s := p.RememberedSessionAbsoluteSeconds; s != 0 && (s < shortest || s > longest) {
		return invalid("remembered_session_absolute_seconds", "lifetime_invalid", fmt.Sprintf("Choose between %d and %d seconds.", shortest, longest))
	}
	if p.RememberedSessionIdle() > p.RememberedSessionAbsolute() {
		return invalid("remembered_session_idle_seconds", "lifetime_invalid", "A session cannot be idle for longer than it may live.")
	}
	return nil
}
