package admin

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/terms"
)

// ListTerms implements the operation listTerms.
func (h handlers) ListTerms(ginContext context.Context, _ api.ListTermsRequestObject) (api.ListTermsResponseObject, error) {
	call := callOf(ginContext)
	all, err := h.terms.All(call.ctx, h.db, call.organization.ID)
	if err != nil {
		return nil, err
	}
	counts, err := h.terms.Count(call.ctx, h.db, call.organization.ID)
	if err != nil {
		return nil, err
	}
	items := make([]api.Terms, len(all))
	for n, one := range all {
		items[n] = renderTerms(one, h.terms.StateOf(one, all))
	}
	return api.ListTerms200JSONResponse{Items: items, People: counts.People, Accepted: counts.Accepted}, nil
}

// PublishTerms implements the operation publishTerms.
func (h handlers) PublishTerms(ginContext context.Context, request api.PublishTermsRequestObject) (api.PublishTermsResponseObject, error) {
	call, body := callOf(ginContext), *request.Body
	texts := make(map[string]terms.Text, len(body.Texts))
	for language, text := range body.Texts {
		texts[language] = terms.Text{Title: text.Title, URL: or(text.Url, ""), Text: or(text.Text, "")}
	}
	made, replayed, err := h.once(call, request.Params.IdempotencyKey, creation{make: func(ctx context.Context, tx *store.Tx) (uuid.UUID, error) {
		published, err := h.terms.Publish(ctx, tx, call.by.Actor(), call.organization.ID, texts, or(body.InForceAt, time.Time{}))
		if err != nil {
			return uuid.Nil, err
		}
		return published.ID, nil
	}})
	if err != nil {
		return nil, err
	}
	h.terms.Forget(call.organization.ID)
	all, err := h.terms.All(call.ctx, h.db, call.organization.ID)
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		if one.ID == made {
			return api.PublishTerms201JSONResponse{Body: renderTerms(one, h.terms.StateOf(one, all)), Headers: api.PublishTerms201ResponseHeaders{
				Location: Prefix + "/orgs/" + call.organization.Slug + "/terms", IdempotentReplayed: replayedHeader(replayed)}}, nil
		}
	}
	return nil, terms.ErrNotFound
}

// WithdrawTerms implements the operation withdrawTerms.
func (h handlers) WithdrawTerms(ginContext context.Context, request api.WithdrawTermsRequestObject) (api.WithdrawTermsResponseObject, error) {
	call := callOf(ginContext)
	err := h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := h.terms.Withdraw(ctx, tx, call.by.Actor(), call.organization.ID, int(request.TermsVersion))
		return err
	})
	if err != nil {
		return nil, err
	}
	h.terms.Forget(call.organization.ID)
	return api.WithdrawTerms204Response{}, nil
}

// ListUserTerms implements the operation listUserTerms.
func (h handlers) ListUserTerms(ginContext context.Context, request api.ListUserTermsRequestObject) (api.ListUserTermsResponseObject, error) {
	call := callOf(ginContext)
	person, err := h.users.ByID(call.ctx, h.db, call.organization.ID, request.UserId)
	if err != nil {
		return nil, err
	}
	accepted, err := h.terms.OfUser(call.ctx, h.db, person.OrgID, person.ID)
	items := make([]api.UserTerms, len(accepted))
	for n, one := range accepted {
		items[n] = api.UserTerms{Version: int32(one.Version), Language: one.Language, Title: one.Title, Url: optional(one.URL), AcceptedAt: one.AcceptedAt}
	}
	return api.ListUserTerms200JSONResponse{Items: items}, err
}

func renderTerms(version *terms.Version, state terms.State) api.Terms {
	shown := api.Terms{Id: version.ID, Version: int32(version.Version), State: api.TermsState(state), Texts: api.TermsTexts{}, InForceAt: version.InForceAt, PublishedAt: version.PublishedAt}
	for language, text := range version.Texts {
		shown.Texts[language] = api.TermsText{Title: text.Title, Url: optional(text.URL), Text: optional(text.Text)}
	}
	if !version.WithdrawnAt.IsZero() {
		shown.WithdrawnAt = &version.WithdrawnAt
	}
	return shown
}
