package text

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/clavex/clavex/backend/internal/fault"
)

// messages reads a language as key → forms of the message ("" for a message without
// plural).
func messages(t *testing.T, name string) map[string]map[string]string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("locale", name))
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	if _, err := toml.Decode(string(content), &raw); err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]string{}
	for key, value := range raw {
		forms := map[string]string{}
		switch value := value.(type) {
		case string:
			forms[""] = value
		case map[string]any:
			for form, words := range value {
				forms[form], _ = words.(string)
			}
		}
		all[key] = forms
	}
	return all
}

var placeholder = regexp.MustCompile(`{{[^}]*}}`)

func placeholders(words string) string {
	found := placeholder.FindAllString(words, -1)
	slices.Sort(found)
	return strings.Join(slices.Compact(found), " ")
}

func TestLanguagesAreComplete(t *testing.T) {
	t.Parallel()
	english := messages(t, "en.toml")
	files, _ := filepath.Glob("locale/*.toml")
	for _, file := range files {
		name := filepath.Base(file)
		language := messages(t, name)
		for key, forms := range english {
			for form, words := range forms {
				other, ok := language[key][form]
				if !ok || strings.TrimSpace(other) == "" {
					t.Errorf("%s lacks %s %s", name, key, form)
				} else if placeholders(words) != placeholders(other) {
					t.Errorf("%s: %s has placeholders %q, English %q", name, key, placeholders(other), placeholders(words))
				}
			}
		}
		for key, forms := range language {
			if english[key] == nil {
				t.Errorf("%s has %s, which English lacks", name, key)
			}
			for form, words := range forms {
				if strings.Contains(words, "!") {
					t.Errorf("%s: %s %s exclaims", name, key, form)
				}
				if strings.TrimSpace(words) != words || strings.Contains(words, "  ") || strings.Contains(words, "...") {
					t.Errorf("%s: %s %s is untidy: %q", name, key, form, words)
				}
			}
		}
	}
	if len(files) < 6 {
		t.Errorf("only %d languages", len(files))
	}
}

