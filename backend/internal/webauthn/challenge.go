package webauthn

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/secret"
)

// A challenge (§13.4.3) is random, says when it was made, and is authenticated together with what it is for: the
// organization, the ceremony, and what that belongs to, a login transaction and its browser. So showing a sign-in page
// writes nothing; using a challenge does, once. A use that may have been forgotten with the short-lived state counts as
// one.
const (
	challengeRandom   = 16 // bytes
	challengeTime     = 8
	challengeMAC      = 32
	challengeBytes    = challengeRandom + challengeTime + challengeMAC
	challengeLifetime = 30 * time.Minute // as long as a sign-in may take, because its page waits for a passkey all the time
	clockSkew         = 5 * time.Second  // between replicas
	challengeMarks    = "passkey-challenge"
)

// About is what a ceremony is for. What is asked for with one About is accepted with the same only.
type About struct {
	OrgID   uuid.UUID
	Subject string // the login transaction, or the session and person who make a passkey
	Browser string // the browser's own secret
	Party   RelyingParty
}

type challenges struct {
	state  kv.Store
	key    []byte
	now    func() time.Time
	random io.Reader
}

// new makes a challenge for a ceremony.
func (c challenges) new(ceremony string, about About) (string, error) {
	var challenge [challengeBytes]byte
	if _, err := io.ReadFull(c.random, challenge[:challengeRandom]); err != nil {
		return "", fmt.Errorf("draw a challenge: %w", err)
	}
	binary.BigEndian.PutUint64(challenge[challengeRandom:], uint64(c.now().UnixMilli()))
	copy(challenge[challengeRandom+challengeTime:], c.mac(ceremony, about, challenge[:challengeRandom+challengeTime]))
	return base64.RawURLEncoding.EncodeToString(challenge[:]), nil
}

func (c challenges) mac(ceremony string, about About, content []byte) []byte {
	return secret.Derive(c.key, "webauthn-challenge", ceremony, about.OrgID.String(), about.Subject, about.Browser, about.Party.name(), string(content))
}

// redeem accepts a challenge of ours for this ceremony, once: of simultaneous calls one. ErrChallenge otherwise.
func (c challenges) redeem(ctx context.Context, ceremony string, about About, presented string) error {
	challenge, err := base64.RawURLEncoding.Strict().DecodeString(presented)
	if err != nil || len(challenge) != challengeBytes || !hmac.Equal(challenge[challengeRandom+challengeTime:], c.mac(ceremony, about, challenge[:challengeRandom+challengeTime])) {
		return ErrChallenge
	}
	made, now := time.UnixMilli(int64(binary.BigEndian.Uint64(challenge[challengeRandom:challengeRandom+challengeTime]))), c.now()
	if age := now.Sub(made); age >= challengeLifetime || age < -clockSkew {
		return ErrChallenge
	}
	placed, err := c.state.PutIfAbsent(ctx, kv.Key{OrgID: about.OrgID, Kind: challengeMarks, ID: kv.ID(presented)}, nil, challengeLifetime+2*clockSkew)
	if err != nil {
		return err
	}
	if !placed.FirstUse(made, clockSkew) {
		return ErrChallenge
	}
	return nil
}
