package oauth

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/reqctx"
)

const organizationKey = "oauth.organization"

// SetOrganization tells the handlers that follow which organization the address names. The server's
// middleware calls it after it resolved the slug and made sure that the organization serves.
func SetOrganization(c *gin.Context, organization *org.Organization) {
	c.Set(organizationKey, organization)
}

// Organization is the organization of the address. It panics when no middleware set it.
func Organization(c *gin.Context) *org.Organization {
	return c.MustGet(organizationKey).(*org.Organization)
}

// ReadForm reads the parameters of a POST. Parameters of the query are not looked at: secrets and tokens
// do not belong there (RFC 6749 §2.3.1, RFC 9700 §4.3.2).
func ReadForm(c *gin.Context) (Parameters, error) {
	mediaType, _, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return Parameters{}, InvalidRequest("The content type must be application/x-www-form-urlencoded.")
	}
	body, err := ReadBody(c, MaximumBodyBytes)
	if err != nil {
		return Parameters{}, err
	}
	return ParseForm(body)
}

// ReadBody reads the body, at most limit bytes of it.
func ReadBody(c *gin.Context, limit int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, limit))
	if err == nil {
		return body, nil
	}
	if _, tooLarge := err.(*http.MaxBytesError); tooLarge { //nolint:errorlint // MaxBytesReader returns it bare
		return nil, InvalidRequest("The request body is too large.").withStatus(http.StatusRequestEntityTooLarge)
	}
	return nil, InvalidRequest("The request body could not be read.").WithCause(err)
}

// CredentialsOf is the part of the request by which its client authenticates.
func CredentialsOf(c *gin.Context, form Parameters) ClientCredentials {
	return ClientCredentials{Authorization: c.Request.Header.Values("Authorization"), Parameters: form,
		Certificates: reqctx.From(c.Request.Context()).ClientCertificates,
		attested:     attested{c.Request.Header.Values("OAuth-Client-Attestation"), c.Request.Header.Values("OAuth-Client-Attestation-PoP")}}
}

// WriteJSON answers with JSON that nobody may store (RFC 6749 §5.1).
func WriteJSON(c *gin.Context, status int, value any) {
	encoded, err := json.Marshal(value)
	if err != nil {
		WriteError(c, err)
		return
	}
	noStore(c)
	c.Data(status, "application/json", encoded)
}

// WriteJWT answers with a JWT that nobody may cache.
func WriteJWT(c *gin.Context, mediaType, token string) {
	noStore(c)
	c.Data(http.StatusOK, mediaType, []byte(token))
}

