package org

import "github.com/clavex/clavex/backend/internal/fault"

// SignInNotices says whether people are told of sign-ins that are new to their account.
type SignInNotices string

// The policies of notices about sign-ins.
const (
	SignInNoticesOn  SignInNotices = "on"  // by mail, when browser or country are new to the account
	SignInNoticesOff SignInNotices = "off" // the audit log alone says so
)

// SignInNoticePolicy is whether people are told; they are unless the organization says otherwise.
func (p Policies) SignInNoticePolicy() SignInNotices {
	if p.SignInNotices == "" {
		return SignInNoticesOn
	}
	return p.SignInNotices
}

// TellsSignIns reports whether people are told of sign-ins that are new to their account.
func (p Policies) TellsSignIns() bool { return p.SignInNoticePolicy() == SignInNoticesOn }

func (p Policies) validateSignInNotices() error {
	switch p.SignInNoticePolicy() {
	case SignInNoticesOn, SignInNoticesOff:
		return nil
	}
	return fault.New(fault.Invalid, "sign_in_notices_invalid", "Choose on or off.").WithField("policies.sign_in_notices")
}
