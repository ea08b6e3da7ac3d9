// Package config reads the configuration of a Clavex process: one struct, from a file, the environment
// and flags, in that order of increasing weight. Every fault is found before anything starts and all
// are reported at once; an unknown key is a fault, because a misspelt safety setting is none.
package config

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/clavex/clavex/backend/internal/seal"
)

// Prefix begins the name of every environment variable of Clavex.
const Prefix = "CLAVEX_"

// Config is the configuration. Each field has one name: `name` in the file, CLAVEX_NAME in the
// environment, CLAVEX_NAME_FILE for secrets (a path whose content is the value), --name as flag.
type Config struct {
	DatabaseURL             string        `name:"database_url" secret:"true" help:"PostgreSQL (15 or newer), for example postgres://clavex:…@db:5432/clavex?sslmode=verify-full"`
	DatabaseDirectURL       string        `name:"database_direct_url" secret:"true" help:"the same database without a pooler in front, for migrations and LISTEN (default: database_url)"`
	DatabaseMaxConns        int           `name:"database_max_conns" default:"20" help:"most connections one replica opens"`
	RedisURL                string        `name:"redis_url" secret:"true" help:"Redis for short-lived state, with maxmemory-policy noeviction (default: PostgreSQL)"`
	PublicURL               string        `name:"public_url" help:"where people reach Clavex, for example https://id.example.com"`
	ConsoleURL              string        `name:"console_url" help:"where administrators reach the console (default: public_url)"`
	KeyEncryptionKey        string        `name:"key_encryption_key" secret:"true" help:"32 bytes in base64 that seal private keys; make one with: clavex key generate-encryption-key"`
	PreviousKeys            []string      `name:"previous_key_encryption_keys" secret:"true" help:"former key-encryption keys, until: clavex key reseal"`
	Listen                  string        `name:"listen" default:"127.0.0.1:8080" help:"address to serve on"`
	TLSCertFile             string        `name:"tls_cert_file" help:"file with the certificate and its chain (PEM): Clavex terminates TLS itself; a changed file is taken over without a restart"`
	TLSKeyFile              string        `name:"tls_key_file" help:"file with the certificate's private key (PEM, without passphrase), readable by Clavex alone"`
	MTLSListen              string        `name:"mtls_listen" help:"address to serve clients on that show a TLS certificate (RFC 8705); needs tls_cert_file, and mtls_url beside it"`
	MTLSURL                 string        `name:"mtls_url" help:"where such clients reach it: scheme, host and port, for example https://mtls.id.example.com"`
	ClientCAFile            string        `name:"client_ca_file" help:"file with certificates (PEM) of authorities whose certificates clients of every organization may authenticate with; organizations can name their own"`
	ClientCertificateHeader string        `name:"client_certificate_header" help:"header in which a trusted proxy passes on the TLS certificate that a client showed to it: Client-Cert (RFC 9440), or PEM as nginx escapes it; the proxy must remove it from all other requests"`
	MetricsListen           string        `name:"metrics_listen" default:"127.0.0.1:9090" help:"address of Prometheus metrics; off switches them off"`
	TrustedProxies          []string      `name:"trusted_proxies" help:"addresses or networks of the proxies whose X-Forwarded-For is believed"`
	LogLevel                string        `name:"log_level" default:"info" help:"debug, info, warn or error"`
	ShutdownTimeout         time.Duration `name:"shutdown_timeout" default:"25s" help:"how long running requests may take to finish when stopping"`
	RequestTimeout          time.Duration `name:"request_timeout" default:"15s" help:"how long one request may take"`
	MigrateOnStart          bool          `name:"migrate_on_start" default:"true" help:"bring the database to this release's schema at the start"`
	Workers                 int           `name:"workers" default:"4" help:"background jobs worked on at the same time; 0 leaves them to other replicas"`
	HashConcurrency         int           `name:"password_hash_concurrency" default:"0" help:"passwords hashed at the same time (default: processors − 1); each takes password_hash_memory"`
	HashMemory              int           `name:"password_hash_memory" default:"19456" help:"memory of argon2id for one password, in KiB; passwords are hashed anew at the next sign-in when this or the next two change"`
	HashPasses              int           `name:"password_hash_passes" default:"2" help:"passes of argon2id over that memory"`
	HashParallelism         int           `name:"password_hash_parallelism" default:"1" help:"lanes of argon2id: each password occupies as many cores for a moment"`
	SignInsPerNetwork       int           `name:"sign_ins_per_network" default:"1000" help:"sign-ins that unknown browsers of one network (an IPv4 address, an IPv6 /64) may begin at one organization in ten minutes; 0 sets no limit"`
	RegistrationsPerNetwork int           `name:"registrations_per_network" default:"60" help:"applications that one network (an IPv4 address, an IPv6 /64) may register, or change their registration, by itself at one organization in an hour; 0 sets no limit"`
	SignUpsPerNetwork       int           `name:"sign_ups_per_network" default:"30" help:"accounts that people of one network (an IPv4 address, an IPv6 /64) may ask for by themselves at one organization in an hour; 0 sets no limit"`
	BreachedPasswordsURL    string        `name:"breached_passwords_url" help:"service that is asked whether a new password was seen in a theft, by the first five digits of its digest: https://api.pwnedpasswords.com/range, or one of your own with that interface (default: nobody is asked)"`
	FIDOMetadataURL         string        `name:"fido_metadata_url" help:"where the BLOB of the FIDO Metadata Service is fetched from: https://mds3.fidoalliance.org/ (default: models of authenticators are not known)"`
	FIDOMetadataFile        string        `name:"fido_metadata_file" help:"file with that BLOB, where nothing is fetched from outside; a changed file is taken over within the hour"`
	FIDOMetadataRootFile    string        `name:"fido_metadata_root_file" help:"file with the certificates (PEM) that the BLOB's signature leads to (default: the root of the FIDO Alliance, GlobalSign Root CA - R3)"`
	FIDOMetadataCRLFile     string        `name:"fido_metadata_crl_file" help:"file with current revocation lists (PEM) of every authority between root and signature; the BLOB is refused where none says that its certificates are good (default: revocation is not looked at)"`
	FetchNetworks           []string      `name:"fetch_allowed_networks" help:"networks that are not public and may yet be fetched from, also without TLS: key sets and logout endpoints of applications inside, for example 10.20.0.0/16"`
	FetchCAFile             string        `name:"fetch_ca_file" help:"file with certificates (PEM) of authorities that are trusted for outgoing TLS besides the system's"`
	MailHost                string        `name:"mail_host" help:"SMTP server that takes outgoing mail; without one people cannot sign up by themselves"`
	MailPort                int           `name:"mail_port" default:"587" help:"port of the SMTP server"`
	MailTLS                 string        `name:"mail_tls" default:"starttls" help:"starttls (demanded after connecting), implicit (from the first byte, usually port 465) or none (for a relay on this machine, without password)"`
	MailUsername            string        `name:"mail_username" help:"user name at the SMTP server (default: it asks for none)"`
	MailPassword            string        `name:"mail_password" secret:"true" help:"password at the SMTP server"`
	MailFrom                string        `name:"mail_from" help:"address that mail comes from, for example Clavex <no-reply@id.example.com>; organizations put their name before it"`
	MailReplyTo             string        `name:"mail_reply_to" help:"address that answers go to (default: none)"`
	DNSServer               string        `name:"dns_server" help:"name server, host and port, that is asked for the records by which organizations prove domains of their own, for example 9.9.9.9:53 (default: those of this machine)"`
	GeoIPFile               string        `name:"geoip_file" help:"database of the countries of addresses (MaxMind DB), for letters and audit events about sign-ins; read anew when it changes (default: countries are not known)"`
	AuditRetention          time.Duration `name:"audit_retention" default:"9528h" help:"how long audit events are kept (default 13 months), in whole months"`
}

