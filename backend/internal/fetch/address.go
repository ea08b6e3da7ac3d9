package fetch

import "net/netip"

// notPublic are the blocks of the IANA special-purpose address registries that are not meant to be reached from
// elsewhere (RFC 6890 and its successors), and what is not a host at all. Of IPv6 only 2000::/3 is in use.
var notPublic = prefixes(
	"0.0.0.0/8",       // this network
	"10.0.0.0/8",      // private (RFC 1918)
	"100.64.0.0/10",   // carriers' NAT (RFC 6598)
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // relays of 6to4
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, broadcast
	"2001::/23",       // protocol assignments: Teredo, which embeds IPv4, among them
	"2001:db8::/32",   // documentation
	"2002::/16",       // 6to4, which embeds IPv4
	"3fff::/20",       // documentation (RFC 9637)
)

// never are refused even inside an allowed network: what is not a host, and where clouds hand out the credentials
// of the machine that asks.
var never = prefixes(
	"0.0.0.0/32", "::/128", "224.0.0.0/4", "ff00::/8", "255.255.255.255/32",
	"169.254.169.254/32", "169.254.170.2/32", "169.254.170.23/32", // most clouds; Amazon's containers
	"fd00:ec2::254/128", "fd00:ec2::23/128", "fd20:ce::254/128", // the same over IPv6; Google
	"100.100.100.200/32", // Alibaba
	"192.0.0.192/32",     // Oracle
	"168.63.129.16/32",   // Azure, by a public address
)

var (
	globalUnicast = netip.MustParsePrefix("2000::/3")
	nat64         = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052 §2.1
)

func prefixes(texts ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		parsed[i] = netip.MustParsePrefix(text)
	}
	return parsed
}

// effective returns the address that packets reach in the end: the IPv4 address inside a mapped one and inside one
// of a NAT64, which networks without IPv4 synthesize for every name.
func effective(address netip.Addr) netip.Addr {
	address = address.Unmap()
	if nat64.Contains(address) {
		bytes := address.As16()
		return netip.AddrFrom4([4]byte(bytes[12:]))
	}
	return address
}

// permitted judges an address: allowed when it lies in one of the networks, acceptable when it is allowed or public.
func permitted(address netip.Addr, networks []netip.Prefix) (allowed, acceptable bool) {
	if !address.IsValid() || address.Zone() != "" {
		return false, false
	}
	address = effective(address)
	if contains(never, address) {
		return false, false
	}
	if contains(networks, address) {
		return true, true
	}
	return false, (address.Is4() || globalUnicast.Contains(address)) && !contains(notPublic, address)
}

func contains(networks []netip.Prefix, address netip.Addr) bool {
	for _, network := range networks {
		if network.Contains(address) {
			return true
		}
	}
	return false
}
