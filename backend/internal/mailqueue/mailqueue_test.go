package mailqueue_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/jobs"
	"github.com/clavex/clavex/backend/internal/mail"
	"github.com/clavex/clavex/backend/internal/mailqueue"
	"github.com/clavex/clavex/backend/internal/mailserver"
	"github.com/clavex/clavex/backend/internal/mailtest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// server is a mail server that answers as it is told.
type server struct {
	*mail.Mailbox
	answer error
}

func (s *server) Send(ctx context.Context, message mail.Message) error {
	if s.answer != nil {
		return s.answer
	}
	return s.Mailbox.Send(ctx, message)
}

type fixture struct {
	*domaintest.World
	queue  *mailqueue.Queue
	server *server
	own    *mailserver.Servers
	relay  *mailtest.Relay
	acme   *org.Organization
	ada    *user.User
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	w := domaintest.New(t)
	f := &fixture{World: w, server: &server{Mailbox: mail.NewMailbox(w.Clock.Now)}, acme: w.Organization("acme")}
	f.ada = w.User(f.acme, "ada@acme.test")
	config, roots := mailtest.Authority(t)
	f.relay = &mailtest.Relay{TLS: config, Auth: "PLAIN"}
	direct := new(net.Dialer)
	f.own = mailserver.New(w.DB, w.Hub, w.Ring, w.Audit, direct.DialContext, roots, w.Clock.Now, 10)
	f.queue = f.newQueue(f.server)
	return f
}

func (f *fixture) newQueue(sender mail.Sender) *mailqueue.Queue {
	f.T.Helper()
	enqueuer, err := jobs.New(f.DB, jobs.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.T.Fatal(err)
	}
	return mailqueue.New(f.DB, f.Ring, enqueuer, f.Audit, sender, f.own, f.Clock.Now)
}

func (f *fixture) letter() mailqueue.Mail {
	return mailqueue.Mail{OrgID: f.acme.ID, Kind: "verify_address", UserID: f.ada.ID, To: "ada@acme.test", FromName: "Acme", Subject: "Your code", Text: "code-1843", HTML: "<p>code-1843</p>",
		Expires: f.Clock.Now().Add(time.Hour)}
}

// put puts a mail down and returns the arguments of its job.
func (f *fixture) put() (of mailqueue.Reference, arguments json.RawMessage) {
	f.T.Helper()
	f.InTx(func(ctx context.Context, tx *store.Tx) error { return f.queue.Put(ctx, tx, f.letter()) })
	err := f.DB.QueryRow(f.T.Context(), "SELECT args FROM river_job WHERE kind = 'send_mail' ORDER BY id DESC LIMIT 1").Scan(&arguments)
	if err == nil {
		err = json.Unmarshal(arguments, &of)
	}
	if err != nil {
		f.T.Fatal(err)
	}
	return of, arguments
}

func (f *fixture) expect(of mailqueue.Reference, state mailqueue.State, attempts int, problem string) {
	f.T.Helper()
	got, err := f.queue.ByReference(f.T.Context(), of)
	if err != nil || got.State != state || got.Attempts != attempts || got.LastError != problem || got.UserID != f.ada.ID || got.Kind != "verify_address" {
		f.T.Errorf("got %+v (%v), want %s after %d attempts with %q", got, err, state, attempts, problem)
	}
}

func (f *fixture) count(query string, arguments ...any) (rows int) {
	f.T.Helper()
	if err := f.DB.QueryRow(f.T.Context(), query, arguments...).Scan(&rows); err != nil {
		f.T.Fatal(err)
	}
	return rows
}

func TestAMailIsSentOnceAndForgotten(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	of, arguments := f.put()
	for range 3 {
		if err := f.queue.Deliver(t.Context(), arguments); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.server.List(""); len(got) != 1 || got[0].To != "ada@acme.test" || got[0].FromName != "Acme" || got[0].Text != "code-1843" || got[0].ID != of.ID.String() {
		t.Fatalf("got %+v", got)
	}
	f.expect(of, mailqueue.Sent, 1, "")
	if f.count("SELECT count(*) FROM mails WHERE sealed IS NOT NULL OR sealed_by IS NOT NULL") != 0 {
		t.Error("what was written is kept")
	}
	if events := f.Events(f.acme.ID); events[0] != "mail.sent" || slices.Index(events[1:], "mail.sent") >= 0 {
		t.Errorf("audit: %v", events)
	}
	f.Clock.Advance(31 * 24 * time.Hour)
	if removed, err := f.queue.DeleteOld(t.Context(), 10); err != nil || removed != 1 {
		t.Errorf("%d old records went away: %v", removed, err)
	}
}

// Who reads the database, its back-ups or the jobs learns neither to whom a mail goes nor what is written in it.
func TestWhatIsWrittenIsSealed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	of, arguments := f.put()
	var stored string
	if err := f.DB.QueryRow(t.Context(), "SELECT row_to_json(m)::text || encode(sealed, 'escape') FROM mails m").Scan(&stored); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"ada@acme", "1843", "Your code", "Acme"} {
		if strings.Contains(stored+string(arguments), secret) {
			t.Errorf("%q is to be read: %s %s", secret, stored, arguments)
		}
	}
	// What is sealed belongs to its row: in another one it cannot be opened.
	other, otherArguments := f.put()
	if _, err := f.DB.Exec(t.Context(), "UPDATE mails SET sealed = (SELECT sealed FROM mails WHERE id = $1) WHERE id = $2", of.ID, other.ID); err != nil {
		t.Fatal(err)
	}
	if err := f.queue.Deliver(t.Context(), otherArguments); err == nil || len(f.server.List("")) != 0 {
		t.Errorf("a mail that was moved to another row was sent: %v", err)
	}
}

