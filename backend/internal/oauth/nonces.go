package oauth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/clavex/clavex/backend/internal/org"
)

const (
	// noncePeriod is for how long one nonce is given out; it is good for twice that long.
	noncePeriod = 3 * time.Minute
	nonceBytes  = 18
)

// nonces tell the time to clients whose clocks nobody believes: the key that replicas share, used for nothing else. They
// agree on a nonce without storing it (RFC 9449 §8).
type nonces []byte

// of is the organization's nonce of a period. It says nothing by itself.
func (n nonces) of(organization *org.Organization, period int64) string {
	mac := hmac.New(sha256.New, n)
	mac.Write(organization.ID[:])
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(period)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:nonceBytes])
}

// at is the nonce that is given out at the time.
func (n nonces) at(organization *org.Organization, now time.Time) string {
	return n.of(organization, periodOf(now))
}

func periodOf(at time.Time) int64 { return at.Unix() / int64(noncePeriod/time.Second) }

// since tells since when a nonce is given out, when it is good.
func (n nonces) since(organization *org.Organization, nonce string, now time.Time) (time.Time, bool) {
	for period := periodOf(now); period > periodOf(now)-2; period-- {
		if hmac.Equal([]byte(n.of(organization, period)), []byte(nonce)) {
			return time.Unix(period*int64(noncePeriod/time.Second), 0), true
		}
	}
	return time.Time{}, false
}
