package authorize

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
)

// ResponseMode is how the answer travels.
type ResponseMode string

// The response modes of this release. Those that end in jwt carry one JWT of all parameters (JARM §2.3).
const (
	Query       ResponseMode = "query"
	Fragment    ResponseMode = "fragment"
	FormPost    ResponseMode = "form_post"
	QueryJWT    ResponseMode = "query.jwt"
	FragmentJWT ResponseMode = "fragment.jwt"
	FormPostJWT ResponseMode = "form_post.jwt"
	JWT         ResponseMode = "jwt" // the one of the response type's default (JARM §2.3.4)
)

// signedSuffix marks the modes of JARM.
const signedSuffix = ".jwt"

// ResponseJWTLifetime is how long the JWT of an answer may be read (JARM §2.1: at most 10 minutes). What is in it lives
// shorter still; the rest forgives the clocks of clients.
const ResponseJWTLifetime = 5 * time.Minute

// ResponseModes lists them in the order of discovery documents.
func ResponseModes() []ResponseMode {
	return []ResponseMode{Query, Fragment, FormPost, JWT, QueryJWT, FragmentJWT, FormPostJWT}
}

// ResponseModesOf lists those that the profile allows, in the order of discovery documents.
func ResponseModesOf(profile oauth.Profile) []ResponseMode {
	return slices.DeleteFunc(ResponseModes(), func(mode ResponseMode) bool {
		return profile.SignedAnswers && mode != JWT && !mode.signed()
	})
}

// signed reports whether the answer travels as a JWT.
func (m ResponseMode) signed() bool { return strings.HasSuffix(string(m), signedSuffix) }

// carrier is the mode in which the parameters travel, or the JWT that they are in.
func (m ResponseMode) carrier() ResponseMode {
	return ResponseMode(strings.TrimSuffix(string(m), signedSuffix))
}

// checkResponseMode comes first of all, so that every later error travels in the mode the client reads. What
// goes wrong with a response type that delivers tokens is told in the fragment, where its success would be.
func checkResponseMode(_ context.Context, r *request) error {
	r.mode = Query
	if client.FrontChannel(r.parameters.Get("response_type")) {
		r.mode = Fragment
	}
	wanted := ResponseMode(r.parameters.Get("response_mode"))
	mustSign := r.profile.SignedAnswers
	switch {
	case wanted == "" && !mustSign:
		return nil
	case wanted == "" || wanted == JWT:
		wanted = r.mode + signedSuffix
	case mustSign && !wanted.signed():
		r.mode += signedSuffix
		return oauth.InvalidRequest("The answers to this client are signed: the response_mode is jwt, or one of those that end in .jwt.")
	}
	if !slices.Contains(ResponseModes(), wanted) {
		if mustSign {
			r.mode += signedSuffix
		}
		return oauth.InvalidRequest("There is no such response_mode. It is query, fragment or form_post, or one of them with .jwt at its end, or jwt.")
	}
	if r.inQuery = wanted.carrier() == Query; r.inQuery && r.mode == Fragment { // what is to be said of that is said there
		wanted = map[ResponseMode]ResponseMode{Query: Fragment, QueryJWT: FragmentJWT}[wanted]
	}
	r.mode = wanted
	return nil
}

// checkTokensInQuery keeps tokens out of addresses that are logged and travel on; encrypted they may stand there
// (JARM §2.3.1).
func checkTokensInQuery(_ context.Context, r *request) error {
	if !r.inQuery || !client.FrontChannel(r.responseType) {
		return nil
	}
	if r.mode.signed() && r.client.Metadata.AuthorizationEncryptedResponseAlg != "" {
		r.mode = QueryJWT
		return nil
	}
	return oauth.InvalidRequest("The query is not for tokens: addresses are logged and travel on. Use fragment or form_post, or have the answer encrypted.")
}

// form is how the client reads the JWT of an answer.
func (r *request) form() oauth.JWTForm {
	metadata := &r.client.Metadata
	return oauth.JWTForm{Type: "JWT", Signing: r.client.AuthorizationSigning(), Encryption: metadata.AuthorizationEncryptedResponseAlg,
		Content: metadata.AuthorizationEncryptedResponseEnc}
}

// prepareAnswer has at hand what the answer is made with, so that nothing is granted that could not be told.
func (a *Endpoint) prepareAnswer(ctx context.Context, r *request) error {
	if !r.mode.signed() {
		return nil
	}
	return a.JWTs.Prepare(ctx, r.client, r.form())
}

// answer puts the parameters of a response, and those every response has, into the form of the request's
// response mode. Nothing else of the request travels back. A JWT may be impossible to make: then there is no answer.
func (a *Endpoint) answer(ctx context.Context, r *request, namesAndValues ...string) (login.Answer, error) {
	fields := make([]login.Field, 0, 8)
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		if namesAndValues[i+1] != "" {
			fields = append(fields, login.Field{Name: namesAndValues[i], Value: namesAndValues[i+1]})
		}
	}
	if state := r.parameters.Get("state"); state != "" {
		fields = append(fields, login.Field{Name: "state", Value: state})
	}
	fields = append(fields, login.Field{Name: "iss", Value: a.Issuers.URL(r.organization)}) // RFC 9207 §2
	if r.mode.signed() {
		response, err := a.sign(ctx, r, fields)
		if err != nil {
			return login.Answer{}, err
		}
		fields = []login.Field{{Name: "response", Value: response}}
	}
	return r.deliver(fields), nil
}

// sign makes the JWT of an answer (JARM §2.1, §2.2). iss is in it, which also is the answer to mix-up (RFC 9207 §2.4).
func (a *Endpoint) sign(ctx context.Context, r *request, fields []login.Field) (string, error) {
	claims := make(map[string]any, len(fields)+2)
	for _, field := range fields {
		claims[field.Name] = field.Value
	}
	claims["aud"], claims["exp"] = r.client.ClientID, a.Now().Add(ResponseJWTLifetime).Unix()
	return a.JWTs.Make(ctx, r.client, r.form(), claims)
}

// deliver is the answer in the browser.
func (r *request) deliver(fields []login.Field) login.Answer {
	carrier := r.mode.carrier()
	if carrier == FormPost {
		return login.Answer{ClientID: r.client.ClientID, FormPost: &login.FormPost{Action: r.redirectURI, Fields: fields}}
	}
	encoded := make([]string, len(fields))
	for i, field := range fields {
		encoded[i] = field.Name + "=" + url.QueryEscape(field.Value)
	}
	parameters := strings.Join(encoded, "&")
	switch {
	case carrier == Fragment:
		return login.Answer{ClientID: r.client.ClientID, RedirectURL: r.redirectURI + "#" + parameters}
	case strings.Contains(r.redirectURI, "?"):
		// A registered query is kept (RFC 6749 §3.1.2).
		return login.Answer{ClientID: r.client.ClientID, RedirectURL: strings.TrimRight(r.redirectURI, "&?") + separator(r.redirectURI) + parameters}
	}
	return login.Answer{ClientID: r.client.ClientID, RedirectURL: r.redirectURI + "?" + parameters}
}

func separator(uri string) string {
	if strings.HasSuffix(strings.TrimRight(uri, "&"), "?") {
		return "?"
	}
	return "&"
}

// failure puts an error into the form of a response.
func (a *Endpoint) failure(ctx context.Context, r *request, e *oauth.Error) (login.Answer, error) {
	return a.answer(ctx, r, "error", e.Code, "error_description", e.Description, "session_state", a.sessionState(r))
}
