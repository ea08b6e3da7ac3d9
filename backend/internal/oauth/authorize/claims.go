package authorize

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
)

// checkClaims reads the claims parameter. What is kept of it is what the client may be told: claims of the
// organization that a scope stands for which the client registered. sub and acr are demands on the sign-in.
func (a *Endpoint) checkClaims(ctx context.Context, r *request) error {
	asked, err := oauth.ParseClaimsRequest(r.parameters.Get("claims"))
	if err != nil {
		return err
	}
	for _, demanded := range []*oauth.ClaimRequest{asked.IDToken["sub"], asked.Userinfo["sub"]} {
		if err := a.demandSubject(ctx, r, demanded); err != nil {
			return err
		}
	}
	if err := demandContext(r, asked.IDToken["acr"]); err != nil {
		return err
	}
	r.claims = oauth.ClaimsRequest{Userinfo: r.permitted(asked.Userinfo), IDToken: r.permitted(asked.IDToken)}
	return nil
}

// demandSubject makes a sub with a value the only person who does (OpenID Connect Core 1.0 §5.5.1).
func (a *Endpoint) demandSubject(ctx context.Context, r *request, demanded *oauth.ClaimRequest) error {
	for _, subject := range demanded.Texts() {
		person, err := a.Subjects.Person(ctx, r.client, subject)
		switch {
		case errors.Is(err, oauth.ErrNoSubject):
			return oauth.InvalidRequest("The parameter claims names a sub that is nobody's of this issuer.")
		case err != nil:
			return err
		case r.requirement.UserID != uuid.Nil && r.requirement.UserID != person:
			return oauth.InvalidRequest("The request names two different people.")
		}
		r.requirement.UserID = person
	}
	return nil
}

// demandContext makes an essential acr a demand (§5.5.1.1); without essential it is a wish, and the ID token says
// what the sign-in was.
func demandContext(r *request, demanded *oauth.ClaimRequest) error {
	if demanded == nil || !demanded.Essential || len(demanded.Texts()) == 0 {
		return nil
	}
	reachable := slices.DeleteFunc(session.AuthenticationContexts(), func(context string) bool { return !slices.Contains(demanded.Texts(), context) })
	if len(reachable) == 0 {
		return oauth.NewError(oauth.CodeUnmetAuthenticationRequirements, "No sign-in here reaches any of the demanded values of acr.")
	}
	r.requirement.ACRValues = reachable
	return nil
}

// checkFactors takes over what the organization and the client demand of every sign-in, and which contexts the client wishes for: those
// of acr_values, otherwise those that it registered (OpenID Connect Dynamic Client Registration 1.0 §2, default_acr_values).
func checkFactors(_ context.Context, r *request) error {
	demanded := r.client.Metadata.SecondFactor
	r.requirement.SecondFactor = r.organization.Policies.SecondFactorPolicy().Strictest(demanded) == org.SecondFactorRequired
	r.requirement.NotRemembered = demanded == org.SecondFactorRequired || r.organization.Policies.RememberedDeviceDays == 0
	if demanded == "" && !r.organization.Policies.AsksForSecondFactors() {
		return nil
	}
	if r.requirement.ACRWishes = strings.Fields(r.parameters.Get("acr_values")); len(r.requirement.ACRWishes) == 0 {
		r.requirement.ACRWishes = r.client.Metadata.DefaultACRValues
	}
	return nil
}

// demandOfRoles takes over what the organization demands of whom the request is about, because of their roles.
func (a *Endpoint) demandOfRoles(ctx context.Context, r *request, live *session.Live) error {
	if live == nil {
		return nil
	}
	policy, ofRoles, err := a.SecondFactor(ctx, r.organization, live.User.ID)
	r.requirement.SecondFactor = r.requirement.SecondFactor || policy == org.SecondFactorRequired
	r.requirement.NotRemembered = r.requirement.NotRemembered || ofRoles == org.SecondFactorRequired
	return err
}

// wishesMore reports whether a session that would do might be made stronger as the client wishes.
func (r *request) wishesMore(live *session.Live) bool {
	return !live.Session.MultiFactor() && r.requirement.WantsMore(live.Session.Methods, login.Factors{Passkey: true})
}

// askedContexts are the values of acr that the client asked for: those it demands, then those it wishes for.
func (r *request) askedContexts() []string {
	return append(slices.Clone(r.requirement.ACRValues), strings.Fields(r.parameters.Get("acr_values"))...)
}

func (r *request) permitted(asked map[string]*oauth.ClaimRequest) map[string]*oauth.ClaimRequest {
	kept := map[string]*oauth.ClaimRequest{}
	for name, request := range asked {
		if r.coveringScope(name) != "" {
			kept[name] = request
		}
	}
	return kept
}

// coveringScope is the scope by which the client may be told a claim: one that is asked for anyway, otherwise one
// that the client registered; "" when there is none.
func (r *request) coveringScope(claim string) string {
	scopes := r.organization.Policies.ScopesOfClaim(claim)
	for _, held := range [][]string{r.scopes, r.client.Scopes} {
		for _, scope := range scopes {
			if slices.Contains(held, scope) {
				return scope
			}
		}
	}
	return ""
}

// consentScopes are the scopes a person is asked for: those of the request, and those that stand for the single
// claims it asks for, and the resource servers that they are for.
func (r *request) consentScopes() []string {
	scopes := slices.Clone(r.scopes)
	var further []string
	for _, asked := range []map[string]*oauth.ClaimRequest{r.claims.Userinfo, r.claims.IDToken} {
		for name := range asked {
			if scope := r.coveringScope(name); !slices.Contains(scopes, scope) && !slices.Contains(further, scope) {
				further = append(further, scope)
			}
		}
	}
	slices.Sort(further)
	scopes = append(scopes, further...)
	for _, known := range r.target.Resources() {
		scopes = append(scopes, grant.ConsentFor(known.Identifier))
	}
	return scopes
}
