package token

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/trust"
	"github.com/clavex/clavex/backend/internal/user"
)

// JWTBearer is the grant type urn:ietf:params:oauth:grant-type:jwt-bearer (RFC 7521 §4.1, RFC 7523 §2.1 and §3, May 2015):
// a client presents what a trusted issuer says of a person, instead of sending the person to sign in. What comes of it is
// a grant without a session: there is an access token, and neither an ID token, because nobody signed in here, nor a
// refresh token (RFC 7521 §4.1). Left out: public clients, SAML assertions, and claims about the sign-in elsewhere (acr,
// amr, auth_time), which say nothing of ours.
type JWTBearer struct {
	AssertionDependencies
	kinds map[string]AssertionKind
}

// AssertionDependencies are what the grant type is made of.
type AssertionDependencies struct {
	Issuers oauth.Issuers
	Trusted *trust.Issuers
	KeySets *client.KeySets
	Targets *oauth.Targets
	Grants  *grant.Grants
	State   kv.Store // remembers assertions that were used
	Store   *store.Store
	Audit   *audit.Log
	Now     func() time.Time
}

// AssertionKind is what a specification says of assertions with a typ of its own beyond RFC 7523.
type AssertionKind interface {
	// Type is the typ, in lower case.
	Type() string
	// Accepted reports whether the organization takes part in the specification.
	Accepted(organization *org.Organization) bool
	// Judge checks a verified assertion that the client presents, and says what it allows at most.
	Judge(request *Request, assertion *jose.Token) (Asserted, error)
}

// Asserted is what an assertion itself allows at most; nil where it says nothing of it.
type Asserted struct {
	Scopes    []string
	Resources []string
}

// NewJWTBearer makes the grant type; kinds are the assertions with a type of their own.
func NewJWTBearer(of AssertionDependencies, kinds ...AssertionKind) *JWTBearer {
	byType := make(map[string]AssertionKind, len(kinds))
	for _, kind := range kinds {
		byType[kind.Type()] = kind
	}
	return &JWTBearer{AssertionDependencies: of, kinds: byType}
}

// Type implements Grant.
func (*JWTBearer) Type() string { return client.JWTBearer }

// errNotGood is the one answer to an assertion that is not good (RFC 7521 §4.1.1): why, the log says.
func errNotGood(cause error) *oauth.Error {
	return oauth.InvalidGrant("The assertion is not good: its issuer is not trusted here for this client, it is malformed, expired, used or meant for somebody else, or its subject is nobody here.").WithCause(cause)
}

// Authorize judges the assertion, finds its person, and uses it up.
func (j *JWTBearer) Authorize(ctx context.Context, request *Request) (*Authorized, error) {
	if request.Client.Public() {
		return nil, oauth.NewError(oauth.CodeUnauthorizedClient, "A public client cannot prove that it is itself.")
	}
	presented := request.Parameters.Get("assertion")
	if presented == "" {
		return nil, oauth.InvalidRequest("The parameter 'assertion' is missing.")
	}
	assertion, issuer, err := j.verify(ctx, request, presented)
	if err != nil {
		return nil, refusal(err)
	}
	asserted := Asserted{}
	if kind := j.kinds[assertion.Type]; kind != nil {
		if asserted, err = kind.Judge(request, assertion); err != nil {
			return nil, err
		}
	}
	person, err := j.person(ctx, issuer, assertion)
	if err != nil {
		return nil, refusal(err)
	}
	scopes, err := scopesOf(request, issuer, asserted)
	if err != nil {
		return nil, err
	}
	audience, err := j.audience(ctx, request, issuer, asserted)
	if err != nil {
		return nil, err
	}
	if err := request.narrowed(func() (grant.Granted, error) { return grant.Granted{Audience: audience}, nil }); err != nil {
		return nil, err
	}
	actor := audit.Actor{Kind: audit.Client, ID: request.Client.ID.String(), Name: request.Client.Name}
	if err := j.use(ctx, request, issuer, assertion, actor); err != nil {
		return nil, err
	}
	issued, err := j.Grants.IssueVouched(ctx, grant.Vouched{OrgID: request.Organization.ID, ClientID: request.Client.ID, UserID: person.ID, TrustedIssuerID: issuer.ID,
		Scopes: scopes, Audience: audience, Lifetime: oauth.AccessTokenLifetime(request.Organization, request.Client), Event: audit.Event{Action: "assertion.accepted", Actor: actor,
			Details: map[string]any{"issuer": issuer.Issuer, "trusted_issuer_id": issuer.ID, "user_id": person.ID, "scopes": scopes, "jti": assertion.ID}}})
	if errors.Is(err, grant.ErrNotVouched) {
		return nil, errNotGood(err)
	}
	if err != nil {
		return nil, err
	}
	return OfPerson(request.Client, issued, issued.Scopes, "", false), nil
}

