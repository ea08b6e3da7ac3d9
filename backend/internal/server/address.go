package server

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/clavex/clavex/backend/internal/client"
)

// clientAddress is where a request comes from. X-Forwarded-For is believed only as far as configured
// proxies wrote it: from the right, the first address that is not one of theirs. Everything further left
// is what a stranger claims.
func clientAddress(r *http.Request, proxies []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{} // a Unix socket
	}
	address := peer.Addr().Unmap().WithZone("")
	if !trusted(address, proxies) {
		return address
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		claimed, err := netip.ParseAddr(hop)
		if err != nil {
			withPort, err := netip.ParseAddrPort(hop)
			if err != nil {
				return address // nonsense: whoever wrote it is as far as we know
			}
			claimed = withPort.Addr()
		}
		address = claimed.Unmap().WithZone("")
		if !trusted(address, proxies) {
			return address
		}
	}
	return address
}

func trusted(address netip.Addr, proxies []netip.Prefix) bool {
	return slices.ContainsFunc(proxies, func(network netip.Prefix) bool { return network.Contains(address) })
}

// ownMachine reports whether the network is this very machine and Clavex is reached there only, for development: then
// documents may come from there that anybody may name.
func (a *App) ownMachine(network netip.Prefix) bool {
	public, err := url.Parse(a.Config.PublicURL)
	return err == nil && client.IsLoopback(public) && network.Masked().Addr().IsLoopback()
}
