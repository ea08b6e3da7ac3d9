package signin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/mailqueue"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/letter"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// The kinds of mail of signing up.
const (
	mailVerifyAddress mailqueue.Kind = "verify_address"
	mailAccountExists mailqueue.Kind = "account_exists"
)

// mailSignUp begins to wait for the proof of an address: it writes a code down and sends it. Where the address has an
// account the mail says so, and no code is ever right. Both take the same steps.
func (s *SignIn) mailSignUp(c *gin.Context, v *visit, data login.SignUpData) error {
	ctx, before := c.Request.Context(), v.transaction.Progress.SignUp
	if before != nil && before.Mails >= login.MailsMost {
		return ErrNoMoreMails
	}
	if err := s.SignUps.countMail(ctx, v.organization.ID, data.Email); err != nil {
		return err
	}
	_, _, err := s.Users.ByIdentifier(ctx, s.Store, v.organization.ID, data.Email)
	if err != nil && !fault.IsKind(err, fault.NotFound) {
		return err
	}
	exists, now := err == nil, s.Now()
	proof, code, err := s.newProof(v.transaction, before, data, data.Email)
	if err != nil {
		return err
	}
	if exists {
		proof.Code = s.codeHash(v.transaction, data.Email, secret.New(s.Random)) // of a code that nobody is told
	}
	v.transaction.WantsToSignUp(proof, now)
	if err := s.Transactions.Save(ctx, v.transaction); err != nil {
		return err
	}
	return s.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return s.Mails.Put(ctx, tx, s.signUpMail(c, v, data.Email, code, exists, proof.Expires))
	})
}

// mailSignUpAgain sends another mail to who asks for it, at the price that the first one had.
func (s *SignIn) mailSignUpAgain(c *gin.Context, v *visit, data login.SignUpData, form oauth.Parameters) error {
	ctx := c.Request.Context()
	err := s.checkWork(ctx, v, pathConfirm, data.Email, form)
	if err == nil {
		err = s.SignUps.count(ctx, v.organization.ID)
	}
	if err == nil {
		err = s.suspicious(ctx, v, pathSignUp, data.Email)
	}
	if err == nil {
		err = s.mailSignUp(c, v, data)
	}
	return err
}

func (s *SignIn) signUpMail(c *gin.Context, v *visit, address, code string, exists bool, expires time.Time) mailqueue.Mail {
	from := s.letterFrame(c, v)
	written := mailqueue.Mail{OrgID: v.organization.ID, Kind: mailVerifyAddress, To: address, FromName: v.organization.DisplayName, Expires: expires}
	var content letter.Content
	if exists {
		written.Kind = mailAccountExists
		content = letter.AccountExists(from, s.Issuers.Endpoint(v.organization, pathLogin))
	} else {
		query := url.Values{"transaction": {v.transaction.ID}, "code": {code}}
		content = letter.VerifyAddress(from, spoken(code), s.Issuers.Endpoint(v.organization, pathConfirm)+"?"+query.Encode(), int(codeLifetime/time.Minute))
	}
	written.Subject, written.Text, written.HTML = content.Subject, content.Text, content.HTML
	return written
}

// ConfirmAddress serves GET and POST of the page that takes the code of the mail. The link in the mail leads here with
// the code filled in; opening it changes nothing, because mail scanners open links too.
func (s *SignIn) ConfirmAddress(c *gin.Context) {
	if c.Request.Method == http.MethodPost {
		s.postConfirmAddress(c)
		return
	}
	if s.inOtherBrowser(c) {
		return
	}
	v := s.visit(c, c.Query("transaction"))
	if v == nil {
		return
	}
	if _, show := s.advance(c, v, pathConfirm); show {
		s.showConfirmAddress(c, v, http.StatusOK, spoken(readCode(c.Query("code"))), nil)
	}
}

// inOtherBrowser answers the link of a mail that was opened in another browser than the one it belongs to.
func (s *SignIn) inOtherBrowser(c *gin.Context) bool {
	if c.Query("code") == "" || s.isOurs(c, c.Query("transaction")) {
		return false
	}
	s.render(c, http.StatusOK, page.OtherBrowser{Frame: s.frame(c, oauth.Organization(c), nil)})
	return true
}

// isOurs reports whether the transaction is one of this browser, whatever became of it.
func (s *SignIn) isOurs(c *gin.Context, id string) bool {
	organization := oauth.Organization(c)
	browser := s.Cookies.Browser(c.Request, organization)
	if browser == "" {
		return false
	}
	transaction, err := s.Transactions.Load(c.Request.Context(), organization.ID, id, secret.Hash(browser))
	return err == nil || transaction != nil || !fault.IsKind(err, fault.NotFound)
}

