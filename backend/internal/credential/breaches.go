package credential

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1" // the interface has it; nothing here relies on it
	"encoding/hex"
	"log/slog"
	"net/http"
	"strings"

	"github.com/clavex/clavex/backend/internal/fetch"
)

// breachesPrefix is how much of a digest the service is told: a range of hundreds of passwords.
const breachesPrefix = 5

// Breaches asks a service whether a password was seen in a theft (NIST SP 800-63B-4 §3.1.1.2). The service learns the first
// twenty bits of a digest and answers with everything that begins so, padded, so that neither it nor whoever watches
// the line learns which password it was. It is the interface of Pwned Passwords, which can be had as files and served by
// oneself. Safe for concurrent use.
type Breaches struct {
	client  *fetch.Client
	address string
	log     *slog.Logger
}

// NewBreaches makes the question to the service at the address, behind which the prefix goes; nil for no address.
func NewBreaches(client *fetch.Client, address string, log *slog.Logger) *Breaches {
	if address == "" {
		return nil
	}
	return &Breaches{client: client, address: strings.TrimSuffix(address, "/") + "/", log: log}
}

// seen reports whether the password was seen in a theft. A service that does not answer has seen nothing: people choose
// passwords while it is out of order, too; the log says so.
func (b *Breaches) seen(ctx context.Context, password string) bool {
	if b == nil {
		return false
	}
	sum := sha1.Sum([]byte(password))
	digest := strings.ToUpper(hex.EncodeToString(sum[:]))
	answer, err := b.client.Get(ctx, fetch.Request{URL: b.address + digest[:breachesPrefix], MaximumBytes: 1 << 20, Header: http.Header{"Add-Padding": {"true"}}})
	if err != nil {
		b.log.WarnContext(ctx, "the service that knows stolen passwords did not answer", "error", err)
		return false
	}
	for lines := bufio.NewScanner(bytes.NewReader(answer.Body)); lines.Scan(); {
		rest, count, _ := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		if strings.EqualFold(rest, digest[breachesPrefix:]) && count != "0" { // 0: padding
			return true
		}
	}
	return false
}
