package web

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/web/asset"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// Pages renders hosted pages. It is safe for concurrent use.
type Pages struct {
	random io.Reader
}

// NewPages makes a renderer that draws nonces from random; nil means crypto/rand.
func NewPages(random io.Reader) *Pages {
	if random == nil {
		random = rand.Reader
	}
	return &Pages{random: random}
}

// Render answers with a page. leadsTo names the addresses outside this host to which a form
// of the page may lead, directly (response_mode=form_post) or by a redirect in answer to
// it: the client's registered redirect URI for every page of a sign-in, the post-logout
// address for a logout. They must be validated; they open form-action in the page's policy.
//
// The page is built in memory first: when it fails, nothing was written and the error is
// the caller's to answer and log.
func (p *Pages) Render(c *gin.Context, status int, page templ.Component, leadsTo ...string) error {
	return p.render(c, status, page, leadsTo, nil)
}

func (p *Pages) render(c *gin.Context, status int, page templ.Component, leadsTo, framed []string) error {
	nonce, err := p.nonce()
	if err != nil {
		return err
	}
	var body bytes.Buffer
	if err := page.Render(templ.WithNonce(c.Request.Context(), nonce), &body); err != nil {
		return fmt.Errorf("render page: %w", err)
	}
	header := c.Writer.Header()
	header.Set("Content-Security-Policy", policy(nonce, sources(leadsTo), sources(framed)))
	setHeaders(header)
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	c.Status(status)
	c.Writer.WriteHeaderNow()
	if c.Request.Method != http.MethodHead {
		// An error here is the browser going away.
		_, _ = c.Writer.Write(body.Bytes())
	}
	return nil
}

// SeeOther answers a form with a redirect that turns into GET (RFC 9700 §4.12 asks for 303
// where credentials were posted), with the headers of a page.
func (p *Pages) SeeOther(c *gin.Context, location string) {
	setHeaders(c.Writer.Header())
	c.Redirect(http.StatusSeeOther, location)
}

// Leave sends the browser on to an application's address, after a form or without one.
//
// Chromium applies a page's form-action to every redirect that follows its form, also to
// those that the application makes from its callback to a host that nobody registered, and
// then blocks the whole journey. A browser that posted a form is therefore answered with a
// page that moves on by itself: the same number of round trips, but a new journey. Whoever
// is no such browser (Fetch Metadata tells), a native application's address, and a GET get
// a plain 303.
func (p *Pages) Leave(c *gin.Context, view page.Leaving) error {
	request := c.Request
	web := strings.HasPrefix(view.URL, "https://") || strings.HasPrefix(view.URL, "http://")
	if request.Method == http.MethodPost && request.Header.Get("Sec-Fetch-Dest") == "document" && web {
		c.Header("Refresh", "0;url="+view.URL) // HTML Standard, "The `Refresh` header"
		err := p.Render(c, http.StatusOK, view)
		if err != nil {
			c.Writer.Header().Del("Refresh")
		}
		return err
	}
	p.SeeOther(c, view.URL)
	return nil
}

// framesWithin is how long a page waits for the applications it opens in frames.
const framesWithin = 3 * time.Second

// LoggedOut shows that a session has ended and opens, in frames that nobody sees, the
// addresses at which applications want to hear of it; they must be validated. With a
// ContinueURL it moves on when all have answered or had their time: by script, or by itself
// where none runs.
func (p *Pages) LoggedOut(c *gin.Context, view page.LoggedOut) error {
	if len(view.Frames) > 0 && view.ContinueURL != "" {
		c.Header("Refresh", strconv.Itoa(int(framesWithin/time.Second))+";url="+view.ContinueURL)
	}
	err := p.render(c, http.StatusOK, view, nil, view.Frames)
	if err != nil {
		c.Writer.Header().Del("Refresh")
	}
	return err
}

// setHeaders is what every answer of the hosted pages carries. A page holds a person's name
// and one-time values, so nothing keeps it; and it must never be compressed together with
// what an attacker can choose, so it asks proxies not to transform it.
//
// Referrer-Policy is not no-referrer, because a form would then be sent with "Origin: null"
// (Fetch §3.2, append a request Origin header) and no handler could check where it came
// from. Cross-Origin-Opener-Policy is left out on purpose: it would cut the tie to an
// application that signs people in by a popup, for good, even after the way back.
func setHeaders(header http.Header) {
	header.Set("Cache-Control", "no-store, no-transform")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
}

// nonce is 128 random bits, fresh for each page.
func (p *Pages) nonce() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(p.random, b[:]); err != nil {
		return "", fmt.Errorf("draw nonce: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// Assets serves the static files of the hosted pages; route it at asset.Prefix + "*path".
func Assets() gin.HandlerFunc {
	return gin.WrapH(asset.Handler())
}
