package domaintest

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"
)

// OneTimePassword is what an authenticator app shows for a secret at a moment (RFC 6238), written apart from what verifies it.
func OneTimePassword(t testing.TB, secret string, at time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(secret, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	message := make([]byte, 8)
	binary.BigEndian.PutUint64(message, uint64(at.Unix()/30))
	hash := hmac.New(sha1.New, key)
	hash.Write(message)
	digest := hash.Sum(nil)
	from := digest[19] & 15
	number := (uint32(digest[from])&127)<<24 | uint32(digest[from+1])<<16 | uint32(digest[from+2])<<8 | uint32(digest[from+3])
	return fmt.Sprintf("%06d", number%1_000_000)
}
