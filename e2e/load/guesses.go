package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/clavex/clavex/e2e/load/measure"
)

// guess tries a wrong password and returns how long the server took to refuse it, the page before left out.
func (v *visitor) guess(organization, username string) (time.Duration, error) {
	v.cookies = nil
	login, form, err := v.loginForm(organization)
	if err != nil {
		return 0, err
	}
	form.Set("username", username)
	form.Set("password", "not-the-password-of-anybody")
	began := time.Now()
	_, err = v.browse(http.StatusUnprocessableEntity, post(login, form.Encode(), "Origin", publicURL))
	return time.Since(began), err
}

// guessesRow compares how long the refusal of a wrong password takes for somebody and for nobody, where the server hashed the
// passwords and where another system did.
func guessesRow(b *bench, ctx context.Context) ([]measure.Row, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	imported, err := seedOrganizations(ctx, w.pool, []string{importedOrganization})
	if err != nil {
		return nil, err
	}
	if err := seedPeople(ctx, w.pool, imported, 1, people, bcrypted); err != nil {
		return nil, err
	}
	var rows []measure.Row
	for _, of := range []struct{ organization, name, what string }{
		{mainOrganization, "a wrong password: somebody and nobody", "How long the refusal takes"},
		{importedOrganization, "a wrong password: somebody imported and nobody", "The same in an organization whose people were imported with bcrypt hashes of cost 10. How long the refusal takes"},
	} {
		measured, err := b.compare(ctx, of.name, of.what, func(v *visitor, username string) (time.Duration, error) {
			return v.guess(of.organization, username)
		})
		if err != nil {
			return nil, err
		}
		rows = append(rows, measured...)
	}
	return rows, nil
}

// identify says who one is, where that is asked for first, and returns how long the server took for what follows: it keeps the
// identifier, and shows a page with what its person signs in by first.
func (v *visitor) identify(organization, username string) (time.Duration, error) {
	v.cookies = nil
	login, form, err := v.loginForm(organization)
	if err != nil {
		return 0, err
	}
	form.Set("username", username)
	began := time.Now()
	redirect, err := v.browse(http.StatusSeeOther, post(login, form.Encode(), "Origin", publicURL))
	if err != nil {
		return 0, err
	}
	next := strings.TrimPrefix(redirect.header.Get("Location"), publicURL)
	if !strings.HasPrefix(next, "/"+organization+"/login/ways?") {
		return 0, fmt.Errorf("the identifier leads to %s", pathOf(next))
	}
	_, err = v.browse(http.StatusOK, get(next))
	return time.Since(began), err
}

// identifyRow compares how long the page after an identifier takes for somebody and for nobody.
func identifyRow(b *bench, ctx context.Context) ([]measure.Row, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := w.pool.Exec(ctx, `UPDATE organizations SET policies = policies || '{"identifier_first": "on"}' WHERE slug = $1`, otherOrganization); err != nil {
		return nil, err
	}
	defer func() {
		_, _ = w.pool.Exec(context.WithoutCancel(ctx), "UPDATE organizations SET policies = policies - 'identifier_first' WHERE slug = $1", otherOrganization)
	}()
	v := w.server.visitor()
	defer v.close()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) { // until the server has heard of it
		if _, err = v.identify(otherOrganization, usernameOf(1)); err == nil {
			break
		}
		if time.Since(began) > 10*time.Second {
			return nil, err
		}
	}
	return b.compare(ctx, "an identifier: somebody and nobody", "How long it takes, where the identifier is asked for first, to keep it and show the next page", func(v *visitor, username string) (time.Duration, error) {
		return v.identify(otherOrganization, username)
	})
}

// compare measures the same attempt for somebody and for nobody, one at a time, in pairs of random order. Each is about
// another name from another address, so nothing is slowed down on purpose.
func (b *bench) compare(ctx context.Context, name, what string, attempt func(v *visitor, username string) (time.Duration, error)) ([]measure.Row, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	v := w.server.visitor()
	defer v.close()
	var somebody, nobody []time.Duration
	number := 0
	attemptOne := func(known bool) error {
		username := usernameOf(1 + number%people)
		if !known {
			username = fmt.Sprintf("nobody-%07d@people.bench.test", number) // as long as the others
		}
		took, err := attempt(v, username)
		if known {
			somebody = append(somebody, took)
		} else {
			nobody = append(nobody, took)
		}
		return err
	}
	const warmUp = 20
	for until := time.Now().Add(time.Duration(b.options.rounds) * b.options.duration); time.Now().Before(until) && number < people; number++ {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		first := rand.IntN(2) == 0
		for _, known := range []bool{first, !first} {
			if err := attemptOne(known); err != nil {
				return nil, err
			}
		}
		if number+1 == warmUp {
			somebody, nobody = somebody[:0], nobody[:0]
		}
	}
	known, unknown := measure.Percentile(somebody, 0.5), measure.Percentile(nobody, 0.5)
	noise := 3 * time.Duration(math.Hypot(float64(medianError(somebody)), float64(medianError(nobody))))
	return []measure.Row{{
		Name: name, P50: measure.Span(known), P99: measure.Span(measure.Percentile(somebody, 0.99)),
		Ceiling: "nobody p50 " + measure.Span(unknown), Ratio: fmt.Sprintf("%.3f", float64(known)/float64(unknown)), Target: "difference ≤ noise",
		Verdict: measure.Judge((known - unknown).Abs() <= noise),
		Notes: []string{fmt.Sprintf("%s when there is such a person, and when there is none: %d attempts each, in pairs of random order. The medians differ by %s; the noise, three standard errors of that difference, is %s. Nobody p99 %s.",
			what, len(somebody), measure.Span((known - unknown).Abs()), measure.Span(noise), measure.Span(measure.Percentile(nobody, 0.99)))},
	}}, nil
}

// medianError is the standard error of the median of values, from their interquartile range.
func medianError(values []time.Duration) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	spread := float64(measure.Percentile(sorted, 0.75)-measure.Percentile(sorted, 0.25)) / 1.349 // of a normal distribution: its standard deviation
	return time.Duration(1.2533 * spread / math.Sqrt(float64(len(sorted))))
}
