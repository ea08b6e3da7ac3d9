//go:build unix

package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/clavex/clavex/backend/internal/config"
	"github.com/clavex/clavex/backend/internal/dev"
	"github.com/clavex/clavex/backend/internal/localpostgres"
	"github.com/clavex/clavex/backend/internal/org"
)

// running is what clavex dev prints when everything answers.
type running struct {
	PublicURL    string            `json:"public_url"`
	Console      string            `json:"console"`
	Issuer       string            `json:"issuer"`
	Mail         string            `json:"mail"` // where caught mail is shown
	Metrics      string            `json:"metrics,omitempty"`
	Logins       []dev.Login       `json:"logins"`
	Applications []dev.Application `json:"applications"`
	Authority    string            `json:"certificate_authority,omitempty"` // of --tls: the file that clients trust
	CreateApp    string            `json:"create_app,omitempty"`            // the command that makes an application
	MutualTLS    string            `json:"mutual_tls,omitempty"`            // where clients show a TLS certificate
	DataDir      string            `json:"data_dir"`
	PostgreSQL   string            `json:"postgresql"`
	Seconds      float64           `json:"seconds"` // from the command to the first answer
}

func (d *development) welcome(cfg *config.Config, cluster *localpostgres.Cluster) {
	now := running{
		PublicURL: cfg.PublicURL, Console: cfg.ConsoleURL + "/console/", Issuer: cfg.PublicURL + "/" + dev.DemoSlug, Mail: cfg.PublicURL + dev.MailPath, Logins: dev.Logins(), Applications: dev.Applications(),
		CreateApp: d.createAppCommand(cfg), DataDir: cluster.Dir(), PostgreSQL: cluster.Version(), Seconds: time.Since(d.began).Round(time.Millisecond * 10).Seconds(),
	}
	if d.tls {
		now.Authority = filepath.Join(cluster.Dir(), authorityFile)
	}
	now.MutualTLS = cfg.MTLSURL
	if cfg.MetricsListen != "off" {
		now.Metrics = "http://" + cfg.MetricsListen + "/metrics"
	}
	if err := d.print(now, now.box); err != nil {
		d.say("clavex: %s", err)
	}
}

// createAppCommand is the command that makes an application, "" when no scaffolder was named.
func (d *development) createAppCommand(cfg *config.Config) string {
	if d.createApp == "" {
		return ""
	}
	// "file:" because npx takes a bare absolute path for a program to start, and is denied.
	command := "npx --yes file:" + shellQuoted(d.createApp) + " myapp --framework nextjs"
	if d.port != 8080 || d.tls {
		command += " --issuer " + cfg.PublicURL + "/" + dev.DemoSlug
	}
	return command
}

// shellQuoted makes the text one word of a POSIX shell.
func shellQuoted(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@%", r)
	}) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// box writes addresses and logins, and below it, where lines can be copied whole, what to do next.
func (r running) box(w io.Writer) {
	lines := []string{"Clavex is running · ready in " + strconv.FormatFloat(r.Seconds, 'f', 1, 64) + " s", ""}
	lines = append(lines, row("Console", r.Console))
	lines = append(lines, r.logins(org.SystemSlug)...)
	lines = append(lines, "", row("Demo organization", r.Issuer+"/"))
	lines = append(lines, r.logins(dev.DemoSlug)...)
	lines = append(lines, row("Its console", r.Console+"login?organization="+dev.DemoSlug))
	lines = append(lines, "", row("Issuer", r.Issuer), row("Discovery", r.Issuer+"/.well-known/openid-configuration"))
	for i, application := range r.Applications {
		label := ""
		if i == 0 {
			label = "Clients"
		}
		secret := application.Secret
		if secret == "" {
			secret = "(public, PKCE)"
		}
		lines = append(lines, row(label, fmt.Sprintf("%-14s %s", application.ClientID, secret)))
	}
	if r.Authority != "" {
		lines = append(lines, row("Authority", r.Authority))
	}
	if r.MutualTLS != "" {
		lines = append(lines, row("Mutual TLS", r.MutualTLS))
	}
	lines = append(lines, row("Mail", r.Mail+" (nothing leaves this machine)"))
	if r.Metrics != "" {
		lines = append(lines, row("Metrics", r.Metrics))
	}
	lines = append(lines, row("Data", r.DataDir+" (PostgreSQL "+r.PostgreSQL+")"))

	width := 0
	for _, line := range lines {
		width = max(width, utf8.RuneCountInString(line))
	}
	edge := strings.Repeat("─", min(width, 96)+2)
	var text strings.Builder
	text.WriteString("\n╭" + edge + "\n")
	for _, line := range lines {
		text.WriteString(strings.TrimRight("│ "+line, " ") + "\n")
	}
	text.WriteString("╰" + edge + "\n\n")
	if r.Authority != "" {
		text.WriteString("The certificate is of a local authority. Trust it with curl --cacert FILE, by importing the file into the browser\n" +
			"(it can name hosts of this machine only), and for Node.js, here and where applications run, with\n\n  export NODE_EXTRA_CA_CERTS=" + shellQuoted(r.Authority) + "\n\n")
	}
	if r.CreateApp != "" {
		text.WriteString("Make an application that signs people in, in another terminal:\n\n  " + r.CreateApp + "\n  cd myapp && npm run dev\n\nand open http://localhost:3000\n\n")
	}
	text.WriteString("Ctrl-C stops everything and keeps the data.\n")
	_, _ = io.WriteString(w, text.String()) // in one piece, whatever others print
}

func row(label, value string) string { return fmt.Sprintf("%-19s%s", label, value) }

func (r running) logins(organization string) []string {
	var lines []string
	for _, login := range r.Logins {
		if login.Organization != organization {
			continue
		}
		line := fmt.Sprintf("%-19s %s", login.Username, login.Password)
		for _, role := range login.Roles {
			line += "  (" + strings.ReplaceAll(string(role), "-", " ") + ")"
		}
		lines = append(lines, row("", line))
	}
	return lines
}
