package login

import "time"

// Bounds of proving that one reads a mailbox.
const (
	MailGuesses = 5 // wrong codes after which the code is worth nothing
	MailsMost   = 4 // the first and three further ones
)

// MailProof is the proof, on its way, that somebody reads a mailbox: a code in a mail. It lives in the transaction and so
// in one browser.
type MailProof struct {
	SealedBy string    `json:"sealed_by"` // the key-encryption key
	Sealed   []byte    `json:"sealed"`    // what it is about: SignUpData, RecoveryData
	Code     []byte    `json:"code"`      // keyed hash of the code in the last mail; empty when no code is good any more
	Expires  time.Time `json:"expires"`   // of the code
	Guesses  int       `json:"guesses"`   // wrong codes since the last mail
	Mails    int       `json:"mails"`     // sent so far
	Proved   bool      `json:"proved,omitempty"`
}

// Mailed reports that a mail with another code goes out.
func (p *MailProof) Mailed(code []byte, expires time.Time) {
	p.Code, p.Expires, p.Guesses = code, expires, 0
	p.Mails++
}

// GuessedWrong reports a wrong code. After a few the code is worth nothing.
func (p *MailProof) GuessedWrong() {
	if p.Guesses++; p.Guesses >= MailGuesses {
		p.Code = nil
	}
}

// Prove reports that the code was right, and that something else is missing still.
func (p *MailProof) Prove() { p.Proved = true }

// Spend makes the code worth nothing; whoever saves that first may use it.
func (p *MailProof) Spend() { p.Code = nil }
