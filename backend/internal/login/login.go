// Package login is about one sign-in in progress: the login transaction. It is the only place that
// decides what is still missing before a protocol gets its answer. Steps (a password, a changed
// password, a consent) report to the transaction and never call each other; after each the decision
// is made anew from persisted state, so no path can skip, replay or resume past a step.
//
// A protocol that needs a signed-in person returns Required; package signin drives the pages; when
// nothing is missing the protocol's Continuation completes what it had begun.
package login

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/terms"
	"github.com/clavex/clavex/backend/internal/user"
)

// Lifetime is how long a person may take to sign in. An expired transaction is kept a while longer, so
// that the page which says so can offer to start the same sign-in again; of a completed one, which a person
// comes back to by the back button, it is kept where it led to.
const (
	Lifetime = 30 * time.Minute
	kept     = 2 * time.Hour
	keptOver = 15 * time.Minute
)

// formatVersion is written into stored transactions; the previous release's is readable.
const formatVersion = 1

// The faults of this package.
var (
	// ErrExpired is the answer to every transaction that cannot go on: expired, completed, lost with the
	// short-lived state, another organization's, or begun in another browser.
	ErrExpired = fault.New(fault.NotFound, "sign_in_expired", "This sign-in took too long, or was begun in another browser. Start again.")
	// ErrConcurrent says that the same sign-in moved on in another tab meanwhile.
	ErrConcurrent = fault.New(fault.Conflict, "sign_in_moved_on", "This sign-in moved on in another tab.")
)

// Requirement is what a protocol demands of a sign-in. The zero value demands any signed-in person.
type Requirement struct {
	// AuthenticatedSince: a session whose person last proved themselves earlier does not do (max_age,
	// prompt=login). Zero: any session does.
	AuthenticatedSince time.Time `json:"authenticated_since,omitzero"`
	// UserID: only this person does (id_token_hint). uuid.Nil: anybody.
	UserID uuid.UUID `json:"user_id,omitzero"`
	// ACRValues: only a sign-in of one of these authentication contexts does. Empty: any.
	ACRValues []string `json:"acr_values,omitempty"`
	// ACRWishes are authentication contexts that are wished for, the best liked first (acr_values): people who have a
	// second factor are asked for it when that reaches a better liked one.
	ACRWishes []string `json:"acr_wishes,omitempty"`
	// SecondFactor: only a sign-in by more than one factor does (org.SecondFactorRequired).
	SecondFactor bool `json:"second_factor,omitempty"`
	// NotRemembered: with SecondFactor, a session in which a remembered device stands for the other factor does not do.
	NotRemembered bool `json:"not_remembered,omitempty"`
	// SelectAccount: the person says which account, also when only one is signed in (prompt=select_account).
	SelectAccount bool `json:"select_account,omitempty"`
	// Create: the person is asked to make an account first, also when somebody is signed in (prompt=create).
	Create bool `json:"create,omitempty"`
	// Consent, when set, is what the person must have allowed the client.
	Consent *ConsentRequirement `json:"consent,omitempty"`
	// WithoutTerms: nobody is asked for terms. It is a page on which people take their data with them, or leave.
	WithoutTerms bool `json:"without_terms,omitempty"`
	// LoginHint fills in the identifier, and of several signed-in people means the one it names.
	LoginHint string `json:"login_hint,omitempty"`
	// UILocales are the languages asked for, in order of preference.
	UILocales []string `json:"ui_locales,omitempty"`
}

// ConsentRequirement is what a person must have allowed a client.
type ConsentRequirement struct {
	ClientID uuid.UUID `json:"client_id"` // clients.id
	Scopes   []string  `json:"scopes"`
	Ask      bool      `json:"ask"`    // the client's own rule: missing scopes are asked for
	Always   bool      `json:"always"` // prompt=consent: asked even when nothing is missing
	// EachTime, together with Always, says that the person is asked in any case, even when no scope is asked for: nobody
	// vouches for who asks.
	EachTime bool `json:"each_time,omitempty"`
	// Details are authorization details (RFC 9396): they are asked for each time, whatever was allowed before.
	Details []json.RawMessage `json:"details,omitempty"`
	// Elsewhere, when set, says that the request was made on another device: the person is asked in any case, even
	// when no scope is asked for, and is shown what it says.
	Elsewhere *Elsewhere `json:"elsewhere,omitempty"`
}

