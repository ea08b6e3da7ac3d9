package signin

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/mailqueue"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/letter"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// Who forgot their password says whose it is; if there is such a person, a mail with a code goes to the address that the
// account has. With the code, in the same browser, they choose another password, which ends everything that was signed in
// with the old one. Page and effort are the same for everybody, so nobody learns who has an account.

// mailRecoverPassword is the kind of mail of forgotten passwords.
const mailRecoverPassword mailqueue.Kind = "recover_password"

// The faults of forgotten passwords.
var (
	ErrRecoveryClosed    = fault.New(fault.Forbidden, "password_recovery_closed", "This organization lets nobody choose another password by mail.")
	ErrIdentifierMissing = fault.New(fault.Invalid, "identifier_missing", "Enter your e-mail address or username.").WithField("username")
)

// recoveryOpen reports whether whoever reads a person's mail may choose their password.
func (s *SignIn) recoveryOpen(ctx context.Context, organization *org.Organization) bool {
	return organization.RecoversByMail() && s.Mails.Works(ctx, organization.ID)
}

// ForgotPassword serves GET and POST of the page on which somebody says whose password they forgot.
func (s *SignIn) ForgotPassword(c *gin.Context) {
	if c.Request.Method == http.MethodPost {
		s.postForgotPassword(c)
		return
	}
	organization, id := oauth.Organization(c), c.Query("transaction")
	switch {
	case !s.recoveryOpen(c.Request.Context(), organization):
		s.Error(c, ErrRecoveryClosed)
		return
	case id == "":
		s.beginAt(c, login.Required{Continuation: homeContinuation}, pathForgotPassword)
		return
	}
	v := s.visit(c, id)
	if v == nil {
		return
	}
	if facts, show := s.advance(c, v, pathForgotPassword); show {
		username := s.suggestedUsername(v, facts)
		if chosen := v.transaction.Progress.Chosen; chosen != noSession {
			if person, err := s.Users.ByID(c.Request.Context(), s.Store, organization.ID, chosen); err == nil {
				username = person.Username
			}
		}
		s.showForgotPassword(c, v, http.StatusOK, username, nil)
	}
}

func (s *SignIn) showForgotPassword(c *gin.Context, v *visit, status int, username string, problem *fault.Error) {
	required := v.transaction.Required
	view := page.ForgotPassword{Frame: s.frame(c, v.organization, required.Requirement.UILocales), Form: s.form(v, pathForgotPassword), Username: username, Fault: problem}
	view.Client, _ = s.clientView(c, v.organization, required.ClientID, view.Text.Language())
	s.render(c, status, view, s.leadsTo(v)...)
}

func (s *SignIn) postForgotPassword(c *gin.Context) {
	v, form := s.atStep(c, pathForgotPassword, (*login.Transaction).MayRecover, login.ConfirmRecovery)
	if v == nil {
		return
	}
	switch form.Get("instead") {
	case "sign_in":
		v.transaction.ForgetRecovery()
		s.saved(c, v, pathLogin)
		return
	case "again":
		v.transaction.ForgetRecovery()
		s.saved(c, v, pathForgotPassword)
		return
	}
	typed := user.Normalize(form.Get("username"))
	err := error(ErrIdentifierMissing)
	if typed != "" && len(typed) <= 254 {
		if err = s.Recoveries.network.CountNetwork(c.Request.Context(), v.organization.ID); err == nil {
			err = s.mailRecovery(c, v, typed)
		}
	}
	if err != nil {
		s.mailStepFailed(c, v, err, func(status int, problem *fault.Error) { s.showForgotPassword(c, v, status, typed, problem) })
		return
	}
	s.advance(c, v, pathForgotPassword)
}

// mailRecovery writes a code down and sends it to the address of whom was named; to nobody where there is nobody.
func (s *SignIn) mailRecovery(c *gin.Context, v *visit, typed string) error {
	ctx, before := c.Request.Context(), v.transaction.Progress.Recovery
	if before != nil && before.Mails >= login.MailsMost {
		return ErrNoMoreMails
	}
	if err := s.Recoveries.typed.Count(ctx, v.organization.ID, strings.ToLower(typed)); err != nil {
		return err
	}
	person, _, err := s.Users.ByIdentifier(ctx, s.Store, v.organization.ID, typed)
	if err != nil && !fault.IsKind(err, fault.NotFound) {
		return err
	}
	data := login.RecoveryData{Typed: typed}
	reachable := err == nil && person.Status == user.Active && person.Email != ""
	if reachable {
		data.UserID, data.Email = person.ID, person.Email
	}
	// Counted for nobody, too; refused in silence, because a refusal would tell whose names are one account.
	if err := s.Recoveries.account.Count(ctx, v.organization.ID, subjectOf(data)); fault.IsKind(err, fault.RateLimited) {
		reachable = false
	} else if err != nil {
		return err
	}
	proof, code, err := s.newProof(v.transaction, before, data, subjectOf(data))
	if err != nil {
		return err
	}
	if !reachable {
		proof.Code = s.codeHash(v.transaction, subjectOf(data), secret.New(s.Random)) // of a code that nobody is told
	}
	v.transaction.WantsRecovery(proof, s.Now())
	if err := s.Transactions.Save(ctx, v.transaction); err != nil {
		return err
	}
	written := s.recoveryMail(c, v, code, proof.Expires)
	put := s.Mails.PutNothing
	if reachable {
		put, written.To, written.UserID = s.Mails.Put, person.Email, person.ID
	}
	return s.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error { return put(ctx, tx, written) })
}

