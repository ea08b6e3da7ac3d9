package jose

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// VerifyCertified checks a JWS that brings the certificates of its key in the header member "x5c" (RFC 7515 §4.1.6), such
// as the BLOB of the FIDO Metadata Service, and returns its payload as it was signed. judge gets the certificates (DER),
// that of the key first, and returns its public key when it trusts them: what the header says proves nothing by itself.
// Other than tokens, such a document may be large: maximumBytes bounds it. Every error but judge's own matches ErrInvalid.
func VerifyCertified(document string, maximumBytes int, algorithms []Algorithm, judge func(certificates [][]byte) (crypto.PublicKey, error)) ([]byte, error) {
	if len(document) > maximumBytes {
		return nil, ErrTooLarge
	}
	parts, err := splitAny(document)
	if err != nil {
		return nil, err
	}
	if algorithm := parts.header.Algorithm; !algorithm.Known() || !slices.Contains(algorithms, algorithm) {
		return nil, ErrAlgorithm
	}
	encodedHeader, _, _ := strings.Cut(document, ".")
	certificates, err := certificatesOf(encodedHeader)
	if err != nil {
		return nil, err
	}
	key, err := judge(certificates)
	if err != nil {
		return nil, err
	}
	used := schemes[parts.header.Algorithm]
	if used.fits(key) != nil {
		return nil, ErrAlgorithm
	}
	if !used.verify(key, parts.input, parts.signature) {
		return nil, ErrSignature
	}
	return parts.payload, nil
}

// maximumCertificates is how many certificates a chain may have.
const maximumCertificates = 10

func certificatesOf(encodedHeader string) ([][]byte, error) {
	header, _ := decodeSegment(encodedHeader)
	fields, err := members(header)
	if err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrMalformed, err)
	}
	var texts []string
	if err := json.Unmarshal(fields["x5c"], &texts); err != nil || len(texts) == 0 || len(texts) > maximumCertificates {
		return nil, fmt.Errorf("%w: header without x5c", ErrMalformed)
	}
	certificates := make([][]byte, len(texts))
	for i, text := range texts {
		if certificates[i], err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, fmt.Errorf("%w: x5c", ErrMalformed)
		}
	}
	return certificates, nil
}
