package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/config"
)

func (p *program) configuration() *cobra.Command {
	return p.group("config", "The configuration", "Shows, checks and explains the configuration. Nothing is connected to; clavex doctor does that.",
		p.showConfiguration(), p.checkConfiguration(), p.exampleConfiguration())
}

// setting is one setting with where its value comes from.
type setting struct {
	Name        string `json:"name"`
	Value       string `json:"value,omitempty"` // "(secret)" for a secret that is set
	Source      string `json:"source,omitempty"`
	Environment string `json:"environment"`
	Flag        string `json:"flag"`
	Default     string `json:"default"`
	Secret      bool   `json:"secret"`
	Help        string `json:"help"`
}

func (p *program) showConfiguration() *cobra.Command {
	command := &cobra.Command{Use: "show", Args: cobra.NoArgs, Short: "Show every setting, its value and where it comes from",
		Long: "Shows every setting, its value and where it comes from. Secrets are never shown.", Example: "  clavex config show --config /etc/clavex/clavex.yaml\n  clavex config show --json"}
	settings := readsSettings(command, false)
	command.RunE = p.does(func(context.Context, []string) error {
		source := settings.source(p.environ)
		cfg, err := config.Read(source)
		if err != nil {
			return err
		}
		list := effective(cfg, source)
		return p.print(list, func(w io.Writer) {
			table(w, "SETTING VALUE FROM", func(line func(...string)) {
				for _, s := range list {
					line(s.Name, s.Value, s.Source)
				}
			})
		})
	})
	return command
}

// effective lists the settings in force.
func effective(cfg *config.Config, source config.Source) []setting {
	inFile := settingsInFile(source.File)
	values := reflect.ValueOf(*cfg)
	list := make([]setting, 0, values.NumField())
	for i, field := range config.Fields() { // in the order of the struct
		s := describeSetting(field)
		s.Value, s.Source = settingText(values.Field(i).Interface()), origin(field, source, inFile)
		if field.Secret && s.Value != "" {
			s.Value = "(secret)"
		}
		list = append(list, s)
	}
	return list
}

func describeSetting(field config.Field) setting {
	return setting{Name: field.Name, Environment: field.Environment(), Flag: "--" + field.Flag(), Default: field.Default, Secret: field.Secret, Help: field.Help}
}

func settingText(value any) string {
	if list, ok := value.([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(value)
}

// origin says which of the sources a setting came from.
func origin(field config.Field, source config.Source, inFile map[string]any) string {
	if _, given := source.Flags[field.Name]; given {
		return "flag --" + field.Flag()
	}
	for _, variable := range []string{field.Environment(), field.Environment() + "_FILE"} {
		if slices.ContainsFunc(source.Environ, func(entry string) bool { return strings.HasPrefix(entry, variable+"=") }) {
			return variable
		}
	}
	if _, given := inFile[field.Name]; given {
		return source.File
	}
	return "default"
}

// settingsInFile reads which settings a file names. That it is readable YAML was found before.
func settingsInFile(path string) map[string]any {
	values := map[string]any{}
	if content, err := os.ReadFile(path); path != "" && err == nil {
		_ = yaml.Unmarshal(content, &values) // as above
	}
	return values
}

func (p *program) checkConfiguration() *cobra.Command {
	command := &cobra.Command{Use: "check", Args: cobra.NoArgs, Short: "Say whether clavex serve would accept the configuration",
		Long:    "Says whether clavex serve would accept the configuration, and lists every fault at once. The exit code is 1 when\nthere is one.",
		Example: "  clavex config check --config /etc/clavex/clavex.yaml"}
	settings := readsSettings(command, false)
	command.RunE = p.does(func(context.Context, []string) error {
		cfg, err := settings.read(p.environ)
		if err != nil {
			return err
		}
		if err := cfg.Validate(false); err != nil {
			return err
		}
		return p.print(map[string]any{"ok": true}, func(w io.Writer) { fmt.Fprintln(w, "The configuration is complete and safe.") })
	})
	return command
}

func (p *program) exampleConfiguration() *cobra.Command {
	return &cobra.Command{Use: "example", Args: cobra.NoArgs, Short: "Print a configuration file with every setting, explained",
		Long: "Prints a commented configuration file with every setting and its default.", Example: "  clavex config example > clavex.yaml",
		RunE: p.does(func(context.Context, []string) error {
			if !p.json {
				return config.WriteExample(p.stdout)
			}
			list := []setting{}
			for _, field := range config.Fields() {
				list = append(list, describeSetting(field))
			}
			return p.print(list, nil)
		})}
}
