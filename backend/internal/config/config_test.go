package config

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/certificate"
)

const kek = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

func complete(more ...string) []string {
	return append([]string{"CLAVEX_DATABASE_URL=postgres://db/clavex", "CLAVEX_PUBLIC_URL=https://id.example.com", "CLAVEX_KEY_ENCRYPTION_KEY=" + kek, "PATH=/bin"}, more...)
}

func TestReadWeighsItsSources(t *testing.T) {
	folder := t.TempDir()
	file, secret := filepath.Join(folder, "clavex.yaml"), filepath.Join(folder, "secret")
	if err := os.WriteFile(file, []byte("listen: :1\nlog_level: debug\ntrusted_proxies:\n  - 10.0.0.0/8\n  - 192.0.2.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secret, []byte("postgres://from-file/clavex\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Read(Source{File: file, Environ: []string{"CLAVEX_DATABASE_URL_FILE=" + secret, "CLAVEX_LISTEN=:2", "CLAVEX_TEST_X=ignored"}, Flags: map[string]string{"log_level": "warn"}, Presets: map[string]string{"listen": ":0", "workers": "9"}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != ":2" || c.LogLevel != "warn" || c.DatabaseURL != "postgres://from-file/clavex" || c.DatabaseDirectURL != c.DatabaseURL || c.Workers != 9 || len(c.TrustedProxies) != 2 {
		t.Fatalf("%+v", c)
	}
}

func TestReadNamesEveryFaultAtOnce(t *testing.T) {
	_, err := Read(Source{Environ: []string{"CLAVEX_DATABSE_URL=x", "CLAVEX_WORKERS=many", "CLAVEX_REQUEST_TIMEOUT=-1s", "CLAVEX_KEY_ENCRYPTION_KEY_FILE=/does/not/exist"}})
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 4 || !strings.Contains(err.Error(), "did you mean database_url?") {
		t.Fatalf("%v", err)
	}
}

// A Service called clavex makes Kubernetes put its own variables behind our prefix into every container of
// the namespace; refusing to start because of them would be a riddle.
func TestReadLeavesOthersVariablesAlone(t *testing.T) {
	for _, foreign := range []string{
		"SERVICE_HOST=10.0.0.1", "SERVICE_PORT=8080", "SERVICE_PORT_HTTP=8080", "PORT=tcp://10.0.0.1:8080", "PORT_8080_TCP=tcp://10.0.0.1:8080", "PORT_8080_TCP_ADDR=10.0.0.1",
		"POSTGRESQL_SERVICE_HOST=10.0.0.2", "POSTGRESQL_PORT=tcp://10.0.0.2:5432", "POSTGRESQL_PORT_5432_TCP_PROTO=tcp", "TEST_DATABASE_URL=x", "E2E_BASE_URL=x",
	} {
		if _, err := Read(Source{Environ: complete("CLAVEX_" + foreign)}); err != nil {
			t.Errorf("CLAVEX_%s: %v", foreign, err)
		}
	}
	for _, misspelt := range []string{"PORT=8080", "METRICS_PORT=9090", "SERVICE=x", "LISTEN_ON=:8080"} {
		if _, err := Read(Source{Environ: complete("CLAVEX_" + misspelt)}); err == nil {
			t.Errorf("CLAVEX_%s was taken without a word", misspelt)
		}
	}
}

// pairFiles are the paths of a certificate and its key.
type pairFiles struct{ chain, key string }

func writePair(t *testing.T, issued time.Time) pairFiles {
	t.Helper()
	authority, err := certificate.NewAuthority(issued, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	chain, key, err := authority.Issue(nil, issued, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	files := pairFiles{filepath.Join(folder, "chain.pem"), filepath.Join(folder, "key.pem")}
	if err := errors.Join(os.WriteFile(files.chain, chain, 0o600), os.WriteFile(files.key, key, 0o600)); err != nil {
		t.Fatal(err)
	}
	return files
}

func TestValidate(t *testing.T) {
	good, expired := writePair(t, time.Now()), writePair(t, time.Now().Add(-2*certificate.IssuedLifetime))
	for name, c := range map[string]struct {
		environ     []string
		development bool
		want        []string // parts of the faults; none: valid
	}{
		"complete":                       {complete(), false, nil},
		"nothing":                        {nil, false, []string{"database_url is missing", "public_url is missing", "key_encryption_key is missing"}},
		"plain http":                     {complete("CLAVEX_PUBLIC_URL=http://id.example.com"), false, []string{"not encrypted"}},
		"plain http in development":      {complete("CLAVEX_PUBLIC_URL=http://localhost:8080"), true, nil},
		"a path":                         {complete("CLAVEX_PUBLIC_URL=https://id.example.com/auth"), false, []string{"without a path"}},
		"a slash at the end":             {complete("CLAVEX_PUBLIC_URL=https://id.example.com/"), false, []string{"without a path"}},
		"upper case":                     {complete("CLAVEX_PUBLIC_URL=https://ID.example.com"), false, []string{"lower case"}},
		"a short key":                    {complete("CLAVEX_KEY_ENCRYPTION_KEY=c2hvcnQ="), false, []string{"key_encryption_key"}},
		"a proxy that trusts everyone":   {complete("CLAVEX_TRUSTED_PROXIES=0.0.0.0/0"), false, []string{"everybody's forged address"}},
		"a proxy that is no address":     {complete("CLAVEX_TRUSTED_PROXIES=proxy"), false, []string{"neither an address"}},
		"networks to fetch from":         {complete("CLAVEX_FETCH_ALLOWED_NETWORKS=10.20.0.0/16,fd12::/16,192.0.2.7"), false, nil},
		"everything to fetch from":       {complete("CLAVEX_FETCH_ALLOWED_NETWORKS=::/0"), false, []string{"fetch_allowed_networks", "reach all that this machine reaches"}},
		"a name to fetch from":           {complete("CLAVEX_FETCH_ALLOWED_NETWORKS=intranet.example"), false, []string{"fetch_allowed_networks", "neither an address"}},
		"IPv4 in IPv6 to fetch from":     {complete("CLAVEX_FETCH_ALLOWED_NETWORKS=::ffff:10.0.0.0/104"), false, []string{"neither an address"}},
		"a service for stolen passwords": {complete("CLAVEX_BREACHED_PASSWORDS_URL=https://passwords.example.com/range"), false, nil},
		"no address of such a service":   {complete("CLAVEX_BREACHED_PASSWORDS_URL=passwords.example.com"), false, []string{"breached_passwords_url", "no address such as"}},
		"no authorities' file":           {complete("CLAVEX_FETCH_CA_FILE=/does/not/exist"), false, []string{"fetch_ca_file", "cannot be read"}},
		"a file without authorities":     {complete("CLAVEX_FETCH_CA_FILE=config_test.go"), false, []string{"fetch_ca_file", "no certificate"}},
		"a certificate without a key":    {complete("CLAVEX_TLS_CERT_FILE=/does/not/exist"), false, []string{"tls_key_file is missing", "tls_cert_file: the file /does/not/exist cannot be read"}},
		"a key without a certificate":    {complete("CLAVEX_TLS_KEY_FILE=" + expired.key), false, []string{"tls_cert_file is missing"}},
		"a pair of two":                  {complete("CLAVEX_TLS_CERT_FILE="+good.chain, "CLAVEX_TLS_KEY_FILE="+expired.key), false, []string{"does not match"}},
		"an expired certificate":         {complete("CLAVEX_TLS_CERT_FILE="+expired.chain, "CLAVEX_TLS_KEY_FILE="+expired.key), false, []string{"expired on"}},
		"a certificate":                  {complete("CLAVEX_TLS_CERT_FILE="+good.chain, "CLAVEX_TLS_KEY_FILE="+good.key), false, nil},
		"TLS without https":              {complete("CLAVEX_TLS_CERT_FILE="+good.chain, "CLAVEX_TLS_KEY_FILE="+good.key, "CLAVEX_PUBLIC_URL=http://localhost:1"), true, []string{"public_url must begin with https"}},
		"no port":                        {complete("CLAVEX_LISTEN=localhost"), false, []string{"listen"}},
		"metrics off":                    {complete("CLAVEX_METRICS_LISTEN=off"), false, nil},
		"a wrong level":                  {complete("CLAVEX_LOG_LEVEL=loud"), false, []string{"log_level"}},
		"a wrong redis":                  {complete("CLAVEX_REDIS_URL=http://redis"), false, []string{"redis_url"}},
	} {
		t.Run(name, func(t *testing.T) {
			config, err := Read(Source{Environ: c.environ})
			if err != nil {
				t.Fatal(err)
			}
			err = config.Validate(c.development)
			if (err == nil) != (c.want == nil) {
				t.Fatalf("%v", err)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is missing in: %v", part, err)
				}
			}
			if err != nil && strings.Contains(err.Error(), kek) {
				t.Error("the key is in the message")
			}
		})
	}
}
