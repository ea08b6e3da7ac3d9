// Package account serves the pages on which people look after their own account: who they are, how they sign in, where
// they are signed in, what applications may do, what happened, and everything that is kept about them.
//
// Every page is a place (places.go): a path, a name, and whether it demands a fresh proof of the person (sudo mode). The
// shell opens it for the person who used the browser last, sends others to sign in, and comes back to the same page.
// Every form is bound to the session that it was shown in, so of two people at one browser neither acts for the other.
// Pages work without JavaScript but for the ceremony of passkeys.
package account

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/erasure"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/identityprovider"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/mailqueue"
	"github.com/clavex/clavex/backend/internal/notice"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/signin"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/terms"
	"github.com/clavex/clavex/backend/internal/trust"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/page"
	"github.com/clavex/clavex/backend/internal/web/text"
	"github.com/clavex/clavex/backend/internal/webauthn"
)

// SudoLifetime is how long after a proof of who they are a person may change what their account depends on.
const SudoLifetime = 10 * time.Minute

// Dependencies are what the package is made of.
type Dependencies struct {
	SignIn        *signin.SignIn
	Store         *store.Store
	Issuers       oauth.Issuers
	Users         *user.Users
	Clients       *client.Clients
	Sessions      *session.Sessions
	Grants        *grant.Grants
	Passwords     *credential.Passwords
	SecondFactors *credential.SecondFactors
	Remembered    *credential.Devices
	Passkeys      *credential.Passkeys
	Invitations   *credential.Invitations
	Trusted       *trust.Issuers
	Models        *fido.Models
	// Ceremonies of passkeys.
	Ceremonies *webauthn.Ceremonies
	Letters    notice.Letters
	Erasure    *erasure.Erasure
	Providers  *identityprovider.Providers
	Terms      *terms.Terms
	Mails      *mailqueue.Queue
	Audit      *audit.Log
	Texts      *text.Catalog
	Now        func() time.Time
}

// Account serves the pages at every organization. It is safe for concurrent use.
type Account struct{ Dependencies }

// New makes the pages.
func New(dependencies Dependencies) *Account { return &Account{dependencies} }

// place is one of the pages.
type place struct {
	path string // below the organization
	// label is its name in the list of pages; nil for one that is opened from another.
	label  func(words *text.Printer) string
	of     string                           // the path of the page that is current in the list instead
	title  func(words *text.Printer) string // of a page that is not in the list
	listed func(v *visit) bool              // whether it stands in the list; nil: it does
	sudo   bool                             // demands a fresh proof of the person
	// withoutTerms: people who have not accepted the terms take their data with them, or leave.
	withoutTerms bool
	show         func(v *visit)
	post         func(v *visit) // nil when it has no form
}

// visit is one request of a person at one of the pages.
type visit struct {
	*Account

	c            *gin.Context
	place        *place
	organization *org.Organization
	browser      session.Browser  // everybody who is signed in there
	live         *session.Live    // whose account it is
	factors      org.SecondFactor // the policy of second factors for them
	form         oauth.Parameters
	words        *text.Printer
	frame        page.Frame
}

// Mount mounts every page below an organization.
func (a *Account) Mount(pages gin.IRoutes) {
	for _, where := range a.places() {
		pages.GET("/"+where.path, a.serve(&where))
		if where.post != nil {
			pages.POST("/"+where.path, a.serve(&where))
		}
	}
}

// serve opens a place for the person who used the browser last.
func (a *Account) serve(where *place) gin.HandlerFunc {
	return func(c *gin.Context) {
		organization := oauth.Organization(c)
		signedIn, err := a.SignIn.SignedIn(c, organization)
		live := signedIn.Current()
		if err == nil && live != nil {
			err = a.Sessions.Touch(c.Request.Context(), live, organization.Policies)
		}
		if err != nil {
			a.SignIn.Error(c, err)
			return
		}
		if live == nil {
			a.begin(c, where, login.Requirement{})
			return
		}
		v := &visit{Account: a, c: c, place: where, organization: organization, browser: signedIn, live: live,
			frame: a.SignIn.Frame(c, organization, live.User.Profile.Locale)}
		v.words = v.frame.Text
		if c.Request.Method == http.MethodPost {
			if v.form, err = a.SignIn.Posted(c, organization, v.about()); err != nil {
				a.SignIn.Error(c, err)
				return
			}
		}
		required, policy, err := a.requirement(c.Request.Context(), where, organization, live)
		if v.factors = policy; err != nil {
			a.SignIn.Error(c, err)
			return
		}
		due := !required.Accepts(live)
		if !due && !where.withoutTerms {
			terms, err := a.Terms.Due(c.Request.Context(), live.User)
			if err != nil {
				a.SignIn.Error(c, err)
				return
			}
			due = terms != nil
		}
		if due {
			a.begin(c, where, required)
			return
		}
		if c.Request.Method == http.MethodPost {
			where.post(v)
			return
		}
		where.show(v)
	}
}

