package logout_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/logout"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	organization, elsewhere := p.Organization(t, "acme", org.Policies{}), p.Organization(t, "elsewhere", org.Policies{})
	ada := p.Person(t, organization, "ada")
	signedIn := p.SignIn(t, organization, ada)
	after := []string{"https://rp.example.test/out", "https://rp.example.test/out?lang=de"}
	party := p.Party(t, organization, client.Client{ClientID: "web", PostLogoutRedirectURIs: after})
	p.Party(t, organization, client.Client{ClientID: "other", PostLogoutRedirectURIs: []string{"https://other.example.test/out"}})
	foreign := p.Party(t, elsewhere, client.Client{ClientID: "web", PostLogoutRedirectURIs: after})
	tokens := party.Redeem(p.Code(t, party.Client, signedIn, "openid"))
	hint := tokens.Text("id_token")
	foreignHint := foreign.Redeem(p.Code(t, foreign.Client, p.SignIn(t, elsewhere, p.Person(t, elsewhere, "ada")), "openid")).Text("id_token")
	state := strings.Repeat("é&=", 40)
	sign := func(change map[string]any, algorithm jose.Algorithm, of *org.Organization) string {
		claims := p.Claims(t, organization, hint, "JWT")
		for name, value := range change {
			claims[name] = value
		}
		signer, err := p.Keys.Signer(t.Context(), of.ID, algorithm)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := signer.Sign(t.Context(), "JWT", claims)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	parts := strings.Split(hint, ".")
	// A client that shares a secret with us can write whatever it likes, and is believed about itself only.
	own := p.Party(t, organization, client.Client{ClientID: "symmetric", IDTokenSignedResponseAlg: client.HS256})
	secret, err := jose.NewSecret([]byte(own.Secret))
	if err != nil {
		t.Fatal(err)
	}
	forged := p.Claims(t, organization, hint, "JWT")
	forged["aud"] = []string{"symmetric", "other"}
	symmetric, err := secret.Sign(t.Context(), "JWT", forged)
	if err != nil {
		t.Fatal(err)
	}

	type parameters = logout.Parameters
	for name, test := range map[string]struct {
		parameters
		redirect string // "" means our own page
		code     string // of the error page
	}{
		"nothing at all":              {parameters{}, "", ""},
		"hint alone":                  {parameters{IDTokenHint: hint}, "", ""},
		"hint and registered address": {parameters{IDTokenHint: hint, PostLogoutRedirectURI: after[0]}, after[0], ""},
		"state echoed, and nothing else in the redirect": {parameters{IDTokenHint: hint, PostLogoutRedirectURI: after[0], State: state}, after[0] + "?state=" + url.QueryEscape(state), ""},
		"state after a query":                            {parameters{IDTokenHint: hint, PostLogoutRedirectURI: after[1], State: "x y"}, after[1] + "&state=x+y", ""},
		"with its client_id":                             {parameters{IDTokenHint: hint, ClientID: "web", PostLogoutRedirectURI: after[0]}, after[0], ""},
		"state without an address":                       {parameters{IDTokenHint: hint, State: "x"}, "", ""},
		"missing hint":                                   {parameters{PostLogoutRedirectURI: after[0]}, "", ""},
		"missing hint, client named":                     {parameters{ClientID: "web", PostLogoutRedirectURI: after[0], State: "x"}, "", ""},
		"unregistered address, client named":             {parameters{ClientID: "web", PostLogoutRedirectURI: "https://evil.example.test/"}, "", "invalid_redirect_uri"},
		"unregistered address":                           {parameters{IDTokenHint: hint, PostLogoutRedirectURI: "https://evil.example.test/"}, "", "invalid_redirect_uri"},
		"a redirect URI is no such address":              {parameters{IDTokenHint: hint, PostLogoutRedirectURI: party.Client.RedirectURIs[0]}, "", "invalid_redirect_uri"},
		"added query":                                    {parameters{IDTokenHint: hint, PostLogoutRedirectURI: after[0] + "?x=1"}, "", "invalid_redirect_uri"},
		"added slash":                                    {parameters{IDTokenHint: hint, PostLogoutRedirectURI: after[0] + "/"}, "", "invalid_redirect_uri"},
		"another client's address":                       {parameters{IDTokenHint: hint, PostLogoutRedirectURI: "https://other.example.test/out"}, "", "invalid_redirect_uri"},
		"client_id of another client":                    {parameters{IDTokenHint: hint, ClientID: "other", PostLogoutRedirectURI: "https://other.example.test/out"}, "", "invalid_request"},
		"unknown client_id":                              {parameters{ClientID: "nobody"}, "", "invalid_request"},
		"hint that its client signed for another":        {parameters{IDTokenHint: symmetric, ClientID: "other", PostLogoutRedirectURI: "https://other.example.test/out"}, "", "invalid_request"},
		"unsigned hint":                                  {parameters{IDTokenHint: "eyJhbGciOiJub25lIn0." + parts[1] + ".", PostLogoutRedirectURI: after[0]}, "", "invalid_request"},
		"hint of another organization":                   {parameters{IDTokenHint: foreignHint, PostLogoutRedirectURI: after[0]}, "", "invalid_request"},
		"hint signed by another organization":            {parameters{IDTokenHint: sign(nil, jose.RS256, elsewhere), PostLogoutRedirectURI: after[0]}, "", "invalid_request"},
		"hint of another issuer, our key":                {parameters{IDTokenHint: sign(map[string]any{"iss": "https://evil.example.test"}, jose.RS256, organization)}, "", "invalid_request"},
		"changed hint":                                   {parameters{IDTokenHint: parts[0] + "." + parts[1] + "x." + parts[2]}, "", "invalid_request"},
		"access token as hint":                           {parameters{IDTokenHint: tokens.Text("access_token"), PostLogoutRedirectURI: after[0]}, "", "invalid_request"},
		"nonsense as hint":                               {parameters{IDTokenHint: "x"}, "", "invalid_request"},
		"hint in the other algorithm of ours":            {parameters{IDTokenHint: sign(nil, jose.ES256, organization), PostLogoutRedirectURI: after[0]}, after[0], ""},
		"hint without sid":                               {parameters{IDTokenHint: sign(map[string]any{"sid": ""}, jose.RS256, organization), PostLogoutRedirectURI: after[0]}, after[0], ""},
		"hint whose sid is no id":                        {parameters{IDTokenHint: sign(map[string]any{"sid": "x"}, jose.RS256, organization)}, "", "invalid_request"},
		"expired hint is still a hint (§4)":              {parameters{IDTokenHint: sign(map[string]any{"exp": 1000000000}, jose.RS256, organization), PostLogoutRedirectURI: after[0]}, after[0], ""},
		"state of five thousand characters stays":        {parameters{IDTokenHint: hint, PostLogoutRedirectURI: after[0], State: strings.Repeat("x", 5000)}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			request, err := p.Logout.Validate(t.Context(), organization, test.parameters)
			if test.code != "" {
				if request != nil || oauth.FromFault(err).Code != test.code {
					t.Errorf("%+v, %v", request, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := request.RedirectURL(); got != test.redirect {
				t.Errorf("redirects to %q", got)
			}
		})
	}
	t.Run("after the key was rotated away", func(t *testing.T) {
		for range 2 {
			if _, err := p.Keys.Rotate(t.Context(), audit.Actor{Kind: audit.System}, organization.ID, jose.RS256, true); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.Logout.Validate(t.Context(), organization, parameters{IDTokenHint: hint}); err != nil {
			t.Error(err)
		}
	})
	t.Run("who must be asked first (§2, §6)", func(t *testing.T) {
		request, err := p.Logout.Validate(t.Context(), organization, parameters{IDTokenHint: hint})
		if err != nil {
			t.Fatal(err)
		}
		hinted := func(who string) *logout.Request {
			request, err := p.Logout.Validate(t.Context(), organization, parameters{IDTokenHint: hint, LogoutHint: who})
			if err != nil {
				t.Fatal(err)
			}
			return request
		}
		bare, err := p.Logout.Validate(t.Context(), organization, parameters{})
		if err != nil {
			t.Fatal(err)
		}
		live := &session.Live{Session: signedIn, User: ada}
		grace := p.Person(t, organization, "grace")
		another := &session.Live{Session: p.SignIn(t, organization, grace), User: grace}
		again := &session.Live{Session: p.SignIn(t, organization, ada), User: ada}
		for name, test := range map[string]struct {
			request *logout.Request
			live    *session.Live
			want    bool
		}{
			"hint of this session":                    {request, live, false},
			"hint of another person":                  {request, another, true},
			"hint of the same person's other session": {request, again, true},
			"no hint":                                    {bare, live, true},
			"logout_hint of the person by name":          {hinted("ADA"), live, false},
			"logout_hint of the person by e-mail":        {hinted("ada@example.test"), live, false},
			"logout_hint of the session":                 {hinted(signedIn.ID.String()), live, false},
			"logout_hint of somebody else":               {hinted("grace"), live, true},
			"nobody is signed in":                        {bare, nil, false},
			"nobody is signed in, though there's a hint": {request, nil, false},
		} {
			if got := test.request.NeedsConfirmation(test.live); got != test.want {
				t.Errorf("%s: %v", name, got)
			}
		}
	})
	t.Run("disabled client", func(t *testing.T) {
		disabled := *party.Client
		disabled.Status = client.Disabled
		p.Change(t, disabled)
		if request, err := p.Logout.Validate(t.Context(), organization, parameters{IDTokenHint: hint, PostLogoutRedirectURI: after[0]}); err == nil {
			t.Errorf("%+v", request)
		}
	})
	t.Run("a lost database is no bad hint", func(t *testing.T) {
		p.Database.Cut()
		defer p.Database.Mend()
		_, err := p.Logout.Validate(t.Context(), organization, parameters{ClientID: "unseen"})
		if answer := oauth.FromFault(err); answer.Status != 503 || answer.RetryAfter < time.Second {
			t.Errorf("%v", err)
		}
	})
}
