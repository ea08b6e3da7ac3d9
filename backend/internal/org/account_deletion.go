package org

import "github.com/clavex/clavex/backend/internal/fault"

// AccountDeletion says whether people delete their account themselves.
type AccountDeletion string

// The policies of deleting accounts.
const (
	AccountDeletionOpen   AccountDeletion = "open"   // whoever proves who they are; after some days it is erased
	AccountDeletionClosed AccountDeletion = "closed" // administrators delete them
)

// The days between the wish to have an account erased and its erasure.
const (
	AccountDeletionGraceLeast   = 1
	AccountDeletionGraceMost    = 90
	AccountDeletionGraceDefault = 14
)

// AccountDeletionPolicies are the policies of people who want to leave.
type AccountDeletionPolicies struct {
	AccountDeletion          AccountDeletion `json:"account_deletion,omitempty"`
	AccountDeletionGraceDays int             `json:"account_deletion_grace_days,omitempty"` // 0 for the default
}

// AccountDeletionPolicy is whether people delete their account themselves; they do unless the organization closed it.
func (p AccountDeletionPolicies) AccountDeletionPolicy() AccountDeletion {
	if p.AccountDeletion == "" {
		return AccountDeletionOpen
	}
	return p.AccountDeletion
}

// AccountDeletionGrace is for how many days an account can be kept that is to be erased.
func (p AccountDeletionPolicies) AccountDeletionGrace() int {
	if p.AccountDeletionGraceDays == 0 {
		return AccountDeletionGraceDefault
	}
	return p.AccountDeletionGraceDays
}

func (p AccountDeletionPolicies) validateAccountDeletion() error {
	switch p.AccountDeletionPolicy() {
	case AccountDeletionOpen, AccountDeletionClosed:
	default:
		return fault.New(fault.Invalid, "account_deletion_invalid", "Choose open or closed.").WithField("policies.account_deletion")
	}
	if days := p.AccountDeletionGrace(); days < AccountDeletionGraceLeast || days > AccountDeletionGraceMost {
		return fault.New(fault.Invalid, "account_deletion_grace_days_invalid", "Choose 1 to 90 days.").WithField("policies.account_deletion_grace_days")
	}
	return nil
}
