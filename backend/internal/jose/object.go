package jose

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// maximumDepth bounds how deep the JSON of a token or key may nest.
const maximumDepth = 32

var errNotAnObject = errors.New("not a JSON object in UTF-8")

// members returns the members of a JSON object by their exact names.
//
// encoding/json alone would be too lenient for what decides about access: it takes the last of
// repeated members where another parser takes the first (RFC 7515 §4 and RFC 7519 §4 allow to refuse
// them, and RFC 8725 §2.7 tells why one should), and it matches names without regard to case. Here a
// repeated member is an error at every depth, and "ISS" is not "iss".
func members(data []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, errNotAnObject
	}
	scan := scanner{data: data}
	scan.space()
	if scan.data[scan.at] != '{' {
		return nil, errNotAnObject
	}
	return scan.object(1)
}

// scanner walks over JSON that is known to be valid, so it never meets the end unexpectedly.
type scanner struct {
	data []byte
	at   int
}

func (s *scanner) space() {
	for s.at < len(s.data) && bytes.IndexByte([]byte(" \t\r\n"), s.data[s.at]) >= 0 {
		s.at++
	}
}

// object reads an object and stops after its brace.
func (s *scanner) object(depth int) (map[string]json.RawMessage, error) {
	found := make(map[string]json.RawMessage)
	s.at++ // {
	for {
		s.space()
		switch s.data[s.at] {
		case '}':
			s.at++
			return found, nil
		case ',':
			s.at++
			s.space()
		}
		name, err := s.name()
		if err != nil {
			return nil, err
		}
		s.space()
		s.at++ // :
		s.space()
		start := s.at
		if err := s.value(depth); err != nil {
			return nil, err
		}
		if _, repeated := found[name]; repeated {
			return nil, fmt.Errorf("repeated JSON member %q", name)
		}
		found[name] = s.data[start:s.at:s.at]
	}
}

func (s *scanner) value(depth int) error {
	if depth > maximumDepth {
		return errors.New("JSON nested too deep")
	}
	switch s.data[s.at] {
	case '{':
		_, err := s.object(depth + 1)
		return err
	case '[':
		s.at++
		for {
			s.space()
			switch s.data[s.at] {
			case ']':
				s.at++
				return nil
			case ',':
				s.at++
				continue
			}
			if err := s.value(depth + 1); err != nil {
				return err
			}
		}
	case '"':
		s.text()
	default:
		for s.at < len(s.data) && bytes.IndexByte([]byte(",]} \t\r\n"), s.data[s.at]) < 0 {
			s.at++
		}
	}
	return nil
}

// text passes over a string and returns it with its quotes.
func (s *scanner) text() []byte {
	start := s.at
	for s.at++; s.data[s.at] != '"'; s.at++ {
		if s.data[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
	return s.data[start:s.at]
}

func (s *scanner) name() (string, error) {
	quoted := s.text()
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1]), nil
	}
	var name string
	err := json.Unmarshal(quoted, &name)
	return name, err
}

// decodeString reads a JSON string; null, which encoding/json would take for "", is an error.
func decodeString(raw json.RawMessage, target *string) error {
	if len(raw) == 0 || raw[0] != '"' {
		return errors.New("not a string")
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		*target = string(raw[1 : len(raw)-1])
		return nil
	}
	return json.Unmarshal(raw, target)
}
