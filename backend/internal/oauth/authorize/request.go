// Package authorize is the authorization endpoint: RFC 6749 §3.1 and §4.1 as tightened by OAuth 2.1
// (PKCE with S256, exact redirect URIs), OpenID Connect Core 1.0 §3, RFC 9207 (iss in every answer),
// OAuth 2.0 Multiple Response Type Encoding Practices 1.0, OAuth 2.0 Form Post Response Mode 1.0, JWT Secured
// Authorization Response Mode for OAuth 2.0 (JARM, final of November 2022).
//
// One ordered table of checks judges every request, when it arrives and again from the persisted
// request when the person has signed in. Response types that deliver tokens through the browser, and
// confidential clients without PKCE, are a matter of the client's profile (oauth.Profile). Hooks of
// other packages complete a response: OpenID Connect's ID token.
package authorize

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
)

// The values of prompt that mean something here (OpenID Connect Core 1.0 §3.1.2.1).
const (
	promptNone          = "none"
	promptLogin         = "login"
	promptConsent       = "consent"
	promptSelectAccount = "select_account"
)

// promptCreate asks for an account to be made (Initiating User Registration via OpenID Connect 1.0 §4). It is supported
// where people make their accounts themselves.
const promptCreate = "create"

// Prompts lists the values of prompt that an organization supports, in the order of discovery documents.
func (a *Endpoint) Prompts(ctx context.Context, organization *org.Organization) []string {
	prompts := []string{promptNone, promptLogin, promptConsent, promptSelectAccount}
	if a.SignUpOpen(ctx, organization) {
		prompts = append(prompts, promptCreate)
	}
	return prompts
}

// request is an authorization request while the checks judge it.
type request struct {
	organization *org.Organization
	parameters   oauth.Parameters
	malformed    error     // what was wrong with the encoding of the parameters, if anything
	objectError  error     // what was wrong with the request object, if anything
	fromObject   bool      // parameters are those of a request object
	signed       bool      // which was signed
	pushing      bool      // the client itself sent the request, to be brought by a browser later
	pushed       string    // the reference of the pushed request that this is, "" when it is none
	at           time.Time // when the request arrived

	client          *client.Client
	profile         oauth.Profile // that holds for it
	redirectURI     string        // where answers go
	sentRedirectURI string        // as the client wrote it, "" when it left it out
	responseType    string        // canonical
	mode            ResponseMode
	inQuery         bool // the query was asked to carry the answer, signed or not
	scopes          []string
	target          oauth.Target // the resource servers that tokens will be for
	details         oauth.Details
	prompts         []string
	claims          oauth.ClaimsRequest // what may be told of what was asked for
	requirement     login.Requirement

	sawSessions bool            // the browser's sessions were looked for
	browser     session.Browser // what was found
}

// persisted is a request inside a login transaction. The parameters are stored as they came and judged
// anew when the person has signed in: the client may have been changed or disabled meanwhile.
type persisted struct {
	Parameters  string    `json:"parameters"`
	RequestedAt time.Time `json:"requested_at"`
	FromObject  bool      `json:"from_object,omitempty"`
	Signed      bool      `json:"signed,omitempty"`
	Pushed      string    `json:"pushed,omitempty"`
	RedirectURI string    `json:"redirect_uri"` // where answers went when the request was judged, for pages only
}

// understood are the parameters that mean something here.
var understood = []string{"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
	"prompt", "max_age", "id_token_hint", "login_hint", "ui_locales", "claims", "acr_values", "display", "claims_locales", "dpop_jkt", "authorization_details"}

// kept are the parameters that the checks read. What they ignore is left behind: anybody may fill a request with it,
// and the store with requests.
func (r *request) kept() oauth.Parameters {
	kept := make([]string, 0, 2*len(understood))
	for _, name := range understood {
		kept = append(kept, name, r.parameters.Get(name))
	}
	return oauth.NewParameters(kept...).WithAll("resource", r.parameters.All("resource"))
}

func (r *request) persist() (json.RawMessage, error) {
	return json.Marshal(persisted{Parameters: r.kept().Encode(), RequestedAt: r.at, FromObject: r.fromObject, Signed: r.signed, Pushed: r.pushed, RedirectURI: r.redirectURI})
}

func restore(organization *org.Organization, stored json.RawMessage) (*request, error) {
	var kept persisted
	if err := json.Unmarshal(stored, &kept); err != nil {
		return nil, err
	}
	parameters, err := oauth.ParseForm([]byte(kept.Parameters)) // by POST more may come than by an address
	return &request{organization: organization, parameters: parameters, malformed: err, at: kept.RequestedAt, fromObject: kept.FromObject, signed: kept.Signed,
		pushed: kept.Pushed, redirectURI: kept.RedirectURI}, nil
}

func (r *request) prompted(value string) bool { return slices.Contains(r.prompts, value) }
