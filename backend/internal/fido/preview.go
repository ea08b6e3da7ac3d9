package fido

import (
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// ErrMetadataMissing is the answer to a policy that demands something of models where the metadata is not loaded: nobody
// could make a passkey.
var ErrMetadataMissing = fault.New(fault.Conflict, "attestation_metadata_missing",
	"The metadata of authenticators is not loaded, so no passkey could prove its model. Ask whoever runs Clavex to set fido_metadata_url or fido_metadata_file.").WithField("policies.attestation")

// CheckPolicy says whether a policy can take the place of another one. ErrMetadataMissing.
func (m *Models) CheckPolicy(ctx context.Context, before, after org.Attestation) error {
	if !after.Demands() || before.Demands() {
		return nil
	}
	index, err := m.Index(ctx)
	if err == nil && len(index) == 0 {
		err = ErrMetadataMissing
	}
	return err
}

// sampleSize is how many of the people are named who would be affected.
const sampleSize = 10

// Preview is what a policy would do to the passkeys of an organization.
type Preview struct {
	Models         []PreviewedModel  `json:"models"`                 // every model in use, what most people have first
	Passkeys       int64             `json:"passkeys"`               // that would not sign in
	People         int64             `json:"people"`                 // who have one of those
	WithoutAnother int64             `json:"people_without_another"` // of them, who have no other way in: neither a password, another passkey of the organization's present address that signs in, nor an account elsewhere
	Sessions       int64             `json:"sessions"`               // that would end; it stops counting at 100 001
	Sample         []PreviewedPerson `json:"sample"`
}

// PreviewedModel are the passkeys of an organization on a model.
type PreviewedModel struct {
	AAGUID   uuid.UUID `json:"aaguid"`         // uuid.Nil: it says none
	Name     string    `json:"name,omitempty"` // "" when the metadata does not describe it
	Attested bool      `json:"attested"`       // their attestation led to a root of the model
	Passkeys int64     `json:"passkeys"`
	People   int64     `json:"people"`
	Problem  string    `json:"problem,omitempty"` // the code of the fault by which they would not sign in; "" when they would
}

// PreviewedPerson is somebody who would be affected.
type PreviewedPerson struct {
	ID       uuid.UUID `json:"id"`
	Username string    `json:"username"`
}

// Preview says what a policy would do. rpID is the relying party by whose passkeys people of the organization sign in: as another way
// in, one of another host is none. "" where nobody signs in by passkeys.
func (m *Models) Preview(ctx context.Context, orgID uuid.UUID, rpID string, policy org.Attestation) (*Preview, error) {
	index, err := m.Index(ctx)
	if err != nil {
		return nil, err
	}
	queries, rules := dbq.New(m.db), NewRules(policy, index)
	rows, err := queries.PasskeysByModel(ctx, orgID)
	if err != nil {
		return nil, err
	}
	preview, refused, accepted := &Preview{Models: make([]PreviewedModel, len(rows)), Sample: []PreviewedPerson{}}, rules.Refused(), rules.Accepted()
	for i, row := range rows {
		preview.Models[i] = PreviewedModel{AAGUID: row.Aaguid, Name: index[row.Aaguid].Description, Attested: row.Attested, Passkeys: row.Passkeys, People: row.People}
		if err := rules.Used(row.Aaguid, row.Attested); err != nil {
			preview.Models[i].Problem = fault.From(err).Code
			preview.Passkeys += row.Passkeys
		}
	}
	slices.SortFunc(preview.Models, func(a, b PreviewedModel) int {
		return cmp.Or(cmp.Compare(b.People, a.People), cmp.Compare(a.Name, b.Name), slices.Compare(a.AAGUID[:], b.AAGUID[:]), cmp.Compare(b.Passkeys, a.Passkeys))
	})
	sessions := dbq.SessionsOfUnacceptedPasskeysParams{OrgID: orgID, RefusedModels: refused, AcceptedModels: accepted, At: m.now()}
	if preview.Sessions, err = queries.SessionsOfUnacceptedPasskeys(ctx, sessions); err != nil || preview.Passkeys == 0 {
		return preview, err
	}
	people, err := queries.PeopleOfUnacceptedPasskeys(ctx, dbq.PeopleOfUnacceptedPasskeysParams{OrgID: orgID, RpID: rpID, RefusedModels: refused, AcceptedModels: accepted})
	if err != nil {
		return nil, err
	}
	preview.People, preview.WithoutAnother = people.People, people.WithoutAnother
	sample, err := queries.SomePeopleOfUnacceptedPasskeys(ctx, dbq.SomePeopleOfUnacceptedPasskeysParams{OrgID: orgID, RefusedModels: refused, AcceptedModels: accepted, RowLimit: sampleSize})
	for _, person := range sample {
		preview.Sample = append(preview.Sample, PreviewedPerson{person.ID, person.Username})
	}
	return preview, err
}
