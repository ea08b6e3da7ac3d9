//go:build !unix

package main

import "github.com/spf13/cobra"

// developmentCommands is empty: clavex dev runs a PostgreSQL of its own, which it can do on Linux and
// macOS only.
func (p *program) developmentCommands() []*cobra.Command { return nil }
