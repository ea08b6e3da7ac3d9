package org_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"slices"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/picture"
	"github.com/clavex/clavex/backend/internal/store"
)

func TestSlugs(t *testing.T) {
	for slug, want := range map[string]error{
		"acme": nil, "a1": nil, "acme-bank": nil, strings.Repeat("a", 63): nil,
		"a": org.ErrSlugInvalid, strings.Repeat("a", 64): org.ErrSlugInvalid, "Acme": org.ErrSlugInvalid, "acme-": org.ErrSlugInvalid, "-acme": org.ErrSlugInvalid,
		"ac--me": org.ErrSlugInvalid, "ac_me": org.ErrSlugInvalid, "ac.me": org.ErrSlugInvalid, "": org.ErrSlugInvalid, "açme": org.ErrSlugInvalid, "acme\n": org.ErrSlugInvalid,
		"system": org.ErrSlugReserved, "api": org.ErrSlugReserved, "console": org.ErrSlugReserved, "dev": org.ErrSlugReserved, "assets": org.ErrSlugReserved,
	} {
		if err := org.ValidateSlug(slug); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", slug, err, want)
		}
	}
}

func TestLifeOfAnOrganization(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	t.Run("a name is taken once", func(t *testing.T) {
		err := w.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := w.Organizations.Create(ctx, tx, domaintest.Operator, org.NewOrganization{Slug: "acme", DisplayName: "Other"})
			return err
		})
		if !errors.Is(err, org.ErrSlugTaken) {
			t.Fatalf("%v", err)
		}
	})
	t.Run("a lost update is refused", func(t *testing.T) {
		change := func(name string) error {
			return w.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				changed := *acme
				changed.DisplayName = name
				_, err := w.Organizations.Update(ctx, tx, domaintest.Operator, changed)
				return err
			})
		}
		if err := change("First"); err != nil {
			t.Fatal(err)
		}
		if err := change("Second"); !errors.Is(err, org.ErrVersionMismatch) {
			t.Fatalf("%v", err)
		}
	})
	t.Run("what is wrong names its field and changes nothing", func(t *testing.T) {
		for field, change := range map[string]func(*org.Organization){
			"display_name":                           func(o *org.Organization) { o.DisplayName = " " },
			"branding.brand_color":                   func(o *org.Organization) { o.Branding.BrandColor = "red; background: url(//evil)" },
			"policies.session_idle_seconds":          func(o *org.Organization) { o.Policies.SessionIdleSeconds = 1 },
			"policies.access_token_lifetime_seconds": func(o *org.Organization) { o.Policies.AccessTokenLifetimeSeconds = 1 << 30 },
			"policies.registration":                  func(o *org.Organization) { o.Policies.Registration = "everybody" },
			"policies.sessions_per_person":           func(o *org.Organization) { o.Policies.SessionsPerPerson = 101 },
			"policies.default_locale":                func(o *org.Organization) { o.Policies.DefaultLocale = "<b>" },
		} {
			err := w.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				current, err := w.Organizations.ByID(ctx, tx, acme.ID)
				if err != nil {
					return err
				}
				change(current)
				_, err = w.Organizations.Update(ctx, tx, domaintest.Operator, *current)
				return err
			})
			if !fault.IsKind(err, fault.Invalid) || fault.From(err).Field != field {
				t.Errorf("%s: %v", field, err)
			}
		}
	})
	t.Run("the system organization stays", func(t *testing.T) {
		system, err := w.Organizations.EnsureSystem(t.Context(), domaintest.Operator)
		if err != nil {
			t.Fatal(err)
		}
		for _, status := range []org.Status{org.Suspended, org.Deleting} {
			err := w.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				_, err := w.Organizations.SetStatus(ctx, tx, domaintest.Operator, system.ID, status, system.Version)
				return err
			})
			if !errors.Is(err, org.ErrSystem) {
				t.Fatalf("%v", err)
			}
		}
	})
	t.Run("deleted in batches, and only when asked", func(t *testing.T) {
		for range 3 {
			w.User(acme, "u"+store.NewID().String()+"@acme.test")
		}
		if _, err := w.Keys.Secret(t.Context(), acme.ID, "pairwise"); err != nil {
			t.Fatal(err)
		}
		if done, err := w.Organizations.DeleteSome(t.Context(), acme.ID); err != nil || !done {
			t.Fatalf("%v %v", done, err)
		}
		if _, err := w.Organizations.ByID(t.Context(), w.DB, acme.ID); err != nil {
			t.Fatalf("deleted without being asked: %v", err)
		}
		w.InTx(func(ctx context.Context, tx *store.Tx) error {
			current, err := w.Organizations.ByID(ctx, tx, acme.ID)
			if err != nil {
				return err
			}
			_, err = w.Organizations.SetStatus(ctx, tx, domaintest.Operator, acme.ID, org.Deleting, current.Version)
			return err
		})
		for i := 0; ; i++ {
			done, err := w.Organizations.DeleteSome(t.Context(), acme.ID)
			if err != nil || i > 50 {
				t.Fatalf("%d: %v", i, err)
			}
			if done {
				break
			}
		}
		system, err := w.Organizations.BySlug(t.Context(), org.SystemSlug)
		if err != nil || !slices.Contains(w.Events(system.ID), "organization.deleted") {
			t.Fatalf("not recorded: %v", err)
		}
		var left int
		if err := w.DB.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM users WHERE org_id = $1) + (SELECT count(*) FROM audit_events WHERE org_id = $1) + (SELECT count(*) FROM organization_secrets WHERE org_id = $1) + (SELECT count(*) FROM organizations WHERE id = $1)", acme.ID).Scan(&left); err != nil || left != 0 {
			t.Fatalf("%d rows left, %v", left, err)
		}
	})
}

func TestLogos(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	acme := w.Organization("acme")
	var drawn bytes.Buffer
	if err := png.Encode(&drawn, image.NewRGBA(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	keep := func(content []byte) (digest string, err error) {
		err = w.DB.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
			digest, err = w.Organizations.StoreLogo(ctx, tx, acme.ID, content)
			return err
		})
		return digest, err
	}
	for name, content := range map[string][]byte{"SVG with script": []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), "HTML": []byte("<html>"),
		"nothing": nil, "too large": make([]byte, picture.MaximumBytes+1), "a broken PNG": drawn.Bytes()[:20]} {
		if _, err := keep(content); !errors.Is(err, org.ErrLogoInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	digest, err := keep(drawn.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	logo, err := w.Organizations.Logo(t.Context(), acme.ID)
	if err != nil || logo.Digest != digest || logo.MediaType != "image/png" || !bytes.Equal(logo.Content, drawn.Bytes()) {
		t.Fatalf("%+v, %v", logo, err)
	}
	if _, err := w.Organizations.Logo(t.Context(), w.Organization("rival").ID); !errors.Is(err, org.ErrLogoNotFound) {
		t.Fatalf("another organization's: %v", err)
	}
}
