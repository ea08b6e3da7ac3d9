// Package text speaks to people: it holds what the hosted pages say in every language, and
// chooses the language.
//
// The words live in locale/*.toml, one file per language, embedded. English is complete by
// definition; a test fails when another language lacks a message, has one too many, or
// names other placeholders. Technical texts for operators (problem details, OAuth
// error_description, logs) are English and not kept here.
package text

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed locale/*.toml
var locales embed.FS

// Catalog holds every language. It is read once at the start and safe for concurrent use.
type Catalog struct {
	bundle    *i18n.Bundle
	tags      []language.Tag // English first: the answer when nothing matches
	matcher   language.Matcher
	printers  map[language.Tag]*Printer
	languages []string
}

// Load reads the embedded languages. It fails only when the files themselves are faulty.
func Load() (*Catalog, error) {
	return load(locales)
}

func load(files fs.FS) (*Catalog, error) {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	names, err := fs.Glob(files, "locale/*.toml")
	if err != nil {
		return nil, fmt.Errorf("list languages: %w", err)
	}
	keys := map[language.Tag]map[string]bool{}
	for _, name := range names {
		file, err := bundle.LoadMessageFileFS(files, name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		known := map[string]bool{}
		for _, message := range file.Messages {
			known[message.ID] = true
		}
		keys[file.Tag] = known
	}
	if keys[language.English] == nil {
		return nil, errors.New("locale/en.toml is missing")
	}
	c := &Catalog{bundle: bundle, tags: []language.Tag{language.English}, printers: map[language.Tag]*Printer{}}
	others := slices.SortedFunc(maps.Keys(keys), func(a, b language.Tag) int { return strings.Compare(a.String(), b.String()) })
	for _, tag := range others {
		if tag != language.English {
			c.tags = append(c.tags, tag)
		}
	}
	for _, tag := range c.tags {
		c.languages = append(c.languages, tag.String())
		c.printers[tag] = &Printer{tag: tag, localizer: i18n.NewLocalizer(bundle, tag.String()), known: keys[tag]}
	}
	c.matcher = language.NewMatcher(c.tags)
	return c, nil
}

// Languages lists the languages as BCP 47 tags, English first.
func (c *Catalog) Languages() []string { return slices.Clone(c.languages) }

// The length beyond which a language list is ignored: longer ones come from nobody who
// wants to read, and parsing them costs time.
const maxLanguages = 512

// Match chooses the language: the first of ui_locales (OpenID Connect Core 1.0 §3.1.2.1,
// in order of preference) that is spoken here, else the best of the Accept-Language
// header, else fallback (the organization's default), else English. Malformed input is
// passed over.
func (c *Catalog) Match(uiLocales []string, acceptLanguage, fallback string) *Printer {
	if p := c.first(uiLocales); p != nil {
		return p
	}
	if len(acceptLanguage) <= maxLanguages {
		if wanted, _, err := language.ParseAcceptLanguage(acceptLanguage); err == nil && len(wanted) > 0 {
			if _, index, confidence := c.matcher.Match(wanted...); confidence > language.No {
				return c.printers[c.tags[index]]
			}
		}
	}
	if p := c.first([]string{fallback}); p != nil {
		return p
	}
	return c.printers[language.English]
}

func (c *Catalog) first(wanted []string) *Printer {
	size := 0
	for _, name := range wanted {
		if size += len(name); size > maxLanguages {
			return nil
		}
		tag, err := language.Parse(name)
		if err != nil || tag == language.Und {
			continue
		}
		if _, index, confidence := c.matcher.Match(tag); confidence > language.No {
			return c.printers[c.tags[index]]
		}
	}
	return nil
}
