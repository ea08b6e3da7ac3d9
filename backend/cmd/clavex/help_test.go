package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestEveryCommandHasHelp(t *testing.T) {
	t.Parallel()
	var walk func(command *cobra.Command)
	walk = func(command *cobra.Command) {
		path := strings.Fields(command.CommandPath())[1:]
		var stdout, stderr bytes.Buffer
		p := &program{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr}
		if code := p.run(t.Context(), append(path, "--help")); code != exitDone || stderr.Len() > 0 {
			t.Errorf("%s --help: exit code %d, %s", command.CommandPath(), code, &stderr)
		}
		for _, part := range []string{"Usage:", "--json"} {
			if !strings.Contains(stdout.String(), part) {
				t.Errorf("the help of %s lacks %q", command.CommandPath(), part)
			}
		}
		switch {
		case command.Short == "" || command.Long == "":
			t.Errorf("%s is not explained", command.CommandPath())
		case !command.HasSubCommands() && command.Example == "":
			t.Errorf("%s has no example", command.CommandPath())
		}
		for _, line := range strings.Split(command.Long, "\n") {
			if len([]rune(line)) > 120 {
				t.Errorf("%s: a line of its help is longer than 120 characters: %s", command.CommandPath(), line)
			}
		}
		for _, below := range command.Commands() {
			if below.IsAvailableCommand() {
				walk(below)
			}
		}
	}
	walk((&program{}).root())
}

// Every example is accepted up to the point where its own work would begin.
func TestEveryExampleParses(t *testing.T) {
	t.Parallel()
	var walk func(command *cobra.Command)
	walk = func(command *cobra.Command) {
		for _, line := range strings.Split(strings.ReplaceAll(command.Example, "\\\n", " "), "\n") {
			_, call, found := strings.Cut(line, "clavex ")
			if !found {
				continue
			}
			call, _, _ = strings.Cut(call, " > ")
			arguments := words(call)
			root := (&program{}).root()
			target, rest, err := root.Find(arguments)
			if err == nil {
				err = target.ParseFlags(rest)
			}
			if err == nil {
				err = target.ValidateArgs(target.Flags().Args())
			}
			if err == nil {
				err = target.ValidateRequiredFlags()
			}
			if err == nil {
				err = target.ValidateFlagGroups()
			}
			if err != nil || target.HasSubCommands() {
				t.Errorf("the example %q: %v", line, err)
			}
		}
		for _, below := range command.Commands() {
			walk(below)
		}
	}
	walk((&program{}).root())
}

