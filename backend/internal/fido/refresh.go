package fido

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

const (
	lookEvery       = 6 * time.Hour   // for a newer BLOB
	downloadTimeout = 2 * time.Minute // of a BLOB, on a slow line
)

// ErrNoSource is the answer where no metadata is configured.
var ErrNoSource = errors.New("no metadata is configured: set fido_metadata_url or fido_metadata_file")

// Status is what is known of the metadata.
type Status struct {
	Source     string    `json:"source,omitempty"` // address or file; "" when none was ever looked at
	Configured bool      `json:"configured"`       // it is refreshed from there
	Loaded     bool      `json:"loaded"`
	Number     int64     `json:"number,omitempty"` // "no"
	NextUpdate time.Time `json:"next_update,omitzero"`
	Stale      bool      `json:"stale"` // a newer one should have come
	Models     int       `json:"models"`
	LoadedAt   time.Time `json:"loaded_at,omitzero"`
	CheckedAt  time.Time `json:"checked_at,omitzero"`
	LastError  string    `json:"last_error,omitempty"` // of the last look for a newer one
}

// Status returns what is known of the metadata.
func (m *Models) Status(ctx context.Context) (Status, error) {
	row, err := dbq.New(m.db).AuthenticatorMetadata(ctx)
	if store.IsNotFound(err) {
		return Status{Source: m.source.name(), Configured: m.source.Configured()}, nil
	}
	status := Status{Source: row.Source, Configured: m.source.Configured(), Loaded: row.Number != nil, Models: int(row.Models), LastError: row.LastError}
	if row.Number != nil {
		status.Number, status.NextUpdate, status.LoadedAt = *row.Number, *row.NextUpdate, *row.LoadedAt
		status.Stale = m.now().After(status.NextUpdate.AddDate(0, 0, 1)) // the day itself is in time
	}
	if row.CheckedAt != nil {
		status.CheckedAt = *row.CheckedAt
	}
	return status, err
}

// Keep refreshes the metadata when it is due. Called by a periodic job.
func (m *Models) Keep(ctx context.Context) error {
	if !m.source.Configured() {
		return nil
	}
	status, err := m.Status(ctx)
	if err != nil {
		return err
	}
	if status.LastError == "" && status.Source == m.source.name() && m.now().Before(status.CheckedAt.Add(lookEvery)) {
		return nil
	}
	_, err = m.Refresh(ctx)
	return err
}

// Refresh looks for newer metadata and takes it over; changed is false when there is none. What went wrong is kept in the
// status, and what was loaded before stays in force. ErrNoSource, the reasons of this package, and those of package fetch.
func (m *Models) Refresh(ctx context.Context) (changed bool, err error) {
	if !m.source.Configured() {
		return false, ErrNoSource
	}
	before, err := dbq.New(m.db).AuthenticatorMetadata(ctx)
	if err != nil && !store.IsNotFound(err) {
		return false, err
	}
	known := ""
	if before.Source == m.source.name() && bytes.Equal(before.RootDigest, m.source.digest[:]) {
		known = before.Etag
	}
	document, tag, err := m.read(ctx, known)
	if errors.Is(err, errUnchanged) {
		tag, err = known, nil
	} else if err == nil {
		changed, err = m.Load(ctx, document, tag)
	}
	if changed && err == nil {
		return true, nil
	}
	note := dbq.NoteAuthenticatorMetadataParams{Source: m.source.name(), Etag: tag, At: new(m.now())}
	if err != nil {
		note.Etag, note.LastError = "", describeError(err)
	}
	return false, errors.Join(err, dbq.New(m.db).NoteAuthenticatorMetadata(context.WithoutCancel(ctx), note))
}

// errUnchanged says that the BLOB is the one whose tag is known.
var errUnchanged = errors.New("the BLOB has not changed")

// read returns the BLOB and its tag. errUnchanged.
func (m *Models) read(ctx context.Context, known string) (document, tag string, err error) {
	if m.source.File != "" {
		document, err = readFile(m.source.File)
		return document, "", err
	}
	request := fetch.Request{URL: m.source.URL, MaximumBytes: MaximumBLOB, Redirects: 3}
	if known != "" {
		request.Header = http.Header{"If-None-Match": {known}}
	}
	answer, err := m.fetch.Patient(downloadTimeout).Get(ctx, request)
	switch {
	case err != nil:
		return "", "", err
	case answer.Status == http.StatusNotModified:
		return "", "", errUnchanged
	}
	return string(answer.Body), answer.Header.Get("ETag"), nil
}

func readFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("the file %s cannot be read: %w", path, errors.Unwrap(err))
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, MaximumBLOB+1))
	if err != nil {
		return "", fmt.Errorf("the file %s cannot be read: %w", path, err)
	}
	return string(content), nil
}

// Load takes a BLOB over, whose reader has the tag; changed is false when it is the one that is loaded. With it comes the
// job that ends what it refuses. Numbers only grow (§3.1.8 step 6), but under another root they begin anew.
func (m *Models) Load(ctx context.Context, document, tag string) (changed bool, err error) {
	now := m.now()
	opened, err := m.source.open(document, now)
	if err != nil {
		return false, err
	}
	models, err := json.Marshal(opened.models)
	if err != nil {
		return false, err
	}
	err = m.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		changed = false
		queries := dbq.New(tx)
		before, err := queries.LockAuthenticatorMetadata(ctx)
		if err != nil {
			return err
		}
		if before.Number != nil && bytes.Equal(before.RootDigest, m.source.digest[:]) {
			switch same := bytes.Equal(before.Digest, opened.digest[:]); {
			case opened.number < *before.Number:
				return fmt.Errorf("%w: %d after %d", ErrOlder, opened.number, *before.Number)
			case opened.number == *before.Number && !same:
				return fmt.Errorf("%w: %d", ErrChanged, opened.number)
			case same:
				return nil
			}
		}
		if err := queries.DeleteAuthenticatorModels(ctx); err != nil {
			return err
		}
		if err := queries.InsertAuthenticatorModels(ctx, models); err != nil {
			return err
		}
		if err := queries.StoreAuthenticatorMetadata(ctx, dbq.StoreAuthenticatorMetadataParams{RootDigest: m.source.digest[:], Number: &opened.number, Digest: opened.digest[:],
			NextUpdate: &opened.nextUpdate, Models: int32(len(opened.models)), Source: m.source.name(), Etag: tag, At: &now}); err != nil { // bounded
			return err
		}
		changed = true
		return m.queue.Enqueue(ctx, tx, EndRefused, Ending{})
	})
	if changed && err == nil {
		m.hub.Announce(store.Change{Table: metadataTable})
		m.log.InfoContext(ctx, "metadata of authenticators was loaded", "number", opened.number, "models", len(opened.models), "next_update", opened.nextUpdate.Format(time.DateOnly))
	}
	return changed && err == nil, err
}

// Ending are the arguments of the job EndRefused.
type Ending struct {
	OrgID uuid.UUID `json:"org_id"` // only this organization; uuid.Nil for all
	After uuid.UUID `json:"after"`  // the last organization that is done
}

// EndLater has what is refused ended, in the transaction that changed a policy.
func (m *Models) EndLater(ctx context.Context, tx *store.Tx, what Ending) error {
	return m.queue.Enqueue(ctx, tx, EndRefused, what)
}
