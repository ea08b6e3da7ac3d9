package measure

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Row is one line of the table. A cell that does not apply is "".
type Row struct {
	Name       string
	Throughput string
	P50, P99   string
	CPU        string // processor time of the server per request
	Memory     string // resident memory of the server after the row
	Ceiling    string // what the ceiling reached
	Ratio      string
	Target     string
	Verdict    Verdict
	Notes      []string // how the ceiling is made, and what else was measured
}

// Verdict says whether the target was met.
type Verdict string

// The verdicts.
const (
	Met    Verdict = "yes"
	Missed Verdict = "**no**"
	Open   Verdict = "–" // there is nothing to meet
)

// Judge is Met or Missed.
func Judge(met bool) Verdict {
	if met {
		return Met
	}
	return Missed
}

// Table writes the rows as a Markdown table whose source can be read too, and the notes below it.
func Table(rows []Row) string {
	lines := [][]string{{"row", "throughput", "p50", "p99", "server CPU", "memory", "ceiling", "ratio", "target", "met"}}
	for _, r := range rows {
		lines = append(lines, []string{r.Name, r.Throughput, r.P50, r.P99, r.CPU, r.Memory, r.Ceiling, r.Ratio, r.Target, string(r.Verdict)})
	}
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell), 3)
		}
	}
	var text strings.Builder
	for number, line := range lines {
		for i, cell := range line {
			text.WriteString("| " + cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+1))
		}
		text.WriteString("|\n")
		if number == 0 {
			for _, width := range widths {
				text.WriteString("|" + strings.Repeat("-", width+2))
			}
			text.WriteString("|\n")
		}
	}
	for _, r := range rows {
		for i, note := range r.Notes {
			if i == 0 {
				text.WriteString("\n**" + r.Name + "**: ")
			} else {
				text.WriteString(" ")
			}
			text.WriteString(note)
		}
		if len(r.Notes) > 0 {
			text.WriteString("\n")
		}
	}
	return text.String()
}

// Rate writes a throughput with three digits.
func Rate(perSecond float64) string {
	switch {
	case perSecond <= 0:
		return ""
	case perSecond < 10:
		return fmt.Sprintf("%.2f/s", perSecond)
	case perSecond < 100:
		return fmt.Sprintf("%.1f/s", perSecond)
	default:
		return grouped(int64(perSecond+0.5)) + "/s"
	}
}

// Span writes a time span with about three digits.
func Span(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < 100*time.Microsecond:
		return fmt.Sprintf("%.1f µs", float64(d)/float64(time.Microsecond))
	case d < time.Millisecond:
		return fmt.Sprintf("%.0f µs", float64(d)/float64(time.Microsecond))
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
	case d < 10*time.Second:
		return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
	default:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
}

// Megabytes writes bytes in MB of a million.
func Megabytes(bytes int64) string {
	if bytes <= 0 {
		return ""
	}
	return fmt.Sprintf("%.0f MB", float64(bytes)/1e6)
}

// Fraction writes a ratio.
func Fraction(ratio float64) string {
	if ratio <= 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", ratio)
}

// grouped writes a number with spaces between thousands.
func grouped(number int64) string {
	digits := fmt.Sprint(number)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + " " + digits[i:]
	}
	return digits
}
