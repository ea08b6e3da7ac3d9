package webauthn

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/seal"
)

const getCeremony = string(protocol.AssertCeremony)

// Ceremonies are those of one relying party, for all organizations. It is safe for concurrent use.
type Ceremonies struct {
	party      RelyingParty
	passkeys   *credential.Passkeys
	models     *fido.Models
	challenges challenges
}

// NewCeremonies makes the ceremonies of a relying party.
func NewCeremonies(party RelyingParty, passkeys *credential.Passkeys, models *fido.Models, state kv.Store, ring *seal.Ring, now func() time.Time, random io.Reader) *Ceremonies {
	return &Ceremonies{party: party, passkeys: passkeys, models: models, challenges: challenges{state: state, key: ring.DeriveKey("webauthn-challenges").Key, now: now, random: random}}
}

// Party is the relying party.
func (c *Ceremonies) Party() RelyingParty { return c.party }

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
	return encode(requestOptions{Challenge: challenge, Timeout: timeout.Milliseconds(), RPID: c.party.ID, AllowCredentials: []descriptor{}, UserVerification: "required"})
}

// Requested verifies what a browser answered to Request (§7.2) and counts it as an attempt to sign in. ErrUnreadable,
// ErrChallenge, ErrNotVerified, and what credential.Passkeys.Verify says.
func (c *Ceremonies) Requested(ctx context.Context, about About, browserHash []byte, response string) (*credential.PasskeyProof, error) {
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
	if err := c.challenges.redeem(ctx, getCeremony, about, parsed.Response.CollectedClientData.Challenge); err != nil { // step 11
		return nil, err
	}
	return c.passkeys.Verify(ctx, credential.PasskeyAttempt{OrgID: about.OrgID, CredentialID: parsed.RawID, BrowserHash: browserHash,
		Verify: func(stored credential.Passkey, handle []byte) (credential.Assertion, error) {
			return c.judge(parsed, stored, handle)
		}})
}

// judge verifies an assertion against the credential record.
func (c *Ceremonies) judge(parsed *protocol.ParsedCredentialAssertionData, stored credential.Passkey, handle []byte) (credential.Assertion, error) {
	if subtle.ConstantTimeCompare(parsed.Response.UserHandle, handle) != 1 { // step 6: the user was not identified before
		return credential.Assertion{}, errors.New("the user handle is not that of the owner")
	}
	if stored.RPID != c.party.ID {
		return credential.Assertion{}, fmt.Errorf("a passkey of %s", stored.RPID)
	}
	client, flags := parsed.Response.CollectedClientData, parsed.Response.AuthenticatorData.Flags
	if err := c.checkClient(client); err != nil {
		return credential.Assertion{}, err
	}
	// Steps 10 to 16, 20, 21; the user's verification is judged below, after the signature that vouches for the flag.
	err := parsed.Verify(client.Challenge, c.party.ID, "", []string{c.party.Origin}, nil, nil, protocol.TopOriginExplicitVerificationMode, false, false, true,
		stored.PublicKey, protocol.SignaturePolicy{})
	switch {
	case err != nil:
		return credential.Assertion{}, explained(err)
	case flags.HasBackupState() && !flags.HasBackupEligible(): // step 18
		return credential.Assertion{}, errBackup
	case flags.HasBackupEligible() != stored.BackupEligible: // step 19
		return credential.Assertion{}, errors.New("whether the passkey may be backed up has changed")
	case !flags.HasUserVerified(): // step 17
		return credential.Assertion{}, ErrNotVerified
	}
	return credential.Assertion{SignCount: parsed.Response.AuthenticatorData.Counter, BackupState: flags.HasBackupState(), UserVerified: true}, nil
}

var errBackup = errors.New("a passkey that is backed up and may not be")

// checkClient is stricter than the library: our pages are never framed, and their origin has one spelling (§7.1 steps 9
// to 11, §7.2 steps 12 to 14).
func (c *Ceremonies) checkClient(client protocol.CollectedClientData) error {
	switch {
	case client.Origin != c.party.Origin:
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
