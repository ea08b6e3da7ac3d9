package admin

import (
	"context"
	"reflect"
	"strings"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/webauthn"
)

// noCertification is the least certification of a policy that demands none.
const noCertification = "none"

// attestationOf reads a policy; what it does not name has its default.
func attestationOf(body api.AttestationPolicy) org.Attestation {
	policy := org.Attestation{Conveyance: org.Conveyance(or(body.Conveyance, "")), AllowedModels: or(body.AllowedModels, nil), DeniedModels: or(body.DeniedModels, nil),
		UnknownModels: org.Acceptance(or(body.UnknownModels, "")), ExistingPasskeys: org.Acceptance(or(body.ExistingPasskeys, ""))}
	if level := string(or(body.MinimumCertification, noCertification)); level != noCertification {
		policy.MinimumCertification = level
	}
	if body.RefusedStatuses != nil {
		statuses := renamed[string](*body.RefusedStatuses)
		policy.RefusedStatuses = &statuses
	}
	return policy
}

func renderAttestation(policy org.Attestation) api.AttestationPolicy {
	conveyance, level := api.AttestationPolicyConveyance(policy.Conveys()), api.AttestationPolicyMinimumCertification(policy.MinimumCertification)
	if level == "" {
		level = noCertification
	}
	unknown, existing := api.AttestationPolicyUnknownModels(policy.Unknown()), api.AttestationPolicyExistingPasskeys(policy.Existing())
	allowed, denied, statuses := append([]uuid.UUID{}, policy.AllowedModels...), append([]uuid.UUID{}, policy.DeniedModels...), renamed[api.AuthenticatorStatus](policy.Statuses())
	return api.AttestationPolicy{Conveyance: &conveyance, AllowedModels: &allowed, DeniedModels: &denied, MinimumCertification: &level, RefusedStatuses: &statuses, UnknownModels: &unknown,
		ExistingPasskeys: &existing}
}

// attestationChanged has what a changed policy refuses ended.
func (h handlers) attestationChanged(ctx context.Context, tx *store.Tx, before, after *org.Organization) error {
	if reflect.DeepEqual(before.Policies.Attestation, after.Policies.Attestation) {
		return nil
	}
	return h.models.EndLater(ctx, tx, fido.Ending{OrgID: after.ID})
}

// GetAuthenticatorMetadata implements the operation getAuthenticatorMetadata.
func (h handlers) GetAuthenticatorMetadata(ginContext context.Context, _ api.GetAuthenticatorMetadataRequestObject) (api.GetAuthenticatorMetadataResponseObject, error) {
	call := callOf(ginContext)
	status, err := h.models.Status(call.ctx)
	if err != nil {
		return nil, err
	}
	answer := api.GetAuthenticatorMetadata200JSONResponse{Configured: status.Configured, Loaded: status.Loaded, Stale: status.Stale, Models: status.Models,
		NextUpdate: moment(status.NextUpdate), LoadedAt: moment(status.LoadedAt), CheckedAt: moment(status.CheckedAt)}
	if status.Loaded {
		answer.Number = &status.Number
	}
	if call.by.Platform {
		answer.Source, answer.LastError = optional(status.Source), optional(status.LastError)
	}
	return answer, nil
}

// listedModels is how many models a search finds that asks for none by its AAGUID.
const listedModels = 50

// ListAuthenticatorModels implements the operation listAuthenticatorModels.
func (h handlers) ListAuthenticatorModels(ginContext context.Context, request api.ListAuthenticatorModelsRequestObject) (api.ListAuthenticatorModelsResponseObject, error) {
	call := callOf(ginContext)
	var only []uuid.UUID
	if request.Params.Aaguid != nil {
		for text := range strings.SplitSeq(*request.Params.Aaguid, ",") {
			aaguid, err := uuid.Parse(text)
			if err != nil {
				return nil, err // the contract was checked before
			}
			only = append(only, aaguid)
		}
	}
	found, err := h.models.Search(call.ctx, or(request.Params.Q, ""), only, max(listedModels, len(only)))
	if err != nil {
		return nil, err
	}
	items := make([]api.AuthenticatorModel, len(found))
	for i, model := range found {
		items[i] = api.AuthenticatorModel{Aaguid: model.AAGUID, Name: model.Description, Statuses: model.Statuses, Certification: optional(model.Certification)}
	}
	return api.ListAuthenticatorModels200JSONResponse{Items: items}, nil
}

// PreviewAttestation implements the operation previewAttestation.
func (h handlers) PreviewAttestation(ginContext context.Context, request api.PreviewAttestationRequestObject) (api.PreviewAttestationResponseObject, error) {
	call := callOf(ginContext)
	policy := attestationOf(*request.Body)
	if err := policy.Validate("attestation."); err != nil {
		return nil, err
	}
	if err := h.models.CheckPolicy(call.ctx, org.Attestation{}, policy); err != nil {
		return nil, err
	}
	party, _ := webauthn.PartyOf(h.issuers, call.organization.Present()) // seen from an address that is given up, people sign in at the one that stays
	found, err := h.models.Preview(call.ctx, call.organization.ID, party.ID, policy)
	if err != nil {
		return nil, err
	}
	answer := api.PreviewAttestation200JSONResponse{Passkeys: found.Passkeys, People: found.People, PeopleWithoutAnother: found.WithoutAnother, Sessions: bounded(found.Sessions),
		Models: make([]api.AttestationPreviewModel, len(found.Models))}
	for i, model := range found.Models {
		shown := api.AttestationPreviewModel{Attested: model.Attested, Name: optional(model.Name), Passkeys: model.Passkeys, People: model.People}
		if model.AAGUID != uuid.Nil {
			shown.Aaguid = &found.Models[i].AAGUID
		}
		if model.Problem != "" {
			shown.Problem = new(api.AttestationPreviewModelProblem(model.Problem))
		}
		answer.Models[i] = shown
	}
	answer.Sample = make([]api.AttestationPreviewPerson, len(found.Sample))
	for i, person := range found.Sample {
		answer.Sample[i] = api.AttestationPreviewPerson{Id: person.ID, Username: person.Username}
	}
	return answer, nil
}
