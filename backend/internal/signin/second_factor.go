package signin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/letter"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// factors reads what is true of second factors now.
func (s *SignIn) factors(ctx context.Context, v *visit, browser session.Browser) (login.Factors, error) {
	subject := v.transaction.Subject(browser)
	if subject == uuid.Nil {
		return login.Factors{Policy: v.organization.Policies.SecondFactorPolicy()}, nil
	}
	policy, explicit, err := s.factorPolicy(ctx, v, subject)
	factors := login.Factors{Policy: policy, Explicit: explicit}
	if err != nil || factors.Policy == org.SecondFactorOff {
		return factors, err
	}
	factors.Enrolled, err = s.SecondFactors.Enrolled(ctx, v.organization.ID, subject)
	if err == nil {
		factors.Remembered, err = s.remembered(ctx, v, browser, subject)
	}
	if err == nil {
		factors.Passkey, err = s.HasPasskey(ctx, v.organization, subject, time.Time{})
	}
	if err == nil && !factors.Enrolled && !factors.Passkey {
		// A device stands for what the person has: for a code by mail not where that would be nothing, say after a sign-in by mail.
		if factors.Mailbox, err = s.provesByMail(ctx, v, browser, subject); !factors.Mailbox {
			factors.Remembered = uuid.Nil
		}
	}
	return factors, err
}

// remembered is the device in whose stead the sign-in goes on, or the session that it is about went on.
func (s *SignIn) remembered(ctx context.Context, v *visit, browser session.Browser, subject uuid.UUID) (uuid.UUID, error) {
	lifetime := rememberedFor(v.organization)
	if lifetime == 0 {
		return uuid.Nil, nil
	}
	if live := v.transaction.Live(browser); live != nil {
		return live.Session.DeviceID, nil
	}
	return s.Remembered.Find(ctx, credential.Person{OrgID: v.organization.ID, UserID: subject, BrowserHash: v.browserHash}, v.devices, lifetime)
}

// rememberedFor is for how long a device is remembered; 0 where none is.
func rememberedFor(organization *org.Organization) time.Duration {
	return time.Duration(organization.Policies.RememberedDeviceDays) * 24 * time.Hour
}

// factorPolicy is the policy that holds for the sign-in now: the strictest of those of the organization, of the roles of whom
// it is about, and of the application. explicit says that a role or the application demands it.
func (s *SignIn) factorPolicy(ctx context.Context, v *visit, subject uuid.UUID) (policy org.SecondFactor, explicit bool, err error) {
	policy, demanded, err := role.SecondFactor(ctx, s.Store, v.organization, subject)
	clientID := v.transaction.Required.ClientID
	if err != nil || clientID == "" {
		return policy, demanded == org.SecondFactorRequired, err
	}
	application, err := s.Clients.ByClientID(ctx, v.organization.ID, clientID)
	if fault.IsKind(err, fault.NotFound) {
		return policy, demanded == org.SecondFactorRequired, nil // it is gone, or described by a document that nobody kept
	}
	if err != nil {
		return policy, true, err
	}
	demanded = demanded.Strictest(application.Metadata.SecondFactor)
	return policy.Strictest(demanded), demanded == org.SecondFactorRequired, nil
}

// HasPasskey reports whether a person has a passkey that is a factor, made before a moment; the zero moment is any. One of another
// address of the organization counts, although it proves nothing here: otherwise whoever knows the password chose the address at
// which the passkey is not asked for, and could add a factor of theirs.
func (s *SignIn) HasPasskey(ctx context.Context, organization *org.Organization, userID uuid.UUID, madeBefore time.Time) (bool, error) {
	if !s.passkeysOpen(organization) {
		return false, nil
	}
	return s.Passkeys.Usable(ctx, s.Store, organization.ID, userID, "", madeBefore)
}

// provedBefore are the methods by which whoever is at the steps of second factors proved themselves so far.
func (v *visit) provedBefore(facts login.Facts) []string {
	if v.transaction.Progress.UserID != uuid.Nil {
		return v.transaction.Progress.Methods
	}
	return v.transaction.Live(facts.Browser).Session.Methods
}

// subject is the person that the sign-in is about at the steps of second factors.
func (v *visit) subject(facts login.Facts) *user.User {
	if v.transaction.Progress.UserID != uuid.Nil {
		return facts.User
	}
	return v.transaction.Live(facts.Browser).User
}

// proving is whoever proves or adds a factor.
func (v *visit) proving(facts login.Facts) credential.Person {
	return credential.Person{OrgID: v.organization.ID, UserID: v.subject(facts).ID, BrowserHash: v.browserHash}
}

