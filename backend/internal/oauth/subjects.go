package oauth

import (
	"context"
	"crypto/aes"
	"encoding/base64"
	"errors"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/secret"
)

// ErrNoSubject says that a subject identifier is nobody's.
var ErrNoSubject = errors.New("oauth: the subject identifier is not one of ours")

// Subjects makes the identifiers by which clients know people (OpenID Connect Core 1.0 §8): the person's own, or,
// for a client with pairwise subjects, one of its sector, by which two sectors cannot recognise the same person.
// It is safe for concurrent use.
type Subjects struct {
	// secret returns the organization's secret for a purpose: the same for ever.
	secret func(ctx context.Context, orgID uuid.UUID, purpose string) ([]byte, error)
}

const pairwisePurpose = "pairwise-subject"

// NewSubjects makes the maker of subject identifiers.
func NewSubjects(secretOf func(ctx context.Context, orgID uuid.UUID, purpose string) ([]byte, error)) *Subjects {
	return &Subjects{secret: secretOf}
}

// Of is the identifier of a person towards the client.
func (s *Subjects) Of(ctx context.Context, c *client.Client, userID uuid.UUID) (string, error) {
	if !c.Pairwise() {
		return userID.String(), nil
	}
	block, err := s.key(ctx, c)
	if err != nil {
		return "", err
	}
	var subject [aes.BlockSize]byte
	block.Encrypt(subject[:], userID[:])
	return base64.RawURLEncoding.EncodeToString(subject[:]), nil
}

// Person is who the client knows under the identifier; ErrNoSubject when it cannot be anybody's. Whether the person
// exists is left to the caller.
func (s *Subjects) Person(ctx context.Context, c *client.Client, subject string) (uuid.UUID, error) {
	if !c.Pairwise() {
		id, err := uuid.Parse(subject)
		if err != nil || id.String() != subject {
			return uuid.Nil, ErrNoSubject
		}
		return id, nil
	}
	encrypted, err := base64.RawURLEncoding.DecodeString(subject)
	if err != nil || len(encrypted) != aes.BlockSize {
		return uuid.Nil, ErrNoSubject
	}
	block, err := s.key(ctx, c)
	if err != nil {
		return uuid.Nil, err
	}
	var id uuid.UUID
	block.Decrypt(id[:], encrypted)
	if id.Version() != 7 {
		return uuid.Nil, ErrNoSubject
	}
	return id, nil
}

// Session is the identifier of a session towards the client (sid): for a client with pairwise subjects another one for
// each sector too, because the session's own would tell two sectors that their people are one. "" for no session.
func (s *Subjects) Session(ctx context.Context, c *client.Client, sessionID uuid.UUID) (string, error) {
	if sessionID == uuid.Nil || !c.Pairwise() {
		return optionalID(sessionID), nil
	}
	return s.Of(ctx, c, sessionID)
}

// SessionOf is the session that the client knows under the identifier, uuid.Nil for ""; ErrNoSubject when it cannot be
// one. Whether it exists is left to the caller.
func (s *Subjects) SessionOf(ctx context.Context, c *client.Client, sid string) (uuid.UUID, error) {
	if sid == "" {
		return uuid.Nil, nil
	}
	return s.Person(ctx, c, sid)
}

// key is a permutation of 128-bit identifiers that only this organization can compute, another one for each
// sector. A permutation, so that an identifier that comes back in a hint leads to its person without a table.
func (s *Subjects) key(ctx context.Context, c *client.Client) (interface {
	Encrypt(dst, src []byte)
	Decrypt(dst, src []byte)
}, error) {
	root, err := s.secret(ctx, c.OrgID, pairwisePurpose)
	if err != nil {
		return nil, err
	}
	return aes.NewCipher(secret.Derive(root, pairwisePurpose, c.Sector()))
}
