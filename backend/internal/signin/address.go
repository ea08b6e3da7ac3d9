package signin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/mailqueue"
	"github.com/clavex/clavex/backend/internal/notice"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/letter"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// A person who proved themselves a moment ago says which address is to be theirs (package account). A mail goes there: with
// a code, or saying that the address has an account already. The code makes the change, in the session and browser in
// which it was asked for. The former mailbox is told, and whoever reads it may undo the change for a while: if somebody
// else made it, that somebody is locked out again.

// The kinds of mail of changed addresses.
const (
	mailNewAddress   mailqueue.Kind = "new_address"
	mailAddressTaken mailqueue.Kind = "address_taken"
)

// The faults of changed addresses.
var (
	ErrAddressesClosed  = fault.New(fault.Forbidden, "email_change_closed", "This organization changes the addresses of its people itself.")
	ErrAddressSame      = fault.New(fault.Invalid, "email_unchanged", "This is the address of your account already.").WithField("email")
	ErrAddressElsewhere = fault.New(fault.Conflict, "email_taken_meanwhile", "This address has an account of its own by now.").WithField("code")
)

// AddressesOpen reports whether people change their addresses themselves.
func (s *SignIn) AddressesOpen(ctx context.Context, organization *org.Organization) bool {
	return organization.Policies.EmailChangePolicy() == org.EmailChangeOpen && s.Mails.Works(ctx, organization.ID)
}

// ChangeAddress begins to prove the address that the person of live wants, as the first step of what is required, and leads
// there. It answers only when it returns nil.
func (s *SignIn) ChangeAddress(c *gin.Context, organization *org.Organization, live *session.Live, required login.Required, typed string) error {
	ctx, address := c.Request.Context(), user.Normalize(typed)
	switch {
	case !s.AddressesOpen(ctx, organization):
		return ErrAddressesClosed
	case !user.IsEmail(address):
		return ErrAddressInvalid
	case !organization.Policies.SignUpAllows(address):
		return ErrAddressRefused
	case live.User.EmailVerified && strings.EqualFold(address, live.User.Email):
		return ErrAddressSame
	}
	if err := s.Addresses.change(ctx, organization.ID, live.User); err != nil {
		return err
	}
	browser, hash := s.browser(c, organization)
	transaction, err := s.Transactions.Begin(ctx, organization.ID, hash, required)
	if err != nil {
		return err
	}
	v := &visit{organization: organization, browser: browser, browserHash: hash, transaction: transaction}
	if err := s.mailAddress(ctx, v, live.User, login.AddressData{UserID: live.User.ID, Email: address}); err != nil {
		return err
	}
	s.Pages.SeeOther(c, path(organization, pathAddress)+"?transaction="+transaction.ID)
	return nil
}

// countAddressMail counts a mail to an address. What people do to an address of their own, signed in, is not counted with what
// anybody asks for about it: strangers who sign up with it would keep them from proving it.
func (s *SignIn) countAddressMail(ctx context.Context, orgID uuid.UUID, person *user.User, data login.AddressData) error {
	if data.Own {
		return s.Addresses.ownMail(ctx, orgID, person)
	}
	return refusedTo(person, s.SignUps.countMail(ctx, orgID, data.Email))
}

// mailAddress writes a code down and sends it to the address. Where somebody else has it the mail says so, and no code is
// ever right. Both take the same steps.
func (s *SignIn) mailAddress(ctx context.Context, v *visit, person *user.User, data login.AddressData) error {
	before := v.transaction.Progress.Address
	if before != nil && before.Mails >= login.MailsMost {
		return ErrNoMoreMails
	}
	if err := s.countAddressMail(ctx, v.organization.ID, person, data); err != nil {
		return err
	}
	other, _, err := s.Users.ByIdentifier(ctx, s.Store, v.organization.ID, data.Email)
	if err != nil && !fault.IsKind(err, fault.NotFound) {
		return err
	}
	taken := err == nil && other.ID != person.ID && !data.Own
	proof, code, err := s.newProof(v.transaction, before, data, addressSubject(data))
	if err != nil {
		return err
	}
	if taken {
		proof.Code = s.codeHash(v.transaction, addressSubject(data), secret.New(s.Random)) // of a code that nobody is told
	}
	v.transaction.WantsAddress(proof, s.Now())
	if err := s.Transactions.Save(ctx, v.transaction); err != nil {
		return err
	}
	query := url.Values{"transaction": {v.transaction.ID}, "code": {code}}
	written := notice.Letter{Kind: mailNewAddress, To: data.Email, Expires: proof.Expires, Write: func(f letter.Frame) letter.Content {
		return letter.NewAddress(f, spoken(code), s.Issuers.Endpoint(v.organization, pathAddress)+"?"+query.Encode(), int(codeLifetime/time.Minute))
	}}
	if data.Own {
		written.Kind = mailOwnAddress
		written.Write = func(f letter.Frame) letter.Content {
			return letter.OwnAddress(f, spoken(code), s.Issuers.Endpoint(v.organization, pathAddress)+"?"+query.Encode(), int(codeLifetime/time.Minute))
		}
	}
	if taken {
		written.Kind = mailAddressTaken
		written.Write = func(f letter.Frame) letter.Content {
			return letter.AddressTaken(f, s.Issuers.Endpoint(v.organization, pathLogin))
		}
	}
	return s.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return s.Letters.Tell(ctx, tx, v.organization, person, written)
	})
}

