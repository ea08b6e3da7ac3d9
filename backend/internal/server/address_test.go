package server

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestClientAddressBelievesOnlyConfiguredProxies(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	cases := []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"no proxy", "203.0.113.9:1234", nil, "203.0.113.9"},
		{"a stranger's header is nothing", "203.0.113.9:1234", []string{"198.51.100.1"}, "203.0.113.9"},
		{"a proxy's header", "10.1.2.3:1234", []string{"198.51.100.1"}, "198.51.100.1"},
		{"what stands left of the client is the client's own claim", "10.1.2.3:1234", []string{"127.0.0.1, 198.51.100.1"}, "198.51.100.1"},
		{"two proxies", "10.1.2.3:1234", []string{"198.51.100.1, 10.9.9.9"}, "198.51.100.1"},
		{"two header lines", "10.1.2.3:1234", []string{"198.51.100.7", "198.51.100.1"}, "198.51.100.1"},
		{"nonsense", "10.1.2.3:1234", []string{"198.51.100.1, unknown"}, "10.1.2.3"},
		{"with a port", "10.1.2.3:1234", []string{"198.51.100.1:443"}, "198.51.100.1"},
		{"IPv6", "[fd00::1]:1234", []string{"2001:db8::1"}, "2001:db8::1"},
		{"mapped IPv4 is IPv4", "[::ffff:10.1.2.3]:1234", []string{"198.51.100.1"}, "198.51.100.1"},
		{"no header from a proxy", "10.1.2.3:1234", nil, "10.1.2.3"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.forwarded}}
			if got := clientAddress(r, proxies); got.String() != c.want {
				t.Fatalf("got %s, want %s", got, c.want)
			}
		})
	}
}
