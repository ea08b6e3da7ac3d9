package page

import (
	"context"
	"io"

	"github.com/clavex/clavex/backend/internal/fault"
)

// Passkey is a ceremony that the page offers: a form that stays hidden where no script runs or no passkey can be used,
// with the options of the ceremony; what the browser answers is its field "passkey".
type Passkey struct {
	Form
	Options string // in the JSON form of WebAuthn Level 3 §5.1.8, §5.1.9
	Host    string // whose passkeys they are, where that is said; "" where it is not
}

// AccountPasskeys lists a person's passkeys and takes new ones. Its forms have the field "do": "add" with "name" and
// "passkey", "rename" with "id" and "name", "remove" with "id" and, where it is the last way in, "last_way".
type AccountPasskeys struct {
	OwnAccount
	Form
	Passkeys  []OwnPasskey
	Removing  *OwnPasskey // that the page asks about; nil for none
	LastWay   bool        // and nobody could sign in without it
	Add       *Passkey    // nil where no further one can be made
	Suggested string      // name of a new one
	Accepted  string      // what authenticators are told (WebAuthn Level 3 §5.1.10); "" for nothing
	Off       bool        // nobody signs in with passkeys
	Former    string      // what holds at an address that is given up; "" at any other
	URL       string      // of the page itself
	BackURL   string
	Fault     *fault.Error
}

// OwnPasskey is one of a person's passkeys.
type OwnPasskey struct {
	ID           string
	Name         string
	Synchronized bool   // it can be on several devices
	Problem      string // why it does not sign in; "" when it does
	Made, Used   Moment
}

// Render implements templ.Component.
func (v AccountPasskeys) Render(ctx context.Context, w io.Writer) error {
	return v.page().Render(ctx, w)
}

// place says where the passkey is, as far as that is known.
func (v AccountPasskeys) place(p OwnPasskey) string {
	if p.Synchronized {
		return v.Text.T("passkey_synchronized")
	}
	return v.Text.T("passkey_in_device")
}

// question asks whether a passkey is to be removed.
func (v AccountPasskeys) question() string {
	return v.Text.T("passkey_remove_title", "Name", clean(v.Removing.Name))
}

// SignUpPasskey makes the passkey of a new account. The field "instead" with "again" leads back to the form before.
type SignUpPasskey struct {
	Frame
	Form
	Client *Client
	Email  string
	// Required: of somebody who has an account, whose username stands in Email. "instead" refuses then.
	Required bool
	// Former: of somebody who used a passkey of this host, the address before, and need not make one now. "instead" is later.
	Former  string
	Passkey *Passkey // nil when passkeys were switched off meanwhile
	Fault   *fault.Error
}

// Render implements templ.Component.
func (v SignUpPasskey) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

func (v SignUpPasskey) lead() string {
	if v.Former != "" {
		return v.Text.T("next_passkey_lead", "Host", v.Former)
	}
	if v.Required {
		return v.Text.T("enrol_passkey_lead", "Organization", v.Organization.Name, "Username", clean(v.Email))
	}
	return v.Text.T("sign_up_passkey_lead", "Email", clean(v.Email))
}
