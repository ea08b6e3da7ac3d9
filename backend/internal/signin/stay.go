package signin

import (
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// The forms by which people say who they are have a box to stay signed in, where the organization offers it. What was said last
// is kept in the transaction, so it holds for whatever way in the person takes, with all that follows until the session
// begins. Links to the other ways take it along by a script; without one the box counts for the form that it stands in.

// The field of the box, the field that says that there was one, and what the field says where there is none: in the forms
// of passkeys and in links.
const (
	fieldStay    = "stay"
	fieldAsked   = "stay_asked"
	staySignedIn = "yes"
	stayNot      = "no"
)

// stays takes what a form, or a link of ours, says about staying signed in. Where there was no box everything is as before; a
// value that somebody made up can do no more than the box.
func (v *visit) stays(get func(name string) string) {
	if !v.organization.Policies.OffersRememberMe() {
		return
	}
	switch said := get(fieldStay); {
	case said == staySignedIn:
		v.transaction.Persistent = new(true)
	case said == stayNot, get(fieldAsked) != "":
		v.transaction.Persistent = new(false)
	}
}

// stay is the box of a form; nil where nobody is asked. It is ticked as the person left it, else when whoever
// it is about stays signed in here already.
func (s *SignIn) stay(c *gin.Context, v *visit) *page.Stay {
	if !v.organization.Policies.OffersRememberMe() {
		return nil
	}
	v.stays(c.Query)
	if said := v.transaction.Persistent; said != nil {
		return &page.Stay{Ticked: *said}
	}
	browser, err := s.Sessions.InBrowser(c.Request.Context(), v.organization, v.tokens, v.clientRowID)
	if err != nil {
		_ = c.Error(err) // the box is not ticked then
	}
	about, identifier := v.transaction.Subject(browser), v.transaction.Progress.Identifier
	return &page.Stay{Ticked: slices.ContainsFunc(browser, func(live *session.Live) bool { // others of the browser stay for themselves
		return live.Session.Persistent && (live.User.ID == about || identifier != "" && live.User.IsCalled(identifier))
	})}
}

// stayFields say in the form of a passkey what the box of the page says; a script keeps them so.
func stayFields(stay *page.Stay) []page.Field {
	switch {
	case stay == nil:
		return nil
	case stay.Ticked:
		return []page.Field{{Name: fieldStay, Value: staySignedIn}}
	}
	return []page.Field{{Name: fieldStay, Value: stayNot}}
}
