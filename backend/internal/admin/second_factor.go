package admin

import (
	"context"
	"time"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/web/letter"
)

// GetUserSecondFactor implements the operation getUserSecondFactor.
func (h handlers) GetUserSecondFactor(ginContext context.Context, request api.GetUserSecondFactorRequestObject) (api.GetUserSecondFactorResponseObject, error) {
	call := callOf(ginContext)
	person, err := h.users.ByID(call.ctx, h.db, call.organization.ID, request.UserId)
	if err != nil {
		return nil, err
	}
	found, err := h.secondFactors.Of(call.ctx, h.db, person.OrgID, person.ID)
	if err != nil {
		return nil, err
	}
	var answer api.GetUserSecondFactor200JSONResponse
	if found != nil {
		answer.AuthenticatorApp = &struct {
			AddedAt           time.Time `json:"added_at"`
			LastUsedAt        time.Time `json:"last_used_at"`
			RecoveryCodesLeft int       `json:"recovery_codes_left"`
		}{found.AddedAt, found.LastUsedAt, found.CodesLeft}
	}
	return answer, nil
}

// ResetUserSecondFactor implements the operation resetUserSecondFactor.
func (h handlers) ResetUserSecondFactor(ginContext context.Context, request api.ResetUserSecondFactorRequestObject) (api.ResetUserSecondFactorResponseObject, error) {
	call := callOf(ginContext)
	err := h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		person, _, err := h.lockPerson(ctx, tx, call, request.UserId)
		if err != nil {
			return err
		}
		if err := h.secondFactors.Remove(ctx, tx, call.by.Actor(), person.OrgID, person.ID); err != nil {
			return err
		}
		// Whoever has the lost app may be signed in by it.
		if _, err := h.sessions.EndEverywhere(ctx, tx, call.by.Actor(), person.OrgID, person.ID, "second factor reset"); err != nil {
			return err
		}
		return h.letters.FactorChanged(ctx, tx, call.organization, person, letter.FactorReset)
	})
	if err != nil {
		return nil, err
	}
	return api.ResetUserSecondFactor204Response{}, nil
}
