package org_test

import (
	"context"
	"testing"

	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
)

func TestDomainsOfSignUp(t *testing.T) {
	t.Parallel()
	any, some := org.Policies{}, org.Policies{SignUpEmailDomains: []string{"acme.example", "*.group.example"}}
	for address, allowed := range map[string]bool{"eva@acme.example": true, "eva@ACME.example": true, "eva@x.group.example": true, "eva@x.y.group.example": true,
		"eva@group.example": false, "eva@evilacme.example": false, "eva@acme.example.test": false, "acme.example@evil.test": false, `"a@acme.example"@evil.test`: false, "eva@": false} {
		if some.SignUpAllows(address) != allowed || !any.SignUpAllows(address) {
			t.Errorf("%s: %v", address, some.SignUpAllows(address))
		}
	}
	if any.SignUpPolicy() != org.SignUpClosed {
		t.Error("sign-up is open unless somebody closes it")
	}
}

// Whoever could sign up among the platform's administrators would be one step from them.
// Nor is a mailbox a second factor of whom every organization depends on.
func TestMailboxesAreNoFactorsAtTheSystemOrganization(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	system, err := w.Organizations.EnsureSystem(t.Context(), domaintest.Operator)
	if err != nil {
		t.Fatal(err)
	}
	for _, policy := range []org.EmailCodes{org.EmailCodesOn, "maybe"} {
		err = w.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			changed := *system
			changed.Policies.SecondFactorEmailCodes = policy
			_, err := w.Organizations.Update(ctx, tx, domaintest.Operator, changed)
			return err
		})
		if err == nil {
			t.Errorf("%s is taken", policy)
		}
	}
	if elsewhere := (&org.Organization{Slug: "acme"}); elsewhere.ProvesByMail() {
		t.Error("on although nobody says so")
	}
	stored := *system
	stored.Policies.SecondFactorEmailCodes = org.EmailCodesOn
	if stored.ProvesByMail() {
		t.Error("it is one, however it was stored")
	}
}

func TestNobodySignsUpAtTheSystemOrganization(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	system, err := w.Organizations.EnsureSystem(t.Context(), domaintest.Operator)
	if err != nil {
		t.Fatal(err)
	}
	err = w.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		changed := *system
		changed.Policies.SignUp = org.SignUpOpen
		_, err := w.Organizations.Update(ctx, tx, domaintest.Operator, changed)
		return err
	})
	if err == nil {
		t.Error("it was opened")
	}
}
