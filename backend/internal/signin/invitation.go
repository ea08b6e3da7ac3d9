package signin

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/notice"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/page"
	"github.com/clavex/clavex/backend/internal/webauthn"
)

// Who was invited opens the link of a letter, in whatever browser, and chooses a password or makes a passkey on the page
// that it leads to. Only that accepts the invitation, once, and proves the address that the letter went to: opening the link
// changes nothing, because mail scanners open links too.

// OpenInvitation serves the link of an invitation. It begins a sign-in in which the invitation may be accepted.
func (s *SignIn) OpenInvitation(c *gin.Context) {
	ctx, organization, hash := c.Request.Context(), oauth.Organization(c), secret.Hash(c.Query("token"))
	c.Header("Referrer-Policy", "no-referrer")
	invited, err := s.Invitations.Person(ctx, s.Store, organization.ID, hash)
	if err != nil {
		s.Error(c, err)
		return
	}
	_, browserHash := s.browser(c, organization)
	transaction, err := s.Transactions.Begin(ctx, organization.ID, browserHash, login.Required{Continuation: homeContinuation})
	if err == nil {
		transaction.OpenedInvitation(invited, hash, s.Now())
		err = s.Transactions.Save(ctx, transaction)
	}
	if err != nil {
		s.Error(c, err)
		return
	}
	s.Pages.SeeOther(c, path(organization, pathAcceptInvitation)+"?transaction="+transaction.ID)
}

// AcceptInvitation serves GET and POST of the page on which somebody who was invited chooses how they sign in.
func (s *SignIn) AcceptInvitation(c *gin.Context) {
	if c.Request.Method == http.MethodPost {
		s.postAcceptInvitation(c)
		return
	}
	v := s.visit(c, c.Query("transaction"))
	if v == nil {
		return
	}
	if facts, show := s.advance(c, v, pathAcceptInvitation); show {
		s.showAcceptInvitation(c, v, facts, http.StatusOK, nil)
	}
}

func (s *SignIn) showAcceptInvitation(c *gin.Context, v *visit, facts login.Facts, status int, problem *fault.Error) {
	ctx, person := c.Request.Context(), facts.User
	if _, err := s.Invitations.Person(ctx, s.Store, v.organization.ID, v.transaction.Progress.Invitation); err != nil {
		s.Error(c, err) // accepted elsewhere, withdrawn or replaced meanwhile
		return
	}
	view := page.ChangePassword{Frame: s.frame(c, v.organization, []string{person.Profile.Locale}), Form: s.form(v, pathAcceptInvitation), Invited: true,
		Username: person.Username, MinLength: v.organization.Policies.PasswordMinimum(), Fault: problem}
	if s.passkeysOpen(v.organization) {
		handle, err := s.Passkeys.Handle(ctx, s.Store, person.OrgID, person.ID)
		var options webauthn.Options
		if err == nil {
			options, err = s.Ceremonies.Create(webauthn.NewPasskey{About: s.aboutSignIn(v), Handle: handle, Username: person.Username, DisplayName: person.DisplayName(),
				PartyName: v.organization.DisplayName, Conveyance: v.organization.Policies.Attestation.Conveys()})
		}
		if err != nil {
			s.Error(c, err)
			return
		}
		view.Passkey = &page.Passkey{Form: s.form(v, pathAcceptInvitation), Options: string(options)}
	}
	s.render(c, status, view, s.leadsTo(v)...)
}

func (s *SignIn) postAcceptInvitation(c *gin.Context) {
	v, form := s.atStep(c, pathAcceptInvitation, nil, login.AcceptInvitation)
	if v == nil {
		return
	}
	facts, err := s.facts(c.Request.Context(), v)
	if err == nil {
		if answer := form.Get(fieldPasskey); answer != "" {
			err = s.acceptWithPasskey(c, v, facts.User, answer)
		} else {
			err = s.acceptWithPassword(c.Request.Context(), v, facts.User, form)
		}
	}
	switch problem := fault.From(err); {
	case err == nil:
		s.advance(c, v, pathAcceptInvitation)
	case problem.Code == credential.ErrInvitationInvalid.Code: // perhaps this very form was sent before: the sign-in says where it is
		s.stepFailed(c, v, login.ErrConcurrent)
	case problem.Field == fieldPasskey:
		_ = c.Error(err)
		s.showAcceptInvitation(c, v, facts, http.StatusUnprocessableEntity, problem)
	default:
		s.mailStepFailed(c, v, err, func(status int, problem *fault.Error) { s.showAcceptInvitation(c, v, facts, status, problem) })
	}
}

// accept spends the invitation in the transaction in which keep stores by what the account is opened.
func (s *SignIn) accept(ctx context.Context, v *visit, person *user.User, keep func(context.Context, *store.Tx) error) error {
	return s.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		actor := actorOf(person)
		if _, err := s.Users.ProveEmail(ctx, tx, actor, person.OrgID, person.ID, person.Email); err != nil { // locks the person
			return credential.ErrInvitationInvalid.WithCause(err)
		}
		if _, err := s.Invitations.Accept(ctx, tx, actor, person.OrgID, person.ID, v.transaction.Progress.Invitation); err != nil {
			return err
		}
		return keep(ctx, tx)
	})
}

func (s *SignIn) acceptWithPassword(ctx context.Context, v *visit, person *user.User, form oauth.Parameters) error {
	hashed, err := s.newPassword(ctx, v.organization, person, form, true)
	if err != nil {
		return err
	}
	err = s.accept(ctx, v, person, func(ctx context.Context, tx *store.Tx) error {
		if err := s.Passwords.Store(ctx, tx, actorOf(person), person.OrgID, person.ID, hashed); err != nil {
			return err
		}
		return s.Users.CompleteAction(ctx, tx, person.OrgID, person.ID, user.ChangePassword)
	})
	if err != nil {
		return err
	}
	v.transaction.AcceptedInvitation(s.Now(), methodPassword)
	v.transaction.Progress.Password = hashed.Proof(person).Password
	return s.Transactions.Save(ctx, v.transaction)
}

func (s *SignIn) acceptWithPasskey(c *gin.Context, v *visit, person *user.User, answer string) error {
	ctx := c.Request.Context()
	if !s.passkeysOpen(v.organization) {
		return ErrPasskeysOff
	}
	passkey, err := s.Ceremonies.Created(ctx, s.aboutSignIn(v), answer)
	if err != nil {
		return err
	}
	passkey.OrgID, passkey.UserID = person.OrgID, person.ID
	passkey.Name = s.frame(c, v.organization, []string{person.Profile.Locale}).Text.T("passkey_first_name")
	err = s.accept(ctx, v, person, func(ctx context.Context, tx *store.Tx) error {
		if passkey, err = s.Passkeys.Register(ctx, tx, actorOf(person), passkey); err != nil {
			return err
		}
		return s.Users.CompleteAction(ctx, tx, person.OrgID, person.ID, user.EnrolPasskey)
	})
	if err != nil {
		return err
	}
	v.transaction.AcceptedInvitation(s.Now(), session.PasskeyMethods(passkey.BackupEligible, passkey.UserVerified)...)
	v.transaction.Progress.Passkey = &login.Passkey{ID: passkey.ID, AAGUID: passkey.AAGUID}
	return s.Transactions.Save(ctx, v.transaction)
}

// pathInvitation is where the link of an invitation leads.
const pathInvitation = notice.PathInvitation

// pathAcceptInvitation is the page of the step.
const pathAcceptInvitation = pathInvitation + "/accept"
