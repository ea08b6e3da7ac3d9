package signin

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/page"
	"github.com/clavex/clavex/backend/internal/web/text"
)

// What the buttons of the page say.
const (
	decisionKeep  = "keep"
	decisionLeave = "leave"
)

// KeepAccount serves GET and POST of the page on which somebody whose account is about to be erased says whether they keep
// it. They have proved all that they have by then.
func (s *SignIn) KeepAccount(c *gin.Context) {
	if c.Request.Method == http.MethodPost {
		s.postKeepAccount(c)
		return
	}
	v := s.visit(c, c.Query("transaction"))
	if v == nil {
		return
	}
	if facts, show := s.advance(c, v, pathKeepAccount); show {
		s.showKeepAccount(c, v, facts, http.StatusOK, nil)
	}
}

func (s *SignIn) showKeepAccount(c *gin.Context, v *visit, facts login.Facts, status int, problem *fault.Error) {
	frame := s.frame(c, v.organization, v.transaction.Required.Requirement.UILocales)
	words := frame.Text
	view := page.Question{Frame: frame, Form: s.form(v, pathKeepAccount), ID: "keep-account", Heading: words.T("keep_account_title"),
		Paragraphs: []string{words.T("keep_account_text", "Username", facts.User.Username, "When", words.Moment(facts.User.EraseAt, text.Zone(facts.User.Profile.Zoneinfo))), words.T("keep_account_hint")},
		Name:       "decision", Value: decisionKeep, Submit: words.T("keep_account_submit"), Wait: words.T("password_busy"),
		Other: &page.Other{ID: "keep-account-leave", Name: "decision", Value: decisionLeave, Label: words.T("keep_account_leave"), Wait: words.T("password_busy")}, Fault: problem}
	view.Client, _ = s.clientView(c, v.organization, v.transaction.Required.ClientID, words.Language())
	s.render(c, status, view, s.leadsTo(v)...)
}

func (s *SignIn) postKeepAccount(c *gin.Context) {
	v, form := s.atStep(c, pathKeepAccount, nil, login.KeepAccount)
	if v == nil {
		return
	}
	switch form.Get("decision") {
	case decisionLeave:
		s.deny(c, v)
	case decisionKeep:
		if err := s.keepAccount(c.Request.Context(), v); err != nil {
			s.stepFailed(c, v, err)
			return
		}
		s.advance(c, v, pathKeepAccount)
	default:
		facts, err := s.facts(c.Request.Context(), v)
		if err != nil || facts.User == nil {
			s.stepFailed(c, v, errors.Join(err, login.ErrConcurrent))
			return
		}
		_ = c.Error(ErrUndecided)
		s.showKeepAccount(c, v, facts, http.StatusUnprocessableEntity, ErrUndecided)
	}
}

// keepAccount keeps the account, if what was proved holds still.
func (s *SignIn) keepAccount(ctx context.Context, v *visit) error {
	progress := &v.transaction.Progress
	err := s.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		person, err := s.Users.ByID(ctx, tx, v.organization.ID, progress.UserID)
		if err != nil {
			return err
		}
		if _, err := s.Erasure.Keep(ctx, tx, v.organization, actorOf(person), person.ID); err != nil {
			return err
		}
		if len(progress.OneTimeLink) > 0 {
			if _, _, err := s.Links.Person(ctx, tx, v.organization.ID, progress.OneTimeLink); err != nil {
				return credential.ErrReplaced.WithCause(err)
			}
		}
		return s.stillProved(ctx, tx, v)
	})
	if errors.Is(err, user.ErrNotLeaving) || errors.Is(err, user.ErrNotFound) {
		return login.ErrConcurrent // decided in another tab, or erased
	}
	return err
}
