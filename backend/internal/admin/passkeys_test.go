package admin_test

import (
	"context"
	"crypto/rand"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// passkey gives a person a passkey of no device.
func (s *site) passkey(person *user.User, name string) (made credential.Passkey) {
	s.t.Helper()
	id := make([]byte, 32)
	_, err := rand.Read(id)
	check(s.t, err)
	s.InTx(s.t, func(ctx context.Context, tx *store.Tx) error {
		if _, err := s.passkeys.Handle(ctx, tx, person.OrgID, person.ID); err != nil {
			return err
		}
		made, err = s.passkeys.Register(ctx, tx, oidctest.Actor(), credential.Passkey{OrgID: person.OrgID, UserID: person.ID, CredentialID: id, PublicKey: []byte("key"), RPID: "id.example.test",
			AAGUID: uuid.New(), BackupEligible: true, BackupState: true, UserVerified: true, Transports: []string{"internal"}, Attestation: credential.Attestation{Format: "none"}, Name: name})
		return err
	})
	return made
}

func TestPasskeysOfAUser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace, root := s.administrator(s.acme), s.platform()
	ada, bob := s.Person(t, s.acme, "ada"), s.Person(t, s.acme, "bob")
	laptop, phone, others := s.passkey(ada, "Laptop"), s.passkey(ada, "Phone"), s.passkey(bob, "Key")
	s.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		_, _, err := s.Sessions.Begin(ctx, tx, session.Authenticated{Organization: s.acme, User: ada, BrowserHash: []byte("b"), Methods: []string{"swk", "user", "mfa"}, At: s.Clock.Now(),
			PasskeyID: laptop.ID, AAGUID: laptop.AAGUID})
		return err
	})
	kept := s.SignIn(t, s.acme, ada)
	address := "/orgs/acme/users/" + ada.ID.String() + "/passkeys"
	listed := grace.get(address).must(200)
	if got := listed.column("id"); !slices.Equal(got, []string{laptop.ID.String(), phone.ID.String()}) || listed.text("items.0.name") != "Laptop" ||
		listed.text("items.0.aaguid") != laptop.AAGUID.String() || listed.at("items.0.last_used_at") != nil || listed.at("items.0.public_key") != nil || listed.at("items.0.credential_id") != nil {
		t.Errorf("%s", listed.body)
	}
	grace.do("DELETE", address+"/"+others.ID.String(), nil).refuses(404, "passkey_not_found")
	root.do("DELETE", "/orgs/rival/users/"+ada.ID.String()+"/passkeys/"+laptop.ID.String(), nil).refuses(404, "user_not_found")
	root.get("/orgs/rival/users/"+ada.ID.String()+"/passkeys").refuses(404, "user_not_found")
	if got := s.told(ada); len(got) > 0 {
		t.Errorf("told of nothing: %v", got)
	}
	grace.do("DELETE", address+"/"+laptop.ID.String(), nil).must(204)
	grace.do("DELETE", address+"/"+laptop.ID.String(), nil).refuses(404, "passkey_not_found")
	if got := grace.get(address).must(200).column("id"); !slices.Equal(got, []string{phone.ID.String()}) {
		t.Errorf("%v", got)
	}
	if got := grace.get("/orgs/acme/users/" + ada.ID.String() + "/sessions").must(200).column("id"); !slices.Equal(got, []string{kept.ID.String()}) {
		t.Errorf("sessions of the removed passkey: %v", got)
	}
	if got := s.told(ada); !slices.Equal(got, []string{"passkey_removed"}) {
		t.Errorf("told %v", got)
	}
	if got := grace.get("/orgs/acme/audit-events?action=credential.passkey_removed&actor=" + grace.user.ID.String()).must(200).column("id"); len(got) != 1 {
		t.Errorf("%d events", len(got))
	}
}

func TestPasskeyPolicy(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	read := grace.get("/orgs/acme").must(200)
	if read.text("policies.passkeys") != "on" {
		t.Errorf("%s", read.body)
	}
	changed := grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"passkeys": "off"}}, "If-Match", read.etag()).must(200)
	if changed.text("policies.passkeys") != "off" {
		t.Errorf("%s", changed.body)
	}
	if got := grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"passkeys": "maybe"}}, "If-Match", changed.etag()); got.status < 400 || got.status >= 500 {
		t.Errorf("%d %s", got.status, got.body)
	}
}
