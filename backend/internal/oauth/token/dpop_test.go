package token_test

import (
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
)

func (s *scene) tokenURL() string    { return s.URL + "/" + s.organization.Slug + "/token" }
func (s *scene) userinfoURL() string { return s.URL + "/" + s.organization.Slug + "/userinfo" }

func (s *scene) proof(t *testing.T, by *oidctest.Prover) string {
	t.Helper()
	return by.Proof(t, "POST", s.tokenURL(), nil)
}

// present asks userinfo with a token by a scheme, with proofs.
func (s *scene) present(scheme, accessToken string, proofs ...string) oidctest.Answer {
	header := []string{"Authorization", scheme + " " + accessToken}
	for _, proof := range proofs {
		header = append(header, "DPoP", proof)
	}
	return s.Get("/"+s.organization.Slug+"/userinfo", header...)
}

func TestDPoPBindsTokensToTheKeyOfTheProof(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	holder, thief := s.NewProver(t), s.NewProver(t)
	answer := s.party.With("DPoP", s.proof(t, holder)).Redeem(s.code(t, "profile"))
	expect(t, answer, 200, "")
	access := answer.Text("access_token")
	if answer.Text("token_type") != "DPoP" {
		t.Errorf("token_type is %q (RFC 9449 §5)", answer.Text("token_type"))
	}
	if cnf, _ := s.Claims(t, s.organization, access, "at+jwt")["cnf"].(map[string]any); cnf["jkt"] != holder.Thumbprint(t) || len(cnf) != 1 {
		t.Errorf("cnf is %v (RFC 9449 §6.1)", cnf)
	}
	if got := s.party.Introspect(access); got.Text("token_type") != "DPoP" || got.JSON["cnf"].(map[string]any)["jkt"] != holder.Thumbprint(t) {
		t.Errorf("introspection (RFC 9449 §6.2): %s", got.Body)
	}
	good := func() string {
		return holder.Proof(t, "GET", s.userinfoURL(), oidctest.WithToken(access))
	}
	expect(t, s.present("DPoP", access, good()), 200, "")
	expect(t, s.present("dpop", access, good()), 200, "") // RFC 9110 §11.1

	used := good()
	expect(t, s.present("DPoP", access, used), 200, "")
	for name, refused := range map[string]struct {
		answer oidctest.Answer
		code   string
	}{
		"as a bearer token":             {s.present("Bearer", access), "invalid_token"},
		"as a bearer token with proof":  {s.present("Bearer", access, good()), "invalid_token"},
		"without a proof":               {s.present("DPoP", access), "invalid_dpop_proof"},
		"with two proofs":               {s.present("DPoP", access, good(), good()), "invalid_dpop_proof"},
		"with a proof by another key":   {s.present("DPoP", access, thief.Proof(t, "GET", s.userinfoURL(), oidctest.WithToken(access))), "invalid_token"},
		"with a used proof":             {s.present("DPoP", access, used), "invalid_dpop_proof"},
		"with a proof without ath":      {s.present("DPoP", access, holder.Proof(t, "GET", s.userinfoURL(), nil)), "invalid_dpop_proof"},
		"with a proof of another token": {s.present("DPoP", access, holder.Proof(t, "GET", s.userinfoURL(), oidctest.WithToken("other"))), "invalid_dpop_proof"},
		"with a proof for POST":         {s.present("DPoP", access, holder.Proof(t, "POST", s.userinfoURL(), oidctest.WithToken(access))), "invalid_dpop_proof"},
		"with a proof for the token endpoint": {s.present("DPoP", access, holder.Proof(t, "GET", s.tokenURL(), oidctest.WithToken(access))),
			"invalid_dpop_proof"},
	} {
		if refused.answer.Status != 401 || refused.answer.ErrorCode() != refused.code {
			t.Errorf("%s: %d %s", name, refused.answer.Status, refused.answer.Body)
		}
		if challenge := refused.answer.Header.Get("WWW-Authenticate"); !strings.HasPrefix(challenge, "DPoP ") || !strings.Contains(challenge, `algs="`) ||
			!strings.Contains(challenge, `error="`+refused.code+`"`) {
			t.Errorf("%s: challenge %q (RFC 9449 §7.1)", name, challenge)
		}
	}
	for _, spelling := range []string{"/acme/user%69nfo", "/acme/use%72info", "/%61cme/userinfo", "/acme/userinfo?x=1"} {
		if got := s.Get(spelling, "Authorization", "DPoP "+access, "DPoP", used); got.Status == 200 {
			t.Errorf("RFC 9449 §11.1: a used proof is good again at %s", spelling)
		}
	}
	plain := s.tokens(t).Text("access_token")
	if got := s.present("DPoP", plain, holder.Proof(t, "GET", s.userinfoURL(), oidctest.WithToken(plain))); got.Status != 401 || got.ErrorCode() != "invalid_token" {
		t.Errorf("RFC 9449 §7.1: a bearer token by the scheme DPoP: %d %s", got.Status, got.Body)
	}
	if got := s.Get("/" + s.organization.Slug + "/userinfo").Header.Values("WWW-Authenticate"); len(got) != 2 || !strings.HasPrefix(got[0], "Bearer ") || !strings.HasPrefix(got[1], "DPoP ") {
		t.Errorf("challenges of a request without token: %q", got)
	}
}

func TestDPoPProofsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	by := s.NewProver(t)
	claim := func(name string, value any) func(_, claims map[string]any) {
		return func(_, claims map[string]any) { claims[name] = value }
	}
	header := func(name string, value any) func(header, _ map[string]any) {
		return func(header, _ map[string]any) { header[name] = value }
	}
	private := by.PublicKey(t)
	private["d"] = "AAAA"
	now := s.Clock.Now().Unix()
	for name, change := range map[string]func(header, claims map[string]any){
		"another typ":            header("typ", "jwt"),
		"no typ":                 header("typ", nil),
		"alg none":               header("alg", "none"),
		"alg HS256":              header("alg", "HS256"),
		"no jwk":                 header("jwk", nil),
		"a private key in jwk":   header("jwk", private),
		"no jti":                 claim("jti", nil),
		"an empty jti":           claim("jti", ""),
		"a very long jti":        claim("jti", strings.Repeat("x", 257)),
		"no htm":                 claim("htm", nil),
		"another htm":            claim("htm", "GET"),
		"htm in lower case":      claim("htm", "post"),
		"no htu":                 claim("htu", nil),
		"another htu":            claim("htu", s.userinfoURL()),
		"htu of another host":    claim("htu", "https://evil.example/acme/token"),
		"htu with a user":        claim("htu", strings.Replace(s.tokenURL(), "://", "://user@", 1)),
		"htu is a list":          claim("htu", []string{s.tokenURL()}),
		"no iat":                 claim("iat", nil),
		"iat is a text":          claim("iat", "now"),
		"a nonce that is a list": claim("nonce", []string{"x"}),
	} {
		answer := s.party.With("DPoP", by.Proof(t, "POST", s.tokenURL(), change)).Redeem(s.code(t))
		if name == "a nonce that is a list" {
			expect(t, answer, 400, "use_dpop_nonce")
			continue
		}
		if answer.Status != 400 || answer.ErrorCode() != "invalid_dpop_proof" || answer.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
		}
	}
	for name, change := range map[string]func(header, claims map[string]any){
		"a query in htu":            claim("htu", s.tokenURL()+"?a=b"),
		"a fragment in htu":         claim("htu", s.tokenURL()+"#a"),
		"the scheme in upper case":  claim("htu", strings.Replace(s.tokenURL(), "http", "HTTP", 1)),
		"made 10 seconds ago":       claim("iat", now-10),
		"made 8 seconds from now":   claim("iat", now+8),
		"a claim that nobody knows": claim("x", 1),
		"typ with its prefix":       header("typ", "application/dpop+jwt"),
	} {
		if answer := s.party.With("DPoP", by.Proof(t, "POST", s.tokenURL(), change)).Redeem(s.code(t)); answer.Status != 200 {
			t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
		}
	}
	code := s.code(t)
	expect(t, s.party.With("DPoP", s.proof(t, by), "DPoP", s.proof(t, by)).Redeem(code), 400, "invalid_dpop_proof")
	expect(t, s.party.With("DPoP", "x").Redeem(code), 400, "invalid_dpop_proof")
	expect(t, s.party.With("DPoP", strings.Repeat("x", 9000)).Redeem(code), 400, "invalid_dpop_proof")
	expect(t, s.party.With("DPoP", s.proof(t, by)).Redeem(code), 200, "") // none of them cost the client its code
}

