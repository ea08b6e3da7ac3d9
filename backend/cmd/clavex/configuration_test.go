package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestConfiguration(t *testing.T) {
	t.Parallel()
	i := install(t)
	if got := i.succeed(t, "config", "check"); !strings.Contains(got.stdout, "complete and safe") {
		t.Errorf("%+v", got)
	}
	file := t.TempDir() + "/clavex.yaml"
	if err := os.WriteFile(file, []byte("log_level: warn\nworkers: 7\ntrusted_proxies: [10.0.0.1, 10.1.0.0/16]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var list []setting
	i.with("CLAVEX_WORKERS=3").succeed(t, "config", "show", "--config", file, "--request-timeout", "9s", "--json").decode(t, &list)
	found := map[string]setting{}
	for _, s := range list {
		found[s.Name] = s
	}
	for name, want := range map[string][2]string{
		"database_url": {"(secret)", "CLAVEX_DATABASE_URL"}, "log_level": {"warn", file}, "workers": {"3", "CLAVEX_WORKERS"},
		"request_timeout": {"9s", "flag --request-timeout"}, "shutdown_timeout": {"25s", "default"}, "trusted_proxies": {"10.0.0.1,10.1.0.0/16", file}, "redis_url": {"", "default"},
	} {
		if got := found[name]; got.Value != want[0] || got.Source != want[1] {
			t.Errorf("%s: %q from %q, want %v", name, got.Value, got.Source, want)
		}
	}
	for _, entry := range i.environ {
		name, value, _ := strings.Cut(entry, "=")
		if (name == "CLAVEX_DATABASE_URL" || name == "CLAVEX_KEY_ENCRYPTION_KEY") && strings.Contains(fmt.Sprint(list), value) {
			t.Errorf("%s is shown", name)
		}
	}
	// The example is a valid file: with every line of settings switched on it says what the defaults say.
	example := i.succeed(t, "config", "example").stdout
	var lines []string
	for line := range strings.Lines(example) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "# "), ": ")
		if _, known := found[name]; known && value != "" {
			lines = append(lines, name+": "+value)
		}
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	i.succeed(t, "config", "check", "--config", file)
}
