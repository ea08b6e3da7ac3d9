package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// maximumDepth bounds how deeply arrays and objects may stand in each other.
const maximumDepth = 32

var (
	errDuplicate = errors.New("an object has the same member twice")
	errDepth     = errors.New("the JSON is nested too deeply")
	errTrailing  = errors.New("something follows the JSON")
	errText      = errors.New("the JSON is not valid UTF-8 or contains the character NUL")
)

// decodeJSON reads one JSON text into maps, slices and json.Number, more strictly than encoding/json:
// valid UTF-8, no member twice (RFC 8259 §4, where readers disagree about the meaning), nothing behind
// it, no NUL, which PostgreSQL cannot store.
func decodeJSON(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, errText
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	value, err := decodeValue(decoder, 0)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errTrailing
	}
	return value, nil
}

func decodeValue(decoder *json.Decoder, depth int) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if depth == maximumDepth {
			return nil, errDepth
		}
		if token == '[' {
			return decodeArray(decoder, depth+1)
		}
		return decodeObject(decoder, depth+1)
	case string:
		return token, storable(token)
	}
	return token, nil
}

func decodeArray(decoder *json.Decoder, depth int) (any, error) {
	values := []any{}
	for decoder.More() {
		value, err := decodeValue(decoder, depth)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	_, err := decoder.Token()
	return values, err
}

func decodeObject(decoder *json.Decoder, depth int) (any, error) {
	members := map[string]any{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // a name is always a string, the decoder sees to it
		if err := storable(name); err != nil {
			return nil, err
		}
		if _, twice := members[name]; twice {
			return nil, errDuplicate
		}
		if members[name], err = decodeValue(decoder, depth); err != nil {
			return nil, err
		}
	}
	_, err := decoder.Token()
	return members, err
}

func storable(text string) error {
	if strings.ContainsRune(text, 0) {
		return errText
	}
	return nil
}
