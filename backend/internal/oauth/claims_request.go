package oauth

import (
	"bytes"
	"encoding/json"
	"slices"
)

// ClaimsRequest is the claims parameter (OpenID Connect Core 1.0 §5.5): single claims that a client asks for, and
// where it wants them.
type ClaimsRequest struct {
	Userinfo map[string]*ClaimRequest `json:"userinfo,omitempty"`
	IDToken  map[string]*ClaimRequest `json:"id_token,omitempty"`
}

// ClaimRequest is how one claim is asked for; nil asks in the default manner.
type ClaimRequest struct {
	Essential bool              `json:"essential,omitempty"`
	Value     json.RawMessage   `json:"value,omitempty"`
	Values    []json.RawMessage `json:"values,omitempty"`
}

const (
	maximumClaimsBytes = 8 << 10
	maximumClaimNames  = 100 // in one place
)

// ParseClaimsRequest reads the claims parameter; members it does not know are ignored (§5.5). The zero value when
// there is none; invalid_request when it is malformed.
func ParseClaimsRequest(text string) (ClaimsRequest, error) {
	var parsed ClaimsRequest
	if text == "" {
		return parsed, nil
	}
	if len(text) > maximumClaimsBytes {
		return parsed, InvalidRequest("The parameter claims is too long.")
	}
	if err := json.Unmarshal([]byte(text), &parsed); err != nil {
		return ClaimsRequest{}, InvalidRequest("The parameter claims is not a JSON object of the form of OpenID Connect Core 1.0 §5.5.").WithCause(err)
	}
	if len(parsed.Userinfo) > maximumClaimNames || len(parsed.IDToken) > maximumClaimNames {
		return ClaimsRequest{}, InvalidRequest("The parameter claims asks for too many claims.")
	}
	return parsed, nil
}

// Accepts reports whether a value is among those that were asked for; every value is when none was named.
func (c *ClaimRequest) Accepts(value any) bool {
	if c == nil || c.Value == nil && c.Values == nil {
		return true
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return false
	}
	same := func(wanted json.RawMessage) bool { return sameJSON(wanted, encoded) }
	return c.Value != nil && same(c.Value) || slices.ContainsFunc(c.Values, same)
}

// sameJSON compares two JSON texts without regard to white space; the order of members counts.
func sameJSON(a, b []byte) bool {
	var left, right bytes.Buffer
	return json.Compact(&left, a) == nil && json.Compact(&right, b) == nil && bytes.Equal(left.Bytes(), right.Bytes())
}

// Texts are the values asked for that are strings.
func (c *ClaimRequest) Texts() []string {
	if c == nil {
		return nil
	}
	var found []string
	for _, raw := range append([]json.RawMessage{c.Value}, c.Values...) {
		var text string
		if raw != nil && string(raw) != "null" && json.Unmarshal(raw, &text) == nil {
			found = append(found, text)
		}
	}
	return found
}

// Encode returns what was asked for as it is kept with a grant; nil when nothing was.
func (c ClaimsRequest) Encode() (json.RawMessage, error) {
	if len(c.Userinfo) == 0 && len(c.IDToken) == 0 {
		return nil, nil
	}
	return json.Marshal(c)
}

// DecodeClaimsRequest reads what Encode wrote.
func DecodeClaimsRequest(kept json.RawMessage) (ClaimsRequest, error) {
	var decoded ClaimsRequest
	if len(kept) == 0 {
		return decoded, nil
	}
	err := json.Unmarshal(kept, &decoded)
	return decoded, err
}
