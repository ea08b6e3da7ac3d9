package admin

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/reqctx"
)

// refusal is an error whose form on the wire the kind of a fault does not tell.
type refusal struct {
	fault  *fault.Error
	status int
	wire   *oauth.Error     // as a protected resource challenges (WWW-Authenticate); nil when it does not
	fields []api.FieldError // every offending field
}

// Error implements error; the text is for logs.
func (r *refusal) Error() string { return r.fault.Error() }

// Unwrap returns the fault.
func (r *refusal) Unwrap() error { return r.fault }

func refuse(status int, kind fault.Kind, code, message string) *refusal {
	return &refusal{fault: fault.New(kind, code, message), status: status}
}

// malformed is the refusal of a request that cannot be read at all.
func malformed(message string) *refusal {
	return refuse(http.StatusBadRequest, fault.Invalid, "malformed_request", message)
}

// withCause returns a copy with a cause for the log.
func (r *refusal) withCause(cause error) *refusal {
	copied := *r
	copied.fault = r.fault.WithCause(cause)
	return &copied
}

func (r *refusal) withFields(fields ...api.FieldError) *refusal {
	r.fields = fields
	return r
}

func (r *refusal) withChallenge(wire oauth.Error) *refusal {
	r.wire = &wire
	return r
}

// withWire returns a copy that tells what a protected resource tells of a DPoP proof (RFC 9449 §7.1), which the client
// can make anew.
func (r *refusal) withWire(e *oauth.Error) *refusal {
	if e.Scheme != oauth.SchemeDPoP {
		return r
	}
	copied := *r
	copied.wire = e
	return &copied
}

// The refusals of the delivery itself.
var (
	errNoCredentials = refuse(http.StatusUnauthorized, fault.Unauthenticated, "unauthenticated",
		"Send an access token in the Authorization header, or sign in to the console.").withChallenge(oauth.Error{Scheme: oauth.SchemeBearer})
	errInvalidToken = refuse(http.StatusUnauthorized, fault.Unauthenticated, "invalid_token",
		"The access token is malformed, expired, revoked, or not meant for the Admin API.").withChallenge(oauth.Error{Scheme: oauth.SchemeBearer, Code: oauth.CodeInvalidToken})
	errMediaType = refuse(http.StatusUnsupportedMediaType, fault.Invalid, "unsupported_media_type", "Send application/json.")
	errTooLarge  = refuse(http.StatusRequestEntityTooLarge, fault.TooLarge, "body_too_large", "The request body may have at most 1 MiB.")
	errUnknown   = refuse(http.StatusNotFound, fault.NotFound, "unknown_address", "The Admin API has nothing at this address.")
	errMethod    = refuse(http.StatusMethodNotAllowed, fault.Invalid, "method_not_allowed", "This address does not support the method.")
	errIfMatch   = refuse(http.StatusPreconditionRequired, fault.PreconditionFailed, "if_match_required", "Send If-Match with the ETag that you read.")
)

var statuses = map[fault.Kind]int{
	fault.Internal: http.StatusInternalServerError, fault.Invalid: http.StatusUnprocessableEntity, fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden: http.StatusForbidden, fault.NotFound: http.StatusNotFound, fault.Conflict: http.StatusConflict,
	fault.PreconditionFailed: http.StatusPreconditionFailed, fault.TooLarge: http.StatusRequestEntityTooLarge,
	fault.RateLimited: http.StatusTooManyRequests, fault.Unavailable: http.StatusServiceUnavailable,
}

// titles are the status phrases of RFC 9110 where net/http has older ones.
var titles = map[int]string{http.StatusRequestEntityTooLarge: "Content Too Large", http.StatusUnprocessableEntity: "Unprocessable Content"}

// WriteProblem answers with problem details (RFC 9457) and attaches the error to the gin context, where
// the server's middleware finds it and logs it once.
func WriteProblem(c *gin.Context, err error) {
	failure := fault.From(err)
	problem := api.Problem{Type: "about:blank", Status: statuses[failure.Kind], Detail: new(failure.Message), Code: failure.Code,
		RequestId: reqctx.From(c.Request.Context()).ID}
	var known *refusal
	if errors.As(err, &known) {
		problem.Status = known.status
		if known.wire != nil {
			known.wire.WriteChallenges(c)
		}
		if len(known.fields) > 0 {
			problem.Errors = &known.fields
		}
	}
	var unmet oauth.Unmet
	if errors.As(err, &unmet) {
		faults := make([]api.FieldError, len(unmet))
		for i, each := range unmet {
			faults[i] = api.FieldError{Field: wireField(each.Field), Code: each.Code, Message: each.Message}
		}
		problem.Errors = &faults
	}
	if failure.Field != "" && problem.Errors == nil {
		problem.Errors = &[]api.FieldError{{Field: wireField(failure.Field), Code: failure.Code, Message: failure.Message}}
	}
	if problem.Title = titles[problem.Status]; problem.Title == "" {
		problem.Title = http.StatusText(problem.Status)
	}
	retryAfter := failure.RetryAfter
	if problem.Status == http.StatusServiceUnavailable && retryAfter == 0 {
		retryAfter = time.Second
	}
	if retryAfter > 0 {
		c.Header("Retry-After", strconv.Itoa(int((retryAfter+time.Second-1)/time.Second)))
	}
	_ = c.Error(err)
	c.Abort()
	if c.Writer.Written() {
		return
	}
	c.Header("Content-Type", "application/problem+json")
	c.JSON(problem.Status, problem)
}

// wireField translates the domain's name of a field into the contract's.
func wireField(field string) string {
	if named, ok := map[string]string{
		"display_name":                                 "name",
		"policies.session_idle_seconds":                "policies.session_idle_lifetime_seconds",
		"policies.session_absolute_seconds":            "policies.session_absolute_lifetime_seconds",
		"policies.remembered_session_idle_seconds":     "policies.remembered_session_idle_lifetime_seconds",
		"policies.remembered_session_absolute_seconds": "policies.remembered_session_absolute_lifetime_seconds",
	}[field]; ok {
		return named
	}
	if strings.Contains(field, "#") { // a member with a language tag
		return "localized." + strings.TrimPrefix(field, "localized.")
	}
	return strings.TrimPrefix(field, ".")
}
