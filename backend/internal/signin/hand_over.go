package signin

import (
	"context"
	"crypto/hmac"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// A passkey of the address at which an organization was before works there only. While that is served, a sign-in at the present
// address lets its person prove themselves there and come back: as with a provider elsewhere the browser takes a request along,
// bound to its sign-in, and brings a code back, which is good once, for a minute, and for that request in that browser only.

// ErrHandOver is the answer to whoever comes back with nothing that is good for their sign-in.
var ErrHandOver = fault.New(fault.Unauthenticated, "hand_over_failed", "What you proved at the other address could not be taken over. Try again.")

// The addresses of a hand-over: where it begins (at the present address), where people prove themselves (at the one before), and
// where they come back to.
const (
	pathAskFormer  = "login/former-address"
	pathHandOver   = "login/hand-over"
	pathHandedOver = "login/handed-over"
)

const (
	handOverContinuation = "hand-over"
	handOverLifetime     = time.Minute
	handOverCodes        = "hand-over-code"
	maximumHandOver      = 200 // characters of a request
)

// handOverRequest is what the sign-in at the address before was begun for.
type handOverRequest struct {
	Request   string `json:"request"`
	ReturnURL string `json:"return_url"` // at the present address
}

// handedOver is what a code stands for.
type handedOver struct {
	Request []byte `json:"request"` // hash
	login.HandedOver
}

// formerAddress leads people whose passkeys are those of the address before to where they prove themselves with them; nil when
// no such address is served.
func (s *SignIn) formerAddress(v *visit) *page.Link {
	organization := v.organization
	if !organization.ServesFormer(s.Now()) || organization.SeenFromFormer() {
		return nil
	}
	_, host, _ := strings.Cut(s.Issuers.Origin(organization.AtFormer()), "://")
	return &page.Link{Label: host, URL: path(organization, pathAskFormer) + "?transaction=" + v.transaction.ID}
}

// ofFormer reports whether somebody has a passkey of the address before, which is served.
func (s *SignIn) ofFormer(organization *org.Organization, own []credential.Passkey) bool {
	party, ok := s.party(organization.AtFormer())
	return ok && slices.ContainsFunc(own, func(passkey credential.Passkey) bool { return passkey.RPID == party.ID && passkey.SuspendedAt.IsZero() })
}

// AskFormer serves the address that leads a sign-in to the address before.
func (s *SignIn) AskFormer(c *gin.Context) {
	ctx, organization := c.Request.Context(), oauth.Organization(c)
	v := s.visit(c, c.Query("transaction"))
	if v == nil {
		return
	}
	facts, err := s.facts(ctx, v)
	if err != nil {
		s.Error(c, err)
		return
	}
	if s.formerAddress(v) == nil || !v.transaction.MayAskFormer(facts) {
		s.Pages.SeeOther(c, path(organization, pathLogin)+"?transaction="+v.transaction.ID)
		return
	}
	v.stays(c.Query)
	request := v.transaction.ID + "." + secret.New(s.Random)
	v.transaction.AsksFormer(secret.Hash(request), s.Now())
	if err := s.Transactions.Save(ctx, v.transaction); err != nil {
		s.stepFailed(c, v, err)
		return
	}
	s.Pages.SeeOther(c, s.Issuers.Endpoint(organization.AtFormer(), pathHandOver)+"?request="+request)
}

// HandOver serves the address at which people prove themselves for a sign-in at the present address: anew, whoever is signed in.
func (s *SignIn) HandOver(c *gin.Context) {
	organization, asked := oauth.Organization(c), c.Query("request")
	id, _, ok := strings.Cut(asked, ".")
	if !organization.SeenFromFormer() || !ok || id == "" || len(asked) > maximumHandOver {
		s.Pages.SeeOther(c, path(organization, pathLogin))
		return
	}
	request, err := json.Marshal(handOverRequest{Request: asked, ReturnURL: s.Issuers.Endpoint(organization.Present(), pathHandedOver)})
	if err != nil {
		s.Error(c, err)
		return
	}
	s.Begin(c, login.Required{Continuation: handOverContinuation, Request: request, Requirement: login.Requirement{AuthenticatedSince: s.Now()}})
}

// HandedOver serves the address to which people come back.
func (s *SignIn) HandedOver(c *gin.Context) {
	ctx := c.Request.Context()
	v := s.visit(c, c.Query("transaction"))
	if v == nil {
		return
	}
	facts, err := s.facts(ctx, v)
	if err != nil {
		s.Error(c, err)
		return
	}
	if !v.transaction.MayAskFormer(facts) { // it went on meanwhile
		s.Pages.SeeOther(c, path(v.organization, pathLogin)+"?transaction="+v.transaction.ID)
		return
	}
	proved, err := s.takeOver(ctx, v, c.Query("code"))
	var person *user.User
	if err == nil {
		person, err = s.Users.ByID(ctx, s.Store, v.organization.ID, proved.UserID)
	}
	switch {
	case fault.IsKind(err, fault.NotFound), err == nil && !person.MayProve():
		err = ErrHandOver
	case err == nil:
		err = s.checkWanted(v, person)
	}
	if fault.IsKind(err, fault.Unauthenticated) {
		s.Observe("wrong")
		s.errorWithRetry(c, err, path(v.organization, pathLogin)+"?transaction="+v.transaction.ID)
		return
	}
	if err == nil {
		v.transaction.ProvedAtFormer(proved)
		if err = s.Transactions.Save(ctx, v.transaction); err == nil {
			err = s.Audit.Record(ctx, s.Store, v.organization.ID, audit.Event{Action: "sign_in.handed_over", Actor: actorOf(person), Target: user.Target(person),
				Details: map[string]any{"session_id": proved.SessionID, "client_id": v.transaction.Required.ClientID}})
		}
	}
	if err != nil {
		s.stepFailed(c, v, err)
		return
	}
	s.Observe("success")
	s.advance(c, v, pathHandedOver)
}

// takeOver redeems a code. ErrHandOver unless it was made for what this sign-in asked.
func (s *SignIn) takeOver(ctx context.Context, v *visit, code string) (login.HandedOver, error) {
	pending := v.transaction.Progress.HandOver
	if len(pending) == 0 || code == "" {
		return login.HandedOver{}, ErrHandOver
	}
	entry, found, err := s.State.Take(ctx, handOverKey(v.organization.ID, code))
	if err != nil {
		return login.HandedOver{}, err
	}
	var handed handedOver
	if !found || json.Unmarshal(entry.Value, &handed) != nil || !hmac.Equal(handed.Request, pending) {
		return login.HandedOver{}, ErrHandOver
	}
	return handed.HandedOver, nil
}

func handOverKey(orgID uuid.UUID, code string) kv.Key {
	return kv.Key{OrgID: orgID, Kind: handOverCodes, ID: kv.ID(code)}
}

// handOver is what happens after somebody proved themselves at the address before.
type handOver struct{ s *SignIn }

func (h handOver) Complete(ctx context.Context, organization *org.Organization, transaction *login.Transaction, live *session.Live, _ session.Browser) (login.Answer, error) {
	request, query, err := h.back(transaction)
	if err != nil {
		return login.Answer{}, err
	}
	handed := handedOver{Request: secret.Hash(request.Request), HandedOver: login.HandedOver{UserID: live.User.ID, SessionID: live.Session.ID,
		AuthenticatedAt: live.Session.AuthenticatedAt, Methods: slices.Clone(live.Session.Methods)}}
	if live.Session.PasskeyID != uuid.Nil {
		handed.Passkey = &login.Passkey{ID: live.Session.PasskeyID, AAGUID: live.Session.AAGUID}
	}
	value, err := json.Marshal(handed)
	if err != nil {
		return login.Answer{}, err
	}
	code := secret.New(h.s.Random)
	if _, err := h.s.State.Put(ctx, handOverKey(organization.ID, code), value, handOverLifetime); err != nil {
		return login.Answer{}, err
	}
	return login.Answer{RedirectURL: request.ReturnURL + query + "&code=" + code}, nil
}

func (h handOver) Deny(_ context.Context, _ *org.Organization, transaction *login.Transaction) (login.Answer, error) {
	request, query, err := h.back(transaction)
	return login.Answer{RedirectURL: request.ReturnURL + query}, err
}

// back is what was asked for, and the query that names the sign-in which waits.
func (h handOver) back(transaction *login.Transaction) (request handOverRequest, query string, err error) {
	err = json.Unmarshal(transaction.Required.Request, &request)
	id, _, _ := strings.Cut(request.Request, ".")
	return request, "?transaction=" + id, err
}

func (h handOver) LeadsTo(transaction *login.Transaction) string {
	request, _, _ := h.back(transaction)
	return request.ReturnURL
}

func (h handOver) RestartURL(organization *org.Organization, transaction *login.Transaction) string {
	request, _, err := h.back(transaction)
	if err != nil {
		return ""
	}
	return path(organization, pathHandOver) + "?request=" + request.Request
}
