package server

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
)

// health answers the probes of an orchestrator. A replica that was ready stays ready through a database
// outage: taking every replica out at once would only turn 503s with Retry-After into refused connections.
type health struct {
	app      *App
	started  atomic.Bool // the schema was seen to be new enough
	draining atomic.Bool
}

// alive says that the process answers.
func (h *health) alive(c *gin.Context) { c.String(http.StatusOK, "ok\n") }

// ready says that requests should be sent here: the schema is at least what this release needs, and it is
// not stopping.
func (h *health) ready(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	switch {
	case h.draining.Load():
		c.String(http.StatusServiceUnavailable, "stopping\n")
	case h.started.Load() || h.check(c.Request.Context()):
		c.String(http.StatusOK, "ready\n")
	default:
		c.Header("Retry-After", "2")
		c.String(http.StatusServiceUnavailable, "the database is away or its schema is older than this release\n")
	}
}

func (h *health) check(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	applied, needed, err := h.app.Store.SchemaVersion(ctx)
	if err != nil || applied < needed {
		return false
	}
	h.started.Store(true)
	return true
}
