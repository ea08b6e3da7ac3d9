package page

import (
	"context"
	"io"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/clavex/clavex/backend/internal/fault"
)

// SecondFactor asks for a passkey, field "passkey", or for the code of an authenticator app, field "code", or instead for a
// recovery code, field "recovery_code": whatever the person has. Who has neither may be asked for a code of a mail, which a form
// sends first, field "mail"; then it is typed, field "code". With another form the person uses another account, field "instead".
type SecondFactor struct {
	Frame
	Form
	Client   *Client // nil when nobody but the organization asks
	Username string
	Another  bool     // another account may be used
	Passkey  *Passkey // nil when the person has none
	// FormerPasskey is of the address before, where browsers let people use those here; nil without one.
	FormerPasskey *Passkey
	Former        *Link       // where such a passkey is proved; nil where the address before is not served
	Elsewhere     string      // the host of which the person's passkeys are, when none is of this one
	Code          bool        // the person has an app, and its code will do
	Mail          *FactorMail // nil where no code of a mail will do
	// RememberDays is for how long the person may say that they are not asked again here, field "remember"; 0: they may not.
	RememberDays int
	Fault        *fault.Error
}

// Render implements templ.Component.
func (v SecondFactor) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

func (v SecondFactor) aboutRecovery() bool { return about(v.Fault, "recovery_code") }
func (v SecondFactor) aboutCode() bool     { return about(v.Fault, "code") }

// FactorMail offers a code of a mail.
type FactorMail struct {
	Address   string // where it goes, masked
	Sent      bool
	MayResend bool
	Wait      int // seconds until another one is sent
}

// reason says what the person is asked for; "" where nothing that they have proves them here.
func (v SecondFactor) reason() string {
	switch {
	case v.Elsewhere != "" && !v.Code:
		return ""
	case v.Mail != nil && v.Mail.Sent:
		return v.Text.T("second_mail_sent", "Address", clean(v.Mail.Address))
	case v.Mail != nil:
		return v.Text.T("second_mail_reason", "Address", clean(v.Mail.Address))
	case v.Passkey == nil:
		return v.Text.T("second_reason", "Username", clean(v.Username))
	case !v.Code:
		return v.Text.T("second_reason_passkey", "Username", clean(v.Username))
	}
	return v.Text.T("second_reason_either", "Username", clean(v.Username))
}

// Enrolment is what an authenticator app is added with.
type Enrolment struct {
	URI    string // as a picture
	Secret string // to be typed
	Kept   string // field "enrolment"
}

// EnrolSecondFactor lets a person add an authenticator app while they sign in: fields "enrolment" and "code".
type EnrolSecondFactor struct {
	Frame
	Form
	Enrolment
	Client   *Client
	Username string
	MailNot  bool // a code of a mail will not do for this person, because they chose their password by mail
	Fault    *fault.Error
}

// Render implements templ.Component.
func (v EnrolSecondFactor) Render(ctx context.Context, w io.Writer) error {
	return v.page().Render(ctx, w)
}

// RecoveryCodes shows the recovery codes, once.
type RecoveryCodes struct {
	Frame
	Codes       []string
	ContinueURL string
}

// Render implements templ.Component.
func (v RecoveryCodes) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

// AccountSecondFactor shows the second factor of a person. Without one they add it: fields "enrolment" and "code"; with one
// they press one of two buttons of the field "do": "codes" or "remove".
type AccountSecondFactor struct {
	OwnAccount
	Form
	Enrolment *Enrolment // nil when there is a factor
	Codes     []string   // fresh recovery codes, shown once
	Added     Moment
	LastUsed  Moment
	CodesLeft int
	BackURL   string
	Fault     *fault.Error
}

// Render implements templ.Component.
func (v AccountSecondFactor) Render(ctx context.Context, w io.Writer) error {
	return v.page().Render(ctx, w)
}

// recoveryFile is the recovery codes as a text file in the address itself: nothing has to be kept or asked for again, and it
// needs no script. The policy of the page lets a link be downloaded; nothing is loaded from it.
func recoveryFile(f Frame, codes []string) templ.SafeURL {
	text := f.Text.T("codes_file", "Organization", clean(f.Organization.Name)) + "\r\n\r\n" + strings.Join(codes, "\r\n") + "\r\n"
	return templ.SafeURL("data:text/plain;charset=utf-8," + url.PathEscape(text))
}

// recoveryFileName is what the file is called: letters and digits only, whatever the organization is called.
func recoveryFileName(f Frame) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r == ' ' || r == '-':
			return '-'
		}
		return -1
	}, f.Organization.Name)
	return strings.Trim("recovery-codes-"+name, "-") + ".txt"
}

// codeDescribed is the list of ids that explain the field of a code.
func codeDescribed(id string, invalid bool) string {
	if invalid {
		return "notice " + id + "-hint"
	}
	return id + "-hint"
}
