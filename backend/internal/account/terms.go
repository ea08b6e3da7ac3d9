package account

import (
	"net/http"
	"strconv"

	"github.com/clavex/clavex/backend/internal/web/page"
)

// hasTerms reports whether the organization has terms; where it has none, or nobody knows, the list does without their page.
func (v *visit) hasTerms() bool {
	current, err := v.Terms.Current(v.ctx(), v.organization.ID)
	return err == nil && current != nil
}

// showTerms shows which versions of the terms the person accepted, and when.
func (v *visit) showTerms() {
	accepted, err := v.Terms.OfUser(v.ctx(), v.Store, v.organization.ID, v.live.User.ID)
	if err != nil {
		v.SignIn.Error(v.c, err)
		return
	}
	view := page.AccountTerms{OwnAccount: v.shell()}
	for _, one := range accepted {
		view.Accepted = append(view.Accepted, page.AcceptedTerms{Version: strconv.Itoa(one.Version), Language: one.Language, Title: one.Title, URL: one.URL, At: v.moment(one.AcceptedAt)})
	}
	v.SignIn.Render(v.c, http.StatusOK, view)
}