// RFC 9449 §11.1: a proof is good for one request, whichever replica answers it.
func TestADPoPProofUsedTwiceAtOnceIsGoodOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	service := s.Party(t, s.organization, client.Client{ClientID: "service", GrantTypes: []string{client.ClientCredentials}, Scopes: []string{"orders:read"}})
	with := service.With("DPoP", s.proof(t, s.NewProver(t)))
	won := 0
	for _, answer := range simultaneously(4, func() oidctest.Answer { return with.Post("token", "grant_type", "client_credentials") }) {
		switch {
		case answer.Status == 200 && answer.Text("token_type") == "DPoP":
			won++
		case answer.Status != 400 || answer.ErrorCode() != "invalid_dpop_proof":
			t.Errorf("%d %s", answer.Status, answer.Body)
		}
	}
	if won != 1 {
		t.Errorf("one proof was good %d times", won)
	}
}

// RFC 9449 §8, §9, §11.1: whose clock is wrong gets a nonce that tells the time.
func TestDPoPNonces(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	by := s.NewProver(t)
	late := func(nonce string) string {
		return by.Proof(t, "POST", s.tokenURL(), func(_, claims map[string]any) {
			claims["iat"] = s.Clock.Now().Add(-time.Hour).Unix()
			if nonce != "" {
				claims["nonce"] = nonce
			}
		})
	}
	code := s.code(t)
	challenged := s.party.With("DPoP", late("")).Redeem(code)
	expect(t, challenged, 400, "use_dpop_nonce")
	nonce := challenged.Header.Get("DPoP-Nonce")
	if len(nonce) < 20 {
		t.Fatalf("DPoP-Nonce is %q", nonce)
	}
	expect(t, s.party.With("DPoP", late("invented")).Redeem(code), 400, "use_dpop_nonce")
	expect(t, s.party.With("DPoP", late(nonce)).Redeem(code), 200, "")

	elsewhere := s.Organization(t, "elsewhere", org.Policies{})
	foreign := s.Party(t, elsewhere, client.Client{ClientID: "web"})
	answer := foreign.With("DPoP", by.Proof(t, "POST", s.URL+"/elsewhere/token", func(_, claims map[string]any) { claims["nonce"] = nonce })).Refresh(strings.Repeat("A", 43))
	expect(t, answer, 400, "use_dpop_nonce") // a nonce of one organization is none at another

	t.Run("where the organization demands them", func(t *testing.T) {
		s.SetPolicies(t, s.organization, org.Policies{RequireDPoPNonce: true})
		code := s.code(t)
		challenged := s.party.With("DPoP", s.proof(t, by)).Redeem(code)
		expect(t, challenged, 400, "use_dpop_nonce")
		with := func(nonce string) string {
			return by.Proof(t, "POST", s.tokenURL(), func(_, claims map[string]any) { claims["nonce"] = nonce })
		}
		answer := s.party.With("DPoP", with(challenged.Header.Get("DPoP-Nonce"))).Redeem(code)
		expect(t, answer, 200, "")
		if answer.Header.Get("DPoP-Nonce") == "" {
			t.Error("RFC 9449 §8.2: a good answer offers the next nonce")
		}
		access := answer.Text("access_token")
		refused := s.present("DPoP", access, by.Proof(t, "GET", s.userinfoURL(), oidctest.WithToken(access)))
		expect(t, refused, 401, "use_dpop_nonce")
		again := by.Proof(t, "GET", s.userinfoURL(), func(h, claims map[string]any) {
			oidctest.WithToken(access)(h, claims)
			claims["nonce"] = refused.Header.Get("DPoP-Nonce")
		})
		expect(t, s.present("DPoP", access, again), 200, "")
		s.Clock.Advance(7 * time.Minute)
		expect(t, s.party.With("DPoP", with(nonce)).Refresh(strings.Repeat("A", 43)), 400, "use_dpop_nonce") // long expired
	})
}

