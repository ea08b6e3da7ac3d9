// Package upstream lets people sign in at an OpenID provider elsewhere: we are its relying party (OpenID Connect Core 1.0,
// May 2025 errata; authorization code with PKCE, RFC 7636). It finds what the provider says of itself, writes the request
// and redeems the answer for a verified ID token. Whom its subject is here is package identityprovider's business, and what
// follows from it package login's.
package upstream

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/identityprovider"
	"github.com/clavex/clavex/backend/internal/jose"
)

const (
	wellKnown     = "/.well-known/openid-configuration"
	metadataBytes = 256 << 10 // of one provider
	metadataCache = 8 << 20   // of all
	answerBytes   = 64 << 10
	leeway        = time.Minute      // by how much a provider's clock may differ from ours
	oldest        = 10 * time.Minute // since an ID token was issued: it is fetched at once
	maximumName   = 254
	unsaid        = 15 * time.Minute // since a proof of which a provider does not say when it was: no fresh one
)

// The faults of this package. Those of a provider's fault are Unavailable: the person can do nothing but try another way.
var (
	ErrMetadata = fault.New(fault.Unavailable, "identity_provider_metadata", "The identity provider's own description cannot be used.")
	ErrRefused  = fault.New(fault.Unavailable, "identity_provider_refused", "The identity provider did not redeem its own answer.")
	ErrToken    = fault.New(fault.Unavailable, "identity_provider_token", "What the identity provider says about the person cannot be believed.")
	// ErrOtherIssuer says that an answer came from somebody else than was asked (RFC 9207 §2.4).
	ErrOtherIssuer = fault.New(fault.Invalid, "identity_provider_mixed_up", "The answer came from another identity provider than the one that was asked.")
	// ErrNotFresh says that the provider did not ask the person anew, although that was demanded.
	ErrNotFresh = fault.New(fault.Unavailable, "identity_provider_not_fresh", "The identity provider did not ask anew who you are. Sign in here.")
)

// Metadata is what a provider says of itself (OpenID Connect Discovery 1.0 §3), as far as it is used.
type Metadata struct {
	Issuer                string           `json:"issuer"`
	AuthorizationEndpoint string           `json:"authorization_endpoint"`
	TokenEndpoint         string           `json:"token_endpoint"`
	JWKSURI               string           `json:"jwks_uri"`
	UserinfoEndpoint      string           `json:"userinfo_endpoint"`
	Algorithms            []jose.Algorithm `json:"id_token_signing_alg_values_supported"`
	NamesIssuer           bool             `json:"authorization_response_iss_parameter_supported"` // RFC 9207
}

// Parties speaks to providers. It is safe for concurrent use.
type Parties struct {
	fetch     *fetch.Client
	documents *fetch.Documents[Metadata]
	keys      *client.KeySets
	providers *identityprovider.Providers
	now       func() time.Time
}

// New makes it. client reaches what administrators of organizations name.
func New(client *fetch.Client, keys *client.KeySets, providers *identityprovider.Providers, now func() time.Time) *Parties {
	return &Parties{fetch: client, keys: keys, providers: providers, now: now, documents: fetch.NewDocuments(client, now, metadataCache, fetch.Policy[Metadata]{
		Request: fetch.Request{ContentTypes: []string{"application/json"}, MaximumBytes: metadataBytes},
		Parse: func(response *fetch.Response) (found Metadata, err error) {
			if json.Unmarshal(response.Body, &found) != nil {
				return found, ErrMetadata
			}
			return found, nil
		},
		Lifetime: 10 * time.Minute, Shortest: time.Minute, Longest: 24 * time.Hour, StaleIfError: 24 * time.Hour,
		FirstRetry: 5 * time.Second, LastRetry: time.Minute, Refreshes: 4, RefreshEvery: 15 * time.Second,
	})}
}

// Metadata returns what a provider says of itself, from memory while it is fresh. It is believed only when it names the very
// issuer that it was found by (Discovery §4.3).
func (p *Parties) Metadata(ctx context.Context, provider *identityprovider.Provider) (Metadata, error) {
	found, err := p.documents.Get(ctx, strings.TrimSuffix(provider.Issuer, "/")+wellKnown)
	if fault.IsKind(err, fault.Invalid) { // what is there is no description, which is nothing that the browser did wrong
		return found, ErrMetadata.WithCause(err)
	}
	if err != nil {
		return found, err
	}
	if found.Issuer != provider.Issuer || found.TokenEndpoint == "" || found.JWKSURI == "" || !opens(provider.Issuer, found.AuthorizationEndpoint) {
		return found, ErrMetadata
	}
	return found, nil
}

