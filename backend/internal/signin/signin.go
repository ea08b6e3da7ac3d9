// Package signin drives the pages of a sign-in. It reads what the browser sent, lets one step report to
// the login transaction, and asks package login what is next: which page to show, a session to begin, or
// the continuation of the protocol that wanted a signed-in person. It decides nothing itself.
//
// Every page works without JavaScript. Every POST checks the Origin header and a token bound to the
// browser and the transaction.
package signin

import (
	"context"
	"crypto/hmac"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/brand"
	"github.com/clavex/clavex/backend/internal/ciba"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/device"
	"github.com/clavex/clavex/backend/internal/erasure"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/identityprovider"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/logout"
	"github.com/clavex/clavex/backend/internal/mailqueue"
	"github.com/clavex/clavex/backend/internal/metadatadocument"
	"github.com/clavex/clavex/backend/internal/notice"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/proofofwork"
	"github.com/clavex/clavex/backend/internal/resource"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/terms"
	"github.com/clavex/clavex/backend/internal/upstream"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web"
	"github.com/clavex/clavex/backend/internal/web/page"
	"github.com/clavex/clavex/backend/internal/web/text"
	"github.com/clavex/clavex/backend/internal/webauthn"
)

// The faults of this package.
var (
	// ErrForged is the answer to a form that did not come from our own page in this browser.
	ErrForged = fault.New(fault.Forbidden, "form_forged", "This form did not come from a page of ours in this browser. Go back, load the page again and repeat.")
	// ErrOtherPerson says that the application asked for somebody else (id_token_hint).
	ErrOtherPerson = fault.New(fault.Unauthenticated, "other_person", "The application asked for another account. Sign in with that one.").WithField("username")
	// ErrNotChosen says that somebody else proved themselves than the person whose account was chosen.
	ErrNotChosen = fault.New(fault.Unauthenticated, "account_not_chosen", "That is not the account that was chosen. Enter the password of the chosen one, or choose another.").WithField("username")
	// ErrNotSignedIn says that an account cannot be chosen, because nobody is signed in with it in this browser.
	ErrNotSignedIn = fault.New(fault.Invalid, "account_not_signed_in", "This account is not signed in here any more. Choose another one, or sign in again.").WithField("account")
	// ErrMismatch says that the two new passwords differ.
	ErrMismatch = fault.New(fault.Invalid, "passwords_differ", "The two passwords are not the same.").WithField("new_password_confirmation")
	// ErrUndecided says that a form was sent without pressing one of its buttons.
	ErrUndecided = fault.New(fault.Invalid, "decision_missing", "Choose one of the two buttons.")
)

// Dependencies are what the package is made of.
type Dependencies struct {
	Store         *store.Store
	Issuers       oauth.Issuers
	Users         *user.Users
	Clients       *client.Clients
	Directory     *oauth.ClientDirectory // of the clients that pages speak about
	Documents     *metadatadocument.Documents
	Logos         *client.Logos
	Subjects      *oauth.Subjects
	Sessions      *session.Sessions
	Grants        *grant.Grants
	Resources     *resource.Resources
	Passwords     *credential.Passwords
	Links         *credential.Links
	Invitations   *credential.Invitations
	SecondFactors *credential.SecondFactors
	Remembered    *credential.Devices
	Passkeys      *credential.Passkeys
	FirstWays     *credential.FirstWays
	Ceremonies    *webauthn.Ceremonies // nil where browsers let nobody use passkeys
	Transactions  *login.Transactions
	Logout        *logout.Validator
	Devices       *device.Endpoint
	Backchannel   *ciba.Endpoint
	Audit         *audit.Log
	Ring          *seal.Ring
	Cookies       session.Cookies
	Pages         *web.Pages
	Texts         *text.Catalog
	Organizations *org.Organizations
	Now           func() time.Time
	Random        io.Reader
	Beginnings    Beginnings
	Identifiers   Beginnings // identifiers that are typed where those are asked for first
	Mails         *mailqueue.Queue
	Letters       notice.Letters
	Erasure       *erasure.Erasure
	Providers     *identityprovider.Providers
	Parties       *upstream.Parties
	Terms         *terms.Terms
	SignUps       SignUpLimits
	Recoveries    RecoveryLimits
	FactorMails   FactorMailLimits
	Addresses     AddressLimits
	State         kv.Store // of codes that hand a sign-in over
	Challenges    *proofofwork.Challenges
	Suspicion     proofofwork.Suspicion
	// SignUpOpen reports whether people make their accounts at the organization themselves.
	SignUpOpen func(ctx context.Context, organization *org.Organization) bool
	// Doable says which required actions can be done at an organization.
	Doable func(ctx context.Context, organization *org.Organization) login.Doable
	// Observe is told of every sign-in attempt: "success", "wrong", "damped", "busy", "error"; "limited" of one that
	// was not even begun; and "signed_up" of an account that was made.
	Observe func(outcome string)
}

