package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// counting is a predictable source: the golden below must not depend on chance.
type counting byte

func (c *counting) Read(target []byte) (int, error) {
	for i := range target {
		*c++
		target[i] = byte(*c)
	}
	return len(target), nil
}

func fixedKey(t testing.TB, first byte) Key {
	t.Helper()
	source := counting(first)
	return GenerateKey(&source)
}

func newRing(t testing.TB, current Key, previous ...Key) *Ring {
	t.Helper()
	ring, err := NewRing(current, previous...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestSealedValuesOpen(t *testing.T) {
	ring := newRing(t, GenerateKey(rand.Reader))
	for _, plaintext := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("private key"), 1000)} {
		keyID, sealed := ring.Seal(plaintext, []byte("org/1"))
		if keyID != ring.CurrentKeyID() || len(sealed) != len(plaintext)+Overhead {
			t.Fatalf("key %s, %d bytes", keyID, len(sealed))
		}
		if len(plaintext) > 1 && bytes.Contains(sealed, plaintext[:8]) {
			t.Fatal("the plaintext shows")
		}
		got, err := ring.Open(keyID, sealed, []byte("org/1"))
		if err != nil || !bytes.Equal(got, plaintext) {
			t.Fatalf("Open = %q, %v", got, err)
		}
	}
}

func TestTheSameValueIsNeverSealedTheSameWay(t *testing.T) {
	ring := newRing(t, GenerateKey(rand.Reader))
	_, first := ring.Seal([]byte("value"), nil)
	_, second := ring.Seal([]byte("value"), nil)
	if bytes.Equal(first, second) || bytes.Equal(first[1:1+saltBytes], second[1:1+saltBytes]) {
		t.Fatal("equal values show as equal")
	}
}

// Values sealed by a release must open in every later one.
func TestVersion1OpensForever(t *testing.T) {
	key := fixedKey(t, 0)
	ring := newRing(t, key)
	source := counting(100)
	ring.random = &source
	keyID, sealed := ring.Seal([]byte("clavex"), []byte("place"))
	if keyID != goldenKeyID {
		t.Errorf("key id %q, want %q", keyID, goldenKeyID)
	}
	if got := hex.EncodeToString(sealed); got != goldenSealed {
		t.Errorf("sealed %s, want %s", got, goldenSealed)
	}
	if got := hex.EncodeToString(ring.DeriveKey("purpose").Key); got != goldenDerived {
		t.Errorf("derived %s, want %s", got, goldenDerived)
	}
	stored, _ := hex.DecodeString(goldenSealed)
	if got, err := ring.Open(goldenKeyID, stored, []byte("place")); err != nil || string(got) != "clavex" {
		t.Errorf("Open = %q, %v", got, err)
	}
}

const (
	goldenKeyID   = "be1cc851bf0f11b3"
	goldenSealed  = "0185868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a46a149bbaec0ede67812090f4fe7543dd5d25785feda48e79ce350fc46e2901f66d0c49a182c0a6d4644cc94d41201242ae17df598f4fb35bf91eb4db0a2b38dd8bc48325021b"
	goldenDerived = "604156724cd7bda5590d21997f93c45a8e090eb5540c22b6427093c1b9c098c7"
)

func TestOpenRefuses(t *testing.T) {
	key, other := fixedKey(t, 0), fixedKey(t, 99)
	ring := newRing(t, key, other)
	place := []byte("org A/signing key 1")
	keyID, sealed := ring.Seal([]byte("private"), place)
	altered := func(at int) []byte {
		copied := bytes.Clone(sealed)
		copied[at] ^= 1
		return copied
	}
	_, elsewhere := ring.Seal([]byte("private"), place)
	spliced := append(bytes.Clone(elsewhere[:wrappedEnd]), sealed[wrappedEnd:]...)
	for name, c := range map[string]struct {
		keyID  string
		sealed []byte
		place  []byte
		want   error
	}{
		"a value moved to another row":     {keyID, sealed, []byte("org B/signing key 1"), ErrUnreadable},
		"no additional data":               {keyID, sealed, nil, ErrUnreadable},
		"a key that is not configured":     {"0123456789abcdef", sealed, place, ErrUnknownKey},
		"an empty key id":                  {"", sealed, place, ErrUnknownKey},
		"another configured key":           {other.ID(), sealed, place, ErrUnreadable},
		"an altered salt":                  {keyID, altered(1), place, ErrUnreadable},
		"an altered data key":              {keyID, altered(40), place, ErrUnreadable},
		"an altered value":                 {keyID, altered(wrappedEnd), place, ErrUnreadable},
		"an altered tag":                   {keyID, altered(len(sealed) - 1), place, ErrUnreadable},
		"an unknown version":               {keyID, altered(0), place, ErrUnreadable},
		"a truncated value":                {keyID, sealed[:len(sealed)-1], place, ErrUnreadable},
		"nothing":                          {keyID, nil, place, ErrUnreadable},
		"the data key of a different seal": {keyID, spliced, place, ErrUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ring.Open(c.keyID, c.sealed, c.place)
			if !errors.Is(err, c.want) || got != nil {
				t.Fatalf("Open = %q, %v; want %v", got, err, c.want)
			}
		})
	}
}

