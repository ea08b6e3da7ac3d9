package trust

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/jose"
)

// Bounds of what is said of a trusted issuer.
const (
	DefaultLifetime  = 5 * time.Minute // of assertions, at most
	shortestLifetime = 30 * time.Second
	longestLifetime  = time.Hour

	maximumListed = 50
	maximumURI    = 2000
	adminScopes   = "admin:"
)

var mediaType = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9!#$&^_.+/-]{0,99}$`)

// complete fills in the defaults, checks everything and names the first offending field.
func (i *Issuer) complete() error {
	i.Name = strings.TrimSpace(i.Name)
	if i.Status == "" {
		i.Status = Active
	}
	if len(i.Algorithms) == 0 {
		i.Algorithms = jose.Algorithms()
	}
	if len(i.AssertionTypes) == 0 {
		i.AssertionTypes = []string{TypeJWT}
	}
	if i.SubjectMatch == "" {
		i.SubjectMatch = LinkedIdentity
	}
	if i.SubjectClaim == "" {
		if i.SubjectClaim = "sub"; i.SubjectMatch == VerifiedEmail {
			i.SubjectClaim = "email"
		}
	}
	if i.MaximumLifetime == 0 {
		i.MaximumLifetime = DefaultLifetime
	}
	if err := i.validateKeys(); err != nil {
		return err
	}
	return i.validate()
}

func refuse(field, message string) error {
	return fault.New(fault.Invalid, "trusted_issuer_malformed", message).WithField(field)
}

func (i *Issuer) validateKeys() error {
	switch {
	case (len(i.JWKS) == 0) == (i.JWKSURI == ""):
		return refuse("jwks", "Give either jwks or jwks_uri.")
	case len(i.JWKS) > 0:
		var err error
		if i.JWKS, err = client.NormalKeySet(i.JWKS); err != nil {
			return refuse("jwks", fault.From(err).Message)
		}
	default:
		if err := client.CheckURI("jwks_uri", i.JWKSURI); err != nil {
			return refuse("jwks_uri", fault.From(err).Message)
		}
	}
	return nil
}

func (i *Issuer) validate() error {
	switch n := len([]rune(i.Name)); {
	case i.Issuer == "" || len(i.Issuer) > maximumURI || !visible(i.Issuer):
		return refuse("issuer", "An issuer is what its assertions contain as iss: 1 to 2000 visible ASCII characters.")
	case n < 1 || n > 200 || strings.ContainsFunc(i.Name, func(c rune) bool {
		return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || c == 0x2028 || c == 0x2029
	}):
		return refuse("name", "A name has 1 to 200 characters on one line.")
	case i.Status != Active && i.Status != Disabled:
		return refuse("status", "Choose active or disabled.")
	case slices.ContainsFunc(i.Algorithms, func(algorithm jose.Algorithm) bool { return !algorithm.Known() }) || repeated(i.Algorithms):
		return refuse("algorithms", "Name algorithms of signatures by key pairs, each once.")
	case unlike(i.AssertionTypes, mediaType.MatchString):
		return refuse("assertion_types", "Name types as in the header member typ, each once.")
	case !slices.Contains([]Match{LinkedIdentity, Username, VerifiedEmail}, i.SubjectMatch):
		return refuse("subject_match", "Choose linked_identity, username or verified_email.")
	case len(i.SubjectClaim) > 100 || !visible(i.SubjectClaim):
		return refuse("subject_claim", "A claim has a name of 1 to 100 visible ASCII characters.")
	case i.SubjectMatch == VerifiedEmail && i.SubjectClaim != "email":
		return refuse("subject_claim", "Only of the claim email does an issuer say that it is verified.")
	case unlike(i.Clients, func(id string) bool { return id != "" && len(id) <= 200 }):
		return refuse("clients", "Name at most 50 clients by their client_id, each once.")
	case unlike(i.Scopes, client.ValidScope):
		return refuse("scopes", "Name at most 50 scopes, each once, without spaces, quotes and backslashes.")
	case slices.ContainsFunc(i.Scopes, func(scope string) bool { return strings.HasPrefix(scope, adminScopes) || scope == "offline_access" }):
		return refuse("scopes", "Nobody elsewhere gives access to the Admin API, and there are no refresh tokens.")
	case unlike(i.Resources, func(uri string) bool { return uri != "" && len(uri) <= maximumURI && visible(uri) }):
		return refuse("resources", "Name at most 50 resource servers by their identifiers, each once.")
	case i.MaximumLifetime < shortestLifetime || i.MaximumLifetime > longestLifetime || i.MaximumLifetime%time.Second != 0:
		return refuse("maximum_lifetime_seconds", "Choose between 30 seconds and one hour.")
	}
	return nil
}

func unlike(values []string, valid func(string) bool) bool {
	return len(values) > maximumListed || slices.ContainsFunc(values, func(value string) bool { return !valid(value) }) || repeated(values)
}

func repeated[T ~string](values []T) bool {
	return len(slices.Compact(slices.Sorted(slices.Values(values)))) != len(values)
}

func visible(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c < 0x21 || c > 0x7e })
}