// SignIn drives sign-ins at every organization. It is safe for concurrent use.
type SignIn struct {
	Dependencies
	continuations map[string]login.Continuation
	styles        brand.Styles
	formKey       []byte
	codeKey       []byte
	upstreamKey   []byte
	handOverKey   []byte
}

// New makes the driver. continuations are what protocols registered, by name.
func New(dependencies Dependencies, continuations map[string]login.Continuation) *SignIn {
	s := &SignIn{Dependencies: dependencies, continuations: map[string]login.Continuation{homeContinuation: home{to: ""}, approvalsContinuation: home{to: ciba.PathApprovals}}}
	s.continuations[handOverContinuation] = handOver{s}
	for name, continuation := range continuations {
		s.continuations[name] = continuation
	}
	s.upstreamKey = dependencies.Ring.DeriveKey("sign-in-elsewhere").Key
	s.handOverKey = dependencies.Ring.DeriveKey("hand-over").Key
	s.codeKey = dependencies.Ring.DeriveKey("mail-codes").Key
	s.formKey = dependencies.Ring.DeriveKey("hosted-page-forms").Key
	return s
}

// path is the address of one of the organization's pages on this host.
func path(organization *org.Organization, name string) string {
	return organization.Path(name)
}

// The paths of the pages below an organization.
const (
	pathLogin            = "login"
	pathPasskey          = "login/passkey"
	pathSecondFactor     = "login/second-factor"
	pathEnrol            = "login/second-factor/add"
	pathSignUp           = "sign-up"
	pathConfirm          = "sign-up/confirm"
	pathSignUpPasskey    = "sign-up/passkey"
	pathForgotPassword   = "forgot-password"
	pathConfirmRecovery  = "forgot-password/confirm"
	pathMagicLink        = "login/mail"
	pathConfirmMagicLink = "login/mail/confirm"
	pathSelectAccount    = "select-account"
	pathConsent          = "consent"
	pathChangePassword   = "action/change-password"
	pathLink             = "login/link"
	pathLogout           = "logout"
	pathAddress          = "action/email"
	pathKeepAccount      = "action/keep-account"
	pathLinkIdentity     = "action/link-account"
	pathUndoAddress      = "undo-email-change"
	pathAccount          = "account" // of package account
	pathAccountEmail     = "account/email"
	pathAccountData      = "account/data"
)

// pathOf is the page of a step; steps without a page have none.
func pathOf(step login.Step) string {
	switch step {
	case login.MakeAccount:
		return pathSignUp
	case login.ConfirmAddress:
		return pathConfirm
	case login.MakePasskey:
		return pathSignUpPasskey
	case login.ConfirmRecovery:
		return pathConfirmRecovery
	case login.ConfirmMagicLink:
		return pathConfirmMagicLink
	case login.SelectAccount:
		return pathSelectAccount
	case login.SecondFactor:
		return pathSecondFactor
	case login.EnrolSecondFactor:
		return pathEnrol
	case login.AcceptInvitation:
		return pathAcceptInvitation
	case login.ChangePassword:
		return pathChangePassword
	case login.LinkIdentity:
		return pathLinkIdentity
	case login.KeepAccount:
		return pathKeepAccount
	case login.VerifyEmail:
		return pathVerifyEmail
	case login.EnrolPasskey:
		return pathEnrolPasskey
	case login.AcceptTerms:
		return pathTerms
	case login.ProveAddress:
		return pathAddress
	case login.Consent:
		return pathConsent
	default:
		return pathLogin
	}
}

