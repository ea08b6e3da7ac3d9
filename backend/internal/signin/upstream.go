package signin

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/identityprovider"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/upstream"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// People may sign in at a provider elsewhere. Who comes back is let in when that account is linked to one here; otherwise it
// can be linked to the account of whoever signs in here next, in the same browser and sign-in: proof of both accounts is
// what links them, and no address that a provider tells.

// The faults of sign-ins elsewhere.
var (
	ErrUpstreamDeclined = fault.New(fault.Unauthenticated, "identity_provider_declined", "You did not sign in there. Try again, or sign in in another way.")
	ErrUpstreamFailed   = fault.New(fault.Unauthenticated, "identity_provider_failed", "The sign-in there failed. Try again, or sign in in another way.")
	ErrIdentityRefused  = fault.New(fault.Unauthenticated, "identity_refused", "The account that it is linked to here cannot be used.")
)

// pathUpstream is where sign-ins elsewhere begin, followed by the alias of the provider; pathCallback follows that where they
// come back to.
const (
	pathUpstream = "idp/"
	pathCallback = "/callback"
)

// Upstream serves the address that leads to a provider.
func (s *SignIn) Upstream(c *gin.Context) {
	organization, id := oauth.Organization(c), c.Query("transaction")
	provider, err := s.Providers.ByAlias(c.Request.Context(), organization.ID, c.Param("alias"))
	if err != nil {
		s.Error(c, err)
		return
	}
	if id == "" {
		s.beginAt(c, login.Required{Continuation: homeContinuation}, pathUpstream+provider.Alias)
		return
	}
	v := s.visit(c, id)
	if v == nil {
		return
	}
	ctx := c.Request.Context()
	facts, err := s.facts(ctx, v)
	if err != nil {
		s.Error(c, err)
		return
	}
	if !v.transaction.MayGoUpstream(facts, provider.ID) {
		s.advance(c, v, pathUpstream)
		return
	}
	// Whoever goes there makes us ask the provider when they come back, so it counts like a sign-in that is begun.
	if err := s.mayBegin(c, organization); err != nil {
		s.Error(c, err)
		return
	}
	v.stays(c.Query)
	state := v.transaction.ID + "." + secret.New(s.Random)
	request := s.upstreamRequest(v, provider, state)
	if request.LoginHint, err = s.suggested(ctx, v, facts, request.LoginHint); err != nil {
		s.Error(c, err)
		return
	}
	target, err := s.Parties.URL(ctx, provider, request)
	if err == nil {
		v.transaction.GoesUpstream(provider.ID, secret.Hash(state), s.Now())
		err = s.Transactions.Save(ctx, v.transaction)
	}
	if err != nil {
		s.stepFailed(c, v, err)
		return
	}
	s.leave(c, page.Leaving{Frame: s.frame(c, organization, nil), Client: page.Client{Name: provider.Name}, URL: target})
}

// upstreamRequest is the sign-in that a state is about; its other secrets follow from the state.
func (s *SignIn) upstreamRequest(v *visit, provider *identityprovider.Provider, state string) upstream.Request {
	requirement := v.transaction.Required.Requirement
	request := upstream.Request{Longest: v.organization.Policies.SessionAbsolute(), RedirectURI: s.Issuers.Endpoint(v.organization, pathUpstream+provider.Alias+pathCallback), State: state, UILocales: requirement.UILocales,
		Nonce: secret.DeriveToken(s.upstreamKey, "nonce", state), Verifier: secret.DeriveToken(s.upstreamKey, "verifier", state)}
	if pending := v.transaction.Progress.Upstream; pending == nil || !pending.Link {
		request.Since, request.LoginHint = requirement.AuthenticatedSince, requirement.LoginHint
		if linking := v.transaction.Progress.Linking; linking != nil && linking.Since.After(request.Since) {
			request.Since = linking.Since // this sign-in is the proof of the account here
		}
	}
	return request
}

// UpstreamCallback serves the address to which a provider sends the browser back.
func (s *SignIn) UpstreamCallback(c *gin.Context) {
	ctx, state := c.Request.Context(), c.Query("state")
	id, _, _ := strings.Cut(state, ".")
	v := s.visit(c, id)
	if v == nil {
		return
	}
	pending := v.transaction.Progress.Upstream
	if pending == nil || len(pending.State) == 0 || !secret.Matches(state, pending.State) {
		s.Error(c, login.ErrExpired) // answered already, or never asked
		return
	}
	provider, err := s.Providers.Known(ctx, v.organization.ID, pending.ProviderID)
	if err == nil && provider.Alias != c.Param("alias") {
		err = upstream.ErrOtherIssuer
	}
	if err != nil {
		s.Error(c, err)
		return
	}
	request := s.upstreamRequest(v, provider, state)
	v.transaction.CameBack()
	if err := s.Transactions.Save(ctx, v.transaction); err != nil {
		s.stepFailed(c, v, err)
		return
	}
	person, err := s.cameBack(c, provider, request)
	if err == nil {
		err = s.proveUpstream(ctx, v, provider, person, pending.Link)
	}
	problem := fault.From(err)
	if problem != nil && (problem.Kind == fault.Unauthenticated || problem.Kind == fault.Unavailable) {
		if err := s.recordRefusal(ctx, v, provider, problem); err != nil {
			s.stepFailed(c, v, err)
			return
		}
	}
	switch {
	case err == nil:
		s.advance(c, v, pathUpstream)
	case pending.Link:
		s.Error(c, err)
	case problem.Kind == fault.Unauthenticated:
		s.loginFailed(c, v, "", err)
	case problem.Kind == fault.Unavailable: // other ways in may work
		_ = c.Error(err)
		s.Observe("error")
		s.showLoginAgain(c, v, http.StatusBadGateway, "", problem)
	default:
		s.stepFailed(c, v, err)
	}
}

