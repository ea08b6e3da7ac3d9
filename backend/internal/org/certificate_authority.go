package org

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// Bounds of the authorities whose certificates an organization's clients may have.
const (
	maximumAuthorities     = 20
	maximumAuthoritiesSize = 64 << 10 // bytes
)

// authoritiesProblem says what is wrong with a list of certificates in PEM, "" when nothing is.
func authoritiesProblem(text string) string {
	if len(text) > maximumAuthoritiesSize {
		return fmt.Sprintf("The certificates have at most %d KiB together.", maximumAuthoritiesSize>>10)
	}
	count := 0
	for rest := []byte(text); len(rest) > 0; count++ {
		block, after := pem.Decode(rest)
		if block == nil {
			if count > 0 && onlySpace(rest) {
				break
			}
			return "These are not certificates in PEM: lines between BEGIN CERTIFICATE and END CERTIFICATE."
		}
		if block.Type != "CERTIFICATE" {
			return fmt.Sprintf("Among the certificates is a %s, which does not belong here.", block.Type)
		}
		authority, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fmt.Sprintf("Certificate %d cannot be read.", count+1)
		}
		if !authority.IsCA {
			return fmt.Sprintf("Certificate %d (%s) is not that of an authority.", count+1, authority.Subject.CommonName)
		}
		rest = after
	}
	if count > maximumAuthorities {
		return fmt.Sprintf("Name at most %d authorities.", maximumAuthorities)
	}
	return ""
}

func onlySpace(text []byte) bool {
	for _, c := range text {
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}
