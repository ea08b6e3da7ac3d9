package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/fidotest"
)

// From a file and a root of one's own, as where nothing is fetched from outside.
func TestAuthenticators(t *testing.T) {
	t.Parallel()
	service, key, folder := fidotest.NewService(), fidotest.NewModel("Acme Key 5"), t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	blob := write("blob.jwt", service.BLOB(7, fidotest.Entry{Model: key, Statuses: []fidotest.Status{{Status: "FIDO_CERTIFIED_L2"}}}))
	i := install(t, "CLAVEX_FIDO_METADATA_FILE="+blob, "CLAVEX_FIDO_METADATA_ROOT_FILE="+write("root.pem", string(service.Root.PEM())))
	doctor := func(want verdict, words string) {
		t.Helper()
		found := i.doctor(t, exitDone)
		if got, text := found.of("authenticator metadata"); len(got) != 1 || got[0] != want || !strings.Contains(text, words) {
			t.Errorf("%v %s", got, text)
		}
	}
	doctor(warning, "nothing is loaded")
	i.succeed(t, "authenticator", "status")
	if got := i.succeed(t, "authenticator", "refresh"); !strings.Contains(got.stdout, "7") || !strings.Contains(got.stdout, blob) {
		t.Errorf("%s", got.stdout)
	}
	doctor(fine, "number 7")
	if got := i.succeed(t, "authenticator", "list", "key", "5"); !strings.Contains(got.stdout, key.AAGUID.String()) || !strings.Contains(got.stdout, "FIDO_CERTIFIED_L2") {
		t.Errorf("%s", got.stdout)
	}
	policy := write("policy.json", `{"conveyance": "direct", "allowed_models": ["`+key.AAGUID.String()+`"], "minimum_certification": "FIDO_CERTIFIED_L1", "existing_passkeys": "refuse"}`)
	i.succeed(t, "org", "create", "acme")
	if got := i.succeed(t, "authenticator", "preview", "acme", "--policy-file", policy); !strings.Contains(got.stdout, "0") {
		t.Errorf("%s", got.stdout)
	}
	if got := i.succeed(t, "authenticator", "policy", "acme"); !strings.Contains(got.stdout, "none") {
		t.Errorf("%s", got.stdout)
	}
	if got := i.succeed(t, "authenticator", "policy", "acme", "--policy-file", policy); !strings.Contains(got.stdout, "FIDO_CERTIFIED_L1") || !strings.Contains(got.stdout, key.AAGUID.String()) {
		t.Errorf("%s", got.stdout)
	}
	write("blob.jwt", service.BLOB(6))
	if got := i.run(t, "authenticator", "refresh"); got.code != exitFailed || !strings.Contains(got.stderr, "older") {
		t.Errorf("%d %s", got.code, got.stderr)
	}
	doctor(warning, "older")
	write("blob.jwt", service.Sign(fidotest.Payload(8, time.Now().AddDate(0, 0, -3))))
	i.succeed(t, "authenticator", "refresh")
	doctor(warning, "should have been replaced")
	if got := i.run(t, "authenticator", "policy", "acme", "--policy-file", write("wrong.json", `{"unknown_models": "refuse"}`)); got.code == exitDone || !strings.Contains(got.stderr, "direct or enterprise") {
		t.Errorf("%d %s", got.code, got.stderr)
	}
}
