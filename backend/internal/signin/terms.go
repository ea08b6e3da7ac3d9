package signin

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/terms"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/page"
	"github.com/clavex/clavex/backend/internal/web/text"
)

// The terms of an organization are asked for after everything that is to be proved, and before there is a session: whoever
// declines has none. A session that is there already asks at the next authorization, and ends when its person declines.

// pathTerms is the page on which terms are accepted.
const pathTerms = "action/terms"

// ErrTermsChanged says that another version came into force since the page was shown: that one is to be read, too.
var ErrTermsChanged = fault.New(fault.Conflict, "terms_changed", "The terms were changed meanwhile. Read these, please.")

// due is what whom the sign-in is about has yet to accept.
func (s *SignIn) due(ctx context.Context, v *visit, facts login.Facts) (*terms.Due, error) {
	if person := v.person(facts); person != nil {
		return s.Terms.Due(ctx, person)
	}
	return nil, nil
}

// person is whom the sign-in is about; nil when that is nobody yet.
func (v *visit) person(facts login.Facts) *user.User {
	if v.transaction.Progress.UserID != uuid.Nil {
		return facts.User
	}
	if live := v.transaction.Live(facts.Browser); live != nil {
		return live.User
	}
	return nil
}

// AcceptTerms serves GET and POST of the page on which a person accepts the terms of the organization.
func (s *SignIn) AcceptTerms(c *gin.Context) {
	if c.Request.Method == http.MethodPost {
		s.postTerms(c)
		return
	}
	v := s.visit(c, c.Query("transaction"))
	if v == nil {
		return
	}
	if facts, show := s.advance(c, v, pathTerms); show {
		s.showTerms(c, v, facts, http.StatusOK, nil)
	}
}

func (s *SignIn) showTerms(c *gin.Context, v *visit, facts login.Facts, status int, problem *fault.Error) {
	person, due := v.person(facts), facts.Terms
	frame := s.frame(c, v.organization, v.transaction.Required.Requirement.UILocales)
	language, shown := due.In(frame.Text.Language(), v.organization.Policies.DefaultLocale)
	view := page.Terms{Frame: frame, Form: s.form(v, pathTerms), Username: person.Username, Version: strconv.Itoa(due.Version.Version), Changed: due.Before > 0 && due.Before < due.Version.Version,
		Language: language, Title: shown.Title, URL: shown.URL, Since: frame.Text.Moment(due.InForceAt, text.Zone(person.Profile.Zoneinfo)),
		DataURL: path(v.organization, pathAccountData), Fault: problem}
	view.Form.CSRFToken = s.termsToken(v, person)
	for paragraph := range strings.SplitSeq(shown.Text, "\n") {
		if paragraph = strings.TrimSpace(paragraph); paragraph != "" {
			view.Paragraphs = append(view.Paragraphs, paragraph)
		}
	}
	view.Client, _ = s.clientView(c, v.organization, v.transaction.Required.ClientID, frame.Text.Language())
	s.render(c, status, view, s.leadsTo(v)...)
}

// termsToken binds the form to the person who was asked: of two people at one browser, neither accepts for the other.
func (s *SignIn) termsToken(v *visit, person *user.User) string {
	return s.formToken(v.organization, v.browser, "terms "+v.transaction.ID+" "+person.ID.String())
}

// postTerms acts on a pressed button. What is accepted is the version that the button says, which was shown; when another is
// in force by now, that one is shown.
func (s *SignIn) postTerms(c *gin.Context) {
	v, form := s.received(c)
	if v == nil {
		return
	}
	facts, err := s.facts(c.Request.Context(), v)
	if err != nil {
		s.Error(c, err)
		return
	}
	if v.transaction.Next(facts) != login.AcceptTerms {
		s.advance(c, v, pathTerms)
		return
	}
	person := v.person(facts)
	if err := s.checkForm(c, form, s.termsToken(v, person)); err != nil {
		s.Error(c, err)
		return
	}
	language, _ := facts.Terms.In(s.frame(c, v.organization, v.transaction.Required.Requirement.UILocales).Text.Language(), v.organization.Policies.DefaultLocale)
	switch accepted := form.Get("accept"); {
	case form.Get("decision") == "decline":
		s.declineTerms(c, v, facts, language)
		return
	case accepted == "":
		err = ErrUndecided
	case accepted != strconv.Itoa(facts.Terms.Version.Version):
		err = ErrTermsChanged
	}
	if err != nil {
		_ = c.Error(err)
		s.showTerms(c, v, facts, StatusOf(fault.From(err)), fault.From(err))
		return
	}
	err = s.Store.InTx(c.Request.Context(), func(ctx context.Context, tx *store.Tx) error {
		if err := s.stillThere(ctx, tx, v, v.transaction.Live(facts.Browser)); err != nil {
			return err
		}
		return s.Terms.Accept(ctx, tx, actorOf(person), person, facts.Terms.Version.Version, language)
	})
	if err != nil {
		s.stepFailed(c, v, err)
		return
	}
	s.advance(c, v, pathTerms)
}

// stillThere makes sure that whoever answers is who proved themselves: by what they proved in this sign-in, or by their session.
func (s *SignIn) stillThere(ctx context.Context, tx *store.Tx, v *visit, live *session.Live) error {
	if live != nil {
		return s.Sessions.StillLive(ctx, tx, v.organization.ID, live.Session.ID)
	}
	if stronger := v.transaction.Progress.Stronger; stronger != uuid.Nil {
		if err := s.Sessions.StillLive(ctx, tx, v.organization.ID, stronger); err != nil {
			return credential.ErrReplaced.WithCause(err)
		}
	}
	return s.stillProved(ctx, tx, v)
}

// declineTerms ends the sign-in, and the session that it went on with, where there is one: nothing is left that is of any use.
func (s *SignIn) declineTerms(c *gin.Context, v *visit, facts login.Facts, language string) {
	person, ends := v.person(facts), v.transaction.Progress.Stronger
	live := v.transaction.Live(facts.Browser)
	if live == nil {
		live = facts.Browser.Of(person.ID) // from before, while they proved themselves anew
	}
	if live != nil {
		ends = live.Session.ID
	}
	err := s.Store.InTx(c.Request.Context(), func(ctx context.Context, tx *store.Tx) error {
		if err := s.Terms.Decline(ctx, tx, actorOf(person), person, facts.Terms.Version.Version, language); err != nil || ends == uuid.Nil {
			return err
		}
		err := s.Sessions.EndOf(ctx, tx, actorOf(person), person.OrgID, person.ID, ends, "terms declined")
		if fault.IsKind(err, fault.NotFound) {
			return nil // it has ended by itself
		}
		return err
	})
	if err != nil {
		s.stepFailed(c, v, err)
		return
	}
	if v.transaction.Required.ClientID != "" {
		v.transaction.Progress.RefusedBy = person.ID
		s.deny(c, v)
		return
	}
	if err := s.finish(c.Request.Context(), v); err != nil {
		s.stepFailed(c, v, err)
		return
	}
	frame := s.frame(c, v.organization, v.transaction.Required.Requirement.UILocales)
	s.render(c, http.StatusOK, page.Message{Frame: frame, ID: "terms-declined", Heading: frame.Text.T("terms_declined_title"),
		Paragraphs: []string{frame.Text.T("terms_declined_text", "Organization", v.organization.DisplayName)}, Label: frame.Text.T("logged_out_login"), URL: path(v.organization, pathLogin)})
}
