package server

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/clavex/clavex/backend/internal/customdomain"
	"github.com/clavex/clavex/backend/internal/dnslookup"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
)

func faultCode(err error) string {
	if problem := fault.From(err); problem != nil {
		return problem.Code
	}
	return ""
}

// claimedDomain is a host that nobody asks in these tests.
const claimedDomain = "login.example.org"

func TestClaimingADomain(t *testing.T) {
	t.Parallel()
	s := newDomainSite(t)
	rival := s.organization("rival")
	claim := func(organization *org.Organization, host string) (made customdomain.Domain, err error) {
		err = s.app.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
			made, err = s.app.Domains.Claim(ctx, tx, operator, organization, host)
			return err
		})
		return made, err
	}
	verify := func(organization *org.Organization, claimed customdomain.Domain) error {
		err := s.app.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := s.app.Domains.Verify(ctx, tx, operator, organization.ID, claimed.ID, customdomain.ByDNS)
			return err
		})
		s.app.Domains.Forget(organization.ID)
		return err
	}
	for _, host := range []string{"", "localhost", "192.0.2.1", "2130706433", "login.1", "*.example.com", "login.example.com:443", "https://login.example.com", "login_.example.com", "-a.example.com", "a..example.com",
		"a b.example.com", strings.Repeat("a", 64) + ".example.com", strings.Repeat("a.", 130) + "com", "[2001:db8::1]", "xn--a.example.com"} {
		if made, err := claim(s.acme, host); faultCode(err) != customdomain.ErrMalformed.Code {
			t.Errorf("%q: %+v %v", host, made, err)
		}
	}
	if _, err := claim(s.acme, "EXAMPLE.com."); faultCode(err) != customdomain.ErrOurs.Code {
		t.Errorf("the server's own: %v", err)
	}
	system, err := s.app.Organizations.BySlug(t.Context(), org.SystemSlug)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := claim(system, claimedDomain); faultCode(err) != customdomain.ErrSystem.Code {
		t.Errorf("the system organization: %v", err)
	}
	near, err := claim(s.acme, ownDomain) // below the server's own: its pages could ask browsers for the passkeys of all others
	if err != nil {
		t.Fatal(err)
	}
	s.names.Set(near.Record.Name, near.Record.Value)
	if err := verify(s.acme, near); faultCode(err) != customdomain.ErrNear.Code || s.app.Domains.Proved(t.Context(), near) != nil {
		t.Errorf("below the server's own: %v", err)
	}
	first, err := claim(s.acme, " Login.Example.org ")
	if err != nil || first.Host != claimedDomain || first.Record.Name != "_clavex."+claimedDomain || !strings.HasPrefix(first.Record.Value, "clavex-domain=") {
		t.Fatalf("%+v %v", first, err)
	}
	if _, err := claim(s.acme, claimedDomain); faultCode(err) != customdomain.ErrExists.Code {
		t.Errorf("twice: %v", err)
	}
	second, err := claim(rival, claimedDomain) // nobody proved it
	if err != nil || second.Record.Value == first.Record.Value {
		t.Fatalf("%+v %v", second, err)
	}
	if made, err := claim(rival, "bücher.example.com"); err != nil || made.Host != "xn--bcher-kva.example.com" {
		t.Errorf("%+v %v", made, err)
	}

	if err := s.app.Domains.Proved(t.Context(), first); faultCode(err) != customdomain.ErrNoRecord.Code {
		t.Errorf("no record: %v", err)
	}
	s.names.Set(first.Record.Name, second.Record.Value)
	if err := s.app.Domains.Proved(t.Context(), first); faultCode(err) != customdomain.ErrNoRecord.Code {
		t.Errorf("the record of another organization: %v", err)
	}
	s.names.Fail(true)
	if err := s.app.Domains.Proved(t.Context(), first); faultCode(err) != dnslookup.ErrUnavailable.Code {
		t.Errorf("no name server: %v", err)
	}
	s.names.Fail(false)
	if err := s.move(s.acme, claimedDomain, 0); faultCode(err) != customdomain.ErrUnproved.Code {
		t.Errorf("moved without proof: %v", err)
	}
	if status, _, _ := s.fetch(http.MethodGet, "https://"+ownDomain+"/acme/login", nil); status != http.StatusSeeOther {
		t.Errorf("a host that is nobody's is the server's: %d", status)
	}

	// Of two that prove it at once one has it.
	results := make([]error, 2)
	var both sync.WaitGroup
	both.Go(func() { results[0] = verify(s.acme, first) })
	both.Go(func() { results[1] = verify(rival, second) })
	both.Wait()
	winner, loser := s.acme, rival
	if results[0] != nil {
		winner, loser = rival, s.acme
		results[0], results[1] = results[1], results[0]
	}
	if results[0] != nil || faultCode(results[1]) != customdomain.ErrTaken.Code {
		t.Fatalf("%v", results)
	}
	if err := s.move(loser, claimedDomain, 0); faultCode(err) != customdomain.ErrUnproved.Code {
		t.Errorf("somebody else's: %v", err)
	}
	for days, want := range map[int]string{-1: customdomain.ErrGrace.Code, 366: customdomain.ErrGrace.Code} {
		if err := s.move(winner, claimedDomain, days); faultCode(err) != want {
			t.Errorf("%d days: %v", days, err)
		}
	}
	if err := s.move(winner, "other.example.org", 0); faultCode(err) != customdomain.ErrNotFound.Code {
		t.Errorf("not claimed: %v", err)
	}
	if err := s.move(winner, "", 0); faultCode(err) != customdomain.ErrThere.Code {
		t.Errorf("there already: %v", err)
	}
	if err := s.move(winner, claimedDomain, 5); err != nil {
		t.Fatal(err)
	}
	other := s.claim(winner, "other.example.org")
	if err := s.move(winner, "other.example.org", 5); faultCode(err) != customdomain.ErrStillServed.Code {
		t.Errorf("two former addresses: %v", err)
	}
	remove := func(organization *org.Organization, domain customdomain.Domain) error {
		return s.app.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return s.app.Domains.Remove(ctx, tx, operator, organization.ID, domain.ID)
		})
	}
	mine := first
	if winner == rival {
		mine = second
	}
	if err := remove(winner, mine); faultCode(err) != customdomain.ErrInUse.Code {
		t.Errorf("in use: %v", err)
	}
	if err := remove(loser, mine); faultCode(err) != customdomain.ErrNotFound.Code {
		t.Errorf("of another organization: %v", err)
	}
	if err := s.move(winner, "", 5); err != nil { // back where it was
		t.Fatal(err)
	}
	if err := remove(winner, mine); faultCode(err) != customdomain.ErrInUse.Code {
		t.Errorf("served still: %v", err)
	}
	if err := remove(winner, other); err != nil {
		t.Error(err)
	}
	events := 0
	if err := s.app.Store.QueryRow(t.Context(), `SELECT count(DISTINCT action) FROM audit_events WHERE action IN ('domain.claimed', 'domain.verified', 'domain.removed', 'organization.moved') AND org_id = $1`, winner.ID).Scan(&events); err != nil || events != 4 { // whoever proved it first
		t.Errorf("%d events, %v", events, err)
	}
}
