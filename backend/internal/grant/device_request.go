package grant

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// What belongs to devices without a browser (RFC 8628).
const (
	DeviceLifetime = 10 * time.Minute // how long a person may take
	DeviceInterval = 5 * time.Second  // between two polls, at first

	// UserCodeLength is how many letters people type, of an alphabet without vowels, so that no code is a word, and
	// without digits and letters that look alike (RFC 8628 §6.1): 20^8 codes.
	UserCodeLength   = 8
	userCodeAlphabet = "BCDFGHJKLMNPQRSTVWXZ"

	deviceKind    = "device_code"
	userCodeLabel = "device-user-code"
)

// The faults of device requests.
var (
	ErrUserCodeUnknown = fault.New(fault.Invalid, "user_code_unknown", "There is no such code, or it has expired. Compare it with the one on your device.").WithField("user_code")
	ErrDeviceDecided   = fault.New(fault.Conflict, "device_request_over", "This request has expired, or was answered already. Start again on your device.")
)

// DeviceRequest is what a device asks for.
type DeviceRequest struct {
	ID        uuid.UUID
	ClientID  string    // client_id
	ClientRow uuid.UUID // clients.id
	Scopes    []string
	Audience  []string // resource servers; empty when the request named none
	CreatedAt time.Time
}

// DeviceCodes are what a device gets to begin with.
type DeviceCodes struct {
	DeviceCode string // the device's secret
	UserCode   string // shown to the person, with a dash in the middle
}

// NormalUserCode is the code as it is compared: dashes, spaces and case say nothing (RFC 8628 §6.1). "" when it cannot
// be one.
func NormalUserCode(typed string) string {
	if len(typed) > 64 {
		return ""
	}
	code := strings.ToUpper(strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' || r == '–' || r == '_' || r == '.' {
			return -1
		}
		return r
	}, typed))
	if len(code) != UserCodeLength || strings.ContainsFunc(code, func(r rune) bool { return !strings.ContainsRune(userCodeAlphabet, r) }) {
		return ""
	}
	return code
}

// FormatUserCode is a normal code as people read it.
func FormatUserCode(code string) string {
	return code[:UserCodeLength/2] + "-" + code[UserCodeLength/2:]
}

// BeginDevice writes down what a device of the client asks for and returns its codes.
func (g *Grants) BeginDevice(ctx context.Context, orgID, clientID uuid.UUID, scopes, audience []string) (DeviceCodes, error) {
	now := g.now()
	for {
		codes, code := DeviceCodes{DeviceCode: secret.New(g.rand)}, g.newUserCode()
		codes.UserCode = FormatUserCode(code)
		made, err := dbq.New(g.db).InsertDeviceRequest(ctx, dbq.InsertDeviceRequestParams{OrgID: orgID, ID: store.NewID(), ClientID: clientID,
			DeviceCodeHash: secret.Hash(codes.DeviceCode), UserCodeHash: g.userCodeHash(orgID, code), Scopes: list(scopes), Audience: list(audience),
			PollInterval: int32(DeviceInterval / time.Second), CreatedAt: now, ExpiresAt: now.Add(DeviceLifetime)})
		if err != nil || made > 0 {
			return codes, err
		}
	}
}

// newUserCode draws letters evenly: bytes beyond the last whole multiple of the alphabet are drawn again.
func (g *Grants) newUserCode() string {
	const whole = 256 - 256%len(userCodeAlphabet)
	code := make([]byte, 0, UserCodeLength)
	for buffer := make([]byte, 1); len(code) < UserCodeLength; {
		if _, err := g.rand.Read(buffer); err != nil {
			panic("grant: the source of randomness failed: " + err.Error())
		}
		if int(buffer[0]) < whole {
			code = append(code, userCodeAlphabet[int(buffer[0])%len(userCodeAlphabet)])
		}
	}
	return string(code)
}

// userCodeHash is keyed, because all codes could be tried against a plain digest. After a rotation of the
// key-encryption key the codes of the minutes before are unknown: the device begins again.
func (g *Grants) userCodeHash(orgID uuid.UUID, code string) []byte {
	return secret.Hash(secret.DeriveToken(g.keys.DeriveKey(userCodeLabel).Key, userCodeLabel, orgID.String(), code))
}

