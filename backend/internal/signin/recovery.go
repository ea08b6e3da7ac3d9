package signin

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/web/letter"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// Who forgot their password chooses another one with a code of a mail, which ends everything that was signed in with the old
// one.

// ErrRecoveryClosed is the answer where nobody chooses another password by mail.
var ErrRecoveryClosed = fault.New(fault.Forbidden, "password_recovery_closed", "This organization lets nobody choose another password by mail.")

// recoveryOpen reports whether whoever reads a person's mail may choose their password.
func (s *SignIn) recoveryOpen(ctx context.Context, organization *org.Organization) bool {
	return organization.RecoversByMail() && s.Mails.Works(ctx, organization.ID)
}

func recovery() byMail {
	return byMail{step: login.ConfirmRecovery, page: pathForgotPassword, confirm: pathConfirmRecovery, purpose: page.ForgottenPassword, closed: ErrRecoveryClosed,
		open: (*SignIn).recoveryOpen, may: (*login.Transaction).MayRecover, proof: func(t *login.Transaction) *login.MailProof { return t.Progress.Recovery },
		wants: (*login.Transaction).WantsRecovery, forget: (*login.Transaction).ForgetRecovery, kind: "recover_password", write: letter.RecoverPassword,
		proved: (*SignIn).recover}
}

// ForgotPassword serves GET and POST of the page on which somebody says whose password they forgot.
func (s *SignIn) ForgotPassword(c *gin.Context) { s.askByMail(c, recovery()) }

// ConfirmRecovery serves GET and POST of the page that takes the code of the mail.
func (s *SignIn) ConfirmRecovery(c *gin.Context) { s.confirmByMail(c, recovery()) }

// recover lets the person choose a password, by a one-time link that is as good as opened.
func (s *SignIn) recover(ctx context.Context, v *visit, data login.RecoveryData) error {
	var token string
	err := s.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		// Nobody changes the address between the look at it and the link, which a change would have cancelled.
		if err := s.Users.Hold(ctx, tx, v.organization.ID, data.UserID); fault.IsKind(err, fault.NotFound) {
			return ErrCodeVoid.WithCause(err)
		} else if err != nil {
			return err
		}
		if _, err := s.ofMailbox(ctx, tx, v, data); err != nil {
			return err
		}
		var err error
		token, _, err = s.Links.CreateFor(ctx, tx, audit.Actor{Kind: audit.Anonymous, Name: "password recovery"}, v.organization.ID, data.UserID, login.Lifetime)
		return err
	})
	if err != nil {
		return err
	}
	v.transaction.OpenedLink(data.UserID, secret.Hash(token), s.Now())
	return s.Transactions.Save(ctx, v.transaction)
}
