package credential

import (
	"net/url"
	"testing"
	"time"
)

// RFC 6238 Appendix B, SHA-1.
func TestOneTimePasswordsOfTheRFC(t *testing.T) {
	t.Parallel()
	seed := []byte("12345678901234567890")
	for at, want := range map[int64]string{59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130"} {
		if got := totpCode(seed, totpStep(time.Unix(at, 0)), 8); got != want {
			t.Errorf("%d: %s, want %s", at, got, want)
		}
		if got := totpCode(seed, totpStep(time.Unix(at, 0)), totpDigits); got != want[2:] {
			t.Errorf("%d: %s, want the last six digits of %s", at, got, want)
		}
	}
}

func TestStepsOfOneTimePasswords(t *testing.T) {
	t.Parallel()
	seed, at := []byte("12345678901234567890"), time.Unix(1_900_000_005, 0)
	now := totpStep(at)
	for distance, want := range map[int64]bool{-2: false, -1: true, 0: true, 1: true, 2: false} {
		step, ok := matchTOTP(seed, totpCode(seed, now+distance, totpDigits), at, 0)
		if ok != want || ok && step != now+distance {
			t.Errorf("%d steps away: %v, step %d", distance, ok, step-now)
		}
	}
	for after, want := range map[int64]bool{now - 1: true, now: false, now + 1: false} {
		if _, ok := matchTOTP(seed, totpCode(seed, now, totpDigits), at, after); ok != want {
			t.Errorf("after the step %d: %v", after-now, ok)
		}
	}
}

func TestReadingCodes(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{"123456": "123456", " 123 456 ": "123456", "123\u00a0456": "123456", "12345": "", "1234567": "", "12345a": "", "１２３４５６": "", "": ""} {
		if got := readTOTP(typed); got != want {
			t.Errorf("%q: %q", typed, got)
		}
	}
	for typed, want := range map[string]string{"2345-6789-cfgh": "23456789cfgh", "2345 6789 CFGH": "23456789cfgh", "2345-6789-cfg": "", "2345-6789-cfga": "", "": ""} {
		if got := readRecoveryCode(typed); got != want {
			t.Errorf("%q: %q", typed, got)
		}
	}
}

func TestWhatAuthenticatorAppsRead(t *testing.T) {
	t.Parallel()
	seed := Seed("12345678901234567890")
	if got := seed.Text(); got != "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ" {
		t.Error(got)
	}
	parsed, err := url.Parse(seed.URI("Acme: & Söhne", "ada:x@acme.test"))
	if err != nil {
		t.Fatal(err)
	}
	q := parsed.Query()
	if parsed.Scheme != "otpauth" || parsed.Host != "totp" || parsed.Path != "/Acme  & Söhne:ada x@acme.test" || q.Get("issuer") != "Acme  & Söhne" ||
		q.Get("secret") != "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" || q.Get("algorithm") != "SHA1" || q.Get("digits") != "6" || q.Get("period") != "30" {
		t.Error(parsed)
	}
}
