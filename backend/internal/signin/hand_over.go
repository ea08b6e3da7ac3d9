package signin

import (
	"context"
	"encoding/json"
	"net/url"
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
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// A passkey of the address at which an organization was before works there only. While that is served, a sign-in at the present
// address lets its person prove themselves there and come back: as with a provider elsewhere the browser takes along the name of a
// request, and brings back a code, which is good once, for a minute, and for the sign-in that asked, in its browser only.

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
	handOverRequests     = "hand-over-request"
	handOverCodes        = "hand-over-code"
	handOverLifetime     = time.Minute // of a code
)

// handOverRequest is what a sign-in at the present address asks of the one before. What names it follows from that sign-in.
type handOverRequest struct {
	Transaction string            `json:"transaction"`
	ReturnURL   string            `json:"return_url"`
	ClientID    string            `json:"client_id,omitempty"`
	Requirement login.Requirement `json:"requirement"`
}

// handedOver is what a code stands for.
type handedOver struct {
	Transaction string `json:"transaction"`
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

// ofFormer reports whether one of somebody's passkeys is of the address before, which is served.
func (s *SignIn) ofFormer(organization *org.Organization, own []credential.Passkey) bool {
	party, ok := s.party(organization.AtFormer())
	return ok && slices.ContainsFunc(own, func(passkey credential.Passkey) bool { return passkey.RPID == party.ID })
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
		s.backToLogin(c, v)
		return
	}
	if err := s.mayBegin(c, organization); err != nil {
		s.Error(c, err)
		return
	}
	v.stays(c.Query)
	v.transaction.AsksFormer(s.Now())
	if err := s.Transactions.Save(ctx, v.transaction); err != nil {
		s.stepFailed(c, v, err)
		return
	}
	request := handOverRequest{Transaction: v.transaction.ID, ReturnURL: s.Issuers.Endpoint(organization, pathHandedOver), ClientID: v.transaction.Required.ClientID,
		Requirement: v.transaction.AskedOfFormer(facts, s.Now())}
	name := secret.DeriveToken(s.handOverKey, "request", organization.ID.String(), v.transaction.ID) // of two tabs the same
	if err := s.put(ctx, organization, handOverRequests, name, request, login.Lifetime); err != nil {
		s.Error(c, err)
		return
	}
	s.Pages.SeeOther(c, s.Issuers.Endpoint(organization.AtFormer(), pathHandOver)+"?request="+name)
}

func (s *SignIn) backToLogin(c *gin.Context, v *visit) {
	s.Pages.SeeOther(c, path(v.organization, pathLogin)+"?transaction="+v.transaction.ID)
}

// HandOver serves the address at which people prove themselves for a sign-in at the present address: anew, whoever is signed in.
func (s *SignIn) HandOver(c *gin.Context) {
	ctx, organization, name := c.Request.Context(), oauth.Organization(c), c.Query("request")
	entry, found, err := s.State.Get(ctx, handOverKey(organization.ID, handOverRequests, name))
	if err != nil {
		s.Error(c, err)
		return
	}
	var request handOverRequest
	if !found || !organization.SeenFromFormer() || json.Unmarshal(entry.Value, &request) != nil {
		s.Pages.SeeOther(c, path(organization, pathLogin))
		return
	}
	s.Begin(c, login.Required{Continuation: handOverContinuation, Request: entry.Value, ClientID: request.ClientID, Requirement: request.Requirement})
}

// HandedOver serves the address to which people come back. Whoever comes with a code, it is good no more.
func (s *SignIn) HandedOver(c *gin.Context) {
	ctx, organization := c.Request.Context(), oauth.Organization(c)
	var handed handedOver
	if code := c.Query("code"); code != "" {
		entry, found, err := s.State.Take(ctx, handOverKey(organization.ID, handOverCodes, code))
		if err != nil {
			s.Error(c, err)
			return
		}
		if found {
			_ = json.Unmarshal(entry.Value, &handed) // what cannot be read names no sign-in
		}
	}
	v := s.visit(c, c.Query("transaction"))
	if v == nil {
		return
	}
	facts, err := s.facts(ctx, v)
	if err != nil {
		s.Error(c, err)
		return
	}
	if c.Query("code") == "" || !v.transaction.MayAskFormer(facts) { // they did not want to, or it went on meanwhile
		s.backToLogin(c, v)
		return
	}
	if handed.Transaction != v.transaction.ID || s.formerAddress(v) == nil {
		err = ErrHandOver
	} else {
		err = s.proveAtFormer(ctx, v, facts, handed.HandedOver)
	}
	switch {
	case err == nil:
		s.advance(c, v, pathHandedOver)
	case fault.IsKind(err, fault.Unauthenticated):
		s.errorWithRetry(c, err, path(organization, pathLogin)+"?transaction="+v.transaction.ID)
	default:
		s.stepFailed(c, v, err)
	}
}

