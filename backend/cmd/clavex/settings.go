package main

import (
	"log/slog"
	"slices"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/config"
)

// settings are the flags of a command that reads the configuration: --config and one for each setting.
type settings struct {
	command *cobra.Command
	file    string
}

const settingsHelp = `
Settings come from the file of --config, from CLAVEX_… variables (secrets also from the file that
CLAVEX_…_FILE names) and from flags, in that order of increasing weight. Every setting is a flag:
see clavex serve --help or clavex config show.`

// readsSettings gives a command the flags of the configuration. They are listed in the help of serve
// only; everywhere else they would hide the command's own.
func readsSettings(command *cobra.Command, listed bool, without ...string) *settings {
	s := &settings{command: command}
	flags := command.Flags()
	flags.SortFlags = false
	flags.StringVar(&s.file, "config", "", "file with settings, in YAML")
	for _, field := range config.Fields() {
		if slices.Contains(without, field.Name) {
			continue
		}
		flags.String(field.Flag(), "", field.Help)
		flag := flags.Lookup(field.Flag())
		flag.DefValue, flag.Hidden = field.Default, !listed
		if field.Default == "true" || field.Default == "false" {
			flag.NoOptDefVal = "true"
		}
	}
	if !listed {
		command.Long += "\n" + settingsHelp
	}
	return s
}

// source gathers what was given.
func (s *settings) source(environ []string) config.Source {
	source := config.Source{File: s.file, Environ: environ, Flags: map[string]string{}}
	for _, field := range config.Fields() {
		if flag := s.command.Flags().Lookup(field.Flag()); flag != nil && flag.Changed {
			source.Flags[field.Name] = flag.Value.String()
		}
	}
	return source
}

func (s *settings) read(environ []string) (*config.Config, error) {
	return config.Read(s.source(environ))
}

// level is the setting log_level, validated before.
func level(cfg *config.Config) slog.Level {
	var parsed slog.Level
	if err := parsed.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		return slog.LevelInfo
	}
	return parsed
}
