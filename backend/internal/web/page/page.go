// Package page draws the hosted pages. A view struct holds everything a page shows and is
// itself the templ component; nothing here asks a database, reads a request or decides
// what comes next.
//
// The ids of elements are a promise to people who automate (docs: "Hosted pages: element
// ids"). Every page is complete without JavaScript. Names of applications and people come
// from outside: they are shown as text only, stripped of characters that could reorder or
// hide what stands around them.
package page

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/a-h/templ"

	"github.com/clavex/clavex/backend/internal/brand"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/web/text"
)

// Frame is what surrounds every page.
type Frame struct {
	Text         *text.Printer // the language; required
	Organization Organization  // zero when the page belongs to none (unknown organization)
}

// Organization is whose page it is.
type Organization struct {
	Name    string      // display name
	LogoURL string      // on our own origin or a data: URI; "" shows the first letter instead
	Style   brand.Style // "" wears the default brand
}

// Client is the application that a page speaks about.
type Client struct {
	Name      string
	LogoURL   string // on our own origin or a data: URI; "" when none
	Host      string // of the redirect URI that this request leads to, which was verified; "" shows none
	PolicyURL string // http(s), "" when not registered
	TermsURL  string // http(s), "" when not registered
}

// Form is where a page's form goes and what it carries unseen.
type Form struct {
	Action      string // path on this host
	Transaction string // the login transaction, field "transaction"; "" leaves it out
	CSRFToken   string // field "csrf_token"
	Fields      []Field
}

// Field is one hidden field of a form.
type Field struct{ Name, Value string }

func (f Form) hidden() []Field {
	fields := make([]Field, 0, len(f.Fields)+2)
	if f.Transaction != "" {
		fields = append(fields, Field{"transaction", f.Transaction})
	}
	if f.CSRFToken != "" {
		fields = append(fields, Field{"csrf_token", f.CSRFToken})
	}
	return append(fields, f.Fields...)
}

// How many characters of a name, and of a technical sentence, are shown.
const (
	maxName     = 80
	maxSentence = 400
	maxDetail   = 5000 // nothing that is allowed stays hidden
)

// destination is an address that belongs to an application and was compared with what it registered: a web address, or
// one of a private-use scheme of a native application, which has a period (RFC 8252 §7.1). The links of templates take
// only the former; what runs in this page (javascript:, data:) is neither.
func destination(address string) templ.SafeURL {
	if scheme, _, found := strings.Cut(address, ":"); found && privateScheme.MatchString(scheme) {
		return templ.SafeURL(address)
	}
	return templ.URL(address)
}

var privateScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+-]*(\.[A-Za-z0-9+-]+)+$`)

// clean makes a name from outside fit for the middle of our sentences: one line, of
// bounded length, without control, formatting or private characters. Joiners stay, because
// Persian and Indic names and emoji need them.
func clean(name string) string { return shorten(name, maxName) }

func shorten(name string, most int) string {
	const joiner, nonJoiner = '\u200d', '\u200c'
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == joiner || r == nonJoiner:
			return r
		case r == unicode.ReplacementChar, unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs):
			return -1
		}
		return r
	}, name)
	runes := []rune(strings.Join(strings.Fields(name), " "))
	if len(runes) > most {
		return strings.TrimSpace(string(runes[:most-1])) + "…"
	}
	return string(runes)
}

// list is several names in one line.
func list(names []string) string {
	cleaned := make([]string, len(names))
	for i, name := range names {
		cleaned[i] = clean(name)
	}
	return strings.Join(cleaned, ", ")
}

// monogram is the first letter or digit of a name in capitals, "" when there is none.
func monogram(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return ""
}

// title is the document's title: what is to be done, and whose page it is.
func (f Frame) title(heading string) string {
	name := f.name()
	if name == "" || strings.Contains(heading, name) {
		return heading
	}
	return heading + " · " + name
}

func (f Frame) name() string { return clean(f.Organization.Name) }

// organizationSays is T with the organization's name as argument.
func (f Frame) organizationSays(key string) string {
	return f.Text.T(key, "Organization", f.name())
}

// clientSays is T with the application's name as argument.
func (f Frame) clientSays(key string, c *Client) string {
	return f.Text.T(key, "Client", clean(c.Name))
}

// about reports whether a fault concerns one of the fields.
func about(f *fault.Error, fields ...string) bool {
	if f == nil {
		return false
	}
	for _, field := range fields {
		if f.Field == field {
			return true
		}
	}
	return false
}
