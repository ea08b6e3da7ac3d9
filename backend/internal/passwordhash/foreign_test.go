package passwordhash

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// The hashes were made by passlib 1.7.4 and Django 5.2, and the one of Firebase is the example of its own documentation.
var foreignHashes = map[string]struct{ encoded, password string }{
	"SHA-512-crypt":        {"$6$saltstring$Qr3qX1EgLG8Wfm6Vll8Nyl9RFkkqFONO5RsOrqcC0zKZMv8pU9gEzU6B7uZsLkPJ.zO.Q4KQBKvfg2Khard.H1", "Grüße-No-1843"},
	"SHA-256-crypt":        {"$5$rounds=1500$saltstringsaltst$tKKrh7MGOgCPzC5CsW3.9VkKm3gVG4xXD6FUuhHEWh9", "Grüße-No-1843"},
	"PBKDF2-SHA-256":       {"$pbkdf2-sha256$1000$c2l4dGVlbi1ieXRlcy14eA$Vuv9wLPgjeWc1zmCRpCbkUJdL6Lp4haS3YxJVJoG.KI", "Grüße-No-1843"},
	"PBKDF2-SHA-512":       {"$pbkdf2-sha512$1000$c2l4dGVlbi1ieXRlcy14eA$NRTi7KNWEvHMvWNPwG9cSJ8k3BBRa/dRHZzVC6JNsdmVjtjcB2GOABY4MhWiORr0s8BYqXQO5iKiClqyMbwqZw", "Grüße-No-1843"},
	"PBKDF2-SHA-1":         {"$pbkdf2$1000$c2l4dGVlbi1ieXRlcy14eA$7ODRt73c3KGpOB9wdHaD9AapfIQ", "Grüße-No-1843"},
	"scrypt":               {"$scrypt$ln=10,r=8,p=1$c2l4dGVlbi1ieXRlcy14eA$PBkgotgeWbni+dz98OD5qN+fZS1OH3DCjiW7NTC16Ig", "Grüße-No-1843"},
	"bcrypt":               {"$2b$05$abcdefghijklmnopqrstuusBhMwVUdQ3bksEQt2LfJd5JGybsuyt2", "Grüße-No-1843"},
	"Argon2i":              {"$argon2i$v=19$m=64,t=2,p=1$c2l4dGVlbi1ieXRlcy14eA$fvNCopbcTiOXfGwkimhNwt+dstARiasnJxYyDdmYUVc", "Grüße-No-1843"},
	"Argon2id, two lanes":  {"$argon2id$v=19$m=64,t=2,p=2$c2l4dGVlbi1ieXRlcy14eA$yio1uHermzb9ET5Q3kfcIPKyVbqKpawKMU6J14x8N4A", "Grüße-No-1843"},
	"Django PBKDF2":        {"pbkdf2_sha256$1000$saltsaltsalt$I7ZVSGcJ6ifxGpF3RV9wYaQgDnygEIxSFnMCdy8nU/8=", "Grüße-No-1843"},
	"Django PBKDF2-SHA-1":  {"pbkdf2_sha1$1000$saltsaltsalt$5nxO2OY+rGN+/JR8XMiYcjFPuiE=", "Grüße-No-1843"},
	"Django scrypt":        {"scrypt$1024$saltsaltsalt$8$5$OH77FqtfXuu6PpSpOzlcLnLG5pWdjKQzW+NleUmk6lmKe0w00Xn1+4BPMajqehrqUqlT1oL1IxZLieqLu08AGg==", "Grüße-No-1843"},
	"Django Argon2":        {"argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdHNhbHRzYWx0$+zWbiIKE+YoQGngbTh3tx+ClRSUJIo2iDP8+sg1/wEE", "Grüße-No-1843"},
	"Django bcrypt":        {"bcrypt$$2b$12$HMLP8SkPnLyFIqnpl3vkWuFuEpw5xUkBxQmtivOaU8Vkk1nuqnevO", "Grüße-No-1843"},
	"Django bcrypt SHA256": {"bcrypt_sha256$$2b$12$C3OWXn7/PpPYAjx18Qx/XOmRuN.zyf/5rvQRwxslBsbDJoDX32CDO", "Grüße-No-1843"},
	"Firebase": {"$firebase-scrypt$ln=14,r=8,sep=Bw==,key=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==" +
		"$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==", "user1password"},
}

