package webauthn

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/seal"
)

const getCeremony = string(protocol.AssertCeremony)

// Ceremonies are those of all relying parties: each organization at a host of its own is one, and all others share that of
// the server. It is safe for concurrent use.
type Ceremonies struct {
	passkeys   *credential.Passkeys
	models     *fido.Models
	challenges challenges
}

// NewCeremonies makes the ceremonies.
func NewCeremonies(passkeys *credential.Passkeys, models *fido.Models, state kv.Store, ring *seal.Ring, now func() time.Time, random io.Reader) *Ceremonies {
	return &Ceremonies{passkeys: passkeys, models: models, challenges: challenges{state: state, key: ring.DeriveKey("webauthn-challenges").Key, now: now, random: random}}
}

type requestOptions struct {
	Challenge        string       `json:"challenge"`
	Timeout          int64        `json:"timeout"`
	RPID             string       `json:"rpId"`
	AllowCredentials []descriptor `json:"allowCredentials"`
	UserVerification string       `json:"userVerification"`
}

// Request begins a sign-in with a passkey, whosever it is: one that is discoverable, with user verification.
func (c *Ceremonies) Request(about About) (Options, error) {
	challenge, err := c.challenges.new(getCeremony, about)
	if err != nil {
		return "", err
	}
	return encode(requestOptions{Challenge: challenge, Timeout: timeout.Milliseconds(), RPID: about.Party.ID, AllowCredentials: []descriptor{}, UserVerification: "required"})
}

// RequestOf begins the proof of another factor by somebody who proved one already: with one of their passkeys, also one that
// is not discoverable, and whether or not the authenticator verifies its user.
func (c *Ceremonies) RequestOf(about About, owner uuid.UUID, own []credential.Passkey) (Options, error) {
	challenge, err := c.challenges.new(anotherFactor(owner), about)
	if err != nil {
		return "", err
	}
	usable := slices.DeleteFunc(slices.Clone(own), func(passkey credential.Passkey) bool { return !passkey.SuspendedAt.IsZero() })
	return encode(requestOptions{Challenge: challenge, Timeout: timeout.Milliseconds(), RPID: about.Party.ID, AllowCredentials: describe(usable, about.Party.ID), UserVerification: "preferred"})
}

// anotherFactor names the ceremony in which a person proves another factor: its challenges are good for no sign-in with a
// passkey alone, which demands more, nor for somebody else.
func anotherFactor(owner uuid.UUID) string { return getCeremony + " another factor " + owner.String() }

// Requested verifies what a browser answered to Request (§7.2) and counts it as an attempt to sign in. ErrUnreadable,
// ErrChallenge, ErrNotVerified, and what credential.Passkeys.Verify says.
func (c *Ceremonies) Requested(ctx context.Context, about About, browserHash []byte, response string) (*credential.PasskeyProof, error) {
	return c.requested(ctx, getCeremony, about, credential.PasskeyAttempt{OrgID: about.OrgID, BrowserHash: browserHash}, response)
}

// RequestedOf is Requested for what RequestOf asked for. That the user was verified is not demanded; the proof says whether.
func (c *Ceremonies) RequestedOf(ctx context.Context, about About, owner uuid.UUID, browserHash []byte, response string) (*credential.PasskeyProof, error) {
	return c.requested(ctx, anotherFactor(owner), about, credential.PasskeyAttempt{OrgID: about.OrgID, BrowserHash: browserHash, Owner: owner}, response)
}

func (c *Ceremonies) requested(ctx context.Context, ceremony string, about About, attempt credential.PasskeyAttempt, response string) (*credential.PasskeyProof, error) {
	if len(response) > maximumResponseBytes {
		return nil, ErrUnreadable
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(response)) // steps 3, 4, 7 to 9
	if err != nil {
		return nil, ErrUnreadable.WithCause(err)
	}
	if len(parsed.RawID) > credential.MaximumCredentialID {
		return nil, ErrUnreadable
	}
	if err := c.challenges.redeem(ctx, ceremony, about, parsed.Response.CollectedClientData.Challenge); err != nil { // step 11
		return nil, err
	}
	attempt.CredentialID = parsed.RawID
	attempt.Verify = func(stored credential.Passkey, handle []byte) (credential.Assertion, error) {
		return about.Party.judge(parsed, stored, handle, attempt.Owner != uuid.Nil)
	}
	return c.passkeys.Verify(ctx, attempt)
}

// judge verifies an assertion against the credential record. identified says that the user proved another factor before: then
// the user handle may be missing (step 6), and the user need not be verified.
func (p RelyingParty) judge(parsed *protocol.ParsedCredentialAssertionData, stored credential.Passkey, handle []byte, identified bool) (credential.Assertion, error) {
	missing := identified && len(parsed.Response.UserHandle) == 0
	if !missing && subtle.ConstantTimeCompare(parsed.Response.UserHandle, handle) != 1 { // step 6
		return credential.Assertion{}, errors.New("the user handle is not that of the owner")
	}
	if stored.RPID != p.ID {
		return credential.Assertion{}, fmt.Errorf("a passkey of %s", stored.RPID)
	}
	client, flags := parsed.Response.CollectedClientData, parsed.Response.AuthenticatorData.Flags
	if err := p.checkClient(client); err != nil {
		return credential.Assertion{}, err
	}
	// Steps 10 to 16, 20, 21; the user's verification is judged below, after the signature that vouches for the flag.
	err := parsed.Verify(client.Challenge, p.ID, "", []string{p.Origin}, nil, nil, protocol.TopOriginExplicitVerificationMode, false, false, true,
		stored.PublicKey, protocol.SignaturePolicy{})
	switch {
	case err != nil:
		return credential.Assertion{}, explained(err)
	case flags.HasBackupState() && !flags.HasBackupEligible(): // step 18
		return credential.Assertion{}, errBackup
	case flags.HasBackupEligible() != stored.BackupEligible: // step 19
		return credential.Assertion{}, errors.New("whether the passkey may be backed up has changed")
	case !flags.HasUserVerified() && !identified: // step 17
		return credential.Assertion{}, ErrNotVerified
	}
	return credential.Assertion{SignCount: parsed.Response.AuthenticatorData.Counter, BackupState: flags.HasBackupState(), UserVerified: flags.HasUserVerified()}, nil
}

var errBackup = errors.New("a passkey that is backed up and may not be")

// checkClient is stricter than the library: our pages are never framed, and their origin has one spelling (§7.1 steps 9
// to 11, §7.2 steps 12 to 14).
func (p RelyingParty) checkClient(client protocol.CollectedClientData) error {
	switch {
	case client.Origin != p.Origin:
		return fmt.Errorf("the origin %q", client.Origin)
	case client.CrossOrigin:
		return errors.New("from within another page")
	case client.TopOrigin != "":
		return fmt.Errorf("within the page %q", client.TopOrigin)
	}
	return nil
}

// explained is the library's error with what it keeps for developers.
func explained(err error) error {
	var detailed *protocol.Error
	if errors.As(err, &detailed) {
		return fmt.Errorf("%w: %s", err, detailed.DevInfo)
	}
	return err
}
