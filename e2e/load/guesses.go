package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
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

// guessesRow compares how long the refusal of a wrong password takes for somebody and for nobody, one guess at a time, in
// pairs of random order. Each guess is at another name from another address, so nothing is slowed down on purpose.
func guessesRow(b *bench, ctx context.Context) ([]measure.Row, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	v := w.server.visitor()
	defer v.close()
	var somebody, nobody []time.Duration
	number := 0
	guessOne := func(known bool) error {
		username := usernameOf(1 + number%people)
		if !known {
			username = fmt.Sprintf("nobody-%07d@people.bench.test", number) // as long as the others
		}
		took, err := v.guess(mainOrganization, username)
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
			if err := guessOne(known); err != nil {
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
		Name: "a wrong password: somebody and nobody", P50: measure.Span(known), P99: measure.Span(measure.Percentile(somebody, 0.99)),
		Ceiling: "nobody p50 " + measure.Span(unknown), Ratio: fmt.Sprintf("%.3f", float64(known)/float64(unknown)), Target: "difference ≤ noise",
		Verdict: measure.Judge((known - unknown).Abs() <= noise),
		Notes: []string{fmt.Sprintf("How long the refusal takes when there is such a person, and when there is none: %d guesses each, in pairs of random order. The medians differ by %s; the noise, three standard errors of that difference, is %s. Nobody p99 %s.",
			len(somebody), measure.Span((known - unknown).Abs()), measure.Span(noise), measure.Span(measure.Percentile(nobody, 0.99)))},
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
