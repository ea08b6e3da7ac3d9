package page

// Passkey is a ceremony that the page offers: a form that stays hidden where no script runs or no passkey can be used,
// with the options of the ceremony; what the browser answers is its field "passkey".
type Passkey struct {
	Form
	Options string // in the JSON form of WebAuthn Level 3 §5.1.8, §5.1.9
}
