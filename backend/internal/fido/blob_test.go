package fido_test

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/fidotest"
	"github.com/clavex/clavex/backend/internal/jobs"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/store"
)

// models are those of a world, loaded from a source of their own.
func models(w *domaintest.World, source fido.Source) *fido.Models {
	w.T.Helper()
	queue, err := jobs.New(w.DB, jobs.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.T.Fatal(err)
	}
	return fido.New(w.DB, w.Hub, w.Organizations, nil, queue, slog.New(slog.DiscardHandler), w.Clock.Now, source)
}

func trust(t testing.TB, roots, lists []byte) fido.Trust {
	t.Helper()
	made, err := fido.NewTrust(roots, lists)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// FIDO Metadata Service 3 §3.1.8: the root of the service, whose fingerprint its owner publishes.
func TestTheRootOfTheService(t *testing.T) {
	t.Parallel()
	block, rest := pem.Decode(fido.FIDORoot())
	if block == nil || len(rest) != 0 {
		t.Fatal("it is not one certificate")
	}
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(root.Raw)
	if hex.EncodeToString(digest[:]) != "cbb522d7b7f127ad6a0113865bdf1cd4102e7d0759af635a7cf4720dc963c53b" || root.Subject.String() != "CN=GlobalSign,OU=GlobalSign Root CA - R3,O=GlobalSign" {
		t.Errorf("%x %s", digest, root.Subject)
	}
	for name, pem := range map[string][]byte{"nothing": nil, "no certificate": []byte("x"), "a broken one": []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")} {
		if _, err := fido.NewTrust(pem, nil); err == nil {
			t.Errorf("%s is trusted", name)
		}
	}
	if _, err := fido.NewTrust(fido.FIDORoot(), []byte("x")); err == nil {
		t.Error("what is no revocation list is one")
	}
}

// FIDO Metadata Service 3 §3.1.8 steps 4 to 6.
func TestVerifyingTheBLOB(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	service, key := w.Metadata, fidotest.NewModel("A key")
	entry := fidotest.Entry{Model: key, Statuses: []fidotest.Status{{Status: "FIDO_CERTIFIED_L1"}}}
	as := func(signer *fidotest.Authority) *fidotest.Service {
		return &fidotest.Service{Root: service.Root, Signer: signer}
	}
	named := func(name string, change func(*x509.Certificate)) *fidotest.Authority {
		template := &x509.Certificate{Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}}
		change(template)
		return service.Root.Issue(template)
	}
	good := service.BLOB(7, entry)
	parts := strings.Split(good, ".")
	payload := func(change func(map[string]any)) string {
		content := fidotest.Payload(7, w.Clock.Now(), entry)
		change(content)
		return service.Sign(content)
	}
	header := func(change func(map[string]any)) string {
		members := map[string]any{"alg": "ES256", "x5c": []string{base64.StdEncoding.EncodeToString(service.Signer.Certificate.Raw)}}
		change(members)
		return service.SignAs(members, fidotest.Payload(7, w.Clock.Now(), entry))
	}
	tampered, _ := json.Marshal(fidotest.Payload(8, w.Clock.Now(), entry))
	expired := func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-time.Hour)
	}
	early := func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(48*time.Hour)
	}
	for name, c := range map[string]struct {
		document string
		want     error
	}{
		"of another root":                   {fidotest.NewService().BLOB(7, entry), fido.ErrUntrusted},
		"by a certificate that expired":     {as(named(fidotest.Signer, expired)).BLOB(7, entry), fido.ErrUntrusted},
		"by a certificate of the future":    {as(named(fidotest.Signer, early)).BLOB(7, entry), fido.ErrUntrusted},
		"by somebody else below the root":   {as(named("mds.example.com", func(*x509.Certificate) {})).BLOB(7, entry), fido.ErrSigner},
		"by a name that only looks like it": {as(named("mds.fidoalliance.org.evil.test", func(*x509.Certificate) {})).BLOB(7, entry), fido.ErrSigner},
		"with another payload":              {parts[0] + "." + base64.RawURLEncoding.EncodeToString(tampered) + "." + parts[2], fido.ErrSignature},
		"with another's signature":          {header(func(h map[string]any) { h["alg"] = "RS256" }), fido.ErrSignature},
		"unsigned":                          {header(func(h map[string]any) { h["alg"] = "none" }), fido.ErrSignature},
		"unsigned, without signature":       {header(func(h map[string]any) { h["alg"] = "none" })[:len(parts[0])] + "..", fido.ErrNoBLOB},
		"with a secret":                     {header(func(h map[string]any) { h["alg"] = "HS256" }), fido.ErrSignature},
		"without certificates":              {header(func(h map[string]any) { delete(h, "x5c") }), fido.ErrNoBLOB},
		"with certificates elsewhere":       {header(func(h map[string]any) { delete(h, "x5c"); h["x5u"] = "https://mds3.fidoalliance.org/x" }), fido.ErrNoBLOB},
		"with an extension":                 {header(func(h map[string]any) { h["crit"] = []string{"b64"} }), fido.ErrSignature},
		"not a JWS":                         {"<html>", fido.ErrNoBLOB},
		"nothing":                           {"", fido.ErrNoBLOB},
		"too large":                         {good + strings.Repeat(" ", fido.MaximumBLOB), fido.ErrTooLarge},
		"without number":                    {payload(func(p map[string]any) { delete(p, "no") }), fido.ErrUnreadable},
		"with a negative number":            {payload(func(p map[string]any) { p["no"] = -1 }), fido.ErrUnreadable},
		"without the next update":           {payload(func(p map[string]any) { delete(p, "nextUpdate") }), fido.ErrUnreadable},
		"without entries":                   {payload(func(p map[string]any) { delete(p, "entries") }), fido.ErrUnreadable},
		"with a status of no date":          {service.BLOB(7, fidotest.Entry{Model: key, Statuses: []fidotest.Status{{Status: "REVOKED", Effective: "soon"}}}), fido.ErrUnreadable},
	} {
		if changed, err := w.Models.Load(t.Context(), c.document, ""); !errors.Is(err, c.want) || changed {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if status, err := w.Models.Status(t.Context()); err != nil || status.Loaded {
		t.Errorf("%+v %v", status, err)
	}
	if changed, err := w.Models.Load(t.Context(), "\n"+good+"\n", ""); err != nil || !changed {
		t.Fatal(err)
	}
	status, err := w.Models.Status(t.Context())
	if err != nil || !status.Loaded || status.Number != 7 || status.Models != 1 || status.Stale {
		t.Errorf("%+v %v", status, err)
	}
	w.Clock.Advance(31 * 24 * time.Hour)
	if status, err = w.Models.Status(t.Context()); err != nil || !status.Stale {
		t.Errorf("after the next update should have come: %+v %v", status, err)
	}
}

// FIDO Metadata Service 3 §3.1.8 step 2.
func TestRevokedSigners(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	root := fidotest.NewRoot("Root")
	between := root.Issue(&x509.Certificate{Subject: pkix.Name{CommonName: "Issuing"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign})
	service := &fidotest.Service{Root: root, Signer: between.Issue(&x509.Certificate{Subject: pkix.Name{CommonName: fidotest.Signer}, DNSNames: []string{fidotest.Signer}})}
	chain := []string{base64.StdEncoding.EncodeToString(service.Signer.Certificate.Raw), base64.StdEncoding.EncodeToString(between.Certificate.Raw)}
	blob := service.SignAs(map[string]any{"alg": "ES256", "x5c": chain}, fidotest.Payload(1, w.Clock.Now()))
	later, before := time.Now().Add(time.Hour), time.Now().Add(-time.Minute)
	for name, c := range map[string]struct {
		lists [][]byte
		want  error
	}{
		"nobody asks":               {nil, nil},
		"nothing is revoked":        {[][]byte{root.RevocationList(later), between.RevocationList(later)}, nil},
		"the signer is revoked":     {[][]byte{root.RevocationList(later), between.RevocationList(later, service.Signer)}, fido.ErrRevoked},
		"who issued it is revoked":  {[][]byte{root.RevocationList(later, between), between.RevocationList(later)}, fido.ErrRevoked},
		"a list is missing":         {[][]byte{root.RevocationList(later)}, fido.ErrRevoked},
		"a list is outdated":        {[][]byte{root.RevocationList(later), between.RevocationList(before)}, fido.ErrRevoked},
		"a list is somebody else's": {[][]byte{root.RevocationList(later), fidotest.NewRoot("Issuing").RevocationList(later)}, fido.ErrRevoked},
	} {
		world := domaintest.NewOn(t, store.FromPool(dbtest.New(t)), seal.GenerateKey(rand.Reader))
		of := models(world, fido.Source{Trust: trust(t, root.PEM(), joined(c.lists))})
		if _, err := of.Load(t.Context(), blob, ""); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func joined(parts [][]byte) (whole []byte) {
	for _, part := range parts {
		whole = append(whole, part...)
	}
	return whole
}

// FIDO Metadata Service 3 §3.1.8 step 6: numbers only grow.
func TestNumbersOfBLOBs(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	key, other := fidotest.NewModel("A key"), fidotest.NewModel("Another key")
	day := w.Clock.Now().AddDate(0, 0, 30)
	five := w.Metadata.Sign(fidotest.Payload(5, day, fidotest.Entry{Model: key}))
	for _, step := range []struct {
		name, document string
		changed        bool
		want           error
		models         int
	}{
		{"the first", five, true, nil, 1},
		{"the same", five, false, nil, 1},
		{"the same, signed again", w.Metadata.Sign(fidotest.Payload(5, day, fidotest.Entry{Model: key})), false, nil, 1},
		{"the same number, something else", w.Metadata.BLOB(5), false, fido.ErrChanged, 1},
		{"an older one", w.Metadata.BLOB(4, fidotest.Entry{Model: key}, fidotest.Entry{Model: other}), false, fido.ErrOlder, 1},
		{"a newer one", w.Metadata.BLOB(6, fidotest.Entry{Model: key}, fidotest.Entry{Model: other}, fidotest.Entry{Model: other}), true, nil, 2},
	} {
		changed, err := w.Models.Load(t.Context(), step.document, "")
		if !errors.Is(err, step.want) || changed != step.changed {
			t.Errorf("%s: %v %v", step.name, changed, err)
		}
		if index, err := w.Models.Index(t.Context()); err != nil || len(index) != step.models {
			t.Errorf("%s: %d models, %v", step.name, len(index), err)
		}
	}
	elsewhere := fidotest.NewService()
	if changed, err := models(w, fido.Source{Trust: trust(t, elsewhere.Root.PEM(), nil)}).Load(t.Context(), elsewhere.BLOB(1), ""); err != nil || !changed {
		t.Errorf("under another root numbers begin anew: %v %v", changed, err)
	}
}

// From a file, as where nothing is fetched from outside.
func TestRefreshing(t *testing.T) {
	t.Parallel()
	w := domaintest.New(t)
	path := filepath.Join(t.TempDir(), "blob.jwt")
	write := func(content string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	of := models(w, fido.Source{File: path, Trust: trust(t, w.Metadata.Root.PEM(), nil)})
	status := func() fido.Status {
		t.Helper()
		found, err := of.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if err := of.Keep(t.Context()); err == nil || !strings.Contains(status().LastError, "cannot be read") {
		t.Errorf("%v %+v", err, status())
	}
	write(w.Metadata.BLOB(1))
	if err := of.Keep(t.Context()); err != nil || status().Number != 1 || status().LastError != "" || status().Source != path {
		t.Errorf("after a failure it is tried again: %v %+v", err, status())
	}
	write(w.Metadata.BLOB(2))
	if err := of.Keep(t.Context()); err != nil || status().Number != 1 {
		t.Errorf("it is not due: %v %+v", err, status())
	}
	w.Clock.Advance(7 * time.Hour)
	if err := of.Keep(t.Context()); err != nil || status().Number != 2 {
		t.Errorf("it is due: %v %+v", err, status())
	}
	write("<html>")
	if _, err := of.Refresh(t.Context()); !errors.Is(err, fido.ErrNoBLOB) || status().Number != 2 || status().LastError == "" {
		t.Errorf("what was loaded stays: %v %+v", err, status())
	}
	write("")
	if changed, err := of.Refresh(t.Context()); changed || !errors.Is(err, fido.ErrNoBLOB) {
		t.Errorf("an empty file: %v %v", changed, err)
	}
	if _, err := models(w, fido.Source{}).Refresh(t.Context()); !errors.Is(err, fido.ErrNoSource) {
		t.Error(err)
	}
	if err := models(w, fido.Source{}).Keep(t.Context()); err != nil {
		t.Error(err)
	}
	if found, err := of.Search(t.Context(), uuid.NewString(), nil, 5); err != nil || len(found) != 0 {
		t.Errorf("%+v %v", found, err)
	}
}
