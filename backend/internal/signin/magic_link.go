package signin

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/letter"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// Where an organization allows it, whoever reads the mail of an account signs in by a link or code of a mail, in the browser
// in which they asked for it. A second factor is asked for as after a password. None of the values of amr (RFC 8176)
// says what a mailbox is, so none is reported.

// ErrMagicLinksOff is the answer where nobody signs in by mail.
var ErrMagicLinksOff = fault.New(fault.Forbidden, "magic_links_off", "Nobody signs in by mail here.")

// magicLinksOpen reports whether people sign in by mail.
func (s *SignIn) magicLinksOpen(ctx context.Context, organization *org.Organization) bool {
	return organization.SignsInByMail() && s.Mails.Works(ctx, organization.ID)
}

func magicLink() byMail {
	return byMail{step: login.ConfirmMagicLink, page: pathMagicLink, confirm: pathConfirmMagicLink, purpose: page.MagicLink, closed: ErrMagicLinksOff,
		open: (*SignIn).magicLinksOpen, may: (*login.Transaction).MayUseMagicLink, proof: func(t *login.Transaction) *login.MailProof { return t.Progress.MagicLink },
		wants: (*login.Transaction).WantsMagicLink, forget: (*login.Transaction).ForgetMagicLink, kind: "magic_link", write: letter.MagicLink,
		proved: (*SignIn).useMagicLink}
}

// MagicLink serves GET and POST of the page on which somebody says who wants to sign in by mail.
func (s *SignIn) MagicLink(c *gin.Context) { s.askByMail(c, magicLink()) }

// ConfirmMagicLink serves GET and POST of the page that takes the code of the mail. The link of the mail leads here; opening it
// changes nothing, and in another browser it signs nobody in.
func (s *SignIn) ConfirmMagicLink(c *gin.Context) { s.confirmByMail(c, magicLink()) }

// useMagicLink reports that whoever is in front of the browser reads the mail of the account.
func (s *SignIn) useMagicLink(ctx context.Context, v *visit, data login.RecoveryData) error {
	person, err := s.ofMailbox(ctx, s.Store, v, data)
	if err == nil {
		err = s.checkWanted(v, person)
	}
	if err != nil {
		return err
	}
	v.transaction.ReadMailbox(person.ID, person.Email, s.Now())
	err = s.Audit.Record(ctx, s.Store, v.organization.ID, audit.Event{Action: "magic_link.used", Actor: actorOf(person), Target: user.Target(person),
		Details: map[string]any{"client_id": v.transaction.Required.ClientID}})
	if err != nil {
		return err
	}
	s.Observe("success")
	return s.Transactions.Save(ctx, v.transaction)
}

// stillReads refuses to go on with the proof of a mailbox that is not the person's any more, or opens nothing any more.
func (s *SignIn) stillReads(ctx context.Context, db store.DB, v *visit) error {
	progress := &v.transaction.Progress
	if progress.Mailbox == "" || progress.Stronger != noSession {
		return nil
	}
	reads, err := s.Users.Reads(ctx, db, v.organization.ID, progress.UserID, progress.Mailbox)
	if err == nil && (!reads || !s.magicLinksOpen(ctx, v.organization)) {
		err = credential.ErrReplaced
	}
	return err
}
