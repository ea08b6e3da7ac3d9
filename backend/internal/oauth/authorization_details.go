package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/org"
)

// Bounds of authorization details. They travel in every access token.
const (
	maximumDetailsBytes = 4 << 10
	maximumDetails      = 20
)

// Details are authorization details (RFC 9396 §2): objects, each of a type that the organization registered.
type Details []json.RawMessage

// InvalidDetails is the error for authorization details that are not understood (RFC 9396 §5).
func InvalidDetails(description string) *Error {
	return NewError(CodeInvalidAuthorizationDetails, description)
}

// ParseDetails reads the parameter authorization_details and judges it: types that the organization registered and the
// client may use, their fields, nothing else. nil when there is none. What is returned is written anew, so that two
// readers cannot see different things in it.
func ParseDetails(organization *org.Organization, c *client.Client, text string) (Details, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > maximumDetailsBytes {
		return nil, InvalidDetails("The authorization_details are too long.")
	}
	var objects []map[string]any
	if err := decodeExactly(text, &objects); err != nil || len(objects) == 0 || len(objects) > maximumDetails {
		return nil, InvalidDetails("The authorization_details are not a JSON array of objects.").WithCause(err)
	}
	var details Details
	for _, object := range objects {
		name, _ := object["type"].(string)
		known := organization.Policies.AuthorizationDetailType(name)
		if known == nil || !mayUseType(c, name) {
			return nil, InvalidDetails("A type of the authorization_details is not known here, or not registered by this client.")
		}
		if err := judgeDetail(known, object); err != nil {
			return nil, err
		}
		written, err := encodeExactly(object)
		if err != nil {
			return nil, InvalidDetails("The authorization_details cannot be read.").WithCause(err)
		}
		details = append(details, written)
	}
	return details, nil
}

func mayUseType(c *client.Client, name string) bool {
	return slices.Contains(c.Metadata.AuthorizationDetailsTypes, name)
}

var errTrailing = errors.New("oauth: something follows the JSON")

// decodeExactly keeps numbers as they were written.
func decodeExactly(text string, into any) error {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errTrailing
	}
	return nil
}

func encodeExactly(value any) (json.RawMessage, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSpace(buffer.Bytes()), err
}

func judgeDetail(known *org.AuthorizationDetailType, object map[string]any) error {
	fields := known.AllFields()
	for name, value := range object {
		if name == "type" {
			continue
		}
		i := slices.IndexFunc(fields, func(field org.AuthorizationDetailField) bool { return field.Name == name })
		if i < 0 {
			return InvalidDetails("The authorization_details have a field that their type does not know.")
		}
		if _, ok := detailWords(fields[i].Kind, value); !ok {
			return InvalidDetails("The field " + fields[i].Name + " of the authorization_details is not what its type says.")
		}
	}
	for _, field := range fields {
		if _, there := object[field.Name]; field.Required && !there {
			return InvalidDetails("The field " + field.Name + " of the authorization_details is missing.")
		}
	}
	return nil
}

// decimal has no exponent: nobody reads one, and some programs would make a very long number of it.
var decimal = regexp.MustCompile(`^-?[0-9]{1,18}(\.[0-9]{1,18})?$`)

// detailWords is the value of a field as people read it; false when it is not of the kind.
func detailWords(kind org.DetailKind, value any) (string, bool) {
	switch kind {
	case org.DetailText:
		return detailText(value)
	case org.DetailNumber:
		return detailNumber(value)
	case org.DetailBoolean:
		yes, ok := value.(bool)
		if yes {
			return "true", ok
		}
		return "false", ok
	case org.DetailTexts:
		values, ok := value.([]any)
		words := make([]string, len(values))
		for i, one := range values {
			text, good := detailText(one)
			words[i], ok = text, ok && good
		}
		return strings.Join(words, ", "), ok && len(words) > 0
	case org.DetailAmount:
		object, ok := value.(map[string]any)
		amount, good := detailNumber(object["amount"])
		currency, text := detailText(object["currency"])
		return amount + " " + currency, ok && good && text && len(object) == 2
	default:
		return "", false
	}
}

