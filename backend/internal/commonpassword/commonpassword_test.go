package commonpassword

import (
	"strconv"
	"testing"
)

// NIST SP 800-63B-4 §3.1.1.2.
func TestCommonPasswordsAreKnown(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"password", "12345678", "PassWord1", "qwertyuiop", "iloveyou", "sunshine", "1q2w3e4r", "football"} {
		if !Contains(password) {
			t.Errorf("%s is not in the list", password)
		}
	}
	for _, password := range []string{"", "Engine-No-1843", "four unrelated words make one", "пароль-из-нескольких-слов"} {
		if Contains(password) {
			t.Errorf("%q is in the list", password)
		}
	}
}

func TestTheListIsSorted(t *testing.T) {
	t.Parallel()
	if len(list)%width != 0 || len(list)/width < 190_000 {
		t.Fatalf("%d bytes", len(list))
	}
	for at := width; at < len(list); at += width {
		if list[at-width:at] >= list[at:at+width] {
			t.Fatalf("digest %d is out of order", at/width)
		}
	}
}

// How often a password that is not in the list seems to be: the digests are short.
func TestOtherPasswordsSeldomSeemCommon(t *testing.T) {
	t.Parallel()
	found := 0
	for i := range 200_000 {
		if Contains("clavex/" + strconv.Itoa(i) + "/not-common") {
			found++
		}
	}
	if found > 2 {
		t.Errorf("%d of 200 000", found)
	}
}
