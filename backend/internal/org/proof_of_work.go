package org

import "github.com/clavex/clavex/backend/internal/fault"

// ProofOfWork says of whom forms that programs abuse demand some computing (package proofofwork): signing up, signing in
// with a password, a forgotten password and signing in by mail.
type ProofOfWork string

// The policies of proof of work.
const (
	ProofOfWorkOff         ProofOfWork = "off"
	ProofOfWorkOnSuspicion ProofOfWork = "on_suspicion" // where many attempts failed or much was asked for
	ProofOfWorkAlways      ProofOfWork = "always"
)

// ProofOfWorkPolicies are the policies of proof of work.
type ProofOfWorkPolicies struct {
	ProofOfWork ProofOfWork `json:"proof_of_work,omitempty"`
}

// ProofOfWorkPolicy is of whom it is demanded; of nobody unless the organization says otherwise.
func (p ProofOfWorkPolicies) ProofOfWorkPolicy() ProofOfWork {
	if p.ProofOfWork == "" {
		return ProofOfWorkOff
	}
	return p.ProofOfWork
}

func (p ProofOfWorkPolicies) validateProofOfWork() error {
	switch p.ProofOfWorkPolicy() {
	case ProofOfWorkOff, ProofOfWorkOnSuspicion, ProofOfWorkAlways:
		return nil
	}
	return fault.New(fault.Invalid, "proof_of_work_invalid", "Choose off, on_suspicion or always.").WithField("policies.proof_of_work")
}
