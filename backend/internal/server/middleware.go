package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/reqctx"
)

// errorRenderer answers a request with an error in the form that fits the address: a page, OAuth JSON or
// problem details. Each group of routes sets its own.
type errorRenderer func(c *gin.Context, err error)

const rendererKey = "server.render_error"

func renderErrorsWith(render errorRenderer) gin.HandlerFunc {
	return func(c *gin.Context) { c.Set(rendererKey, render) }
}

var requestIDPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)

// facts notes who sent the request and gives it an id. A trusted proxy may bring the id, so that its log
// and ours tell of the same request.
func facts(proxies []netip.Prefix, certificateHeader string, timeout time.Duration) gin.HandlerFunc {
	return func(c *gin.Context) {
		request := reqctx.Request{Address: clientAddress(c.Request, proxies), UserAgent: clipped(c.GetHeader("User-Agent"), 256),
			BrandHint: clipped(c.GetHeader("Sec-CH-UA"), 256), PlatformHint: clipped(c.GetHeader("Sec-CH-UA-Platform"), 256),
			ClientCertificates: clientCertificates(c.Request, certificateHeader, proxies)}
		if brought := c.GetHeader("X-Request-Id"); brought != "" && requestIDPattern.MatchString(brought) && fromProxy(c.Request, proxies) {
			request.ID = brought
		} else {
			request.ID = strings.ReplaceAll(uuid.NewString(), "-", "")
		}
		c.Header("X-Request-Id", request.ID)
		ctx, cancel := context.WithTimeout(reqctx.With(c.Request.Context(), request), timeout)
		defer cancel()
		c.Request = c.Request.WithContext(ctx)
		c.Next()
	}
}

func fromProxy(r *http.Request, proxies []netip.Prefix) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && trusted(peer.Addr().Unmap().WithZone(""), proxies)
}

func clipped(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "")
	}
	return text
}

// accessLog writes one line a request, without personal data: no address, no query, no user agent. What
// went wrong on our side is logged here, once, with the cause that the answer does not show.
func accessLog(log *slog.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		began := time.Now()
		c.Next()
		attributes := make([]slog.Attr, 0, 8)
		attributes = append(attributes, slog.String("request_id", reqctx.From(c.Request.Context()).ID), slog.String("method", method(c.Request.Method)),
			slog.String("route", c.FullPath()), slog.Int("status", c.Writer.Status()), slog.Int64("microseconds", time.Since(began).Microseconds()))
		if slug := c.Param("org"); slug != "" {
			attributes = append(attributes, slog.String("organization", clipped(slug, 63)))
		}
		if named := c.Writer.Header().Get(oauth.InteractionHeader); named != "" {
			attributes = append(attributes, slog.String("interaction", named))
		}
		level := slog.LevelInfo
		if len(c.Errors) > 0 {
			attributes = append(attributes, slog.String("error", fault.Loggable(c.Errors.Last().Err)))
		}
		switch {
		case errors.Is(c.Request.Context().Err(), context.Canceled):
			attributes = append(attributes, slog.Bool("abandoned", true)) // by the caller: nobody read the answer, nothing is wrong
		case c.Writer.Status() >= http.StatusInternalServerError:
			level = slog.LevelError
		}
		if ctx := c.Request.Context(); log.Enabled(ctx, level) {
			record := slog.NewRecord(time.Now(), level, "request", 0) // the place in the program would always be this one
			record.AddAttrs(attributes...)
			_ = log.Handler().Handle(ctx, record)
		}
	}
}

// recoverPanics turns a panic into an internal error, in the form of the group of routes.
func recoverPanics(log *slog.Logger, fallback errorRenderer) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() {
			reason := recover()
			if reason == nil {
				return
			}
			if reason == http.ErrAbortHandler { //nolint:errorlint // a sentinel of net/http, panicked bare
				panic(reason)
			}
			log.ErrorContext(c.Request.Context(), "panic", "request_id", reqctx.From(c.Request.Context()).ID, "reason", fmt.Sprint(reason), "stack", string(debug.Stack()))
			if c.Writer.Written() {
				panic(http.ErrAbortHandler) // half an answer is worse than none
			}
			render, ok := c.MustGet(rendererKey).(errorRenderer)
			if !ok {
				render = fallback
			}
			render(c, fmt.Errorf("panic: %v", reason))
			c.Abort()
		}()
		c.Next()
	}
}

// strictTransport tells browsers to come to the public URL's host by https only (RFC 6797). Not to localhost: the
// policy would be for every port of it, and stop the applications that a developer runs there.
func strictTransport(publicURL string) gin.HandlerFunc {
	parsed, err := url.Parse(publicURL)
	strict := err == nil && parsed.Scheme == "https" && parsed.Hostname() != "localhost" && !strings.HasSuffix(parsed.Hostname(), ".localhost")
	lifetime, sniffing, referrer := []string{"max-age=31536000"}, []string{"nosniff"}, []string{"no-referrer"} // read only
	return func(c *gin.Context) {
		header := c.Writer.Header()
		if strict {
			header["Strict-Transport-Security"] = lifetime
		}
		header["X-Content-Type-Options"], header["Referrer-Policy"] = sniffing, referrer
	}
}

func renderError(c *gin.Context, err error) {
	c.MustGet(rendererKey).(errorRenderer)(c, err)
}

// notAllowed is the error for a method the address does not have.
var errMethodNotAllowed = fault.New(fault.Invalid, "method_not_allowed", "This address does not accept this method.")

// errNoSuchAddress is the error for an address that does not exist.
var errNoSuchAddress = fault.New(fault.NotFound, "page_not_found", "There is no page at this address.")