// opens reports whether a browser may be sent to an endpoint: never by a scheme that protects less than the issuer's.
func opens(issuer, endpoint string) bool {
	parsed, err := url.Parse(endpoint)
	return err == nil && parsed.Host != "" && parsed.Fragment == "" && (parsed.Scheme == "https" || parsed.Scheme == "http" && strings.HasPrefix(issuer, "http://"))
}

// Request is one sign-in elsewhere. State, Nonce and Verifier are secrets of its own.
type Request struct {
	RedirectURI, State, Nonce, Verifier string
	// Since has the provider ask anew who proved themselves earlier; zero demands nothing.
	Since time.Time
	// Longest is how old a proof may be in any case: the longest life of a session here.
	Longest time.Duration
	// LoginHint is whom the person probably is there; "" says nothing.
	LoginHint string
	UILocales []string
}

// URL is where the browser goes (Core §3.1.2.1).
func (p *Parties) URL(ctx context.Context, provider *identityprovider.Provider, request Request) (string, error) {
	metadata, err := p.Metadata(ctx, provider)
	if err != nil {
		return "", err
	}
	target, err := url.Parse(metadata.AuthorizationEndpoint)
	if err != nil {
		return "", ErrMetadata.WithCause(err)
	}
	challenge := sha256.Sum256([]byte(request.Verifier))
	query := target.Query()
	for name, value := range map[string]string{"response_type": "code", "client_id": provider.ClientID, "redirect_uri": request.RedirectURI, "scope": strings.Join(provider.Scopes, " "),
		"state": request.State, "nonce": request.Nonce, "code_challenge": base64.RawURLEncoding.EncodeToString(challenge[:]), "code_challenge_method": "S256"} {
		query.Set(name, value)
	}
	oldest := request.Longest // said in any case, because a provider then says when the person proved themselves (Core §2)
	if !request.Since.IsZero() {
		oldest = min(oldest, p.now().Sub(request.Since))
	}
	query.Set("max_age", strconv.Itoa(max(int(oldest/time.Second), 0)))
	if request.LoginHint != "" {
		query.Set("login_hint", request.LoginHint)
	}
	if len(request.UILocales) > 0 {
		query.Set("ui_locales", strings.Join(request.UILocales, " "))
	}
	target.RawQuery = query.Encode()
	return target.String(), nil
}

// Person is whom a provider says somebody is.
type Person struct {
	Subject string
	Name    string    // for people to read: an address, or a name; "" when the provider tells none
	At      time.Time // when they proved who they are there; zero when the provider does not say
}

// FromIssuer judges the parameter iss of an answer (RFC 9207 §2.4).
func (p *Parties) FromIssuer(ctx context.Context, provider *identityprovider.Provider, issuer string) error {
	metadata, err := p.Metadata(ctx, provider)
	if err != nil {
		return err
	}
	if issuer != provider.Issuer && (issuer != "" || metadata.NamesIssuer) {
		return ErrOtherIssuer
	}
	return nil
}

// Redeem turns the code of an answer into who the person is (Core §3.1.3), when the ID token holds.
func (p *Parties) Redeem(ctx context.Context, provider *identityprovider.Provider, request Request, code string) (Person, error) {
	metadata, err := p.Metadata(ctx, provider)
	if err != nil {
		return Person{}, err
	}
	secret, err := p.providers.Secret(provider)
	if err != nil {
		return Person{}, err
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {request.RedirectURI}, "code_verifier": {request.Verifier}}
	header := http.Header{"Accept": {"application/json"}}
	switch provider.ClientAuthentication {
	case identityprovider.SecretBasic: // RFC 6749 §2.3.1: both parts are form-encoded first
		credentials := url.QueryEscape(provider.ClientID) + ":" + url.QueryEscape(secret)
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(credentials)))
	case identityprovider.SecretPost:
		form.Set("client_secret", secret)
		form.Set("client_id", provider.ClientID)
	default:
		form.Set("client_id", provider.ClientID)
	}
	response, err := p.fetch.PostForm(ctx, fetch.Request{URL: metadata.TokenEndpoint, ContentTypes: []string{"application/json"}, MaximumBytes: answerBytes, Header: header}, form)
	if fault.IsKind(err, fault.Invalid) {
		return Person{}, ErrRefused.WithCause(err)
	}
	if err != nil {
		return Person{}, err
	}
	var answer struct {
		IDToken     string `json:"id_token"`
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(response.Body, &answer) != nil || answer.IDToken == "" {
		return Person{}, ErrToken
	}
	found, err := p.verify(ctx, provider, metadata, request, answer.IDToken)
	if err == nil && found.Name == "" {
		found.Name = p.nameOf(ctx, metadata, found.Subject, answer.AccessToken)
	}
	return found, err
}

