package signin

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/mailqueue"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/page"
	"github.com/clavex/clavex/backend/internal/webauthn"
)

// What an administrator requires of a person is done while they sign in, or go on with a session that they have: another
// password (ChangePassword), a code that goes to their address, a passkey. What cannot be done now waits.

// VerifyEmail serves GET and POST of the page on which somebody has a code sent to the address of their account. The mail goes
// out by the button, not by looking at the page.
func (s *SignIn) VerifyEmail(c *gin.Context) {
	if c.Request.Method == http.MethodPost {
		s.postVerifyEmail(c)
		return
	}
	v := s.visit(c, c.Query("transaction"))
	if v == nil {
		return
	}
	if facts, show := s.advance(c, v, pathVerifyEmail); show {
		s.showVerifyEmail(c, v, facts, http.StatusOK, nil)
	}
}

func (s *SignIn) showVerifyEmail(c *gin.Context, v *visit, facts login.Facts, status int, problem *fault.Error) {
	frame := s.frame(c, v.organization, v.transaction.Required.Requirement.UILocales)
	words, person := frame.Text, v.transaction.Live(facts.Browser).User
	view := page.Question{Frame: frame, Form: s.form(v, pathVerifyEmail), ID: "verify-email", Heading: words.T("verify_email_title"),
		Paragraphs: []string{words.T("verify_email_text", "Organization", v.organization.DisplayName, "Email", person.Email)},
		Name:       "decision", Value: "send", Submit: words.T("forgot_submit"), Wait: words.T("sign_up_busy"), Fault: problem,
		Other: &page.Other{ID: "refuse", Name: "decision", Value: "refuse", Label: words.T("required_action_refuse"), Wait: words.T("password_busy")}}
	if s.AddressesOpen(c.Request.Context(), v.organization) {
		view.Links = []page.Link{{ID: "another-address", Label: words.T("verify_email_another"), URL: path(v.organization, pathAccountEmail)}}
	}
	view.Client, _ = s.clientView(c, v.organization, v.transaction.Required.ClientID, words.Language())
	s.render(c, status, view, s.leadsTo(v)...)
}

func (s *SignIn) postVerifyEmail(c *gin.Context) {
	v, form := s.atStep(c, pathVerifyEmail, nil, login.VerifyEmail)
	if v == nil {
		return
	}
	ctx := c.Request.Context()
	facts, err := s.facts(ctx, v)
	if err == nil {
		switch live := v.transaction.Live(facts.Browser); form.Get("decision") {
		case "refuse":
			v.transaction.Progress.RefusedBy = live.User.ID
			s.deny(c, v)
			return
		case "send":
			if err = s.Addresses.change(ctx, v.organization.ID, live.User); err == nil {
				err = s.mailAddress(ctx, v, live.User, login.AddressData{UserID: live.User.ID, Email: live.User.Email, Own: true})
			}
		default:
			err = ErrUndecided
		}
	}
	if err != nil {
		s.mailStepFailed(c, v, err, func(status int, problem *fault.Error) { s.showVerifyEmail(c, v, facts, status, problem) })
		return
	}
	s.advance(c, v, pathVerifyEmail)
}

// addressMoved forgets a code that went to an address which was theirs when it was asked for, and leads on: an administrator
// may have corrected it meanwhile, and no mail goes to the former one. It answers when it returns true.
func (s *SignIn) addressMoved(c *gin.Context, v *visit) bool {
	if v.transaction.Progress.Address == nil {
		return false
	}
	data, err := openProof[login.AddressData](s, v.transaction, v.transaction.Progress.Address)
	if err != nil || !data.Own {
		return false
	}
	facts, err := s.facts(c.Request.Context(), v)
	if err != nil {
		s.Error(c, err)
		return true
	}
	live := v.transaction.Live(facts.Browser)
	if live == nil || live.User.ID == data.UserID && live.User.Must(user.VerifyEmail) && strings.EqualFold(live.User.Email, data.Email) {
		return false
	}
	v.transaction.ForgetAddress()
	if err := s.Transactions.Save(c.Request.Context(), v.transaction); err != nil {
		s.stepFailed(c, v, err)
		return true
	}
	s.advance(c, v, "")
	return true
}

// verifyEmail reports that the person reads the mail of the address that their account has. Their session goes on with a fresh token.
func (s *SignIn) verifyEmail(c *gin.Context, v *visit, browser session.Browser, data login.AddressData) error {
	ctx, live, after := c.Request.Context(), v.transaction.Live(browser), session.Browser(nil)
	err := s.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if after, err = s.replace(ctx, tx, browser, live); err != nil {
			return err
		}
		_, err = s.Users.ProveEmail(ctx, tx, actorOf(live.User), v.organization.ID, data.UserID, data.Email)
		if fault.IsKind(err, fault.NotFound) {
			return ErrCodeVoid.WithCause(err) // it was changed while the code was on its way
		}
		return err
	})
	if err != nil {
		return err
	}
	s.carry(c, v, after)
	v.transaction.OwnAddressProved()
	return s.Transactions.Save(ctx, v.transaction)
}

// EnrolPasskey serves GET and POST of the page on which somebody of whom a passkey is required makes it.
func (s *SignIn) EnrolPasskey(c *gin.Context) {
	if c.Request.Method == http.MethodPost {
		s.postEnrolPasskey(c)
		return
	}
	v := s.visit(c, c.Query("transaction"))
	if v == nil {
		return
	}
	if facts, show := s.advance(c, v, pathEnrolPasskey); show {
		s.showEnrolPasskey(c, v, facts, http.StatusOK, nil)
	}
}

