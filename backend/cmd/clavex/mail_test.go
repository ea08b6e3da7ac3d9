package main

import (
	"bufio"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// relay is a mail server without TLS, as on the machine itself. It takes mail to everybody but nobody@example.test.
type relay struct {
	port  string
	mu    sync.Mutex
	mails []string
}

func startRelay(t *testing.T) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{port: strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() { defer connection.Close(); r.serve(connection) })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); open.Wait() })
	return r
}

func (r *relay) serve(connection net.Conn) {
	lines := bufio.NewScanner(connection)
	say := func(text string) { _, _ = connection.Write([]byte(text + "\r\n")) }
	say("220 relay.test")
	for lines.Scan() {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "RCPT") && strings.Contains(line, "nobody@"):
			say("550 5.1.1 there is nobody of this name")
		case line == "DATA":
			say("354 go ahead")
			var content strings.Builder
			for lines.Scan() && lines.Text() != "." {
				content.WriteString(lines.Text() + "\n")
			}
			r.mu.Lock()
			r.mails = append(r.mails, content.String())
			r.mu.Unlock()
			say("250 taken")
		case line == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (r *relay) settings() []string {
	return []string{"CLAVEX_MAIL_HOST=127.0.0.1", "CLAVEX_MAIL_PORT=" + r.port, "CLAVEX_MAIL_TLS=none", "CLAVEX_MAIL_FROM=Clavex <no-reply@id.example.test>"}
}

func TestMailTest(t *testing.T) {
	t.Parallel()
	r := startRelay(t)
	bare := installation{[]string{"CLAVEX_DATABASE_URL=postgres://nowhere.invalid/clavex", "CLAVEX_PUBLIC_URL=" + publicURL, "CLAVEX_KEY_ENCRYPTION_KEY=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}}
	i := installation{append(bare.environ, r.settings()...)}
	if got := i.succeed(t, "mail", "test", "--to", "you@example.test"); !strings.Contains(got.stdout, "took the mail to you@example.test") {
		t.Errorf("%s", got.stdout)
	}
	if len(r.mails) != 1 || !strings.Contains(r.mails[0], "To: <you@example.test>") || !strings.Contains(r.mails[0], publicURL) {
		t.Errorf("%v", r.mails)
	}
	for name, c := range map[string]struct {
		i         installation
		arguments []string
		code      int
		words     string
	}{
		"refused":                 {i, []string{"--to", "nobody@example.test"}, exitFailed, "there is nobody of this name"},
		"no address":              {i, []string{"--to", "you"}, exitUsage, "is not an address"},
		"to nobody":               {i, nil, exitUsage, "to"},
		"no server":               {bare, []string{"--to", "you@example.test"}, exitFailed, "mail_host is not set"},
		"a server without TLS":    {i.with("CLAVEX_MAIL_TLS=starttls"), []string{"--to", "you@example.test"}, exitFailed, "cannot be protected"},
		"a password in the clear": {i, []string{"--to", "you@example.test", "--mail-username", "u", "--mail-password", "p"}, exitFailed, "in the clear"},
	} {
		got := c.i.run(t, append([]string{"mail", "test"}, c.arguments...)...)
		if got.code != c.code || !strings.Contains(got.stderr, c.words) {
			t.Errorf("%s: exit code %d: %s", name, got.code, got.stderr)
		}
	}
}

func TestDoctorLooksAtTheMailServer(t *testing.T) {
	t.Parallel()
	r := startRelay(t)
	i := install(t, r.settings()...)
	verdictOf := func(found examined) (verdict, string) {
		t.Helper()
		verdicts, text := found.of("mail")
		if len(verdicts) != 1 {
			t.Fatalf("%d findings about mail", len(verdicts))
		}
		return verdicts[0], text
	}
	if got, text := verdictOf(i.doctor(t, exitDone)); got != fine || !strings.Contains(text, "takes our mail") || len(r.mails) != 0 {
		t.Errorf("%s: %s", got, text)
	}
	if got, text := verdictOf(i.with("CLAVEX_MAIL_TLS=starttls").doctor(t, exitFailed)); got != problem || !strings.Contains(text, "cannot be protected") {
		t.Errorf("%s: %s", got, text)
	}
	if got, text := verdictOf(i.with("CLAVEX_MAIL_PORT=1").doctor(t, exitFailed)); got != problem || !strings.Contains(text, "cannot be reached") {
		t.Errorf("%s: %s", got, text)
	}
	if got, text := verdictOf(install(t).doctor(t, exitDone)); got != fine || !strings.Contains(text, "not used") {
		t.Errorf("%s: %s", got, text)
	}
}

func TestSignUpIsOpenedWhereMailIsSent(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.succeed(t, "org", "create", "acme")
	if got := i.run(t, "org", "update", "acme", "--sign-up", "open"); got.code != exitFailed || !strings.Contains(got.stderr, "mail_not_configured") {
		t.Errorf("exit code %d: %s", got.code, got.stderr)
	}
	writing := installation{append(i.environ, startRelay(t).settings()...)}
	var changed struct {
		Policies struct {
			SignUp  string   `json:"sign_up"`
			Domains []string `json:"sign_up_email_domains"`
		} `json:"policies"`
	}
	update := func(arguments ...string) {
		t.Helper()
		changed.Policies.SignUp, changed.Policies.Domains = "", nil
		writing.succeed(t, append([]string{"org", "update", "acme", "--json"}, arguments...)...).decode(t, &changed)
	}
	if update("--sign-up", "open", "--sign-up-email-domain", "acme.example", "--sign-up-email-domain", "*.acme.example"); changed.Policies.SignUp != "open" || len(changed.Policies.Domains) != 2 {
		t.Errorf("%+v", changed)
	}
	if update("--sign-up-email-domain", ""); changed.Policies.SignUp != "open" || len(changed.Policies.Domains) != 0 {
		t.Errorf("%+v", changed)
	}
	if update("--sign-up", "closed"); changed.Policies.SignUp != "closed" {
		t.Errorf("%+v", changed)
	}
	if got := writing.succeed(t, "org", "update", "acme", "--password-recovery", "closed", "--json"); !strings.Contains(got.stdout, `"password_recovery": "closed"`) {
		t.Errorf("%s", got.stdout)
	}
	if got := writing.run(t, "org", "update", "acme", "--password-recovery", "telephone"); got.code != exitFailed || !strings.Contains(got.stderr, "password_recovery") {
		t.Errorf("exit code %d: %s", got.code, got.stderr)
	}
	if got := writing.run(t, "org", "update", "acme", "--sign-up", "maybe"); got.code != exitFailed || !strings.Contains(got.stderr, "sign_up") {
		t.Errorf("exit code %d: %s", got.code, got.stderr)
	}
}
