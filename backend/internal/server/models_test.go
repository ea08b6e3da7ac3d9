package server

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/fidotest"
	"github.com/clavex/clavex/backend/internal/org"
)

// newModelSite is a site with passkeys whose metadata a service of the test's own makes.
func newModelSite(t *testing.T) (*site, *fidotest.Service) {
	t.Helper()
	service, file := fidotest.NewService(), filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(file, service.Root.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return newPasskeySite(t, "fido_metadata_root_file", file), service
}

func (s *site) loadModels(blob string) {
	s.t.Helper()
	if _, err := s.app.Models.Load(s.t.Context(), blob, ""); err != nil {
		s.t.Fatal(err)
	}
}

// endingJobs takes the jobs that wait and end what is refused.
func (s *site) endingJobs() (waiting []json.RawMessage) {
	s.t.Helper()
	rows, err := s.app.Store.Query(s.t.Context(), "DELETE FROM river_job WHERE kind = $1 RETURNING args", fido.EndRefused)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var arguments json.RawMessage
		if err := rows.Scan(&arguments); err != nil {
			s.t.Fatal(err)
		}
		waiting = append(waiting, arguments)
	}
	return waiting
}

// endRefused does the jobs that wait, and those that they leave, and returns how many there were.
func (s *site) endRefused() (done int) {
	s.t.Helper()
	for waiting := s.endingJobs(); len(waiting) > 0; waiting = s.endingJobs() {
		for _, arguments := range waiting {
			if err := s.app.endRefused(s.t.Context(), arguments); err != nil {
				s.t.Fatal(err)
			}
			if done++; done > 50 {
				s.t.Fatal("it does not end")
			}
		}
	}
	return done
}

func (s *site) eventsOf(organization *org.Organization, action string) (found []audit.Record) {
	s.t.Helper()
	events, err := s.app.Audit.List(s.t.Context(), s.app.Store, organization.ID, audit.Filter{Limit: 200})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, event := range events {
		if event.Action == action {
			found = append(found, event)
		}
	}
	return found
}