func TestAMailBelongsToItsCause(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	undone := errors.New("undone")
	err := f.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if err := f.queue.Put(ctx, tx, f.letter()); err != nil {
			return err
		}
		return undone
	})
	if !errors.Is(err, undone) || f.count("SELECT count(*) FROM mails") != 0 || f.count("SELECT count(*) FROM river_job WHERE kind = 'send_mail'") != 0 {
		t.Errorf("a mail of a cause that did not happen: %v", err)
	}
}

func TestAMailIsTriedAgainAsLongAsItIsOfUse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	of, arguments := f.put()
	f.server.answer = &mail.Error{Code: mail.CodeRecipientRefused, Reply: 451}
	for attempt := 1; attempt <= 3; attempt++ {
		if err := f.queue.Deliver(t.Context(), arguments); err == nil || !strings.Contains(err.Error(), "call again after") {
			t.Fatalf("got %v", err)
		}
		f.expect(of, mailqueue.Pending, attempt, "recipient_refused 451")
	}
	if f.count("SELECT count(*) FROM mails WHERE next_attempt_at > last_attempt_at AND sealed IS NOT NULL") != 1 {
		t.Error("it does not wait for its next attempt")
	}
	f.server.answer = nil
	if err := f.queue.Deliver(t.Context(), arguments); err != nil {
		t.Fatal(err)
	}
	f.expect(of, mailqueue.Sent, 4, "")

	of, arguments = f.put()
	f.Clock.Advance(time.Hour)
	if err := f.queue.Deliver(t.Context(), arguments); err != nil || len(f.server.List("")) != 1 {
		t.Errorf("a mail that is of no use any more was sent: %v", err)
	}
	f.expect(of, mailqueue.Failed, 1, "expired")
}

func TestARefusalForGoodEndsAMail(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	of, arguments := f.put()
	f.server.answer = &mail.Error{Code: mail.CodeRecipientRefused, Reply: 550, Permanent: true}
	if err := f.queue.Deliver(t.Context(), arguments); err != nil {
		t.Fatal(err)
	}
	f.expect(of, mailqueue.Failed, 1, "recipient_refused 550")
	if events := f.Events(f.acme.ID); events[0] != "mail.failed" {
		t.Errorf("audit: %v", events)
	}
}

func TestAProcessThatStopsBlamesNobody(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	of, arguments := f.put()
	ctx, stop := context.WithCancel(t.Context())
	queue := f.newQueue(stopping{stop})
	if err := queue.Deliver(ctx, arguments); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	f.expect(of, mailqueue.Pending, 0, "")
}

// stopping is a server in front of which this process is told to stop.
type stopping struct{ stop func() }

func (s stopping) Send(context.Context, mail.Message) error {
	s.stop()
	return &mail.Error{Code: mail.CodeTimeout}
}

func TestAMailOfAnotherOrganization(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	of, _ := f.put()
	wrong, err := json.Marshal(mailqueue.Reference{OrgID: f.Organization("rival").ID, ID: of.ID})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.queue.Deliver(t.Context(), wrong); err != nil || len(f.server.List("")) != 0 {
		t.Errorf("%v, %d mails", err, len(f.server.List("")))
	}
	f.expect(of, mailqueue.Pending, 0, "")
	if _, err := f.queue.ByReference(t.Context(), mailqueue.Reference{OrgID: uuid.New(), ID: of.ID}); err == nil {
		t.Error("another organization reads its record")
	}
}

func TestWithoutAServerNothingIsPutDown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	queue := f.newQueue(nil)
	err := f.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error { return queue.Put(ctx, tx, f.letter()) })
	if !errors.Is(err, mailqueue.ErrNotConfigured) || queue.Works(t.Context(), f.acme.ID) || queue.Installed() || f.count("SELECT count(*) FROM mails") != 0 {
		t.Errorf("got %v", err)
	}
	of, arguments := f.put() // by a replica that knows a server
	if err := queue.Deliver(t.Context(), arguments); err == nil {
		t.Error("it does not wait for a server")
	}
	f.expect(of, mailqueue.Pending, 1, "not_configured")
}