func (s *SignIn) showConfirmAddress(c *gin.Context, v *visit, status int, code string, problem *fault.Error) {
	required := v.transaction.Required
	data, err := openProof[login.SignUpData](s, v.transaction, v.transaction.Progress.SignUp)
	if err != nil {
		s.Error(c, err)
		return
	}
	view := page.ConfirmCode{Frame: s.frame(c, v.organization, required.Requirement.UILocales), Form: s.form(v, pathConfirm), BackURL: path(v.organization, pathSignUp), Account: data.Email,
		Code: code, Again: c.Query("again") != "" && problem == nil, Fault: problem, MayResend: v.transaction.Progress.SignUp.Mails < login.MailsMost}
	view.Client, _ = s.clientView(c, v.organization, required.ClientID, view.Text.Language())
	if view.Work, err = s.work(c.Request.Context(), v, pathConfirm, data.Email, problem); err != nil {
		s.Error(c, err)
		return
	}
	s.render(c, status, view, s.leadsTo(v)...)
}

func (s *SignIn) postConfirmAddress(c *gin.Context) {
	v, form := s.atStep(c, pathConfirm, nil, login.ConfirmAddress)
	if v == nil {
		return
	}
	data, err := openProof[login.SignUpData](s, v.transaction, v.transaction.Progress.SignUp)
	if err != nil {
		s.Error(c, err)
		return
	}
	typed := form.Get("code")
	if form.Get("resend") != "" {
		if err = s.mailSignUpAgain(c, v, data, form); err == nil {
			s.Pages.SeeOther(c, path(v.organization, pathConfirm)+"?again=1&transaction="+v.transaction.ID)
			return
		}
	} else {
		err = s.confirm(c, v, data, readCode(typed))
	}
	if fault.IsKind(err, fault.Conflict) && fault.From(err).Code == ErrAddressTaken.Code {
		s.addressTaken(c, v, data.Email)
		return
	}
	if err != nil {
		s.mailStepFailed(c, v, err, func(status int, problem *fault.Error) { s.showConfirmAddress(c, v, status, typed, problem) })
		return
	}
	s.advance(c, v, pathConfirm)
}

// confirm makes the account when the code is right.
func (s *SignIn) confirm(c *gin.Context, v *visit, data login.SignUpData, code string) error {
	ctx := c.Request.Context()
	if err := s.checkCode(ctx, v.transaction, v.transaction.Progress.SignUp, data.Email, code); err != nil {
		return err
	}
	if data.Passkey {
		v.transaction.Progress.SignUp.Prove()
		return s.Transactions.Save(ctx, v.transaction)
	}
	hashed := credential.Kept(data.Password)
	made, err := s.makeAccount(ctx, v, data, func(ctx context.Context, tx *store.Tx, made *user.User) error {
		return s.Passwords.Store(ctx, tx, actorOf(made), made.OrgID, made.ID, hashed)
	})
	if err != nil {
		return err
	}
	v.transaction.SignedUp()
	v.transaction.Authenticated(made.ID, s.Now(), methodPassword)
	v.transaction.Progress.Password = hashed.Proof(made).Password
	return s.signedUp(ctx, v)
}

// signedUp writes down that the account was made, and by what it is opened.
func (s *SignIn) signedUp(ctx context.Context, v *visit) error {
	s.Observe("signed_up")
	return s.Transactions.Save(ctx, v.transaction)
}

// makeAccount judges anew what the organization may have changed since the mail went out. keep stores by what the account
// is opened.
func (s *SignIn) makeAccount(ctx context.Context, v *visit, data login.SignUpData, keep func(context.Context, *store.Tx, *user.User) error) (made *user.User, err error) {
	newcomer := audit.Actor{Kind: audit.Anonymous, Name: "sign-up"}
	err = s.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		organization, err := s.Organizations.Hold(ctx, tx, v.organization.ID)
		if err != nil {
			return err
		}
		if !s.SignUpOpen(ctx, organization) || !organization.Policies.SignUpAllows(data.Email) {
			return ErrSignUpClosed
		}
		if _, _, err := s.Users.ByIdentifier(ctx, tx, organization.ID, data.Email); !fault.IsKind(err, fault.NotFound) {
			if err == nil {
				err = ErrAddressTaken
			}
			return err
		}
		made, err = s.Users.Create(ctx, tx, newcomer, user.User{OrgID: organization.ID, Username: data.Email, Email: data.Email, EmailVerified: true, Profile: profileOf(data)})
		if err != nil {
			return err
		}
		if err := keep(ctx, tx, made); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, organization.ID, audit.Event{Action: "user.signed_up", Actor: actorOf(made), Target: user.Target(made),
			Details: map[string]any{"client_id": v.transaction.Required.ClientID}})
	})
	if fault.IsKind(err, fault.Conflict) && !errors.Is(err, credential.ErrPasskeyExists) { // somebody was faster between the two statements
		err = ErrAddressTaken
	}
	return made, err
}

// addressTaken leads a person who proved an address to the account that it has by now.
func (s *SignIn) addressTaken(c *gin.Context, v *visit, address string) {
	v.transaction.SignInInstead()
	v.transaction.ChooseAnother()
	if err := s.Transactions.Save(c.Request.Context(), v.transaction); err != nil {
		s.stepFailed(c, v, err)
		return
	}
	_ = c.Error(ErrAddressTaken)
	s.showLogin(c, v, http.StatusConflict, address, ErrAddressTaken)
}