// WriteError answers with the OAuth form of the error and attaches the error to the gin context, where the
// server's middleware finds it and logs it once.
func WriteError(c *gin.Context, err error) {
	answer := FromFault(err)
	_ = c.Error(err)
	noStore(c)
	if answer.RetryAfter > 0 {
		c.Header("Retry-After", strconv.Itoa(int((answer.RetryAfter+time.Second-1)/time.Second)))
	}
	answer.WriteChallenges(c)
	c.Abort()
	if answer.Code == "" {
		c.Status(answer.Status)
		c.Writer.WriteHeaderNow()
		return
	}
	c.JSON(answer.Status, struct {
		Code        string `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{answer.Code, answer.Description})
}

// WriteChallenges sets the headers by which an error tells what to prove, and how.
func (e *Error) WriteChallenges(c *gin.Context) {
	if e.Nonce != "" {
		c.Header(headerNonce, e.Nonce)
	}
	if e.Challenge != "" {
		c.Header(headerChallenge, e.Challenge)
	}
	for _, challenge := range e.challenges() {
		c.Writer.Header().Add("WWW-Authenticate", challenge)
	}
}

// headerNonce is the header in which nonces travel to clients (RFC 9449 §8).
const headerNonce = "DPoP-Nonce"

// challenges are the values of WWW-Authenticate (RFC 9110 §11.6.1, RFC 6750 §3, RFC 9449 §7.1, RFC 9728 §5.1). Code, description and
// scope consist of characters that need no escaping in a quoted string. Whoever presents nothing may use either scheme
// of access tokens.
func (e *Error) challenges() []string {
	switch e.Scheme {
	case "":
		return nil
	case schemeEither:
		return []string{e.challenge(SchemeBearer), e.challenge(SchemeDPoP)}
	}
	return []string{e.challenge(e.Scheme)}
}

func (e *Error) challenge(scheme string) string {
	text := scheme + ` realm="clavex"`
	if scheme == SchemeDPoP {
		text += `, algs="` + strings.Join(texts(jose.Algorithms()), " ") + `"`
	}
	if scheme == SchemeBasic {
		return text
	}
	for _, parameter := range []struct{ name, value string }{{"error", e.Code}, {"error_description", e.Description}, {"scope", e.Scope},
		{"resource_metadata", e.ResourceMetadata}} {
		if parameter.value != "" {
			text += `, ` + parameter.name + `="` + parameter.value + `"`
		}
	}
	return text
}

func noStore(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	c.Header("Pragma", "no-cache") // RFC 6749 §5.1; conformance tests still look for it
}

// SenderOf is what a request shows of who sends it.
func SenderOf(c *gin.Context) Sender { return SenderOfRequest(c.Request) }

// SenderOfRequest is SenderOf outside of gin.
func SenderOfRequest(r *http.Request) Sender {
	sender := Sender{Proofs: r.Header.Values("DPoP"), Method: r.Method, Domain: reqctx.Host(r.Context()), Path: reqctx.Path(r)}
	if sent := reqctx.From(r.Context()).ClientCertificates; len(sent) > 0 {
		sender.Certificate = sent[0]
	}
	return sender
}

// OfferNonce gives clients that send proofs the nonce of the next one, where the organization demands nonces
// (RFC 9449 §8.2).
func (s *SenderConstraint) OfferNonce(c *gin.Context) {
	if organization := Organization(c); organization.Policies.RequireDPoPNonce && len(c.Request.Header.Values("DPoP")) > 0 {
		c.Header(headerNonce, s.Nonce(organization))
	}
}

// PresentedToken returns the access token of a request to a protected resource: by the scheme DPoP or Bearer in the
// Authorization header or, for a form by POST, from access_token in the body: exactly one place, never the query
// (RFC 6750 §2, RFC 9449 §7, RFC 9700 §4.3.2). Without any token it is a bare challenge.
func PresentedToken(c *gin.Context) (Presented, error) {
	scheme, token, err := readToken(c, SchemeBearer, SchemeDPoP)
	return Presented{Scheme: scheme, Token: token, Sender: SenderOf(c)}, err
}

// BearerToken is PresentedToken where only a bearer token will do, which is no access token: those of registration.
func BearerToken(c *gin.Context) (string, error) {
	_, token, err := readToken(c, SchemeBearer)
	return token, err
}

func readToken(c *gin.Context, schemes ...string) (scheme, token string, err error) {
	var found []string
	scheme = SchemeBearer
	for _, header := range c.Request.Header.Values("Authorization") {
		named, token, _ := strings.Cut(header, " ")
		known := slices.IndexFunc(schemes, func(s string) bool { return strings.EqualFold(s, named) })
		if known < 0 {
			return "", "", bareChallenge(schemes)
		}
		scheme = schemes[known]
		found = append(found, strings.TrimSpace(token))
	}
	if c.Request.URL.Query().Has("access_token") {
		return "", "", bearerRequest("An access token does not belong into an address; send it in the Authorization header.")
	}
	mediaType, _, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err == nil && mediaType == "application/x-www-form-urlencoded" && c.Request.Method == http.MethodPost {
		form, err := ReadForm(c)
		if err != nil {
			return "", "", bearerRequest(FromFault(err).Description).WithStatus(FromFault(err).Status)
		}
		if form.Has("access_token") {
			found = append(found, form.Get("access_token"))
		}
	}
	switch {
	case len(found) == 0:
		return "", "", bareChallenge(schemes)
	case len(found) > 1:
		return "", "", bearerRequest("The access token is sent more than once.")
	case found[0] == "":
		return "", "", bearerRequest("The access token is empty.")
	}
	return scheme, found[0], nil
}

// bareChallenge tells whoever presents no token by which schemes one is presented (RFC 6750 §3.1).
func bareChallenge(schemes []string) *Error {
	e := &Error{Status: http.StatusUnauthorized, Scheme: SchemeBearer}
	if len(schemes) > 1 {
		e.Scheme = schemeEither
	}
	return e
}

func bearerRequest(description string) *Error {
	e := InvalidRequest(description)
	e.Scheme = SchemeBearer
	return e
}

// corsHeaders are the request headers that a page may send.
const corsHeaders = "Authorization, Content-Type, DPoP"

// CORS lets pages of registered origins read the answers of the endpoints that browser-based applications
// call (RFC 10017 §5): discovery, JWKS, token, userinfo, revocation, registration. Never authorize, which
// is navigated to, nor introspection, which is for servers. An origin is registered when it is that of a
// redirect URI of an active client; a page that has no client yet registers through its own server or the
// command line, as create-clavex-app does. No cookies are involved, so credentials are not allowed.
// methods are those of the endpoint; the server also mounts it for OPTIONS.
func CORS(clients *client.Clients, methods ...string) gin.HandlerFunc {
	allowedMethods := strings.Join(append(slices.Clone(methods), http.MethodOptions), ", ")
	return func(c *gin.Context) {
		preflight := c.Request.Method == http.MethodOptions
		c.Writer.Header().Add("Vary", "Origin")
		origin := c.GetHeader("Origin")
		if origin != "" {
			// Without the database nobody's origin is known; the answer itself is then 503 or from a cache.
			registered, err := clients.OriginIsRegistered(c.Request.Context(), Organization(c).ID, origin)
			if err != nil {
				_ = c.Error(err)
			}
			if registered {
				c.Header("Access-Control-Allow-Origin", origin)
				c.Header("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce, Retry-After, X-Request-Id")
				if preflight {
					c.Header("Access-Control-Allow-Methods", allowedMethods)
					c.Header("Access-Control-Allow-Headers", corsHeaders)
					c.Header("Access-Control-Max-Age", "600")
				}
			}
		}
		if preflight {
			c.Writer.Header().Add("Vary", "Access-Control-Request-Method")
			c.Writer.Header().Add("Vary", "Access-Control-Request-Headers")
			c.AbortWithStatus(http.StatusNoContent)
			return
		}
		c.Next()
	}
}

// ServeChallenge answers POST /{org}/challenge (§5.2.1 of the draft), where challenges are demanded.
func (c *ClientAttestations) ServeChallenge(g *gin.Context) {
	organization := Organization(g)
	if !OffersChallenges(organization) {
		WriteError(g, InvalidRequest("Challenges are not used here.").WithStatus(http.StatusNotFound))
		return
	}
	WriteJSON(g, http.StatusOK, map[string]string{"attestation_challenge": c.challenges.at(organization, c.now())})
}