func TestHashesOfOtherSystems(t *testing.T) {
	t.Parallel()
	queue, err := NewQueue(Limits{Concurrency: 2, PerOrganization: 100, Total: 100}, time.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := NewHasher(Parameters{Memory: 64, Passes: 1, Parallelism: 1}, queue, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, made := range foreignHashes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for password, want := range map[string]bool{made.password: true, made.password + "x": false, "": false} {
				if matches, err := hasher.Verify(t.Context(), uuid.New(), made.encoded, password); err != nil || matches != want {
					t.Errorf("%q: %v, %v", password, matches, err)
				}
			}
			if err := Check(made.encoded); err != nil || !hasher.NeedsRehash(made.encoded) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestHashesThatAreNotRead(t *testing.T) {
	t.Parallel()
	for name, encoded := range map[string]string{
		"nothing": "", "plain text": "secret", "MD5": "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/", "a digest": "5f4dcc3b5aa765d61d8327deb882cf99",
		"bcrypt that takes minutes":    "$2b$31$abcdefghijklmnopqrstuusBhMwVUdQ3bksEQt2LfJd5JGybsuyt2",
		"bcrypt cut":                   "$2b$05$abcdefghijklmnopqrstuusBhMwVUdQ3bksEQt2LfJd5JGybsuyt",
		"Argon2 of all memory":         "$argon2id$v=19$m=99999999,t=2,p=2$c2l4dGVlbi1ieXRlcy14eA$yio1uHermzb9ET5Q3kfcIPKyVbqKpawKMU6J14x8N4A",
		"Argon2 of many lanes":         "$argon2i$v=19$m=4096,t=2,p=999$c2l4dGVlbi1ieXRlcy14eA$yio1uHermzb9ET5Q3kfcIPKyVbqKpawKMU6J14x8N4A",
		"scrypt of all memory":         "$scrypt$ln=40,r=8,p=1$c2l4dGVlbi1ieXRlcy14eA$PBkgotgeWbni+dz98OD5qN+fZS1OH3DCjiW7NTC16Ig",
		"scrypt of many large lanes":   "$scrypt$ln=17,r=8,p=16$c2l4dGVlbi1ieXRlcy14eA$PBkgotgeWbni+dz98OD5qN+fZS1OH3DCjiW7NTC16Ig",
		"PBKDF2 without end":           "$pbkdf2-sha256$99999999$c2l4dGVlbi1ieXRlcy14eA$Vuv9wLPgjeWc1zmCRpCbkUJdL6Lp4haS3YxJVJoG.KI",
		"PBKDF2 of many blocks":        "$pbkdf2-sha256$1000$c2l4dGVlbi1ieXRlcy14eA$" + strings.Repeat("A", 44),
		"PBKDF2 of many short blocks":  "$pbkdf2$1000$c2l4dGVlbi1ieXRlcy14eA$" + strings.Repeat("A", 1900),
		"SHA-crypt without end":        "$6$rounds=999999999$saltstring$Qr3qX1EgLG8Wfm6Vll8Nyl9RFkkqFONO5RsOrqcC0zKZMv8pU9gEzU6B7uZsLkPJ.zO.Q4KQBKvfg2Khard.H1",
		"Django without end":           "pbkdf2_sha256$99999999$saltsaltsalt$I7ZVSGcJ6ifxGpF3RV9wYaQgDnygEIxSFnMCdy8nU/8=",
		"Django without iterations":    "pbkdf2_sha256$0$saltsaltsalt$I7ZVSGcJ6ifxGpF3RV9wYaQgDnygEIxSFnMCdy8nU/8=",
		"Django cut":                   "pbkdf2_sha256$1000$saltsaltsalt$I7ZVSGcJ6ifxGpF3RV9wYaQgDnygEIxSFnMCdy8nU",
		"Django scrypt, no power of 2": "scrypt$1000$saltsaltsalt$8$5$OH77FqtfXuu6PpSpOzlcLnLG5pWdjKQzW+NleUmk6lmKe0w00Xn1+4BPMajqehrqUqlT1oL1IxZLieqLu08AGg==",
		"Django's MD5":                 "md5$salt$67a1e09bb1f83f5007dc119c14d663aa",
		"bcrypt in bcrypt in bcrypt":   "bcrypt$bcrypt$bcrypt$$2b$05$abcdefghijklmnopqrstuusBhMwVUdQ3bksEQt2LfJd5JGybsuyt2",
		"Firebase, another key":        "$firebase-scrypt$ln=14,r=8,sep=Bw==,key=AAAA$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
		"too long":                     "pbkdf2_sha256$1000$salt$" + strings.Repeat("A", 4000),
	} {
		if err := Check(encoded); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A kind is a hash of the same cost that says nothing of the one that it was taken from.
func TestKindsOfHashes(t *testing.T) {
	t.Parallel()
	hasher := newHasher(t, cheap)
	schemes := map[Scheme]int{}
	for name, made := range foreignHashes {
		kind, err := KindOf(made.encoded)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if again, err := KindOf(string(kind)); err != nil || again != kind {
			t.Errorf("%s: of the kind %s, which is of the kind %s: %v", name, kind, again, err)
		}
		ofHash, scheme, err := read(made.encoded)
		if err != nil {
			t.Fatal(err)
		}
		ofKind, same, err := read(string(kind))
		if err != nil || same != scheme || fmt.Sprintf("%T", ofKind) != fmt.Sprintf("%T", ofHash) {
			t.Errorf("%s: %T by %s, its kind %T by %s: %v", name, ofHash, scheme, ofKind, same, err)
		}
		fields, blank := strings.Split(made.encoded, "$"), strings.Split(string(kind), "$")
		last := len(fields) - 1
		for n := range fields {
			if len(fields[n]) != len(blank[n]) || n == last && fields[n] == blank[n] {
				t.Errorf("%s: %s became %s", name, made.encoded, kind)
			}
		}
		if strings.Trim(blank[last], "A.=") != "" {
			t.Errorf("%s: %s is not blank", name, kind)
		}
		before := hasher.Verified(scheme)
		if matched, err := hasher.Verify(ctx, uuid.Nil, string(kind), made.password); err != nil || matched {
			t.Errorf("%s: %v, %v", name, matched, err)
		}
		if err := hasher.Dummy(ctx, uuid.Nil, kind, made.password); err != nil || hasher.Verified(scheme) != before+2 {
			t.Errorf("%s: %v, %d by %s", name, err, hasher.Verified(scheme)-before, scheme)
		}
		if named, err := kind.Scheme(); err != nil || named != scheme {
			t.Errorf("%s: the kind of %s is said to be of %q: %v", name, scheme, named, err)
		}
		schemes[scheme]++
	}
	if scheme, err := Kind("$2b$31$" + strings.Repeat(".", 53)).Scheme(); !errors.Is(err, ErrMalformed) {
		t.Errorf("what costs too much is of %q: %v", scheme, err)
	}
	if len(schemes) != len(Schemes()) {
		t.Errorf("only %v", schemes)
	}
	// Hashes of one kind, and not.
	for _, c := range []struct {
		one, other string
		same       bool
	}{
		{"$2b$05$abcdefghijklmnopqrstuusBhMwVUdQ3bksEQt2LfJd5JGybsuyt2", "$2b$05$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", true},
		{"$2b$05$abcdefghijklmnopqrstuusBhMwVUdQ3bksEQt2LfJd5JGybsuyt2", "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", false},
		{referenceHashes[0].encoded, referenceHashes[7].encoded, true},
		{referenceHashes[0].encoded, referenceHashes[1].encoded, false},
		{foreignHashes["Firebase"].encoded, strings.Replace(foreignHashes["Firebase"].encoded, "key=jx", "key=ab", 1), true},
		{foreignHashes["Firebase"].encoded, strings.Replace(foreignHashes["Firebase"].encoded, "ln=14", "ln=13", 1), false},
	} {
		one, _ := KindOf(c.one)
		other, _ := KindOf(c.other)
		if one == "" || other == "" || (one == other) != c.same {
			t.Errorf("%s and %s are of the kinds %s and %s", c.one, c.other, one, other)
		}
	}
	if kind, err := KindOf("5f4dcc3b5aa765d61d8327deb882cf99"); !errors.Is(err, ErrMalformed) {
		t.Errorf("%s, %v", kind, err)
	}
}

// Each round of SHA-crypt reads the whole password, so many rounds and a long password together are too much work for a guess.
func TestWorkDoesNotGrowWithThePassword(t *testing.T) {
	t.Parallel()
	const many = "$6$rounds=1000000$saltstring$Qr3qX1EgLG8Wfm6Vll8Nyl9RFkkqFONO5RsOrqcC0zKZMv8pU9gEzU6B7uZsLkPJ.zO.Q4KQBKvfg2Khard.H1"
	counted := 0
	found, _, err := read(many)
	if err != nil {
		t.Fatal(err)
	}
	limited, ok := found.(bounded)
	if !ok {
		t.Fatalf("%T", found)
	}
	limited.inner = counting{&counted}
	for length, tried := range map[int]int{16: 1, 128: 1, 135: 0, 1024: 0} {
		counted = 0
		if limited.matches(strings.Repeat("x", length)); counted != tried {
			t.Errorf("%d bytes: tried %d times", length, counted)
		}
	}
}

type counting struct{ times *int }

func (c counting) matches(string) bool { *c.times++; return true }