// Fields describes every setting, for help and documentation.
func Fields() []Field {
	var fields []Field
	for field := range fieldsOf(&Config{}) {
		fields = append(fields, field)
	}
	return fields
}

// Field is one setting.
type Field struct {
	Name, Default, Help string
	Secret              bool
	value               reflect.Value
}

// Environment is the name of the field's environment variable.
func (f Field) Environment() string { return Prefix + strings.ToUpper(f.Name) }

// Flag is the name of the field's flag.
func (f Field) Flag() string { return strings.ReplaceAll(f.Name, "_", "-") }

func fieldsOf(c *Config) func(func(Field) bool) {
	return func(yield func(Field) bool) {
		value := reflect.ValueOf(c).Elem()
		for i := range value.NumField() {
			tag := value.Type().Field(i).Tag
			if !yield(Field{Name: tag.Get("name"), Default: tag.Get("default"), Help: tag.Get("help"), Secret: tag.Get("secret") == "true", value: value.Field(i)}) {
				return
			}
		}
	}
}

// Source is where the settings come from.
type Source struct {
	File    string            // path of a YAML file; "" for none
	Environ []string          // as os.Environ
	Flags   map[string]string // by setting name, those given
	Presets map[string]string // weaker than everything else: what `clavex dev` decides
}