// recordRefusal tells why somebody who came back from a provider was not let in.
func (s *SignIn) recordRefusal(ctx context.Context, v *visit, provider *identityprovider.Provider, problem *fault.Error) error {
	details := map[string]any{"method": "identity_provider", "identity_provider_id": provider.ID, "issuer": provider.Issuer, "reason": problem.Code}
	if client := v.transaction.Required.ClientID; client != "" {
		details["client_id"] = client
	}
	return s.Audit.Record(ctx, s.Store, v.organization.ID, audit.Event{Action: "sign_in.failed", Actor: audit.Actor{Kind: audit.Anonymous}, Outcome: audit.Failure, Details: details,
		Target: audit.Target{Kind: "sign_in"}})
}

// cameBack reads the answer of a provider.
func (s *SignIn) cameBack(c *gin.Context, provider *identityprovider.Provider, request upstream.Request) (upstream.Person, error) {
	if err := s.Parties.FromIssuer(c.Request.Context(), provider, c.Query("iss")); err != nil {
		return upstream.Person{}, err
	}
	switch code := c.Query("code"); {
	case c.Query("error") == oauth.CodeAccessDenied:
		return upstream.Person{}, ErrUpstreamDeclined
	case c.Query("error") != "" || code == "":
		return upstream.Person{}, ErrUpstreamFailed
	default:
		return s.Parties.Redeem(c.Request.Context(), provider, request, code)
	}
}

// proveUpstream reports who came back.
func (s *SignIn) proveUpstream(ctx context.Context, v *visit, provider *identityprovider.Provider, who upstream.Person, link bool) error {
	identity, err := s.Providers.BySubject(ctx, s.Store, v.organization.ID, provider.ID, who.Subject)
	if link || fault.IsKind(err, fault.NotFound) {
		return s.wantsLink(ctx, v, provider, who)
	}
	if err != nil {
		return err
	}
	person, err := s.Users.ByID(ctx, s.Store, v.organization.ID, identity.UserID)
	if err == nil && !person.MayProve() {
		err = ErrIdentityRefused
	}
	if err == nil {
		err = s.checkWanted(v, person)
	}
	if err != nil {
		return err
	}
	v.transaction.LinkAnswered()
	v.transaction.ProvedUpstream(person.ID, identity.ID, who.At)
	if err := s.Providers.Used(ctx, s.Store, v.organization.ID, identity.ID); err != nil {
		return err
	}
	if err := s.Audit.Record(ctx, s.Store, v.organization.ID, audit.Event{Action: "identity.used", Actor: actorOf(person), Target: user.Target(person),
		Details: map[string]any{"identity_provider_id": provider.ID, "issuer": provider.Issuer, "client_id": v.transaction.Required.ClientID}}); err != nil {
		return err
	}
	s.Observe("success")
	return s.Transactions.Save(ctx, v.transaction)
}

// wantsLink keeps an account elsewhere for whoever proves an account here, in this sign-in.
func (s *SignIn) wantsLink(ctx context.Context, v *visit, provider *identityprovider.Provider, who upstream.Person) error {
	plain, err := json.Marshal(login.LinkingData{Subject: who.Subject, Name: who.Name})
	if err != nil {
		return err
	}
	since := v.transaction.Required.Requirement.AuthenticatedSince
	if earliest := s.Now().Add(-linkWithin); since.Before(earliest) {
		since = earliest
	}
	linking := login.Linking{ProviderID: provider.ID, Since: since}
	linking.SealedBy, linking.Sealed = s.Ring.Seal(plain, sealedFor(v.transaction))
	v.transaction.ProvedElsewhere(linking)
	return s.Transactions.Save(ctx, v.transaction)
}

// linkWithin is how long ago the proof of the account here may be when an account elsewhere is linked to it.
const linkWithin = 10 * time.Minute

// LinkElsewhere leads somebody who is signed in to a provider, to link their account there, as the first step of what is
// required. It answers only when it returns nil.
func (s *SignIn) LinkElsewhere(c *gin.Context, organization *org.Organization, live *session.Live, required login.Required, alias string) error {
	ctx := c.Request.Context()
	provider, err := s.Providers.ByAlias(ctx, organization.ID, alias)
	if err != nil {
		return err
	}
	if _, err := s.Parties.Metadata(ctx, provider); err != nil {
		return err
	}
	_, hash := s.browser(c, organization)
	required.Requirement.UserID = live.User.ID
	transaction, err := s.Transactions.Begin(ctx, organization.ID, hash, required)
	if err != nil {
		return err
	}
	transaction.WantsToLink(provider.ID)
	if err := s.Transactions.Save(ctx, transaction); err != nil {
		return err
	}
	s.leave(c, page.Leaving{Frame: s.frame(c, organization, nil), Client: page.Client{Name: provider.Name},
		URL: s.Issuers.Endpoint(organization, pathUpstream+provider.Alias) + "?transaction=" + transaction.ID})
	return nil
}

// upstreamLinks are the ways to sign in elsewhere, for the sign-in page.
func (s *SignIn) upstreamLinks(ctx context.Context, v *visit) ([]page.Link, error) {
	providers, err := s.Providers.Active(ctx, v.organization.ID)
	links := make([]page.Link, len(providers))
	for n, provider := range providers {
		links[n] = s.upstreamLink(v, provider)
	}
	return links, err
}

func (s *SignIn) upstreamLink(v *visit, provider *identityprovider.Provider) page.Link {
	return page.Link{ID: "idp-" + provider.Alias, Label: provider.Name, URL: path(v.organization, pathUpstream+provider.Alias) + "?transaction=" + v.transaction.ID}
}
