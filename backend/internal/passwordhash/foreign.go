package passwordhash

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:depguard // PBKDF2 (RFC 8018) of other systems uses it; it is verified once and then replaced
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-crypt/crypt"
	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	cryptpbkdf2 "github.com/go-crypt/crypt/algorithm/pbkdf2"
	cryptscrypt "github.com/go-crypt/crypt/algorithm/scrypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
	"golang.org/x/crypto/scrypt"
)

// Hashes that other systems made. They are verified until their owner signs in, which replaces them by ours. What they
// may cost is bounded like that of our own: the text comes from a file.

// verifier tells whether a password is the one that was hashed.
type verifier interface{ matches(password string) bool }

// read takes a stored hash apart, whoever made it, and names its scheme. ErrMalformed when it is none that could be verified.
func read(encoded string) (verifier, Scheme, error) {
	if own, err := parse(encoded); err == nil {
		return own, Argon2, nil
	}
	inner, format, err := formatOf(encoded)
	if err != nil {
		return nil, "", err
	}
	found, err := format.read(inner, format.pattern.FindStringSubmatch(inner))
	if strings.HasPrefix(encoded, djangoDigested) {
		found = digested{found}
	}
	return found, format.scheme, err
}

// formatOf finds the format of a stored hash, and what of it is in that format.
func formatOf(encoded string) (string, foreignFormat, error) {
	if len(encoded) > maximumForeign {
		return "", foreignFormat{}, ErrMalformed
	}
	// Django writes its own name before what others write alone.
	inner := strings.TrimPrefix(encoded, djangoDigested)
	for _, name := range []string{"argon2", "bcrypt$"} {
		inner = strings.TrimPrefix(inner, name)
	}
	if inner != encoded && !strings.HasPrefix(inner, "$argon2") && !strings.HasPrefix(inner, "$2") {
		return "", foreignFormat{}, ErrMalformed
	}
	for _, format := range foreignFormats {
		if format.pattern.MatchString(inner) {
			return inner, format, nil
		}
	}
	return "", foreignFormat{}, ErrMalformed
}

const djangoDigested = "bcrypt_sha256$"

// Check reports whether a hash that another system made can be verified here: bcrypt, Argon2, PBKDF2, scrypt and
// SHA-crypt as crypt(3) and passlib write them, the hashers of Django, and Firebase's scrypt. The error is ErrMalformed.
func Check(encoded string) error {
	_, _, err := read(encoded)
	return err
}

const (
	maximumForeign     = 2000      // characters
	maximumBcryptCost  = 14        // about a second
	maximumIterations  = 2_000_000 // of PBKDF2
	maximumRounds      = 1_000_000 // of SHA-crypt
	maximumRoundBytes  = 128 << 20 // of SHA-crypt, each round of which reads the whole password: rounds × its bytes
	shaCryptRounds     = 5000      // of SHA-crypt where a hash says nothing of them
	maximumScryptBytes = 256 << 20 // 128 × N × r × p: memory, or as much work
	maximumScryptLanes = 16
)

// digestSize is how many bytes the function of a variant of PBKDF2 gives, and a hash of it has: each further one would cost all
// iterations again, so that a hash which somebody made up for it would hold up everybody's.
var digestSize = map[string]int{"": sha1.Size, "1": sha1.Size, "224": sha256.Size224, "256": sha256.Size, "384": sha512.Size384, "512": sha512.Size}

type foreignFormat struct {
	scheme  Scheme
	own     []int // groups of the pattern that differ from hash to hash and cost nothing: salt, tag
	pattern *regexp.Regexp
	read    func(encoded string, groups []string) (verifier, error)
}

var foreignFormats = []foreignFormat{
	{Bcrypt, []int{2}, regexp.MustCompile(`^\$2[aby]\$(\d{2})\$([./A-Za-z0-9]{53})$`), func(encoded string, groups []string) (verifier, error) {
		return library(encoded, number(groups[1]) <= maximumBcryptCost)
	}},
	{Argon2, []int{4, 5}, regexp.MustCompile(`^\$argon2(?:id|i|d)\$v=19\$m=([1-9]\d{0,7}),t=([1-9]\d{0,3}),p=([1-9]\d{0,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$`), func(encoded string, groups []string) (verifier, error) {
		lanes := number(groups[3])
		cost := Parameters{Memory: uint32(number(groups[1])), Passes: uint32(number(groups[2])), Parallelism: uint8(min(lanes, 255))}
		return library(encoded, lanes <= maximumParallelism && cost.bounds() == nil)
	}},
	{PBKDF2, []int{3, 4}, regexp.MustCompile(`^\$pbkdf2(?:-sha(1|224|256|384|512))?\$(\d{1,8})\$([A-Za-z0-9./]+)\$([A-Za-z0-9./]+)$`), func(encoded string, groups []string) (verifier, error) {
		return library(encoded, number(groups[2]) <= maximumIterations && len(groups[4]) <= base64.RawStdEncoding.EncodedLen(digestSize[groups[1]]))
	}},
	{Scrypt, []int{4, 5}, regexp.MustCompile(`^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$`), func(encoded string, groups []string) (verifier, error) {
		return library(encoded, scryptWithin(1<<min(number(groups[1]), 40), number(groups[2]), number(groups[3])))
	}},
	{SHACrypt, []int{2, 3}, regexp.MustCompile(`^\$[56]\$(?:rounds=(\d{1,9})\$)?([./A-Za-z0-9]{1,16})\$([./A-Za-z0-9]{43}|[./A-Za-z0-9]{86})$`), func(encoded string, groups []string) (verifier, error) {
		rounds := number(groups[1])
		found, err := library(encoded, rounds <= maximumRounds)
		return bounded{found, maximumRoundBytes / max(rounds, shaCryptRounds)}, err
	}},
	{PBKDF2, []int{3, 4}, regexp.MustCompile(`^pbkdf2_(sha1|sha256)\$(\d{1,8})\$([^$]{1,200})\$([A-Za-z0-9+/]+=*)$`), djangoPBKDF2},
	{Scrypt, []int{2, 5}, regexp.MustCompile(`^scrypt\$(\d{1,8})\$([^$]{1,200})\$(\d{1,3})\$(\d{1,3})\$([A-Za-z0-9+/]+=*)$`), djangoScrypt},
	{Firebase, []int{4, 5, 6}, regexp.MustCompile(`^\$firebase-scrypt\$ln=(\d{1,2}),r=(\d{1,3}),sep=([A-Za-z0-9+/]*=*),key=([A-Za-z0-9+/]+=*)\$([A-Za-z0-9+/]+=*)\$([A-Za-z0-9+/]+=*)$`), firebase},
}

