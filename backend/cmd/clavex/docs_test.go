package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/config"
)

var update = flag.Bool("update", false, "write the generated part of docs/configuration.md anew") //nolint:gochecknoglobals // a flag

const documentation = "../../../docs/"

// settingsTable is the part of docs/configuration.md that this program knows better.
func settingsTable() string {
	var table strings.Builder
	table.WriteString("\n| setting | environment | default | meaning |\n|---|---|---|---|\n")
	for _, field := range config.Fields() {
		environment := "`" + field.Environment() + "`"
		if field.Secret {
			environment += " or `" + field.Environment() + "_FILE`"
		}
		standard := ""
		if field.Default != "" {
			standard = "`" + field.Default + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", field.Name, environment, standard, strings.ReplaceAll(field.Help, "|", `\|`))
	}
	return table.String() + "\n"
}

func TestDocumentedSettings(t *testing.T) {
	content, err := os.ReadFile(documentation + "configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	generated := regexp.MustCompile(`(?s)(<!-- settings: [^>]*-->\n)(.*?)(<!-- end of settings -->)`)
	found := generated.FindSubmatch(content)
	if found == nil {
		t.Fatal("docs/configuration.md has no place for the settings")
	}
	if string(found[2]) == settingsTable() {
		return
	}
	if !*update {
		t.Fatal("docs/configuration.md does not list the settings as they are; run: go test ./backend/cmd/clavex -run TestDocumentedSettings -update")
	}
	written := string(found[1]) + settingsTable() + string(found[3])
	if err := os.WriteFile(documentation+"configuration.md", []byte(strings.Replace(string(content), string(found[0]), written, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Every command and flag that the documents name exists.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	call := regexp.MustCompile("clavex ((?:[a-z-]+ ?)+)")
	flags := regexp.MustCompile(`--[a-z][a-z-]+`)
	known := map[string]bool{"--framework": true, "--issuer": true, "--cacert": true, "--no-unlogged-table-data": true, "--format": true, "--file": true, "--help": true}
	var walk func(command *cobra.Command)
	walk = func(command *cobra.Command) {
		for _, set := range []interface{ FlagUsages() string }{command.Flags(), command.PersistentFlags()} {
			for _, name := range flags.FindAllString(set.FlagUsages(), -1) {
				known[name] = true
			}
		}
		for _, below := range command.Commands() {
			walk(below)
		}
	}
	walk((&program{}).root())
	for _, field := range config.Fields() {
		known["--"+field.Flag()] = true
	}
	for _, name := range []string{"running.md", "configuration.md", "operations.md"} {
		content, err := os.ReadFile(documentation + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range flags.FindAllString(string(content), -1) {
			if !known[found] {
				t.Errorf("%s names the flag %s, which no command has", name, found)
			}
		}
		for _, span := range regexp.MustCompile("`[^`\n]+`|(?m)^    .+$").FindAllString(string(content), -1) {
			for _, found := range call.FindAllStringSubmatch(span, -1) {
				words := strings.Fields(found[1])
				command, _, err := (&program{}).root().Find(words[:1])
				if err != nil || !command.HasParent() {
					t.Errorf("%s names the command %q", name, found[0])
				} else if below, _, _ := (&program{}).root().Find(words); command.HasSubCommands() && len(words) > 1 && below == command {
					t.Errorf("%s names the command %q", name, found[0])
				}
			}
		}
	}
}
