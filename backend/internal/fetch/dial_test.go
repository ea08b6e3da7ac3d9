package fetch

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/clavex/clavex/backend/internal/fault"
)

// TestRefusedAddresses: whoever names an address hears the same whether it is private, mixed, or does not exist.
func TestRefusedAddresses(t *testing.T) {
	for name, host := range map[string]string{
		"loopback": "127.0.0.1", "IPv6 loopback": "[::1]", "private": "10.1.2.3", "link-local": "169.254.1.1", "cloud metadata": "169.254.169.254",
		"IPv4-mapped": "[::ffff:127.0.0.1]", "NAT64": "[64:ff9b::7f00:1]", "6to4": "[2002:7f00:1::]", "unspecified": "0.0.0.0", "multicast": "[ff02::1]",
		"a name of a private address": "private.example", "one public, one private": "mixed.example", "a private one behind a public one": "later.example",
		"no such name": "nowhere.example", "a name without addresses": "empty.example", "too many addresses": "many.example",
		"a number that resolvers take for an address": "2130706433", "an octal address": "0177.0.0.1", "localhost": "localhost",
	} {
		t.Run(name, func(t *testing.T) {
			options := Options{Lookup: names(map[string][]string{
				"private.example": {"192.168.0.1"}, "mixed.example": {"10.0.0.1", "1.1.1.1"}, "later.example": {"1.1.1.1", "fd00::1"}, "empty.example": {},
				"many.example": slices.Repeat([]string{"1.1.1.1"}, 33), "2130706433": {"127.0.0.1"}, "0177.0.0.1": {"127.0.0.1"}, "localhost": {"127.0.0.1", "::1"},
			})}
			client := New(options)
			reached := client.connections(t, options, "")
			_, err := client.Get(t.Context(), Request{URL: "https://" + host + "/keys"})
			want := refused(strings.Trim(host, "[]"), nil)
			if !errors.Is(err, ErrAddress) || fault.From(err).Message != fault.From(want).Message || len(*reached) != 0 {
				t.Errorf("%v, connected to %v", err, *reached)
			}
			_, err = client.Get(t.Context(), Request{URL: "http://" + host + "/keys"})
			if !errors.Is(err, ErrScheme) || fault.From(err).Message != ErrScheme.Message || len(*reached) != 0 {
				t.Errorf("plain http: %v, connected to %v", err, *reached)
			}
			if client.Count(Refused) != 2 {
				t.Error(client.Count(Refused))
			}
		})
	}
}

// TestTheJudgedAddressIsTheOneConnectedTo: a name server that answers differently the second time (rebinding) gains
// nothing, because there is no second time.
func TestTheJudgedAddressIsTheOneConnectedTo(t *testing.T) {
	server, roots := tlsServer(t, text(`{}`))
	var lookups atomic.Int32
	options := Options{Roots: roots, Lookup: func(context.Context, string, string) ([]netip.Addr, error) {
		if lookups.Add(1) == 1 {
			return []netip.Addr{netip.MustParseAddr("193.0.6.139")}, nil
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}}
	client := New(options)
	reached := client.connections(t, options, server.Listener.Addr().String())
	if _, err := client.Get(t.Context(), Request{URL: "https://example.com:8443/keys"}); err != nil {
		t.Fatal(err)
	}
	if lookups.Load() != 1 || !slices.Equal(*reached, []string{"193.0.6.139:8443"}) {
		t.Errorf("%d look-ups, connected to %v", lookups.Load(), *reached)
	}
	// The next request is judged anew.
	if _, err := client.Get(t.Context(), Request{URL: "https://example.com:8443/keys"}); !errors.Is(err, ErrAddress) {
		t.Error(err)
	}
}

func TestTheNextAddressIsTriedWhenOneDoesNotAnswer(t *testing.T) {
	server, roots := tlsServer(t, text(`{}`))
	options := Options{Roots: roots, Lookup: names(map[string][]string{"example.com": {"2606:4700::1111", "1.1.1.1"}})}
	client := New(options)
	d := newDialer(options)
	d.connect = func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasPrefix(address, "[") {
			return nil, errors.New("network is unreachable")
		}
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}
	client.transport.DialTLSContext = d.tls
	if _, err := client.Get(t.Context(), Request{URL: "https://example.com/"}); err != nil {
		t.Error(err)
	}
}
