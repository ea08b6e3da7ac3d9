package account

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// shownApplications is how many applications are listed, those allowed last first.
const shownApplications = 200

func (v *visit) showApplications() {
	consents, err := v.Grants.Consents(v.ctx(), v.organization.ID, v.live.User.ID, uuid.Max, shownApplications)
	if err != nil {
		v.SignIn.Error(v.c, err)
		return
	}
	view, form := page.AccountApplications{OwnAccount: v.shell()}, v.hidden()
	for _, given := range consents {
		found, err := v.Clients.ByID(v.ctx(), v.Store, v.organization.ID, given.ClientID)
		if fault.IsKind(err, fault.NotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			v.SignIn.Error(v.c, err)
			return
		}
		one := page.Application{ID: given.ClientID.String(), Since: v.moment(given.CreatedAt),
			Consent: page.Consent{Frame: v.frame, Form: form, Client: v.SignIn.ShownClient(v.organization, found, v.words.Language())}}
		scopes := given.Scopes
		for _, resource := range given.Resources {
			scopes = append(scopes, grant.ConsentFor(resource))
		}
		v.SignIn.Allowed(v.c, v.organization, &one.Consent, found, scopes)
		view.Applications = append(view.Applications, one)
	}
	v.SignIn.Render(v.c, http.StatusOK, view)
}

// postApplications takes back what the person allowed an application, with everything that it holds of them.
func (v *visit) postApplications() {
	id, err := uuid.Parse(v.form.Get("client"))
	if err == nil {
		err = v.Store.InTx(v.ctx(), func(ctx context.Context, tx *store.Tx) error {
			return v.Grants.Withdraw(ctx, tx, v.actor(), v.organization.ID, v.live.User.ID, id)
		})
	}
	if err != nil && id != uuid.Nil && !fault.IsKind(err, fault.NotFound) {
		v.SignIn.Error(v.c, err)
		return
	}
	v.back(pathApplications, "application")
}
