package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/clavex/clavex/backend/internal/config"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/kv"
)

const checkPatience = 8 * time.Second

// checkSecretFiles looks at who may read the files that secrets come from. A group may: that is how
// orchestrators hand them over. That everybody may read one is a warning: in a container nobody else is.
func (e *examination) checkSecretFiles() {
	for _, field := range config.Fields() {
		variable := field.Environment() + "_FILE"
		for _, entry := range e.source.Environ {
			if path, ok := strings.CutPrefix(entry, variable+"="); ok && field.Secret {
				e.checkSecretFile(variable, path)
			}
		}
		_, given := e.source.Flags[field.Name]
		if given && field.Secret {
			e.warn("secrets", "--"+field.Flag()+" stands in the process list, where everybody on this machine reads it", "use "+variable)
		}
	}
	inFile := settingsInFile(e.source.File)
	if slices.ContainsFunc(config.Fields(), func(field config.Field) bool { return field.Secret && inFile[field.Name] != nil }) {
		e.checkSecretFile("--config", e.source.File)
	}
}

func (e *examination) checkSecretFile(name, path string) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		e.problem("secret files", fmt.Sprintf("%s: %s cannot be read: %s", name, path, errors.Unwrap(err)), "check path and owner")
	case info.Mode().Perm()&0o002 != 0:
		e.problem("secret files", fmt.Sprintf("%s: everybody may change %s (%s)", name, path, info.Mode().Perm()), "chmod o-rwx,g-w "+path)
	case info.Mode().Perm()&0o025 != 0:
		e.warn("secret files", fmt.Sprintf("%s: others may read or change %s (%s)", name, path, info.Mode().Perm()), "chmod o-rwx,g-w "+path)
	default:
		e.ok("secret files", "%s: %s is private (%s)", name, path, info.Mode().Perm())
	}
}

// checkProxies warns when everybody seems to come from one address: damping of guesses goes by addresses.
func (e *examination) checkProxies() {
	host, _, err := net.SplitHostPort(e.cfg.Listen)
	if err != nil || e.cfg.TerminatesTLS() || !strings.HasPrefix(e.cfg.PublicURL, "https://") || len(e.cfg.TrustedProxies) > 0 {
		return
	}
	where := "something terminates TLS in front of " + e.cfg.Listen
	if address, err := netip.ParseAddr(host); err == nil && address.IsLoopback() {
		where = "a proxy on this machine terminates TLS"
	}
	e.warn("trusted proxies", where+", but trusted_proxies is empty: everybody seems to come from the proxy's address", "set trusted_proxies to the proxy's address or network")
}

// checkPorts looks whether the addresses can be listened on, or Clavex does already.
func (e *examination) checkPorts(ctx context.Context) {
	for _, address := range []struct{ name, value, probe string }{{"listen", e.cfg.Listen, "/healthz"}, {"metrics_listen", e.cfg.MetricsListen, "/metrics"}} {
		if address.value == "off" {
			e.ok("ports", "%s is off", address.name)
			continue
		}
		err := tryListen("tcp", address.value)
		switch {
		case err == nil:
			e.ok("ports", "%s %s is free", address.name, address.value)
		case errors.Is(err, syscall.EADDRINUSE) && e.isClavex(ctx, address.value, address.probe):
			e.ok("ports", "%s: Clavex is serving at %s", address.name, address.value)
		case errors.Is(err, syscall.EADDRINUSE):
			e.problem("ports", fmt.Sprintf("%s %s is taken by another program", address.name, address.value), "stop that program, or choose another address")
		case errors.Is(err, os.ErrPermission):
			e.problem("ports", fmt.Sprintf("%s %s needs more rights than this user has", address.name, address.value), "choose a port above 1023 and let a proxy listen on 443")
		default:
			e.problem("ports", fmt.Sprintf("%s %s: %s", address.name, address.value, err), "choose an address of this machine")
		}
	}
}

// isClavex asks whoever listens at the address.
func (e *examination) isClavex(ctx context.Context, address, path string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if parsed, err := netip.ParseAddr(host); host == "" || err == nil && parsed.IsUnspecified() {
		host = "localhost"
	}
	asker, scheme := http.DefaultClient, "http://"
	if e.cfg.TerminatesTLS() && path == "/healthz" {
		asker, scheme = e.trusting(), "https://"
	}
	status, body, err := fetch(ctx, asker, scheme+net.JoinHostPort(host, port)+path)
	return err == nil && status == http.StatusOK && (body == "ok\n" || strings.Contains(body, "clavex_"))
}

func fetch(ctx context.Context, asker *http.Client, address string) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, "", err
	}
	response, err := asker.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, string(content), err
}

func (e *examination) checkPublicURL(ctx context.Context) {
	status, body, err := fetch(ctx, http.DefaultClient, e.cfg.PublicURL+"/healthz")
	switch {
	case err != nil:
		e.problem("public url", fmt.Sprintf("%s cannot be reached from here: %s", e.cfg.PublicURL, err), "check name, certificate and proxy; a machine that cannot reach its own public name is no fault")
	case status != http.StatusOK || body != "ok\n":
		e.problem("public url", fmt.Sprintf("%s/healthz answers %d, and not as Clavex does", e.cfg.PublicURL, status), "let the proxy hand over every path unchanged")
	default:
		e.ok("public url", "%s answers", e.cfg.PublicURL)
	}
}

// checkRedis opens Redis as serve would, which refuses one that could not keep its word.
func (e *examination) checkRedis(ctx context.Context) {
	if e.cfg.RedisURL == "" {
		e.ok("redis", "not used; short-lived state lives in PostgreSQL")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	redis, err := kv.OpenRedis(ctx, e.cfg.RedisURL, rand.Reader)
	if err != nil {
		e.problem("redis", sentence(err), redisAdvice(err))
		return
	}
	defer redis.Close()
	latency, err := fastest(func() error { return redis.Ping(ctx) })
	if err != nil {
		e.problem("redis", sentence(err), redisAdvice(err))
		return
	}
	e.judgeLatency("redis", "reachable, at least 6.2, evicts nothing", latency)
}

func redisAdvice(err error) string {
	if fault.IsKind(err, fault.Unavailable) {
		return "check address, password and network"
	}
	return "Redis 6.2 or newer with maxmemory-policy noeviction"
}

// fastest repeats a probe and returns its shortest time, which is the network's and not the moment's.
func fastest(probe func() error) (time.Duration, error) {
	var times []time.Duration
	for range 5 {
		began := time.Now()
		if err := probe(); err != nil {
			return 0, err
		}
		times = append(times, time.Since(began))
	}
	return slices.Min(times), nil
}

const slowRoundTrip = 5 * time.Millisecond

func (e *examination) judgeLatency(check, found string, latency time.Duration) {
	found += ", " + latency.Round(10*time.Microsecond).String() + " away"
	if latency > slowRoundTrip {
		e.warn(check, found, "every sign-in makes several round trips; run it nearer to Clavex")
		return
	}
	e.ok(check, "%s", found)
}
