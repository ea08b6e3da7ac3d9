package client

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// distinguishedName is a name in the order of RFC 4514: the last relative name of the certificate first.
type distinguishedName [][]nameAttribute

// nameAttribute is one attribute of a relative name: its value as text, or as the DER that "#" announces.
type nameAttribute struct {
	kind  string // object identifier, dotted
	value string
	der   []byte
}

// attributeKinds are the short names of RFC 4514 §3 and those that certificates of organizations have besides.
var attributeKinds = map[string]string{
	"CN": "2.5.4.3", "SN": "2.5.4.4", "SERIALNUMBER": "2.5.4.5", "C": "2.5.4.6", "L": "2.5.4.7", "ST": "2.5.4.8", "STREET": "2.5.4.9", "O": "2.5.4.10",
	"OU": "2.5.4.11", "TITLE": "2.5.4.12", "BUSINESSCATEGORY": "2.5.4.15", "POSTALCODE": "2.5.4.17", "GIVENNAME": "2.5.4.42", "ORGANIZATIONIDENTIFIER": "2.5.4.97",
	"UID": "0.9.2342.19200300.100.1.1", "DC": "0.9.2342.19200300.100.1.25", "EMAILADDRESS": "1.2.840.113549.1.9.1", "E": "1.2.840.113549.1.9.1",
	"JURISDICTIONL": "1.3.6.1.4.1.311.60.2.1.1", "JURISDICTIONST": "1.3.6.1.4.1.311.60.2.1.2", "JURISDICTIONC": "1.3.6.1.4.1.311.60.2.1.3",
}

const maximumNameParts = 50

// parseName reads the string form of a distinguished name (RFC 4514 §3). Spaces around separators are permitted, as
// people write them.
func parseName(text string) (distinguishedName, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("it is not UTF-8")
	}
	var name distinguishedName
	relative := []nameAttribute{}
	for rest := text; ; {
		part, separator, after := cutUnescaped(rest)
		attribute, err := parseAttribute(part)
		if err != nil {
			return nil, err
		}
		if relative = append(relative, attribute); separator != '+' {
			name = append(name, relative)
			relative = nil
		}
		if len(name) > maximumNameParts || len(relative) > maximumNameParts {
			return nil, errors.New("it has too many parts")
		}
		if separator == 0 {
			return name, nil
		}
		rest = after
	}
}

// cutUnescaped cuts at the first separator that is not escaped; separator is 0 at the end.
func cutUnescaped(text string) (part string, separator byte, rest string) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case ',', ';', '+':
			return text[:i], text[i], text[i+1:]
		}
	}
	return text, 0, ""
}

func parseAttribute(text string) (nameAttribute, error) {
	kind, value, found := strings.Cut(text, "=")
	if !found {
		return nameAttribute{}, fmt.Errorf("%q lacks its =", clip(text))
	}
	kind = strings.ToUpper(strings.TrimSpace(kind))
	kind = strings.TrimPrefix(kind, "OID.")
	if named, ok := attributeKinds[kind]; ok {
		kind = named
	} else if !dotted(kind) {
		return nameAttribute{}, fmt.Errorf("there is no attribute %q", clip(kind))
	}
	value = strings.TrimLeft(value, " ")
	if encoded, ok := strings.CutPrefix(value, "#"); ok {
		der, err := hex.DecodeString(strings.TrimRight(encoded, " "))
		if err != nil || len(der) == 0 {
			return nameAttribute{}, errors.New("a value after # is not hexadecimal")
		}
		if plain, ok := textOf(der); ok {
			return nameAttribute{kind: kind, value: plain}, nil
		}
		return nameAttribute{kind: kind, der: der}, nil
	}
	plain, err := unescapeValue(value)
	if err == nil && plain == "" {
		err = errors.New("a value is empty")
	}
	return nameAttribute{kind: kind, value: plain}, err
}

func dotted(kind string) bool {
	parts := strings.Split(kind, ".")
	return len(parts) > 1 && !slices.ContainsFunc(parts, func(part string) bool {
		_, err := strconv.ParseUint(part, 10, 31)
		return err != nil
	})
}

// textOf reads a DER value that is a string.
func textOf(der []byte) (string, bool) {
	var text string
	rest, err := asn1.Unmarshal(der, &text)
	return text, err == nil && len(rest) == 0
}

// unescapeValue undoes the escapes of RFC 4514 §2.4; spaces at the end count only when they are escaped.
func unescapeValue(text string) (string, error) {
	var plain []byte
	kept := 0 // bytes that stay when spaces at the end go
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c != '\\' {
			if strings.IndexByte(`"<>`, c) >= 0 || c == 0 {
				return "", fmt.Errorf("the character %q must be escaped", c)
			}
			if plain = append(plain, c); c != ' ' {
				kept = len(plain)
			}
			continue
		}
		if i++; i == len(text) {
			return "", errors.New("it ends with a backslash")
		}
		if decoded, err := hex.DecodeString(text[i:min(i+2, len(text))]); err == nil && len(decoded) == 1 {
			plain, i = append(plain, decoded[0]), i+1
		} else {
			plain = append(plain, text[i])
		}
		kept = len(plain)
	}
	if plain = plain[:kept]; !utf8.Valid(plain) {
		return "", errors.New("a value is not UTF-8")
	}
	return string(plain), nil
}

// is compares the name with the subject of a certificate: every attribute in its place, texts as directories compare
// them, without regard to case and to repeated spaces (RFC 4518 §2).
func (n distinguishedName) is(subject []byte) bool {
	var sequence pkix.RDNSequence
	if rest, err := asn1.Unmarshal(subject, &sequence); err != nil || len(rest) != 0 || len(sequence) != len(n) {
		return false
	}
	slices.Reverse(sequence)
	for i, relative := range sequence {
		if len(relative) != len(n[i]) {
			return false
		}
		for _, wanted := range n[i] {
			if !slices.ContainsFunc(relative, wanted.is) {
				return false
			}
		}
	}
	return true
}

func (a nameAttribute) is(found pkix.AttributeTypeAndValue) bool {
	if found.Type.String() != a.kind {
		return false
	}
	if text, ok := found.Value.(string); ok {
		return a.der == nil && strings.EqualFold(folded(text), folded(a.value))
	}
	der, err := asn1.Marshal(found.Value)
	return err == nil && a.der != nil && bytes.Equal(der, a.der)
}

func folded(text string) string { return strings.Join(strings.Fields(text), " ") }
