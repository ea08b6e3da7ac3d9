// Package dnslookup asks the domain name system.
package dnslookup

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/clavex/clavex/backend/internal/fault"
)

// ErrUnavailable says that no name server answered.
var ErrUnavailable = fault.New(fault.Unavailable, "dns_unavailable", "The name servers did not answer. Try again in a moment.")

// timeout is how long an answer may take.
const timeout = 5 * time.Second

// Resolver asks name servers. It is safe for concurrent use.
type Resolver struct{ resolver *net.Resolver }

// New makes a resolver that asks a name server, host and port; "" asks those of the machine.
func New(server string) *Resolver {
	resolver := &net.Resolver{}
	if server != "" {
		resolver.PreferGo = true
		resolver.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, server)
		}
	}
	return &Resolver{resolver}
}

// TXT returns the TXT records of a name (RFC 1035 §3.3.14), each in one piece; none when the name has none, or does not exist.
// ErrUnavailable.
func (r *Resolver) TXT(ctx context.Context, name string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	records, err := r.resolver.LookupTXT(ctx, name+".") // absolute: no search domain of this machine is tried
	var failed *net.DNSError
	switch {
	case errors.As(err, &failed) && failed.IsNotFound:
		return nil, nil
	case err != nil:
		return nil, ErrUnavailable.WithCause(err)
	}
	return records, nil
}
