package mailserver_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/mail"
	"github.com/clavex/clavex/backend/internal/mailserver"
	"github.com/clavex/clavex/backend/internal/mailtest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/store"
)

type fixture struct {
	*domaintest.World
	servers *mailserver.Servers
	relay   *mailtest.Relay
	acme    *org.Organization
}

func newFixture(t *testing.T, networks ...netip.Prefix) *fixture {
	t.Helper()
	w := domaintest.New(t)
	config, roots := mailtest.Authority(t)
	f := &fixture{World: w, relay: (&mailtest.Relay{TLS: config, Auth: "PLAIN"}).Start(t), acme: w.Organization("acme")}
	f.servers = mailserver.New(w.DB, w.Hub, w.Ring, w.Audit, fetch.New(fetch.Options{AllowedNetworks: networks}).Dial, roots, w.Clock.Now, 10)
	return f
}

func (f *fixture) set(wanted mailserver.Server, password ...string) (set *mailserver.Server, err error) {
	f.T.Helper()
	var given *string
	if len(password) > 0 {
		given = &password[0]
	}
	err = f.DB.InTx(f.T.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		set, err = f.servers.Set(ctx, tx, domaintest.Operator, wanted, given)
		return err
	})
	f.servers.Forget(wanted.OrgID)
	return set, err
}

func (f *fixture) good() mailserver.Server {
	return mailserver.Server{OrgID: f.acme.ID, Host: "localhost", Port: f.relay.Port(), TLS: mail.StartTLS, Username: "acme", From: "post@acme.test"}
}

func (f *fixture) send(organization *org.Organization) error {
	f.T.Helper()
	sender, err := f.servers.Sender(f.T.Context(), organization.ID)
	if err != nil || sender == nil {
		f.T.Fatalf("%v %v", sender, err)
	}
	return sender.Send(f.T.Context(), mail.Message{ID: "1843", To: "ada@acme.test", FromName: "Acme", Subject: "Hello", Text: "Hello", HTML: "<p>Hello"})
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func TestAServerIsKeptAndItsPasswordSealed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, loopback...)
	if none, err := f.servers.Of(t.Context(), f.DB, f.acme.ID); err != nil || none.Version != 0 {
		t.Fatalf("%+v %v", none, err)
	}
	if has, err := f.servers.Has(t.Context(), f.acme.ID); has || err != nil {
		t.Fatalf("%v %v", has, err)
	}
	set, err := f.set(f.good(), "very right")
	if err != nil || set.Version != 1 || set.TLS != mail.StartTLS {
		t.Fatalf("%+v %v", set, err)
	}
	if has, err := f.servers.Has(t.Context(), f.acme.ID); !has || err != nil {
		t.Errorf("%v %v", has, err)
	}
	if err := f.send(f.acme); err != nil || f.relay.Logins()[0] != "acme very right" {
		t.Fatalf("%v %v", err, f.relay.Logins())
	}
	if !strings.Contains(f.relay.Mails()[0], `From: "Acme" <post@acme.test>`) {
		t.Errorf("%s", f.relay.Mails()[0])
	}
	var stored string
	err = f.DB.QueryRow(t.Context(), `SELECT (SELECT row_to_json(m)::text || encode(sealed, 'escape') FROM mail_servers m) || (SELECT string_agg(row_to_json(e)::text, '') FROM audit_events e)`).Scan(&stored)
	if err != nil || strings.Contains(stored, "very right") {
		t.Errorf("the password is to be read: %v", err)
	}
	if events := f.Events(f.acme.ID); events[0] != "mail_server.set" {
		t.Errorf("audit: %v", events)
	}
	// Sealed for this organization: in the row of another one it cannot be opened.
	rival := f.Organization("rival")
	if _, err := f.DB.Exec(t.Context(), `INSERT INTO mail_servers SELECT $1, host, port, tls, username, sealed, sealed_by, from_address, reply_to, version, created_at, updated_at
		FROM mail_servers`, rival.ID); err != nil {
		t.Fatal(err)
	}
	if sender, err := f.servers.Sender(t.Context(), rival.ID); err == nil {
		t.Errorf("another organization's password was opened: %v", sender)
	}
}

