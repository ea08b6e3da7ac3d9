package config

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"os"
)

// Proxies returns the trusted proxies as networks.
func (c *Config) Proxies() ([]netip.Prefix, error) {
	return networks("trusted_proxies", c.TrustedProxies, "would believe everybody's forged address")
}

// FetchAllowedNetworks returns the networks that may be fetched from although they are not public.
func (c *Config) FetchAllowedNetworks() ([]netip.Prefix, error) {
	return networks("fetch_allowed_networks", c.FetchNetworks, "would let everybody who registers an application reach all that this machine reaches")
}

func networks(setting string, texts []string, danger string) ([]netip.Prefix, error) {
	var parsed []netip.Prefix
	for _, text := range texts {
		if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
			parsed = append(parsed, netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(text)
		if err != nil || network.Addr().Is4In6() {
			return nil, fmt.Errorf("%s: %q is neither an address nor a network such as 10.0.0.0/8", setting, text)
		}
		if network.Bits() == 0 {
			return nil, fmt.Errorf("%s: %q %s", setting, text, danger)
		}
		parsed = append(parsed, network.Masked())
	}
	return parsed, nil
}

// FetchRoots returns the authorities that are trusted for outgoing TLS: the system's and those of fetch_ca_file.
// Without that file it returns nil, which stands for the system's. It reads the file at each call.
func (c *Config) FetchRoots() (*x509.CertPool, error) {
	if c.FetchCAFile == "" {
		return nil, nil
	}
	content, err := os.ReadFile(c.FetchCAFile)
	if err != nil {
		return nil, fmt.Errorf("fetch_ca_file: the file %s cannot be read: %w", c.FetchCAFile, errors.Unwrap(err))
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("fetch_ca_file: there is no certificate in PEM in %s", c.FetchCAFile)
	}
	return roots, nil
}

// FIDOMetadataTrust returns the contents of fido_metadata_root_file and fido_metadata_crl_file (PEM), nil for what is not
// set. It reads the files at each call.
func (c *Config) FIDOMetadataTrust() (roots, revocationLists []byte, err error) {
	for _, each := range []struct {
		setting, path string
		block         string
		into          *[]byte
	}{{"fido_metadata_root_file", c.FIDOMetadataRootFile, "CERTIFICATE", &roots}, {"fido_metadata_crl_file", c.FIDOMetadataCRLFile, "X509 CRL", &revocationLists}} {
		if each.path == "" {
			continue
		}
		if *each.into, err = os.ReadFile(each.path); err != nil {
			return nil, nil, fmt.Errorf("%s: the file %s cannot be read: %w", each.setting, each.path, errors.Unwrap(err))
		}
		if block, _ := pem.Decode(*each.into); block == nil || block.Type != each.block {
			return nil, nil, fmt.Errorf("%s: there is no %s in PEM in %s", each.setting, each.block, each.path)
		}
	}
	return roots, revocationLists, nil
}