func addressSubject(data login.AddressData) string {
	return data.UserID.String() + " " + strings.ToLower(data.Email)
}

// ProveAddress serves GET and POST of the page that takes the code of the mail to another address.
func (s *SignIn) ProveAddress(c *gin.Context) {
	if c.Request.Method == http.MethodPost {
		s.postProveAddress(c)
		return
	}
	if s.inOtherBrowser(c) {
		return
	}
	v := s.visit(c, c.Query("transaction"))
	if v == nil {
		return
	}
	if s.addressMoved(c, v) {
		return
	}
	if _, show := s.advance(c, v, pathAddress); show {
		s.showProveAddress(c, v, http.StatusOK, spoken(readCode(c.Query("code"))), nil)
	}
}

func (s *SignIn) showProveAddress(c *gin.Context, v *visit, status int, code string, problem *fault.Error) {
	data, err := openProof[login.AddressData](s, v.transaction, v.transaction.Progress.Address)
	if err != nil {
		s.Error(c, err)
		return
	}
	purpose := page.AnotherAddress
	if data.Own {
		purpose = page.OwnAddress
	}
	view := page.ConfirmCode{Frame: s.frame(c, v.organization, v.transaction.Required.Requirement.UILocales), Form: s.form(v, pathAddress), For: purpose, BackURL: path(v.organization, pathAddress),
		Account: data.Email, Code: code, Again: c.Query("again") != "" && problem == nil, Fault: problem, MayResend: v.transaction.Progress.Address.Mails < login.MailsMost}
	s.render(c, status, view, s.leadsTo(v)...)
}

func (s *SignIn) postProveAddress(c *gin.Context) {
	v, form := s.atStep(c, pathAddress, nil, login.ProveAddress)
	if v == nil || s.addressMoved(c, v) {
		return
	}
	ctx, typed := c.Request.Context(), form.Get("code")
	facts, err := s.facts(ctx, v)
	var data login.AddressData
	if err == nil {
		data, err = openProof[login.AddressData](s, v.transaction, v.transaction.Progress.Address)
	}
	if err != nil {
		s.Error(c, err)
		return
	}
	live := v.transaction.Live(facts.Browser)
	switch {
	case form.Get("instead") != "":
		v.transaction.ForgetAddress()
		if err := s.Transactions.Save(ctx, v.transaction); err != nil {
			s.stepFailed(c, v, err)
			return
		}
		if data.Own {
			s.advance(c, v, pathAddress)
			return
		}
		s.Pages.SeeOther(c, path(v.organization, pathAccountEmail))
		return
	case form.Get("resend") != "":
		if err = s.mailAddress(ctx, v, live.User, data); err == nil {
			s.Pages.SeeOther(c, path(v.organization, pathAddress)+"?again=1&transaction="+v.transaction.ID)
			return
		}
	default:
		err = s.proveAddress(c, v, facts.Browser, data, readCode(typed))
	}
	switch problem := fault.From(err); {
	case err == nil:
		s.advance(c, v, pathAddress)
	case problem.Code == ErrAddressElsewhere.Code:
		_ = c.Error(err)
		s.showProveAddress(c, v, http.StatusConflict, typed, problem)
	default:
		s.mailStepFailed(c, v, err, func(status int, problem *fault.Error) { s.showProveAddress(c, v, status, typed, problem) })
	}
}

