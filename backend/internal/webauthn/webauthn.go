// Package webauthn is the relying party of Web Authentication Level 3 (W3C Recommendation track, 2025): it makes the
// options of ceremonies and verifies what browsers answer (§7.1, §7.2), on github.com/go-webauthn/webauthn, whose types
// stay in here. Where passkeys are kept, and attempts counted, is package credential; which page shows a ceremony, and
// what follows from one, packages signin and account.
//
// Left out: the extensions but credProps (§10), because nothing here needs one; related origins (§5.11), but where an
// organization was at a host of its own before.
package webauthn

import (
	"encoding/base64"
	"encoding/json"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
)

// The faults of this package.
var (
	// ErrUnreadable is the answer to what is no response of a browser to one of our ceremonies.
	ErrUnreadable = fault.New(fault.Invalid, "passkey_unreadable", "The answer of your browser could not be read. Try again.").WithField("passkey")
	// ErrChallenge is the answer to a ceremony that is over: its challenge expired, was used, or was made for something else.
	ErrChallenge = fault.New(fault.Invalid, "passkey_ceremony_over", "This took too long, or was sent twice. Try again.").WithField("passkey")
	// ErrNotVerified says that the authenticator asked for no PIN, fingerprint or face (flag UV).
	ErrNotVerified = fault.New(fault.Unauthenticated, "passkey_user_not_verified",
		"Your device did not check that it is you. Set a PIN, a fingerprint or a face on it, then try again.").WithField("passkey")
	// ErrNotAccepted says that a passkey was made that cannot be kept; its cause says why.
	ErrNotAccepted = fault.New(fault.Invalid, "passkey_not_accepted", "This passkey cannot be used here. Make one on another device or security key.").WithField("passkey")
)

// RelyingParty is who people make passkeys for (§4).
type RelyingParty struct {
	ID     string // §4 "RP ID": a domain
	Origin string // of our pages, as browsers serialize it
}

// name tells relying parties apart. One at its own origin is named by that.
func (p RelyingParty) name() string {
	if own, ok := NewRelyingParty(p.Origin); ok && own.ID == p.ID {
		return p.Origin
	}
	return p.ID + " at " + p.Origin
}

// NewRelyingParty is the relying party of pages at an origin: its RP ID is the host itself, never a domain above, so
// that no other host can ask for our passkeys. ok is false where browsers let nobody use passkeys: at an IP address, and
// without TLS, but at localhost (§5.1.3, §13.4.9).
func NewRelyingParty(publicURL string) (party RelyingParty, ok bool) {
	address, err := url.Parse(publicURL)
	if err != nil || address.Hostname() == "" {
		return RelyingParty{}, false
	}
	host := strings.ToLower(address.Hostname())
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	if net.ParseIP(host) != nil || address.Scheme != "https" && !(address.Scheme == "http" && local) {
		return RelyingParty{}, false
	}
	origin := address.Scheme + "://" + host
	if port := address.Port(); port != "" && !(address.Scheme == "https" && port == "443") && !(address.Scheme == "http" && port == "80") {
		origin += ":" + port
	}
	return RelyingParty{ID: host, Origin: origin}, true
}

// PartyOf is the relying party of an organization's pages, as seen from the address that was asked; ok as in NewRelyingParty.
func PartyOf(issuers oauth.Issuers, organization *org.Organization) (party RelyingParty, ok bool) {
	return NewRelyingParty(issuers.Origin(organization))
}

// FormerPartyOf is the relying party of the host of its own at which an organization was before, whose passkeys people may use at
// the origin of its present pages while both are served; ok is false without one. The address that organizations share is none:
// whoever has one of them at a host of their own would be given the passkeys of all.
func FormerPartyOf(issuers oauth.Issuers, organization *org.Organization, at time.Time) (party RelyingParty, ok bool) {
	if organization.SeenFromFormer() || !organization.ServesFormer(at) {
		return RelyingParty{}, false
	}
	return related(issuers, organization.AtFormer(), organization)
}

// RelatedOrigins are the origins at which the passkeys of the address that was asked may be used besides it (§5.11.1).
func RelatedOrigins(issuers oauth.Issuers, organization *org.Organization) []string {
	if organization.SeenFromFormer() {
		if party, ok := related(issuers, organization, organization.Present()); ok {
			return []string{party.Origin}
		}
	}
	return nil
}

// related is the relying party of a former address at a present one. Browsers ask its host at the port of HTTPS (§5.11.1 step 1).
func related(issuers oauth.Issuers, former, present *org.Organization) (RelyingParty, bool) {
	there, served := PartyOf(issuers, former)
	here, ok := PartyOf(issuers, present)
	return RelyingParty{ID: there.ID, Origin: here.Origin}, ok && served && former.Domain != "" && there.Origin == "https://"+there.ID
}

// How long browsers let people take (§15.1 recommends five minutes at least), and what they may answer.
const (
	timeout              = 5 * time.Minute
	maximumResponseBytes = 64 << 10 // chains of attestation certificates are long
)

// algorithms are those that a passkey may use, best first (§5.4 recommends EdDSA, ES256 and RS256).
var algorithms = []webauthncose.COSEAlgorithmIdentifier{webauthncose.AlgEdDSA, webauthncose.AlgES256, webauthncose.AlgRS256}

const minimumRSABits = 2048

// Options are those of a ceremony in the JSON form that browsers read (§5.1.8, §5.1.9).
type Options string

func encode(options any) (Options, error) {
	encoded, err := json.Marshal(options)
	return Options(encoded), err
}

// base64url are bytes as JSON has them (RFC 4648 §5, without padding).
type base64url []byte

// MarshalText implements encoding.TextMarshaler.
func (b base64url) MarshalText() ([]byte, error) {
	return []byte(base64.RawURLEncoding.EncodeToString(b)), nil
}

type descriptor struct {
	Type       string    `json:"type"`
	ID         base64url `json:"id"`
	Transports []string  `json:"transports,omitempty"`
}

func describe(passkeys []credential.Passkey, rpID string) []descriptor {
	described := []descriptor{}
	for _, passkey := range passkeys {
		if passkey.RPID == rpID {
			described = append(described, descriptor{"public-key", passkey.CredentialID, passkey.Transports})
		}
	}
	return described
}

// AcceptedCredentials is what authenticators are told after a sign-in, so that they stop offering passkeys that were
// removed (§5.1.10.4, signalAllAcceptedCredentials): the person's own, of this RP ID.
func (p RelyingParty) AcceptedCredentials(handle []byte, passkeys []credential.Passkey) (Options, error) {
	accepted := []base64url{}
	for _, passkey := range passkeys {
		if passkey.RPID == p.ID && passkey.SuspendedAt.IsZero() {
			accepted = append(accepted, passkey.CredentialID)
		}
	}
	return encode(struct {
		RPID     string      `json:"rpId"`
		UserID   base64url   `json:"userId"`
		Accepted []base64url `json:"allAcceptedCredentialIds"`
	}{p.ID, handle, accepted})
}

func supported(algorithm int64) bool {
	return slices.Contains(algorithms, webauthncose.COSEAlgorithmIdentifier(algorithm))
}