// nameOf asks the provider what it calls somebody (Core §5.3), for people to read: many tell it nowhere else. Of another
// subject it is not theirs (§5.3.2), and without an answer the subject does.
func (p *Parties) nameOf(ctx context.Context, metadata Metadata, subject, accessToken string) string {
	if metadata.UserinfoEndpoint == "" || accessToken == "" {
		return ""
	}
	response, err := p.fetch.Get(ctx, fetch.Request{URL: metadata.UserinfoEndpoint, ContentTypes: []string{"application/json"}, MaximumBytes: answerBytes,
		Header: http.Header{"Authorization": {"Bearer " + accessToken}}})
	var said struct {
		Subject           string `json:"sub"`
		Email             string `json:"email"`
		PreferredUsername string `json:"preferred_username"`
		Name              string `json:"name"`
	}
	if err != nil || json.Unmarshal(response.Body, &said) != nil || said.Subject != subject {
		return ""
	}
	return readable(said.Email, said.PreferredUsername, said.Name)
}

// readable is the first of some names that can be shown.
func readable(candidates ...string) string {
	for _, candidate := range candidates {
		if candidate = strings.Join(strings.Fields(candidate), " "); candidate != "" && len(candidate) <= maximumName {
			return candidate
		}
	}
	return ""
}

// accepted are the algorithms by which ID tokens may be signed: asymmetric ones, because a shared secret proves nothing that we
// could not have written ourselves.
var accepted = []jose.Algorithm{jose.ES256, jose.PS256, jose.EdDSA, jose.RS256}

// verify checks an ID token (Core §3.1.3.7).
func (p *Parties) verify(ctx context.Context, provider *identityprovider.Provider, metadata Metadata, request Request, presented string) (Person, error) {
	algorithms := accepted
	if len(metadata.Algorithms) > 0 {
		algorithms = slices.DeleteFunc(slices.Clone(accepted), func(algorithm jose.Algorithm) bool { return !slices.Contains(metadata.Algorithms, algorithm) })
	}
	if len(algorithms) == 0 {
		return Person{}, ErrMetadata
	}
	var token *jose.Token
	err := p.keys.Verify(ctx, nil, metadata.JWKSURI, func(keys jose.Lookup) (err error) {
		token, err = jose.Verify(presented, keys, jose.Expected{Types: []string{"", "JWT"}, Algorithms: algorithms, Issuer: provider.Issuer, Audiences: []string{provider.ClientID}, Now: p.now(),
			Leeway: leeway, KeyIDOptional: true})
		return err
	})
	if err != nil {
		return Person{}, ErrToken.WithCause(err)
	}
	var nonce, party, preferred, address, name string
	for claim, into := range map[string]*string{"nonce": &nonce, "azp": &party, "preferred_username": &preferred, "email": &address, "name": &name} {
		if _, err := token.Claim(claim, into); err != nil {
			return Person{}, ErrToken.WithCause(err)
		}
	}
	var authenticated int64
	if _, err := token.Claim("auth_time", &authenticated); err != nil {
		return Person{}, ErrToken.WithCause(err)
	}
	switch {
	case nonce != request.Nonce, !identityprovider.Acceptable(token.Subject), token.IssuedAt.IsZero(), p.now().Sub(token.IssuedAt) > oldest:
		return Person{}, ErrToken
	case party != "" && party != provider.ClientID, party == "" && len(token.Audience) > 1:
		return Person{}, ErrToken // it is another client's
	}
	found := Person{Subject: token.Subject, Name: readable(address, preferred, name)}
	if authenticated > 0 {
		found.At = time.Unix(authenticated, 0)
	}
	if !request.Since.IsZero() && (found.At.IsZero() || found.At.Before(request.Since.Add(-leeway))) {
		return Person{}, ErrNotFresh
	}
	switch {
	case found.At.IsZero(): // against the rules: it may have been any time ago
		found.At = p.now().Add(-unsaid)
	case found.At.After(p.now()):
		found.At = p.now()
	}
	if p.now().Sub(found.At) >= request.Longest {
		return Person{}, ErrNotFresh
	}
	if found.At.Before(request.Since) { // by no more than the clocks differ, or what a whole second leaves out
		found.At = request.Since.Add(time.Microsecond) // of the database: it keeps no less
	}
	return found, nil
}
