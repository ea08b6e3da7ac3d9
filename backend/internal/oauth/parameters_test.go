package oauth_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/oauth"
)

func TestParameters(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		query   string
		problem string // part of the description, "" when the query is good
		name    string
		value   string
	}{
		"plain":                             {"a=b", "", "a", "b"},
		"plus is a space":                   {"scope=openid+email", "", "scope", "openid email"},
		"empty counts as absent (§3.1)":     {"a=", "", "a", ""},
		"without equals sign":               {"a", "", "a", ""},
		"semicolon is no separator":         {"a=1;b=2", "", "a", "1;b=2"},
		"resource may repeat (RFC 8707 §2)": {"resource=x&resource=y", "", "resource", "x"},
		"duplicate (§3.1)":                  {"a=1&b=2&a=3", "'a' is repeated", "a", ""},
		"duplicate of an empty one":         {"a=&a=3", "'a' is repeated", "a", ""},
		"others survive a duplicate":        {"a=1&b=2&a=3", "'a' is repeated", "b", "2"},
		"invalid UTF-8 in a value":          {"a=%ff", "'a' is malformed", "a", ""},
		"invalid UTF-8 in a name":           {"%ff=a&b=1", "name is malformed", "b", "1"},
		"NUL":                               {"a=%00", "'a' is malformed", "a", ""},
		"bad percent encoding":              {"a=%g1", "'a' is malformed", "a", ""},
		"long value":                        {"a=" + strings.Repeat("x", 16<<10), "", "a", ""},
		"state of 128 characters intact":    {"state=" + strings.Repeat("%C3%A9", 64), "", "state", strings.Repeat("é", 64)},
		"a description is safe to quote":    {`%22%5C%0A=1&%22%5C%0A=2`, "''??' is repeated", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			parameters, err := oauth.ParseForm([]byte(test.query))
			var refused *oauth.Error
			if (test.problem == "") != (err == nil) || err != nil && (!errors.As(err, &refused) || refused.Code != "invalid_request" || !strings.Contains(refused.Description, test.problem)) {
				t.Fatalf("the problem is %v, want %q", err, test.problem)
			}
			if name != "long value" && parameters.Get(test.name) != test.value {
				t.Errorf("%s is %q", test.name, parameters.Get(test.name))
			}
		})
	}
	if _, err := oauth.ParseQuery(strings.Repeat("x", 20<<10)); oauth.FromFault(err).Status != 414 {
		t.Errorf("a long query: %v", err)
	}
	if _, err := oauth.ParseForm([]byte(strings.Repeat("x", 70<<10))); oauth.FromFault(err).Status != 413 {
		t.Errorf("a long form: %v", err)
	}
}

func FuzzParameters(f *testing.F) {
	for _, seed := range []string{"a=b&c=d", "a=%ff", "a=1&a=2", "%zz", "a;b=1", "=", "&&&", "a=%00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		parameters, err := oauth.ParseQuery(query)
		if err != nil {
			for _, r := range oauth.FromFault(err).Description {
				if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
					t.Fatalf("description %q", oauth.FromFault(err).Description)
				}
			}
			return
		}
		again, err := oauth.ParseQuery(parameters.Encode())
		if len(parameters.Encode()) < 16<<10 && (err != nil || again.Encode() != parameters.Encode()) {
			t.Fatalf("%q does not survive encoding: %v", query, err)
		}
		if values, err := url.ParseQuery(query); err == nil {
			for name := range values {
				if name != "resource" && name != "audience" && len(values[name]) == 1 && parameters.Get(name) != values.Get(name) {
					t.Fatalf("%q is %q, net/url says %q", name, parameters.Get(name), values.Get(name))
				}
			}
		}
	})
}

func TestScopes(t *testing.T) {
	t.Parallel()
	for scope, want := range map[string]string{"": "", "openid": "openid", " openid  email openid ": "openid email"} {
		if scopes, err := oauth.ParseScope(scope); err != nil || oauth.FormatScope(scopes) != want {
			t.Errorf("%q: %v %v", scope, scopes, err)
		}
	}
	for _, scope := range []string{`a"b`, `a\b`, "é", "a\tb", strings.Repeat("x", 300), strings.Repeat("a b c d ", 2) + manyScopes()} {
		if _, err := oauth.ParseScope(scope); oauth.FromFault(err) == nil || oauth.FromFault(err).Code != "invalid_scope" {
			t.Errorf("%q: %v", scope, err)
		}
	}
}

func manyScopes() string {
	var text strings.Builder
	for i := range 60 {
		text.WriteString(" s" + strings.Repeat("x", i))
	}
	return text.String()
}
