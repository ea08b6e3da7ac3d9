package text

import (
	"fmt"
	"math"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/clavex/clavex/backend/internal/fault"
)

// Printer says things in one language. It is safe for concurrent use.
type Printer struct {
	tag       language.Tag
	localizer *i18n.Localizer
	known     map[string]bool
}

// Language is the BCP 47 tag, for the lang attribute and Content-Language.
func (p *Printer) Language() string { return p.tag.String() }

// Direction is "rtl" or "ltr", for the dir attribute.
func (p *Printer) Direction() string {
	switch script, _ := p.tag.Script(); script.String() {
	case "Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm":
		return "rtl"
	default:
		return "ltr"
	}
}

// T is the message of a key. Arguments are pairs of placeholder name and value:
//
//	p.T("login_title", "Organization", "Acme")
//
// The result is plain text, not markup. A key that does not exist, which a test excludes,
// yields the key itself: a page with one odd word serves better than none.
func (p *Printer) T(key string, arguments ...any) string {
	return p.localize(key, nil, arguments)
}

// Counted is T with "Count" in the plural form of the number.
func (p *Printer) Counted(key string, count int) string {
	return p.localize(key, count, []any{"Count", count})
}

func (p *Printer) localize(key string, count any, arguments []any) string {
	var data map[string]any
	if len(arguments) > 0 {
		data = make(map[string]any, len(arguments)/2)
		for i := 0; i+1 < len(arguments); i += 2 {
			data[fmt.Sprint(arguments[i])] = arguments[i+1]
		}
	}
	config := &i18n.LocalizeConfig{MessageID: key, TemplateData: data, PluralCount: count}
	message, err := p.localizer.Localize(config)
	if err != nil && message == "" {
		return key
	}
	return message
}

// The messages of faults are found by code, else by kind.
const (
	faultPrefix = "fault_"
	codePrefix  = "fault_code_"
	waitPrefix  = "fault_wait_" // rate limits that say how long to wait; "fault_wait" is for all others
)

var kindNames = map[fault.Kind]string{
	fault.Internal:           "internal",
	fault.Invalid:            "invalid",
	fault.Unauthenticated:    "unauthenticated",
	fault.Forbidden:          "forbidden",
	fault.NotFound:           "not_found",
	fault.Conflict:           "conflict",
	fault.PreconditionFailed: "conflict",
	fault.TooLarge:           "too_large",
	fault.RateLimited:        "rate_limited",
	fault.Unavailable:        "unavailable",
}

// Fault says what happened and what to do: in words for the fault's code if there are
// any, else for its kind. The fault's own message, which is English and may be technical,
// is not used. A rate limit that says how long to wait is told in minutes.
func (p *Printer) Fault(f *fault.Error) string {
	if f.Kind == fault.RateLimited && f.RetryAfter > 0 {
		minutes := int(math.Ceil(f.RetryAfter.Seconds() / time.Minute.Seconds()))
		arguments := []any{"Minutes", minutes}
		if p.known[waitPrefix+f.Code] {
			return p.localize(waitPrefix+f.Code, minutes, arguments)
		}
		return p.localize("fault_wait", minutes, arguments)
	}
	if p.known[codePrefix+f.Code] {
		return p.T(codePrefix + f.Code)
	}
	name, ok := kindNames[f.Kind]
	if !ok {
		name = kindNames[fault.Internal]
	}
	return p.T(faultPrefix + name)
}

// Moment writes a point in time as people of the language do, in the zone; in UTC, and saying so, when that is nil.
func (p *Printer) Moment(at time.Time, zone *time.Location) string {
	if zone == nil {
		return at.UTC().Format(p.T("moment_layout")) + " UTC"
	}
	return at.In(zone).Format(p.T("moment_layout"))
}

// Scope says in a sentence what a scope allows, and whether there is one: for the scopes
// of OpenID Connect Core 1.0 §5.4 and §11.
func (p *Printer) Scope(scope string) (string, bool) {
	key := "scope_" + scope
	if !p.known[key] || scope == "other" {
		return "", false
	}
	return p.T(key), true
}

// Zone is the time zone of a name (IANA), nil when there is none.
func Zone(name string) *time.Location {
	if name == "" || name == "Local" {
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return zone
}

// Country is the name of a country (ISO 3166-1 alpha-2), the code itself where it has none.
func (p *Printer) Country(code string) string {
	region, err := language.ParseRegion(code)
	if err != nil {
		return code
	}
	if name := display.Regions(p.tag).Name(region); name != "" {
		return name
	}
	return code
}
