package admin_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/customdomain"
	"github.com/clavex/clavex/backend/internal/fidotest"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/store"
)

// An administrator searches models, previews a policy and saves it; nobody else's passkeys are told.
func TestAttestationPolicy(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.administrator(s.acme)
	ada, stranger := s.Person(t, s.acme, "ada"), s.Person(t, s.rival, "ada")
	key := s.passkey(ada, "Key")
	s.passkey(stranger, "Key")
	policy := func(body fields) answer {
		return grace.do("PATCH", "/orgs/acme", fields{"policies": fields{"attestation": body}}, "If-Match", grace.get("/orgs/acme").etag())
	}
	preview := func(organization string, body fields) answer {
		return grace.do("POST", "/orgs/"+organization+"/attestation-preview", body)
	}
	initial := grace.get("/orgs/acme").must(200)
	if initial.text("policies.attestation.conveyance") != "none" || initial.text("policies.attestation.minimum_certification") != "none" ||
		initial.text("policies.attestation.refused_statuses.0") != "REVOKED" || initial.text("policies.attestation.existing_passkeys") != "accept" {
		t.Errorf("%s", initial.body)
	}
	demanding := fields{"conveyance": "direct", "minimum_certification": "FIDO_CERTIFIED_L1", "existing_passkeys": "refuse"}
	for _, refused := range []answer{policy(demanding), preview("acme", demanding)} {
		refused.refuses(409, "attestation_metadata_missing")
	}
	if status := grace.get("/orgs/acme/authenticator-metadata").must(200); status.at("loaded") != false || status.at("configured") != false {
		t.Errorf("%s", status.body)
	}
	known := &fidotest.Model{AAGUID: key.AAGUID, Name: "Acme Key 5", Root: fidotest.NewRoot("Maker")}
	if _, err := s.Models.Load(t.Context(), s.Metadata.BLOB(3, fidotest.Entry{Model: known, Statuses: []fidotest.Status{{Status: "FIDO_CERTIFIED_L1"}}}), ""); err != nil {
		t.Fatal(err)
	}
	if status := grace.get("/orgs/acme/authenticator-metadata").must(200); status.at("loaded") != true || status.at("number") != 3.0 || status.at("models") != 1.0 {
		t.Errorf("%s", status.body)
	}
	if found := grace.get("/orgs/acme/authenticator-models?q=key%205").must(200); found.text("items.0.name") != "Acme Key 5" || found.text("items.0.certification") != "FIDO_CERTIFIED_L1" {
		t.Errorf("%s", found.body)
	}
	for query, want := range map[string]int{key.AAGUID.String(): 1, uuid.NewString(): 0, uuid.NewString() + "," + key.AAGUID.String(): 1, key.AAGUID.String() + "&q=nothing": 0} {
		if found := grace.get("/orgs/acme/authenticator-models?aaguid=" + query).must(200); len(found.column("name")) != want {
			t.Errorf("%s: %s", query, found.body)
		}
	}
	for _, malformed := range []string{"yubikey", "", key.AAGUID.String() + ",", strings.Repeat(key.AAGUID.String()+",", 100) + key.AAGUID.String()} {
		grace.get("/orgs/acme/authenticator-models?aaguid=" + malformed).must(400)
	}
	if found := grace.get("/orgs/acme/authenticator-models?q=nothing").must(200); len(found.column("name")) != 0 {
		t.Errorf("%s", found.body)
	}
	shown := preview("acme", demanding).must(200)
	if shown.at("passkeys") != 1.0 || shown.at("people") != 1.0 || shown.at("people_without_another") != 1.0 || shown.text("models.0.problem") != "passkey_model_unproved" ||
		shown.text("models.0.name") != "Acme Key 5" || shown.text("sample.0.id") != ada.ID.String() || shown.at("sample.1") != nil {
		t.Errorf("%s", shown.body)
	}
	if denied := preview("acme", fields{"denied_models": []string{key.AAGUID.String()}}).must(200); denied.text("models.0.problem") != "passkey_model_refused" {
		t.Errorf("%s", denied.body)
	}
	bob, present := s.Person(t, s.acme, "bob"), "acme.localhost" // browsers allow passkeys there without TLS
	s.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		made, err := s.domains.Claim(ctx, tx, oidctest.Actor(), s.acme, present)
		if err == nil {
			_, err = s.domains.Verify(ctx, tx, oidctest.Actor(), s.acme.ID, made.ID, customdomain.ByOperator)
		}
		return err
	})
	grace.do("PUT", "/orgs/acme/address", fields{"domain": present, "unchecked": true}, "If-Match", grace.get("/orgs/acme").etag()).must(200)
	laptop, phone := s.passkey(bob, "Laptop"), s.passkey(bob, "Phone")
	for _, host := range []string{present, "left.example.test"} { // a passkey of a host that the organization left is no other way in
		s.InTx(t, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE passkeys SET rp_id = $3 WHERE org_id = $1 AND id = $2", s.acme.ID, phone.ID, host)
			return err
		})
		without := 0.0
		if host != present {
			without = 1
		}
		if denied := preview("acme", fields{"denied_models": []string{laptop.AAGUID.String()}}).must(200); denied.at("people") != 1.0 || denied.at("people_without_another") != without {
			t.Errorf("another passkey of %s: %s", host, denied.body)
		}
	}
	preview("rival", demanding).must(404)
	for field, body := range map[string]fields{
		"conveyance":     {"conveyance": "none", "unknown_models": "refuse"},
		"allowed_models": {"conveyance": "direct", "allowed_models": []string{uuid.Nil.String()}},
		"denied_models":  {"conveyance": "direct", "allowed_models": []string{key.AAGUID.String()}, "denied_models": []string{key.AAGUID.String()}},
	} {
		preview("acme", body).refuses(422, "attestation_invalid")
		if got := policy(body).refuses(422, "attestation_invalid"); got.text("errors.0.field") != "policies.attestation."+field {
			t.Errorf("%s", got.body)
		}
	}
	saved := policy(demanding).must(200)
	if saved.text("policies.attestation.minimum_certification") != "FIDO_CERTIFIED_L1" || saved.text("policies.attestation.existing_passkeys") != "refuse" {
		t.Errorf("%s", saved.body)
	}
	var waiting int
	if err := s.Store.QueryRow(t.Context(), "SELECT count(*) FROM river_job WHERE kind = 'end_refused_passkeys' AND args ->> 'org_id' = $1", s.acme.ID.String()).Scan(&waiting); err != nil || waiting != 1 {
		t.Errorf("%d jobs, %v", waiting, err)
	}
	if after := policy(fields{}).must(200); after.text("policies.attestation.conveyance") != "none" || after.text("policies.attestation.minimum_certification") != "none" {
		t.Errorf("an empty policy is the default: %s", after.body)
	}
	if listed := grace.get("/orgs/acme/users/" + ada.ID.String() + "/passkeys").must(200); listed.text("items.0.model") != "Acme Key 5" || listed.at("items.0.attested") != false {
		t.Errorf("%s", listed.body)
	}
}