// A message that nobody says is a lie waiting to happen; a message that is said must exist.
func TestEveryMessageIsSaid(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	call := regexp.MustCompile(`\b(?:T|Says|organizationSays|clientSays|localize|Counted)\("([a-z0-9_]+)"`)
	quoted := regexp.MustCompile(`"([a-z0-9_]+)"`)
	codes := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "_templ.go") {
			return err
		}
		if ending := filepath.Ext(path); ending != ".go" && ending != ".templ" {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range call.FindAllStringSubmatch(string(content), -1) {
			said[m[1]] = true
		}
		for _, m := range quoted.FindAllStringSubmatch(string(content), -1) {
			codes[m[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range kindNames {
		said[faultPrefix+name] = true
	}
	for _, scope := range []string{"openid", "profile", "email", "phone", "address", "offline_access"} {
		said["scope_"+scope] = true
	}
	english := messages(t, "en.toml")
	for key := range english {
		code, ok := strings.CutPrefix(key, codePrefix)
		if !ok {
			code, ok = strings.CutPrefix(key, waitPrefix)
		}
		if ok {
			if !codes[code] {
				t.Errorf("no fault has the code %q", code)
			}
		} else if !said[key] {
			t.Errorf("nobody says %s", key)
		}
	}
	for key := range said {
		if english[key] == nil {
			t.Errorf("%s is said and does not exist", key)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Languages(); !slices.Equal(got, []string{"en", "de", "es", "fr", "it", "nl"}) {
		t.Fatalf("languages %v", got)
	}
	long := strings.Repeat("x-a, ", 500)
	for _, test := range []struct {
		name     string
		locales  []string
		accept   string
		fallback string
		want     string
	}{
		{"nothing asked", nil, "", "", "en"},
		{"ui_locales before the header", []string{"it"}, "de", "en", "it"},
		{"the first ui_locale that is spoken", []string{"sv-FI", "pt", "de-AT"}, "it", "en", "de"},
		{"ui_locales in none of our languages", []string{"sv", "ja"}, "it-CH, de;q=0.5", "de", "it"},
		{"weights", nil, "sv, de;q=0.3, it;q=0.8", "en", "it"},
		{"regional", nil, "de-CH", "en", "de"},
		{"a header in none of our languages", nil, "sv, ja", "de", "de"},
		{"the organization's default", nil, "", "it", "it"},
		{"an unknown default", nil, "", "tlh", "en"},
		{"malformed", []string{"%%", "", "../../etc"}, ";;q=x", "}{", "en"},
		{"wildcard", nil, "*", "de", "de"},
		{"too long a header", nil, long + "it", "de", "de"},
		{"too long a list", []string{long, "it"}, "", "de", "de"},
	} {
		if got := c.Match(test.locales, test.accept, test.fallback).Language(); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestPrinter(t *testing.T) {
	t.Parallel()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	english, german := c.Match([]string{"en"}, "", ""), c.Match([]string{"de"}, "", "")
	if got := german.T("login_title", "Organization", "Acme <b>"); got != "Bei Acme <b> anmelden" {
		t.Errorf("got %q", got)
	}
	if got := english.T("no_such_key"); got != "no_such_key" {
		t.Errorf("a missing key says %q", got)
	}
	// Arguments are text: what looks like a template in them is not executed.
	if got := english.T("login_title", "Organization", "{{.Organization}}"); got != "Sign in to {{.Organization}}" {
		t.Errorf("got %q", got)
	}
	if english.Direction() != "ltr" {
		t.Error("English runs from left to right")
	}
	if _, ok := english.Scope("other"); ok {
		t.Error("a scope named other has the words of the fallback")
	}
	if words, ok := german.Scope("email"); !ok || words != "Ihre E-Mail-Adresse sehen" {
		t.Errorf("got %q", words)
	}
}

func TestFault(t *testing.T) {
	t.Parallel()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	english := c.Match(nil, "", "en")
	for _, test := range []struct {
		name  string
		fault *fault.Error
		want  string
	}{
		{"by code", fault.New(fault.Unauthenticated, "credentials_wrong", "x"), "fault_code_credentials_wrong"},
		{"unknown code", fault.New(fault.Forbidden, "something_new", "SELECT secret"), "fault_forbidden"},
		{"unknown kind", fault.New(fault.Kind(99), "something_new", "x"), "fault_internal"},
		{"code that is the name of another message", fault.New(fault.Invalid, "wait", "x"), "fault_invalid"},
		{"empty", &fault.Error{}, "fault_internal"},
	} {
		if got := english.Fault(test.fault); got != english.T(test.want) {
			t.Errorf("%s: %q", test.name, got)
		}
	}
	wait := fault.New(fault.RateLimited, "too_many_attempts", "x")
	for after, want := range map[time.Duration]string{0: "a little", time.Second: "1 minute,", time.Minute: "1 minute,", 61 * time.Second: "2 minutes,"} {
		if got := english.Fault(wait.WithRetryAfter(after)); !strings.Contains(got, want) {
			t.Errorf("after %s: %q", after, got)
		}
	}
	network := fault.New(fault.RateLimited, "sign_ins_of_network_limited", "x")
	for after, want := range map[time.Duration]string{time.Second: "your network just now. Wait 1 minute,", 9 * time.Minute: "your network just now. Wait 9 minutes,"} {
		if got := english.Fault(network.WithRetryAfter(after)); !strings.Contains(got, want) {
			t.Errorf("words of its own, after %s: %q", after, got)
		}
	}
}

func TestLoadRefusesFaultyFiles(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]fstest.MapFS{
		"no English":  {"locale/de.toml": {Data: []byte(`a = "b"`)}},
		"not TOML":    {"locale/en.toml": {Data: []byte(`a = `)}},
		"no language": {},
	} {
		if _, err := load(files); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
}
