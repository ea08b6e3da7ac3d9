package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/clavex/clavex/e2e/load/measure"
)

// hashConcurrency is the server's default bound of passwords hashed at a time.
func hashConcurrency() int { return max(1, runtime.NumCPU()-1) }

// logins are journeys in which people sign in one after another, each in a new browser. first and every
// share the people out.
func logins(s *server, organization string, first, every, workers int) ([]journey, []*visitor) {
	journeys, visitors := make([]journey, workers), make([]*visitor, workers)
	for i := range workers {
		v, number := s.visitor(), first+i
		visitors[i] = v
		journeys[i] = func() error {
			v.cookies = nil
			_, err := v.signIn(organization, usernameOf(1+number%people))
			number += every
			return err
		}
	}
	return journeys, visitors
}

func passwordLoginRow(b *bench, ctx context.Context) ([]measure.Row, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	journeys, visitors := logins(w.server, mainOrganization, 0, b.options.workers, b.options.workers)
	defer closeAll(visitors)
	bareLoop := w.parameters
	bareLoop.Concurrency, bareLoop.Duration = hashConcurrency(), b.options.duration/2
	if _, err := drive(ctx, journeys, min(2*time.Second, b.options.duration), b.spent(w.server)); err != nil {
		return nil, err
	}
	if err := settle(ctx, w.pool); err != nil {
		return nil, err
	}
	pairs := make([]measure.Pair, b.options.rounds)
	for i := range pairs {
		w.forget()
		if pairs[i].Ceiling, err = w.ceiling.hash(bareLoop); err != nil {
			return nil, err
		}
		if pairs[i].Server, err = drive(ctx, journeys, b.options.duration, b.spent(w.server)); err != nil {
			return nil, err
		}
	}
	row := paired{name: "password login", unit: "a login", target: 0.85, notes: []string{
		fmt.Sprintf("One login is three requests in a new browser: authorization request, login page, form; it ends with a session and a code. "+
			"Ceiling: a bare loop of Argon2id (%d KiB, %d passes, %d lane), %d at a time, while nothing else runs.", bareLoop.Memory, bareLoop.Passes, bareLoop.Lanes, bareLoop.Concurrency),
	}}.row(measure.Summarize(pairs), memoryOf(w.pid()))
	row.Notes = append(row.Notes, fmt.Sprintf("Resident memory with hashing at its highest: %s.", measure.Megabytes(memoryOf(w.pid()).peak)))
	return []measure.Row{row}, nil
}

// flood is how many people sign in at one organization at the same time, without pause.
const flood = 48

// calm is what is measured beside a flood and without one.
type calm struct {
	others    []time.Duration // requests that hash nothing
	neighbour []time.Duration // sign-ins at another organization
	logins    float64         // of the flood, per second
}

// loginFloodRow measures what others feel of a flood of sign-ins on one organization.
func loginFloodRow(b *bench, ctx context.Context) ([]measure.Row, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	flooding, visitors := logins(w.server, mainOrganization, 0, flood, flood)
	defer closeAll(visitors)
	watch := w.visitor()
	defer watch.close()
	held, err := w.serviceToken(watch)
	if err != nil {
		return nil, err
	}
	others := []journey{
		func() error { return watch.fetch(mainOrganization, "jwks") },
		func() error {
			_, err := watch.clientCredentials(mainOrganization, serviceClient, "")
			return err
		},
		func() error { return watch.introspect(mainOrganization, serviceClient, held) },
	}
	neighbours, moreVisitors := logins(w.server, otherOrganization, 0, 1, 1)
	defer closeAll(moreVisitors)
	var idle, flooded []calm
	for range b.options.rounds {
		for _, under := range []struct {
			load []journey
			into *[]calm
		}{{nil, &idle}, {flooding, &flooded}} {
			w.forget()
			felt, err := observe(ctx, b, w, under.load, others, neighbours[0])
			if err != nil {
				return nil, err
			}
			*under.into = append(*under.into, felt)
		}
	}
	return floodRows(idle, flooded, w, b)
}

func (w *world) serviceToken(v *visitor) (string, error) {
	got, err := v.clientCredentials(mainOrganization, serviceClient, "")
	return got.access, err
}

