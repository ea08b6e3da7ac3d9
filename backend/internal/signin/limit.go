package signin

import (
	"context"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/ratelimit"
	"github.com/clavex/clavex/backend/internal/reqctx"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/user"
)

// Anybody may begin a sign-in, and each one begun is kept for hours: without a limit a stranger fills the
// store of short-lived state. What counts is the network, the only thing of a stranger that costs something
// to change. But a network may be a whole office, university or mobile carrier behind one address, so who
// pays is chosen with care:
//
//   - A browser in which somebody of this organization signed in before is counted by itself, not with its
//     network. A neighbour who floods, or a morning on which everybody begins, costs it nothing, and it uses
//     up nothing of what newcomers have. It is known by its cookie's digest in the sessions, which only a
//     completed sign-in writes: an invented cookie makes no browser known. What an insider could still do with
//     it is bounded by the browser's own count, with an audited sign-in and a password hash for each browser.
//   - A live session is not asked to sign in at all and never comes here, unless the application wants
//     more than the session proves. Then its browser is known.
//   - All others, newcomers and private windows, share the network's count. It is generous, and each
//     organization has its own, so what is begun at one does not slow down another.
//
// A sign-in that was begun goes on whatever happens to the counts.
const (
	beginningsWindow   = 10 * time.Minute
	beginningsOfKnown  = 100 // a person who clicks, in a browser that restores a row of tabs
	counterOfNetworks  = "sign_ins_of_network"
	counterOfBrowsers  = "sign_ins_of_browser"
	outcomeNotBegun    = "limited" // for Observe
	codeNetworkLimited = "sign_ins_of_network_limited"
)

// The answers to too many begun sign-ins.
var (
	ErrNetworkLimited = fault.New(fault.RateLimited, codeNetworkLimited, "Very many sign-ins were begun from your network. Wait a few minutes, then try again.")
	ErrBrowserLimited = fault.New(fault.RateLimited, "sign_ins_of_browser_limited", "Too many sign-ins were begun in this browser. Wait a few minutes, then try again.")
)

// Beginnings limit how many sign-ins are begun.
type Beginnings struct{ network, browser *ratelimit.Limit }

// NewBeginnings makes the limits; ofNetwork is how many sign-ins unknown browsers of a network may begin at an
// organization in ten minutes, 0 for as many as they like.
func NewBeginnings(counters kv.Store, ofNetwork int) Beginnings {
	return newBeginnings(counters, ofNetwork, counterOfNetworks, counterOfBrowsers)
}

// NewIdentifiers makes the same limits for identifiers that are typed where those are asked for first. They are
// counted by themselves, so that a sign-in does not cost two.
func NewIdentifiers(counters kv.Store, ofNetwork int) Beginnings {
	return newBeginnings(counters, ofNetwork, "identifiers_of_network", "identifiers_of_browser")
}

func newBeginnings(counters kv.Store, ofNetwork int, networks, browsers string) Beginnings {
	ofBrowser := beginningsOfKnown
	if ofNetwork == 0 {
		ofBrowser = 0
	}
	return Beginnings{
		network: ratelimit.New(counters, networks, ofNetwork, beginningsWindow, ErrNetworkLimited),
		browser: ratelimit.New(counters, browsers, ofBrowser, beginningsWindow, ErrBrowserLimited),
	}
}

// mayBegin counts a sign-in that is about to be begun and refuses what is too much.
func (s *SignIn) mayBegin(c *gin.Context, organization *org.Organization) error {
	return s.may(c, organization, s.Beginnings)
}

// mayIdentify counts an identifier that was typed and refuses what is too much.
func (s *SignIn) mayIdentify(c *gin.Context, organization *org.Organization) error {
	return s.may(c, organization, s.Identifiers)
}

func (s *SignIn) may(c *gin.Context, organization *org.Organization, limits Beginnings) error {
	err := s.countBeginning(c, organization, limits)
	if fault.IsKind(err, fault.RateLimited) {
		s.Observe(outcomeNotBegun)
	}
	return err
}

func (s *SignIn) countBeginning(c *gin.Context, organization *org.Organization, limits Beginnings) error {
	ctx := c.Request.Context()
	browser := s.Cookies.Browser(c.Request, organization)
	if browser == "" {
		return limits.network.CountNetwork(ctx, organization.ID)
	}
	known, err := s.Sessions.HasSignedIn(ctx, organization.ID, secret.Hash(browser))
	if err != nil {
		return err
	}
	if known {
		return limits.browser.CountBrowser(ctx, organization.ID, browser)
	}
	return limits.network.CountNetwork(ctx, organization.ID)
}

// How much may be asked for by people who want accounts. A network is counted for the hashes that they cost, an address
// for the mail that its owner gets, an organization for the reputation of who sends all that.
const (
	signUpsWindow         = time.Hour
	signUpMailsOfAddress  = 6
	signUpsOfOrganization = 5000
)

