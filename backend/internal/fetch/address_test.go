package fetch

import (
	"net/netip"
	"testing"
)

func TestPermitted(t *testing.T) {
	networks := prefixes("10.20.0.0/16", "fd12::/16", "127.0.0.0/8", "::1/128", "100.64.0.0/10", "169.254.0.0/16", "192.0.0.0/24", "168.63.129.0/24", "224.0.0.0/8")
	for address, want := range map[string]struct{ public, allowed bool }{
		"1.1.1.1": {true, false}, "193.0.6.139": {true, false}, "2001:67c:2e8:22::c100:68b": {true, false}, "2606:4700::1111": {true, false},
		// loopback, private, carriers', link-local, this network
		"127.0.0.1": {false, true}, "127.255.255.254": {false, true}, "::1": {false, true}, "0.0.0.0": {}, "0.1.2.3": {}, "::": {},
		"10.0.0.1": {}, "10.20.3.4": {false, true}, "172.16.0.1": {}, "172.31.255.255": {}, "172.32.0.1": {true, false}, "192.168.1.1": {},
		"100.64.0.1": {false, true}, "100.128.0.1": {true, false}, "169.254.1.1": {false, true}, "fe80::1": {}, "fe80::1%eth0": {}, "fd00::1": {}, "fd12::1": {false, true}, "fec0::1": {},
		// documentation, benchmarks, reserved, multicast, broadcast
		"192.0.2.1": {}, "198.51.100.1": {}, "203.0.113.1": {}, "2001:db8::1": {}, "3fff::1": {}, "198.18.0.1": {}, "198.19.255.255": {}, "192.0.0.9": {false, true},
		"192.88.99.1": {}, "224.0.0.1": {}, "239.1.1.1": {}, "ff02::1": {}, "240.0.0.1": {}, "255.255.255.255": {}, "4000::1": {}, "5f00::1": {}, "100::1": {},
		// IPv4 inside IPv6: mapped, compatible, NAT64, its local form, 6to4, Teredo
		"::ffff:10.0.0.1": {}, "::ffff:127.0.0.1": {false, true}, "::ffff:1.1.1.1": {true, false}, "::ffff:169.254.169.254": {}, "::10.0.0.1": {}, "::1.1.1.1": {},
		"64:ff9b::10.0.0.1": {}, "64:ff9b::a9fe:a9fe": {}, "64:ff9b::1.1.1.1": {true, false}, "64:ff9b::7f00:1": {false, true}, "64:ff9b:1::1.1.1.1": {},
		"2002:a00:1::1": {}, "2002:101:101::1": {}, "2001:0:4136:e378:8000:63bf:3fff:fdd2": {},
		// where clouds hand out credentials, inside allowed networks too
		"169.254.169.254": {}, "169.254.170.2": {}, "100.100.100.200": {}, "192.0.0.192": {}, "168.63.129.16": {}, "fd00:ec2::254": {},
	} {
		parsed := netip.MustParseAddr(address)
		if _, acceptable := permitted(parsed, nil); acceptable != want.public {
			t.Errorf("%s is public: %t", address, acceptable)
		}
		allowed, acceptable := permitted(parsed, networks)
		if allowed != want.allowed || acceptable != (want.allowed || want.public) {
			t.Errorf("%s with allowed networks: allowed %t, acceptable %t", address, allowed, acceptable)
		}
	}
	if allowed, acceptable := permitted(netip.Addr{}, networks); allowed || acceptable {
		t.Error("no address is acceptable")
	}
}

// FuzzPermitted compares with what the standard library knows of addresses, and judges what is embedded alike.
func FuzzPermitted(f *testing.F) {
	for _, seed := range []string{"1.1.1.1", "10.0.0.1", "::ffff:10.0.0.1", "2002:a00:1::1", "64:ff9b::a00:1", "fe80::1", "2001:67c:2e8:22::1"} {
		f.Add(netip.MustParseAddr(seed).AsSlice())
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		address, ok := netip.AddrFromSlice(bytes)
		if !ok {
			return
		}
		_, acceptable := permitted(address, nil)
		plain := address.Unmap()
		if acceptable && (plain.IsPrivate() || plain.IsLoopback() || plain.IsMulticast() || plain.IsUnspecified() || plain.IsLinkLocalUnicast() || !plain.IsGlobalUnicast()) {
			t.Errorf("%s is acceptable", address)
		}
		if !address.Is4() {
			return
		}
		four := address.As4()
		embedded := [16]byte{0, 0x64, 0xff, 0x9b, 12: four[0], 13: four[1], 14: four[2], 15: four[3]}
		for _, other := range []netip.Addr{netip.AddrFrom16(address.As16()), netip.AddrFrom16(embedded)} {
			if _, same := permitted(other, nil); same != acceptable {
				t.Errorf("%s and %s are judged differently", address, other)
			}
		}
		if _, tunnelled := permitted(netip.AddrFrom16([16]byte{0x20, 2, four[0], four[1], four[2], four[3]}), nil); tunnelled {
			t.Errorf("6to4 of %s is acceptable", address)
		}
	})
}
