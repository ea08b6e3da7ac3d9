package config

import (
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/passwordhash"
)

func TestWhatAPasswordHashCosts(t *testing.T) {
	t.Parallel()
	read := func(given map[string]string) (passwordhash.Parameters, string) {
		environ := complete()
		for name, value := range given {
			environ = append(environ, "CLAVEX_PASSWORD_HASH_"+name+"="+value)
		}
		read, err := Read(Source{Environ: environ})
		if err != nil {
			t.Fatal(err)
		}
		faults := ""
		if err := read.Validate(true); err != nil {
			faults = err.Error()
		}
		return read.HashParameters(), faults
	}
	if cost, faults := read(nil); cost != passwordhash.DefaultParameters() || strings.Contains(faults, "password_hash") {
		t.Errorf("%+v %s", cost, faults)
	}
	if cost, faults := read(map[string]string{"MEMORY": "65536", "PASSES": "3", "PARALLELISM": "4"}); cost != (passwordhash.Parameters{Memory: 65536, Passes: 3, Parallelism: 4}) || strings.Contains(faults, "password_hash") {
		t.Errorf("%+v %s", cost, faults)
	}
	for _, wrong := range []map[string]string{{"MEMORY": "1024"}, {"PASSES": "1"}, {"PARALLELISM": "0"}, {"PARALLELISM": "257"}, {"MEMORY": "99999999999"}, {"PASSES": "99"}} {
		if _, faults := read(wrong); !strings.Contains(faults, "password_hash_memory, password_hash_passes, password_hash_parallelism: ") {
			t.Errorf("%v: %s", wrong, faults)
		}
	}
}