// Elsewhere is what a person compares with what another device shows (RFC 10027 §6.1).
type Elsewhere struct {
	Code        string    `json:"code,omitempty"`        // shown there too
	Message     string    `json:"message,omitempty"`     // of the application, which it shows there, too (CIBA Core 1.0 §7.1)
	Backchannel bool      `json:"backchannel,omitempty"` // an application asked, not another device
	BegunAt     time.Time `json:"begun_at"`
	Until       time.Time `json:"until,omitzero"` // when nobody may decide any more; zero when the page need not say
}

// Missing returns the scopes that must still be asked for.
func (c *ConsentRequirement) Missing(consented []string) []string {
	if c == nil || !c.Ask && !c.Always {
		return nil
	}
	if c.Always {
		return c.Scopes
	}
	var missing []string
	for _, scope := range c.Scopes {
		if !slices.Contains(consented, scope) {
			missing = append(missing, scope)
		}
	}
	return missing
}

// Asks reports whether the person must be asked, in the light of what they allowed before.
func (c *ConsentRequirement) Asks(consented []string) bool {
	return c != nil && (c.EachTime || c.Elsewhere != nil || len(c.Details) > 0 || len(c.Missing(consented)) > 0)
}

// Required is what a protocol returns when it cannot go on without a person.
type Required struct {
	Continuation string          // the name under which the protocol registered what happens afterwards
	Request      json.RawMessage // the protocol's own validated request; no secrets
	ClientID     string          // client_id of the application in whose name it happens; "" for our own pages
	Requirement  Requirement
}

// Progress is what the steps have reported so far.
type Progress struct {
	Chosen          uuid.UUID  `json:"chosen,omitzero"`           // whose account was chosen of those signed in here
	AnotherAccount  bool       `json:"another_account,omitempty"` // none of those signed in here was
	Choosing        bool       `json:"choosing,omitempty"`        // an account must be chosen, whatever the requirement says
	Identifier      string     `json:"identifier,omitempty"`      // that was typed, and that a proof is asked of; proved is nothing
	UserID          uuid.UUID  `json:"user_id,omitzero"`          // who proved themselves in this transaction
	AuthenticatedAt time.Time  `json:"authenticated_at,omitzero"`
	Methods         []string   `json:"methods,omitempty"`       // amr, RFC 8176
	Password        []byte     `json:"password,omitempty"`      // names the password that was proved (credential.Proof)
	Passkey         *Passkey   `json:"passkey,omitempty"`       // that was proved
	OneTimeLink     []byte     `json:"one_time_link,omitempty"` // hash of the link that was opened; spent when a password is chosen
	SessionID       uuid.UUID  `json:"session_id,omitzero"`     // the session that came of it
	Consented       bool       `json:"consented,omitempty"`     // the consent page was answered in this transaction
	RefusedBy       uuid.UUID  `json:"-"`                       // who refused, for the Deny of the continuation
	SignUp          *MailProof `json:"sign_up,omitempty"`       // the account that is on its way
	Recovery        *MailProof `json:"recovery,omitempty"`      // of a forgotten password
	Address         *MailProof `json:"address,omitempty"`       // that a signed-in person is about to prove
	AddressChanged  bool       `json:"address_changed,omitempty"`
	MagicLink       *MailProof `json:"magic_link,omitempty"` // of a sign-in by mail
	Mailbox         string     `json:"mailbox,omitempty"`    // the address that was proved so
	Upstream        *Upstream  `json:"upstream,omitempty"`   // a sign-in elsewhere that has not come back
	Identity        uuid.UUID  `json:"identity,omitzero"`    // by which somebody signed in elsewhere
	Linking         *Linking   `json:"linking,omitempty"`    // an account elsewhere that is to be linked
	SignUpAnswered  bool       `json:"sign_up_answered,omitempty"`
	Invitation      []byte     `json:"invitation,omitempty"`     // hash of the invitation that was opened; spent when it is accepted
	FactorMail      *MailProof `json:"factor_mail,omitempty"`    // of a code that is another factor
	FactorMailbox   string     `json:"factor_mailbox,omitempty"` // the address that was proved so
	Remember        bool       `json:"remember,omitempty"`       // the person is not to be asked again on this device
	Factor          uuid.UUID  `json:"factor,omitzero"`          // the second factor that was proved
	Stronger        uuid.UUID  `json:"stronger,omitzero"`        // the session that must live still: in whose stead this one proves more, or of the address before
	Former          uuid.UUID  `json:"former,omitzero"`          // the session of the address before that ends when this one begins
	NextPasskey     bool       `json:"next_passkey,omitempty"`   // the person is asked whether they make a passkey of this address
}