// refusal is how a reason to refuse an assertion is told; what is not about the assertion stays what it is.
func refusal(err error) error {
	if errors.Is(err, jose.ErrInvalid) || fault.IsKind(err, fault.Invalid) || slices.ContainsFunc(assertionFaults, func(reason error) bool { return errors.Is(err, reason) }) {
		return errNotGood(err)
	}
	return err
}

// person finds who the assertion speaks of.
func (j *JWTBearer) person(ctx context.Context, issuer *trust.Issuer, assertion *jose.Token) (*user.User, error) {
	var subject string
	if _, err := assertion.Claim(issuer.SubjectClaim, &subject); err != nil {
		return nil, err
	}
	if issuer.SubjectMatch == trust.VerifiedEmail {
		var verified bool
		if _, err := assertion.Claim("email_verified", &verified); err != nil {
			return nil, err
		}
		if !verified {
			return nil, errSubject
		}
	}
	person, err := j.Trusted.Person(ctx, issuer, subject)
	if errors.Is(err, user.ErrNotFound) || err == nil && person.Status != user.Active {
		return nil, errSubject
	}
	return person, err
}

// scopesOf are those of the new token: what is asked for, otherwise all that the issuer, the assertion and the client
// have in common. Asking for more is refused (RFC 7521 §4.1).
func scopesOf(request *Request, issuer *trust.Issuer, asserted Asserted) ([]string, error) {
	wanted, err := oauth.ParseScope(request.Parameters.Get("scope"))
	if err != nil {
		return nil, err
	}
	allowed := slices.DeleteFunc(slices.Clone(issuer.Scopes), func(scope string) bool {
		return !slices.Contains(request.Client.Scopes, scope) || asserted.Scopes != nil && !slices.Contains(asserted.Scopes, scope) || oauth.HasAdminScope([]string{scope})
	})
	if len(wanted) == 0 {
		return allowed, nil
	}
	if !oauth.WithinScopes(wanted, allowed) {
		return nil, oauth.NewError(oauth.CodeInvalidScope, "The assertion, its issuer or the client allows less.")
	}
	return wanted, nil
}

// audience are the resource servers that the grant is for: those of the issuer, as far as the assertion names them and
// they are meant for the client. None: the organization's issuer itself.
func (j *JWTBearer) audience(ctx context.Context, request *Request, issuer *trust.Issuer, asserted Asserted) ([]string, error) {
	allowed := slices.DeleteFunc(slices.Clone(issuer.Resources), func(resource string) bool {
		return resource == j.Issuers.AdminAudience() || asserted.Resources != nil && !slices.Contains(asserted.Resources, resource)
	})
	if len(allowed) == 0 && len(issuer.Resources)+len(asserted.Resources) > 0 {
		return nil, oauth.InvalidTarget("The assertion is for none of the resources that its issuer may speak for.")
	}
	target, err := j.Targets.Held(ctx, request.Organization, request.Client, allowed)
	if err == nil && len(allowed) == 0 && len(target.Audience) > 0 { // the client's default, which nobody said of the issuer
		target, err = j.Targets.Held(ctx, request.Organization, request.Client, []string{j.Issuers.URL(request.Organization)})
	}
	return target.Audience, err
}

// typesOf are the types of assertions that are accepted of the issuer in the organization.
func (j *JWTBearer) typesOf(organization *org.Organization, issuer *trust.Issuer) []string {
	var types []string
	for _, accepted := range issuer.AssertionTypes {
		name := strings.TrimPrefix(strings.ToLower(accepted), "application/")
		if kind := j.kinds[name]; kind != nil && !kind.Accepted(organization) {
			continue
		}
		if types = append(types, name); strings.EqualFold(name, trust.TypeJWT) {
			types = append(types, "")
		}
	}
	return types
}
