package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

const (
	perAddress       = 2 * time.Second // to connect to one of a host's addresses
	maximumAddresses = 32              // of a host; more are no host but an attempt to keep us busy
)

// dialer connects to judged addresses only.
type dialer struct {
	allowed []netip.Prefix
	tlsBase *tls.Config
	lookup  func(ctx context.Context, network, host string) ([]netip.Addr, error)
	connect func(ctx context.Context, network, address string) (net.Conn, error) // address is an IP literal
}

func newDialer(options Options) *dialer {
	direct := &net.Dialer{Timeout: perAddress, KeepAlive: -1}
	d := &dialer{allowed: options.AllowedNetworks, lookup: options.Lookup, connect: direct.DialContext,
		tlsBase: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: options.Roots}}
	if d.lookup == nil {
		d.lookup = net.DefaultResolver.LookupNetIP
	}
	return d
}

// plain connects without TLS, to allowed networks only. Everything else hears that https is needed, whether its
// name exists or not.
func (d *dialer) plain(ctx context.Context, network, hostPort string) (net.Conn, error) {
	if len(d.allowed) == 0 {
		return nil, ErrScheme
	}
	return d.dial(ctx, network, hostPort, func(_ string, cause error) error { return ErrScheme.WithCause(cause) },
		func(address netip.Addr) bool {
			allowed, _ := permitted(address, d.allowed)
			return allowed
		})
}

// tls connects and verifies the certificate against the host's name.
func (d *dialer) tls(ctx context.Context, network, hostPort string) (net.Conn, error) {
	raw, err := d.dial(ctx, network, hostPort, refused, func(address netip.Addr) bool {
		_, acceptable := permitted(address, d.allowed)
		return acceptable
	})
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(hostPort) // dial could
	config := d.tlsBase.Clone()
	config.ServerName = host
	connection := tls.Client(raw, config)
	if err := connection.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return connection, nil
}

// Dial connects to a host that others named, for protocols other than HTTP: as for documents, its addresses are judged,
// and the connection goes to one that was. address is host:port. Whoever calls protects the connection by TLS and bounds
// its time.
func (c *Client) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := newDialer(c.options)
	return dialer.dial(ctx, network, address, refused, func(found netip.Addr) bool {
		_, acceptable := permitted(found, dialer.allowed)
		return acceptable
	})
}

// dial resolves the host once, judges all of its addresses, and connects to the first that answers.
func (d *dialer) dial(ctx context.Context, network, hostPort string, refuse func(host string, cause error) error, fits func(netip.Addr) bool) (net.Conn, error) {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, ErrURL.WithCause(err)
	}
	addresses, err := d.resolve(ctx, host)
	if err != nil {
		var unresolved *net.DNSError
		if errors.As(err, &unresolved) && unresolved.IsNotFound {
			return nil, refuse(host, err)
		}
		return nil, err
	}
	if len(addresses) == 0 || len(addresses) > maximumAddresses {
		return nil, refuse(host, fmt.Errorf("%d addresses", len(addresses)))
	}
	for _, address := range addresses {
		if !fits(address) {
			return nil, refuse(host, fmt.Errorf("the address %s", address))
		}
	}
	var failures []error
	for _, address := range addresses {
		connection, err := d.connect(ctx, network, net.JoinHostPort(address.Unmap().String(), port))
		if err == nil {
			return connection, nil
		}
		if failures = append(failures, err); ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(failures...)
}

func (d *dialer) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if literal, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{literal}, nil
	}
	return d.lookup(ctx, "ip", host)
}