// A model that the metadata flags: the job ends what it began, records it, and writes to whose passkeys it suspended; at
// organizations that refuse it, and nobody else.
func TestAFlaggedModelIsCleanedUp(t *testing.T) {
	t.Parallel()
	s, service := newModelSite(t)
	calm, leaving := s.organization("calm"), s.organization("leaving")
	s.changePolicies(calm, func(p *org.Policies) { p.Attestation.RefusedStatuses = &[]string{} })
	bob, eve, joe := s.person(s.acme, "bob@acme.test"), s.person(calm, "eve@calm.test"), s.person(leaving, "joe@leaving.test")
	hers, his := s.passkey(s.ada, virtualwebauthn.AuthenticatorOptions{}), s.passkey(bob, virtualwebauthn.AuthenticatorOptions{})
	elsewhere, gone := s.passkey(eve, virtualwebauthn.AuthenticatorOptions{}), s.passkey(joe, virtualwebauthn.AuthenticatorOptions{})
	model := &fidotest.Model{AAGUID: uuid.UUID(hers.made.Aaguid), Name: "Weak key", Root: fidotest.NewRoot("Maker")}
	for _, d := range []*authenticator{elsewhere, gone} { // on the same model
		if _, err := s.app.Store.Exec(t.Context(), "UPDATE passkeys SET aaguid = $1 WHERE id = $2", model.AAGUID, d.stored.ID); err != nil {
			t.Fatal(err)
		}
	}
	if his.made.Aaguid == hers.made.Aaguid { // on another one
		if _, err := s.app.Store.Exec(t.Context(), "UPDATE passkeys SET aaguid = $1 WHERE id = $2", uuid.New(), his.stored.ID); err != nil {
			t.Fatal(err)
		}
	}
	b := s.browser()
	a := b.usePasskey(b.get(s.authorizeURL("scope", "openid offline_access", "prompt", "consent")), hers)
	if a.element("consent-form") != nil {
		a = b.submit(a, "consent-form", "decision", "allow")
	}
	if status, tokens := s.tokens(a); status != 200 {
		t.Fatalf("%d %v", status, tokens)
	}
	other := s.browser()
	other.usePasskeyAtFirst("/acme/login", his)
	if _, err := s.app.Store.Exec(t.Context(), "UPDATE organizations SET status = 'deleting' WHERE id = $1", leaving.ID); err != nil {
		t.Fatal(err)
	}
	s.loadModels(service.BLOB(1, fidotest.Entry{Model: model}))
	if s.endRefused(); len(s.eventsOf(s.acme, "credential.passkey_model_suspended")) != 0 {
		t.Fatal("nothing is refused yet")
	}
	s.loadModels(service.BLOB(2, fidotest.Entry{Model: model, Statuses: []fidotest.Status{{Status: "REVOKED"}}}))
	if done := s.endRefused(); done != 1 {
		t.Errorf("%d jobs", done)
	}
	suspended := s.eventsOf(s.acme, "credential.passkey_model_suspended")
	if len(suspended) != 1 || suspended[0].Actor.Kind != audit.System || len(s.eventsOf(s.acme, "session.ended")) != 1 || len(s.eventsOf(s.acme, "grant.revoked")) != 1 {
		t.Errorf("%+v, %d sessions, %d grants", suspended, len(s.eventsOf(s.acme, "session.ended")), len(s.eventsOf(s.acme, "grant.revoked")))
	}
	for name, c := range map[string]struct {
		at   []credential.Passkey
		want credential.Suspension
	}{
		"on the model": {s.passkeysOf(s.ada), credential.SuspendedModel}, "on another": {s.passkeysOf(bob), ""}, "where it is accepted": {s.passkeysOf(eve), ""},
		"of an organization that is being deleted": {s.passkeysOf(joe), ""},
	} {
		if len(c.at) != 1 || c.at[0].Suspension != c.want {
			t.Errorf("%s: %+v", name, c.at)
		}
	}
	written := s.mail(s.ada.Email)
	if !strings.Contains(written.Subject, "was blocked") || !strings.Contains(written.Text, "Laptop") || !strings.Contains(written.Text, "known weakness") {
		t.Errorf("%+v", written)
	}
	for _, address := range []string{bob.Email, eve.Email, joe.Email} {
		for _, mail := range s.mailbox.List(address) {
			if strings.Contains(mail.Subject, "was blocked") {
				t.Errorf("%s was told: %s", address, mail.Subject)
			}
		}
	}
	if a := b.get("/acme/account"); a.element("login-form") == nil {
		t.Errorf("the session goes on: %d at %s", a.status, a.url)
	}
	if a := other.get("/acme/"); a.element("login-form") != nil {
		t.Errorf("another's session ended: %d at %s", a.status, a.url)
	}
	before := len(s.mailbox.List(s.ada.Email))
	if err := s.app.endEverythingRefused(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.endRefused(); len(s.eventsOf(s.acme, "credential.passkey_model_suspended")) != 1 || len(s.mailbox.List(s.ada.Email)) != before {
		t.Error("a second time it is told again")
	}
}

// A job whose time is over leaves the rest to another one, and none of it is done twice or forgotten.
func TestEndingGoesOnInAnotherJob(t *testing.T) {
	t.Parallel()
	s, service := newModelSite(t)
	model := &fidotest.Model{Name: "Weak key", Root: fidotest.NewRoot("Maker")}
	organizations := []*org.Organization{s.acme, s.organization("second"), s.organization("third")}
	for _, organization := range organizations {
		person := s.ada
		if organization != s.acme {
			person = s.person(organization, "ada@"+organization.Slug+".test")
		}
		d := s.passkey(person, virtualwebauthn.AuthenticatorOptions{})
		if model.AAGUID == uuid.Nil {
			model.AAGUID = uuid.UUID(d.made.Aaguid)
		}
		if _, err := s.app.Store.Exec(t.Context(), "UPDATE passkeys SET aaguid = $1 WHERE id = $2", model.AAGUID, d.stored.ID); err != nil {
			t.Fatal(err)
		}
	}
	s.loadModels(service.BLOB(1, fidotest.Entry{Model: model, Statuses: []fidotest.Status{{Status: "REVOKED"}}}))
	real, looked := s.app.Now, time.Duration(0)
	s.app.Now = func() time.Time { // each look at the clock takes most of what a job has
		looked++
		return real().Add(looked * deletionBudget * 3 / 4)
	}
	if done := s.endRefused(); done <= len(organizations) {
		t.Errorf("it was done in %d jobs", done)
	}
	for _, organization := range organizations {
		if got := len(s.eventsOf(organization, "credential.passkey_model_suspended")); got != 1 {
			t.Errorf("%s: %d events", organization.Slug, got)
		}
	}
	if err := s.app.endRefused(t.Context(), json.RawMessage(`"x"`)); err == nil {
		t.Error("arguments that cannot be read are no work")
	}
}