// SecondFactor serves GET and POST of the page on which a person proves another factor.
func (s *SignIn) SecondFactor(c *gin.Context) {
	if c.Request.Method == http.MethodPost {
		s.postSecondFactor(c)
		return
	}
	v := s.visit(c, c.Query("transaction"))
	if v == nil {
		return
	}
	if facts, show := s.advance(c, v, pathSecondFactor); show {
		s.showSecondFactor(c, v, facts, http.StatusOK, nil)
	}
}

func (s *SignIn) showSecondFactor(c *gin.Context, v *visit, facts login.Facts, status int, problem *fault.Error) {
	required := v.transaction.Required
	view := page.SecondFactor{Frame: s.frame(c, v.organization, required.Requirement.UILocales), Form: s.form(v, pathSecondFactor), Username: v.subject(facts).Username,
		Another: required.Requirement.UserID == noSession, Fault: problem}
	view.Client, _ = s.clientView(c, v.organization, required.ClientID, view.Text.Language())
	view.RememberDays = v.organization.Policies.RememberedDeviceDays
	view.Mail = s.mailView(v, facts)
	view.Code = v.transaction.OffersCode(facts.Factors, v.provedBefore(facts))
	if facts.Factors.Passkey {
		own, err := s.Passkeys.Signing(c.Request.Context(), s.Store, v.organization.ID, v.subject(facts).ID)
		if err == nil {
			view.Passkey, view.FormerPasskey, view.Elsewhere, err = s.anotherPasskey(v, v.subject(facts).ID, own)
			if former := s.formerAddress(v); view.Elsewhere != "" && former != nil && s.ofFormer(v.organization, own) {
				view.Elsewhere, view.Former = former.Label, former
			}
		}
		if err != nil {
			s.Error(c, err)
			return
		}
	}
	if problem != nil && problem.RetryAfter > 0 {
		c.Header("Retry-After", retryAfter(problem.RetryAfter))
	}
	s.render(c, status, view, s.leadsTo(v)...)
}

func (s *SignIn) postSecondFactor(c *gin.Context) {
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
	if v.transaction.Next(facts) != login.SecondFactor {
		s.advance(c, v, pathSecondFactor)
		return
	}
	if form.Get("instead") != "" && v.transaction.Required.Requirement.UserID == noSession {
		v.transaction.ChooseAnother()
		s.saved(c, v, pathLogin)
		return
	}
	show := func(status int, problem *fault.Error) { s.showSecondFactor(c, v, facts, status, problem) }
	if form.Get("mail") != "" && facts.Factors.Mailbox {
		if err := s.mailFactor(ctx, v, v.subject(facts)); err != nil {
			s.mailStepFailed(c, v, err, show)
			return
		}
		s.advance(c, v, pathSecondFactor)
		return
	}
	another, methods, err := s.proveAnother(ctx, v, facts, form)
	if errors.Is(err, login.ErrConcurrent) || errors.Is(err, login.ErrExpired) {
		s.stepFailed(c, v, err)
		return
	}
	if err != nil {
		s.factorFailed(c, err, show)
		return
	}
	v.transaction.SecondFactorProved(another, v.transaction.Live(facts.Browser), methods...)
	if form.Get("relying_party") == formerPasskeys && another.Passkey != nil {
		if err := s.offerNextPasskey(ctx, v, v.transaction.Progress.UserID); err != nil {
			s.stepFailed(c, v, err)
			return
		}
	}
	v.transaction.Progress.Remember = form.Get("remember") != "" && rememberedFor(v.organization) > 0
	if err := s.Transactions.Save(ctx, v.transaction); err != nil {
		s.stepFailed(c, v, err)
		return
	}
	s.advance(c, v, pathSecondFactor)
}

// proveAnother verifies whatever of the person's other factors the form has, and says by which methods (amr).
func (s *SignIn) proveAnother(ctx context.Context, v *visit, facts login.Facts, form oauth.Parameters) (another login.Another, methods []string, err error) {
	switch {
	case form.Get(fieldPasskey) != "":
		return s.proveAnotherPasskey(ctx, v, v.subject(facts).ID, form)
	case facts.Factors.Mailbox:
		return s.proveMailbox(ctx, v, v.subject(facts), form.Get("code"))
	case form.Get("recovery_code") != "":
		another.App, err = s.SecondFactors.UseRecoveryCode(ctx, v.proving(facts), form.Get("recovery_code"), func(ctx context.Context, tx *store.Tx) error {
			return s.Letters.FactorChanged(ctx, tx, v.organization, v.subject(facts), letter.CodeUsed)
		})
		return another, nil, err
	}
	another.App, err = s.SecondFactors.Verify(ctx, v.proving(facts), form.Get("code"))
	return another, []string{session.MethodOneTimePassword}, err
}