var decoder = func() *crypt.Decoder {
	made := crypt.NewDecoder()
	for _, register := range []func(algorithm.DecoderRegister) error{argon2.RegisterDecoder, bcrypt.RegisterDecoder, cryptpbkdf2.RegisterDecoder, cryptscrypt.RegisterDecoder, shacrypt.RegisterDecoder} {
		if err := register(made); err != nil {
			panic(err) // two of one name
		}
	}
	return made
}()

// decoded is a hash that the library reads.
type decoded struct {
	digest interface{ Match(string) bool }
}

func (d decoded) matches(password string) bool { return d.digest.Match(password) }

// bounded is a hash whose work grows with the password: a longer one than longest bytes is not the password.
type bounded struct {
	inner   verifier
	longest int
}

func (b bounded) matches(password string) bool {
	return len(password) <= b.longest && b.inner.matches(password)
}

func library(encoded string, within bool) (verifier, error) {
	if !within {
		return nil, ErrMalformed
	}
	digest, err := decoder.Decode(encoded)
	if err != nil {
		return nil, ErrMalformed
	}
	return decoded{digest}, nil
}

// derived is a hash that a function derives from the password.
type derived struct {
	derive func(password string) ([]byte, error)
	want   []byte
}

func (d derived) matches(password string) bool {
	got, err := d.derive(password)
	return err == nil && subtle.ConstantTimeCompare(got, d.want) == 1
}

// digested is Django's BCryptSHA256PasswordHasher: the password is a digest in hexadecimal, so that bcrypt reads all of it.
type digested struct{ inner verifier }

func (d digested) matches(password string) bool {
	sum := sha256.Sum256([]byte(password))
	return d.inner.matches(hex.EncodeToString(sum[:]))
}

func djangoPBKDF2(_ string, groups []string) (verifier, error) {
	iterations, want := number(groups[2]), bytesOf(groups[4])
	function := map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New}[groups[1]]
	if iterations < 1 || iterations > maximumIterations || len(want) != function().Size() {
		return nil, ErrMalformed
	}
	return derived{func(password string) ([]byte, error) {
		return pbkdf2.Key(function, password, []byte(groups[3]), iterations, len(want))
	}, want}, nil
}

func djangoScrypt(_ string, groups []string) (verifier, error) {
	n, r, p, want := number(groups[1]), number(groups[3]), number(groups[4]), bytesOf(groups[5])
	if !scryptWithin(n, r, p) || len(want) < minimumTag || len(want) > sha512.Size {
		return nil, ErrMalformed
	}
	return derived{func(password string) ([]byte, error) {
		return scrypt.Key([]byte(password), []byte(groups[2]), n, r, p, len(want))
	}, want}, nil
}

// firebase is Firebase Authentication's variant of scrypt: the derived key encrypts the project's signer key. The file
// that Firebase exports has its parameters once; here each hash carries them:
//
//	$firebase-scrypt$ln=14,r=8,sep=<salt separator>,key=<signer key>$<salt>$<hash>   (all base64)
func firebase(_ string, groups []string) (verifier, error) {
	n, r := 1<<min(number(groups[1]), 40), number(groups[2])
	separator, key, salt, want := bytesOf(groups[3]), bytesOf(groups[4]), bytesOf(groups[5]), bytesOf(groups[6])
	if !scryptWithin(n, r, 1) || len(key) != len(want) || len(key) < minimumTag || salt == nil || separator == nil {
		return nil, ErrMalformed
	}
	return derived{func(password string) ([]byte, error) {
		secret, err := scrypt.Key([]byte(password), append(append([]byte{}, salt...), separator...), n, r, 1, 32)
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(secret)
		if err != nil {
			return nil, err
		}
		encrypted := make([]byte, len(key))
		cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(encrypted, key) //nolint:gosec // Firebase's; each key encrypts one text
		return encrypted, nil
	}, want}, nil
}

func scryptWithin(n, r, p int) bool {
	return n > 1 && n&(n-1) == 0 && r > 0 && p > 0 && p <= maximumScryptLanes && n <= maximumScryptBytes/128/r/p
}

// number reads digits that a pattern matched; 0 for none.
func number(digits string) int {
	value, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return value
}

// bytesOf reads base64, padded or not; nil when it is none, not nil when it is empty.
func bytesOf(text string) []byte {
	value, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil
	}
	return append([]byte{}, value...)
}
