package page

import (
	"context"
	"io"
	"strings"

	"github.com/clavex/clavex/backend/internal/fault"
)

// OwnAccount is what every page has on which a person looks after their account.
type OwnAccount struct {
	Frame
	Person string // what the person is called
	Title  string // of a page that is opened from another one; "" for the label of the present page
	Places []Place
	Done   string // what was just done, in words; "" when nothing was
}

// Place is one of the pages, in the list of all of them.
type Place struct {
	Label   string
	URL     string
	Current bool
}

// heading is the title, or the label of the present page.
func (a OwnAccount) heading() string {
	if a.Title != "" {
		return a.Title
	}
	for _, place := range a.Places {
		if place.Current {
			return place.Label
		}
	}
	return a.Text.T("account_title")
}

// AccountProfile shows who a person is, and lets them change what is theirs to say: fields "name", "given_name",
// "family_name", "nickname", "locale" and "zoneinfo".
type AccountProfile struct {
	OwnAccount
	Form
	Username, Email                       string
	Name, GivenName, FamilyName, Nickname string
	Zone                                  string
	Languages                             []Option
	EmailURL                              string // where the address is changed; "" where it is not
	Fault                                 *fault.Error
}

// Option is something that may be chosen.
type Option struct {
	Value, Label string
	Chosen       bool
}

// Render implements templ.Component.
func (v AccountProfile) Render(ctx context.Context, w io.Writer) error {
	return v.page().Render(ctx, w)
}

// AccountEmail asks for another e-mail address: field "email".
type AccountEmail struct {
	OwnAccount
	Form
	Present string // "" when there is none
	Typed   string
	Domains []string // that addresses must be of; empty: any
	BackURL string
	Fault   *fault.Error
}

// Render implements templ.Component.
func (v AccountEmail) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

func (v AccountEmail) described() string {
	parts := []string{}
	if about(v.Fault, "email") {
		parts = append(parts, "notice")
	}
	if len(v.Domains) > 0 {
		parts = append(parts, "email-hint")
	}
	return strings.Join(parts, " ")
}

// invalid reports whether the fault lies in the field.
func (v AccountProfile) invalid(field string) bool { return about(v.Fault, field) }

// described is the list of ids that explain a field.
func (v AccountProfile) described(field, hint string) string {
	parts := []string{}
	if v.invalid(field) {
		parts = append(parts, "notice")
	}
	if hint != "" {
		parts = append(parts, hint)
	}
	return strings.Join(parts, " ")
}

// AccountMethods shows how a person proves who they are.
type AccountMethods struct {
	OwnAccount
	Methods []Method
}

// Method is one of the ways to prove who one is.
type Method struct {
	ID    string // of its part of the page
	Title string
	State string // in a sentence
	Label string // of the link to where it is changed
	URL   string
}

// Render implements templ.Component.
func (v AccountMethods) Render(ctx context.Context, w io.Writer) error {
	return v.page().Render(ctx, w)
}

// AccountPassword asks for a new password, twice: fields "new_password" and "new_password_confirmation".
type AccountPassword struct {
	OwnAccount
	Form
	Username  string
	MinLength int
	BackURL   string
	Fault     *fault.Error
}

// Render implements templ.Component.
func (v AccountPassword) Render(ctx context.Context, w io.Writer) error {
	return v.page().Render(ctx, w)
}

func (v AccountPassword) aboutPassword() bool {
	return about(v.Fault, "new_password", "new_password_confirmation", "password")
}

func (v AccountPassword) described() string {
	if v.aboutPassword() {
		return "notice password-hint"
	}
	return "password-hint"
}

// AccountSessions shows where a person is signed in. A form ends one of them, field "session", or with "others" all but
// this one.
type AccountSessions struct {
	OwnAccount
	Form
	Sessions  []SignedIn // the present one first
	Devices   []RememberedDevice
	Limit     int // on how many devices the person is signed in at the same time; 0: on as many as they like
	LogoutURL string
}

// RememberedDevice is a browser in which the person is not asked for a second factor. The form forgets it, field "device".
type RememberedDevice struct {
	ID           string
	Device       string // in words
	Since, Until Moment
	Present      bool
}

// SignedIn is a browser in which a person is signed in.
type SignedIn struct {
	ID       string
	Device   string // in words
	Address  string // of the network; "" when not known
	Began    Moment
	LastUsed Moment
	Stays    Moment // until when the person stays signed in there, as they said; empty when they did not
	Present  bool   // it is the one that the page is shown in
}

// Render implements templ.Component.
func (v AccountSessions) Render(ctx context.Context, w io.Writer) error {
	return v.page().Render(ctx, w)
}

// Moment is a point in time as people read it, and as programs do.
type Moment struct{ Shown, Exact string }

// AccountApplications shows what a person allowed applications. A form takes it back: field "client".
type AccountApplications struct {
	OwnAccount
	Applications []Application
}

// Application is what an application may do.
type Application struct {
	Consent        // Scopes and Resources
	ID      string // names it in the form
	Since   Moment
}

// Render implements templ.Component.
func (v AccountApplications) Render(ctx context.Context, w io.Writer) error {
	return v.page().Render(ctx, w)
}

// AccountActivity shows what happened with an account, the latest first.
type AccountActivity struct {
	OwnAccount
	Events    []Happened
	OlderURL  string // "" when there is nothing older
	NewestURL string // "" on the first page
}

// Happened is one event.
type Happened struct {
	What    string // in a sentence
	By      string // who did it, when it was not the person; "" leaves it out
	Where   string // device and network
	At      Moment
	Problem bool // an attempt that failed
}

// Render implements templ.Component.
func (v AccountActivity) Render(ctx context.Context, w io.Writer) error {
	return v.page().Render(ctx, w)
}

// AccountData hands a person what is kept about them.
type AccountData struct {
	OwnAccount
	Form
	DeleteURL string // where the account is deleted; "" where people do not do that themselves
}

// Render implements templ.Component.
func (v AccountData) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

// AccountIdentities lists the accounts elsewhere that are linked to a person's, and where more can be: fields "link" (alias of a
// provider) and "unlink" (identifier).
type AccountIdentities struct {
	OwnAccount
	Form
	Linked    []LinkedIdentity
	Providers []LinkableProvider
	BackURL   string
	Fault     *fault.Error
}

// LinkedIdentity is an account elsewhere.
type LinkedIdentity struct {
	ID, Provider, Name string
	Since              Moment
}

// LinkableProvider is where an account can be linked.
type LinkableProvider struct{ Alias, Name string }

// Render implements templ.Component.
func (v AccountIdentities) Render(ctx context.Context, w io.Writer) error {
	return v.page().Render(ctx, w)
}

// AccountDelete asks a person whether their account is to be erased.
type AccountDelete struct {
	OwnAccount
	Form
	Username string
	Days     int    // in which the account can be kept
	When     Moment // it is erased
	DataURL  string
	Fault    *fault.Error
}

// Render implements templ.Component.
func (v AccountDelete) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

// elementID is the id of the element for a field.
func elementID(field string) string { return strings.ReplaceAll(field, "_", "-") }