// words splits a line as a shell does, as far as examples need it.
func words(line string) []string {
	var list []string
	var word strings.Builder
	quoted := false
	for _, r := range line + " " {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ' ' && !quoted:
			if word.Len() > 0 {
				list = append(list, word.String())
			}
			word.Reset()
		default:
			word.WriteRune(r)
		}
	}
	return list
}

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	misspelt := filepath.Join(folder, "clavex.yaml")
	if err := os.WriteFile(misspelt, []byte("trusted_proxy: 10.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		arguments, environ []string
		code               int
		says               string
	}{
		{nil, nil, exitUsage, "say what to do"},
		{[]string{"serv"}, nil, exitUsage, `there is no command "clavex serv"; did you mean serve`},
		{[]string{"org"}, nil, exitUsage, "say what to do: create, delete, list"},
		{[]string{"org", "creat", "acme"}, nil, exitUsage, "did you mean create?"},
		{[]string{"help"}, nil, exitUsage, "there is no command"},
		{[]string{"serve", "now"}, nil, exitUsage, `unknown command "now"`},
		{[]string{"serve", "--frobnicate"}, nil, exitUsage, "unknown flag: --frobnicate"},
		{[]string{"org", "create"}, nil, exitUsage, "accepts 1 arg(s), received 0"},
		{[]string{"org", "create", "a", "b"}, nil, exitUsage, "accepts 1 arg(s), received 2"},
		{[]string{"user", "list"}, nil, exitUsage, `required flag(s) "org" not set`},
		{[]string{"user", "create", "--org", "acme"}, nil, exitUsage, `required flag(s) "username" not set`},
		{[]string{"user", "set-roles", "eva", "--org", "acme"}, nil, exitUsage, "at least one of the flags in the group [role none] is required"},
		{[]string{"user", "set-roles", "eva", "--org", "acme", "--none", "--role", "x"}, nil, exitUsage, "none of the others can be"},
		{[]string{"client", "create", "--org", "a", "--name", "b", "--public", "--auth-method", "none"}, nil, exitUsage, "none of the others can be"},
		{[]string{"org", "list", "--limit", "many"}, nil, exitUsage, "invalid argument"},
		{[]string{"version", "--json=perhaps"}, nil, exitUsage, "invalid argument"},
		{[]string{"dev", "--port", "70000"}, nil, exitUsage, "choose a port between 1 and 65535"},
		{[]string{"dev", "--port", "-1"}, nil, exitUsage, "choose a port between 1 and 65535"},
		{[]string{"dev", "--host", "id.clavex.test"}, nil, exitUsage, "--host goes with --tls"},
		{[]string{"dev", "--tls", "--host", "id.example.com"}, nil, exitUsage, "may name no host of the Internet"},
		{[]string{"dev", "--yes"}, nil, exitUsage, "--yes goes with --reset"},
		{[]string{"dev", "--create-app", filepath.Join(folder, "missing.tgz")}, nil, exitUsage, "no such file"},
		{[]string{"dev", "--database-url", "postgres://db"}, nil, exitUsage, "unknown flag: --database-url"},
		{[]string{"serve"}, nil, exitFailed, "database_url is missing"},
		{[]string{"migrate"}, nil, exitFailed, "database_url is missing"},
		{[]string{"migrate"}, []string{"CLAVEX_DATABASE_URL=mysql://db"}, exitFailed, "not a PostgreSQL URL"},
		{[]string{"serve", "--config", misspelt}, nil, exitFailed, "did you mean trusted_proxies?"},
		{[]string{"serve", "--config", filepath.Join(folder, "missing.yaml")}, nil, exitFailed, "no such file"},
		{[]string{"serve"}, []string{"CLAVEX_DATABSE_URL=x"}, exitFailed, "did you mean database_url?"},
		{[]string{"serve", "--workers", "four"}, nil, exitFailed, `"four" is not a whole number`},
		{[]string{"config", "check"}, nil, exitFailed, "public_url is missing"},
		{[]string{"org", "list"}, nil, exitFailed, "database_url is missing"},
	} {
		t.Run(strings.Join(test.arguments, " "), func(t *testing.T) {
			t.Parallel()
			got := installation{test.environ}.run(t, test.arguments...)
			if got.code != test.code || !strings.Contains(got.stderr, test.says) {
				t.Errorf("exit code %d, want %d; said:\n%s\nwant: %s", got.code, test.code, got.stderr, test.says)
			}
			if got.stdout != "" {
				t.Errorf("standard output is for results: %s", got.stdout)
			}
			if !strings.HasPrefix(got.stderr, "clavex: ") {
				t.Errorf("messages begin with the program's name: %s", got.stderr)
			}
		})
	}
}

// Every fault of the configuration is told at once, with what to do.
func TestServeListsEveryFault(t *testing.T) {
	t.Parallel()
	got := installation{[]string{"CLAVEX_PUBLIC_URL=http://id.example.test/", "CLAVEX_KEY_ENCRYPTION_KEY=c2hvcnQ=", "CLAVEX_TRUSTED_PROXIES=0.0.0.0/0",
		"CLAVEX_LOG_LEVEL=loud", "CLAVEX_LISTEN=8080"}}.run(t, "serve")
	for _, part := range []string{"database_url is missing", "public_url", "key_encryption_key", "trusted_proxies", "log_level", "listen"} {
		if !strings.Contains(got.stderr, part) {
			t.Errorf("%s is not told:\n%s", part, got.stderr)
		}
	}
	if got.code != exitFailed {
		t.Errorf("exit code %d", got.code)
	}
	if strings.Contains(got.stderr, "c2hvcnQ") {
		t.Error("a secret is told")
	}
}
