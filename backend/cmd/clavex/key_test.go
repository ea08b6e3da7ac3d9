package main

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/seal"
)

// keyJSON is what key list prints.
type keyJSON struct {
	KeyID string `json:"kid"`
	Alg   string `json:"alg"`
	State string `json:"state"`
}

func (i installation) keys(t *testing.T) (states []string, active map[string]string) {
	t.Helper()
	var keys []keyJSON
	i.succeed(t, "key", "list", "--org", "system", "--json").decode(t, &keys)
	active = map[string]string{}
	for _, k := range keys {
		states = append(states, k.Alg+" "+k.State)
		if k.State == "active" {
			active[k.Alg] = k.KeyID
		}
	}
	slices.Sort(states)
	return states, active
}

func (s *serving) publishedKeys(t *testing.T) string {
	t.Helper()
	response, err := (&http.Client{Transport: s.transport}).Get(publicURL + "/system/jwks")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("jwks: %d %v", response.StatusCode, err)
	}
	return string(body)
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	i := install(t)
	s := i.serve(t)
	s.publishedKeys(t) // makes the first keys
	before, active := i.keys(t)
	if !slices.Equal(before, []string{"ECDH-ES active", "ES256 active", "RS256 active", "RSA-OAEP-256 active"}) {
		t.Fatalf("at first: %v", before)
	}
	var done []rotation
	i.succeed(t, "key", "rotate", "--org", "system", "--algorithm", "ES256", "--json").decode(t, &done)
	if len(done) != 1 || done[0].Outcome != "published" {
		t.Errorf("%+v", done)
	}
	i.succeed(t, "key", "rotate", "--org", "system", "--algorithm", "ES256", "--json").decode(t, &done)
	if done[0].Outcome != "waiting" {
		t.Errorf("%+v", done)
	}
	for _, test := range []struct {
		arguments []string
		says      string
	}{
		{[]string{"key", "rotate", "--org", "system", "--immediately"}, "add --yes"},
		{[]string{"key", "rotate", "--org", "system", "--algorithm", "none"}, "choose"},
	} {
		if got := i.run(t, test.arguments...); got.code != exitUsage || !strings.Contains(got.stderr, test.says) {
			t.Errorf("%v: %+v", test.arguments, got)
		}
	}
	i.succeed(t, "key", "rotate", "--org", "system", "--immediately", "--yes")
	after, now := i.keys(t)
	if !slices.Equal(after, []string{"ECDH-ES active", "ECDH-ES retired", "ES256 active", "ES256 retired", "RS256 active", "RS256 retired",
		"RSA-OAEP-256 active", "RSA-OAEP-256 retired"}) || now["ES256"] == active["ES256"] || now["RS256"] == active["RS256"] {
		t.Errorf("after: %v", after)
	}
	published := s.publishedKeys(t)
	for _, id := range []string{active["ES256"], active["RS256"]} {
		if !strings.Contains(published, id) {
			t.Errorf("the former key %s is not published any more: what it signed fails", id)
		}
	}
	for _, id := range []string{active["ECDH-ES"], active["RSA-OAEP-256"]} {
		if strings.Contains(published, id) {
			t.Errorf("the former key %s is still published: others go on encrypting to it (OpenID Connect Core 1.0 §10.2.1)", id)
		}
	}
}

// The key-encryption key is replaced as operations.md says, and nothing stops working in between.
func TestKeyEncryptionKeyRotation(t *testing.T) {
	t.Parallel()
	i := install(t)
	s := i.serve(t)
	s.publishedKeys(t)
	// A server that still seals with the former key, as none does after step 2, goes on filling the pool with it.
	s.signal(t, syscall.SIGTERM)
	if code := s.wait(t, time.Minute); code != exitDone {
		t.Fatalf("exit code %d:\n%s", code, s.stderr)
	}
	var old string
	for _, entry := range i.environ {
		if value, ok := strings.CutPrefix(entry, "CLAVEX_KEY_ENCRYPTION_KEY="); ok {
			old = value
		}
	}
	var made map[string]string
	installation{}.succeed(t, "key", "generate-encryption-key", "--json").decode(t, &made)
	if _, err := seal.ParseKey(made["key_encryption_key"]); err != nil {
		t.Fatal(err)
	}
	both := i.with("CLAVEX_KEY_ENCRYPTION_KEY="+made["key_encryption_key"], "CLAVEX_PREVIOUS_KEY_ENCRYPTION_KEYS="+old)
	if got := both.run(t, "doctor"); got.code != exitDone || !strings.Contains(got.stdout, "clavex key reseal") {
		t.Errorf("the doctor must say that values are under the former key:\n%s", got.stdout)
	}
	alone := i.with("CLAVEX_KEY_ENCRYPTION_KEY=" + made["key_encryption_key"])
	if got := alone.run(t, "doctor"); got.code != exitFailed || !strings.Contains(got.stdout, "not configured") {
		t.Errorf("the doctor must see that the former key is missing:\n%s", got.stdout)
	}
	if got := alone.run(t, "key", "reseal"); got.code != exitFailed {
		t.Errorf("resealing without the former key: %+v", got)
	}
	var result map[string]any
	both.succeed(t, "key", "reseal", "--json").decode(t, &result)
	if result["resealed"] != float64(4) || result["key_encryption_key"] != made["id"] {
		t.Errorf("%v", result)
	}
	if got := alone.run(t, "doctor"); got.code != exitDone {
		t.Errorf("after resealing the former key is not needed:\n%s", got.stdout)
	}
}
