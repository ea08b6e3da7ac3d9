// Package measure is the arithmetic of the benchmark: percentiles, medians, ratios to a ceiling and the
// table they are printed in. It measures nothing itself.
package measure

import (
	"cmp"
	"slices"
	"time"
)

// Run is one run of one kind of request: what was done, how long each took, and what it cost.
type Run struct {
	Count     int           // requests (or whole journeys) that succeeded
	Elapsed   time.Duration // wall time of the run
	Latencies []time.Duration
	CPU       time.Duration // user and system time of the server process during the run; 0 when unknown
	Database  time.Duration // the same of all processes of PostgreSQL; 0 when not measured
}

// PerSecond is the throughput.
func (r Run) PerSecond() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Count) / r.Elapsed.Seconds()
}

// CPUEach is the processor time of the server for one request.
func (r Run) CPUEach() time.Duration { return each(r.CPU, r.Count) }

// DatabaseEach is the processor time of PostgreSQL for one request.
func (r Run) DatabaseEach() time.Duration { return each(r.Database, r.Count) }

func each(total time.Duration, count int) time.Duration {
	if count == 0 {
		return 0
	}
	return total / time.Duration(count)
}

// Percentile is the smallest latency that at least the fraction of all requests did not exceed (nearest
// rank); 0 without requests.
func (r Run) Percentile(fraction float64) time.Duration {
	return Percentile(r.Latencies, fraction)
}

// Percentile is the nearest-rank percentile of values, which it leaves as they are; the zero value when
// there are none.
func Percentile[T cmp.Ordered](values []T, fraction float64) T {
	if len(values) == 0 {
		var none T
		return none
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(fraction*float64(len(sorted)) + 0.999999999) // the ceiling, forgiving binary fractions
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Median is the middle value, or the mean of the two middle ones; the zero value when there are none.
func Median[T cmp.Ordered](values []T, mean func(a, b T) T) T {
	if len(values) == 0 {
		var none T
		return none
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return mean(sorted[middle-1], sorted[middle])
}

// MedianFloat is the median of numbers.
func MedianFloat(values []float64) float64 {
	return Median(values, func(a, b float64) float64 { return (a + b) / 2 })
}

// MedianDuration is the median of time spans.
func MedianDuration(values []time.Duration) time.Duration {
	return Median(values, func(a, b time.Duration) time.Duration { return (a + b) / 2 })
}

// Pair is a run and its ceiling, taken right after one another so that what else happens on the machine
// touches both.
type Pair struct{ Server, Ceiling Run }

// Ratio is the throughput as a fraction of the ceiling's; 0 without a ceiling.
func (p Pair) Ratio() float64 {
	if p.Ceiling.PerSecond() == 0 {
		return 0
	}
	return p.Server.PerSecond() / p.Ceiling.PerSecond()
}

// Summary is what several pairs come to: each number is the median over the pairs.
type Summary struct {
	PerSecond, CeilingPerSecond float64
	P50, P99                    time.Duration
	CeilingP50, CeilingP99      time.Duration
	CPUEach, CeilingCPUEach     time.Duration
	DatabaseEach                time.Duration
	CeilingDatabaseEach         time.Duration
	Ratio                       float64 // the median of the pairs' ratios
}

// Summarize takes the medians.
func Summarize(pairs []Pair) Summary {
	number := func(of func(Pair) float64) float64 {
		values := make([]float64, len(pairs))
		for i, pair := range pairs {
			values[i] = of(pair)
		}
		return MedianFloat(values)
	}
	span := func(of func(Pair) time.Duration) time.Duration {
		values := make([]time.Duration, len(pairs))
		for i, pair := range pairs {
			values[i] = of(pair)
		}
		return MedianDuration(values)
	}
	return Summary{
		PerSecond:        number(func(p Pair) float64 { return p.Server.PerSecond() }),
		CeilingPerSecond: number(func(p Pair) float64 { return p.Ceiling.PerSecond() }),
		P50:              span(func(p Pair) time.Duration { return p.Server.Percentile(0.5) }),
		P99:              span(func(p Pair) time.Duration { return p.Server.Percentile(0.99) }),
		CeilingP50:       span(func(p Pair) time.Duration { return p.Ceiling.Percentile(0.5) }),
		CeilingP99:       span(func(p Pair) time.Duration { return p.Ceiling.Percentile(0.99) }),
		CPUEach:          span(func(p Pair) time.Duration { return p.Server.CPUEach() }),
		CeilingCPUEach:   span(func(p Pair) time.Duration { return p.Ceiling.CPUEach() }),
		DatabaseEach:     span(func(p Pair) time.Duration { return p.Server.DatabaseEach() }),

		CeilingDatabaseEach: span(func(p Pair) time.Duration { return p.Ceiling.DatabaseEach() }),

		Ratio: number(Pair.Ratio),
	}
}
