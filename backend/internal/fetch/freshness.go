package fetch

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// lifetime is for how long an answer says that it is fresh (RFC 9111 §4.2.1, §4.2.3): max-age, else Expires, less
// its age. known is false when it says nothing; a document that must not be kept has a lifetime of 0.
func lifetime(header http.Header) (fresh time.Duration, known bool) {
	var maximum time.Duration
	for _, line := range header.Values("Cache-Control") {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-store", "no-cache":
				return 0, true
			case "max-age":
				maximum, known = seconds(strings.Trim(value, `"`)), true
			}
		}
	}
	if known {
		return max(0, maximum-seconds(header.Get("Age"))), true
	}
	if header.Get("Expires") == "" {
		return 0, false
	}
	expires, err := http.ParseTime(header.Get("Expires"))
	if err != nil {
		return 0, true // RFC 9111 §5.3: an invalid date is in the past
	}
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0, false // without the sender's clock the date says nothing
	}
	return max(0, expires.Sub(date)-seconds(header.Get("Age"))), true
}

// seconds reads delta-seconds (RFC 9111 §1.2.2); what is malformed is 0.
func seconds(text string) time.Duration {
	parsed, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		if len(text) > 9 && strings.Trim(text, "0123456789") == "" {
			parsed = 1<<31 - 1
		} else {
			return 0
		}
	}
	return time.Duration(parsed) * time.Second
}
