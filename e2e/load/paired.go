package main

import (
	"context"
	"fmt"
	"time"

	"github.com/clavex/clavex/e2e/load/measure"
)

// paired is a row whose ceiling is the same journey at bare handlers.
type paired struct {
	name   string
	unit   string // of what is counted, when it is not a request
	target float64
	notes  []string
	// prepare gives a visitor of the server what its journey needs, and returns the journey.
	prepare func(w *world, number int, v *visitor) (journey, error)
	// work puts the unavoidable work into the bare steps.
	work func(steps []bareStep) error
}

// measure runs the rounds: the ceiling and the server in turn, after a warm-up of both.
func (p paired) measure(b *bench, ctx context.Context) ([]measure.Row, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	atServer, visitors, err := p.journeys(w, b.options.workers)
	defer closeAll(visitors)
	if err != nil {
		return nil, err
	}
	atCeiling, visitors, err := p.ceilingJourneys(w, b.options.workers, visitors[0], atServer[0])
	defer closeAll(visitors)
	if err != nil {
		return nil, err
	}
	run := func(journeys []journey, duration time.Duration, spent func() cost) (measure.Run, error) {
		w.forget()
		return drive(ctx, journeys, duration, spent)
	}
	ofServer := b.spent(w.server)
	ofCeiling := func() cost { return cost{cpuOf(w.ceiling.pid(), false), b.cluster.cpu()} }
	warmUp := min(2*time.Second, b.options.duration)
	if _, err := run(atCeiling, warmUp, ofCeiling); err != nil {
		return nil, err
	}
	if _, err := run(atServer, warmUp, ofServer); err != nil {
		return nil, err
	}
	if err := settle(ctx, w.pool); err != nil {
		return nil, err
	}
	pairs := make([]measure.Pair, b.options.rounds)
	for i := range pairs {
		if pairs[i].Ceiling, err = run(atCeiling, b.options.duration/2, ofCeiling); err != nil {
			return nil, fmt.Errorf("ceiling: %w", err)
		}
		if pairs[i].Server, err = run(atServer, b.options.duration, ofServer); err != nil {
			return nil, err
		}
	}
	return []measure.Row{p.row(measure.Summarize(pairs), memoryOf(w.pid()))}, nil
}

func (p paired) row(s measure.Summary, used memory) measure.Row {
	row := measure.Row{
		Name: p.name, Throughput: measure.Rate(s.PerSecond), P50: measure.Span(s.P50), P99: measure.Span(s.P99), CPU: measure.Span(s.CPUEach),
		Memory: measure.Megabytes(used.resident), Ceiling: measure.Rate(s.CeilingPerSecond), Ratio: measure.Fraction(s.Ratio),
		Target: fmt.Sprintf("≥ %g", p.target), Verdict: measure.Judge(s.Ratio >= p.target), Notes: p.notes,
	}
	each := "a request"
	if p.unit != "" {
		each = p.unit
	}
	note := fmt.Sprintf("The ceiling: p50 %s, p99 %s, %s of CPU for %s.", measure.Span(s.CeilingP50), measure.Span(s.CeilingP99), measure.Span(s.CeilingCPUEach), each)
	if s.DatabaseEach >= 10*time.Microsecond {
		note += fmt.Sprintf(" PostgreSQL spends %s of CPU for %s", measure.Span(s.DatabaseEach), each)
		if s.CeilingDatabaseEach >= 10*time.Microsecond {
			note += fmt.Sprintf(", %s for the ceiling's", measure.Span(s.CeilingDatabaseEach))
		}
		note += "."
	}
	row.Notes = append(row.Notes[:len(row.Notes):len(row.Notes)], note)
	return row
}

// journeys prepares a visitor for each worker.
func (p paired) journeys(w *world, workers int) (journeys []journey, visitors []*visitor, err error) {
	for number := range workers {
		v := w.visitor()
		visitors = append(visitors, v)
		travel, err := p.prepare(w, number, v)
		if err != nil {
			return nil, visitors, err
		}
		journeys = append(journeys, travel)
	}
	return journeys, visitors, nil
}

// ceilingJourneys records one journey at the server, makes bare steps of it, and prepares visitors that
// travel the same way there.
func (p paired) ceilingJourneys(w *world, workers int, guide *visitor, travel journey) (journeys []journey, visitors []*visitor, err error) {
	var recorded []exchange
	guide.record = &recorded
	err = travel()
	guide.record = nil
	if err != nil {
		return nil, nil, err
	}
	steps := stepsOf(recorded)
	if p.work != nil {
		if err := p.work(steps); err != nil {
			return nil, nil, err
		}
	}
	if err := w.ceiling.configure(steps); err != nil {
		return nil, nil, err
	}
	for number := range workers {
		v := w.visitor()
		visitors = append(visitors, v)
		travel, err := p.prepare(w, number, v) // at the server still: it may have to sign in
		if err != nil {
			return nil, visitors, err
		}
		v.close()
		v.ceiling, v.address = true, w.ceiling.address
		journeys = append(journeys, func() error {
			v.step = 0
			return travel()
		})
	}
	return journeys, visitors, nil
}

func closeAll(visitors []*visitor) {
	for _, v := range visitors {
		v.close()
	}
}