// subjectOf is whose proof it is.
func subjectOf(data login.RecoveryData) string {
	if data.UserID == uuid.Nil {
		return "nobody:" + strings.ToLower(data.Typed)
	}
	return data.UserID.String()
}

func (s *SignIn) recoveryMail(c *gin.Context, v *visit, code string, expires time.Time) mailqueue.Mail {
	query := url.Values{"transaction": {v.transaction.ID}, "code": {code}}
	content := letter.RecoverPassword(s.letterFrame(c, v), spoken(code), s.Issuers.Endpoint(v.organization, pathConfirmRecovery)+"?"+query.Encode(), int(codeLifetime/time.Minute))
	return mailqueue.Mail{OrgID: v.organization.ID, Kind: mailRecoverPassword, FromName: v.organization.DisplayName, Expires: expires,
		Subject: content.Subject, Text: content.Text, HTML: content.HTML}
}

// letterFrame is what a mail to the person in front of the browser has.
func (s *SignIn) letterFrame(c *gin.Context, v *visit) letter.Frame {
	frame := s.frame(c, v.organization, v.transaction.Required.Requirement.UILocales)
	return letter.Frame{Text: frame.Text, Organization: v.organization.DisplayName, Color: v.organization.Branding.BrandColor, Site: s.Issuers.URL(v.organization)}
}

// ConfirmRecovery serves GET and POST of the page that takes the code of the mail.
func (s *SignIn) ConfirmRecovery(c *gin.Context) {
	if c.Request.Method == http.MethodPost {
		s.postConfirmRecovery(c)
		return
	}
	if s.inOtherBrowser(c) {
		return
	}
	v := s.visit(c, c.Query("transaction"))
	if v == nil {
		return
	}
	if _, show := s.advance(c, v, pathConfirmRecovery); show {
		s.showConfirmRecovery(c, v, http.StatusOK, spoken(readCode(c.Query("code"))), nil)
	}
}

func (s *SignIn) showConfirmRecovery(c *gin.Context, v *visit, status int, code string, problem *fault.Error) {
	required := v.transaction.Required
	data, err := openProof[login.RecoveryData](s, v.transaction, v.transaction.Progress.Recovery)
	if err != nil {
		s.Error(c, err)
		return
	}
	view := page.ConfirmCode{Frame: s.frame(c, v.organization, required.Requirement.UILocales), Form: s.form(v, pathConfirmRecovery), For: page.ForgottenPassword,
		BackURL: path(v.organization, pathForgotPassword), Account: data.Typed, Code: code, Again: c.Query("again") != "" && problem == nil, Fault: problem,
		MayResend: v.transaction.Progress.Recovery.Mails < login.MailsMost}
	view.Client, _ = s.clientView(c, v.organization, required.ClientID, view.Text.Language())
	s.render(c, status, view, s.leadsTo(v)...)
}

func (s *SignIn) postConfirmRecovery(c *gin.Context) {
	v, form := s.atStep(c, pathConfirmRecovery, nil, login.ConfirmRecovery)
	if v == nil {
		return
	}
	data, err := openProof[login.RecoveryData](s, v.transaction, v.transaction.Progress.Recovery)
	if err != nil {
		s.Error(c, err)
		return
	}
	if form.Get("resend") != "" {
		if err = s.mailRecovery(c, v, data.Typed); err == nil {
			s.Pages.SeeOther(c, path(v.organization, pathConfirmRecovery)+"?again=1&transaction="+v.transaction.ID)
			return
		}
	} else {
		err = s.recover(c.Request.Context(), v, data, readCode(form.Get("code")))
	}
	if err != nil {
		s.mailStepFailed(c, v, err, func(status int, problem *fault.Error) { s.showConfirmRecovery(c, v, status, form.Get("code"), problem) })
		return
	}
	s.advance(c, v, pathConfirmRecovery)
}

// recover lets the person choose a password when the code is right, by a one-time link that is as good as opened.
func (s *SignIn) recover(ctx context.Context, v *visit, data login.RecoveryData, code string) error {
	if err := s.checkCode(ctx, v.transaction, v.transaction.Progress.Recovery, subjectOf(data), code); err != nil {
		return err
	}
	var token string
	err := s.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		person, err := s.Users.ByID(ctx, tx, v.organization.ID, data.UserID)
		if err != nil {
			return err
		}
		if data.Email != "" && !strings.EqualFold(person.Email, data.Email) {
			return ErrCodeVoid // the address was changed since: its former mailbox opens nothing any more
		}
		token, _, err = s.Links.CreateFor(ctx, tx, audit.Actor{Kind: audit.Anonymous, Name: "password recovery"}, v.organization.ID, data.UserID, login.Lifetime)
		return err
	})
	if err != nil {
		return err
	}
	v.transaction.OpenedLink(data.UserID, secret.Hash(token), s.Now())
	return s.Transactions.Save(ctx, v.transaction)
}
