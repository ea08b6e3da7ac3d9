package org

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/picture"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// The faults about logos.
var (
	ErrLogoNotFound = fault.New(fault.NotFound, "logo_not_found", "This organization has no logo.")
	ErrLogoInvalid  = fault.New(fault.Invalid, "logo_invalid", "A logo is a PNG, JPEG or WebP picture of at most 256 KiB and 2048 pixels a side.").WithField("branding.logo")
)

// Logo is an organization's logo as it is served.
type Logo struct {
	MediaType string
	Content   []byte
	Digest    string // hex SHA-256 of the content
}

// Logo returns the organization's logo; ErrLogoNotFound when it has none.
func (o *Organizations) Logo(ctx context.Context, id uuid.UUID) (Logo, error) {
	row, err := dbq.New(o.db).OrganizationLogo(ctx, id)
	if store.IsNotFound(err) {
		return Logo{}, ErrLogoNotFound
	}
	return Logo{MediaType: row.MediaType, Content: row.Content, Digest: row.Digest}, err
}

// LogoDigest is the digest that StoreLogo returns for a content.
func LogoDigest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// StoreLogo stores the picture and returns its digest, which the caller puts into the organization's
// branding in the same transaction. Only raster pictures are taken: SVG can carry script.
func (o *Organizations) StoreLogo(ctx context.Context, tx *store.Tx, id uuid.UUID, content []byte) (digest string, err error) {
	mediaType, ok := picture.MediaType(content)
	if !ok {
		return "", ErrLogoInvalid
	}
	digest = LogoDigest(content)
	return digest, dbq.New(tx).UpsertOrganizationLogo(ctx, dbq.UpsertOrganizationLogoParams{OrgID: id, MediaType: mediaType, Content: content, Digest: digest, UpdatedAt: o.now()})
}

// RemoveLogo removes the logo; doing it twice is harmless.
func (o *Organizations) RemoveLogo(ctx context.Context, tx *store.Tx, id uuid.UUID) error {
	_, err := dbq.New(tx).DeleteOrganizationLogo(ctx, id)
	return err
}
