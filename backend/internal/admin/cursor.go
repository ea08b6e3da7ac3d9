package admin

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store/filter"
)

// cursors makes and reads the opaque cursors of lists. A cursor is signed and bound to the list it came
// from, filters and order included, so nobody can aim one at something else or build upon its content.
type cursors struct{ ring *seal.Ring }

const (
	cursorLabel    = "admin-cursor"
	signatureBytes = 16
)

var errCursor = refuse(http.StatusBadRequest, fault.Invalid, "cursor_invalid",
	"This cursor does not belong to this list. Begin at the first page, with the same filters and order.")

type cursorContent struct {
	Key string    `json:"k,omitempty"`
	ID  uuid.UUID `json:"i"`
}

// list names what a cursor belongs to: the operation, the organization, and every filter.
type list []string

func (c cursors) encode(position filter.Position, of list) string {
	content, err := json.Marshal(cursorContent{position.Key, position.ID})
	if err != nil {
		panic(err) // a string and an id
	}
	return base64.RawURLEncoding.EncodeToString(append(c.sign(c.ring.DeriveKey(cursorLabel), content, of), content...))
}

// decode returns the position of a cursor; nil for "", the first page.
func (c cursors) decode(cursor *string, of list) (*filter.Position, error) {
	if cursor == nil || *cursor == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(*cursor)
	if err != nil || len(raw) <= signatureBytes {
		return nil, errCursor
	}
	signature, content := raw[:signatureBytes], raw[signatureBytes:]
	for _, key := range c.ring.DeriveKeys(cursorLabel) {
		if !hmac.Equal(signature, c.sign(key, content, of)) {
			continue
		}
		var read cursorContent
		if json.Unmarshal(content, &read) != nil {
			return nil, errCursor
		}
		return &filter.Position{Key: read.Key, ID: read.ID}, nil
	}
	return nil, errCursor
}

func (c cursors) sign(key seal.DerivedKey, content []byte, of list) []byte {
	return secret.Derive(key.Key, cursorLabel, append([]string{string(content)}, of...)...)[:signatureBytes]
}
