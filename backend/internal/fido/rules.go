package fido

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/org"
)

// Report is a status that a model has or had (§3.1.3).
type Report struct {
	Status    string    `json:"status"`
	Effective time.Time `json:"effective,omitzero"` // zero: at all times
	Sunset    time.Time `json:"sunset,omitzero"`    // until when a certification is good; zero: no end is set
}

func (r Report) inEffect(now time.Time) bool { return !r.Effective.After(now) }

// Model is a model of authenticators.
type Model struct {
	AAGUID        uuid.UUID `json:"aaguid"`
	Description   string    `json:"name"`
	Statuses      []string  `json:"statuses"`                // in effect
	Certification string    `json:"certification,omitempty"` // the level of FIDO certification; "" for none
}

// Index are the models that the metadata describes.
type Index map[uuid.UUID]Model

// certification is the level that the last word about it says: a later report takes an earlier one back.
func certification(reports []Report, now time.Time) string {
	var latest *Report
	for i, report := range reports {
		about := report.Status == "NOT_FIDO_CERTIFIED" || rank(report.Status) >= 0
		if about && report.inEffect(now) && (latest == nil || !report.Effective.Before(latest.Effective)) {
			latest = &reports[i]
		}
	}
	if latest == nil || latest.Status == "NOT_FIDO_CERTIFIED" || !latest.Sunset.IsZero() && now.After(latest.Sunset) {
		return ""
	}
	return latest.Status
}

// certified reports whether a level is at least another; "" is below all of them.
func certified(level, least string) bool { return rank(level) >= rank(least) }

func rank(level string) int {
	if level == "FIDO_CERTIFIED" {
		level = "FIDO_CERTIFIED_L1" // its former name
	}
	return slices.Index(org.CertificationLevels(), level)
}

// statuses are those in effect. What was once said of a weakness stays in effect while the metadata says it: which firmware
// an authenticator has is not known here.
func statuses(reports []Report, now time.Time) []string {
	found := []string{}
	for _, report := range reports {
		if report.inEffect(now) && !slices.Contains(found, report.Status) {
			found = append(found, report.Status)
		}
	}
	return found
}

// Rules are what an organization makes of the models. They do not change. Queries ask by Refused and Accepted together
// (model_accepted in SQL) whether a passkey, or what began with one, is worth something: the same that Used says of one.
type Rules struct {
	policy   org.Attestation
	index    Index
	unsafe   map[uuid.UUID]bool // by a status that refuses
	refused  []uuid.UUID        // those, and the denied ones
	accepted []uuid.UUID
}

// NewRules are the rules of a policy.
func NewRules(policy org.Attestation, index Index) *Rules {
	rules := &Rules{policy: policy, index: index, unsafe: map[uuid.UUID]bool{}, refused: append([]uuid.UUID{}, policy.DeniedModels...)}
	refusing := policy.Statuses()
	for aaguid, model := range index {
		if slices.ContainsFunc(model.Statuses, func(status string) bool { return slices.Contains(refusing, status) }) {
			rules.unsafe[aaguid] = true
			if !slices.Contains(policy.DeniedModels, aaguid) {
				rules.refused = append(rules.refused, aaguid)
			}
		}
	}
	if rules.Demands() {
		rules.accepted = rules.fulfilling()
	}
	return rules
}

// Refused are the models whose passkeys, sessions and grants are worth nothing, whether or not the model was proved. It is
// never nil.
func (r *Rules) Refused() []uuid.UUID { return r.refused }

// Unsafe are those of them that a status refuses: their passkeys are never to be used again.
func (r *Rules) Unsafe() []uuid.UUID {
	models := make([]uuid.UUID, 0, len(r.unsafe))
	for aaguid := range r.unsafe {
		models = append(models, aaguid)
	}
	return models
}

// Demands reports whether passkeys that existed before must prove a model that is accepted.
func (r *Rules) Demands() bool { return r.policy.Demands() && r.policy.Existing() == org.Refuse }

// Accepted are the models that fulfil what is demanded of passkeys that existed before: those on others, or that do not prove
// theirs, are worth no more than those on refused models, nor is what began with them. nil demands nothing.
func (r *Rules) Accepted() []uuid.UUID { return r.accepted }

// fulfilling are the models that fulfil what is demanded: only what is described or allowed can, because whoever refuses neither
// undescribed models, nor those without a certification, nor those that are not allowed, demands nothing.
func (r *Rules) fulfilling() []uuid.UUID {
	accepted := []uuid.UUID{}
	for aaguid := range r.index {
		if r.Registered(aaguid, true) == nil {
			accepted = append(accepted, aaguid)
		}
	}
	for _, aaguid := range r.policy.AllowedModels {
		if _, described := r.index[aaguid]; !described && r.Registered(aaguid, true) == nil {
			accepted = append(accepted, aaguid)
		}
	}
	return accepted
}

// Registered judges a new passkey. attested says that its attestation led to a root of the model. ErrModelUnsafe,
// ErrModelRefused, ErrModelUnproved.
func (r *Rules) Registered(aaguid uuid.UUID, attested bool) error {
	if err := r.refuses(aaguid); err != nil {
		return err
	}
	if r.policy.Demands() && !attested {
		return ErrModelUnproved
	}
	model, described := r.index[aaguid]
	switch {
	case len(r.policy.AllowedModels) > 0 && !slices.Contains(r.policy.AllowedModels, aaguid),
		!described && r.policy.Unknown() == org.Refuse,
		!certified(model.Certification, r.policy.MinimumCertification):
		return ErrModelRefused
	}
	return nil
}

// Used judges a passkey that signs in.
func (r *Rules) Used(aaguid uuid.UUID, attested bool) error {
	if r.Demands() {
		return r.Registered(aaguid, attested)
	}
	return r.refuses(aaguid)
}

func (r *Rules) refuses(aaguid uuid.UUID) error {
	switch {
	case r.unsafe[aaguid]:
		return ErrModelUnsafe
	case slices.Contains(r.policy.DeniedModels, aaguid):
		return ErrModelRefused
	}
	return nil
}