// Passkey names the passkey that somebody proved, and the model of its authenticator.
type Passkey struct {
	ID     uuid.UUID `json:"id"`
	AAGUID uuid.UUID `json:"aaguid"`
}

// Transaction is one sign-in in progress. It is bound to the browser that began it.
type Transaction struct {
	Format      int        `json:"format"`
	ID          string     `json:"id"`
	OrgID       uuid.UUID  `json:"org_id"`
	BrowserHash []byte     `json:"browser_hash"`
	CreatedAt   time.Time  `json:"created_at"`
	Required    Required   `json:"required"`
	Progress    Progress   `json:"progress"`
	Persistent  *bool      `json:"persistent,omitempty"` // whether the person wants to stay signed in; nil: nobody asked
	ReturnURL   string     `json:"return_url,omitempty"` // of a completed sign-in: where the application is
	version     kv.Version // of the stored value
}

// Step is what a person has to do next.
type Step string

// The steps, in the order in which they are decided.
const (
	ConfirmRecovery   Step = "confirm_recovery"    // prove that one reads the mail of the account whose password is forgotten
	ConfirmMagicLink  Step = "confirm_magic_link"  // prove that one reads the mail of the account, to sign in
	ConfirmAddress    Step = "confirm_address"     // prove the address that an account is to be made with
	MakePasskey       Step = "make_passkey"        // make a passkey, to have an account
	MakeAccount       Step = "make_account"        // say who you are, to have an account
	SelectAccount     Step = "select_account"      // say which of the accounts signed in here, or another one
	Authenticate      Step = "authenticate"        // prove who you are
	SecondFactor      Step = "second_factor"       // prove who you are by another factor
	KeepAccount       Step = "keep_account"        // say whether an account that is about to be erased is kept
	AcceptInvitation  Step = "accept_invitation"   // choose how one signs in from now on
	ChangePassword    Step = "change_password"     // choose a new password
	EnrolSecondFactor Step = "enrol_second_factor" // add another factor
	AcceptTerms       Step = "accept_terms"        // accept the terms of the organization
	BeginSession      Step = "begin_session"       // no page: everything about the person is settled
	VerifyEmail       Step = "verify_email"        // have a code sent to the address of the account
	ProveAddress      Step = "prove_address"       // prove that an address is one's own
	EnrolPasskey      Step = "enrol_passkey"       // make a passkey, because it is required
	LinkIdentity      Step = "link_identity"       // say whether an account elsewhere is linked
	Consent           Step = "consent"             // allow the client
	Complete          Step = "complete"            // no page: the continuation answers
)