// proveAtFormer reports what somebody proved at the address before.
func (s *SignIn) proveAtFormer(ctx context.Context, v *visit, facts login.Facts, proved login.HandedOver) error {
	person, err := s.Users.ByID(ctx, s.Store, v.organization.ID, proved.UserID)
	switch {
	case fault.IsKind(err, fault.NotFound), err == nil && !person.MayProve():
		return ErrHandOver
	case err != nil:
		return err
	}
	if err := s.checkWanted(v, person); err != nil {
		return err
	}
	if !v.transaction.ProvedAtFormer(facts, proved) {
		return ErrHandOver
	}
	if proved.Passkey != nil {
		if err := s.offerNextPasskey(ctx, v, person.ID); err != nil {
			return err
		}
	}
	if err := s.Audit.Record(ctx, s.Store, v.organization.ID, audit.Event{Action: "sign_in.handed_over", Actor: actorOf(person), Target: user.Target(person),
		Details: map[string]any{"session_id": proved.SessionID, "client_id": v.transaction.Required.ClientID}}); err != nil {
		return err
	}
	return s.Transactions.Save(ctx, v.transaction)
}

// offerNextPasskey has somebody who used a passkey of the address before asked for one of this address, where they have none.
func (s *SignIn) offerNextPasskey(ctx context.Context, v *visit, userID uuid.UUID) error {
	party, ok := s.party(v.organization)
	if !ok {
		return nil
	}
	has, err := s.Passkeys.Usable(ctx, s.Store, v.organization.ID, userID, party.ID, time.Time{})
	if err == nil && !has {
		v.transaction.OffersNextPasskey()
	}
	return err
}

// endFormer ends the session of the address before that began for nothing but a sign-in here: nobody looks for it when they sign
// out.
func (s *SignIn) endFormer(ctx context.Context, tx *store.Tx, v *visit) error {
	progress := v.transaction.Progress
	err := s.Sessions.EndOf(ctx, tx, audit.Actor{Kind: audit.System, Name: "sign-in"}, v.organization.ID, progress.UserID, progress.Former, "handed over")
	if fault.IsKind(err, fault.NotFound) {
		return nil // it has ended by itself
	}
	return err
}

func (s *SignIn) put(ctx context.Context, organization *org.Organization, kind, name string, value any, lifetime time.Duration) error {
	encoded, err := json.Marshal(value)
	if err == nil {
		_, err = s.State.Put(ctx, handOverKey(organization.ID, kind, name), encoded, lifetime)
	}
	return err
}

func handOverKey(orgID uuid.UUID, kind, name string) kv.Key {
	return kv.Key{OrgID: orgID, Kind: kind, ID: kv.ID(name)}
}

// handOver is what happens after somebody proved themselves at the address before.
type handOver struct{ s *SignIn }

func (h handOver) Complete(ctx context.Context, organization *org.Organization, transaction *login.Transaction, live *session.Live, _ session.Browser) (login.Answer, error) {
	request, back, err := h.back(transaction)
	if err != nil {
		return login.Answer{}, err
	}
	handed := handedOver{Transaction: request.Transaction, HandedOver: login.HandedOver{UserID: live.User.ID, SessionID: live.Session.ID,
		Begun: !live.Session.CreatedAt.Before(transaction.CreatedAt), AuthenticatedAt: live.Session.AuthenticatedAt, Methods: slices.Clone(live.Session.Methods)}}
	if live.Session.PasskeyID != uuid.Nil {
		handed.Passkey = &login.Passkey{ID: live.Session.PasskeyID, AAGUID: live.Session.AAGUID}
	}
	code := secret.New(h.s.Random)
	return login.Answer{RedirectURL: back + "&code=" + code}, h.s.put(ctx, organization, handOverCodes, code, handed, handOverLifetime)
}

func (h handOver) Deny(_ context.Context, _ *org.Organization, transaction *login.Transaction) (login.Answer, error) {
	_, back, err := h.back(transaction)
	return login.Answer{RedirectURL: back}, err
}

// back is what was asked for, and where the sign-in waits.
func (h handOver) back(transaction *login.Transaction) (request handOverRequest, back string, err error) {
	err = json.Unmarshal(transaction.Required.Request, &request)
	return request, request.ReturnURL + "?transaction=" + url.QueryEscape(request.Transaction), err
}

func (h handOver) LeadsTo(transaction *login.Transaction) string {
	request, _, _ := h.back(transaction)
	return request.ReturnURL
}

// RestartURL is where the sign-in waits: it begins there.
func (h handOver) RestartURL(_ *org.Organization, transaction *login.Transaction) string {
	_, back, err := h.back(transaction)
	if err != nil {
		return ""
	}
	return back
}
