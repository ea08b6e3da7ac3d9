package signin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/ciba"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/mailqueue"
	"github.com/clavex/clavex/backend/internal/notice"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/web/letter"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// Approvals serves GET and POST of the page on which people find what applications ask of them (CIBA Core 1.0). It shows
// what waits for those who are signed in in this browser; others sign in first. Looking changes nothing. A form opens one
// request: it begins a sign-in as the request demands it, which is over at once where the session will do, and leads to
// the page of consent, where its person decides.
func (s *SignIn) Approvals(c *gin.Context) {
	organization := oauth.Organization(c)
	browser, _ := s.browser(c, organization)
	signedIn, err := s.signedIn(c, organization)
	if err != nil {
		s.Error(c, err)
		return
	}
	switch {
	case c.Request.Method == http.MethodPost:
		s.openApproval(c, browser, signedIn)
	case len(signedIn) == 0:
		s.Begin(c, login.Required{Continuation: approvalsContinuation})
	default:
		s.showApprovals(c, browser, signedIn, http.StatusOK, nil)
	}
}

// openApproval begins the sign-in that ends with a decision. Only what waits for somebody who is signed in here is opened.
func (s *SignIn) openApproval(c *gin.Context, browser string, signedIn session.Browser) {
	organization := oauth.Organization(c)
	form, err := oauth.ReadForm(c)
	if err == nil {
		err = s.checkForm(c, form, s.formToken(organization, browser, ciba.PathApprovals))
	}
	if err != nil {
		s.Error(c, err)
		return
	}
	if len(signedIn) == 0 {
		s.Begin(c, login.Required{Continuation: approvalsContinuation})
		return
	}
	id, err := uuid.Parse(form.Get("request"))
	if err != nil {
		err = grant.ErrBackchannelNotFound.WithCause(err)
	}
	for _, live := range signedIn {
		if err != nil {
			break
		}
		required, problem := s.Backchannel.Required(c.Request.Context(), organization, id, live.User.ID)
		switch {
		case problem == nil:
			s.Begin(c, required)
			return
		case !errors.Is(problem, grant.ErrBackchannelNotFound):
			err = problem
		}
	}
	if err == nil {
		err = grant.ErrBackchannelNotFound
	}
	if fault.IsKind(err, fault.NotFound) { // it expired, or was answered, while the page was open
		_ = c.Error(err)
		s.showApprovals(c, browser, signedIn, http.StatusNotFound, fault.From(err))
		return
	}
	s.Error(c, err)
}

func (s *SignIn) showApprovals(c *gin.Context, browser string, signedIn session.Browser, status int, problem *fault.Error) {
	organization, ctx := oauth.Organization(c), c.Request.Context()
	view := page.Approvals{Frame: s.frame(c, organization, nil), AgainURL: path(organization, ciba.PathApprovals), Fault: problem}
	form := page.Form{Action: path(organization, ciba.PathApprovals), CSRFToken: s.formToken(organization, browser, ciba.PathApprovals)}
	var waiting []grant.BackchannelRequest
	for _, live := range signedIn {
		of, err := s.Grants.PendingBackchannel(ctx, organization.ID, live.User.ID, uuid.Max, ciba.PendingOfPerson)
		if err != nil {
			s.Error(c, err)
			return
		}
		waiting = append(waiting, of...)
	}
	slices.SortStableFunc(waiting, func(a, b grant.BackchannelRequest) int { return b.CreatedAt.Compare(a.CreatedAt) })
	for i := range waiting {
		shown, asking := s.clientView(c, organization, waiting[i].ClientID, view.Text.Language())
		if shown == nil {
			continue // deleted meanwhile
		}
		consent, err := s.Backchannel.Consent(ctx, organization, &waiting[i])
		if err != nil {
			_ = c.Error(err) // what it asks for is gone; it cannot be allowed
			continue
		}
		one := page.Approval{ID: waiting[i].ID.String(), Consent: page.Consent{Frame: view.Frame, Form: form, Client: *shown}}
		if len(signedIn) > 1 {
			one.Username = waiting[i].Username
		}
		s.describeAsked(c, organization, &one.Consent, asking, consent)
		view.Requests = append(view.Requests, one)
	}
	s.render(c, status, view)
}

// registeredHost is the host of an address that belongs to the application: where it is told, where it leads people, or
// what it says of itself; "" when it has none.
func registeredHost(c *client.Client) string {
	if c == nil {
		return ""
	}
	return webHost(slices.Concat([]string{c.Metadata.BackchannelClientNotificationEndpoint}, c.RedirectURIs, []string{c.Metadata.JWKSURI, c.ClientURI}))
}

// ApprovalAllowed and ApprovalDenied serve the pages on which a decision ends.
func (s *SignIn) ApprovalAllowed(c *gin.Context) { s.approvalDone(c, true) }

// ApprovalDenied is described at ApprovalAllowed.
func (s *SignIn) ApprovalDenied(c *gin.Context) { s.approvalDone(c, false) }

func (s *SignIn) approvalDone(c *gin.Context, allowed bool) {
	organization := oauth.Organization(c)
	s.render(c, http.StatusOK, page.Decided{Frame: s.frame(c, organization, nil), Application: true, Allowed: allowed, MoreURL: path(organization, ciba.PathApprovals)})
}

const mailRequestWaits mailqueue.Kind = "request_waits"

// ApprovalMails tells people by mail that a request waits for them: those whose address was proved, where mail can be
// sent. It says who asks and where to look; what is asked for is for their eyes alone. It implements ciba.Notifier.
type ApprovalMails struct{ Letters notice.Letters }

// Notify implements ciba.Notifier.
func (m ApprovalMails) Notify(ctx context.Context, tx *store.Tx, waiting ciba.Waiting) error {
	person, organization := waiting.Person, waiting.Organization
	if !person.EmailVerified {
		return nil
	}
	left := int((waiting.Expires.Sub(m.Letters.Now()) + time.Minute - 1) / time.Minute)
	return m.Letters.Tell(ctx, tx, organization, person, notice.Letter{Kind: mailRequestWaits, Expires: waiting.Expires, Write: func(f letter.Frame) letter.Content {
		return letter.RequestWaits(f, waiting.Client.Presentation(f.Text.Language()).Name, m.Letters.Issuers.Endpoint(organization, ciba.PathApprovals), left)
	}})
}
