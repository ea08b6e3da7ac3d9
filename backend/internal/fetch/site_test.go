package fetch

import "testing"

// Who owns a domain makes hosts below it as they like: they share their turns.
func TestHostsOfOneOwnerShareTheirTurns(t *testing.T) {
	for host, want := range map[string]string{
		"example.com": "example.com", "A.b.Example.com": "example.com", "example.com.": "example.com", "one.example.co.uk": "example.co.uk",
		"two.github.io": "two.github.io", "127.0.0.1": "127.0.0.1", "::1": "::1", "localhost": "localhost", "co.uk": "co.uk",
	} {
		if got := site(host); got != want {
			t.Errorf("%s shares with %s, want %s", host, got, want)
		}
	}
}
