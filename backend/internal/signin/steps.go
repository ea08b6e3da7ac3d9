package signin

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/metadatadocument"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// Consent serves GET and POST of the consent page.
func (s *SignIn) Consent(c *gin.Context) {
	if c.Request.Method == http.MethodPost {
		s.postConsent(c)
		return
	}
	v := s.visit(c, c.Query("transaction"))
	if v == nil {
		return
	}
	if facts, show := s.advance(c, v, pathConsent); show {
		s.showConsent(c, v, facts, http.StatusOK, nil)
	}
}

func (s *SignIn) showConsent(c *gin.Context, v *visit, facts login.Facts, status int, problem *fault.Error) {
	required, live := v.transaction.Required, v.transaction.Live(facts.Browser)
	frame := s.frame(c, v.organization, required.Requirement.UILocales)
	shown, asking := s.clientView(c, v.organization, required.ClientID, frame.Text.Language())
	if shown == nil {
		s.deny(c, v) // the application is gone; its answer says so
		return
	}
	view := page.Consent{Frame: frame, Form: s.form(v, pathConsent), Client: *shown,
		Username: live.User.DisplayName(), Fault: problem}
	view.Form.CSRFToken = s.consentToken(v, live)
	view.Client.Host = webHost(s.leadsTo(v))
	if asking.Origin == client.MetadataDocument {
		view.Document = &page.Document{Host: metadatadocument.Host(asking.ClientID), OnThisMachine: asking.Public() && !isSecure(s.leadsTo(v))}
		view.EachTime = view.Document.OnThisMachine
	}
	s.describeAsked(c, v.organization, &view, asking, required.Requirement.Consent)
	s.render(c, status, view, s.leadsTo(v)...)
}

// describeAsked fills in what an application asks for, and what is to be compared, as people read it.
func (s *SignIn) describeAsked(c *gin.Context, organization *org.Organization, view *page.Consent, asking *client.Client, consent *login.ConsentRequirement) {
	if elsewhere := consent.Elsewhere; elsewhere != nil {
		view.Elsewhere = &page.Elsewhere{Code: elsewhere.Code, Minutes: int(max(s.Now().Sub(elsewhere.BegunAt), 0) / time.Minute)}
		if elsewhere.Backchannel {
			view.Elsewhere.Application, view.Elsewhere.Message, view.Elsewhere.Host = true, elsewhere.Message, registeredHost(asking)
			view.Elsewhere.Left = int(max(elsewhere.Until.Sub(s.Now()), 0) / time.Minute)
		}
	}
	for _, detail := range consent.Details {
		sentence, facts := oauth.Describe(organization, detail, view.Text.Language())
		shown := page.Detail{Sentence: sentence}
		for _, fact := range facts {
			shown.Facts = append(shown.Facts, page.Fact(fact))
		}
		view.Details = append(view.Details, shown)
	}
	for _, scope := range consent.Scopes {
		if identifier, ok := grant.ConsentedResource(scope); ok {
			view.Resources = append(view.Resources, s.resourceView(c, organization, identifier))
			continue
		}
		view.Scopes = append(view.Scopes, page.Scope{Name: scope, Description: organization.Policies.DescribeScope(scope, view.Text.Language())})
	}
}

// resourceView is a resource server as people read it: its name and where it is.
func (s *SignIn) resourceView(c *gin.Context, organization *org.Organization, identifier string) page.Resource {
	shown := page.Resource{Name: identifier, Identifier: identifier}
	all, err := s.Resources.All(c.Request.Context(), organization.ID)
	if err != nil {
		_ = c.Error(err) // its identifier says enough to decide
	}
	for _, known := range all {
		if known.Identifier == identifier {
			shown.Name = known.Name
		}
	}
	return shown
}

func (s *SignIn) postConsent(c *gin.Context) {
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
	if v.transaction.Next(facts) != login.Consent {
		s.advance(c, v, pathConsent) // answered in another tab, or not reached yet
		return
	}
	live := v.transaction.Live(facts.Browser)
	if err := s.checkForm(c, form, s.consentToken(v, live)); err != nil {
		s.Error(c, err)
		return
	}
	switch form.Get("decision") {
	case "deny":
		v.transaction.Progress.RefusedBy = live.User.ID
		s.deny(c, v)
		return
	case "allow":
	default:
		s.showConsent(c, v, facts, http.StatusUnprocessableEntity, ErrUndecided)
		return
	}
	asked := v.transaction.Required.Requirement.Consent
	if err := s.keepNew(c, v, actorOf(live.User)); err != nil {
		s.Error(c, err)
		return
	}
	err = s.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return s.Grants.Consent(ctx, tx, actorOf(live.User), v.organization.ID, live.User.ID, asked.ClientID, asked.Scopes)
	})
	if err != nil {
		s.Error(c, err)
		return
	}
	v.transaction.Progress.Consented = true
	if err := s.Transactions.Save(ctx, v.transaction); err != nil {
		s.stepFailed(c, v, err)
		return
	}
	s.advance(c, v, pathConsent)
}

// keepNew makes an application that describes itself, and that nobody allowed anything yet, one of the organization's
// clients: from here on there is something to remember of it.
func (s *SignIn) keepNew(c *gin.Context, v *visit, actor audit.Actor) error {
	asked := v.transaction.Required.Requirement.Consent
	if asked.ClientID != uuid.Nil {
		return nil
	}
	ctx := c.Request.Context()
	found, err := s.Directory.Find(ctx, v.organization, v.transaction.Required.ClientID)
	if err != nil {
		return err
	}
	if found, err = s.Documents.Keep(ctx, v.organization, actor, found); err != nil {
		return err
	}
	asked.ClientID, v.clientRowID = found.ID, found.ID
	return nil
}