// Faults are everything that is wrong with a configuration.
type Faults []string

// Error implements error: one line a fault.
func (f Faults) Error() string {
	return "the configuration has faults:\n  - " + strings.Join(f, "\n  - ")
}

// Read reads the configuration without judging whether it is complete; see Validate.
func Read(source Source) (*Config, error) {
	var faults Faults
	given := map[string]string{}
	for name, value := range source.Presets {
		given[name] = value
	}
	if source.File != "" {
		readFile(source.File, given, &faults)
	}
	readEnvironment(source.Environ, given, &faults)
	for name, value := range source.Flags {
		given[name] = value
	}
	config := &Config{}
	for field := range fieldsOf(config) {
		text, ok := given[field.Name]
		if !ok {
			text = field.Default
		}
		delete(given, field.Name)
		if err := set(field.value, strings.TrimSpace(text)); err != nil {
			faults = append(faults, fmt.Sprintf("%s: %s", field.Name, err))
		}
	}
	for name := range given {
		faults = append(faults, fmt.Sprintf("%s: there is no such setting%s", name, suggestion(name)))
	}
	if len(faults) > 0 {
		slices.Sort(faults)
		return nil, faults
	}
	if config.DatabaseDirectURL == "" {
		config.DatabaseDirectURL = config.DatabaseURL
	}
	if config.ConsoleURL == "" {
		config.ConsoleURL = config.PublicURL
	}
	return config, nil
}

func readFile(path string, given map[string]string, faults *Faults) {
	content, err := os.ReadFile(path)
	if err != nil {
		*faults = append(*faults, fmt.Sprintf("the file %s cannot be read: %s", path, errors.Unwrap(err)))
		return
	}
	var values map[string]any
	if err := yaml.Unmarshal(content, &values); err != nil {
		*faults = append(*faults, fmt.Sprintf("the file %s is not YAML: %s", path, yaml.FormatError(err, false, false)))
		return
	}
	for name, value := range values {
		switch value := value.(type) {
		case []any:
			parts := make([]string, len(value))
			for i, part := range value {
				parts[i] = fmt.Sprint(part)
			}
			given[name] = strings.Join(parts, ",")
		case map[string]any:
			*faults = append(*faults, fmt.Sprintf("%s: expected a value, not a section", name))
		default:
			given[name] = fmt.Sprint(value)
		}
	}
}

