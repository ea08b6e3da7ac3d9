package fido

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

const metadataTable = "authenticator_metadata"

// key names the rules of an organization as long as the metadata stays as it is.
func (m *Models) key(orgID string) string {
	return orgID + ":" + strconv.FormatUint(m.version.Load(), 10)
}

// Index are the models that the metadata describes, as this replica remembers them. It must not be changed.
func (m *Models) Index(ctx context.Context) (Index, error) {
	return m.index.Get(ctx, metadataTable, func(ctx context.Context) (Index, error) { return m.readIndex(ctx, m.db) })
}

func (m *Models) readIndex(ctx context.Context, db store.DB) (Index, error) {
	rows, err := dbq.New(db).AuthenticatorModels(ctx)
	index, now := make(Index, len(rows)), m.now()
	for _, row := range rows {
		var reports []Report
		if err := json.Unmarshal(row.Reports, &reports); err != nil {
			return nil, fmt.Errorf("model %s: %w", row.Aaguid, err)
		}
		index[row.Aaguid] = Model{AAGUID: row.Aaguid, Description: row.Description, Statuses: statuses(reports, now), Certification: certification(reports, now)}
	}
	return index, err
}

// Rules are those of an organization, as this replica remembers them: one look into memory, unless the metadata or the
// organization has changed since.
func (m *Models) Rules(ctx context.Context, orgID uuid.UUID) (*Rules, error) {
	return m.rules.Get(ctx, m.key(orgID.String()), func(ctx context.Context) (*Rules, error) {
		organization, err := m.organizations.ByID(ctx, m.db, orgID)
		if err != nil {
			return nil, err
		}
		index, err := m.Index(ctx)
		if err != nil {
			return nil, err
		}
		return NewRules(organization.Policies.Attestation, index), nil
	})
}

// Fresh is the index as the database has it now, for work that must not go by a memory.
func (m *Models) Fresh(ctx context.Context) (Index, error) { return m.readIndex(ctx, m.db) }

// Anchor is what attestations of a model are verified by.
type Anchor struct {
	Types []string // of attestation that the model makes (FIDO Registry §3.6.3)
	Roots []string // certificates (DER in base64)
}

// Anchor returns that of a model; ok is false when the metadata does not describe it.
func (m *Models) Anchor(ctx context.Context, aaguid uuid.UUID) (anchor Anchor, ok bool, err error) {
	if aaguid == uuid.Nil {
		return anchor, false, nil
	}
	row, err := dbq.New(m.db).AuthenticatorModel(ctx, aaguid)
	if store.IsNotFound(err) {
		return anchor, false, nil
	}
	return Anchor{Types: row.AttestationTypes, Roots: row.Roots}, err == nil, err
}

// Search returns models whose name contains the words, or whose AAGUID is or begins as the text, by name, at most limit; only
// some models where any are named.
func (m *Models) Search(ctx context.Context, text string, only []uuid.UUID, limit int) ([]Model, error) {
	index, err := m.Index(ctx)
	if err != nil {
		return nil, err
	}
	words := strings.Fields(strings.ToLower(text))
	found := []Model{}
	for _, model := range index {
		if len(only) > 0 && !slices.Contains(only, model.AAGUID) {
			continue
		}
		name, id := strings.ToLower(model.Description), model.AAGUID.String()
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(name, word) && !strings.HasPrefix(id, word) }) {
			found = append(found, model)
		}
	}
	slices.SortFunc(found, func(a, b Model) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Description), strings.ToLower(b.Description)), cmp.Compare(a.AAGUID.String(), b.AAGUID.String()))
	})
	return found[:min(len(found), limit)], nil
}
