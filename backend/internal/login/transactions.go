package login

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/secret"
)

// Transactions keeps transactions in short-lived state. It is safe for concurrent use.
type Transactions struct {
	state  kv.Store
	now    func() time.Time
	random io.Reader
}

// NewTransactions makes the keeper of transactions.
func NewTransactions(state kv.Store, now func() time.Time, random io.Reader) *Transactions {
	return &Transactions{state: state, now: now, random: random}
}

const kind = "login-transaction"

func key(orgID uuid.UUID, id string) kv.Key { return kv.Key{OrgID: orgID, Kind: kind, ID: id} }

// Begin starts a transaction in the browser whose cookie has the hash.
func (t *Transactions) Begin(ctx context.Context, orgID uuid.UUID, browserHash []byte, required Required) (*Transaction, error) {
	begun := &Transaction{Format: formatVersion, ID: secret.New(t.random), OrgID: orgID, BrowserHash: browserHash, CreatedAt: t.now(), Required: required}
	encoded, err := json.Marshal(begun)
	if err != nil {
		return nil, err
	}
	version, err := t.state.Put(ctx, key(orgID, begun.ID), encoded, kept)
	begun.version = version
	return begun, err
}

// Load returns the transaction when it is this organization's and was begun in this browser; ErrExpired
// otherwise. A transaction that has merely expired is returned beside ErrExpired: it may be begun anew,
// but not continued. So is what is left of a completed one, which may not even be begun anew.
func (t *Transactions) Load(ctx context.Context, orgID uuid.UUID, id string, browserHash []byte) (*Transaction, error) {
	if len(id) != secret.Length {
		return nil, ErrExpired
	}
	entry, found, err := t.state.Get(ctx, key(orgID, id))
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, ErrExpired
	}
	loaded, err := decode(entry, id, orgID, browserHash)
	if err == nil && t.now().Sub(loaded.CreatedAt) >= Lifetime {
		return loaded, ErrExpired
	}
	return loaded, err
}

func decode(entry kv.Entry, id string, orgID uuid.UUID, browserHash []byte) (*Transaction, error) {
	loaded := &Transaction{version: entry.Version}
	if err := json.Unmarshal(entry.Value, loaded); err != nil {
		return nil, err
	}
	if loaded.Format != formatVersion || loaded.ID != id || loaded.OrgID != orgID || len(browserHash) == 0 || !slices.Equal(loaded.BrowserHash, browserHash) {
		return nil, ErrExpired
	}
	return loaded, nil
}

// Save writes the transaction if nobody else did since it was loaded; ErrConcurrent otherwise.
func (t *Transactions) Save(ctx context.Context, transaction *Transaction) error {
	age := t.now().Sub(transaction.CreatedAt)
	if age >= Lifetime {
		return ErrExpired
	}
	encoded, err := json.Marshal(transaction)
	if err != nil {
		return err
	}
	version, replaced, err := t.state.Replace(ctx, key(transaction.OrgID, transaction.ID), transaction.version, encoded, kept-age)
	if err != nil {
		return err
	}
	if !replaced {
		return ErrConcurrent
	}
	transaction.version = version
	return nil
}

// Finish ends the transaction so that it completes once: of simultaneous completions exactly one succeeds,
// the others get ErrConcurrent and find it ended. For a while it is kept which application it was for and
// returnURL, where that is ("" when not known): nothing that could be continued. CreatedAt is left out, so
// that every release takes what is left for expired.
func (t *Transactions) Finish(ctx context.Context, transaction *Transaction, returnURL string) error {
	over := &Transaction{Format: formatVersion, ID: transaction.ID, OrgID: transaction.OrgID, BrowserHash: transaction.BrowserHash,
		Required: Required{ClientID: transaction.Required.ClientID}, ReturnURL: returnURL}
	encoded, err := json.Marshal(over)
	if err != nil {
		return err
	}
	_, replaced, err := t.state.Replace(ctx, key(transaction.OrgID, transaction.ID), transaction.version, encoded, keptOver)
	if err == nil && !replaced {
		return ErrConcurrent
	}
	return err
}