// Whoever need not authenticate cannot fill the store with marks; clients that authenticate are not counted.
func TestDPoPProofsWithoutAuthenticationAreLimited(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	by := s.NewProver(t)
	public := s.Party(t, s.organization, client.Client{ClientID: "app", AuthenticationMethod: client.None})
	refused := 0
	for range oidctest.ProofLimit + 5 {
		if public.With("DPoP", s.proof(t, by)).Refresh(strings.Repeat("A", 43)).Status == 429 {
			refused++
		}
	}
	if refused != 5 {
		t.Errorf("%d of %d were refused", refused, oidctest.ProofLimit+5)
	}
	expect(t, s.party.With("DPoP", s.proof(t, by)).Redeem(s.code(t)), 200, "")
}

// RFC 9449 §5, §5.2, §10: what is bound to what.
func TestDPoPBindsCodesAndRefreshTokens(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	holder, thief := s.NewProver(t), s.NewProver(t)
	by := func(p *oidctest.Party, prover *oidctest.Prover) *oidctest.Party {
		return p.With("DPoP", s.proof(t, prover))
	}

	t.Run("a code that was asked for with dpop_jkt", func(t *testing.T) {
		code := s.BoundCode(t, s.party.Client, s.session, holder.Thumbprint(t), "openid")
		expect(t, by(s.party, thief).Redeem(code), 400, "invalid_grant")
		expect(t, s.party.Redeem(code), 400, "invalid_grant")
		expect(t, by(s.party, holder).Redeem(code), 200, "")
		expect(t, by(s.party, holder).Redeem(code), 400, "invalid_grant")
	})
	t.Run("the refresh tokens of a public client", func(t *testing.T) {
		public := s.Party(t, s.organization, client.Client{ClientID: "app", AuthenticationMethod: client.None})
		tokens := by(public, holder).Redeem(s.Code(t, public.Client, s.session, "openid", "offline_access"))
		expect(t, tokens, 200, "")
		refresh := tokens.Text("refresh_token")
		expect(t, public.Refresh(refresh), 400, "invalid_grant")
		expect(t, by(public, thief).Refresh(refresh), 400, "invalid_grant")
		next := by(public, holder).Refresh(refresh)
		expect(t, next, 200, "")
		if next.Text("token_type") != "DPoP" {
			t.Errorf("token_type is %q", next.Text("token_type"))
		}
		expect(t, by(public, thief).Refresh(next.Text("refresh_token")), 400, "invalid_grant")
		expect(t, by(public, holder).Refresh(next.Text("refresh_token")), 200, "")
	})
	t.Run("not those of a confidential client", func(t *testing.T) {
		tokens := by(s.party, holder).Redeem(s.code(t))
		expect(t, by(s.party, thief).Refresh(tokens.Text("refresh_token")), 200, "")
	})
	t.Run("a client that registered dpop_bound_access_tokens", func(t *testing.T) {
		bound := s.Party(t, s.organization, client.Client{ClientID: "bound", Metadata: client.Metadata{DPoPBoundAccessTokens: true}})
		code := s.Code(t, bound.Client, s.session, "openid")
		expect(t, bound.Redeem(code), 400, "invalid_dpop_proof")
		expect(t, by(bound, holder).Redeem(code), 200, "")
	})
	t.Run("an organization without bearer tokens", func(t *testing.T) {
		code := s.code(t)
		s.SetPolicies(t, s.organization, org.Policies{RequireBoundTokens: true})
		expect(t, s.party.Redeem(code), 400, "invalid_request")
		expect(t, by(s.party, holder).Redeem(code), 200, "")
	})
}
