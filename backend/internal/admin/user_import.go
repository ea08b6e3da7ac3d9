package admin

import (
	"context"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/userimport"
)

// ImportUsers implements the operation importUsers.
func (h handlers) ImportUsers(ginContext context.Context, request api.ImportUsersRequestObject) (api.ImportUsersResponseObject, error) {
	call := callOf(ginContext)
	people, err := recode[[]userimport.Person](request.Body.Users)
	if err != nil {
		return nil, err
	}
	imported, refused, err := h.imports.People(call.ctx, call.by.Actor(), call.organization.ID, people)
	if err != nil {
		return nil, err
	}
	answer := api.UserImportResult{Imported: imported, Refused: make([]api.UserImportRefusal, len(refused))}
	for n, refusal := range refused {
		answer.Refused[n] = api.UserImportRefusal{Index: int(refusal.Place), Code: refusal.Fault.Code, Message: refusal.Fault.Message, Field: optional(refusal.Fault.Field)}
	}
	return api.ImportUsers200JSONResponse(answer), nil
}
