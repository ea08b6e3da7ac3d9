package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is the version of this build; the linker sets it (-X main.version=…).
var version string //nolint:gochecknoglobals // the linker knows no other way

// build says what this binary is.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built from a work tree with changes
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() build {
	this := build{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok && this.Version == "" {
		this.Version = info.Main.Version
	}
	if this.Version == "" || this.Version == "(devel)" {
		this.Version = "unreleased"
	}
	if ok {
		for _, setting := range info.Settings {
			switch setting.Key {
			case "vcs.revision":
				this.Revision = setting.Value
			case "vcs.modified":
				this.Modified = setting.Value == "true"
			}
		}
	}
	return this
}

func (p *program) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Args: cobra.NoArgs, Short: "Say which release this is",
		Long: "Says which release this is, from which revision it was built, and for which platform.", Example: "  clavex version --json",
		RunE: p.does(func(context.Context, []string) error {
			this := thisBuild()
			return p.print(this, func(w io.Writer) {
				fmt.Fprintf(w, "clavex %s", this.Version)
				if this.Revision != "" {
					fmt.Fprintf(w, " (%.12s)", this.Revision)
				}
				fmt.Fprintf(w, ", %s, %s\n", this.Go, this.Platform)
			})
		}),
	}
}