// proveAddress changes the address when the code is right. Every other session of the person ends, and links for the former address
// are worth nothing; the present one goes on with a fresh token.
func (s *SignIn) proveAddress(c *gin.Context, v *visit, browser session.Browser, data login.AddressData, code string) error {
	ctx, live := c.Request.Context(), v.transaction.Live(browser)
	if live.User.ID != data.UserID {
		return ErrCodeVoid
	}
	if err := s.checkCode(ctx, v.transaction, v.transaction.Progress.Address, addressSubject(data), code); err != nil {
		return err
	}
	if data.Own {
		return s.verifyEmail(c, v, browser, data)
	}
	var after session.Browser
	err := s.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		organization, err := s.Organizations.Hold(ctx, tx, v.organization.ID)
		if err != nil {
			return err
		}
		if !s.AddressesOpen(ctx, organization) || !organization.Policies.SignUpAllows(data.Email) {
			return ErrAddressesClosed
		}
		if after, err = s.Sessions.Replace(ctx, tx, browser, live); err != nil {
			return err
		}
		actor := actorOf(live.User)
		change, err := s.Users.ChangeEmail(ctx, tx, actor, organization.ID, data.UserID, data.Email)
		if err != nil {
			return err
		}
		if err := s.Links.Cancel(ctx, tx, organization.ID, data.UserID); err != nil {
			return err
		}
		if _, err := s.Sessions.EndOthers(ctx, tx, actor, organization.ID, data.UserID, live.Session.ID, "address changed"); err != nil {
			return err
		}
		return s.tellAddressChanged(ctx, tx, organization, change)
	})
	if err != nil && fault.From(err).Code == user.ErrEmailTaken.Code {
		err = ErrAddressElsewhere.WithCause(err)
	}
	if err != nil {
		return err
	}
	s.carry(c, v, after)
	v.transaction.AddressProved()
	return s.Transactions.Save(ctx, v.transaction)
}

// replace gives a session a fresh token, as Sessions.Replace does; login.ErrConcurrent when it ended or got one meanwhile: the same form
// was sent twice.
func (s *SignIn) replace(ctx context.Context, tx *store.Tx, browser session.Browser, live *session.Live) (session.Browser, error) {
	after, err := s.Sessions.Replace(ctx, tx, browser, live)
	if errors.Is(err, session.ErrNotFound) {
		err = login.ErrConcurrent
	}
	return after, err
}

// carry hands a browser the tokens that its sessions have now.
func (s *SignIn) carry(c *gin.Context, v *visit, after session.Browser) {
	s.Cookies.SetSessions(c.Writer, c.Request, v.organization, after)
	v.tokens = after.Tokens()
}

// tellAddressChanged writes to both addresses. Whoever reads the former one may object, if it was ever proved: an address
// that an administrator mistyped belongs to a stranger.
func (s *SignIn) tellAddressChanged(ctx context.Context, tx *store.Tx, organization *org.Organization, change user.AddressChange) error {
	tell := func(to, undo string) error {
		return s.Letters.Tell(ctx, tx, organization, change.After, notice.Letter{Kind: notice.AddressChanged, To: to, Expires: s.Now().Add(user.ObjectionLifetime), Write: func(f letter.Frame) letter.Content {
			return letter.AddressChanged(f, change.Before.Username, undo, int(user.ObjectionLifetime/(24*time.Hour)))
		}})
	}
	if err := tell(change.After.Email, ""); err != nil || change.Before.Email == "" || strings.EqualFold(change.Before.Email, change.After.Email) {
		return err
	}
	if !change.Before.EmailVerified {
		return tell(change.Before.Email, "")
	}
	token := secret.New(s.Random)
	if err := s.Users.LetObject(ctx, tx, change, secret.Hash(token)); err != nil {
		return err
	}
	return tell(change.Before.Email, s.Issuers.Endpoint(organization, pathUndoAddress)+"?token="+token)
}

// UndoAddress serves GET and POST of the page on which whoever reads the former mailbox undoes the change. Opening it
// changes nothing, because mail scanners open links too. It works in any browser.
func (s *SignIn) UndoAddress(c *gin.Context) {
	organization, ctx := oauth.Organization(c), c.Request.Context()
	if c.Request.Method == http.MethodPost {
		s.postUndoAddress(c, organization)
		return
	}
	token := c.Query("token")
	objection, err := s.Users.MayObject(ctx, s.Store, organization.ID, token)
	if err != nil {
		s.Error(c, err)
		return
	}
	frame := s.frame(c, organization, nil)
	c.Header("Referrer-Policy", "no-referrer")
	s.render(c, http.StatusOK, page.Question{Frame: frame, ID: "undo-address", Heading: frame.Text.T("undo_address_title"),
		Form:       page.Form{Action: path(organization, pathUndoAddress), CSRFToken: s.Token(c, organization, undoAbout(token)), Fields: []page.Field{{Name: "token", Value: token}}},
		Paragraphs: []string{frame.Text.T("undo_address_text", "Email", objection.Former), frame.Text.T("undo_address_effect")},
		Submit:     frame.Text.T("undo_address_submit"), Wait: frame.Text.T("password_busy")})
}

func undoAbout(token string) string { return "undo-address " + token }

