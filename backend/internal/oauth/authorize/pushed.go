package authorize

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/ratelimit"
	"github.com/clavex/clavex/backend/internal/secret"
)

// PushedLifetime is how long a browser may take to bring the reference of a pushed request (RFC 9126 §2.2). The sign-in
// that begins with it has the time of every sign-in.
const PushedLifetime = 90 * time.Second

// pushesPerSignIn is how many requests may be pushed for each sign-in that may be begun: those of people who are signed
// in count too, and the server of an application may push for all of them.
const pushesPerSignIn = 10

// NewPushLimit makes the limit of requests that clients push without authenticating, from one network at one
// organization in ten minutes; signIns is how many sign-ins a network may begin in that time, 0 for any number.
func NewPushLimit(counters kv.Store, signIns int) *ratelimit.Limit {
	return ratelimit.New(counters, "pushes_of_network", signIns*pushesPerSignIn, 10*time.Minute, errTooManyPushes)
}

const (
	pushedPrefix   = "urn:ietf:params:oauth:request_uri:" // RFC 9126 §2.2
	pushedKind     = "pushed_request"
	pushedUsedKind = "pushed_request_used"
	pushedFormat   = 1
)

var (
	errPushedUnknown = oauth.NewError(oauth.CodeInvalidRequestURI, "The pushed request has expired, was used, or was pushed by another client. Start again in the application.")
	errPushedUsed    = oauth.NewError(oauth.CodeInvalidRequestURI, "The pushed request was used already. Push another one.")
	errTooManyPushes = fault.New(fault.RateLimited, "pushed_requests_rate_limited", "Too many requests were pushed from this address. Try again later.")
)

// pushed is a pushed request as it is stored: what the checks read of it, judged anew whenever it is used.
type pushed struct {
	Format     int    `json:"format"`
	ClientID   string `json:"client_id"`
	Parameters string `json:"parameters"`
	FromObject bool   `json:"from_object,omitempty"`
	Signed     bool   `json:"signed,omitempty"`
}

// Push judges a request that its client sent directly, as the endpoint judges it in the browser, keeps it and returns
// the reference under which the browser may bring it (RFC 9126 §2). What the person has to do with it, such as signing
// in, is no part of that. Errors are for the client; nothing is kept then.
func (a *Endpoint) Push(ctx context.Context, organization *org.Organization, pushing *client.Client, parameters oauth.Parameters, sender oauth.Sender) (requestURI string, err error) {
	switch named := parameters.Get("client_id"); {
	case parameters.Has("request_uri"):
		return "", oauth.InvalidRequest("A pushed request contains no request_uri.") // RFC 9126 §2.1
	case named == "":
		parameters = parameters.With("client_id", pushing.ClientID)
	case named != pushing.ClientID:
		return "", oauth.InvalidRequest("The client_id is not that of the client which authenticated.")
	}
	if pushing.Public() {
		if err := a.Pushes.CountNetwork(ctx, organization.ID); err != nil {
			return "", err
		}
	}
	r := &request{organization: organization, parameters: parameters, at: a.Now(), pushing: true}
	if err := a.identifyingChecks().Run(ctx, r); err != nil {
		return "", pushedError(err)
	}
	if err := a.checks().Run(ctx, r); err != nil {
		return "", pushedError(err)
	}
	if err := a.bindToKey(ctx, r, sender); err != nil {
		return "", err
	}
	stored, err := json.Marshal(pushed{Format: pushedFormat, ClientID: r.client.ClientID, Parameters: r.kept().Encode(), FromObject: r.fromObject, Signed: r.signed})
	if err != nil {
		return "", err
	}
	reference := secret.New(a.Random)
	if _, err := a.State.Put(ctx, pushedKey(organization, pushedKind, reference), stored, PushedLifetime); err != nil {
		return "", err
	}
	return pushedPrefix + reference, nil
}

// bindToKey binds the code to the key of the DPoP proof with which the request was pushed (RFC 9449 §10.1), as
// dpop_jkt would.
func (a *Endpoint) bindToKey(ctx context.Context, r *request, sender oauth.Sender) error {
	thumbprint, err := a.Senders.Key(ctx, r.organization, r.client, sender)
	if err != nil || thumbprint == "" {
		return err
	}
	if named := r.parameters.Get("dpop_jkt"); named != "" && named != thumbprint {
		return oauth.InvalidRequest("The dpop_jkt is not the thumbprint of the key of the DPoP proof.")
	}
	r.parameters = r.parameters.With("dpop_jkt", thumbprint)
	return nil
}

// pushedError has the code that RFC 9126 §2.3 knows for a redirect URI that is not registered.
func pushedError(err error) error {
	if wire := oauth.FromFault(err); wire.Code == oauth.CodeInvalidRedirectURI {
		return oauth.InvalidRequest(wire.Description).WithCause(err)
	}
	return err
}

func pushedKey(organization *org.Organization, kind, reference string) kv.Key {
	return kv.Key{OrgID: organization.ID, Kind: kind, ID: kv.ID(reference)}
}

// readPushedRequest replaces the request's parameters by those that were pushed; all others are ignored (RFC 9126 §4).
// Looking at a page does not use the request up: people reload, and other programs open links before they do.
func (a *Endpoint) readPushedRequest(ctx context.Context, r *request) error {
	reference, isPushed := strings.CutPrefix(r.parameters.Get("request_uri"), pushedPrefix)
	if !isPushed {
		return nil
	}
	if r.parameters.Has("request") {
		return oauth.InvalidRequest("The parameters request and request_uri exclude each other.")
	}
	entry, found, err := a.State.Get(ctx, pushedKey(r.organization, pushedKind, reference))
	if err != nil {
		return err
	}
	var stored pushed
	if found {
		if err := json.Unmarshal(entry.Value, &stored); err != nil {
			return err
		}
	}
	if !found || stored.Format != pushedFormat || stored.ClientID != r.client.ClientID {
		return errPushedUnknown
	}
	r.pushed, r.fromObject, r.signed = reference, stored.FromObject, stored.Signed
	r.parameters, r.malformed = oauth.ParseForm([]byte(stored.Parameters))
	return nil
}

// usePushed ends the life of a pushed request, when the request is one: of simultaneous calls one succeeds (RFC 9126
// §7.3). A loss of the store takes the sign-ins in progress along, so a mark that is gone lets nothing be used again.
func (a *Endpoint) usePushed(ctx context.Context, r *request) error {
	if r.pushed == "" {
		return nil
	}
	placed, err := a.State.PutIfAbsent(ctx, pushedKey(r.organization, pushedUsedKind, r.pushed), []byte("used"), PushedLifetime+login.Lifetime)
	if err != nil {
		return err
	}
	if !placed.Stored {
		return errPushedUsed
	}
	return a.State.Delete(ctx, pushedKey(r.organization, pushedKind, r.pushed))
}

// checkPushed holds clients to what they registered and to their profile (RFC 9126 §6, FAPI 2.0 Security Profile §5.3.2.2).
func checkPushed(_ context.Context, r *request) error {
	required := r.client.Metadata.RequirePushedAuthorizationRequests || r.profile.PushedRequests
	if required && r.pushed == "" && !r.pushing {
		return oauth.InvalidRequest("This client pushes its requests to the pushed authorization request endpoint first.")
	}
	return nil
}
