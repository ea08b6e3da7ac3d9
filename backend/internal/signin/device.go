package signin

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/device"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// Device serves GET and POST of the page on which a person types the code of another device (RFC 8628 §3.3). A code in
// the address fills the field in and is not looked up: whoever sent the link learns nothing, and its person still
// compares, signs in and decides.
func (s *SignIn) Device(c *gin.Context) {
	organization := oauth.Organization(c)
	browser, _ := s.browser(c, organization)
	if c.Request.Method != http.MethodPost {
		code := grant.NormalUserCode(c.Query("user_code"))
		if code != "" {
			code = grant.FormatUserCode(code)
		}
		s.showDevice(c, organization, browser, http.StatusOK, code, nil)
		return
	}
	form, err := oauth.ReadForm(c)
	if err == nil {
		err = s.checkForm(c, form, s.formToken(organization, browser, device.PathVerification))
	}
	if err != nil {
		s.Error(c, err)
		return
	}
	known, err := s.Sessions.HasSignedIn(c.Request.Context(), organization.ID, secret.Hash(browser))
	if err != nil {
		s.Error(c, err)
		return
	}
	required, err := s.Devices.Required(c.Request.Context(), organization, form.Get("user_code"), device.Guess{Browser: browser, Known: known})
	switch problem := fault.From(err); {
	case err == nil:
		s.Begin(c, required)
	case errors.Is(err, grant.ErrUserCodeUnknown):
		_ = c.Error(err)
		s.showDevice(c, organization, browser, http.StatusUnprocessableEntity, form.Get("user_code"), problem)
	case problem.Kind == fault.RateLimited:
		_ = c.Error(err)
		c.Header("Retry-After", retryAfter(problem.RetryAfter))
		s.showDevice(c, organization, browser, http.StatusTooManyRequests, form.Get("user_code"), problem)
	default:
		s.Error(c, err)
	}
}

func (s *SignIn) showDevice(c *gin.Context, organization *org.Organization, browser string, status int, code string, problem *fault.Error) {
	s.render(c, status, page.Device{Frame: s.frame(c, organization, nil), UserCode: code, Fault: problem,
		Form: page.Form{Action: path(organization, device.PathVerification), CSRFToken: s.formToken(organization, browser, device.PathVerification)}})
}

// DeviceAllowed and DeviceDenied serve the pages on which a visit because of another device ends.
func (s *SignIn) DeviceAllowed(c *gin.Context) { s.deviceDone(c, true) }

// DeviceDenied is described at DeviceAllowed.
func (s *SignIn) DeviceDenied(c *gin.Context) { s.deviceDone(c, false) }

func (s *SignIn) deviceDone(c *gin.Context, allowed bool) {
	s.render(c, http.StatusOK, page.Decided{Frame: s.frame(c, oauth.Organization(c), nil), Allowed: allowed})
}
