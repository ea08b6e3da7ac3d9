package fido_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/fidotest"
	"github.com/clavex/clavex/backend/internal/org"
)

func reported(statuses ...string) (reports []fidotest.Status) {
	for _, status := range statuses {
		reports = append(reports, fidotest.Status{Status: status})
	}
	return reports
}

// FIDO Metadata Service 3 §3.1.3, §3.1.4: each part of a policy.
func TestPolicies(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	date := func(days int) string { return w.Clock.Now().AddDate(0, 0, days).Format(time.DateOnly) }
	made := map[string]*fidotest.Model{}
	var entries []fidotest.Entry
	for name, statuses := range map[string][]fidotest.Status{
		"plain": nil, "L1": reported("FIDO_CERTIFIED_L1"), "old L1": reported("FIDO_CERTIFIED"), "L1plus": reported("FIDO_CERTIFIED_L1plus"), "L3": reported("FIDO_CERTIFIED_L3"),
		"was L2":             {{Status: "FIDO_CERTIFIED_L2", Effective: date(-20)}, {Status: "NOT_FIDO_CERTIFIED", Effective: date(-10)}},
		"L2 until yesterday": {{Status: "FIDO_CERTIFIED_L2", Effective: date(-20), Sunset: date(-2)}}, "L2 soon": {{Status: "FIDO_CERTIFIED_L2", Effective: date(10)}},
		"revoked": reported("FIDO_CERTIFIED_L2", "REVOKED"), "revoked soon": {{Status: "REVOKED", Effective: date(10)}}, "physical": reported("USER_KEY_PHYSICAL_COMPROMISE", "UPDATE_AVAILABLE"),
		"attestation key": reported("ATTESTATION_KEY_COMPROMISE"), "bypass": reported("USER_VERIFICATION_BYPASS"), "remote": reported("USER_KEY_REMOTE_COMPROMISE"), "update": reported("UPDATE_AVAILABLE"),
	} {
		made[name] = fidotest.NewModel(name)
		entries = append(entries, fidotest.Entry{Model: made[name], Statuses: statuses})
	}
	if _, err := w.Models.Load(t.Context(), w.Metadata.BLOB(1, entries...), ""); err != nil {
		t.Fatal(err)
	}
	index, err := w.Models.Index(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	unknown := fidotest.NewModel("unknown")
	made["unknown"], made["none"] = unknown, &fidotest.Model{}
	direct := func(policy org.Attestation) org.Attestation {
		policy.Conveyance = org.ConveyDirect
		return policy
	}
	all := slices.Sorted(func(yield func(string) bool) {
		for name := range made {
			if !yield(name) {
				return
			}
		}
	})
	for name, c := range map[string]struct {
		policy  org.Attestation
		refuses map[string]*fault.Error // of models that are proved; the others are accepted
		demands bool
	}{
		"none": {org.Attestation{}, map[string]*fault.Error{"revoked": fido.ErrModelUnsafe, "physical": fido.ErrModelUnsafe, "attestation key": fido.ErrModelUnsafe, "bypass": fido.ErrModelUnsafe,
			"remote": fido.ErrModelUnsafe}, false},
		"no status refuses":  {org.Attestation{RefusedStatuses: &[]string{}}, nil, false},
		"one status refuses": {org.Attestation{RefusedStatuses: &[]string{"UPDATE_AVAILABLE"}}, map[string]*fault.Error{"update": fido.ErrModelUnsafe, "physical": fido.ErrModelUnsafe}, false},
		"a model is denied": {org.Attestation{RefusedStatuses: &[]string{}, DeniedModels: []uuid.UUID{made["L1"].AAGUID, unknown.AAGUID}},
			map[string]*fault.Error{"L1": fido.ErrModelRefused, "unknown": fido.ErrModelRefused}, false},
		"models are allowed": {direct(org.Attestation{AllowedModels: []uuid.UUID{made["L1"].AAGUID, unknown.AAGUID, made["revoked"].AAGUID}}), but(all, fido.ErrModelRefused, map[string]*fault.Error{
			"L1": nil, "unknown": nil, "revoked": fido.ErrModelUnsafe, "physical": fido.ErrModelUnsafe, "attestation key": fido.ErrModelUnsafe, "bypass": fido.ErrModelUnsafe, "remote": fido.ErrModelUnsafe}), true},
		"unknown models are refused": {direct(org.Attestation{RefusedStatuses: &[]string{}, UnknownModels: org.Refuse}), map[string]*fault.Error{"unknown": fido.ErrModelRefused, "none": fido.ErrModelRefused}, true},
		"L1 is demanded": {direct(org.Attestation{RefusedStatuses: &[]string{}, MinimumCertification: "FIDO_CERTIFIED_L1"}),
			but(all, fido.ErrModelRefused, map[string]*fault.Error{"L1": nil, "old L1": nil, "L1plus": nil, "L3": nil, "revoked": nil}), true},
		"L2 is demanded": {direct(org.Attestation{MinimumCertification: "FIDO_CERTIFIED_L2"}), but(all, fido.ErrModelRefused, map[string]*fault.Error{"L3": nil,
			"revoked": fido.ErrModelUnsafe, "physical": fido.ErrModelUnsafe, "attestation key": fido.ErrModelUnsafe, "bypass": fido.ErrModelUnsafe, "remote": fido.ErrModelUnsafe}), true},
	} {
		for _, existing := range []org.Acceptance{org.Accept, org.Refuse} {
			c.policy.ExistingPasskeys = existing
			rules := fido.NewRules(c.policy, index)
			if rules.Refused() == nil || rules.Demands() != (c.demands && existing == org.Refuse) {
				t.Errorf("%s: %v %v", name, rules.Refused(), rules.Demands())
			}
			for _, of := range all {
				aaguid, want := made[of].AAGUID, c.refuses[of]
				if err := rules.Registered(aaguid, true); !same(err, want) {
					t.Errorf("%s, %s: %v, want %v", name, of, err, want)
				}
				if accepted := slices.Contains(rules.Accepted(), aaguid); accepted && want != nil {
					t.Errorf("%s, %s: among the accepted", name, of)
				}
				always := slices.Contains(rules.Refused(), aaguid)
				if always && want == nil {
					t.Errorf("%s, %s: refused at each use", name, of)
				}
				unproved := want
				if c.demands && !always {
					unproved = fido.ErrModelUnproved
				}
				if err := rules.Registered(aaguid, false); !same(err, unproved) {
					t.Errorf("%s, %s unproved: %v, want %v", name, of, err, unproved)
				}
				if existing == org.Accept && !always {
					want, unproved = nil, nil
				}
				if err := rules.Used(aaguid, true); !same(err, want) {
					t.Errorf("%s, %s used: %v, want %v", name, of, err, want)
				}
				if err := rules.Used(aaguid, false); !same(err, unproved) {
					t.Errorf("%s, %s used unproved: %v, want %v", name, of, err, unproved)
				}
				for proved, refused := range map[bool]bool{true: want != nil, false: unproved != nil} { // queries say the same
					var accepted bool
					if err := w.DB.QueryRow(t.Context(), "SELECT model_accepted($1, $2, $3, $4)", aaguid, proved, rules.Refused(), rules.Accepted()).Scan(&accepted); err != nil || accepted == refused {
						t.Errorf("%s, %s, proved %v: a query accepts it: %v %v", name, of, proved, accepted, err)
					}
				}
			}
		}
	}
}

func but(names []string, usual *fault.Error, others map[string]*fault.Error) map[string]*fault.Error {
	all := map[string]*fault.Error{}
	for _, name := range names {
		all[name] = usual
		if other, named := others[name]; named {
			all[name] = other
		}
	}
	return all
}

func same(got error, want *fault.Error) bool {
	if want == nil {
		return got == nil
	}
	return errors.Is(got, want)
}

// What is remembered changes with the metadata and with the organization, and is of one organization.
func TestWhatIsRefusedAtEachUse(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme, rival := w.Organization("acme"), w.Organization("rival")
	one, two := fidotest.NewModel("One"), fidotest.NewModel("Two")
	expect := func(what string, of *org.Organization, want ...uuid.UUID) {
		t.Helper()
		rules, err := w.Models.Rules(t.Context(), of.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got := rules.Refused(); len(got) != len(want) || !slices.Equal(sorted(got), sorted(want)) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	set := func(policy org.Attestation) {
		t.Helper()
		w.SetPolicies(acme, func(p *org.Policies) { p.Attestation = policy })
	}
	load := func(number int64, entries ...fidotest.Entry) {
		t.Helper()
		if _, err := w.Models.Load(t.Context(), w.Metadata.BLOB(number, entries...), ""); err != nil {
			t.Fatal(err)
		}
	}
	expect("without metadata", acme)
	load(1, fidotest.Entry{Model: one}, fidotest.Entry{Model: two})
	expect("nothing is flagged", acme)
	load(2, fidotest.Entry{Model: one, Statuses: reported("REVOKED")}, fidotest.Entry{Model: two})
	expect("one is flagged", acme, one.AAGUID)
	expect("for everybody", rival, one.AAGUID)
	set(org.Attestation{DeniedModels: []uuid.UUID{two.AAGUID}})
	expect("another is denied", acme, one.AAGUID, two.AAGUID)
	expect("not by a rival", rival, one.AAGUID)
	set(org.Attestation{RefusedStatuses: &[]string{}})
	expect("statuses do not matter", acme)
	set(org.Attestation{})
	load(3, fidotest.Entry{Model: one}, fidotest.Entry{Model: two})
	expect("the flag is lifted", acme)
	found, err := w.Models.Search(t.Context(), "o", nil, 10)
	if err != nil || len(found) != 2 || found[0].Description != "One" {
		t.Errorf("%+v %v", found, err)
	}
	if found, err = w.Models.Search(t.Context(), "two", nil, 10); err != nil || len(found) != 1 || found[0].AAGUID != two.AAGUID {
		t.Errorf("%+v %v", found, err)
	}
	if found, err = w.Models.Search(t.Context(), one.AAGUID.String()[:8], nil, 10); err != nil || len(found) != 1 || found[0].AAGUID != one.AAGUID {
		t.Errorf("%+v %v", found, err)
	}
}

func sorted(ids []uuid.UUID) []uuid.UUID {
	return slices.SortedFunc(slices.Values(ids), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
}
