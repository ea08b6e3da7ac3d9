package org

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// DetailKind is what a field of authorization details contains.
type DetailKind string

// The kinds of fields.
const (
	DetailText    DetailKind = "text"
	DetailNumber  DetailKind = "number"  // as a number or, so that no digit is lost, as a text
	DetailBoolean DetailKind = "boolean" //
	DetailTexts   DetailKind = "texts"   // an array of texts
	DetailAmount  DetailKind = "amount"  // an object of amount (a number) and currency (a text)
)

// DetailKinds lists the kinds of fields.
func DetailKinds() []DetailKind {
	return []DetailKind{DetailText, DetailNumber, DetailBoolean, DetailTexts, DetailAmount}
}

// AuthorizationDetailType is a type of authorization details (RFC 9396 §2) that applications of the organization may
// use: its fields, beside the common ones of §2.2, and what people read before they allow it.
type AuthorizationDetailType struct {
	Type    string                     `json:"type"`
	Fields  []AuthorizationDetailField `json:"fields,omitempty"`
	Consent map[string]string          `json:"consent"` // by language: a sentence with fields in braces
}

// AuthorizationDetailField is a field of a type.
type AuthorizationDetailField struct {
	Name     string            `json:"name"`
	Kind     DetailKind        `json:"kind"`
	Required bool              `json:"required,omitempty"`
	Label    map[string]string `json:"label,omitempty"` // by language; its name where there is none
}

const (
	maximumDetailTypes  = 50
	maximumDetailFields = 30
	maximumDetailLabel  = 100 // characters
	maximumDetailWords  = 300 // characters
)

// commonDetailFields are those of RFC 9396 §2.2, which every type has.
var commonDetailFields = []AuthorizationDetailField{
	{Name: "actions", Kind: DetailTexts}, {Name: "locations", Kind: DetailTexts}, {Name: "datatypes", Kind: DetailTexts},
	{Name: "identifier", Kind: DetailText}, {Name: "privileges", Kind: DetailTexts},
}

// AuthorizationDetailType is the type of the name, nil when there is none.
func (p Policies) AuthorizationDetailType(name string) *AuthorizationDetailType {
	i := slices.IndexFunc(p.AuthorizationDetailTypes, func(known AuthorizationDetailType) bool { return known.Type == name })
	if i < 0 {
		return nil
	}
	return &p.AuthorizationDetailTypes[i]
}

// AllFields are the fields of the type, its own first, then the common ones.
func (t *AuthorizationDetailType) AllFields() []AuthorizationDetailField {
	return append(slices.Clone(t.Fields), commonDetailFields...)
}

// InLanguage is what was written in the first of the languages, in English, or in any.
func InLanguage(words map[string]string, languages ...string) string {
	for _, language := range append(languages, "en") {
		if found := words[language]; found != "" {
			return found
		}
	}
	for _, language := range slices.Sorted(maps.Keys(words)) {
		return words[language]
	}
	return ""
}

var (
	detailTypePattern  = regexp.MustCompile(`^[!#-\[\]-~]{1,200}$`)
	detailFieldPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)
	detailPlaceholder  = regexp.MustCompile(`\{([^{}]*)\}`)
)

// DetailPlaceholders replaces each field in braces of a sentence by what value makes of it.
func DetailPlaceholders(sentence string, value func(field string) string) string {
	return detailPlaceholder.ReplaceAllStringFunc(sentence, func(found string) string { return value(strings.Trim(found, "{}")) })
}

// validateDetails says what is wrong with the types of authorization details: the field and a sentence; empty when
// nothing is.
func (p Policies) validateDetails() (field, problem string) {
	const all = "policies.authorization_details_types"
	if len(p.AuthorizationDetailTypes) > maximumDetailTypes {
		return all, fmt.Sprintf("Define at most %d types.", maximumDetailTypes)
	}
	var names []string
	for i := range p.AuthorizationDetailTypes {
		known := &p.AuthorizationDetailTypes[i]
		if part, problem := known.problem(names); problem != "" {
			return fmt.Sprintf("%s[%d].%s", all, i, part), problem
		}
		names = append(names, known.Type)
	}
	return "", ""
}

func (t *AuthorizationDetailType) problem(taken []string) (part, problem string) {
	switch {
	case !detailTypePattern.MatchString(t.Type):
		return "type", "A type has 1 to 200 visible ASCII characters without quotes and backslashes."
	case slices.Contains(taken, t.Type):
		return "type", "The type " + t.Type + " is defined twice."
	case len(t.Fields) > maximumDetailFields:
		return "fields", fmt.Sprintf("Define at most %d fields.", maximumDetailFields)
	case len(t.Consent) == 0:
		return "consent", "Write what people read before they allow it, in at least one language."
	}
	names := []string{"type"}
	for _, common := range commonDetailFields {
		names = append(names, common.Name)
	}
	for i, field := range t.Fields {
		at := fmt.Sprintf("fields[%d].", i)
		switch {
		case !detailFieldPattern.MatchString(field.Name):
			return at + "name", "A field has a name of at most 64 letters, digits, dots, hyphens and underscores that begins with a letter."
		case slices.Contains(names, field.Name):
			return at + "name", "The field " + field.Name + " is there already."
		case !slices.Contains(DetailKinds(), field.Kind):
			return at + "kind", "Choose text, number, boolean, texts or amount."
		}
		if !wordsAreGood(field.Label, maximumDetailLabel) {
			return at + "label", fmt.Sprintf("A label has at most %d characters on one line, under a language tag such as de.", maximumDetailLabel)
		}
		names = append(names, field.Name)
	}
	if !wordsAreGood(t.Consent, maximumDetailWords) {
		return "consent", fmt.Sprintf("A sentence has at most %d characters on one line, under a language tag such as de.", maximumDetailWords)
	}
	for _, language := range slices.Sorted(maps.Keys(t.Consent)) {
		for _, found := range detailPlaceholder.FindAllStringSubmatch(t.Consent[language], -1) {
			if found[1] == "type" || !slices.Contains(names, found[1]) {
				return "consent", "The sentence names a field that the type does not have."
			}
		}
	}
	return "", ""
}

func wordsAreGood(words map[string]string, most int) bool {
	for language, text := range words {
		if !localePattern.MatchString(language) || text == "" || len([]rune(text)) > most || strings.ContainsFunc(text, isControl) {
			return false
		}
	}
	return true
}
