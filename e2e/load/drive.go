package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/clavex/clavex/e2e/load/measure"
)

// journey is what a virtual client does over and over. An error ends the run: figures of a server that
// refuses are worth nothing.
type journey func() error

// drive lets every journey run in a loop of its own, each beginning anew when it is done (a closed loop: the
// number of journeys is the concurrency), for the duration. spent is asked for the CPU time before and after.
func drive(ctx context.Context, journeys []journey, duration time.Duration, spent func() cost) (measure.Run, error) {
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	latencies := make([][]time.Duration, len(journeys))
	failures := make([]error, len(journeys))
	var all sync.WaitGroup
	before, began := spent(), time.Now()
	for i, travel := range journeys {
		all.Go(func() {
			latencies[i], failures[i] = repeat(ctx, travel)
			if failures[i] != nil {
				cancel()
			}
		})
	}
	all.Wait()
	run := measure.Run{Elapsed: time.Since(began)}
	after := spent()
	run.CPU, run.Database = after.server-before.server, after.database-before.database
	for _, each := range latencies {
		run.Latencies = append(run.Latencies, each...)
	}
	run.Count = len(run.Latencies)
	if err := errors.Join(failures...); err != nil {
		return run, err
	}
	if run.Count == 0 {
		return run, errors.New("nothing finished within the duration")
	}
	return run, nil
}

// repeat travels until the context ends. A journey that has begun is finished and counted.
func repeat(ctx context.Context, travel journey) ([]time.Duration, error) {
	latencies := make([]time.Duration, 0, 1<<14)
	for ctx.Err() == nil {
		began := time.Now()
		if err := travel(); err != nil {
			return latencies, err
		}
		latencies = append(latencies, time.Since(began))
	}
	return latencies, nil
}

// paced makes a journey begin at most once in the interval, for a load that leaves the machine room.
func paced(ctx context.Context, interval time.Duration, journeys ...journey) func() ([]time.Duration, error) {
	return func() ([]time.Duration, error) {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		var latencies []time.Duration
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return latencies, nil
			case <-ticker.C:
			}
			began := time.Now()
			if err := journeys[i%len(journeys)](); err != nil {
				return latencies, err
			}
			latencies = append(latencies, time.Since(began))
		}
	}
}
