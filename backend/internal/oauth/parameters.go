package oauth

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of a request. They are far above what any specified request needs.
const (
	MaximumBodyBytes  = 64 << 10 // of a form
	maximumQueryBytes = 16 << 10
	maximumParameters = 100
	maximumNameBytes  = 100
	maximumValueBytes = 16 << 10 // a signed request or assertion fits
)

// repeatable are the parameters whose specification allows several (RFC 8707 §2, RFC 8693 §2.1).
var repeatable = []string{"resource", "audience"}

// Parameters are the parameters of a request, each with one value. A parameter without value counts as
// absent (RFC 6749 §3.1). The zero value has none.
type Parameters struct {
	values map[string][]string
}

// NewParameters makes parameters of names and values in turn, leaving empty values out.
func NewParameters(namesAndValues ...string) Parameters {
	parameters := Parameters{values: make(map[string][]string, len(namesAndValues)/2)}
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		if namesAndValues[i+1] != "" {
			parameters.values[namesAndValues[i]] = []string{namesAndValues[i+1]}
		}
	}
	return parameters
}

// Get returns the value of the parameter, "" when it is absent.
func (p Parameters) Get(name string) string {
	if values := p.values[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// All returns the values of a parameter that may be repeated, nil when it is absent.
func (p Parameters) All(name string) []string { return p.values[name] }

// WithAll returns the parameters with other values of one of them, or without it.
func (p Parameters) WithAll(name string, values []string) Parameters {
	changed := Parameters{values: maps.Clone(p.values)}
	if changed.values == nil {
		changed.values = map[string][]string{}
	}
	delete(changed.values, name)
	if len(values) > 0 {
		changed.values[name] = values
	}
	return changed
}

// Has reports whether the parameter is present with a value.
func (p Parameters) Has(name string) bool { return len(p.values[name]) > 0 }

// With returns the parameters with another value of one of them.
func (p Parameters) With(name, value string) Parameters {
	changed := Parameters{values: maps.Clone(p.values)}
	if changed.values == nil {
		changed.values = map[string][]string{}
	}
	changed.values[name] = []string{value}
	return changed
}

// Encode returns the parameters in the form ParseQuery reads, sorted by name.
func (p Parameters) Encode() string { return url.Values(p.values).Encode() }

// ParseQuery reads the parameters of a query without its question mark. With an error it still returns the
// parameters that were sent exactly once and well formed, so that an authorization endpoint can tell
// whether it knows where to send the error.
func ParseQuery(query string) (Parameters, error) {
	if len(query) > maximumQueryBytes {
		return Parameters{}, InvalidRequest("The query is too long.").withStatus(414)
	}
	return parse(query)
}

// ParseForm reads a body of the type application/x-www-form-urlencoded. Errors are those of ParseQuery.
func ParseForm(body []byte) (Parameters, error) {
	if len(body) > MaximumBodyBytes {
		return Parameters{}, InvalidRequest("The request body is too large.").withStatus(413)
	}
	return parse(string(body))
}

func parse(encoded string) (Parameters, error) {
	parameters := Parameters{values: map[string][]string{}}
	var problem error
	refuse := func(name, reason string) {
		delete(parameters.values, name)
		if problem == nil {
			problem = InvalidRequest(reason)
		}
	}
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(encoded, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, nameErr := url.QueryUnescape(rawName)
		value, valueErr := url.QueryUnescape(rawValue)
		if len(seen) >= maximumParameters {
			return parameters, InvalidRequest("There are too many parameters.")
		}
		switch repeated := seen[name]; {
		case nameErr != nil || len(name) > maximumNameBytes || !storable(name):
			refuse("", "A parameter name is malformed.")
			continue
		case repeated && !slices.Contains(repeatable, name):
			// RFC 6749 §3.1: parameters MUST NOT be included more than once.
			refuse(name, "The parameter "+quote(name)+" is repeated.")
			continue
		case valueErr != nil || !storable(value):
			refuse(name, "The parameter "+quote(name)+" is malformed.")
		case len(value) > maximumValueBytes:
			refuse(name, "The parameter "+quote(name)+" is too long.")
		case value != "":
			parameters.values[name] = append(parameters.values[name], value)
		}
		seen[name] = true
	}
	return parameters, problem
}

// storable reports whether the text is UTF-8 without NUL, which PostgreSQL cannot store.
func storable(text string) bool {
	return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0
}

// quote repeats what a stranger sent in the characters that an error_description may have
// (RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E).
func quote(text string) string {
	if len(text) > 60 {
		text = text[:60]
	}
	return "'" + describable(text) + "'"
}

func describable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < 0x20 || r > 0x7e || r == '\\':
			return '?'
		}
		return r
	}, text)
}
