package signin

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/identityprovider"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// What the buttons of the page say.
const (
	decisionLink = "link"
	decisionSkip = "skip"
)

// LinkIdentity serves GET and POST of the page on which somebody who proved an account elsewhere and one here says whether
// they are linked.
func (s *SignIn) LinkIdentity(c *gin.Context) {
	if c.Request.Method == http.MethodPost {
		s.postLinkIdentity(c)
		return
	}
	v := s.visit(c, c.Query("transaction"))
	if v == nil {
		return
	}
	if facts, show := s.advance(c, v, pathLinkIdentity); show {
		s.showLinkIdentity(c, v, v.transaction.Live(facts.Browser), http.StatusOK, nil)
	}
}

// linking is which account elsewhere it is about.
func (s *SignIn) linking(ctx context.Context, v *visit) (data login.LinkingData, provider *identityprovider.Provider, err error) {
	linking := v.transaction.Progress.Linking
	plain, err := s.Ring.Open(linking.SealedBy, linking.Sealed, sealedFor(v.transaction))
	if err == nil {
		err = json.Unmarshal(plain, &data)
	}
	if err == nil {
		provider, err = s.Providers.Known(ctx, v.organization.ID, linking.ProviderID)
	}
	return data, provider, err
}

func (s *SignIn) showLinkIdentity(c *gin.Context, v *visit, live *session.Live, status int, problem *fault.Error) {
	data, provider, err := s.linking(c.Request.Context(), v)
	if fault.IsKind(err, fault.NotFound) { // it was switched off meanwhile: there is nothing to link
		v.transaction.LinkAnswered()
		if err = s.Transactions.Save(c.Request.Context(), v.transaction); err == nil {
			s.advance(c, v, pathLinkIdentity)
			return
		}
	}
	if err != nil {
		s.Error(c, err)
		return
	}
	frame := s.frame(c, v.organization, v.transaction.Required.Requirement.UILocales)
	words := frame.Text
	elsewhere := data.Name
	switch { // the name is what the provider tells; the subject is what is linked
	case elsewhere == "":
		elsewhere = data.Subject
	case elsewhere != data.Subject:
		elsewhere += " (" + data.Subject + ")"
	}
	view := page.Question{Frame: frame, Form: s.form(v, pathLinkIdentity), ID: "link-identity", Heading: words.T("link_identity_title", "Provider", provider.Name),
		Paragraphs: []string{words.T("link_identity_text", "Provider", provider.Name, "Elsewhere", elsewhere, "Username", live.User.Username), words.T("link_identity_effect", "Provider", provider.Name)},
		Name:       "decision", Value: decisionLink, Submit: words.T("link_identity_submit"), Wait: words.T("password_busy"),
		Other: &page.Other{ID: "link-identity-skip", Name: "decision", Value: decisionSkip, Label: words.T("link_identity_skip"), Wait: words.T("password_busy")}, Fault: problem}
	view.CSRFToken = s.consentToken(v, live)
	s.render(c, status, view, s.leadsTo(v)...)
}

// postLinkIdentity acts on the answer of the person who was asked: of two people at one browser, neither links the account of
// the other.
func (s *SignIn) postLinkIdentity(c *gin.Context) {
	v, form := s.received(c)
	if v == nil {
		return
	}
	ctx := c.Request.Context()
	facts, err := s.facts(ctx, v)
	if err != nil {
		s.Error(c, err)
		return
	}
	if v.transaction.Next(facts) != login.LinkIdentity {
		s.advance(c, v, pathLinkIdentity)
		return
	}
	live := v.transaction.Live(facts.Browser)
	if err := s.checkForm(c, form, s.consentToken(v, live)); err != nil {
		s.Error(c, err)
		return
	}
	switch form.Get("decision") {
	case decisionLink:
		err = s.linkIdentity(c, v, facts.Browser)
	case decisionSkip:
	default:
		err = ErrUndecided
	}
	if problem := fault.From(err); err != nil && (problem.Kind == fault.Invalid || problem.Kind == fault.Conflict) {
		_ = c.Error(err)
		s.showLinkIdentity(c, v, live, StatusOf(problem), problem)
		return
	}
	if err == nil {
		v.transaction.LinkAnswered()
		err = s.Transactions.Save(ctx, v.transaction)
	}
	if err != nil {
		s.stepFailed(c, v, err)
		return
	}
	s.advance(c, v, pathLinkIdentity)
}

// linkIdentity links the two accounts. The session goes on with a fresh token, because there is one more way into the account.
func (s *SignIn) linkIdentity(c *gin.Context, v *visit, browser session.Browser) error {
	ctx, live, after := c.Request.Context(), v.transaction.Live(browser), session.Browser(nil)
	data, provider, err := s.linking(ctx, v)
	if err != nil {
		return err
	}
	err = s.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if after, err = s.replace(ctx, tx, browser, live); err != nil {
			return err
		}
		if _, err := s.Providers.Link(ctx, tx, actorOf(live.User), identityprovider.Identity{OrgID: v.organization.ID, ProviderID: provider.ID, Subject: data.Subject, Name: data.Name,
			UserID: live.User.ID}); err != nil {
			return err
		}
		return s.Letters.IdentityLinked(ctx, tx, v.organization, live.User, provider.Name)
	})
	if err == nil {
		s.carry(c, v, after)
	}
	return err
}