// The answers to too many of them.
var (
	ErrSignUpsLimited     = fault.New(fault.RateLimited, "sign_ups_limited", "Too many accounts were asked for. Wait a while, then try again.")
	ErrSignUpMailsLimited = fault.New(fault.RateLimited, "sign_up_mails_limited", "Too many mails were sent to this address. Wait a while, then try again.").WithField("email")
)

// SignUpLimits limit how many accounts are asked for.
type SignUpLimits struct {
	network, organization *ratelimit.Limit
	address               countOfStrangers
}

// NewSignUpLimits makes the limits; ofNetwork is how many accounts people of one network may ask for at an organization
// in an hour, 0 for as many as they like.
func NewSignUpLimits(counters kv.Store, ofNetwork int) SignUpLimits {
	return SignUpLimits{
		network:      ratelimit.New(counters, "sign_ups_of_network", ofNetwork, signUpsWindow, ErrSignUpsLimited),
		organization: ratelimit.New(counters, "sign_ups_of_organization", signUpsOfOrganization, signUpsWindow, ErrSignUpsLimited),
		address:      newCountOfStrangers(counters, "sign_up_mails_of_address", signUpMailsOfAddress, signUpsWindow, ErrSignUpMailsLimited),
	}
}

// count counts somebody who asks for an account.
func (l SignUpLimits) count(ctx context.Context, orgID uuid.UUID) error {
	if err := l.network.CountNetwork(ctx, orgID); err != nil {
		return err
	}
	return l.organization.CountOrganization(ctx, orgID)
}

// countMail counts a mail to an address, whoever asked for it.
func (l SignUpLimits) countMail(ctx context.Context, orgID uuid.UUID, address string) error {
	return l.address.count(ctx, orgID, strings.ToLower(address))
}

// How often passwords may be forgotten, and people sign in by mail: by the people of one network, for one name that is
// typed, and for one account whatever is typed. Nobody proves anything to ask for these mails, so any stranger can use up
// what a person has. So there are counts that strangers do not reach: those of each browser in which that very person
// signed in before (countOf), and those of the mails of second factors, for which a first factor was proved.
const (
	recoveriesWindow    = time.Hour
	recoveriesOfNetwork = 100
	recoveriesOfName    = 6
	recoveriesOfAccount = 10
	factorMailsWindow   = time.Hour
	factorMailsNetwork  = 100
	factorMailsAccount  = 10
)

// The answers to too much forgetfulness.
var (
	ErrRecoveriesLimited      = fault.New(fault.RateLimited, "recoveries_limited", "Too many passwords were forgotten in your network. Wait a while, then try again.")
	ErrRecoveryMailsLimited   = fault.New(fault.RateLimited, "recovery_mails_limited", "Too many mails were asked for. Wait a while, then try again.").WithField("username")
	errRecoveriesOfOneLimited = fault.New(fault.RateLimited, "recoveries_of_account_limited", "Too many mails were sent to this account.")
)

// RecoveryLimits limit how often passwords may be forgotten.
type RecoveryLimits struct {
	network        *ratelimit.Limit
	typed, account countOf
}

// NewRecoveryLimits makes the limits.
func NewRecoveryLimits(counters kv.Store) RecoveryLimits {
	return RecoveryLimits{
		network: ratelimit.New(counters, "recoveries_of_network", recoveriesOfNetwork, recoveriesWindow, ErrRecoveriesLimited),
		typed:   newCountOf(counters, "recoveries_of_name", recoveriesOfName, recoveriesWindow, ErrRecoveryMailsLimited),
		account: newCountOf(counters, "recoveries_of_account", recoveriesOfAccount, recoveriesWindow, errRecoveriesOfOneLimited),
	}
}

// countNetwork counts somebody who asks, unless their browser has counts of its own.
func (l RecoveryLimits) countNetwork(ctx context.Context, orgID uuid.UUID, own string) error {
	if own != "" {
		return nil
	}
	return l.network.CountNetwork(ctx, orgID)
}

// FactorMailLimits limit how many codes are mailed that are second factors.
type FactorMailLimits struct {
	network *ratelimit.Limit
	account countOf
}

// NewFactorMailLimits makes the limits.
func NewFactorMailLimits(counters kv.Store) FactorMailLimits {
	return FactorMailLimits{
		network: ratelimit.New(counters, "factor_mails_of_network", factorMailsNetwork, factorMailsWindow, ErrFactorMailsLimited),
		// Whoever asks for one has proved the first factor: there are no strangers, and nothing is spared for new networks.
		account: countOf{strangers: countOfStrangers{all: ratelimit.New(counters, "factor_mails_of_account", factorMailsAccount, factorMailsWindow, ErrFactorMailsLimited)},
			known: ratelimit.New(counters, "factor_mails_of_account_in_browser", factorMailsAccount, factorMailsWindow, ErrFactorMailsLimited)},
	}
}

// count counts a mail to an account; own as in countOf.
func (l FactorMailLimits) count(ctx context.Context, orgID, account uuid.UUID, own string) error {
	if own == "" {
		if err := l.network.CountNetwork(ctx, orgID); err != nil {
			return err
		}
	}
	return ratelimit.About(l.account.count(ctx, orgID, own, account.String()), account)
}

