package registration

import (
	"encoding/json"
	"testing"
)

func FuzzParseObject(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1}`, `{"a":{"b":[1,2]},"c":null}`, `{"a":1,"a":2}`, `[]`, `{"a":1}x`, "{\"\xff\":1}", `{"a"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		members, err := ParseObject(body)
		var standard map[string]json.RawMessage
		standardErr := json.Unmarshal(body, &standard)
		if err != nil {
			return
		}
		if standardErr != nil || len(standard) != len(members) {
			t.Fatalf("accepted %q, which encoding/json reads as %v (%v)", body, standard, standardErr)
		}
	})
}