// isSecure reports whether answers go where TLS says who gets them.
func isSecure(addresses []string) bool {
	return len(addresses) > 0 && strings.HasPrefix(addresses[0], "https://")
}

// ChangePassword serves GET and POST of the page on which a password is chosen.
func (s *SignIn) ChangePassword(c *gin.Context) {
	if c.Request.Method == http.MethodPost {
		s.postChangePassword(c)
		return
	}
	v := s.visit(c, c.Query("transaction"))
	if v == nil {
		return
	}
	if facts, show := s.advance(c, v, pathChangePassword); show {
		s.showChangePassword(c, v, facts, http.StatusOK, nil)
	}
}

func (s *SignIn) showChangePassword(c *gin.Context, v *visit, facts login.Facts, status int, problem *fault.Error) {
	view := page.ChangePassword{Frame: s.frame(c, v.organization, v.transaction.Required.Requirement.UILocales), Form: s.form(v, pathChangePassword),
		Username: facts.User.Username, First: len(v.transaction.Progress.OneTimeLink) > 0, MinLength: v.organization.Policies.PasswordMinimum(),
		MayLosePasskeys: v.transaction.MayLosePasskeys(facts.Factors), Fault: problem}
	s.render(c, status, view, s.leadsTo(v)...)
}

func (s *SignIn) postChangePassword(c *gin.Context) {
	v, form := s.posted(c)
	if v == nil {
		return
	}
	ctx := c.Request.Context()
	facts, err := s.facts(ctx, v)
	if err != nil {
		s.Error(c, err)
		return
	}
	if v.transaction.Next(facts) != login.ChangePassword {
		s.advance(c, v, pathChangePassword)
		return
	}
	if err := s.stillProved(ctx, s.Store, v); err != nil { // before the new password is compared with the present one
		s.stepFailed(c, v, err)
		return
	}
	hashed, err := s.newPassword(ctx, v.organization, facts.User, form, len(v.transaction.Progress.OneTimeLink) > 0)
	if problem := fault.From(err); problem != nil {
		if problem.Kind != fault.Invalid {
			s.Error(c, err)
			return
		}
		s.showChangePassword(c, v, facts, http.StatusUnprocessableEntity, problem)
		return
	}
	lost := form.Get("passkeys_lost") != "" && v.transaction.MayLosePasskeys(facts.Factors)
	if err := s.storePassword(c, v, facts.User, hashed, lost); err != nil {
		s.stepFailed(c, v, err)
		return
	}
	v.transaction.Progress.OneTimeLink, v.transaction.Progress.Password = nil, hashed.Proof(facts.User).Password
	if !slices.Contains(v.transaction.Progress.Methods, methodPassword) {
		v.transaction.Progress.Methods = append(v.transaction.Progress.Methods, methodPassword)
	}
	if err := s.Transactions.Save(ctx, v.transaction); err != nil {
		s.stepFailed(c, v, err)
		return
	}
	s.advance(c, v, pathChangePassword)
}

func (s *SignIn) newPassword(ctx context.Context, organization *org.Organization, person *user.User, form oauth.Parameters, first bool) (credential.Hashed, error) {
	chosen := form.Get("new_password")
	if chosen != form.Get("new_password_confirmation") {
		return credential.Hashed{}, ErrMismatch
	}
	if !first {
		same, err := s.Passwords.Matches(ctx, person.OrgID, person.ID, chosen)
		if err != nil {
			return credential.Hashed{}, err
		}
		if same {
			return credential.Hashed{}, credential.ErrSame
		}
	}
	return s.Passwords.Hash(ctx, organization, person, chosen)
}

// storePassword stores the password, spends the link that allowed it, and ends everything that was signed
// in with the old one. lost says that the passkeys of the person are to be removed, too.
func (s *SignIn) storePassword(c *gin.Context, v *visit, person *user.User, hashed credential.Hashed, lost bool) error {
	return s.Store.InTx(c.Request.Context(), func(ctx context.Context, tx *store.Tx) error {
		if err := s.stillProved(ctx, tx, v); err != nil {
			return err
		}
		if link := v.transaction.Progress.OneTimeLink; len(link) > 0 {
			owner, err := s.Links.Use(ctx, tx, person.OrgID, link)
			if err != nil {
				return err
			}
			if owner != person.ID {
				return credential.ErrLinkInvalid
			}
		}
		hashed, err := s.Passwords.ChosenAfter(ctx, tx, person.OrgID, person.ID, v.transaction.Progress.Methods, hashed)
		if err != nil {
			return err
		}
		if err := s.Passwords.Store(ctx, tx, actorOf(person), person.OrgID, person.ID, hashed); err != nil {
			return err
		}
		if err := s.Users.CompleteAction(ctx, tx, person.OrgID, person.ID, user.ChangePassword); err != nil {
			return err
		}
		if err := s.Letters.PasswordChanged(ctx, tx, v.organization, person); err != nil {
			return err
		}
		if lost {
			if err := s.losePasskeys(ctx, tx, v.organization, person); err != nil {
				return err
			}
		}
		return s.Sessions.EndAll(ctx, tx, actorOf(person), person.OrgID, person.ID, noSession, "password changed")
	})
}