// countOf is a limit of what is asked for about somebody, with a count of its own for each browser in which they signed in
// before: what strangers ask for uses up nothing of it, and it uses up nothing of theirs.
type countOf struct {
	strangers countOfStrangers
	known     *ratelimit.Limit
}

func newCountOf(counters kv.Store, kind string, most int, window time.Duration, refused *fault.Error) countOf {
	return countOf{strangers: newCountOfStrangers(counters, kind, most, window, refused), known: ratelimit.New(counters, kind+"_in_browser", most, window, refused)}
}

// count counts what is asked for about a subject; own is the secret of a browser that the person is known by, "" in others.
func (l countOf) count(ctx context.Context, orgID uuid.UUID, own, subject string) error {
	if own == "" {
		return l.strangers.count(ctx, orgID, subject)
	}
	return l.known.CountBrowser(ctx, orgID, own+" "+subject)
}

// What is asked for about somebody when strangers have used up what there is: by one network, and by all that have not
// asked for so much before, in a day (decision 0016).
const (
	spareOfNetwork  = 2
	spareOfNetworks = 20
	spareWindow     = 24 * time.Hour
)

// countOfStrangers is a limit of what anybody may ask for about somebody. Past it a network that has asked for little of it
// still gets some, or whoever uses it up keeps its owner from all of it.
type countOfStrangers struct {
	all                   *ratelimit.Limit
	ofNetwork, ofNetworks *ratelimit.Limit // nil where nothing is spared
}

func newCountOfStrangers(counters kv.Store, kind string, most int, window time.Duration, refused *fault.Error) countOfStrangers {
	return countOfStrangers{
		all:        ratelimit.New(counters, kind, most, window, refused),
		ofNetwork:  ratelimit.New(counters, kind+"_in_network", spareOfNetwork, spareWindow, refused),
		ofNetworks: ratelimit.New(counters, kind+"_in_new_networks", spareOfNetworks, spareWindow, refused),
	}
}

func (l countOfStrangers) count(ctx context.Context, orgID uuid.UUID, subject string) error {
	if l.ofNetwork == nil {
		return l.all.Count(ctx, orgID, subject)
	}
	// The network's own first, whatever the others say: what it asks for while there is enough makes it one that has asked.
	network := l.ofNetwork.Count(ctx, orgID, reqctx.WideNetwork(reqctx.From(ctx).Address)+" "+subject)
	if network != nil && !fault.IsKind(network, fault.RateLimited) {
		return network
	}
	err := l.all.Count(ctx, orgID, subject)
	if network != nil || !fault.IsKind(err, fault.RateLimited) {
		return err
	}
	if spare := l.ofNetworks.Count(ctx, orgID, subject); !fault.IsKind(spare, fault.RateLimited) {
		return spare
	}
	return err // with the time after which the whole limit is there again
}

// own is the browser's secret when the person signed in there before, else "". It is asked about nobody (uuid.Nil), too, so
// that the effort does not tell who exists.
func (s *SignIn) own(ctx context.Context, v *visit, person uuid.UUID) (string, error) {
	known, err := s.Sessions.BrowserIsKnown(ctx, v.organization.ID, person, v.browserHash)
	if err != nil || !known {
		return "", err
	}
	return v.browser, nil
}

// addressesOfAccount is how often the address of one account may be changed in an hour.
const addressesOfAccount = 10

// ErrAddressesLimited is the answer to changing an address too often.
var ErrAddressesLimited = fault.New(fault.RateLimited, "addresses_limited", "The address was changed too often. Wait a while, then try again.").WithField("email")

// ownMailsOfAccount is how many mails with which somebody proves the address that they have go out in an hour, about one account.
const ownMailsOfAccount = 6

// AddressLimits limit how often addresses may be changed, and how many mails prove the one that an account has.
type AddressLimits struct{ account, own *ratelimit.Limit }

// NewAddressLimits makes the limits.
func NewAddressLimits(counters kv.Store) AddressLimits {
	return AddressLimits{
		account: ratelimit.New(counters, "addresses_of_account", addressesOfAccount, time.Hour, ErrAddressesLimited),
		own:     ratelimit.New(counters, "own_address_mails_of_account", ownMailsOfAccount, time.Hour, ErrSignUpMailsLimited),
	}
}

// change counts a change of the address of an account, by the person, who is signed in.
func (l AddressLimits) change(ctx context.Context, orgID uuid.UUID, person *user.User) error {
	return refusedTo(person, l.account.Count(ctx, orgID, person.ID.String()))
}

// ownMail counts a mail to the address that the account has, which the person, who is signed in, wants.
func (l AddressLimits) ownMail(ctx context.Context, orgID uuid.UUID, person *user.User) error {
	return refusedTo(person, l.own.Count(ctx, orgID, person.ID.String()))
}

// refusedTo says of a refusal that it was the person's own doing.
func refusedTo(person *user.User, err error) error {
	return ratelimit.AskedBy(ratelimit.About(err, person.ID), actorOf(person))
}
