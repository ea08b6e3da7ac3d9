package oauth

import (
	"errors"
	"net/http"
	"time"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/grant"
)

// Error codes of RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 7591 §3.2.2 and OpenID
// Connect Core 1.0 §3.1.2.6.
const (
	CodeInvalidRequest          = "invalid_request"
	CodeInvalidClient           = "invalid_client"
	CodeInvalidGrant            = "invalid_grant"
	CodeUnauthorizedClient      = "unauthorized_client"
	CodeUnsupportedGrantType    = "unsupported_grant_type"
	CodeUnsupportedResponseType = "unsupported_response_type"
	CodeInvalidScope            = "invalid_scope"
	// OpenID Connect Core Error Code unmet_authentication_requirements 1.0
	CodeUnmetAuthenticationRequirements = "unmet_authentication_requirements"
	CodeAccessDenied                    = "access_denied"
	CodeServerError                     = "server_error"
	CodeTemporarilyUnavailable          = "temporarily_unavailable"
	CodeInvalidToken                    = "invalid_token"
	CodeInsufficientScope               = "insufficient_scope"
	CodeInvalidRedirectURI              = "invalid_redirect_uri"
	CodeInvalidClientMetadata           = "invalid_client_metadata"
	CodeLoginRequired                   = "login_required"
	CodeConsentRequired                 = "consent_required"
	CodeInteractionRequired             = "interaction_required"
	CodeAccountSelectionRequired        = "account_selection_required"
	CodeInvalidRequestObject            = "invalid_request_object"
	CodeInvalidRequestURI               = "invalid_request_uri"
	CodeRegistrationNotSupported        = "registration_not_supported"
	CodeInvalidDPoPProof                = "invalid_dpop_proof" // RFC 9449 §5
	CodeUseDPoPNonce                    = "use_dpop_nonce"     // RFC 9449 §8
	// RFC 8628 §3.5
	CodeAuthorizationPending        = "authorization_pending"
	CodeSlowDown                    = "slow_down"
	CodeExpiredToken                = "expired_token"
	CodeInvalidTarget               = "invalid_target"                // RFC 8707 §2
	CodeInvalidAuthorizationDetails = "invalid_authorization_details" // RFC 9396 §5
)

// The authentication schemes of a challenge (RFC 9110 §11.6.1).
const (
	SchemeBasic  = "Basic"
	SchemeBearer = "Bearer"
	SchemeDPoP   = "DPoP"

	schemeEither = "Bearer or DPoP" // two challenges, one for each
)

// Error is an error on the wire. Values are immutable once returned.
type Error struct {
	Code        string // "" only for a bare challenge (RFC 6750 §3.1, last paragraph)
	Description string // shown to developers; ASCII without quotes and backslashes
	Status      int    // HTTP status where the error is answered directly
	Scheme      string // of the WWW-Authenticate challenge; "" for none
	Scope       string // needed scope, for insufficient_scope
	Nonce       string // of the header DPoP-Nonce; "" for none
	Challenge   string // of the header OAuth-Client-Attestation-Challenge; "" for none

	// ResourceMetadata is the address of the metadata of the protected resource that challenges; "" for none.
	ResourceMetadata string
	RetryAfter       time.Duration // 0: no Retry-After
	cause            error
}

// NewError makes an error with the status 400.
func NewError(code, description string) *Error {
	return &Error{Code: code, Description: describable(description), Status: http.StatusBadRequest}
}

// InvalidRequest is the error for a malformed request.
func InvalidRequest(description string) *Error { return NewError(CodeInvalidRequest, description) }

// InvalidGrant is the error for a code, refresh token or other grant that is not good (RFC 6749 §5.2).
func InvalidGrant(description string) *Error { return NewError(CodeInvalidGrant, description) }

// InvalidToken is the error of a protected resource for a token that is not good. The reason stays in the
// log: whoever found a token learns nothing about it.
func InvalidToken(cause error) *Error {
	e := NewError(CodeInvalidToken, "The access token is not valid: it is malformed, expired, revoked or meant for somebody else.")
	e.Status, e.Scheme, e.cause = http.StatusUnauthorized, SchemeBearer, cause
	return e
}

// InsufficientScope is the error of a protected resource that needs another scope (RFC 6750 §3.1).
func InsufficientScope(scope string) *Error {
	e := NewError(CodeInsufficientScope, "The access token does not have the scope that is needed here.")
	e.Status, e.Scheme, e.Scope = http.StatusForbidden, SchemeBearer, scope
	return e
}

func (e *Error) withStatus(status int) *Error {
	copied := *e
	copied.Status = status
	return &copied
}

// WithStatus returns a copy with another HTTP status.
func (e *Error) WithStatus(status int) *Error { return e.withStatus(status) }

// WithCause returns a copy with a cause for the log.
func (e *Error) WithCause(cause error) *Error {
	copied := *e
	copied.cause = cause
	return &copied
}

// Error implements error; the text is for people at a terminal. For logs there is Loggable.
func (e *Error) Error() string {
	text := "oauth: " + e.Code + ": " + e.Description
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Loggable implements what fault.Loggable asks for: the cause says more than the description, which may repeat what
// was sent.
func (e *Error) Loggable() string {
	if e.cause == nil {
		return "oauth: " + e.Code + ": " + e.Description
	}
	return "oauth: " + e.Code + ": " + fault.Loggable(e.cause)
}

// Unwrap returns the hidden cause.
func (e *Error) Unwrap() error { return e.cause }

// FromFault returns what err looks like on the wire: itself when it is or wraps an *Error, otherwise the
// OAuth error for the kind of fault. Everything unknown is server_error without detail.
func FromFault(err error) *Error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	failure := fault.From(err)
	for _, refused := range []*fault.Error{grant.ErrCodeInvalid, grant.ErrCodeReused, grant.ErrRefreshInvalid, grant.ErrRefreshReused} {
		if errors.Is(failure, refused) {
			return InvalidGrant(failure.Message).WithCause(err)
		}
	}
	if errors.Is(failure, grant.ErrScopeTooWide) {
		return NewError(CodeInvalidScope, failure.Message).WithCause(err)
	}
	code, status := wire(failure.Kind)
	answer := NewError(code, failure.Message)
	answer.Status, answer.RetryAfter, answer.cause = status, failure.RetryAfter, err
	if failure.Kind == fault.Unavailable && answer.RetryAfter == 0 {
		answer.RetryAfter = time.Second
	}
	return answer
}

func wire(kind fault.Kind) (code string, status int) {
	switch kind {
	case fault.Invalid:
		return CodeInvalidRequest, http.StatusBadRequest
	case fault.Unauthenticated:
		return CodeAccessDenied, http.StatusUnauthorized
	case fault.Forbidden:
		return CodeAccessDenied, http.StatusForbidden
	case fault.NotFound:
		return CodeInvalidRequest, http.StatusNotFound
	case fault.Conflict:
		return CodeInvalidRequest, http.StatusConflict
	case fault.PreconditionFailed:
		return CodeInvalidRequest, http.StatusPreconditionFailed
	case fault.TooLarge:
		return CodeInvalidRequest, http.StatusRequestEntityTooLarge
	case fault.RateLimited:
		return CodeTemporarilyUnavailable, http.StatusTooManyRequests
	case fault.Unavailable:
		return CodeTemporarilyUnavailable, http.StatusServiceUnavailable
	default:
		return CodeServerError, http.StatusInternalServerError
	}
}
