package credential

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/user"
)

// Words that somebody tries who knows whose password it is (NIST SP 800-63B-4 §3.1.1.2). A password may hold them, but
// has to be more: around the word stand at least aroundLeast characters, whatever they are. So a passphrase in which the
// name happens to be is as good as any. Letters and digits are compared, whatever their case and whatever stands between
// them: "ada.lovelace" and "A-d-a Lovelace" are "AdaLovelace".
const (
	wordLeast   = 4 // characters of a word that is looked at
	aroundLeast = 4
)

// littleMore reports whether a password is little more than what the person, their address or the organization is called.
func littleMore(password string, organization *org.Organization, person *user.User) bool {
	letters, at := significant(password)
	length := len([]rune(password))
	return slices.ContainsFunc(contextWords(organization, person), func(word []rune) bool {
		for i := 0; i+len(word) <= len(letters); i++ {
			if around := length - (at[i+len(word)-1] - at[i] + 1); around < aroundLeast && slices.Equal(letters[i:i+len(word)], word) {
				return true
			}
		}
		return false
	})
}

// contextWords are the names of a person and of the organization, as a whole and word by word.
func contextWords(organization *org.Organization, person *user.User) (words [][]rune) {
	add := func(text string) {
		if word, _ := significant(text); len(word) >= wordLeast {
			words = append(words, word)
		}
	}
	local, domain, _ := strings.Cut(person.Email, "@")
	label, _, _ := strings.Cut(domain, ".")
	profile := &person.Profile
	add(person.Email)
	for _, name := range []string{person.Username, local, label, profile.Name, profile.GivenName, profile.MiddleName, profile.FamilyName, profile.GivenName + " " + profile.FamilyName,
		profile.Nickname, profile.PreferredUsername, organization.Slug, organization.DisplayName} {
		add(name)
		for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return !isSignificant(r) && !unicode.IsMark(r) }) {
			add(word)
		}
	}
	return words
}

// significant are the letters and digits of a text in small letters, and at which character of it each of them is.
func significant(text string) (letters []rune, at []int) {
	for i, r := range []rune(norm.NFC.String(text)) {
		if isSignificant(r) {
			letters, at = append(letters, unicode.ToLower(r)), append(at, i)
		}
	}
	return letters, at
}

func isSignificant(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }
