package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/mailtest"
)

func TestMailServerOfAnOrganization(t *testing.T) {
	t.Parallel()
	config, authority := mailtest.AuthorityFile(t)
	relay := (&mailtest.Relay{TLS: config, Auth: "PLAIN"}).Start(t)
	i := install(t, "CLAVEX_FETCH_CA_FILE="+authority, "CLAVEX_FETCH_ALLOWED_NETWORKS=127.0.0.0/8,::1/128")
	i.succeed(t, "org", "create", "acme")
	if got := i.succeed(t, "mail", "server", "show", "acme"); !strings.Contains(got.stdout, "Nobody") {
		t.Errorf("%s", got.stdout)
	}
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("right\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	i.succeed(t, "mail", "server", "set", "acme", "--host", "localhost", "--port", strconv.Itoa(relay.Port()), "--username", "acme", "--password-file", password, "--from", "post@acme.test")
	if got := i.succeed(t, "mail", "server", "set", "acme", "--reply-to", "help@acme.test", "--json"); !strings.Contains(got.stdout, `"sends_by": "organization"`) || strings.Contains(got.stdout, "right") {
		t.Errorf("%s", got.stdout)
	}
	i.succeed(t, "mail", "server", "test", "acme", "--to", "you@example.test")
	if mails := relay.Mails(); len(mails) != 1 || !strings.Contains(mails[0], "Reply-To: <help@acme.test>") || relay.Logins()[0] != "acme right" {
		t.Errorf("%v %v", mails, relay.Logins())
	}
	i.succeed(t, "org", "update", "acme", "--sign-up", "open") // its people can be written to
	for name, c := range map[string]struct {
		arguments []string
		words     string
	}{
		"another server with the old password": {[]string{"set", "acme", "--host", "smtp.eve.test"}, "Enter the password again"},
		"no TLS":                               {[]string{"set", "acme", "--tls", "none"}, "Choose starttls or implicit"},
		"to no address":                        {[]string{"test", "acme", "--to", "you"}, "is not an address"},
		"an unknown organization":              {[]string{"show", "nobody"}, "no organization with this name"},
	} {
		if got := i.run(t, append([]string{"mail", "server"}, c.arguments...)...); got.code == exitDone || !strings.Contains(got.stderr, c.words) {
			t.Errorf("%s: exit code %d: %s", name, got.code, got.stderr)
		}
	}
	i.succeed(t, "mail", "server", "remove", "acme")
	if got := i.run(t, "mail", "server", "test", "acme", "--to", "you@example.test"); got.code != exitFailed || !strings.Contains(got.stderr, "no mail server of its own") {
		t.Errorf("%s", got.stderr)
	}
	if got := i.run(t, "mail", "server", "remove", "acme"); got.code != exitFailed {
		t.Errorf("exit code %d: %s", got.code, got.stdout)
	}
}
