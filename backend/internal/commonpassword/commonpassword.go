// Package commonpassword knows the passwords that are tried first: some two hundred thousand that were seen most often
// in what was stolen elsewhere (NIST SP 800-63B-4 §3.1.1.2 wants new passwords compared with such a list).
//
// The list is embedded as truncated digests, made by tools/scripts/common-passwords.mjs from the lists of common
// credentials of SecLists (MIT licence, © Daniel Miessler) and of the password validators of Django and zxcvbn-ts.
// Whether a password was seen in a theft at all is not known here; see credential.Breaches.
package commonpassword

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"sort"
	"strings"

	"golang.org/x/text/unicode/norm"
)

//go:embed list.bin
var list string

// width is how many bytes of a digest are kept: of a million passwords that are not in the list one in five million
// seems to be.
const width = 5

// Contains reports whether the password, whatever the case of its letters, is in the list. It reads a few bytes of the
// program's file and allocates next to nothing.
func Contains(password string) bool {
	digest := sha256.Sum256([]byte(strings.ToLower(norm.NFC.String(password))))
	wanted := digest[:width]
	count := len(list) / width
	at := sort.Search(count, func(i int) bool { return list[i*width:(i+1)*width] >= string(wanted) })
	return at < count && bytes.Equal([]byte(list[at*width:(at+1)*width]), wanted)
}