// observe watches for the duration, under the load when there is one.
func observe(ctx context.Context, b *bench, w *world, load, others []journey, neighbour journey) (calm, error) {
	watching, stop := context.WithTimeout(ctx, b.options.duration)
	defer stop()
	type seen struct {
		latencies []time.Duration
		err       error
	}
	begin := func(watch func() ([]time.Duration, error)) <-chan seen {
		result := make(chan seen, 1)
		go func() {
			latencies, err := watch()
			result <- seen{latencies, err}
		}()
		return result
	}
	var felt calm
	ofOthers := begin(paced(watching, 5*time.Millisecond, others...))
	ofNeighbour := begin(paced(watching, 200*time.Millisecond, neighbour))
	var loadErr error
	if len(load) > 0 {
		var run measure.Run
		run, loadErr = drive(ctx, load, b.options.duration, b.spent(w.server))
		felt.logins = run.PerSecond()
	}
	first, second := <-ofOthers, <-ofNeighbour
	felt.others, felt.neighbour = first.latencies, second.latencies
	for _, err := range []error{loadErr, first.err, second.err} {
		if err != nil {
			return felt, err
		}
	}
	return felt, nil
}

// floodRows turns what was felt into two lines.
func floodRows(idle, flooded []calm, w *world, b *bench) ([]measure.Row, error) {
	median := func(of []calm, latency func(calm) time.Duration) time.Duration {
		values := make([]time.Duration, len(of))
		for i, one := range of {
			values[i] = latency(one)
		}
		return measure.MedianDuration(values)
	}
	percentile := func(of []calm, latencies func(calm) []time.Duration, fraction float64) time.Duration {
		return median(of, func(c calm) time.Duration { return measure.Percentile(latencies(c), fraction) })
	}
	others := func(c calm) []time.Duration { return c.others }
	neighbour := func(c calm) []time.Duration { return c.neighbour }
	oneHash := w.parameters
	oneHash.Concurrency, oneHash.Duration = 1, min(b.options.duration/4, 2*time.Second)
	bare, err := w.ceiling.hash(oneHash)
	if err != nil {
		return nil, err
	}
	turn := bare.Percentile(0.5)
	rates := make([]float64, len(flooded))
	for i, one := range flooded {
		rates[i] = one.logins
	}
	const allowed = 20 * time.Millisecond
	first := measure.Row{
		Name: "login flood: other requests", Throughput: measure.Rate(measure.MedianFloat(rates)), P50: measure.Span(percentile(flooded, others, 0.5)),
		P99: measure.Span(percentile(flooded, others, 0.99)), Memory: measure.Megabytes(memoryOf(w.pid()).resident),
		Ceiling: "idle p99 " + measure.Span(percentile(idle, others, 0.99)), Target: "p99 ≤ idle + 20 ms",
		Verdict: measure.Judge(percentile(flooded, others, 0.99) <= percentile(idle, others, 0.99)+allowed),
		Notes: []string{fmt.Sprintf("%d people sign in at one organization all the time, without pause (the throughput is theirs); meanwhile one client asks 200 times a second, in turn, for the JWK set, for a token by client credentials, and for introspection. "+
			"Idle: the same client alone, p50 %s.", flood, measure.Span(percentile(idle, others, 0.5)))},
	}
	second := measure.Row{
		Name: "login flood: another organization's logins", P50: measure.Span(percentile(flooded, neighbour, 0.5)), P99: measure.Span(percentile(flooded, neighbour, 0.99)),
		Ceiling: "idle p50 " + measure.Span(percentile(idle, neighbour, 0.5)), Target: "p50 ≤ idle + 2 turns + 20 ms",
		Verdict: measure.Judge(percentile(flooded, neighbour, 0.5) <= percentile(idle, neighbour, 0.5)+2*turn+allowed),
		Notes: []string{fmt.Sprintf("Sign-ins at an organization that is not flooded, five a second. A turn is one password hash (%s): organizations take turns, so a sign-in waits at most for the hash that is running and for one of the flood's; its three requests feel the busy machine like any other. Idle p99 %s.",
			measure.Span(turn), measure.Span(percentile(idle, neighbour, 0.99)))},
	}
	return []measure.Row{first, second}, nil
}