// Facts are what is true at the moment of a decision, read anew each time.
type Facts struct {
	// Browser are the browser's live sessions, with what their people allowed the client.
	Browser session.Browser
	// User is Progress.UserID's person as stored now; nil when they are gone or disabled.
	User *user.User
	// SignUpOpen: the organization lets people make their accounts, and can write to them.
	SignUpOpen bool
	// RecoveryOpen: whoever reads the mail of an account may choose another password.
	RecoveryOpen bool
	// MagicLinksOpen: whoever reads the mail of an account may sign in by it.
	MagicLinksOpen bool
	// Doable are the required actions that can be done.
	Doable Doable
	// Terms are what whom the sign-in is about (Subject) has yet to accept; nil: nothing.
	Terms *terms.Due
	// Factors are of whom the sign-in is about (Subject).
	Factors Factors
}

// Next decides the next step. It is a pure function of the persisted transaction and the facts.
func (t *Transaction) Next(facts Facts) Step {
	live := t.Live(facts.Browser)
	if t.Progress.UserID == uuid.Nil {
		switch {
		case facts.RecoveryOpen && t.Progress.Recovery != nil:
			return ConfirmRecovery
		case facts.MagicLinksOpen && t.Progress.MagicLink != nil:
			return ConfirmMagicLink
		case facts.SignUpOpen && t.Progress.SignUp != nil && t.Progress.SignUp.Proved:
			return MakePasskey
		case facts.SignUpOpen && t.Progress.SignUp != nil:
			return ConfirmAddress
		case facts.SignUpOpen && t.Required.Requirement.Create && !t.Progress.SignUpAnswered:
			return MakeAccount
		case t.mustChoose(facts.Browser):
			return SelectAccount
		case !t.Required.Requirement.acceptsPerson(live):
			return Authenticate
		}
		if step := t.secondFactor(facts.Factors, live.Session.Methods, false); step != "" {
			return step
		}
		if !t.Required.Requirement.Accepts(live) {
			return Authenticate // what is demanded is reached by no second factor
		}
		return t.afterSession(facts, live)
	}
	if facts.User == nil || !facts.User.MayProve() || facts.User.ID != t.Progress.UserID {
		return Authenticate
	}
	if wanted := t.Wanted(); wanted != uuid.Nil && wanted != t.Progress.UserID {
		return Authenticate
	}
	if t.Progress.SessionID == uuid.Nil {
		// Whoever has a second factor proves it before anything changes; whoever has none adds it last.
		step := t.secondFactor(facts.Factors, t.Progress.Methods, true)
		switch {
		case step == SecondFactor && !t.MayLosePasskeys(facts.Factors):
			return step
		case len(t.Progress.Invitation) > 0:
			return AcceptInvitation
		case facts.User.Status == user.Leaving:
			return KeepAccount
		case t.Progress.Stronger != uuid.Nil && slices.Contains(facts.User.RequiredActions, user.ChangePassword):
			return Authenticate // demanded after the session began that this sign-in makes stronger
		case len(t.Progress.OneTimeLink) > 0 || slices.Contains(facts.User.RequiredActions, user.ChangePassword):
			return ChangePassword
		case step != "":
			return step
		case t.asksTerms(facts):
			return AcceptTerms // before there is any session
		}
		return BeginSession
	}
	if live == nil {
		return Authenticate // it was ended meanwhile, or the browser lost its cookie
	}
	if step := t.secondFactor(facts.Factors, live.Session.Methods, true); step != "" {
		return step // the policy was changed meanwhile
	}
	return t.afterSession(facts, live)
}

// Live is the session of this browser that the sign-in is about; nil while there is none, or while the person has
// to say which.
func (t *Transaction) Live(browser session.Browser) *session.Live {
	switch progress := &t.Progress; {
	case progress.UserID != uuid.Nil:
		return browser.ByID(progress.SessionID)
	case progress.Chosen != uuid.Nil:
		return browser.Of(progress.Chosen)
	case progress.AnotherAccount, progress.Choosing:
		return nil
	}
	return t.Required.Requirement.Pick(browser)
}

// Wanted is the only person who may prove themselves: whom the protocol names, or whose account was chosen;
// uuid.Nil when anybody may.
func (t *Transaction) Wanted() uuid.UUID {
	if named := t.Required.Requirement.UserID; named != uuid.Nil {
		return named
	}
	return t.Progress.Chosen
}