// browser returns the browser's own secret and its hash, giving the browser one when it has none.
func (s *SignIn) browser(c *gin.Context, organization *org.Organization) (string, []byte) {
	own := s.Cookies.Browser(c.Request, organization)
	if own == "" {
		own = secret.New(s.Random)
		s.Cookies.SetBrowser(c.Writer, organization, own)
	}
	return own, secret.Hash(own)
}

// formToken binds a form to the organization, the browser and what the form is about.
func (s *SignIn) formToken(organization *org.Organization, browser, about string) string {
	return secret.DeriveToken(s.formKey, "form", organization.ID.String(), browser, about)
}

// checkForm refuses a POST that is not from our own page in this browser. Browsers send Origin with every
// POST; where something else does not, the token alone, bound to the browser's cookie, must do.
func (s *SignIn) checkForm(c *gin.Context, form oauth.Parameters, expected string) error {
	header := c.Request.Header
	if origins := header.Values("Origin"); len(origins) > 1 || len(origins) == 1 && origins[0] != s.Issuers.Origin(oauth.Organization(c)) {
		return ErrForged
	}
	if site := header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return ErrForged
	}
	if !hmac.Equal([]byte(form.Get("csrf_token")), []byte(expected)) {
		return ErrForged
	}
	return nil
}

// frame is what surrounds the pages of an organization, in the person's language.
func (s *SignIn) frame(c *gin.Context, organization *org.Organization, uiLocales []string) page.Frame {
	if organization == nil {
		return page.Frame{Text: s.Texts.Match(uiLocales, c.GetHeader("Accept-Language"), "")}
	}
	frame := page.Frame{
		Text:         s.Texts.Match(uiLocales, c.GetHeader("Accept-Language"), organization.Policies.DefaultLocale),
		Organization: page.Organization{Name: organization.DisplayName, Style: s.styles.Of(organization.Branding.BrandColor)},
	}
	if organization.Branding.LogoDigest != "" {
		frame.Organization.LogoURL = path(organization, "logo/"+organization.Branding.LogoDigest)
	}
	return frame
}

// clientView is how a page in the language shows an application; nil when there is none.
func (s *SignIn) clientView(c *gin.Context, organization *org.Organization, clientID, language string) (*page.Client, *client.Client) {
	if clientID == "" {
		return nil, nil
	}
	found, err := s.Directory.Find(c.Request.Context(), organization, clientID)
	if err != nil {
		return nil, nil // it was deleted meanwhile, or its document is gone; the continuation will say so
	}
	view := s.shown(organization, found, language)
	return &view, found
}

func (s *SignIn) shown(organization *org.Organization, found *client.Client, language string) page.Client {
	shown := found.Presentation(language)
	view := page.Client{Name: shown.Name, PolicyURL: shown.PolicyURI, TermsURL: shown.TermsURI}
	if shown.LogoURI != "" {
		view.LogoURL = path(organization, "client-logo/"+client.LogoKey(shown.LogoURI)) + "?client_id=" + url.QueryEscape(found.ClientID)
	}
	return view
}

// render shows a page. Failing to draw one is our fault and shown as such.
func (s *SignIn) render(c *gin.Context, status int, view templ.Component, leadsTo ...string) {
	if err := s.Pages.Render(c, status, view, leadsTo...); err != nil {
		_ = c.Error(err)
		c.AbortWithStatus(http.StatusInternalServerError)
	}
}
