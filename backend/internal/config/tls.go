package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/clavex/clavex/backend/internal/certificate"
)

// TerminatesTLS reports whether Clavex itself speaks TLS.
func (c *Config) TerminatesTLS() bool { return c.TLSCertFile != "" || c.TLSKeyFile != "" }

// Certificate reads the pair of tls_cert_file and tls_key_file, at each call, and judges it as of now. An error
// (Faults, one line a fault) names files and nothing of what is in the key's.
func (c *Config) Certificate(now time.Time) (*tls.Certificate, error) {
	var faults Faults
	read := func(setting, path, other string) []byte {
		if path == "" {
			faults = append(faults, fmt.Sprintf("%s is missing: %s needs it beside it", setting, other))
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			faults = append(faults, fmt.Sprintf("%s: the file %s cannot be read: %s", setting, path, errors.Unwrap(err)))
		}
		return content
	}
	chain := read("tls_cert_file", c.TLSCertFile, "tls_key_file")
	key := read("tls_key_file", c.TLSKeyFile, "tls_cert_file")
	if len(faults) > 0 {
		return nil, faults
	}
	pair, err := certificate.Parse(chain, key, now)
	if err != nil {
		return nil, Faults{fmt.Sprintf("%s with %s: %s", c.TLSCertFile, c.TLSKeyFile, err)}
	}
	return pair, nil
}

func (c *Config) validateTLS(fault func(format string, values ...any)) {
	if !c.TerminatesTLS() {
		return
	}
	if strings.HasPrefix(c.PublicURL, "http://") {
		fault("public_url must begin with https: Clavex answers by TLS only, with tls_cert_file")
	}
	var faults Faults
	if _, err := c.Certificate(time.Now()); errors.As(err, &faults) {
		for _, each := range faults {
			fault("%s", each)
		}
	}
}
