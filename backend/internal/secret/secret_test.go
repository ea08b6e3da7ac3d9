package secret

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"testing"
	"testing/iotest"
)

func TestNewIs256BitsOfTheGivenRandomness(t *testing.T) {
	got := New(bytes.NewReader(bytes.Repeat([]byte{0xfb}, Bytes)))
	if want := "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s"; got != want {
		t.Fatalf("New = %q, want %q", got, want)
	}
	if len(got) != Length {
		t.Fatalf("length %d, want %d", len(got), Length)
	}
	if first, second := New(rand.Reader), New(rand.Reader); first == second {
		t.Fatal("two secrets are equal")
	}
}

func TestNewPanicsRatherThanReturnAWeakSecret(t *testing.T) {
	for name, reader := range map[string]*bytes.Reader{
		"short": bytes.NewReader(make([]byte, Bytes-1)),
		"empty": bytes.NewReader(nil),
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("no panic")
				}
			}()
			New(reader)
		})
	}
	defer func() {
		if recover() == nil {
			t.Fatal("no panic for a failing reader")
		}
	}()
	New(iotest.ErrReader(errors.New("no entropy")))
}

func TestHashIsSHA256(t *testing.T) {
	// FIPS 180-4 example: SHA-256("abc").
	const want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if got := hex.EncodeToString(Hash("abc")); got != want {
		t.Fatalf("Hash = %s, want %s", got, want)
	}
}

func TestMatchesAndEqual(t *testing.T) {
	stored := Hash("token")
	for name, c := range map[string]struct {
		token  string
		stored []byte
		want   bool
	}{
		"the token":           {"token", stored, true},
		"another token":       {"tokem", stored, false},
		"nothing":             {"", stored, false},
		"nothing stored":      {"token", nil, false},
		"a truncated digest":  {"token", stored[:31], false},
		"the digest as token": {string(stored), stored, false},
	} {
		if got := Matches(c.token, c.stored); got != c.want {
			t.Errorf("Matches of %s = %v", name, got)
		}
	}
	if !Equal("a", "a") || Equal("a", "b") || Equal("a", "aa") || Equal("", "a") || !Equal("", "") {
		t.Error("Equal is wrong")
	}
}

func TestDeriveSeparatesLabelsPartsAndKeys(t *testing.T) {
	key := []byte("key")
	values := map[string]string{
		"label a, parts b c":  DeriveToken(key, "a", "b", "c"),
		"label a, part bc":    DeriveToken(key, "a", "bc"),
		"label ab, part c":    DeriveToken(key, "ab", "c"),
		"label a, parts b":    DeriveToken(key, "a", "b"),
		"label a, parts c b":  DeriveToken(key, "a", "c", "b"),
		"an empty part":       DeriveToken(key, "a", "b", "c", ""),
		"no parts":            DeriveToken(key, "abc"),
		"another key":         DeriveToken([]byte("yek"), "a", "b", "c"),
		"length in the label": DeriveToken(key, "a\x00\x00\x00\x00\x00\x00\x00\x01b", "c"),
	}
	seen := map[string]string{}
	for name, value := range values {
		if len(value) != Length {
			t.Errorf("%s: length %d", name, len(value))
		}
		if other, taken := seen[value]; taken {
			t.Errorf("%s and %s derive the same value", name, other)
		}
		seen[value] = name
	}
	if !bytes.Equal(Derive(key, "a", "b"), Derive(key, "a", "b")) {
		t.Error("Derive is not deterministic")
	}
}

func TestDeriveIsHMACOverLengthPrefixedText(t *testing.T) {
	// Computed apart from this code: printf of the length-prefixed text | openssl dgst -sha256 -mac HMAC.
	const want = "d8603f7e48875a5dceb91345ec6737e61ec37a1ee3d4573723dddb4741c2e4a6"
	if got := hex.EncodeToString(Derive([]byte("0123456789abcdef"), "refresh", "part", "")); got != want {
		t.Fatalf("Derive = %s, want %s", got, want)
	}
}
