package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clavex/clavex/e2e/load/measure"
)

const (
	manyOrganizations = 10_000
	manyRequests      = 100_000
	idleWait          = 10 * time.Second
)

// memoryRows follow one server: idle, after many requests, after many organizations, after many sign-ins.
func memoryRows(b *bench, ctx context.Context) ([]measure.Row, error) {
	s, err := b.newSite(ctx, "memory")
	if err != nil {
		return nil, err
	}
	defer func() { s.close() }()
	organizations, encoded, err := b.seedScale(ctx, s, organizationSlugs(0, manyOrganizations))
	if err != nil {
		return nil, err
	}
	if err := seedPeople(ctx, s.pool, organizations[:1], 1, people, encoded); err != nil {
		return nil, err
	}
	travellers, err := b.travellers(s, organizations[0].slug)
	if err != nil {
		return nil, err
	}
	s.server.stop() // signing in hashed passwords, which is stated apart
	if s.server, err = b.startServer(ctx, s); err != nil {
		return nil, err
	}
	for _, t := range travellers {
		t.address = s.address
		defer t.close()
	}
	time.Sleep(idleWait)
	idle := memoryOf(s.pid())
	if err := spread(ctx, travellers, manyRequests/requestsOfARound, func(t *traveller, _ int) error { return t.round(organizations[0].slug) }); err != nil {
		return nil, err
	}
	busy := memoryOf(s.pid())
	s.forget()
	if err := spread(ctx, travellers, len(organizations), func(t *traveller, number int) error { return t.touch(organizations[number].slug) }); err != nil {
		return nil, err
	}
	wide := memoryOf(s.pid())
	journeys, visitors := logins(s.server, organizations[0].slug, 0, b.options.workers, b.options.workers)
	defer closeAll(visitors)
	if _, err := drive(ctx, journeys, b.options.duration, b.spent(s.server)); err != nil {
		return nil, err
	}
	hashing := memoryOf(s.pid())
	note := func(m memory) string {
		return fmt.Sprintf("Of it %s are the process's own; the rest is the program's file, shared by its replicas on a machine.", measure.Megabytes(m.anonymous))
	}
	return []measure.Row{
		memoryRow("memory, idle", idle, 60, fmt.Sprintf("Resident, %s after a start on a migrated database.", idleWait), note(idle)),
		memoryRow("memory, after 10⁵ requests", busy, 100, "Discovery, JWK set, client credentials, introspection, refresh, and authorize → code → token → userinfo, at one organization.", note(busy)),
		memoryRow("memory, with 10 000 organizations touched", wide, 160, "The same process after discovery, JWK set and a token at each of 10 000 organizations with keys of their own.", note(wide),
			fmt.Sprintf("Password hashing comes on top: %s resident after %s of logins, %s at the highest moment.", measure.Megabytes(hashing.resident), measure.Span(b.options.duration), measure.Megabytes(hashing.peak))),
	}, nil
}

func memoryRow(name string, used memory, limit int64, notes ...string) measure.Row {
	return measure.Row{Name: name, Memory: measure.Megabytes(used.resident), Target: fmt.Sprintf("≤ %d MB", limit), Verdict: measure.Judge(used.resident <= limit*1e6), Notes: notes}
}

// traveller is a visitor with a live session and tokens.
type traveller struct {
	*visitor
	held tokens
}

func (b *bench) travellers(s *site, organization string) ([]*traveller, error) {
	made := make([]*traveller, b.options.workers)
	for i := range made {
		made[i] = &traveller{visitor: s.visitor()}
		held, err := made[i].firstTokens(organization, usernameOf(1+i))
		if err != nil {
			return nil, err
		}
		made[i].held = held
		made[i].close()
	}
	return made, nil
}

// requestsOfARound is how many requests a round makes.
const requestsOfARound = 8

func (t *traveller) round(organization string) error {
	if err := t.touch(organization); err != nil { // three requests
		return err
	}
	if err := t.introspect(organization, webClient, t.held.access); err != nil {
		return err
	}
	next, err := t.refresh(organization, t.held.refresh)
	if err != nil {
		return err
	}
	t.held = next
	code, err := t.authorize(organization)
	if err != nil {
		return err
	}
	got, err := t.redeem(organization, code)
	if err != nil {
		return err
	}
	return t.userinfo(organization, got.access)
}

// touch asks an organization for everything that makes the server remember it.
func (t *traveller) touch(organization string) error {
	for _, path := range []string{".well-known/openid-configuration", "jwks"} {
		if err := t.fetch(organization, path); err != nil {
			return err
		}
	}
	_, err := t.clientCredentials(organization, serviceClient, "")
	return err
}

// spread lets the travellers do something a number of times altogether.
func spread(ctx context.Context, travellers []*traveller, times int, do func(t *traveller, number int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var all sync.WaitGroup
	for _, t := range travellers {
		all.Go(func() {
			for ctx.Err() == nil {
				number := int(next.Add(1)) - 1
				if number >= times {
					return
				}
				if err := do(t, number); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
