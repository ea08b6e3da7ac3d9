package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/clavex/clavex/e2e/load/measure"
)

const fewOrganizations = 10

// sizes are how many people each organization has, in the small and in the big case.
func (b *bench) sizes() (few, many int) {
	if b.options.large {
		return 100, 100 // 10³ → 10⁶ people
	}
	return 100, 10 // 10³ → 10⁵ people
}

func organizationSlugs(first, end int) []string {
	slugs := make([]string, 0, end-first)
	for number := first; number < end; number++ {
		slugs = append(slugs, fmt.Sprintf("tenant-%05d", number))
	}
	return slugs
}

// seedScale writes organizations that all have signing keys, and returns them with the hash that people
// shall be given.
func (b *bench) seedScale(ctx context.Context, s *site, slugs []string) ([]organizationRow, string, error) {
	organizations, err := seedOrganizations(ctx, s.pool, slugs)
	if err != nil {
		return nil, "", err
	}
	parameters, err := b.learnHashing(ctx, s, organizations[0])
	if err != nil {
		return nil, "", err
	}
	first := s.visitor()
	defer first.close()
	if err := first.fetch(organizations[0].slug, "jwks"); err != nil { // which makes its keys
		return nil, "", err
	}
	if err := copyKeys(ctx, s.pool, organizations[0].id); err != nil {
		return nil, "", err
	}
	return organizations, phc(parameters), analyzeSeeds(ctx, s.pool)
}

// population is what a token or login is drawn from.
type population struct {
	organizations []organizationRow
	people        int // of each organization
}

// scaleRows compare what a token and a login cost with few and with many organizations and people.
func scaleRows(b *bench, ctx context.Context) ([]measure.Row, error) {
	s, err := b.newSite(ctx, "scale")
	if err != nil {
		return nil, err
	}
	defer s.close()
	few, many := b.sizes()
	organizations, encoded, err := b.seedScale(ctx, s, organizationSlugs(0, fewOrganizations))
	if err != nil {
		return nil, err
	}
	if err := seedPeople(ctx, s.pool, organizations, 1, few, encoded); err != nil {
		return nil, err
	}
	smallTokens, smallLogins, err := b.costs(ctx, s, population{organizations, few})
	if err != nil {
		return nil, err
	}
	more, err := b.grow(ctx, s, organizations, many, encoded)
	if err != nil {
		return nil, err
	}
	grown := population{append(organizations, more...), min(few, many)}
	bigTokens, bigLogins, err := b.costs(ctx, s, grown)
	if err != nil {
		return nil, err
	}
	total := fewOrganizations*few + (manyOrganizations-fewOrganizations)*many
	note := fmt.Sprintf("CPU time of server and PostgreSQL together, with %d organizations and %d people, then with %d and %d in the same process; every request goes to an organization (and person) drawn at random, each organization was asked once before.",
		fewOrganizations, fewOrganizations*few, manyOrganizations, total)
	return []measure.Row{
		scaleRow("token, 10 → 10 000 organizations", smallTokens, bigTokens, note),
		scaleRow("login, 10 → 10 000 organizations", smallLogins, bigLogins, ""),
	}, nil
}

func scaleRow(name string, small, big measure.Summary, note string) measure.Row {
	together := func(s measure.Summary) time.Duration { return s.CPUEach + s.DatabaseEach }
	ratio := 0.0
	if together(small) > 0 {
		ratio = float64(together(big)) / float64(together(small))
	}
	row := measure.Row{
		Name: name, Throughput: measure.Rate(big.PerSecond), P50: measure.Span(big.P50), P99: measure.Span(big.P99), CPU: measure.Span(big.CPUEach),
		Ceiling: measure.Span(together(small)) + " CPU", Ratio: measure.Fraction(ratio), Target: "≤ 1.15", Verdict: measure.Judge(ratio > 0 && ratio <= 1.15),
	}
	if note != "" {
		row.Notes = append(row.Notes, note)
	}
	row.Notes = append(row.Notes, fmt.Sprintf("Server %s → %s, PostgreSQL %s → %s; p99 %s → %s.", measure.Span(small.CPUEach), measure.Span(big.CPUEach),
		measure.Span(small.DatabaseEach), measure.Span(big.DatabaseEach), measure.Span(small.P99), measure.Span(big.P99)))
	return row
}

// grow adds organizations with keys and people.
func (b *bench) grow(ctx context.Context, s *site, organizations []organizationRow, people int, encoded string) ([]organizationRow, error) {
	more, err := seedOrganizations(ctx, s.pool, organizationSlugs(len(organizations), manyOrganizations))
	if err != nil {
		return nil, err
	}
	if err := copyKeys(ctx, s.pool, organizations[0].id); err != nil {
		return nil, err
	}
	if err := seedPeople(ctx, s.pool, more, 1, people, encoded); err != nil {
		return nil, err
	}
	return more, analyzeSeeds(ctx, s.pool)
}

// costs measures tokens and logins on a population.
func (b *bench) costs(ctx context.Context, s *site, on population) (ofTokens, ofLogins measure.Summary, err error) {
	visitors := make([]*traveller, b.options.workers)
	getTokens, logIn := make([]journey, len(visitors)), make([]journey, len(visitors))
	for i := range visitors {
		v := &traveller{visitor: s.visitor()}
		defer v.close()
		visitors[i] = v
		getTokens[i] = func() error {
			_, err := v.clientCredentials(on.any().slug, serviceClient, "")
			return err
		}
		logIn[i] = func() error {
			v.cookies = nil
			_, err := v.signIn(on.any().slug, usernameOf(1+rand.IntN(on.people)))
			return err
		}
	}
	if err := spread(ctx, visitors, len(on.organizations), func(t *traveller, number int) error { return t.touch(on.organizations[number].slug) }); err != nil {
		return ofTokens, ofLogins, err
	}
	if err := settle(ctx, s.pool); err != nil {
		return ofTokens, ofLogins, err
	}
	if ofTokens, err = b.repeated(ctx, s, getTokens, b.options.duration/2); err != nil {
		return ofTokens, ofLogins, err
	}
	ofLogins, err = b.repeated(ctx, s, logIn, b.options.duration)
	return ofTokens, ofLogins, err
}

func (p population) any() organizationRow { return p.organizations[rand.IntN(len(p.organizations))] }

// repeated runs the rounds without a ceiling.
func (b *bench) repeated(ctx context.Context, s *site, journeys []journey, duration time.Duration) (measure.Summary, error) {
	pairs := make([]measure.Pair, b.options.rounds)
	for i := range pairs {
		s.forget()
		var err error
		if pairs[i].Server, err = drive(ctx, journeys, duration, b.spent(s.server)); err != nil {
			return measure.Summary{}, err
		}
	}
	return measure.Summarize(pairs), nil
}
