package credential

import (
	"crypto/hmac"
	"crypto/sha1" // RFC 6238 §1.2: what every authenticator app knows; in HMAC it is sound
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// The parameters of one-time passwords: those that every authenticator app knows.
const (
	totpPeriod = 30 * time.Second
	totpDigits = 6
	totpSkew   = 1  // steps that a clock may be off, in either direction (RFC 6238 §5.2)
	seedBytes  = 20 // RFC 4226 §4, R6
)

// totpStep is the time step of a moment (RFC 6238 §4.2).
func totpStep(at time.Time) int64 { return at.Unix() / int64(totpPeriod/time.Second) }

// totpCode is the one-time password of a step (RFC 4226 §5.3, RFC 6238 §4), with as many digits.
func totpCode(seed []byte, step int64, digits int) string {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step))
	mac := hmac.New(sha1.New, seed)
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0x0f
	value := binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff
	modulus := uint32(1)
	for range digits {
		modulus *= 10
	}
	return fmt.Sprintf("%0*d", digits, value%modulus)
}

// matchTOTP returns the step whose code it is, among those that a clock may be off, and that come after the one used last.
func matchTOTP(seed []byte, code string, at time.Time, after int64) (step int64, ok bool) {
	now := totpStep(at)
	for candidate := now - totpSkew; candidate <= now+totpSkew; candidate++ {
		if hmac.Equal([]byte(totpCode(seed, candidate, totpDigits)), []byte(code)) && candidate > after {
			step, ok = candidate, true
		}
	}
	return step, ok
}

// readTOTP is the code that somebody typed, with whatever between the digits; "" when it can be none.
func readTOTP(typed string) string {
	code := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -\u00a0\u202f\t", r) {
			return -1
		}
		return r
	}, typed)
	if len(code) != totpDigits || strings.Trim(code, "0123456789") != "" {
		return ""
	}
	return code
}

// Seed is the secret of an authenticator app that is being added.
type Seed []byte

// Text is the seed as people type it: base32 in groups of four.
func (s Seed) Text() string {
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(s)
	var groups []string
	for ; len(text) > 4; text = text[4:] {
		groups = append(groups, text[:4])
	}
	return strings.Join(append(groups, text), " ")
}

// URI is what authenticator apps read from a picture: the seed, whose it is, and where.
func (s Seed) URI(organization, username string) string {
	name := func(text string) string { return strings.ReplaceAll(text, ":", " ") } // it separates the two
	query := url.Values{"secret": {strings.ReplaceAll(s.Text(), " ", "")}, "issuer": {name(organization)}, "algorithm": {"SHA1"},
		"digits": {fmt.Sprint(totpDigits)}, "period": {fmt.Sprint(int(totpPeriod / time.Second))}}
	return "otpauth://totp/" + url.PathEscape(name(organization)+":"+name(username)) + "?" + strings.ReplaceAll(query.Encode(), "+", "%20")
}
