package device

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/ratelimit"
)

// A code that people type is short, so how often codes are tried is limited (RFC 8628 §5.1). There are 20^8 of them: with
// a thousand devices waiting at an organization, all that its limit lets through in ten minutes finds one of them once in
// five thousand years of trying. A browser in which somebody of the organization signed in before is counted by itself:
// a stranger who uses up what others have costs it nothing.
const (
	window          = 10 * time.Minute
	guessesOfOne    = 20 // tries of one browser
	guessesPerTen   = 10 // of the sign-ins that a network may begin, one in ten
	networksAtOnce  = 10 // how many networks may use up theirs before the organization's unknown browsers wait
	kindOfBrowsers  = "user_codes_of_browser"
	kindOfNetworks  = "user_codes_of_network"
	kindOfTheTenant = "user_codes_of_organization"
)

var errTooManyGuesses = fault.New(fault.RateLimited, "user_codes_rate_limited", "Too many codes were tried. Wait a few minutes, then try again.").WithField("user_code")

// Guess says who tries a code.
type Guess struct {
	Browser string // its own secret
	Known   bool   // somebody of the organization signed in in it before
}

type guesses struct{ browser, network, organization *ratelimit.Limit }

func newGuesses(counters kv.Store, signIns int) guesses {
	ofBrowser, ofNetwork := guessesOfOne, max(signIns/guessesPerTen, guessesOfOne)
	if signIns == 0 {
		ofBrowser, ofNetwork = 0, 0
	}
	return guesses{
		browser:      ratelimit.New(counters, kindOfBrowsers, ofBrowser, window, errTooManyGuesses),
		network:      ratelimit.New(counters, kindOfNetworks, ofNetwork, window, errTooManyGuesses),
		organization: ratelimit.New(counters, kindOfTheTenant, ofNetwork*networksAtOnce, window, errTooManyGuesses),
	}
}

// count counts a try before it is looked at, so that a right one among too many is worth nothing.
func (g guesses) count(ctx context.Context, orgID uuid.UUID, guess Guess) error {
	if guess.Known {
		return g.browser.CountBrowser(ctx, orgID, guess.Browser)
	}
	// The network first: a stranger has as many browsers as they like, and each that is refused is an event of its own.
	if err := g.network.CountNetwork(ctx, orgID); err != nil {
		return err
	}
	if err := g.browser.CountBrowser(ctx, orgID, guess.Browser); err != nil {
		return err
	}
	return g.organization.CountOrganization(ctx, orgID)
}
