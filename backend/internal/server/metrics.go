package server

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/logout"
	"github.com/clavex/clavex/backend/internal/oauth/token"
	"github.com/clavex/clavex/backend/internal/passwordhash"
	"github.com/clavex/clavex/backend/internal/store"
)

// metrics are what an operator watches. No label comes from a request's content: routes are templates.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	logins   *prometheus.CounterVec
	tokens   *prometheus.CounterVec
}

func newMetrics(db *store.Store, hashes *passwordhash.Hasher, fetches *fetch.Client, told *logout.BackChannel) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "clavex_http_request_duration_seconds", Help: "Time to answer a request, by route template and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}, []string{"method", "route", "status"}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "clavex_logins_total", Help: "Sign-ins by outcome."}, []string{"outcome"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "clavex_tokens_issued_total", Help: "Access tokens issued, by grant type."}, []string{"grant_type"}),
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	m.registry.MustRegister(m.requests, m.logins, m.tokens, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("clavex_password_hash_waiting", "Passwords waiting to be hashed.", func() float64 { return float64(hashes.Stats().Waiting) }),
		gauge("clavex_password_hash_running", "Passwords being hashed.", func() float64 { return float64(hashes.Stats().Running) }),
		gauge("clavex_database_connections_in_use", "Database connections in use.", func() float64 { return float64(db.Pool().Stat().AcquiredConns()) }),
		gauge("clavex_database_connections_open", "Database connections open.", func() float64 { return float64(db.Pool().Stat().TotalConns()) }),
		gauge("clavex_database_connections_limit", "Most database connections this replica opens.", func() float64 { return float64(db.Pool().Stat().MaxConns()) }),
	)
	for _, outcome := range fetch.Outcomes() {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "clavex_fetches_total", Help: "Requests to addresses of applications, by outcome.",
			ConstLabels: prometheus.Labels{"outcome": outcome.String()}}, func() float64 { return float64(fetches.Count(outcome)) }))
	}
	for _, scheme := range passwordhash.Schemes() {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "clavex_password_verifications_total", Help: "Passwords held against a hash, those of nobody included, by the scheme of the hash.",
			ConstLabels: prometheus.Labels{"scheme": string(scheme)}}, func() float64 { return float64(hashes.Verified(scheme)) }))
	}
	for _, outcome := range logout.Outcomes() {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "clavex_logout_deliveries_total", Help: "Attempts to tell an application of the end of a session, by outcome.",
			ConstLabels: prometheus.Labels{"outcome": outcome.String()}}, func() float64 { return float64(told.Count(outcome)) }))
	}
	return m
}

// observeTLS adds what is to be known when Clavex terminates TLS itself.
func (m *metrics) observeTLS(c *certificates, connections *connectionLog) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "clavex_tls_certificate_expiry_timestamp_seconds", Help: "When the TLS certificate in use expires, in seconds since 1970."},
			func() float64 { return float64(c.expiry().Unix()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "clavex_tls_certificate_reload_failures_total",
			Help: "Looks at the certificate's files that found a pair which cannot be used; it grows as long as that is so."}, func() float64 { return float64(c.failures.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "clavex_tls_handshake_failures_total", Help: "TLS handshakes that did not succeed."},
			func() float64 { return float64(connections.failedHandshakes.Load()) }),
	)
}

func (m *metrics) middleware(c *gin.Context) {
	began := time.Now()
	c.Next()
	route := c.FullPath()
	if route == "" {
		route = "unmatched"
	}
	m.requests.WithLabelValues(method(c.Request.Method), route, strconv.Itoa(c.Writer.Status())).Observe(time.Since(began).Seconds())
}

// countToken is a response hook of the token endpoint.
func (m *metrics) countToken(_ context.Context, issued *token.Issued, _ *token.Response) error {
	m.tokens.WithLabelValues(issued.GrantType).Inc()
	return nil
}

// method keeps invented methods from becoming labels.
func method(name string) string {
	switch name {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return name
	}
	return "other"
}

func (m *metrics) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}