// requirement is what a place demands of whom it is opened for: before sensitive changes all that the person has. It also
// returns the policy of second factors that holds for them.
func (a *Account) requirement(ctx context.Context, where *place, organization *org.Organization, live *session.Live) (login.Requirement, org.SecondFactor, error) {
	policy, ofRoles, err := role.SecondFactor(ctx, a.Store, organization, live.User.ID)
	if err != nil {
		return login.Requirement{}, policy, err
	}
	required := login.Requirement{UserID: live.User.ID, SecondFactor: policy == org.SecondFactorRequired,
		NotRemembered: where.sudo || ofRoles == org.SecondFactorRequired || organization.Policies.RememberedDeviceDays == 0}
	if !where.sudo {
		return required, policy, nil
	}
	required.AuthenticatedSince = a.Now().Add(-SudoLifetime)
	if policy != org.SecondFactorOptional {
		return required, policy, nil
	}
	if required.SecondFactor, err = a.SecondFactors.Enrolled(ctx, organization.ID, live.User.ID); err == nil && !required.SecondFactor {
		// Whoever made their first passkey just now proved everything that they had.
		required.SecondFactor, err = a.SignIn.HasPasskey(ctx, organization, live.User.ID, live.Session.AuthenticatedAt)
	}
	if err == nil && !required.SecondFactor {
		// Otherwise whoever knows the password would change the address first, and read the codes there.
		required.SecondFactor, err = a.SignIn.ProvesByMail(ctx, organization, live.User, live.Session.Methods)
	}
	return required, policy, err
}

// begin sends the person to sign in, and back to the place.
func (a *Account) begin(c *gin.Context, where *place, required login.Requirement) {
	required.WithoutTerms = where.withoutTerms
	a.SignIn.Begin(c, a.required(where.path, required))
}

// required is a sign-in that leads to one of the pages.
func (a *Account) required(to string, required login.Requirement) login.Required {
	request, _ := json.Marshal(came{From: to}) // a struct of one text
	return login.Required{Continuation: ContinuationName, Request: request, Requirement: required}
}

// about is what the forms of the place are bound to: the session beside the page.
func (v *visit) about() string { return v.place.path + " " + v.live.Session.ID.String() }

// hidden is the hidden part of the form of the place.
func (v *visit) hidden() page.Form {
	return page.Form{Action: v.address(v.place.path), CSRFToken: v.SignIn.Token(v.c, v.organization, v.about())}
}

// address is where one of the organization's pages is.
func (v *visit) address(path string) string { return v.organization.Path(path) }

// shell is what surrounds the place.
func (v *visit) shell() page.OwnAccount {
	shell := page.OwnAccount{Frame: v.frame, Person: v.live.User.DisplayName(), Done: v.done()}
	current := v.place.path
	if v.place.of != "" {
		current, shell.Title = v.place.of, v.place.title(v.words)
	}
	for _, other := range v.places() {
		if other.label != nil && (other.listed == nil || other.listed(v)) {
			shell.Places = append(shell.Places, page.Place{Label: other.label(v.words), URL: v.address(other.path), Current: other.path == current})
		}
	}
	return shell
}

// moment writes a point in time in the person's language and zone.
func (v *visit) moment(at time.Time) page.Moment {
	return page.Moment{Shown: v.words.Moment(at, text.Zone(v.live.User.Profile.Zoneinfo)), Exact: at.UTC().Format(time.RFC3339)}
}

func (v *visit) ctx() context.Context { return v.c.Request.Context() }

// actor is the person, for the audit log.
func (v *visit) actor() audit.Actor {
	return audit.Actor{Kind: audit.User, ID: v.live.User.ID.String(), Name: v.live.User.Username}
}

// failed shows the form again with what went wrong, where the person can mend it; anything else is an error page.
func (v *visit) failed(err error, show func(status int, problem *fault.Error)) {
	problem := fault.From(err)
	switch problem.Kind {
	case fault.Invalid, fault.Conflict, fault.PreconditionFailed, fault.RateLimited, fault.NotFound, fault.Unauthenticated:
		_ = v.c.Error(err)
		show(signin.StatusOf(problem), problem)
	default:
		v.SignIn.Error(v.c, err)
	}
}