func TestRotation(t *testing.T) {
	before, after := fixedKey(t, 0), fixedKey(t, 99)
	oldRing := newRing(t, before)
	oldID, sealed := oldRing.Seal([]byte("value"), []byte("place"))

	ring := newRing(t, after, before)
	if got, err := ring.Open(oldID, sealed, []byte("place")); err != nil || string(got) != "value" {
		t.Fatalf("a previous key does not open: %q, %v", got, err)
	}
	newID, rewrapped, err := ring.Rewrap(oldID, sealed)
	if err != nil || newID != after.ID() {
		t.Fatalf("Rewrap: %s, %v", newID, err)
	}
	finished := newRing(t, after)
	if got, err := finished.Open(newID, rewrapped, []byte("place")); err != nil || string(got) != "value" {
		t.Fatalf("a re-wrapped value does not open: %q, %v", got, err)
	}
	if _, err := finished.Open(newID, rewrapped, []byte("elsewhere")); !errors.Is(err, ErrUnreadable) {
		t.Fatalf("re-wrapping lost the binding to the place: %v", err)
	}
	if _, err := finished.Open(oldID, sealed, []byte("place")); !errors.Is(err, ErrUnknownKey) {
		t.Fatalf("a removed key still opens: %v", err)
	}
	sameID, same, err := ring.Rewrap(newID, rewrapped)
	if err != nil || sameID != newID || !bytes.Equal(same, rewrapped) {
		t.Fatal("re-wrapping twice is not idempotent")
	}
	if _, _, err := finished.Rewrap(oldID, sealed); !errors.Is(err, ErrUnknownKey) {
		t.Fatalf("Rewrap under a removed key: %v", err)
	}
}

func TestDerivedKeysFollowTheRing(t *testing.T) {
	before, after := fixedKey(t, 0), fixedKey(t, 99)
	old := newRing(t, before).DeriveKey("refresh")
	ring := newRing(t, after, before)
	if current := ring.DeriveKey("refresh"); bytes.Equal(current.Key, old.Key) || current.KeyID != after.ID() {
		t.Fatal("the derived key does not belong to the current key")
	}
	keys := ring.DeriveKeys("refresh")
	if len(keys) != 2 || keys[0].KeyID != after.ID() || !bytes.Equal(keys[1].Key, old.Key) {
		t.Fatalf("DeriveKeys = %v", keys)
	}
	again, err := ring.DeriveKeyFrom(old.KeyID, "refresh")
	if err != nil || !bytes.Equal(again.Key, old.Key) {
		t.Fatalf("DeriveKeyFrom: %v", err)
	}
	if _, err := newRing(t, after).DeriveKeyFrom(old.KeyID, "refresh"); !errors.Is(err, ErrUnknownKey) {
		t.Fatalf("a removed key still derives: %v", err)
	}
	if bytes.Equal(ring.DeriveKey("csrf").Key, ring.DeriveKey("refresh").Key) {
		t.Fatal("two purposes share a key")
	}
}

func TestKeysAreReadFromConfiguration(t *testing.T) {
	key := fixedKey(t, 200) // contains bytes that differ between the two base64 alphabets
	padded := key.Encode()
	for name, text := range map[string]string{
		"standard": padded, "unpadded": strings.TrimRight(padded, "="), "a file's line": "  " + padded + "\n",
		"URL alphabet": strings.NewReplacer("+", "-", "/", "_").Replace(padded),
	} {
		if got, err := ParseKey(text); err != nil || got != key {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"empty": "", "short": "c2hvcnQ=", "not base64": "!" + padded[1:], "hexadecimal": strings.Repeat("ab", 32),
		"all zero": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	} {
		_, err := ParseKey(text)
		if err == nil {
			t.Errorf("%s was accepted", name)
		} else if len(text) > 3 && strings.Contains(err.Error(), text) {
			t.Errorf("%s: the error shows the key", name)
		}
	}
}

func TestRingRefusesMissingAndDoubledKeys(t *testing.T) {
	key := fixedKey(t, 0)
	if _, err := NewRing(Key{}); err == nil {
		t.Error("a ring without a key")
	}
	if _, err := NewRing(key, Key{}); err == nil {
		t.Error("a ring with an empty previous key")
	}
	if _, err := NewRing(key, key); err == nil {
		t.Error("a ring with one key twice")
	}
}

func TestKeysDoNotShow(t *testing.T) {
	key := fixedKey(t, 0)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("starting", "key", key, "ring", newRing(t, key))
	encoded, _ := json.Marshal(struct{ Key Key }{key})
	shown := log.String() + string(encoded)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		shown += fmt.Sprintf(verb, key) + fmt.Sprintf(verb, struct{ K Key }{key}) + fmt.Sprintf(verb, []Key{key})
	}
	for _, leak := range []string{key.Encode(), hex.EncodeToString(key.bytes[:4]), "[1 2 3", "0x1, 0x2", `\x01\x02`} {
		if strings.Contains(shown, leak) {
			t.Errorf("the key shows as %q in %s", leak, shown)
		}
	}
}

func FuzzOpen(f *testing.F) {
	ring := newRing(f, fixedKey(f, 0))
	source := counting(100) // every fuzzing process must know the same genuine value
	ring.random = &source
	_, sealed := ring.Seal([]byte("value"), []byte("place"))
	f.Add(sealed, []byte("place"))
	f.Add([]byte{version}, []byte(nil))
	f.Add(make([]byte, minimum), []byte("place"))
	f.Fuzz(func(t *testing.T, candidate, place []byte) {
		got, err := ring.Open(ring.CurrentKeyID(), candidate, place)
		genuine := bytes.Equal(candidate, sealed) && string(place) == "place"
		if genuine != (err == nil) {
			t.Fatalf("Open = %q, %v", got, err)
		}
		if _, _, err := ring.Rewrap(ring.CurrentKeyID(), candidate); err != nil && !errors.Is(err, ErrUnreadable) {
			t.Fatalf("Rewrap: %v", err)
		}
	})
}