func (s *SignIn) postUndoAddress(c *gin.Context, organization *org.Organization) {
	form, err := oauth.ReadForm(c)
	if err == nil {
		own, _ := s.browser(c, organization)
		err = s.checkForm(c, form, s.formToken(organization, own, undoAbout(form.Get("token"))))
	}
	var follows undone
	if err == nil {
		follows, err = s.undoAddress(c.Request.Context(), organization, form.Get("token"))
	}
	switch {
	case err != nil:
		s.Error(c, err)
	case follows.link != "":
		s.openLink(c, organization, follows.link)
	default:
		frame := s.frame(c, organization, nil)
		text := frame.Text.T("address_undone_text", "Organization", organization.DisplayName)
		if follows.withoutPassword {
			text = frame.Text.T("address_undone_password_text", "Organization", organization.DisplayName)
		}
		s.render(c, http.StatusOK, page.Message{Frame: frame, ID: "address-undone", Heading: frame.Text.T("address_undone_title"), Paragraphs: []string{text},
			Label: frame.Text.T("logged_out_login"), URL: path(organization, pathLogin)})
	}
}

// undoReach is for how long before a change of address what was added counts as added by whoever changed it: somebody who has
// the account makes sure of it before they take the address away. What was added before that, the former address was told of.
const undoReach = 24 * time.Hour

// undone is what follows from a change of address that was undone.
type undone struct {
	link            string // lets a password be chosen; "" where passwords are not recovered by mail
	withoutPassword bool   // the password was as new as what was removed, and nobody but an administrator gives another
}

// undoAddress gives the account back to whoever reads its former mailbox: everything that is signed in ends, and so does
// what was added since the change, or shortly before it, by which somebody could sign in. Where passwords are recovered by mail,
// the one that is there may be known to somebody and is taken away; the link that is returned lets another one be chosen. Elsewhere
// it goes if it is as new.
func (s *SignIn) undoAddress(ctx context.Context, organization *org.Organization, token string) (follows undone, err error) {
	objection, err := s.Users.MayObject(ctx, s.Store, organization.ID, token)
	if err != nil {
		return follows, err
	}
	since := objection.ChangedAt.Add(-undoReach)
	err = s.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		follows = undone{}
		person, err := s.Users.RestoreEmail(ctx, tx, organization.ID, token)
		if err != nil {
			return err
		}
		actor := actorOf(person)
		if err := s.removeSince(ctx, tx, person, since); err != nil {
			return err
		}
		if err := s.Links.Cancel(ctx, tx, organization.ID, person.ID); err != nil {
			return err
		}
		recovers := s.recoveryOpen(ctx, organization) && person.MayProve()
		if !recovers {
			chosen, err := s.Passwords.Since(ctx, tx, organization.ID, person.ID)
			if err != nil {
				return err
			}
			follows.withoutPassword = !chosen.IsZero() && !chosen.Before(since)
		}
		if recovers || follows.withoutPassword {
			if err := s.Passwords.Remove(ctx, tx, actor, organization.ID, person.ID); err != nil {
				return err
			}
		}
		if recovers {
			if follows.link, _, err = s.Links.CreateFor(ctx, tx, actor, organization.ID, person.ID, login.Lifetime); err != nil {
				return err
			}
		}
		if err := s.Sessions.EndAll(ctx, tx, actor, organization.ID, person.ID, uuid.Nil, "change of address undone"); err != nil {
			return err
		}
		return s.Letters.Tell(ctx, tx, organization, person, notice.Letter{Kind: notice.AddressChanged, Write: func(f letter.Frame) letter.Content { return letter.AddressRestored(f, person.Username) }})
	})
	return follows, err
}

// removeSince removes passkeys, accounts elsewhere and an authenticator app that were added at a moment or later.
func (s *SignIn) removeSince(ctx context.Context, tx *store.Tx, person *user.User, since time.Time) error {
	actor := actorOf(person)
	passkeys, err := s.Passkeys.OfUser(ctx, tx, person.OrgID, person.ID)
	if err != nil {
		return err
	}
	for _, passkey := range passkeys {
		if passkey.CreatedAt.Before(since) {
			continue
		}
		if _, err := s.Passkeys.Delete(ctx, tx, actor, person.OrgID, person.ID, passkey.ID, uuid.Nil); err != nil {
			return err
		}
	}
	identities, err := s.Providers.OfUser(ctx, tx, person.OrgID, person.ID)
	if err != nil {
		return err
	}
	for _, identity := range identities {
		if identity.CreatedAt.Before(since) {
			continue
		}
		if _, err := s.Providers.Unlink(ctx, tx, actor, person.OrgID, person.ID, identity.ID); err != nil {
			return err
		}
	}
	factor, err := s.SecondFactors.Of(ctx, tx, person.OrgID, person.ID)
	if err != nil || factor == nil || factor.AddedAt.Before(since) {
		return err
	}
	err = s.SecondFactors.Remove(ctx, tx, actor, person.OrgID, person.ID)
	if err != nil && fault.From(err).Code == credential.ErrFactorMissing.Code {
		return nil
	}
	return err
}
