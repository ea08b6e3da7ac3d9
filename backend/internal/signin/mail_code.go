package signin

import (
	"context"
	"crypto/hmac"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/secret"
)

// codeLifetime is how long a code of a mail works; the transaction that it belongs to lives at least as long.
const codeLifetime = 20 * time.Minute

// newProof begins to wait for the proof that somebody reads a mailbox, or begins anew with another code. data is kept
// sealed; subject is whose proof it is.
func (s *SignIn) newProof(t *login.Transaction, before *login.MailProof, data any, subject string) (proof login.MailProof, code string, err error) {
	plain, err := json.Marshal(data)
	if err != nil {
		return proof, "", err
	}
	if before != nil {
		proof.Mails = before.Mails
	}
	proof.SealedBy, proof.Sealed = s.Ring.Seal(plain, sealedFor(t))
	code = newCode(s.Random)
	proof.Mailed(s.codeHash(t, subject, code), s.Now().Add(codeLifetime))
	return proof, code, nil
}

// openProof reads what a proof is about.
func openProof[Data any](s *SignIn, t *login.Transaction, proof *login.MailProof) (data Data, err error) {
	plain, err := s.Ring.Open(proof.SealedBy, proof.Sealed, sealedFor(t))
	if err != nil {
		return data, err
	}
	return data, json.Unmarshal(plain, &data)
}

// sealedFor binds what is kept to its transaction.
func sealedFor(t *login.Transaction) []byte {
	return []byte("mail-proof:" + t.OrgID.String() + ":" + t.ID)
}

// checkCode judges a code. A wrong one is counted; a right one is spent before it returns, so of simultaneous requests
// one goes on. ErrCodeWrong, ErrCodeVoid, or an error of saving.
func (s *SignIn) checkCode(ctx context.Context, t *login.Transaction, proof *login.MailProof, subject, code string) error {
	if len(proof.Code) == 0 || !proof.Expires.After(s.Now()) {
		return ErrCodeVoid
	}
	right := code != "" && hmac.Equal(proof.Code, s.codeHash(t, subject, code))
	if right {
		proof.Spend()
	} else {
		proof.GuessedWrong()
	}
	if err := s.Transactions.Save(ctx, t); err != nil || right {
		return err
	}
	if len(proof.Code) == 0 {
		return ErrCodeVoid
	}
	return ErrCodeWrong
}

// codeHash is what is kept of a code. It is keyed, because a code is short enough to be tried out.
func (s *SignIn) codeHash(t *login.Transaction, subject, code string) []byte {
	return secret.Derive(s.codeKey, "mail-code", t.OrgID.String(), t.ID, subject, code)
}

// codeAlphabet has no vowels and nothing that looks like something else: 20⁸ codes, of which a few may be tried.
const (
	codeAlphabet = "23456789CFGHJMPQRVWX"
	codeLength   = 8
)

// newCode draws a code; every one is equally likely.
func newCode(random interface{ Read([]byte) (int, error) }) string {
	code := make([]byte, 0, codeLength)
	var drawn [1]byte
	for len(code) < codeLength {
		if _, err := random.Read(drawn[:]); err != nil {
			panic(fmt.Sprintf("the source of randomness failed: %v", err))
		}
		if most := byte(256 / len(codeAlphabet) * len(codeAlphabet)); drawn[0] < most {
			code = append(code, codeAlphabet[int(drawn[0])%len(codeAlphabet)])
		}
	}
	return string(code)
}

// spoken is how a code is shown: in two groups.
func spoken(code string) string {
	if len(code) != codeLength {
		return ""
	}
	return code[:codeLength/2] + "-" + code[codeLength/2:]
}

// readCode is the code that somebody typed, "" when it can be none: in any case of letters, with whatever between them.
func readCode(typed string) string {
	code := strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '\u2010', '\u2011', '\u2013', '\t', '\u00a0':
			return -1
		}
		return r
	}, strings.ToUpper(typed))
	if len(code) != codeLength || strings.Trim(code, codeAlphabet) != "" {
		return ""
	}
	return code
}
