// Package proofofwork makes whoever sends a form spend some computing time first, which costs a person a moment and a program
// that sends thousands of forms as many moments: a challenge of ours in the place of the puzzles of third parties, that learn who
// is where. It is the partial preimage of Hashcash (A. Back, 2002) with SHA-256, in Parts of equal size, so that the time varies
// less and progress can be shown.
//
// A challenge is a signed text; nothing is kept until it is used. It is good for one organization, one browser and one form, for
// Lifetime, and once. To verify an answer costs Parts hashes. Who cannot compute, because no script runs, waits instead: a
// challenge that is at least Wait old is accepted without an answer, of one network only a few times in an hour.
//
// What it cannot do: stop somebody who is ready to pay for computing. Limits and growing waits stay in force beside it.
package proofofwork

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/ratelimit"
	"github.com/clavex/clavex/backend/internal/secret"
)

// How much is asked for. 16 parts of 14 bits are a quarter of a million hashes on average: less than a second of a desktop, a few seconds
// of a slow phone.
const (
	Parts    = 16
	Bits     = 14
	Lifetime = time.Hour
	Wait     = 30 * time.Second // of who cannot compute

	clockSkew         = 5 * time.Second // between replicas
	waitsOfNetwork    = 20              // forms without an answer, in an hour
	failuresOfNetwork = 20              // that are told, in an hour
	kind              = "proof_of_work"
	seedBytes         = 16
)

// The reasons not to take a form.
var (
	ErrMissing = fault.New(fault.Invalid, "proof_of_work_missing",
		"Your device has to compute something before this form is taken. Send it again and wait for a moment.").WithField(Field)
	ErrWrong = fault.New(fault.Invalid, "proof_of_work_wrong", "What your device computed is not right. Send the form again.").WithField(Field)
	ErrOver  = fault.New(fault.Invalid, "proof_of_work_over", "This form was open for too long, or was sent twice. Send it again.").WithField(Field)
	ErrEarly = fault.New(fault.Invalid, "proof_of_work_early",
		"Without JavaScript this form is taken half a minute after it was opened. Wait a little, then send it again.").WithField(Field)
	ErrWaitsLimited = fault.New(fault.RateLimited, "proof_of_work_waits_limited",
		"Too many forms were sent without JavaScript from your network. Switch JavaScript on, or wait a while.").WithField(Field)
)

// The fields of a form.
const (
	Field          = "solution"  // the answer
	ChallengeField = "challenge" // to which it is one
)

// About is what a challenge is bound to.
type About struct {
	OrgID   uuid.UUID
	Browser string // its secret
	Form    string // which one, of which sign-in
}

// Met says how a challenge was met.
type Met string

// The ways.
const (
	ByWork    Met = "work"
	ByWaiting Met = "waiting"
)

// Challenges makes and verifies challenges. It is safe for concurrent use.
type Challenges struct {
	key    []byte
	state  kv.Store
	waits  *ratelimit.Limit
	told   *ratelimit.Limit
	now    func() time.Time
	random io.Reader
}

// New makes them; the key signs.
func New(key []byte, state kv.Store, now func() time.Time, random io.Reader) *Challenges {
	return &Challenges{key: key, state: state, waits: ratelimit.New(state, "proof_of_work_waits", waitsOfNetwork, time.Hour, ErrWaitsLimited),
		told: ratelimit.New(state, "proof_of_work_failures", failuresOfNetwork, time.Hour, ErrWrong), now: now, random: random}
}

// Challenge makes a challenge: issued.bits.parts.seed.signature.
func (c *Challenges) Challenge(about About) (string, error) {
	seed := make([]byte, seedBytes)
	if _, err := io.ReadFull(c.random, seed); err != nil {
		return "", err
	}
	content := strings.Join([]string{strconv.FormatInt(c.now().UnixMilli(), 10), strconv.Itoa(Bits), strconv.Itoa(Parts), base64.RawURLEncoding.EncodeToString(seed)}, ".")
	return content + "." + c.signature(about, content), nil
}

func (c *Challenges) signature(about About, content string) string {
	return secret.DeriveToken(c.key, "proof of work", about.OrgID.String(), about.Browser, about.Form, content)
}

// opened is a challenge whose signature was verified.
type opened struct {
	issued time.Time
	bits   int
	parts  int
	seed   []byte
}

