package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/clavex/clavex/e2e/load/measure"
)

// createOrganizationRow creates organizations through the Admin API, one after another.
func createOrganizationRow(b *bench, ctx context.Context) ([]measure.Row, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	v := w.visitor()
	defer v.close()
	create, err := creating(v)
	if err != nil {
		return nil, err
	}
	if err := create(); err != nil {
		return nil, err
	}
	var before, after int
	const keys = "SELECT (SELECT count(*) FROM signing_key_pool) + (SELECT count(*) FROM signing_keys)"
	if err := w.pool.QueryRow(ctx, keys).Scan(&before); err != nil {
		return nil, err
	}
	pairs := make([]measure.Pair, b.options.rounds)
	for i := range pairs {
		if pairs[i].Ceiling, err = w.ceiling.organizations(b.options.duration / 2); err != nil {
			return nil, err
		}
		if pairs[i].Server, err = drive(ctx, []journey{create}, b.options.duration, b.spent(w.server)); err != nil {
			return nil, err
		}
	}
	if err := w.pool.QueryRow(ctx, keys).Scan(&after); err != nil {
		return nil, err
	}
	s := measure.Summarize(pairs)
	row := paired{name: "creating an organization", unit: "an organization", notes: []string{
		"One after another through the Admin API, with a bearer token. Ceiling: one committed transaction with the same rows (organization, console client, two audit events).",
		fmt.Sprintf("Signing keys before and after: %d, %d.", before, after),
	}}.row(s, memoryOf(w.pid()))
	row.Target, row.Verdict = "p50 ≤ 20 ms, no key made", measure.Judge(s.P50 <= 20*time.Millisecond && before == after)
	return []measure.Row{row}, nil
}

// creating is a journey that creates an organization. The Admin API limits each actor, so several take turns.
func creating(v *visitor) (journey, error) {
	bearers := make([]string, administrators)
	for i := range bearers {
		got, err := v.clientCredentials("system", administrator(i), "admin:read admin:write")
		if err != nil {
			return nil, err
		}
		bearers[i] = got.access
	}
	next := 0
	return func() error {
		for range bearers {
			next++
			slug := "made-" + hexOf(newID())
			m := post("/api/v1/orgs", fmt.Sprintf(`{"slug": %q, "name": "Made by the bench"}`, slug), "Authorization", "Bearer "+bearers[next%len(bearers)])
			received, err := v.send(m)
			switch {
			case err != nil:
				return err
			case received.status == http.StatusCreated:
				return nil
			case received.status != http.StatusTooManyRequests:
				return refusal(m, received)
			}
		}
		return errors.New("every administrator has reached the limit of requests a minute")
	}, nil
}

// startRow starts the server on a migrated database again and again.
func startRow(b *bench, ctx context.Context) ([]measure.Row, error) {
	s, err := b.newSite(ctx, "start")
	if err != nil {
		return nil, err
	}
	defer s.pool.Close()
	s.server.stop()
	var starts, connects []time.Duration
	for range 3 * b.options.rounds {
		began := time.Now()
		if err := connectAndSelect(ctx, s.databaseURL); err != nil {
			return nil, err
		}
		connects = append(connects, time.Since(began))
		started, err := b.startServer(ctx, s)
		if err != nil {
			return nil, err
		}
		starts = append(starts, started.ready)
		started.stop()
	}
	median := measure.MedianDuration(starts)
	return []measure.Row{{
		Name: "start to ready", P50: measure.Span(median), P99: measure.Span(slices.Max(starts)), Ceiling: measure.Span(measure.MedianDuration(connects)),
		Target: "≤ 300 ms", Verdict: measure.Judge(median <= 300*time.Millisecond),
		Notes: []string{fmt.Sprintf("From the start of the process to the first 200 of /readyz, on a migrated database; the median and the longest of %d starts. Ceiling: SELECT 1 on a new connection.", len(starts))},
	}}, nil
}

func connectAndSelect(ctx context.Context, databaseURL string) error {
	connection, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer connection.Close(ctx)
	var one int
	return connection.QueryRow(ctx, "SELECT 1").Scan(&one)
}
