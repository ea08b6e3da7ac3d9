// Package letter writes the mails that people get, in their language and their organization's colour, as plain text and
// as HTML. Like package page it asks nobody and decides nothing. The HTML needs nothing from elsewhere: mail programs
// fetch no pictures without asking, and a picture would tell us who reads when.
package letter

import (
	"bytes"
	_ "embed"
	"html/template"
	"strings"

	"github.com/clavex/clavex/backend/internal/brand"
	"github.com/clavex/clavex/backend/internal/web/text"
)

// Frame is what every letter has.
type Frame struct {
	Text         *text.Printer // the language; required
	Organization string        // display name
	Color        string        // #rrggbb; "" wears Clavex's own
	Site         string        // address of the organization, named at the end
}

// Content is a finished letter.
type Content struct{ Subject, Text, HTML string }

// defaultColor is the brand of an organization that chose none, as in web/asset/tokens.css.
const defaultColor = "#0b6174"

// body is what a letter says between its heading and its end.
type body struct {
	heading    string
	paragraphs []string // before the code or the link
	code       string   // to be typed; "" when there is none
	after      []string // paragraphs behind the code
	label, url string   // of the link
	closing    []string // paragraphs at the end
	footer     string   // why they get it; "" for that somebody gave the address
}

//go:embed letter.html
var source string

var layout = template.Must(template.New("letter").Parse(source))

// view is what the HTML is made of.
type view struct {
	Language, Direction, Organization string
	Solid, On, Link                   string // colours
	Heading                           string
	Paragraphs, After, Closing        []string
	Code, Label, URL, Footer          string
}

// VerifyAddress asks a person to prove that an address is theirs: by typing the code, or by opening the address, in the
// browser in which they gave it.
func VerifyAddress(f Frame, code, url string, minutes int) Content {
	return f.write(f.organizationSays("mail_verify_subject"), body{
		heading: f.organizationSays("mail_verify_title"), paragraphs: []string{f.organizationSays("mail_verify_reason")}, code: code,
		after: []string{f.Text.T("mail_verify_time", "Minutes", minutes)}, label: f.organizationSays("mail_verify_link"), url: url,
		closing: []string{f.organizationSays("mail_verify_ignore")},
	})
}

// AccountExists tells a person that somebody wanted to make a second account with their address.
func AccountExists(f Frame, url string) Content {
	return f.write(f.organizationSays("mail_exists_subject"), body{
		heading: f.organizationSays("mail_exists_title"), paragraphs: []string{f.organizationSays("mail_exists_reason")}, label: f.organizationSays("mail_exists_link"), url: url,
		closing: []string{f.organizationSays("mail_exists_ignore")},
	})
}

// RecoverPassword lets a person who forgot their password choose another: by typing the code, or by opening the address,
// in the browser in which they asked for it.
func RecoverPassword(f Frame, code, url string, minutes int) Content {
	return f.write(f.organizationSays("mail_recover_subject"), body{
		heading: f.organizationSays("mail_recover_title"), paragraphs: []string{f.organizationSays("mail_recover_reason")}, code: code,
		after: []string{f.Text.T("mail_verify_time", "Minutes", minutes)}, label: f.organizationSays("mail_verify_link"), url: url,
		closing: []string{f.organizationSays("mail_recover_ignore")},
	})
}

// NewAddress asks a person to prove that the address which is to be theirs is: by typing the code, or by opening the
// page, in the browser in which they gave it.
func NewAddress(f Frame, code, url string, minutes int) Content {
	return f.write(f.organizationSays("mail_address_subject"), body{
		heading: f.Text.T("mail_address_title"), paragraphs: []string{f.organizationSays("mail_address_reason")}, code: code,
		after: []string{f.Text.T("mail_verify_time", "Minutes", minutes)}, label: f.organizationSays("mail_verify_link"), url: url,
		closing: []string{f.Text.T("mail_address_ignore")},
	})
}

// OwnAddress asks a person to prove that they read the mail of the address that their account has.
func OwnAddress(f Frame, code, url string, minutes int) Content {
	return f.write(f.organizationSays("mail_verify_subject"), body{
		heading: f.Text.T("mail_verify_title"), paragraphs: []string{f.organizationSays("mail_own_address_reason")}, code: code,
		after: []string{f.Text.T("mail_verify_time", "Minutes", minutes)}, label: f.organizationSays("mail_verify_link"), url: url,
		closing: []string{f.Text.T("mail_address_ignore")},
	})
}