// open verifies a challenge: it is ours, of this organization, browser and form, and not too old.
func (c *Challenges) open(about About, challenge string) (opened, error) {
	content, signature, _ := cutLast(challenge)
	if challenge == "" {
		return opened{}, ErrMissing
	}
	if len(challenge) > 200 || !hmac.Equal([]byte(signature), []byte(c.signature(about, content))) {
		return opened{}, ErrOver // most likely of a page from before the browser's cookie was replaced
	}
	parts := strings.Split(content, ".")
	if len(parts) != 4 {
		return opened{}, ErrOver
	}
	var numbers [3]int64
	for i := range numbers {
		var err error
		if numbers[i], err = strconv.ParseInt(parts[i], 10, 64); err != nil {
			return opened{}, ErrOver
		}
	}
	seed, err := base64.RawURLEncoding.DecodeString(parts[3])
	of := opened{issued: time.UnixMilli(numbers[0]), bits: int(numbers[1]), parts: int(numbers[2]), seed: seed}
	// What another release asked for is worth as much as what this one does, or nothing.
	if err != nil || of.bits < Bits || of.parts < Parts || of.parts > 4*Parts || c.now().After(of.issued.Add(Lifetime)) || of.issued.After(c.now().Add(clockSkew)) {
		return opened{}, ErrOver
	}
	return of, nil
}

func cutLast(text string) (before, after string, found bool) {
	if i := strings.LastIndexByte(text, '.'); i >= 0 {
		return text[:i], text[i+1:], true
	}
	return text, "", false
}

// Verify takes an answer to a challenge, once. ErrMissing, ErrWrong, ErrOver, ErrEarly, ErrWaitsLimited, kv.ErrUnavailable.
// After ErrEarly the same challenge is good still.
func (c *Challenges) Verify(ctx context.Context, about About, challenge, solution string) (met Met, err error) {
	of, err := c.open(about, challenge)
	if err != nil {
		return "", err
	}
	met = ByWork
	switch {
	case solution == "" && c.now().Before(of.issued.Add(Wait)):
		return "", ErrEarly
	case solution == "":
		if err := c.waits.CountNetwork(ctx, about.OrgID); err != nil {
			return "", err
		}
		met = ByWaiting
	case !of.solvedBy(solution):
		return "", ErrWrong
	}
	placed, err := c.state.PutIfAbsent(ctx, kv.Key{OrgID: about.OrgID, Kind: kind, ID: kv.ID(challenge)}, []byte{1}, Lifetime+2*clockSkew)
	if err != nil {
		return "", err
	}
	if !placed.FirstUse(of.issued, clockSkew) {
		return "", ErrOver
	}
	return met, nil
}

// Tells reports whether a failure is worth an event in the audit log: forms without an answer fail nobody, and of one network
// only the first failures within an hour say anything.
func (c *Challenges) Tells(ctx context.Context, orgID uuid.UUID, failure *fault.Error) (bool, error) {
	if failure == nil || failure.Field != Field || failure.Code == ErrMissing.Code || failure.Code == ErrEarly.Code {
		return false, nil
	}
	err := c.told.CountNetwork(ctx, orgID)
	if fault.IsKind(err, fault.Invalid) {
		return false, nil
	}
	return err == nil, err
}

// Reusable reports whether a form may be shown again with the challenge that it was sent with: who waits goes on waiting.
func Reusable(err error) bool { return fault.From(err) != nil && fault.From(err).Code == ErrEarly.Code }

// solvedBy reports whether each part of the answer, a number, makes the hash of seed, part and number begin with enough zeros.
func (o opened) solvedBy(solution string) bool {
	if len(solution) > o.parts*11 {
		return false
	}
	counters := strings.Split(solution, ".")
	if len(counters) != o.parts {
		return false
	}
	for i, text := range counters {
		counter, err := strconv.ParseUint(text, 10, 32)
		if err != nil || !meets(o.seed, uint32(i), uint32(counter), o.bits) { // of 32 bits, as parsed; at most 64 parts
			return false
		}
	}
	return true
}

func meets(seed []byte, part, counter uint32, zeros int) bool {
	message := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(append([]byte{}, seed...), part), counter)
	digest := sha256.Sum256(message)
	return bits.LeadingZeros32(binary.BigEndian.Uint32(digest[:4])) >= zeros
}

// Solve computes the answer to a challenge, as the script of the page does. For tests, and programs of the organization's own.
func Solve(challenge string) (string, bool) {
	parts := strings.Split(challenge, ".")
	if len(parts) != 5 {
		return "", false
	}
	zeros, errBits := strconv.Atoi(parts[1])
	count, errParts := strconv.Atoi(parts[2])
	seed, errSeed := base64.RawURLEncoding.DecodeString(parts[3])
	if errBits != nil || errParts != nil || errSeed != nil || zeros > 32 {
		return "", false
	}
	counters := make([]string, count)
	for i := range counters {
		counter := uint32(0)
		for !meets(seed, uint32(i), counter, zeros) {
			counter++
		}
		counters[i] = strconv.FormatUint(uint64(counter), 10)
	}
	return strings.Join(counters, "."), true
}
