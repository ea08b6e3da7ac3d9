package credential

import (
	"context"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/reqctx"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// ErrDeviceNotFound is the answer to forgetting a device that is not remembered, or is another's.
var ErrDeviceNotFound = fault.New(fault.NotFound, "remembered_device_not_found", "There is no such device.")

// Devices keeps the browsers in which people are not asked for a second factor for a while. A device belongs to one person of
// one organization and to the browser whose own cookie is there, too; only the hash of its token is kept. It ends by itself,
// when its person signs out everywhere, and whenever a password or a second factor is changed. It is safe for concurrent use.
type Devices struct {
	db     *store.Store
	log    *audit.Log
	now    func() time.Time
	random io.Reader
}

// NewDevices makes the keeper of remembered devices.
func NewDevices(db *store.Store, log *audit.Log, now func() time.Time, random io.Reader) *Devices {
	return &Devices{db: db, log: log, now: now, random: random}
}

// Device is a browser that is remembered.
type Device struct {
	ID         uuid.UUID `json:"id"`
	UserAgent  string    `json:"user_agent"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	browser    []byte
}

// In reports whether the device is the browser with the cookie.
func (d *Device) In(browserHash []byte) bool { return string(d.browser) == string(browserHash) }

// Remember remembers the browser for its person and returns the token for its cookie. What was remembered of the same person
// in the same browser is forgotten.
func (d *Devices) Remember(ctx context.Context, tx *store.Tx, actor audit.Actor, person Person, lifetime time.Duration) (token string, err error) {
	now, queries := d.now(), dbq.New(tx)
	if err := queries.ForgetDeviceOfBrowser(ctx, dbq.ForgetDeviceOfBrowserParams{OrgID: person.OrgID, UserID: person.UserID, BrowserHash: person.BrowserHash}); err != nil {
		return "", err
	}
	token = secret.New(d.random)
	row := dbq.RememberDeviceParams{OrgID: person.OrgID, ID: store.NewID(), UserID: person.UserID, TokenHash: secret.Hash(token), BrowserHash: person.BrowserHash,
		UserAgent: reqctx.From(ctx).UserAgent, At: now, ExpiresAt: now.Add(lifetime)}
	if err := queries.RememberDevice(ctx, row); err != nil {
		return "", err
	}
	return token, d.record(ctx, tx, actor, person.OrgID, person.UserID, "second_factor.device_remembered", row.ID)
}

// Find is the remembered device of a person with one of the tokens, uuid.Nil when there is none. One that was remembered for
// longer than lifetime ago is none any more.
func (d *Devices) Find(ctx context.Context, person Person, tokens []string, lifetime time.Duration) (uuid.UUID, error) {
	if len(tokens) == 0 || lifetime <= 0 {
		return uuid.Nil, nil
	}
	hashes := make([][]byte, len(tokens))
	for i, token := range tokens {
		hashes[i] = secret.Hash(token)
	}
	row, err := dbq.New(d.db).RememberedDevice(ctx, dbq.RememberedDeviceParams{OrgID: person.OrgID, UserID: person.UserID, BrowserHash: person.BrowserHash,
		TokenHashes: hashes, At: d.now(), MadeAfter: d.now().Add(-lifetime)})
	if store.IsNotFound(err) {
		return uuid.Nil, nil
	}
	return row.ID, err
}

// Use writes down that a session begins in the stead of a device; ErrReplaced when it was forgotten meanwhile.
func (d *Devices) Use(ctx context.Context, tx *store.Tx, orgID, userID, id uuid.UUID) error {
	used, err := dbq.New(tx).UseRememberedDevice(ctx, dbq.UseRememberedDeviceParams{OrgID: orgID, UserID: userID, ID: id, At: d.now()})
	if err == nil && used == 0 {
		return ErrReplaced
	}
	return err
}

// Of lists the devices on which a person is remembered, the newest first.
func (d *Devices) Of(ctx context.Context, db store.DB, orgID, userID uuid.UUID) ([]Device, error) {
	rows, err := dbq.New(db).RememberedDevicesOfUser(ctx, dbq.RememberedDevicesOfUserParams{OrgID: orgID, UserID: userID, At: d.now()})
	devices := make([]Device, len(rows))
	for i, row := range rows {
		devices[i] = Device{ID: row.ID, UserAgent: row.UserAgent, CreatedAt: row.CreatedAt, LastUsedAt: row.LastUsedAt, ExpiresAt: row.ExpiresAt, browser: row.BrowserHash}
	}
	return devices, err
}

// Forget forgets a device. ErrDeviceNotFound when it is not the person's.
func (d *Devices) Forget(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID, id uuid.UUID) error {
	forgotten, err := dbq.New(tx).ForgetDevice(ctx, dbq.ForgetDeviceParams{OrgID: orgID, UserID: userID, ID: id})
	if err != nil || forgotten == 0 {
		return or(err, ErrDeviceNotFound)
	}
	return d.record(ctx, tx, actor, orgID, userID, "second_factor.device_forgotten", id)
}

// DeleteExpired removes devices that are remembered no more, at most limit of them. Called by a periodic job.
func (d *Devices) DeleteExpired(ctx context.Context, limit int32) (int64, error) {
	return dbq.New(d.db).DeleteExpiredDevices(ctx, dbq.DeleteExpiredDevicesParams{Before: d.now(), RowLimit: limit})
}

func (d *Devices) record(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID, userID uuid.UUID, action string, id uuid.UUID) error {
	return d.log.Record(ctx, tx, orgID, audit.Event{Action: action, Actor: actor, Target: audit.Target{Kind: "user", ID: userID.String()}, Details: map[string]any{"device_id": id}})
}

// forgetDevices has a person asked for their second factor everywhere again.
func forgetDevices(ctx context.Context, tx *store.Tx, orgID, userID uuid.UUID) error {
	_, err := dbq.New(tx).ForgetDevicesOfUser(ctx, dbq.ForgetDevicesOfUserParams{OrgID: orgID, UserID: userID})
	return err
}