// AddressTaken tells a person that somebody wanted their address for another account.
func AddressTaken(f Frame, url string) Content {
	return f.write(f.organizationSays("mail_exists_subject"), body{
		heading: f.organizationSays("mail_exists_title"), paragraphs: []string{f.organizationSays("mail_address_taken")}, label: f.organizationSays("mail_exists_link"), url: url,
		closing: []string{f.organizationSays("mail_exists_ignore")},
	})
}

// AddressChanged tells that an account has another address. undo is where the change is undone for some days; "" says
// nothing of that.
func AddressChanged(f Frame, username, undo string, days int) Content {
	b := body{heading: f.Text.T("mail_address_changed_title"), paragraphs: []string{f.Text.T("mail_address_changed_reason", "Organization", f.name(), "Username", line(username))},
		closing: []string{f.organizationSays("mail_changed_ignore")}, footer: f.accountFooter()}
	if undo != "" {
		b.after, b.label, b.url = []string{f.Text.T("mail_address_changed_undo", "Days", days)}, f.Text.T("mail_address_changed_link"), undo
	}
	return f.write(f.organizationSays("mail_address_changed_subject"), b)
}

// AddressSet tells a person that an administrator gave their account another address.
func AddressSet(f Frame, username string) Content {
	return f.write(f.organizationSays("mail_address_changed_subject"), body{heading: f.Text.T("mail_address_changed_title"),
		paragraphs: []string{f.Text.T("mail_address_set_reason", "Organization", f.name(), "Username", line(username))},
		closing:    []string{f.organizationSays("mail_changed_ignore")}, footer: f.accountFooter()})
}

// AddressRestored tells a person that a change of their address was undone.
func AddressRestored(f Frame, username string) Content {
	return f.write(f.organizationSays("mail_address_changed_subject"), body{heading: f.Text.T("mail_address_restored_title"),
		paragraphs: []string{f.Text.T("mail_address_restored_reason", "Organization", f.name(), "Username", line(username))},
		closing:    []string{f.organizationSays("mail_changed_ignore")}, footer: f.accountFooter()})
}

// Leaving tells a person that their account is erased at a moment, and where it can be kept.
func Leaving(f Frame, username, when, url string) Content {
	return f.write(f.organizationSays("mail_leaving_subject"), body{heading: f.Text.T("mail_leaving_title"),
		paragraphs: []string{f.Text.T("mail_leaving_reason", "Organization", f.name(), "Username", line(username), "When", when)},
		after:      []string{f.Text.T("mail_leaving_keep")}, label: f.organizationSays("mail_exists_link"), url: url,
		closing: []string{f.organizationSays("mail_changed_ignore")}, footer: f.accountFooter()})
}

// Kept tells a person that their account is not erased.
func Kept(f Frame, username string) Content {
	return f.write(f.organizationSays("mail_kept_subject"), body{heading: f.Text.T("mail_kept_title"),
		paragraphs: []string{f.Text.T("mail_kept_reason", "Organization", f.name(), "Username", line(username))},
		closing:    []string{f.organizationSays("mail_changed_ignore")}, footer: f.accountFooter()})
}

// Erased tells somebody that their account is gone.
func Erased(f Frame, username string) Content {
	return f.write(f.organizationSays("mail_erased_subject"), body{heading: f.Text.T("mail_erased_title"),
		paragraphs: []string{f.Text.T("mail_erased_reason", "Organization", f.name(), "Username", line(username))},
		closing:    []string{f.Text.T("mail_erased_last")}, footer: f.accountFooter()})
}

// IdentityLinked tells a person that an account elsewhere was linked to theirs.
func IdentityLinked(f Frame, username, provider string) Content {
	return f.identity(f.Text.T("mail_identity_linked_title"), f.Text.T("mail_identity_linked_reason", f.about(username, provider)...))
}

// IdentityUnlinked tells a person that an account elsewhere is linked to theirs no more.
func IdentityUnlinked(f Frame, username, provider string) Content {
	return f.identity(f.Text.T("mail_identity_unlinked_title"), f.Text.T("mail_identity_unlinked_reason", f.about(username, provider)...))
}

func (f Frame) identity(heading, reason string) Content {
	return f.write(f.organizationSays("mail_identity_subject"), body{heading: heading, paragraphs: []string{reason}, closing: []string{f.organizationSays("mail_changed_ignore")}, footer: f.accountFooter()})
}

// about names an account here and a provider elsewhere.
func (f Frame) about(username, provider string) []any {
	return []any{"Organization", f.name(), "Username", line(username), "Provider", line(provider)}
}

