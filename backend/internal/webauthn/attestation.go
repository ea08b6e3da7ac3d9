package webauthn

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"

	"github.com/google/uuid"

	"github.com/go-webauthn/webauthn/metadata"
	"github.com/go-webauthn/webauthn/protocol"
)

// attested reports whether the attestation of a passkey leads to a root of its model (§7.1 steps 23, 24). The statement
// itself was verified before. Without certificates, as in a self attestation, nobody vouches for the model, whatever the
// authenticator says that it is.
func (c *Ceremonies) attested(ctx context.Context, object protocol.AttestationObject, clientDataHash []byte, aaguid uuid.UUID) (bool, error) {
	switch metadata.AuthenticatorAttestationType(object.Type) {
	case metadata.BasicFull, metadata.AttCA, metadata.AnonCA:
	default:
		return false, nil
	}
	anchor, described, err := c.models.Anchor(ctx, aaguid)
	if err != nil || !described {
		return false, err
	}
	statement := metadata.Statement{AaGUID: aaguid}
	for _, kind := range anchor.Types {
		statement.AttestationTypes = append(statement.AttestationTypes, metadata.AuthenticatorAttestationType(kind))
	}
	for _, root := range anchor.Roots {
		der, err := base64.StdEncoding.DecodeString(root)
		if err != nil {
			return false, fmt.Errorf("a root of %s: %w", aaguid, err)
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return false, fmt.Errorf("a root of %s: %w", aaguid, err)
		}
		statement.AttestationRootCertificates = append(statement.AttestationRootCertificates, certificate)
	}
	known := oneModel{entry: &metadata.Entry{AaGUID: aaguid, MetadataStatement: statement}}
	return object.VerifyAttestation(clientDataHash, known, protocol.AttestationPolicy{}, protocol.SignaturePolicy{}) == nil, nil
}

// oneModel has the library verify an attestation by what the metadata says of one model. Statuses are not its business:
// package fido judges them at each use.
type oneModel struct{ entry *metadata.Entry }

// GetEntry implements metadata.Provider.
func (m oneModel) GetEntry(_ context.Context, aaguid uuid.UUID) (*metadata.Entry, error) {
	if aaguid != m.entry.AaGUID {
		return nil, nil
	}
	return m.entry, nil
}

// GetValidateEntry implements metadata.Provider.
func (oneModel) GetValidateEntry(context.Context) bool { return true }

// GetValidateEntryPermitZeroAAGUID implements metadata.Provider.
func (oneModel) GetValidateEntryPermitZeroAAGUID(context.Context) bool { return false }

// GetValidateTrustAnchor implements metadata.Provider.
func (oneModel) GetValidateTrustAnchor(context.Context) bool { return true }

// GetValidateStatus implements metadata.Provider.
func (oneModel) GetValidateStatus(context.Context) bool { return false }

// GetValidateAttestationTypes implements metadata.Provider.
func (oneModel) GetValidateAttestationTypes(context.Context) bool { return true }

// ValidateStatusReports implements metadata.Provider.
func (oneModel) ValidateStatusReports(context.Context, []metadata.StatusReport) error { return nil }