func (s *SignIn) showEnrolPasskey(c *gin.Context, v *visit, facts login.Facts, status int, problem *fault.Error) {
	ctx, person, required := c.Request.Context(), v.transaction.Live(facts.Browser).User, v.transaction.Required
	own, err := s.Passkeys.Signing(ctx, s.Store, person.OrgID, person.ID) // an authenticator with another one makes one that signs in
	var handle []byte
	if err == nil {
		handle, err = s.Passkeys.Handle(ctx, s.Store, person.OrgID, person.ID)
	}
	var options webauthn.Options
	if err == nil {
		options, err = s.Ceremonies.Create(webauthn.NewPasskey{About: s.aboutSignIn(v), Handle: handle, Username: person.Username, DisplayName: person.DisplayName(),
			PartyName: v.organization.DisplayName, Existing: own, Conveyance: v.organization.Policies.Attestation.Conveys()})
	}
	if err != nil {
		s.Error(c, err)
		return
	}
	view := page.SignUpPasskey{Frame: s.frame(c, v.organization, required.Requirement.UILocales), Form: s.form(v, pathEnrolPasskey), Required: true, Email: person.Username, Fault: problem,
		Passkey: &page.Passkey{Form: s.form(v, pathEnrolPasskey), Options: string(options)}}
	view.Client, _ = s.clientView(c, v.organization, required.ClientID, view.Text.Language())
	if former := s.formerAddress(v); former != nil && !requiresPasskey(facts, person) {
		view.Required, view.Former = false, former.Label
	}
	s.render(c, status, view, s.leadsTo(v)...)
}

// requiresPasskey reports whether somebody is asked for a passkey because it is required of them, and not merely offered one.
func requiresPasskey(facts login.Facts, person *user.User) bool {
	return slices.Contains(facts.Doable.Left(person), user.EnrolPasskey)
}

func (s *SignIn) postEnrolPasskey(c *gin.Context) {
	v, form := s.atStep(c, pathEnrolPasskey, nil, login.EnrolPasskey)
	if v == nil {
		return
	}
	facts, err := s.facts(c.Request.Context(), v)
	if err == nil {
		live := v.transaction.Live(facts.Browser)
		if form.Get("instead") != "" && !requiresPasskey(facts, live.User) {
			v.transaction.NextPasskeyLater()
			s.saved(c, v, pathEnrolPasskey)
			return
		}
		if form.Get("instead") != "" {
			v.transaction.Progress.RefusedBy = live.User.ID
			s.deny(c, v)
			return
		}
		err = s.enrolPasskey(c, v, live, form.Get(fieldPasskey))
	}
	switch problem := fault.From(err); {
	case err == nil:
		s.advance(c, v, pathEnrolPasskey)
	case problem.Field == fieldPasskey:
		_ = c.Error(err)
		s.showEnrolPasskey(c, v, facts, StatusOf(problem), problem)
	default:
		s.stepFailed(c, v, err)
	}
}

// enrolPasskey keeps the passkey. It is one more factor of this sign-in, which makes its session stronger: the person was at
// its device just now, and nobody is asked at once for what they have just made. That its key was proved is not told, because
// making one proves none (WebAuthn Level 3 §7.1 needs no signature): who must not be phished proves it the next time.
func (s *SignIn) enrolPasskey(c *gin.Context, v *visit, live *session.Live, answer string) error {
	passkey, err := s.Ceremonies.Created(c.Request.Context(), s.aboutSignIn(v), answer)
	if err != nil {
		return err
	}
	person := live.User
	passkey.OrgID, passkey.UserID = person.OrgID, person.ID
	passkey.Name = s.frame(c, v.organization, v.transaction.Required.Requirement.UILocales).Text.Device(c.Request.UserAgent())
	err = s.Store.InTx(c.Request.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		if err := s.Sessions.StillLive(ctx, tx, v.organization.ID, live.Session.ID); err != nil {
			return err
		}
		if passkey, err = s.Passkeys.Register(ctx, tx, actorOf(person), passkey); err != nil {
			return err
		}
		if err := s.Users.CompleteAction(ctx, tx, person.OrgID, person.ID, user.EnrolPasskey); err != nil {
			return err
		}
		return s.Letters.PasskeyAdded(ctx, tx, v.organization, person, passkey.Name)
	})
	if err != nil {
		return err
	}
	made := &login.Passkey{ID: passkey.ID, AAGUID: passkey.AAGUID}
	if live.Session.PasskeyID != uuid.Nil { // the session rests on the one that was proved, and ends with that one and its model
		made = &login.Passkey{ID: live.Session.PasskeyID, AAGUID: live.Session.AAGUID}
	}
	v.transaction.SecondFactorProved(login.Another{Passkey: made}, live, session.MethodUserPresence)
	return s.Transactions.Save(c.Request.Context(), v.transaction)
}

// mailOwnAddress is the kind of mail with such a code.
const mailOwnAddress mailqueue.Kind = "own_address"

// The pages of required actions.
const (
	pathVerifyEmail  = "action/verify-email"
	pathEnrolPasskey = "action/passkey"
)