// MagicLink lets a person sign in: by opening the address, or by typing the code, in the browser in which they asked for it.
func MagicLink(f Frame, code, url string, minutes int) Content {
	return f.write(f.organizationSays("mail_magic_link_subject"), body{
		heading: f.organizationSays("mail_magic_link_subject"), paragraphs: []string{f.organizationSays("mail_magic_link_reason")}, code: code,
		after: []string{f.Text.T("mail_verify_time", "Minutes", minutes)}, label: f.organizationSays("mail_verify_link"), url: url,
		closing: []string{f.Text.T("mail_magic_link_ignore")},
	})
}

// Invitation asks a person to choose how they sign in to the account that was made for them, by opening the address, which
// works until a moment.
func Invitation(f Frame, username, url, until string) Content {
	return f.write(f.organizationSays("mail_invitation_subject"), body{
		heading: f.organizationSays("mail_invitation_subject"), paragraphs: []string{f.Text.T("mail_invitation_reason", "Organization", f.name(), "Username", line(username)), f.Text.T("mail_invitation_how")},
		label: f.Text.T("mail_invitation_link"), url: url, after: []string{f.Text.T("mail_invitation_time", "Until", until)}, closing: []string{f.Text.T("mail_invitation_ignore")},
	})
}

// PasswordChanged tells a person that their password was changed.
func PasswordChanged(f Frame, username string) Content {
	return f.write(f.organizationSays("mail_changed_subject"), body{
		heading:    f.organizationSays("mail_changed_title"),
		paragraphs: []string{f.Text.T("mail_changed_reason", "Organization", f.name(), "Username", line(username))},
		closing:    []string{f.organizationSays("mail_changed_ignore")}, footer: f.accountFooter(),
	})
}

// SignIn is what a person recognises a sign-in of theirs by. What is not known is "".
type SignIn struct{ Device, Country, Address, When string }

// NewSignIn tells a person that somebody signed in to their account in a way that is new to it. url is where the person
// sees all sign-ins and ends them.
func NewSignIn(f Frame, username string, from SignIn, url string) Content {
	paragraphs := []string{f.Text.T("mail_sign_in_reason", "Organization", f.name(), "Username", line(username)), f.Text.T("mail_sign_in_device", "Device", line(from.Device))}
	if from.Country != "" {
		paragraphs = append(paragraphs, f.Text.T("mail_sign_in_country", "Country", from.Country))
	}
	if from.Address != "" {
		paragraphs = append(paragraphs, f.Text.T("mail_sign_in_address", "Address", from.Address))
	}
	paragraphs = append(paragraphs, f.Text.T("mail_sign_in_time", "Time", from.When))
	return f.write(f.organizationSays("mail_sign_in_subject"), body{heading: f.Text.T("mail_sign_in_title"), paragraphs: paragraphs, after: []string{f.Text.T("mail_sign_in_not_me")},
		label: f.Text.T("mail_sign_in_link"), url: url, footer: f.accountFooter()})
}

// PasskeyAdded tells a person that their account has one more passkey.
func PasskeyAdded(f Frame, username, name string) Content {
	return f.passkey(f.organizationSays("mail_passkey_added_subject"), f.Text.T("mail_passkey_added_title"),
		f.Text.T("mail_passkey_added_reason", "Organization", f.name(), "Username", line(username), "Name", line(name)))
}

// PasskeyRemoved tells a person that a passkey of theirs was removed.
func PasskeyRemoved(f Frame, username, name string) Content {
	return f.passkey(f.organizationSays("mail_passkey_removed_subject"), f.Text.T("mail_passkey_removed_title"),
		f.Text.T("mail_passkey_removed_reason", "Organization", f.name(), "Username", line(username), "Name", line(name)))
}

// PasskeySuspended tells a person that a passkey of theirs was suspended, because its model has a known weakness.
func PasskeySuspended(f Frame, username, name string) Content {
	return f.write(f.organizationSays("mail_passkey_suspended_subject"), body{heading: f.Text.T("mail_passkey_suspended_title"),
		paragraphs: []string{f.Text.T("mail_passkey_suspended_reason", "Organization", f.name(), "Username", line(username), "Name", line(name))},
		closing:    []string{f.organizationSays("mail_passkey_suspended_advice")}, footer: f.Text.T("mail_footer_account", "Organization", f.name(), "Site", f.Site)})
}

func (f Frame) passkey(subject, heading, reason string) Content {
	return f.write(subject, body{heading: heading, paragraphs: []string{reason}, closing: []string{f.organizationSays("mail_changed_ignore")},
		footer: f.accountFooter()})
}