// Candidates are the accounts that may be chosen.
func (t *Transaction) Candidates(browser session.Browser) session.Browser {
	if named := t.Required.Requirement.UserID; named != uuid.Nil {
		return slices.DeleteFunc(slices.Clone(browser), func(live *session.Live) bool { return live.User.ID != named })
	}
	return browser
}

// mustChoose reports whether the person has to say which account before anything else. Nobody is asked who must
// prove themselves in any case: the identifier that they enter says it.
func (t *Transaction) mustChoose(browser session.Browser) bool {
	requirement := t.Required.Requirement
	candidates := t.Candidates(browser)
	switch {
	case t.Progress.Chosen != uuid.Nil, t.Progress.AnotherAccount, len(candidates) == 0:
		return false
	case t.Progress.Choosing, requirement.SelectAccount:
		return true
	}
	return requirement.Pick(browser) == nil && slices.ContainsFunc(candidates, requirement.Accepts)
}

// Pick is the session that the requirement is about without anybody saying so: that of the person it names, or the
// only one, or the one that its hint means. nil when there is no such session.
func (r Requirement) Pick(browser session.Browser) *session.Live {
	switch {
	case r.SelectAccount, r.Create:
		return nil
	case r.UserID != uuid.Nil:
		return browser.Of(r.UserID)
	case len(browser) == 1:
		return browser[0]
	}
	return browser.Hinted(r.LoginHint)
}

// afterSession decides what a signed-in person still has to do.
func (t *Transaction) afterSession(facts Facts, live *session.Live) Step {
	if t.asksTerms(facts) {
		return AcceptTerms
	}
	if step := t.requiredAction(facts.Doable, live); step != "" {
		return step
	}
	if linking := t.Progress.Linking; linking != nil {
		if live.Session.AuthenticatedAt.Before(linking.Since) {
			return Authenticate
		}
		return LinkIdentity
	}
	if consent := t.Required.Requirement.Consent; consent.Asks(live.ConsentedScopes) {
		// Always is satisfied by an answer in this transaction; a missing scope only by the stored consent.
		if !consent.Always || !t.Progress.Consented {
			return Consent
		}
	}
	return Complete
}

// Accepts reports whether a session satisfies the requirement without another proof by the person.
func (r Requirement) Accepts(live *session.Live) bool {
	return r.acceptsPerson(live) && (len(r.ACRValues) == 0 || session.Reach(live.Session.Methods, r.ACRValues)) &&
		(!r.SecondFactor || live.Session.MultiFactor() || !r.NotRemembered && live.Session.DeviceID != uuid.Nil)
}

// acceptsPerson is Accepts without regard to how many factors the person proved.
func (r Requirement) acceptsPerson(live *session.Live) bool {
	switch {
	case live == nil:
		return false
	case r.UserID != uuid.Nil && r.UserID != live.User.ID:
		return false
	case !r.AuthenticatedSince.IsZero() && live.Session.AuthenticatedAt.Before(r.AuthenticatedSince):
		return false
	}
	return !live.User.Must(user.ChangePassword)
}

// Authenticated reports that a person proved who they are, by the methods (amr).
func (t *Transaction) Authenticated(userID uuid.UUID, at time.Time, methods ...string) {
	t.reset(Progress{Chosen: t.Progress.Chosen, UserID: userID, AuthenticatedAt: at, Methods: methods})
}

// Over reports whether this is what is left of a completed sign-in; see Finish.
func (t *Transaction) Over() bool { return t.CreatedAt.IsZero() }

// StartOver forgets what was proved: it is worth nothing any more.
func (t *Transaction) StartOver() { t.reset(Progress{}) }

// OpenedLink reports that a person opened a one-time link: it lets them choose a password and nothing else. RFC 8176 has no
// name for it, so it is no method.
func (t *Transaction) OpenedLink(userID uuid.UUID, tokenHash []byte, at time.Time) {
	t.reset(Progress{UserID: userID, AuthenticatedAt: at, Methods: []string{}, OneTimeLink: tokenHash})
}
