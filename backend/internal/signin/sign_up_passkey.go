package signin

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/page"
	"github.com/clavex/clavex/backend/internal/webauthn"
)

// Who signs up may make a passkey instead of choosing a password. It is made when the address is proved, on a page of its
// own, and the account with it; until then there is nothing.

// preparePasskey counts the attempt and draws the user handle that the passkey will have.
func (s *SignIn) preparePasskey(ctx context.Context, v *visit, typed *login.SignUpData) error {
	if !s.passkeysOpen(v.organization) {
		return ErrPasskeysOff
	}
	if err := s.SignUps.count(ctx, v.organization.ID); err != nil {
		return err
	}
	handle, err := s.Passkeys.NewHandle()
	typed.Handle = handle
	return err
}

// SignUpPasskey serves GET and POST of the page on which a newcomer makes a passkey.
func (s *SignIn) SignUpPasskey(c *gin.Context) {
	if c.Request.Method == http.MethodPost {
		s.postSignUpPasskey(c)
		return
	}
	v := s.visit(c, c.Query("transaction"))
	if v == nil {
		return
	}
	if _, show := s.advance(c, v, pathSignUpPasskey); show {
		s.showSignUpPasskey(c, v, http.StatusOK, nil)
	}
}

func (s *SignIn) showSignUpPasskey(c *gin.Context, v *visit, status int, problem *fault.Error) {
	required := v.transaction.Required
	data, err := openProof[login.SignUpData](s, v.transaction, v.transaction.Progress.SignUp)
	if err != nil {
		s.Error(c, err)
		return
	}
	view := page.SignUpPasskey{Frame: s.frame(c, v.organization, required.Requirement.UILocales), Form: s.form(v, pathSignUpPasskey), Email: data.Email, Fault: problem}
	if s.passkeysOpen(v.organization) {
		options, err := s.Ceremonies.Create(webauthn.NewPasskey{About: s.aboutSignIn(v), Handle: data.Handle, Username: data.Email, DisplayName: profileOf(data).Name,
			PartyName: v.organization.DisplayName, Conveyance: v.organization.Policies.Attestation.Conveys()})
		if err != nil {
			s.Error(c, err)
			return
		}
		view.Passkey = &page.Passkey{Form: s.form(v, pathSignUpPasskey), Options: string(options)}
	}
	view.Client, _ = s.clientView(c, v.organization, required.ClientID, view.Text.Language())
	s.render(c, status, view, s.leadsTo(v)...)
}

func (s *SignIn) postSignUpPasskey(c *gin.Context) {
	v, form := s.atStep(c, pathSignUpPasskey, nil, login.MakePasskey)
	if v == nil {
		return
	}
	if form.Get("instead") == "again" {
		v.transaction.ForgetSignUp()
		s.saved(c, v, pathSignUp)
		return
	}
	data, err := openProof[login.SignUpData](s, v.transaction, v.transaction.Progress.SignUp)
	if err == nil {
		err = s.signUpWithPasskey(c, v, data, form.Get(fieldPasskey))
	}
	switch problem := fault.From(err); {
	case err == nil:
		s.advance(c, v, pathSignUpPasskey)
	case problem.Code == ErrAddressTaken.Code:
		s.addressTaken(c, v, data.Email)
	case problem.Field == fieldPasskey:
		_ = c.Error(err)
		s.showSignUpPasskey(c, v, http.StatusUnprocessableEntity, problem)
	default:
		s.mailStepFailed(c, v, err, func(status int, problem *fault.Error) { s.showSignUpPasskey(c, v, status, problem) })
	}
}

// signUpWithPasskey makes the account that the passkey opens.
func (s *SignIn) signUpWithPasskey(c *gin.Context, v *visit, data login.SignUpData, answer string) error {
	ctx := c.Request.Context()
	if !s.passkeysOpen(v.organization) {
		return ErrPasskeysOff
	}
	passkey, err := s.Ceremonies.Created(ctx, s.aboutSignIn(v), answer)
	if err != nil {
		return err
	}
	passkey.Name = s.frame(c, v.organization, v.transaction.Required.Requirement.UILocales).Text.T("passkey_first_name")
	made, err := s.makeAccount(ctx, v, data, func(ctx context.Context, tx *store.Tx, made *user.User) (err error) {
		passkey, err = s.keepFirst(ctx, tx, made, passkey, data.Handle)
		return err
	})
	if err != nil {
		return err
	}
	v.transaction.SignedUp()
	v.transaction.Authenticated(made.ID, s.Now(), session.PasskeyMethods(passkey.BackupEligible, passkey.UserVerified)...)
	v.transaction.Progress.Passkey = &login.Passkey{ID: passkey.ID, AAGUID: passkey.AAGUID}
	return s.signedUp(ctx, v)
}

// keepFirst stores the passkey of a new account under the handle that the authenticator was told.
func (s *SignIn) keepFirst(ctx context.Context, tx *store.Tx, made *user.User, passkey credential.Passkey, handle []byte) (credential.Passkey, error) {
	if err := s.Passkeys.SetHandle(ctx, tx, made.OrgID, made.ID, handle); err != nil {
		return passkey, err
	}
	passkey.OrgID, passkey.UserID = made.OrgID, made.ID
	return s.Passkeys.Register(ctx, tx, actorOf(made), passkey)
}
