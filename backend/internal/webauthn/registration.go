package webauthn

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/go-webauthn/webauthn/metadata"
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/org"
)

const createCeremony = string(protocol.CreateCeremony)

// NewPasskey is whom a passkey is made for.
type NewPasskey struct {
	About
	Handle      []byte // of the person (credential.Passkeys.Handle)
	Username    string
	DisplayName string
	PartyName   string               // shown by some authenticators: the organization
	Existing    []credential.Passkey // of the same person: an authenticator that holds one makes no other
	Conveyance  org.Conveyance       // of the attestation; "" for none
}

type creationOptions struct {
	RP struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"rp"`
	User struct {
		ID          base64url `json:"id"`
		Name        string    `json:"name"`
		DisplayName string    `json:"displayName"`
	} `json:"user"`
	Challenge              string                 `json:"challenge"`
	PubKeyCredParams       []credentialParameters `json:"pubKeyCredParams"`
	Timeout                int64                  `json:"timeout"`
	ExcludeCredentials     []descriptor           `json:"excludeCredentials"`
	AuthenticatorSelection struct {
		ResidentKey        string `json:"residentKey"`
		RequireResidentKey bool   `json:"requireResidentKey"` // for clients of Level 1
		UserVerification   string `json:"userVerification"`
	} `json:"authenticatorSelection"`
	Attestation string          `json:"attestation"`
	Extensions  map[string]bool `json:"extensions"`
}

type credentialParameters struct {
	Type string                               `json:"type"`
	Alg  webauthncose.COSEAlgorithmIdentifier `json:"alg"`
}

// Create begins to make a passkey that signs in by itself: discoverable, with user verification.
func (c *Ceremonies) Create(wanted NewPasskey) (Options, error) {
	challenge, err := c.challenges.new(createCeremony, wanted.About)
	if err != nil {
		return "", err
	}
	options := creationOptions{Challenge: challenge, Timeout: timeout.Milliseconds(), ExcludeCredentials: describe(wanted.Existing, wanted.Party.ID), Attestation: string(cmp.Or(wanted.Conveyance, org.ConveyNone)),
		Extensions: map[string]bool{"credProps": true}}
	options.RP.ID, options.RP.Name = wanted.Party.ID, wanted.PartyName
	options.User.ID, options.User.Name, options.User.DisplayName = wanted.Handle, wanted.Username, wanted.DisplayName
	options.AuthenticatorSelection.ResidentKey, options.AuthenticatorSelection.RequireResidentKey = "required", true
	options.AuthenticatorSelection.UserVerification = "required"
	for _, algorithm := range algorithms {
		options.PubKeyCredParams = append(options.PubKeyCredParams, credentialParameters{"public-key", algorithm})
	}
	return encode(options)
}

// Created verifies what a browser answered to Create (§7.1) and returns the passkey, which is nobody's yet.
// ErrUnreadable, ErrChallenge, ErrNotVerified, ErrNotAccepted, and what fido.Rules.Registered says of its model.
func (c *Ceremonies) Created(ctx context.Context, about About, response string) (credential.Passkey, error) {
	if len(response) > maximumResponseBytes {
		return credential.Passkey{}, ErrUnreadable
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(response)) // steps 3 to 6, 13
	if err != nil {
		return credential.Passkey{}, ErrUnreadable.WithCause(err)
	}
	client := parsed.Response.CollectedClientData
	if err := c.challenges.redeem(ctx, createCeremony, about, client.Challenge); err != nil { // step 8
		return credential.Passkey{}, err
	}
	if err := about.Party.checkClient(client); err != nil {
		return credential.Passkey{}, ErrNotAccepted.WithCause(err)
	}
	parameters := make([]protocol.CredentialParameter, len(algorithms))
	for i, algorithm := range algorithms {
		parameters[i] = protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: algorithm}
	}
	hash, err := parsed.Verify(client.Challenge, about.Party.ID, []string{about.Party.Origin}, nil, nil, protocol.TopOriginExplicitVerificationMode, false, false, true,
		metadata.Provider(nil), parameters, protocol.AttestationPolicy{}, protocol.SignaturePolicy{})
	if err != nil {
		return credential.Passkey{}, ErrNotAccepted.WithCause(explained(err))
	}
	made, err := about.Party.record(parsed, hash)
	if err != nil {
		return credential.Passkey{}, err
	}
	if made.Attested, err = c.attested(ctx, parsed.Response.AttestationObject, hash, made.AAGUID); err != nil {
		return credential.Passkey{}, err
	}
	rules, err := c.models.Rules(ctx, about.OrgID)
	if err != nil {
		return credential.Passkey{}, err
	}
	return made, rules.Registered(made.AAGUID, made.Attested)
}

// record judges what the library leaves to its caller and writes down what is kept.
func (p RelyingParty) record(parsed *protocol.ParsedCredentialCreationData, hash []byte) (credential.Passkey, error) {
	object, authenticator := parsed.Response.AttestationObject, parsed.Response.AttestationObject.AuthData
	flags, id := authenticator.Flags, authenticator.AttData.CredentialID
	aaguid, err := uuid.FromBytes(authenticator.AttData.AAGUID)
	switch {
	case err != nil:
		return credential.Passkey{}, ErrUnreadable.WithCause(err)
	case !flags.HasUserVerified(): // step 16
		return credential.Passkey{}, ErrNotVerified
	case flags.HasBackupState() && !flags.HasBackupEligible(): // step 17
		return credential.Passkey{}, ErrNotAccepted.WithCause(errBackup)
	case ofU2F(object) && aaguid != uuid.Nil:
		// What a U2F authenticator signs (§8.6) does not cover the AAGUID: whoever passes it on could name any model of the maker.
		return credential.Passkey{}, ErrNotAccepted.WithCause(fmt.Errorf("an attestation of U2F in the name of %s", aaguid))
	case len(id) < credential.MinimumCredentialID || len(id) > credential.MaximumCredentialID: // step 25
		return credential.Passkey{}, ErrNotAccepted.WithCause(fmt.Errorf("a credential ID of %d bytes", len(id)))
	}
	if err := checkKey(authenticator.AttData.CredentialPublicKey); err != nil { // step 20
		return credential.Passkey{}, ErrNotAccepted.WithCause(err)
	}
	made := credential.Passkey{CredentialID: id, PublicKey: authenticator.AttData.CredentialPublicKey, RPID: p.ID, SignCount: authenticator.Counter, AAGUID: aaguid,
		BackupEligible: flags.HasBackupEligible(), BackupState: flags.HasBackupState(), UserVerified: true, Attestation: credential.Attestation{Format: object.Format}}
	for _, transport := range parsed.Response.Transports {
		made.Transports = append(made.Transports, string(transport))
	}
	if properties := parsed.ClientExtensionResults.CredProps; properties != nil {
		made.Discoverable = properties.RK
	}
	if raw := parsed.Raw.AttestationResponse.AttestationObject; object.Format != string(protocol.AttestationFormatNone) {
		if len(raw) > credential.MaximumAttestation || len(hash) != sha256.Size {
			return credential.Passkey{}, ErrNotAccepted.WithCause(fmt.Errorf("an attestation of %d bytes", len(raw)))
		}
		made.Attestation.Object, made.Attestation.ClientDataHash = raw, hash
	}
	return made, nil
}

// ofU2F reports whether an attestation is one of U2F, or has one among its parts (§8.9).
func ofU2F(object protocol.AttestationObject) bool {
	const format = string(protocol.AttestationFormatFIDOUniversalSecondFactor)
	return object.Format == format || slices.ContainsFunc(object.SubStatements, func(part protocol.NonCompoundAttestationObject) bool { return part.Format == format })
}

// checkKey judges a public key by the rules for its algorithm (§5.8.5) and ours for strength.
func checkKey(encoded []byte) error {
	parsed, err := webauthncose.ParsePublicKey(encoded)
	if err != nil {
		return explained(err)
	}
	algorithm, fits := int64(0), false
	switch key := parsed.(type) {
	case webauthncose.EC2PublicKeyData:
		algorithm, fits = key.Algorithm, key.Curve == int64(webauthncose.P256)
	case webauthncose.OKPPublicKeyData:
		algorithm, fits = key.Algorithm, key.Curve == int64(webauthncose.Ed25519)
	case webauthncose.RSAPublicKeyData:
		algorithm, fits = key.Algorithm, len(key.Modulus)*8 >= minimumRSABits && len(key.Modulus) <= 1024 && key.Modulus[0] != 0
	}
	if !fits || !supported(algorithm) {
		return fmt.Errorf("a public key that does not fit its algorithm %d, or is too weak", algorithm)
	}
	return nil
}
