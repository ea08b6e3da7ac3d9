package account

import (
	"context"
	"net/http"
	"strings"
	_ "time/tzdata" // zones are checked and shown also where the machine has no list of them
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/unicode/norm"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/page"
	"github.com/clavex/clavex/backend/internal/web/text"
)

// longestName is how many characters a name has at most.
const longestName = 100

// The faults of a profile.
var (
	ErrNameInvalid = fault.New(fault.Invalid, "name_invalid", "A name has at most 100 printable characters.")
	ErrZoneUnknown = fault.New(fault.Invalid, "zoneinfo_unknown", "There is no time zone of this name in the IANA database.").WithField("zoneinfo")
)

func (v *visit) showProfile() { v.profile(http.StatusOK, v.live.User.Profile, nil) }

func (v *visit) profile(status int, shown user.Profile, problem *fault.Error) {
	person := v.live.User
	view := page.AccountProfile{OwnAccount: v.shell(), Form: v.hidden(), Username: person.Username, Email: person.Email, Name: shown.Name,
		GivenName: shown.GivenName, FamilyName: shown.FamilyName, Nickname: shown.Nickname, Zone: shown.Zoneinfo, Fault: problem}
	view.Languages = append(view.Languages, page.Option{Label: v.words.T("profile_language_none")})
	if v.SignIn.AddressesOpen(v.ctx(), v.organization) {
		view.EmailURL = v.address(pathEmail)
	}
	chosen := v.spoken(shown.Locale)
	for _, name := range v.Texts.Languages() {
		view.Languages = append(view.Languages, page.Option{Value: name, Label: display.Self.Name(language.Make(name)), Chosen: name == chosen})
	}
	v.SignIn.Render(v.c, status, view)
}

// spoken is the language of ours that a locale means, "" when it is none.
func (v *visit) spoken(locale string) string {
	if locale == "" {
		return ""
	}
	wanted, _ := language.Make(locale).Base()
	for _, name := range v.Texts.Languages() {
		if base, _ := language.Make(name).Base(); base == wanted {
			return name
		}
	}
	return ""
}

func (v *visit) postProfile() {
	changed := *v.live.User
	err := v.read(&changed.Profile)
	if err == nil && changed.Profile != v.live.User.Profile {
		err = v.Store.InTx(v.ctx(), func(ctx context.Context, tx *store.Tx) error {
			_, err := v.Users.Update(ctx, tx, v.actor(), changed)
			return err
		})
	}
	if err != nil {
		v.failed(err, func(status int, problem *fault.Error) { v.profile(status, changed.Profile, problem) })
		return
	}
	v.back(pathProfile, "saved")
}

// read takes over what the form says. A locale is kept as it was when the language stays the same: it may name a region.
func (v *visit) read(profile *user.Profile) error {
	var problem error
	for _, field := range []struct {
		name string
		into *string
	}{{"name", &profile.Name}, {"given_name", &profile.GivenName}, {"family_name", &profile.FamilyName}, {"nickname", &profile.Nickname}} {
		*field.into = strings.Join(strings.Fields(norm.NFC.String(v.form.Get(field.name))), " ")
		if problem == nil && !isName(*field.into) {
			problem = ErrNameInvalid.WithField(field.name)
		}
	}
	if chosen := v.form.Get("locale"); chosen != v.spoken(profile.Locale) && (chosen == "" || v.spoken(chosen) == chosen) {
		profile.Locale = chosen
	}
	profile.Zoneinfo = strings.TrimSpace(v.form.Get("zoneinfo"))
	if problem == nil && profile.Zoneinfo != "" && text.Zone(profile.Zoneinfo) == nil {
		problem = ErrZoneUnknown
	}
	return problem
}

func isName(name string) bool {
	return utf8.RuneCountInString(name) <= longestName && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar })
}
