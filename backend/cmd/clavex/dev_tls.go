//go:build unix

package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/clavex/clavex/backend/internal/certificate"
)

// The files of --tls in the data folder.
const (
	authorityFile    = "tls-authority.pem"
	authorityKeyFile = "tls-authority-key.pem"
	tlsCertFile      = "tls-certificate.pem"
	tlsKeyFile       = "tls-key.pem"
)

// checkHosts judges --host before anything is started.
func (d *development) checkHosts() error {
	if len(d.hosts) > 0 && !d.tls {
		return usagef("--host goes with --tls")
	}
	for _, host := range d.hosts {
		if problem := certificate.NameProblem(host); problem != "" {
			return usagef("--host: %s", problem)
		}
	}
	return nil
}

// tlsSettings makes what is missing of the local authority and the certificate, and returns the settings that name
// them. The caller holds the folder's lock.
func (d *development) tlsSettings(dir string) (map[string]string, error) {
	now := time.Now()
	authority, err := d.authority(dir, now)
	if err != nil {
		return nil, err
	}
	settings := map[string]string{"tls_cert_file": filepath.Join(dir, tlsCertFile), "tls_key_file": filepath.Join(dir, tlsKeyFile)}
	if issuedBy(authority, settings, d.hosts, now) {
		return settings, nil
	}
	chain, key, err := authority.Issue(d.hosts, now, rand.Reader)
	if err != nil {
		return nil, err
	}
	return settings, errors.Join(writeAside(settings["tls_key_file"], key, 0o600), writeAside(settings["tls_cert_file"], chain, 0o644))
}

// authority reads the folder's authority and makes it when there is none, or its time is nearly over.
func (d *development) authority(dir string, now time.Time) (*certificate.Authority, error) {
	certPath, keyPath := filepath.Join(dir, authorityFile), filepath.Join(dir, authorityKeyFile)
	cert, err := os.ReadFile(certPath)
	key, keyErr := os.ReadFile(keyPath)
	switch err := errors.Join(err, keyErr); {
	case err == nil:
		known, err := certificate.OpenAuthority(cert, key)
		if err != nil {
			return nil, fmt.Errorf("%s with %s: %w; delete both, and a new authority is made", certPath, keyPath, err)
		}
		if known.Fresh(now) {
			return known, os.Chmod(keyPath, 0o600)
		}
		d.say("The local certificate authority is near its end. Trust the new one in %s.", certPath)
	case !errors.Is(err, os.ErrNotExist):
		return nil, err
	}
	made, err := certificate.NewAuthority(now, rand.Reader)
	if err != nil {
		return nil, err
	}
	if cert, key, err = made.Encode(); err != nil {
		return nil, err
	}
	return made, errors.Join(writeAside(keyPath, key, 0o600), writeAside(certPath, cert, 0o644))
}

// issuedBy reports whether the pair in the files will do.
func issuedBy(authority *certificate.Authority, files map[string]string, hosts []string, now time.Time) bool {
	chain, err := os.ReadFile(files["tls_cert_file"])
	key, keyErr := os.ReadFile(files["tls_key_file"])
	if err != nil || keyErr != nil {
		return false
	}
	pair, err := certificate.Parse(chain, key, now)
	return err == nil && authority.Covers(pair.Leaf, slices.Clone(hosts), now)
}