func readEnvironment(environ []string, given map[string]string, faults *Faults) {
	secret := map[string]bool{}
	for field := range fieldsOf(&Config{}) {
		secret[field.Name] = field.Secret
	}
	for _, entry := range environ {
		variable, value, _ := strings.Cut(entry, "=")
		name, ours := strings.CutPrefix(variable, Prefix)
		if !ours || foreign(name, value) {
			continue
		}
		name = strings.ToLower(name)
		if file, ok := strings.CutSuffix(name, "_file"); ok && secret[file] {
			content, err := os.ReadFile(value)
			if err != nil {
				*faults = append(*faults, fmt.Sprintf("%s: the file %s cannot be read: %s", variable, value, errors.Unwrap(err)))
				continue
			}
			name, value = file, string(content)
		}
		given[name] = value
	}
}

// serviceLink matches the names that Kubernetes gives to every container of a namespace with a Service
// called clavex or clavex-something, behind our prefix.
var serviceLink = regexp.MustCompile(`(^|_)(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// foreign reports whether a variable has our prefix without being meant for us: those of our tests, and
// what Kubernetes tells about Services.
func foreign(name, value string) bool {
	if strings.HasPrefix(name, "TEST_") || strings.HasPrefix(name, "E2E_") || serviceLink.MatchString(name) {
		return true
	}
	return (name == "PORT" || strings.HasSuffix(name, "_PORT")) && strings.Contains(value, "://")
}

func set(value reflect.Value, text string) error {
	switch value.Interface().(type) {
	case string:
		value.SetString(text)
	case []string:
		var parts []string
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				parts = append(parts, part)
			}
		}
		value.Set(reflect.ValueOf(parts))
	case bool:
		parsed, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		value.SetBool(parsed)
	case int:
		parsed, err := strconv.Atoi(text)
		if err != nil || parsed < 0 {
			return fmt.Errorf("%q is not a whole number", text)
		}
		value.SetInt(int64(parsed))
	case time.Duration:
		parsed, err := time.ParseDuration(text)
		if err != nil || parsed <= 0 {
			return fmt.Errorf("%q is not a time span such as 30s or 5m", text)
		}
		value.SetInt(int64(parsed))
	default:
		panic("config: a field of an unknown type")
	}
	return nil
}

// suggestion names the setting that was probably meant.
func suggestion(name string) string {
	best, distance := "", 4
	for field := range fieldsOf(&Config{}) {
		if d := editDistance(name, field.Name); d < distance {
			best, distance = field.Name, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			above := row[j]
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(row[j]+1, row[j-1]+1, diagonal+cost)
			diagonal = above
		}
	}
	return row[len(b)]
}

// Validate returns every fault that would make it unsafe or impossible to serve. development allows
// plain http on the machine itself.
func (c *Config) Validate(development bool) error {
	var faults Faults
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if c.DatabaseURL == "" {
		fault("database_url is missing: set CLAVEX_DATABASE_URL (or CLAVEX_DATABASE_URL_FILE)")
	}
	for _, address := range []struct{ name, value string }{{"public_url", c.PublicURL}, {"console_url", c.ConsoleURL}} {
		if address.value == "" && address.name == "console_url" {
			continue // it is the public one, whose absence is named
		}
		if problem := baseURLProblem(address.value, development); problem != "" {
			fault("%s %s", address.name, problem)
		}
	}
	if _, err := c.Ring(); err != nil {
		fault("%s", err)
	}
	if _, err := c.Proxies(); err != nil {
		fault("%s", err)
	}
	if _, _, err := net.SplitHostPort(c.DNSServer); c.DNSServer != "" && err != nil {
		fault("dns_server: %q is no host and port such as 9.9.9.9:53", c.DNSServer)
	}
	if _, err := c.FetchAllowedNetworks(); err != nil {
		fault("%s", err)
	}
	if _, err := c.FetchRoots(); err != nil {
		fault("%s", err)
	}
	if parsed, err := url.Parse(c.BreachedPasswordsURL); c.BreachedPasswordsURL != "" && (err != nil || parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.Host == "" || parsed.RawQuery != "" || parsed.Fragment != "") {
		fault("breached_passwords_url: %q is no address such as https://api.pwnedpasswords.com/range", c.BreachedPasswordsURL)
	}
	if c.FIDOMetadataURL != "" && c.FIDOMetadataFile != "" {
		fault("fido_metadata_url and fido_metadata_file: set one of them")
	}
	if parsed, err := url.Parse(c.FIDOMetadataURL); c.FIDOMetadataURL != "" && (err != nil || parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.Host == "") {
		fault("fido_metadata_url: %q is no address such as https://mds3.fidoalliance.org/", c.FIDOMetadataURL)
	}
	if _, _, err := c.FIDOMetadataTrust(); err != nil {
		fault("%s", err)
	}
	if err := c.HashParameters().Validate(); err != nil {
		fault("password_hash_memory, password_hash_passes, password_hash_parallelism: %s", strings.TrimPrefix(err.Error(), "passwordhash: "))
	}
	c.validateTLS(fault)
	c.validateMail(fault)
	c.validateMutualTLS(development, fault)
	if c.RedisURL != "" && !strings.HasPrefix(c.RedisURL, "redis://") && !strings.HasPrefix(c.RedisURL, "rediss://") && !strings.HasPrefix(c.RedisURL, "unix://") {
		fault("redis_url must begin with redis://, rediss:// or unix://")
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		fault("log_level: choose debug, info, warn or error")
	}
	for _, address := range []struct{ name, value string }{{"listen", c.Listen}, {"metrics_listen", c.MetricsListen}, {"mtls_listen", c.MTLSListen}} {
		if address.value == "off" && address.name == "metrics_listen" || address.value == "" && address.name == "mtls_listen" {
			continue
		}
		if _, port, ok := cutLast(address.value, ':'); !ok || !isPort(port) {
			fault("%s: %q is not an address such as 127.0.0.1:8080 or :8080", address.name, address.value)
		}
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

func baseURLProblem(text string, development bool) string {
	parsed, err := url.Parse(text)
	switch {
	case text == "":
		return "is missing: the address people use, for example https://id.example.com"
	case err != nil || parsed.Host == "" || parsed.Scheme != "https" && parsed.Scheme != "http":
		return fmt.Sprintf("%q is not a web address", text)
	case parsed.Path != "" || parsed.RawQuery != "" || parsed.Fragment != "" || parsed.User != nil:
		return fmt.Sprintf("%q must be scheme and host only, without a path or a slash at the end", text)
	case parsed.Host != strings.ToLower(parsed.Host):
		return fmt.Sprintf("%q must be in lower case: issuers are compared character by character", text)
	case parsed.Scheme == "http" && !development:
		return fmt.Sprintf("%q is not encrypted; people's passwords would travel in the clear. Use https (Clavex terminates it with tls_cert_file, or a proxy in front)", text)
	}
	return ""
}

// Ring returns the key-encryption keys.
func (c *Config) Ring() (*seal.Ring, error) {
	if c.KeyEncryptionKey == "" {
		return nil, errors.New("key_encryption_key is missing: set CLAVEX_KEY_ENCRYPTION_KEY_FILE; make one with: clavex key generate-encryption-key")
	}
	current, err := seal.ParseKey(c.KeyEncryptionKey)
	if err != nil {
		return nil, fmt.Errorf("key_encryption_key: %w", err)
	}
	var previous []seal.Key
	for _, text := range c.PreviousKeys {
		key, err := seal.ParseKey(text)
		if err != nil {
			return nil, fmt.Errorf("previous_key_encryption_keys: %w", err)
		}
		previous = append(previous, key)
	}
	return seal.NewRing(current, previous...)
}

func cutLast(text string, separator byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(text, separator); i >= 0 {
		return text[:i], text[i+1:], true
	}
	return text, "", false
}

func isPort(text string) bool {
	port, err := strconv.Atoi(text)
	return err == nil && port >= 0 && port <= 65535
}

// WriteExample writes a commented configuration file with every setting and its default.
func WriteExample(w io.Writer) error {
	for _, field := range Fields() {
		if _, err := fmt.Fprintf(w, "# %s\n# %s: %s\n\n", field.Help, field.Name, field.Default); err != nil {
			return err
		}
	}
	return nil
}
