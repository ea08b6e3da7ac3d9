package server

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/admin"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/user"
)

// Fault 17: what somebody sent stands in the answer to them, where it helps, and not in the log.
func TestTheLogRepeatsNothingThatWasSent(t *testing.T) {
	t.Parallel()
	web := client.Client{Name: "Payroll", AuthenticationMethod: client.ClientSecretBasic, RedirectURIs: []string{callback}}
	contact, address := web, web
	contact.Contacts = []string{"ada at secret.test"}
	address.RedirectURIs = []string{"https://ada:secret@app.example.test/"}
	_, fetched := fetch.New(fetch.Options{}).Get(t.Context(), fetch.Request{URL: "http://127.0.0.1/?token=secret"})
	wire := func(err error) error {
		return oauth.NewError(oauth.CodeInvalidClientMetadata, err.Error()).WithCause(err)
	}
	for name, c := range map[string]struct {
		err    error
		answer func(*gin.Context, error)
		logged string
	}{
		"a contact, registered by the client":    {wire(contact.Complete()), oauth.WriteError, "contacts"},
		"a contact, registered in the Admin API": {contact.Complete(), admin.WriteProblem, "contacts"},
		"a password in a redirect URI":           {wire(address.Complete()), oauth.WriteError, "redirect_uris"},
		"an address that was fetched":            {wire(fetched), oauth.WriteError, "fetch_"},
		"a taken e-mail address":                 {user.ErrUsernameTaken.WithMessage("ada@secret.test is taken."), admin.WriteProblem, "username_taken"},
		"what is wrong on our side":              {errors.New("the disk is full"), admin.WriteProblem, "the disk is full"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			router := gin.New()
			router.Use(accessLog(slog.New(slog.NewJSONHandler(&log, nil))))
			router.GET("/", func(g *gin.Context) { c.answer(g, c.err) })
			router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/?token=secret", nil))
			if text := log.String(); c.err == nil || !strings.Contains(text, c.logged) || strings.Contains(text, "secret") {
				t.Errorf("logged %s", text)
			}
		})
	}
}