// Where there is nobody to write to, as much is done and nothing is left.
func TestAMailToNobody(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.InTx(func(ctx context.Context, tx *store.Tx) error { return f.queue.PutNothing(ctx, tx, f.letter()) })
	var arguments json.RawMessage
	if err := f.DB.QueryRow(t.Context(), "SELECT args FROM river_job WHERE kind = 'send_mail'").Scan(&arguments); err != nil {
		t.Fatal(err)
	}
	if waiting := f.count("SELECT count(*) FROM mails WHERE user_id IS NULL"); waiting != 1 {
		t.Errorf("%d mails", waiting)
	}
	for range 2 {
		if err := f.queue.Deliver(t.Context(), arguments); err != nil {
			t.Fatal(err)
		}
	}
	if left := f.count("SELECT count(*) FROM mails"); left != 0 || len(f.server.List("")) != 0 || slices.Contains(f.Events(f.acme.ID), "mail.sent") {
		t.Errorf("%d rows, %d mails, %v", left, len(f.server.List("")), f.Events(f.acme.ID))
	}
}

func TestMailsMoveToANewKey(t *testing.T) {
	t.Parallel()
	former, current := seal.GenerateKey(rand.Reader), seal.GenerateKey(rand.Reader)
	db := store.FromPool(dbtest.New(t))
	build := func(key seal.Key, previous ...seal.Key) *fixture {
		w := domaintest.NewOn(t, db, key, previous...)
		f := &fixture{World: w, server: &server{Mailbox: mail.NewMailbox(w.Clock.Now)}}
		f.own = mailserver.New(w.DB, w.Hub, w.Ring, w.Audit, new(net.Dialer).DialContext, nil, w.Clock.Now, 10)
		f.queue = f.newQueue(f.server)
		return f
	}
	before := build(former)
	before.acme = before.Organization("acme")
	before.ada = before.User(before.acme, "ada@acme.test")
	_, arguments := before.put()
	if changed, err := build(current, former).queue.Reseal(t.Context()); err != nil || changed != 1 {
		t.Fatalf("%d: %v", changed, err)
	}
	after := build(current)
	if err := after.queue.Deliver(t.Context(), arguments); err != nil || len(after.server.List("ada@acme.test")) != 1 {
		t.Errorf("%v", err)
	}
}

// An organization's own server sends its mail and that of nobody else, with or without one of the installation.
func TestAnOrganizationSendsItsMailItself(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.relay.Start(t)
	rival := f.Organization("rival")
	own := mailserver.Server{OrgID: f.acme.ID, Host: "localhost", Port: f.relay.Port(), Username: "acme", From: "The Acme <post@acme.test>", ReplyTo: "help@acme.test"}
	right := "right"
	var set *mailserver.Server
	f.InTx(func(ctx context.Context, tx *store.Tx) (err error) {
		set, err = f.own.Set(ctx, tx, domaintest.Operator, own, &right)
		return err
	})
	f.own.Forget(f.acme.ID)
	without := f.newQueue(nil)
	if !without.Works(t.Context(), f.acme.ID) || without.Works(t.Context(), rival.ID) || !f.queue.Works(t.Context(), rival.ID) {
		t.Error("wrong about who can be written to")
	}
	of, arguments := f.put()
	if err := f.queue.Deliver(t.Context(), arguments); err != nil {
		t.Fatal(err)
	}
	f.expect(of, mailqueue.Sent, 1, "")
	mails := f.relay.Mails()
	if len(mails) != 1 || len(f.server.List("")) != 0 || !f.relay.Secured() || f.relay.Logins()[0] != "acme right" {
		t.Fatalf("%d mails by its own server, %d by the installation's, logins %v", len(mails), len(f.server.List("")), f.relay.Logins())
	}
	if !strings.Contains(mails[0], `From: "The Acme" <post@acme.test>`) || !strings.Contains(mails[0], "Reply-To: <help@acme.test>") {
		t.Errorf("got %s", mails[0])
	}
	// When its server fails, the mail waits: the installation's would send it under another name.
	f.relay.Close()
	of, arguments = f.put()
	if err := f.queue.Deliver(t.Context(), arguments); err == nil {
		t.Error("the job does not ask to be called again")
	}
	f.expect(of, mailqueue.Pending, 1, "connect")
	f.InTx(func(ctx context.Context, tx *store.Tx) error {
		return f.own.Remove(ctx, tx, domaintest.Operator, f.acme.ID, set.Version)
	})
	f.own.Forget(f.acme.ID)
	if err := f.queue.Deliver(t.Context(), arguments); err != nil || len(f.server.List("")) != 1 {
		t.Errorf("%v; %d mails by the installation's server", err, len(f.server.List("")))
	}
	if without.Works(t.Context(), f.acme.ID) {
		t.Error("mail works without any server")
	}
}
