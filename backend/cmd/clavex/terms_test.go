package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTermsByTheCommandLine(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.succeed(t, "org", "create", "acme")
	i.succeed(t, "user", "create", "--org", "acme", "--username", "eva")
	if got := i.run(t, "user", "require", "eva", "--org", "acme", "--action", "accept_terms"); got.code != exitFailed || !strings.Contains(got.stderr, "required_action_impossible") {
		t.Errorf("without terms: %+v", got)
	}
	if got := i.succeed(t, "terms", "list", "--org", "acme"); !strings.Contains(got.stdout, "None") {
		t.Errorf("%+v", got)
	}
	text := filepath.Join(t.TempDir(), "terms.txt")
	if err := os.WriteFile(text, []byte("Be kind.\n\nTell the truth.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := i.succeed(t, "terms", "publish", "--org", "acme", "--title", "en=Terms of use", "--url", "en=https://acme.example/terms", "--title", "de=Bedingungen", "--text-file", "de="+text); !strings.Contains(got.stdout, "1 people") {
		t.Errorf("%+v", got)
	}
	for name, arguments := range map[string][]string{
		"an address without a title": {"--title", "en=Terms", "--url", "it=https://acme.example/it"},
		"no moment":                  {"--title", "en=Terms", "--url", "en=https://acme.example/", "--in-force-at", "tomorrow"},
	} {
		if got := i.run(t, append([]string{"terms", "publish", "--org", "acme"}, arguments...)...); got.code != exitUsage {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := i.run(t, "terms", "publish", "--org", "acme", "--title", "en=Terms", "--url", "en=http://acme.example/"); got.code != exitFailed || !strings.Contains(got.stderr, "terms_malformed") {
		t.Errorf("%+v", got)
	}
	i.succeed(t, "user", "require", "eva", "--org", "acme", "--action", "accept_terms")
	var listed struct {
		Items []struct {
			Version int
			State   string
			Texts   map[string]struct{ Title, Text string }
		}
		People, Accepted int
	}
	i.succeed(t, "terms", "list", "--org", "acme", "--json").decode(t, &listed)
	if len(listed.Items) != 1 || listed.Items[0].Version != 1 || listed.Items[0].State != "in_force" || listed.Items[0].Texts["de"].Text != "Be kind.\n\nTell the truth." || listed.People != 1 || listed.Accepted != 0 {
		t.Errorf("%+v", listed)
	}
	i.succeed(t, "terms", "withdraw", "1", "--org", "acme", "--yes")
	for _, version := range []string{"1", "7", "x"} {
		if got := i.run(t, "terms", "withdraw", version, "--org", "acme", "--yes"); got.code != exitFailed || !strings.Contains(got.stderr, "terms_not_found") {
			t.Errorf("%s: %+v", version, got)
		}
	}
}
