// Package reqctx carries the facts of the current request through a context: who sent it, from
// where, under which request id. It holds values only; the server's middleware fills them once and
// domain packages read them for audit events and logs. Transactions and principals do not travel
// here: they are passed explicitly.
package reqctx

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/netip"
)

// Request is what is known of the current request.
type Request struct {
	ID        string     // unique per request, shown on error pages and in logs
	Address   netip.Addr // the client's address after trusted proxies were peeled off; zero when unknown
	UserAgent string     // at most 256 bytes, valid UTF-8

	// BrandHint and PlatformHint are what browsers say beside it, in Sec-CH-UA and Sec-CH-UA-Platform (User-Agent Client Hints
	// §3), likewise.
	BrandHint, PlatformHint string

	// ClientCertificates are what the client sent when the TLS connection was made, its own first, whose private key it
	// has shown to hold; nothing else about them was checked. Empty when it sent none.
	ClientCertificates []*x509.Certificate
}

type contextKey struct{}

// With returns a context that carries the request's facts.
func With(ctx context.Context, request Request) context.Context {
	return context.WithValue(ctx, contextKey{}, request)
}

// Network names what one stranger can use at will, so that what is counted per network is not counted anew
// for each of somebody's addresses: an IPv4 address, an IPv6 /64. It is "unknown" for no address.
func Network(address netip.Addr) string { return network(address, 32, 64) }

// WideNetwork is Network for what has to cost a stranger more to change: an IPv4 /24, an IPv6 /48, which is what one
// customer gets at most without asking.
func WideNetwork(address netip.Addr) string { return network(address, 24, 48) }

func network(address netip.Addr, bits4, bits6 int) string {
	address = address.Unmap().WithZone("")
	bits := bits4
	switch {
	case !address.IsValid():
		return "unknown"
	case address.Is6():
		bits = bits6
	}
	prefix, _ := address.Prefix(bits) // fails for more bits than an address has only
	if prefix.IsSingleIP() {
		return address.String()
	}
	return prefix.String()
}

// From returns the request's facts, or the zero value outside a request (a job, the CLI).
func From(ctx context.Context) Request {
	request, _ := ctx.Value(contextKey{}).(Request)
	return request
}

type askedKey struct{}

// asked is the address that was asked, where it is not below the one that all organizations share.
type asked struct {
	domain, path string
	alias        bool
}

// WithDomain returns a context of a request that came to a host of an organization's own; path is the escaped path that was
// asked for there.
func WithDomain(ctx context.Context, domain, path string) context.Context {
	return context.WithValue(ctx, askedKey{}, asked{domain: domain, path: path})
}

// WithAlias is WithDomain for a request that came to another host, and named the organization's own in its path.
func WithAlias(ctx context.Context, domain, path string) context.Context {
	return context.WithValue(ctx, askedKey{}, asked{domain: domain, path: path, alias: true})
}

// Host is the organization's own host that the connection was made to; "" for one of the server's.
func Host(ctx context.Context) string {
	at, _ := ctx.Value(askedKey{}).(asked)
	if at.alias {
		return ""
	}
	return at.domain
}

// Domain is the host of an organization's own that a request is for; "" for the address that all share.
func Domain(ctx context.Context) string {
	at, _ := ctx.Value(askedKey{}).(asked)
	return at.domain
}

// Path is the escaped path that was asked for.
func Path(r *http.Request) string {
	if at, ok := r.Context().Value(askedKey{}).(asked); ok {
		return at.path
	}
	return r.URL.EscapedPath()
}
