package org

import (
	"slices"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
)

// Conveyance is what browsers are asked to pass on of an authenticator's attestation (WebAuthn Level 3 §5.4.7).
type Conveyance string

// The conveyances.
const (
	ConveyNone       Conveyance = "none"
	ConveyIndirect   Conveyance = "indirect"
	ConveyDirect     Conveyance = "direct"
	ConveyEnterprise Conveyance = "enterprise" // also who the authenticator was given to; browsers obey where they are managed
)

// Acceptance says what becomes of something.
type Acceptance string

// The acceptances.
const (
	Accept Acceptance = "accept"
	Refuse Acceptance = "refuse"
)

// MaximumModels is how many models a list of them names.
const MaximumModels = 500

// Attestation is which authenticators an organization's passkeys may be on. The zero value demands nothing, and refuses
// the models that the metadata says are broken.
type Attestation struct {
	Conveyance    Conveyance  `json:"conveyance,omitempty"`
	AllowedModels []uuid.UUID `json:"allowed_models,omitempty"` // AAGUIDs; none allows all
	DeniedModels  []uuid.UUID `json:"denied_models,omitempty"`
	// MinimumCertification is the least certification of a model (FIDO Metadata Service 3 §3.1.4); "" demands none.
	MinimumCertification string `json:"minimum_certification,omitempty"`
	// RefusedStatuses are those that a model must not have (§3.1.4); nil means DefaultRefusedStatuses, an empty list none.
	RefusedStatuses *[]string `json:"refused_statuses,omitempty"`
	// UnknownModels is what becomes of models that the metadata does not describe.
	UnknownModels Acceptance `json:"unknown_models,omitempty"`
	// ExistingPasskeys is what becomes of passkeys that were made before and do not meet what is demanded. Models that are
	// denied, or have a status that refuses, are refused in any case.
	ExistingPasskeys Acceptance `json:"existing_passkeys,omitempty"`
}

// DefaultRefusedStatuses are the statuses that say that a model cannot be relied on any more.
func DefaultRefusedStatuses() []string {
	return []string{"REVOKED", "USER_VERIFICATION_BYPASS", "ATTESTATION_KEY_COMPROMISE", "USER_KEY_REMOTE_COMPROMISE", "USER_KEY_PHYSICAL_COMPROMISE"}
}

// RefusableStatuses are the statuses that an organization may refuse.
func RefusableStatuses() []string {
	return append(DefaultRefusedStatuses(), "UPDATE_AVAILABLE", "NOT_FIDO_CERTIFIED", "SELF_ASSERTION_SUBMITTED", "RETIRED")
}

// CertificationLevels are those that can be demanded, lowest first.
func CertificationLevels() []string {
	return []string{"FIDO_CERTIFIED_L1", "FIDO_CERTIFIED_L1plus", "FIDO_CERTIFIED_L2", "FIDO_CERTIFIED_L2plus", "FIDO_CERTIFIED_L3", "FIDO_CERTIFIED_L3plus"}
}

// Conveys is the conveyance.
func (a Attestation) Conveys() Conveyance {
	if a.Conveyance == "" {
		return ConveyNone
	}
	return a.Conveyance
}

// Statuses are those that refuse.
func (a Attestation) Statuses() []string {
	if a.RefusedStatuses == nil {
		return DefaultRefusedStatuses()
	}
	return *a.RefusedStatuses
}

// Unknown is what becomes of models that the metadata does not describe; they are accepted unless the organization
// refuses them.
func (a Attestation) Unknown() Acceptance {
	if a.UnknownModels == "" {
		return Accept
	}
	return a.UnknownModels
}

// Existing is what becomes of passkeys that were made before.
func (a Attestation) Existing() Acceptance {
	if a.ExistingPasskeys == "" {
		return Accept
	}
	return a.ExistingPasskeys
}

// Demands reports whether a passkey must prove its model. Everybody can name the model of another authenticator, so a
// list of what is allowed, or a certification, means something only of a model whose maker vouched for it.
func (a Attestation) Demands() bool {
	return len(a.AllowedModels) > 0 || a.MinimumCertification != "" || a.Unknown() == Refuse
}

// Validate judges a policy; what is wrong is named below the prefix.
func (a Attestation) Validate(prefix string) error {
	invalid := func(field, message string) error {
		return fault.New(fault.Invalid, "attestation_invalid", message).WithField(prefix + field)
	}
	switch {
	case !slices.Contains([]Conveyance{ConveyNone, ConveyIndirect, ConveyDirect, ConveyEnterprise}, a.Conveys()):
		return invalid("conveyance", "Choose none, indirect, direct or enterprise.")
	case a.MinimumCertification != "" && !slices.Contains(CertificationLevels(), a.MinimumCertification):
		return invalid("minimum_certification", "Choose a level of FIDO certification, such as FIDO_CERTIFIED_L1 or FIDO_CERTIFIED_L2.")
	case a.Unknown() != Accept && a.Unknown() != Refuse:
		return invalid("unknown_models", "Choose accept or refuse.")
	case a.Existing() != Accept && a.Existing() != Refuse:
		return invalid("existing_passkeys", "Choose accept or refuse.")
	case a.Demands() && a.Conveys() != ConveyDirect && a.Conveys() != ConveyEnterprise:
		return invalid("conveyance", "Passkeys can prove their model only where browsers pass the attestation on as it is. Choose direct or enterprise, or demand nothing of models.")
	}
	for _, status := range a.Statuses() {
		if !slices.Contains(RefusableStatuses(), status) {
			return invalid("refused_statuses", "Choose among the statuses of the FIDO Metadata Service, such as REVOKED.")
		}
	}
	for _, list := range []struct {
		field  string
		models []uuid.UUID
	}{{"allowed_models", a.AllowedModels}, {"denied_models", a.DeniedModels}} {
		switch {
		case len(list.models) > MaximumModels:
			return invalid(list.field, "A list has at most 500 models.")
		case slices.Contains(list.models, uuid.Nil):
			return invalid(list.field, "An AAGUID of zeros names no model. What becomes of passkeys without a model says unknown_models.")
		}
	}
	for _, model := range a.DeniedModels {
		if slices.Contains(a.AllowedModels, model) {
			return invalid("denied_models", "The model "+model.String()+" is allowed and denied.")
		}
	}
	return nil
}