// A password that was given for one server is never sent to another one.
func TestAPasswordStaysWithItsServer(t *testing.T) {
	t.Parallel()
	f := newFixture(t, loopback...)
	set, err := f.set(f.good(), "right")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*mailserver.Server){
		"another host":      func(s *mailserver.Server) { s.Host = "smtp.eve.test" },
		"another port":      func(s *mailserver.Server) { s.Port++ },
		"another user name": func(s *mailserver.Server) { s.Username = "eve" },
	} {
		changed := *set
		change(&changed)
		if _, err := f.set(changed); !isFault(err, "mail_server_malformed") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	changed := *set
	changed.From = "Acme Post <post@acme.test>"
	if set, err = f.set(changed); err != nil || set.Version != 2 {
		t.Fatalf("%+v %v", set, err)
	}
	if err := f.send(f.acme); err != nil || f.relay.Logins()[0] != "acme right" {
		t.Errorf("%v %v", err, f.relay.Logins())
	}
	// Two at the same time: the second one loses.
	stale := *set
	stale.Version = 1
	for _, version := range []int64{0, 1, 3} {
		stale.Version = version
		if _, err := f.set(stale, "right"); !errors.Is(err, mailserver.ErrVersionMismatch) {
			t.Errorf("version %d: got %v", version, err)
		}
	}
	// Without a user name the password goes.
	open := *set
	open.Username = ""
	if _, err := f.set(open); err != nil {
		t.Fatal(err)
	}
	var sealed int
	if err := f.DB.QueryRow(t.Context(), "SELECT count(sealed) FROM mail_servers").Scan(&sealed); err != nil || sealed != 0 {
		t.Errorf("%d %v", sealed, err)
	}
}

func TestWrongServersAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, c := range map[string]struct {
		change func(*mailserver.Server)
		field  string
	}{
		"no host":                {func(s *mailserver.Server) { s.Host = "" }, "host"},
		"a port in the host":     {func(s *mailserver.Server) { s.Host = "smtp.acme.test:25" }, "host"},
		"a URL":                  {func(s *mailserver.Server) { s.Host = "smtp://acme.test" }, "host"},
		"a line break":           {func(s *mailserver.Server) { s.Host = "a\r\nb" }, "host"},
		"a long host":            {func(s *mailserver.Server) { s.Host = strings.Repeat("a.", 127) + "a" }, "host"},
		"port 0":                 {func(s *mailserver.Server) { s.Port = 0 }, "port"},
		"port 65536":             {func(s *mailserver.Server) { s.Port = 65536 }, "port"},
		"no TLS":                 {func(s *mailserver.Server) { s.TLS = mail.NoTLS }, "tls"},
		"a long user name":       {func(s *mailserver.Server) { s.Username = strings.Repeat("a", 321) }, "username"},
		"a user name's line":     {func(s *mailserver.Server) { s.Username = "a\r\nb" }, "username"},
		"nobody":                 {func(s *mailserver.Server) { s.From = "" }, "from"},
		"no address":             {func(s *mailserver.Server) { s.From = "Acme" }, "from"},
		"a header in the sender": {func(s *mailserver.Server) { s.From = "a@b.test\r\nBcc: eve@b.test" }, "from"},
		"answers to nowhere":     {func(s *mailserver.Server) { s.ReplyTo = "Acme" }, "reply_to"},
		"a password for nobody":  {func(s *mailserver.Server) { s.Username = "" }, "username"},
	} {
		wanted := f.good()
		c.change(&wanted)
		_, err := f.set(wanted, "right")
		var refused *fault.Error
		if !errors.As(err, &refused) || refused.Code != "mail_server_malformed" || refused.Field != c.field {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, password := range map[string][]string{"none": nil, "an empty one": {""}, "a long one": {strings.Repeat("a", 1001)}} {
		if _, err := f.set(f.good(), password...); !isFault(err, "mail_server_malformed") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if has, err := f.servers.Has(t.Context(), f.acme.ID); has || err != nil {
		t.Error("something was kept")
	}
	implicit := f.good()
	implicit.Port, implicit.TLS = 465, ""
	if set, err := f.set(implicit, "right"); err != nil || set.TLS != mail.ImplicitTLS {
		t.Errorf("%+v %v", set, err)
	}
}

// An administrator of an organization cannot reach through mail what only this machine reaches.
func TestServersInside(t *testing.T) {
	t.Parallel()
	f := newFixture(t) // no network is allowed
	for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
		wanted := f.good()
		wanted.Host = host
		if current, err := f.servers.Of(t.Context(), f.DB, f.acme.ID); err == nil {
			wanted.Version = current.Version
		}
		if _, err := f.set(wanted, "right"); err != nil {
			t.Fatal(err)
		}
		var failed *mail.Error
		if err := f.send(f.acme); !errors.As(err, &failed) || failed.Code != mail.CodeConnect {
			t.Errorf("%s: got %v", host, err)
		}
	}
	if len(f.relay.Logins())+len(f.relay.Mails()) != 0 {
		t.Error("the server inside was reached")
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	f := newFixture(t, loopback...)
	set, err := f.set(f.good(), "right")
	if err != nil {
		t.Fatal(err)
	}
	remove := func(version int64) error {
		defer f.servers.Forget(f.acme.ID)
		return f.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return f.servers.Remove(ctx, tx, domaintest.Operator, f.acme.ID, version)
		})
	}
	if err := remove(set.Version + 1); !errors.Is(err, mailserver.ErrVersionMismatch) {
		t.Errorf("got %v", err)
	}
	if err := remove(set.Version); err != nil {
		t.Fatal(err)
	}
	if err := remove(set.Version); !errors.Is(err, mailserver.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if sender, err := f.servers.Sender(t.Context(), f.acme.ID); sender != nil || err != nil {
		t.Errorf("%v %v", sender, err)
	}
	if events := f.Events(f.acme.ID); events[0] != "mail_server.removed" {
		t.Errorf("audit: %v", events)
	}
}

func TestReseal(t *testing.T) {
	t.Parallel()
	old := seal.GenerateKey(rand.Reader)
	db := store.FromPool(dbtest.New(t))
	before := domaintest.NewOn(t, db, old)
	f := &fixture{World: before, relay: &mailtest.Relay{}, acme: before.Organization("acme")}
	config, roots := mailtest.Authority(t)
	f.relay = (&mailtest.Relay{TLS: config, Auth: "PLAIN"}).Start(t)
	dial := fetch.New(fetch.Options{AllowedNetworks: loopback}).Dial
	f.servers = mailserver.New(db, before.Hub, before.Ring, before.Audit, dial, roots, before.Clock.Now, 10)
	if _, err := f.set(f.good(), "right"); err != nil {
		t.Fatal(err)
	}
	current := seal.GenerateKey(rand.Reader)
	during := domaintest.NewOn(t, db, current, old)
	for _, want := range []int{1, 0} {
		changed, err := mailserver.New(db, during.Hub, during.Ring, during.Audit, dial, roots, during.Clock.Now, 10).Reseal(t.Context())
		if err != nil || changed != want {
			t.Fatalf("%d were sealed anew, want %d: %v", changed, want, err)
		}
	}
	after := domaintest.NewOn(t, db, current)
	f.servers = mailserver.New(db, after.Hub, after.Ring, after.Audit, dial, roots, after.Clock.Now, 10)
	if err := f.send(f.acme); err != nil || f.relay.Logins()[0] != "acme right" {
		t.Errorf("%v %v", err, f.relay.Logins())
	}
}

func isFault(err error, code string) bool {
	var refused *fault.Error
	return errors.As(err, &refused) && refused.Code == code
}