// accountFooter says why somebody gets a letter who has an account.
func (f Frame) accountFooter() string {
	return f.Text.T("mail_footer_account", "Organization", f.name(), "Site", f.Site)
}

// line is a text on one line.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }

// SecondFactorCode brings the code that is a second factor. There is no link: it is typed where the sign-in waits.
func SecondFactorCode(f Frame, code string, minutes int) Content {
	return f.write(f.organizationSays("mail_second_subject"), body{
		heading: f.organizationSays("mail_second_subject"), paragraphs: []string{f.organizationSays("mail_second_reason")}, code: code,
		closing: []string{f.Text.T("mail_verify_time", "Minutes", minutes), f.Text.T("mail_second_ignore")}, footer: f.accountFooter(),
	})
}

// FactorChange is what was changed about a second factor.
type FactorChange string

// The changes.
const (
	FactorAdded      FactorChange = "added"
	FactorRemoved    FactorChange = "removed"
	FactorReset      FactorChange = "reset" // by an administrator
	CodesMade        FactorChange = "codes_made"
	CodeUsed         FactorChange = "code_used"
	DeviceRemembered FactorChange = "device_remembered"
)

// FactorChanged tells a person what was changed about their second factor.
func FactorChanged(f Frame, change FactorChange, username string) Content {
	what := map[FactorChange]string{FactorAdded: f.Text.T("mail_factor_added"), FactorRemoved: f.Text.T("mail_factor_removed"), FactorReset: f.Text.T("mail_factor_reset"),
		CodesMade: f.Text.T("mail_factor_codes_made"), CodeUsed: f.Text.T("mail_factor_code_used"),
		DeviceRemembered: f.Text.T("mail_factor_device_remembered")}[change]
	return f.write(f.organizationSays("mail_factor_subject"), body{
		heading: f.Text.T("mail_factor_title"), paragraphs: []string{what, f.Text.T("mail_factor_account", "Organization", f.name(), "Username", strings.Join(strings.Fields(username), " "))},
		closing: []string{f.organizationSays("mail_changed_ignore")}, footer: f.accountFooter(),
	})
}

// RequestWaits tells a person that an application asks them for something. What it is they see when they are signed in.
func RequestWaits(f Frame, application, url string, minutes int) Content {
	application = strings.Join(strings.Fields(application), " ")
	return f.write(f.Text.T("mail_approval_subject", "Client", application), body{
		heading: f.Text.T("mail_approval_title"), paragraphs: []string{f.Text.T("mail_approval_reason", "Client", application, "Organization", f.name()), f.Text.T("mail_approval_time", "Minutes", minutes)},
		label: f.Text.T("mail_approval_link"), url: url, closing: []string{f.Text.T("mail_approval_ignore")}, footer: f.accountFooter(),
	})
}

func (f Frame) organizationSays(key string) string { return f.Text.T(key, "Organization", f.name()) }

// name is the organization's, on one line.
func (f Frame) name() string { return strings.Join(strings.Fields(f.Organization), " ") }

func (f Frame) write(subject string, b body) Content {
	footer := b.footer
	if footer == "" {
		footer = f.Text.T("mail_footer", "Organization", f.name(), "Site", f.Site)
	}
	return Content{Subject: subject, Text: plain(b, footer), HTML: f.html(b, footer)}
}

// plain is the letter without markup, each thought a block of its own.
func plain(b body, footer string) string {
	blocks := append([]string{b.heading}, b.paragraphs...)
	if b.code != "" {
		blocks = append(blocks, "    "+b.code)
	}
	blocks = append(blocks, b.after...)
	if b.url != "" {
		blocks = append(blocks, b.label+":\n"+b.url)
	}
	blocks = append(append(blocks, b.closing...), "-- \n"+footer)
	return strings.Join(blocks, "\n\n") + "\n"
}

func (f Frame) html(b body, footer string) string {
	color, err := brand.Parse(f.Color)
	if err != nil {
		color, _ = brand.Parse(defaultColor)
	}
	scheme := brand.NewPalette(color).Light
	var html bytes.Buffer
	err = layout.Execute(&html, view{
		Language: f.Text.Language(), Direction: f.Text.Direction(), Organization: f.name(),
		Solid: scheme.Steps[8].Hex(), On: scheme.On.Hex(), Link: scheme.Steps[10].Hex(),
		Heading: b.heading, Paragraphs: b.paragraphs, Code: b.code, After: b.after, Label: b.label, URL: b.url, Closing: b.closing, Footer: footer,
	})
	if err != nil {
		panic(err) // the template is ours and writes to memory
	}
	return html.String()
}
