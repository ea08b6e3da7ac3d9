// Package passwordhash hashes the passwords that people choose, and shares the expensive work fairly
// between organizations: Argon2id version 0x13 (RFC 9106) in PHC strings, behind a bounded queue.
//
// The work of one hash is deliberate (about 20 MiB and some ten milliseconds), so it would be the
// cheapest way to bring the server down. A Hasher runs few hashes at a time, lets organizations take
// turns, and refuses early what it could not answer in time.
//
// Memory: golang.org/x/crypto/argon2 allocates its blocks anew for each hash. With n hashes at a time
// and the default 19 MiB the process therefore holds n × 19 MiB in use and, until the collector runs,
// rather more than that again as garbage: peaks of 40, 135 and 170 MiB of heap were measured for n of
// 1, 2 and 4. Nothing of it is kept when logins pause. The blocks are not zeroed, the next use
// overwrites them.
//
// Left out: password policy, and Unicode normalization (NIST SP 800-63B §3.1.1.2), which the package
// that owns credentials applies before it calls here; a pepper; making hashes by other schemes. Random secrets are
// not passwords and belong to package secret.
package passwordhash

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Parameters say what a hash costs.
type Parameters struct {
	Memory      uint32 // KiB
	Passes      uint32 // iterations over the memory, "t"
	Parallelism uint8  // lanes, "p": each hash occupies as many cores for a moment
}

// DefaultParameters are 19 MiB, two passes and one lane: the first choice of the OWASP Password
// Storage Cheat Sheet for servers, where memory is shared by many logins at a time.
func DefaultParameters() Parameters { return Parameters{Memory: 19 * 1024, Passes: 2, Parallelism: 1} }

// What is accepted at all. A stored string is data, imports included: without an upper bound one row
// could ask for all memory of the machine.
const (
	maximumMemory      = 256 * 1024 // KiB
	maximumPasses      = 16
	maximumParallelism = 16
	maximumWork        = 1024 * 1024 // KiB × passes
	minimumSalt        = 8           // bytes, RFC 9106 §3.1
	maximumSalt        = 64
	minimumTag         = 16
	maximumTag         = 64

	saltBytes = 16
	tagBytes  = 32
)

// The least that a configuration may ask for in production: the weakest equivalent of OWASP's list.
const (
	advisedMemory = 7 * 1024 // KiB
	advisedWork   = 35 * 1024
)

// ErrMalformed says that a stored string is not an acceptable Argon2id hash.
var ErrMalformed = errors.New("passwordhash: the stored hash is malformed or asks for unacceptable work")

// Validate reports why the parameters must not be configured in production: out of bounds, or weaker
// than every choice that OWASP lists. Tests may use weaker ones; a Hasher accepts all within bounds.
func (p Parameters) Validate() error {
	if err := p.bounds(); err != nil {
		return err
	}
	if p.Memory < advisedMemory || uint64(p.Memory)*uint64(p.Passes) < advisedWork {
		return fmt.Errorf("passwordhash: %d KiB with %d passes is too weak; the default is 19456 KiB with 2", p.Memory, p.Passes)
	}
	return nil
}

func (p Parameters) bounds() error {
	switch {
	case p.Parallelism < 1 || p.Parallelism > maximumParallelism:
		return fmt.Errorf("passwordhash: parallelism must be 1 to %d", maximumParallelism)
	case p.Passes < 1 || p.Passes > maximumPasses:
		return fmt.Errorf("passwordhash: passes must be 1 to %d", maximumPasses)
	case p.Memory < 8*uint32(p.Parallelism) || p.Memory > maximumMemory: // RFC 9106 §3.1
		return fmt.Errorf("passwordhash: memory must be %d to %d KiB", 8*uint32(p.Parallelism), maximumMemory)
	case uint64(p.Memory)*uint64(p.Passes) > maximumWork:
		return fmt.Errorf("passwordhash: memory times passes must be at most %d KiB", maximumWork)
	}
	return nil
}

// stored is a PHC string taken apart.
type stored struct {
	Parameters
	salt, tag []byte
}

func (s stored) encode() string {
	encoding := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, s.Memory, s.Passes, s.Parallelism,
		encoding.EncodeToString(s.salt), encoding.EncodeToString(s.tag))
}

// compute returns the tag of a password under the salt and parameters.
func (s stored) compute(password string) []byte {
	return argon2.IDKey([]byte(password), s.salt, s.Passes, s.Memory, s.Parallelism, uint32(len(s.tag)))
}

func (s stored) matches(password string) bool {
	return subtle.ConstantTimeCompare(s.compute(password), s.tag) == 1
}

// parse reads "$argon2id$v=19$m=…,t=…,p=…$salt$hash" strictly: there is one spelling of each hash.
func parse(encoded string) (stored, error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return stored{}, ErrMalformed
	}
	fields := strings.Split(parts[3], ",")
	if len(fields) != 3 {
		return stored{}, ErrMalformed
	}
	var numbers [3]uint32
	for i, name := range []string{"m=", "t=", "p="} {
		digits, found := strings.CutPrefix(fields[i], name)
		number, err := strconv.ParseUint(digits, 10, 24)
		if !found || err != nil || strconv.FormatUint(number, 10) != digits {
			return stored{}, ErrMalformed
		}
		numbers[i] = uint32(number)
	}
	if numbers[2] > maximumParallelism {
		return stored{}, ErrMalformed
	}
	hash := stored{Parameters: Parameters{Memory: numbers[0], Passes: numbers[1], Parallelism: uint8(numbers[2])}}
	if hash.bounds() != nil {
		return stored{}, ErrMalformed
	}
	var saltOK, tagOK bool
	hash.salt, saltOK = decode(parts[4], minimumSalt, maximumSalt)
	hash.tag, tagOK = decode(parts[5], minimumTag, maximumTag)
	if !saltOK || !tagOK {
		return stored{}, ErrMalformed
	}
	return hash, nil
}

func decode(text string, minimum, maximum int) ([]byte, bool) {
	if strings.ContainsAny(text, "\r\n") { // which encoding/base64 would skip
		return nil, false
	}
	decoded, err := base64.RawStdEncoding.Strict().DecodeString(text)
	return decoded, err == nil && len(decoded) >= minimum && len(decoded) <= maximum
}