// factorFailed shows the form again with what went wrong.
func (s *SignIn) factorFailed(c *gin.Context, err error, show func(status int, problem *fault.Error)) {
	problem := fault.From(err)
	switch problem.Kind {
	case fault.Unauthenticated, fault.Invalid, fault.Conflict:
		_ = c.Error(err)
		show(http.StatusUnprocessableEntity, problem)
	case fault.RateLimited:
		_ = c.Error(err)
		show(http.StatusTooManyRequests, problem)
	default:
		s.Error(c, err)
	}
}

// EnrolSecondFactor serves GET and POST of the page on which a person who must have another factor adds one.
func (s *SignIn) EnrolSecondFactor(c *gin.Context) {
	if c.Request.Method == http.MethodPost {
		s.postEnrolSecondFactor(c)
		return
	}
	v := s.visit(c, c.Query("transaction"))
	if v == nil {
		return
	}
	if facts, show := s.advance(c, v, pathEnrol); show {
		s.showEnrol(c, v, facts, http.StatusOK, "", nil)
	}
}

// showEnrol shows the page with what was begun before, or begins anew.
func (s *SignIn) showEnrol(c *gin.Context, v *visit, facts login.Facts, status int, begun string, problem *fault.Error) {
	required, person := v.transaction.Required, v.subject(facts)
	seed, err := s.SecondFactors.Begun(v.proving(facts), v.transaction.ID, begun)
	if err != nil {
		seed, begun, err = s.SecondFactors.Begin(v.proving(facts), v.transaction.ID)
	}
	if err != nil {
		s.Error(c, err)
		return
	}
	view := page.EnrolSecondFactor{Frame: s.frame(c, v.organization, required.Requirement.UILocales), Form: s.form(v, pathEnrol), Username: person.Username, Fault: problem,
		Enrolment: page.Enrolment{URI: seed.URI(v.organization.DisplayName, person.Username), Secret: seed.Text(), Kept: begun}}
	view.Client, _ = s.clientView(c, v.organization, required.ClientID, view.Text.Language())
	if v.organization.ProvesByMail() && person.EmailVerified && slices.Contains(v.provedBefore(facts), methodPassword) {
		if view.MailNot, err = s.Passwords.ByLink(c.Request.Context(), s.Store, v.organization.ID, person.ID); err != nil {
			s.Error(c, err)
			return
		}
	}
	s.render(c, status, view, s.leadsTo(v)...)
}

func (s *SignIn) postEnrolSecondFactor(c *gin.Context) {
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
	if v.transaction.Next(facts) != login.EnrolSecondFactor {
		s.advance(c, v, pathEnrol)
		return
	}
	person, begun := v.subject(facts), form.Get("enrolment")
	var factor uuid.UUID
	var codes []string
	seed, err := s.SecondFactors.Begun(v.proving(facts), v.transaction.ID, begun)
	if err == nil {
		err = s.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			if err := s.stillProved(ctx, tx, v); err != nil {
				return err
			}
			if factor, codes, err = s.SecondFactors.Confirm(ctx, tx, actorOf(person), v.proving(facts), seed, form.Get("code")); err != nil {
				return err
			}
			return s.Letters.FactorChanged(ctx, tx, v.organization, person, letter.FactorAdded)
		})
	}
	if fault.IsKind(err, fault.Unauthenticated) { // what was proved before is worth nothing any more
		s.stepFailed(c, v, err)
		return
	}
	if err != nil {
		s.factorFailed(c, err, func(status int, problem *fault.Error) { s.showEnrol(c, v, facts, status, begun, problem) })
		return
	}
	v.transaction.SecondFactorProved(login.Another{App: factor}, v.transaction.Live(facts.Browser), session.MethodOneTimePassword)
	if err := s.Transactions.Save(ctx, v.transaction); err != nil {
		_ = c.Error(err) // the sign-in goes on where it is; the codes are shown in any case, because they never are again
	}
	s.render(c, http.StatusOK, page.RecoveryCodes{Frame: s.frame(c, v.organization, v.transaction.Required.Requirement.UILocales), Codes: codes,
		ContinueURL: path(v.organization, pathLogin) + "?transaction=" + v.transaction.ID})
}
