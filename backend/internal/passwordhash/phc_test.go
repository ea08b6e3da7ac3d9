package passwordhash

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

var ctx = context.Background()

// cheap is for tests of everything but the hash itself.
var cheap = Parameters{Memory: 8, Passes: 1, Parallelism: 1}

func newHasher(t testing.TB, parameters Parameters) *Hasher {
	t.Helper()
	queue, err := NewQueue(Limits{Concurrency: 1, PerOrganization: 10, Total: 10}, time.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := NewHasher(parameters, queue, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return hasher
}

// Made by the reference implementation: the Argon2id cases of src/test.c in
// github.com/P-H-C/phc-winner-argon2, version 0x13. (RFC 9106 §5.3 uses a secret and associated
// data, which PHC strings cannot hold and this package does not use.)
var referenceHashes = []struct{ encoded, password string }{
	{"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"},
	{"$argon2id$v=19$m=262144,t=2,p=1$c29tZXNhbHQ$eP4eyR+zqlZX1y5xCFTkw9m5GYx0L5YWwvCFvtlbLow", "password"},
	{"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password"},
	{"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"},
	{"$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg", "password"},
	{"$argon2id$v=19$m=65536,t=4,p=1$c29tZXNhbHQ$kCXUjmjvc5XMqQedpMTsOv+zyJEf5PhtGiUghW9jFyw", "password"},
	{"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94", "differentpassword"},
	{"$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw", "password"},
}

func TestHashesOfTheReferenceImplementationVerify(t *testing.T) {
	hasher := newHasher(t, cheap)
	for _, c := range referenceHashes {
		matched, err := hasher.Verify(ctx, uuid.Nil, c.encoded, c.password)
		if err != nil || !matched {
			t.Errorf("%s: %v, %v", c.encoded, matched, err)
		}
		parsed, err := parse(c.encoded)
		if err != nil || parsed.encode() != c.encoded {
			t.Errorf("%s became %s, %v", c.encoded, parsed.encode(), err)
		}
	}
	if matched, err := hasher.Verify(ctx, uuid.Nil, referenceHashes[2].encoded, "Password"); err != nil || matched {
		t.Errorf("another password: %v, %v", matched, err)
	}
}

func TestAHashIsOfTheConfiguredFormAndNeverTheSame(t *testing.T) {
	hasher := newHasher(t, DefaultParameters())
	first, err := hasher.Hash(ctx, uuid.Nil, "Engine-No-1843")
	if err != nil || !strings.HasPrefix(first, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%s, %v", first, err)
	}
	second, err := hasher.Hash(ctx, uuid.Nil, "Engine-No-1843")
	if err != nil || first == second {
		t.Fatalf("%s, %v", second, err)
	}
	for password, want := range map[string]bool{"Engine-No-1843": true, "engine-no-1843": false, "": false, "Engine-No-1843\x00": false} {
		if matched, err := hasher.Verify(ctx, uuid.Nil, first, password); err != nil || matched != want {
			t.Errorf("%q: %v, %v", password, matched, err)
		}
	}
	if hasher.NeedsRehash(first) {
		t.Error("a fresh hash needs a rehash")
	}
}

func TestTheLengthOfPasswordsIsBounded(t *testing.T) {
	hasher := newHasher(t, cheap)
	longest := strings.Repeat("x", MaximumPasswordBytes)
	encoded, err := hasher.Hash(ctx, uuid.Nil, longest)
	if err != nil {
		t.Fatal(err)
	}
	if matched, err := hasher.Verify(ctx, uuid.Nil, encoded, longest); err != nil || !matched {
		t.Errorf("the longest: %v, %v", matched, err)
	}
	if matched, err := hasher.Verify(ctx, uuid.Nil, encoded, longest+"y"); err != nil || matched {
		t.Errorf("a longer one with the same beginning: %v, %v", matched, err)
	}
	if _, err := hasher.Hash(ctx, uuid.Nil, longest+"x"); !errors.Is(err, ErrTooLong) {
		t.Errorf("hashing a longer one: %v", err)
	}
}

func TestStoredStringsAreRefused(t *testing.T) {
	hasher := newHasher(t, cheap)
	const tail = "$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	for name, encoded := range map[string]string{
		"nothing":                       "",
		"plain text":                    "password",
		"version 0x10":                  "$argon2id$v=16$m=256,t=2,p=1" + tail,
		"no version":                    "$argon2id$m=256,t=2,p=1" + tail,
		"all memory":                    "$argon2id$v=19$m=4294967295,t=2,p=1" + tail,
		"a gigabyte":                    "$argon2id$v=19$m=1048576,t=2,p=1" + tail,
		"endless passes":                "$argon2id$v=19$m=256,t=4294967295,p=1" + tail,
		"17 passes":                     "$argon2id$v=19$m=256,t=17,p=1" + tail,
		"much memory and many passes":   "$argon2id$v=19$m=262144,t=16,p=1" + tail,
		"no passes":                     "$argon2id$v=19$m=256,t=0,p=1" + tail,
		"no lanes":                      "$argon2id$v=19$m=256,t=2,p=0" + tail,
		"256 lanes":                     "$argon2id$v=19$m=4096,t=2,p=256" + tail,
		"257 lanes, which fold to 1":    "$argon2id$v=19$m=4096,t=2,p=257" + tail,
		"less memory than lanes need":   "$argon2id$v=19$m=15,t=2,p=2" + tail,
		"a negative number":             "$argon2id$v=19$m=-256,t=2,p=1" + tail,
		"a signed number":               "$argon2id$v=19$m=+256,t=2,p=1" + tail,
		"a leading zero":                "$argon2id$v=19$m=0256,t=2,p=1" + tail,
		"another order":                 "$argon2id$v=19$t=2,m=256,p=1" + tail,
		"a key id":                      "$argon2id$v=19$m=256,t=2,p=1,keyid=AA" + tail,
		"a short salt":                  "$argon2id$v=19$m=256,t=2,p=1$c29tZQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"an empty tag, which all match": "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$",
		"a short tag":                   "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQM",
		"an endless tag":                "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$" + strings.Repeat("AAAA", 100),
		"padding":                       "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ=$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4=",
		"a line break":                  "$argon2id$v=19$m=256,t=2,p=1" + tail + "\n",
		"one more part":                 "$argon2id$v=19$m=256,t=2,p=1" + tail + "$",
	} {
		matched, err := hasher.Verify(ctx, uuid.Nil, encoded, "password")
		if matched || !errors.Is(err, ErrMalformed) || !hasher.NeedsRehash(encoded) {
			t.Errorf("%s: %v, %v", name, matched, err)
		}
	}
	if hasher.Stats().Done != 0 {
		t.Error("work was done for a refused string")
	}
}

func TestNeedsRehash(t *testing.T) {
	weaker := newHasher(t, cheap)
	encoded, err := weaker.Hash(ctx, uuid.Nil, "x")
	if err != nil {
		t.Fatal(err)
	}
	if weaker.NeedsRehash(encoded) {
		t.Error("the same parameters")
	}
	for _, other := range []Parameters{{16, 1, 1}, {8, 2, 1}, {16, 1, 2}} {
		if !newHasher(t, other).NeedsRehash(encoded) {
			t.Errorf("%+v", other)
		}
	}
	if !newHasher(t, Parameters{256, 2, 1}).NeedsRehash(referenceHashes[2].encoded) {
		t.Error("a salt of 8 bytes")
	}
}

func TestParametersForProduction(t *testing.T) {
	for _, good := range []Parameters{DefaultParameters(), {47104, 1, 1}, {12288, 3, 1}, {9216, 4, 1}, {7168, 5, 1}, {65536, 3, 4}} {
		if err := good.Validate(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, bad := range []Parameters{{}, cheap, {19456, 1, 1}, {4096, 10, 1}, {7168, 4, 1}, {1 << 20, 1, 1}, {19456, 2, 0}, {19456, 17, 1}, {262144, 5, 1}} {
		if err := bad.Validate(); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
	queue, _ := NewQueue(Limits{1, 1, 1}, time.Now, nil)
	if _, err := NewHasher(Parameters{}, queue, rand.Reader); err == nil {
		t.Error("a hasher without parameters")
	}
	if _, err := NewHasher(cheap, queue, bytes.NewReader(nil)); err == nil {
		t.Error("a hasher without randomness")
	}
}

// The memory an argon2id computation takes tells its parameters, whatever the machine does beside it; how
// long both take is shown by BenchmarkDummy and BenchmarkVerify.
func TestDummyDoesTheWorkOfVerify(t *testing.T) {
	hasher := newHasher(t, DefaultParameters())
	allocated := func(work func() error) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := work()
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	for name, parameters := range map[string]Parameters{"of today": DefaultParameters(), "of yesterday": {Memory: 7 * 1024, Passes: 5, Parallelism: 1}, "of other lanes": {Memory: 64 * 1024, Passes: 1, Parallelism: 2}} {
		encoded, err := newHasher(t, parameters).Hash(ctx, uuid.Nil, "right")
		if err != nil {
			t.Fatal(err)
		}
		kind, err := KindOf(encoded)
		if err != nil || (kind == hasher.Kind()) != (parameters == DefaultParameters()) {
			t.Fatalf("%s is of the kind %s: %v", encoded, kind, err)
		}
		verify := allocated(func() error { _, err := hasher.Verify(ctx, uuid.Nil, encoded, "wrong"); return err })
		dummy := allocated(func() error { return hasher.Dummy(ctx, uuid.Nil, kind, "wrong") })
		least := uint64(parameters.Memory) << 10
		if verify < least || dummy < least || max(verify, dummy)-min(verify, dummy) > least/8 {
			t.Errorf("%s: Verify worked in %d bytes, Dummy in %d, both should in a little over %d", name, verify, dummy, least)
		}
	}
	for _, kind := range []Kind{"", "no kind", "$2b$31$....................................................."} {
		before := hasher.Verified(Argon2)
		if err := hasher.Dummy(ctx, uuid.Nil, kind, "wrong"); err != nil || hasher.Verified(Argon2) != before+1 {
			t.Errorf("instead of %q: %v, %d more", kind, err, hasher.Verified(Argon2)-before)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range referenceHashes {
		f.Add(c.encoded)
	}
	f.Add("$argon2id$v=19$m=1,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, encoded string) {
		parsed, err := parse(encoded)
		if err != nil {
			return
		}
		if parsed.bounds() != nil || parsed.encode() != encoded {
			t.Fatalf("%q became %+v", encoded, parsed)
		}
	})
}

func BenchmarkDummy(b *testing.B) {
	hasher := newHasher(b, DefaultParameters())
	for b.Loop() {
		if err := hasher.Dummy(ctx, uuid.Nil, hasher.Kind(), "wrong"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	hasher := newHasher(b, DefaultParameters())
	encoded, err := hasher.Hash(ctx, uuid.Nil, "password")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if matched, err := hasher.Verify(ctx, uuid.Nil, encoded, "password"); err != nil || !matched {
			b.Fatal(matched, err)
		}
	}
}
