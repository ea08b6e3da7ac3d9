package measure

import (
	"math"
	"slices"
	"testing"
	"time"
)

func spans(values ...int) []time.Duration {
	made := make([]time.Duration, len(values))
	for i, value := range values {
		made[i] = time.Duration(value)
	}
	return made
}

func TestPercentileIsTheNearestRank(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100 - i)
	}
	for _, test := range []struct {
		values   []time.Duration
		fraction float64
		want     time.Duration
	}{
		{nil, 0.5, 0},
		{spans(7), 0.5, 7},
		{spans(7), 0.99, 7},
		{spans(3, 1, 2), 0.5, 2},
		{spans(4, 3, 1, 2), 0.5, 2},
		{spans(4, 3, 1, 2), 0.51, 3},
		{hundred, 0.99, 99},
		{hundred, 0.5, 50},
		{hundred, 0.29, 29}, // 0.29 × 100 is a little more than 29 in binary
		{hundred, 1, 100},
		{hundred, 0, 1},
	} {
		if got := Percentile(test.values, test.fraction); got != test.want {
			t.Errorf("percentile %v of %d values is %d, want %d", test.fraction, len(test.values), got, test.want)
		}
	}
	unsorted := spans(3, 1, 2)
	Percentile(unsorted, 0.5)
	if !slices.Equal(unsorted, spans(3, 1, 2)) {
		t.Error("the values were reordered")
	}
}

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{5}, 5}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1}, 2.5}, {[]float64{8, 2, 4, 6}, 5}} {
		if got := MedianFloat(test.values); got != test.want {
			t.Errorf("median of %v is %v, want %v", test.values, got, test.want)
		}
	}
	if got := MedianDuration(spans(10, 20, 90, 30)); got != 25 {
		t.Errorf("median is %d", got)
	}
}

func run(count int, elapsed, cpu time.Duration) Run {
	return Run{Count: count, Elapsed: elapsed, CPU: cpu, Database: 2 * cpu}
}

func TestRunsComeToRates(t *testing.T) {
	r := run(500, 2*time.Second, time.Second)
	if r.PerSecond() != 250 || r.CPUEach() != 2*time.Millisecond || r.DatabaseEach() != 4*time.Millisecond {
		t.Errorf("%v/s, %v, %v", r.PerSecond(), r.CPUEach(), r.DatabaseEach())
	}
	if empty := (Run{}); empty.PerSecond() != 0 || empty.CPUEach() != 0 || empty.Percentile(0.99) != 0 {
		t.Error("a run without requests must come to nothing, not to a fault")
	}
}

func TestTheRatioIsTheMedianOfPairs(t *testing.T) {
	// The machine was twice as slow during the second pair: the ratio does not show it.
	pairs := []Pair{
		{run(500, time.Second, time.Second), run(1000, time.Second, time.Second)},
		{run(260, time.Second, time.Second), run(500, time.Second, time.Second)},
		{run(600, time.Second, time.Second), run(1000, time.Second, time.Second)},
	}
	got := Summarize(pairs)
	if math.Abs(got.Ratio-0.52) > 1e-9 || got.PerSecond != 500 || got.CeilingPerSecond != 1000 || got.CPUEach != 2*time.Millisecond {
		t.Errorf("%+v", got)
	}
	if (Pair{Server: run(5, time.Second, 0)}).Ratio() != 0 {
		t.Error("without a ceiling there is no ratio")
	}
}

func TestTable(t *testing.T) {
	got := Table([]Row{
		{Name: "discovery", Throughput: Rate(12345.6), P50: Span(85 * time.Microsecond), P99: Span(2500 * time.Microsecond), CPU: Span(120 * time.Microsecond),
			Memory: Megabytes(31_400_000), Ceiling: Rate(9876), Ratio: Fraction(0.8), Target: "≥ 0.7", Verdict: Judge(true), Notes: []string{"One.", "Two."}},
		{Name: "slow", Verdict: Judge(false)},
	})
	want := `| row       | throughput | p50     | p99     | server CPU | memory | ceiling | ratio | target | met    |
|-----------|------------|---------|---------|------------|--------|---------|-------|--------|--------|
| discovery | 12 346/s   | 85.0 µs | 2.50 ms | 120 µs     | 31 MB  | 9 876/s | 0.80  | ≥ 0.7  | yes    |
| slow      |            |         |         |            |        |         |       |        | **no** |

**discovery**: One. Two.
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestNumbersHaveAboutThreeDigits(t *testing.T) {
	for want, got := range map[string]string{
		"": Rate(0), "1.50/s": Rate(1.5), "42.1/s": Rate(42.12), "1 000 000/s": Rate(1e6), "999/s": Rate(999.4),
		"9.5 µs": Span(9500), "950 µs": Span(950 * time.Microsecond), "1.00 ms": Span(time.Millisecond), "250 ms": Span(250 * time.Millisecond), "61.0 s": Span(61 * time.Second),
		"0.35": Fraction(0.349999), "60 MB": Megabytes(59_999_999),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if Span(0) != "" || Fraction(0) != "" || Megabytes(0) != "" {
		t.Error("what was not measured must stay empty")
	}
}