func detailText(value any) (string, bool) {
	text, ok := value.(string)
	return text, ok && text != "" && storable(text)
}

func detailNumber(value any) (string, bool) {
	text, ok := value.(string)
	if number, isNumber := value.(json.Number); isNumber {
		text, ok = number.String(), true
	}
	return text, ok && decimal.MatchString(text)
}

// Encode writes details as they are kept and told; nil for none.
func (d Details) Encode() (json.RawMessage, error) {
	if len(d) == 0 {
		return nil, nil
	}
	return encodeExactly([]json.RawMessage(d))
}

// DecodeDetails reads what Encode wrote.
func DecodeDetails(kept json.RawMessage) (Details, error) {
	if len(kept) == 0 {
		return nil, nil
	}
	var objects []map[string]any
	if err := decodeExactly(string(kept), &objects); err != nil {
		return nil, err
	}
	details := make(Details, len(objects))
	for i, object := range objects {
		var err error
		if details[i], err = encodeExactly(object); err != nil {
			return nil, err
		}
	}
	return details, nil
}

// Held are those whose type is still registered with the organization and the client.
func (d Details) Held(organization *org.Organization, c *client.Client) Details {
	return slices.DeleteFunc(slices.Clone(d), func(detail json.RawMessage) bool {
		var of struct{ Type string }
		return json.Unmarshal(detail, &of) != nil || organization.Policies.AuthorizationDetailType(of.Type) == nil || !mayUseType(c, of.Type)
	})
}

// Within refuses details that were not granted (RFC 9396 §6): each must be one of those granted, as a whole.
func (d Details) Within(granted Details) error {
	for _, asked := range d {
		if !slices.ContainsFunc(granted, func(whole json.RawMessage) bool { return bytes.Equal(whole, asked) }) {
			return InvalidDetails("Some of the authorization_details were not granted.")
		}
	}
	return nil
}

// At are those of the details that are meant for one of the resource servers: those that name no locations, or one of
// these (RFC 9396 §9).
func (d Details) At(audience []string) Details {
	return slices.DeleteFunc(slices.Clone(d), func(detail json.RawMessage) bool {
		var of struct{ Locations []string }
		return json.Unmarshal(detail, &of) != nil ||
			len(of.Locations) > 0 && !slices.ContainsFunc(of.Locations, func(location string) bool { return slices.Contains(audience, location) })
	})
}

// DetailFact is one field of authorization details for people to read.
type DetailFact struct {
	Name  string // of a common field, to be said in words; "" for one of the type's own
	Label string // of one of the type's own
	Value string
}

// Describe is what people read of one of the details: the organization's sentence, and every field, so that nothing is
// allowed that was not shown.
func Describe(organization *org.Organization, detail json.RawMessage, languages ...string) (sentence string, facts []DetailFact) {
	var object map[string]any
	if err := decodeExactly(string(detail), &object); err != nil {
		return "", nil
	}
	name, _ := object["type"].(string)
	known := organization.Policies.AuthorizationDetailType(name)
	if known == nil {
		return name, nil
	}
	words := map[string]string{}
	for i, field := range known.AllFields() {
		value, there := object[field.Name]
		if !there {
			continue
		}
		words[field.Name], _ = detailWords(field.Kind, value)
		fact := DetailFact{Value: words[field.Name]}
		if i < len(known.Fields) {
			if fact.Label = org.InLanguage(field.Label, languages...); fact.Label == "" {
				fact.Label = field.Name
			}
		} else {
			fact.Name = field.Name
		}
		facts = append(facts, fact)
	}
	return org.DetailPlaceholders(org.InLanguage(known.Consent, append(languages, organization.Policies.DefaultLocale)...), func(field string) string {
		if value, there := words[field]; there {
			return value
		}
		return "–"
	}), facts
}