// DeviceByUserCode is the pending request of a device for which somebody typed the code; ErrUserCodeUnknown when there
// is none. The caller limits how often that is tried.
func (g *Grants) DeviceByUserCode(ctx context.Context, orgID uuid.UUID, typed string) (*DeviceRequest, error) {
	code := NormalUserCode(typed)
	if code == "" {
		return nil, ErrUserCodeUnknown
	}
	row, err := dbq.New(g.db).PendingDeviceRequest(ctx, dbq.PendingDeviceRequestParams{OrgID: orgID, UserCodeHash: g.userCodeHash(orgID, code), At: g.now()})
	if store.IsNotFound(err) {
		return nil, ErrUserCodeUnknown
	}
	if err != nil {
		return nil, err
	}
	return &DeviceRequest{ID: row.ID, ClientID: row.ClientIdentifier, ClientRow: row.ClientID, Scopes: row.Scopes, Audience: row.Audience, CreatedAt: row.CreatedAt}, nil
}

// ApproveDevice turns a pending request into a grant of the session's person, which the device redeems by its code, and
// records it. ErrDeviceDecided when it is pending no more, ErrSessionEnded when the session has ended meanwhile.
func (g *Grants) ApproveDevice(ctx context.Context, actor audit.Actor, orgID, id uuid.UUID, in session.Session, idleUntil time.Time, acr string, tellOfEnd bool) error {
	return g.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		row, err := g.decideDevice(ctx, tx, orgID, id, RequestApproved)
		if err != nil {
			return err
		}
		return g.approve(ctx, tx, actor, "device_request.approved", Authorization{OrgID: orgID, ClientID: row.ClientID, Session: in, IdleUntil: idleUntil, Scopes: row.Scopes,
			ACR: acr, Audience: row.Audience, TellOfEnd: tellOfEnd, Held: &Held{Kind: deviceKind, Hash: row.DeviceCodeHash, ExpiresAt: row.ExpiresAt}})
	})
}

// DenyDevice writes down that a person refused a pending request, and records it. ErrDeviceDecided when it is pending
// no more.
func (g *Grants) DenyDevice(ctx context.Context, actor audit.Actor, orgID, id uuid.UUID) error {
	return g.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		row, err := g.decideDevice(ctx, tx, orgID, id, RequestDenied)
		if err != nil {
			return err
		}
		return g.deny(ctx, tx, actor, "device_request.denied", orgID, row.ClientID)
	})
}

func (g *Grants) decideDevice(ctx context.Context, tx *store.Tx, orgID, id uuid.UUID, status RequestStatus) (dbq.DecideDeviceRequestRow, error) {
	row, err := dbq.New(tx).DecideDeviceRequest(ctx, dbq.DecideDeviceRequestParams{OrgID: orgID, ID: id, Status: string(status), At: g.now()})
	if store.IsNotFound(err) {
		err = ErrDeviceDecided
	}
	return row, err
}

// PollDevice tells a device how far its request is, and counts that it asked. ErrCodeInvalid for a code that is not
// this client's, or was forgotten.
func (g *Grants) PollDevice(ctx context.Context, orgID, clientID uuid.UUID, deviceCode string) (Poll, error) {
	if len(deviceCode) != secret.Length {
		return Poll{}, ErrCodeInvalid
	}
	now := g.now()
	row, err := dbq.New(g.db).PollDeviceRequest(ctx, dbq.PollDeviceRequestParams{OrgID: orgID, DeviceCodeHash: secret.Hash(deviceCode), ClientID: clientID, At: now})
	if store.IsNotFound(err) {
		return Poll{}, ErrCodeInvalid
	}
	return polled(row.Status, row.PolledEarly, row.ExpiresAt, now, Granted{Audience: row.Audience}), err
}

// RedeemDevice redeems the code of an approved request, as RedeemCode does: once, and a second use revokes what the
// first one made. Of the redemption, the redirect URI and the code challenge are not looked at.
func (g *Grants) RedeemDevice(ctx context.Context, attempt Redemption) (*Grant, string, error) {
	attempt.RedirectURI, attempt.CodeChallenge = "", deviceKind
	return g.RedeemCode(ctx, attempt)
}
