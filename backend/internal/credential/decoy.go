package credential

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// An identifier that nobody has is given a first way, too: always the same one, drawn by a keyed hash of the identifier from
// the ways that the people of the organization have. So whoever tries identifiers sees the same mixture for those that exist and
// those that do not. Three things would tell them apart, and are kept away:
//
//   - People of one domain often sign in alike (a company with a provider of its own). A domain that several people have
//     addresses in has shares of its own.
//   - A way that few have would be drawn for nobody. Every way that the organization offers has a share, as if one more person
//     had it.
//   - Shares move with every person who comes or changes something, and decoys that flicker are none. Counted is once in an hour, and
//     new shares are taken only when they differ noticeably.
//
// What is left: who watches an identifier for long may see its first way change, when its person changes it.
const (
	countedEvery   = time.Hour
	countedPeople  = 10_000 // who came first, and as many who came last
	domainsMost    = 100
	domainPeople   = 5 // from whom on a domain has shares of its own
	domainOthers   = 4 // as if so many more people of the domain were like everybody
	noticeablePart = 0.05
	noticeableFold = 2
)

const decoyKeyLength = 32

const decoyLabel = "first way of nobody"

// share is which part of the people has a first way.
type share struct {
	FirstWay
	Part float64 `json:"part"`
}

// shares are by domain; those of everybody are under "".
type shares map[string][]share

// decoys are what an organization answers to identifiers that nobody has.
type decoys struct {
	key    []byte
	shares shares
}

// of is the first way of an identifier in the form in which identifiers are compared.
func (d decoys) of(folded string) FirstWay {
	list, ok := d.shares[domainOf(folded)]
	if !ok {
		list = d.shares[""]
	}
	drawn := float64(binary.BigEndian.Uint64(secret.Derive(d.key, decoyLabel, folded))>>11) / (1 << 53)
	for _, one := range list {
		if drawn -= one.Part; drawn < 0 {
			return one.FirstWay
		}
	}
	return FirstWay{Kind: ByPassword}
}

// domainOf is what stands behind the last @ of an identifier; "" when there is none.
func domainOf(identifier string) string {
	if at := strings.LastIndexByte(identifier, '@'); at >= 0 {
		return identifier[at+1:]
	}
	return ""
}

// decoys reads the decoys of an organization. Whoever finds them older than an hour counts anew; the others go on with them
// meanwhile, unless they are of ways that the organization does not have any more.
func (f *FirstWays) decoys(ctx context.Context, orgID uuid.UUID, offered Offered, refused []uuid.UUID) (decoys, error) {
	wanted := fmt.Sprint(offered.RPID, offered.ways())
	queries := dbq.New(f.db)
	row, err := queries.Decoys(ctx, orgID)
	if store.IsNotFound(err) {
		key := make([]byte, decoyKeyLength)
		if _, err := io.ReadFull(f.random, key); err != nil {
			return decoys{}, fmt.Errorf("draw a key: %w", err)
		}
		if err = queries.InsertDecoys(ctx, dbq.InsertDecoysParams{OrgID: orgID, Key: key, CountedAt: time.Unix(0, 0)}); err == nil {
			row, err = queries.Decoys(ctx, orgID)
		}
	}
	if err != nil {
		return decoys{}, err
	}
	fresh := func(row dbq.Decoy) bool { return row.CountedFor == wanted && f.now().Sub(row.CountedAt) < countedEvery }
	if !fresh(row) {
		same := row.CountedFor == wanted
		err := f.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			locked, err := f.lock(ctx, tx, orgID, same)
			if store.IsNotFound(err) {
				return nil // somebody counts
			}
			if err != nil {
				return err
			}
			if row = locked; fresh(row) {
				return nil
			}
			row.Shares, err = f.count(ctx, tx, row, offered, refused, row.CountedFor == wanted)
			if err != nil {
				return err
			}
			return dbq.New(tx).UpdateDecoys(ctx, dbq.UpdateDecoysParams{OrgID: orgID, Shares: row.Shares, CountedFor: wanted, CountedAt: f.now()})
		})
		if err != nil {
			return decoys{}, err
		}
	}
	known := decoys{key: row.Key}
	return known, json.Unmarshal(row.Shares, &known.shares)
}

func (f *FirstWays) lock(ctx context.Context, tx *store.Tx, orgID uuid.UUID, same bool) (dbq.Decoy, error) {
	if same {
		return dbq.New(tx).LockFreeDecoys(ctx, orgID)
	}
	return dbq.New(tx).LockDecoys(ctx, orgID)
}

// count counts the people of an organization. What was counted before, for the same ways, stays where little changed.
func (f *FirstWays) count(ctx context.Context, tx *store.Tx, row dbq.Decoy, offered Offered, refused []uuid.UUID, same bool) ([]byte, error) {
	counted, err := dbq.New(tx).CountFirstWays(ctx, dbq.CountFirstWaysParams{OrgID: row.OrgID, Most: countedPeople, RpID: offered.RPID, RefusedModels: refused})
	if err != nil {
		return nil, err
	}
	people := map[string]map[FirstWay]float64{"": {}}
	for _, of := range counted {
		way := offered.best(of.Passkey, of.Password, of.ProviderID, of.Mail)
		people[""][way] += float64(of.People)
		if of.Domain != "" {
			if people[of.Domain] == nil {
				people[of.Domain] = map[FirstWay]float64{}
			}
			people[of.Domain][way] += float64(of.People)
		}
	}
	var before shares
	if same {
		if err := json.Unmarshal(row.Shares, &before); err != nil {
			return nil, err
		}
	}
	return json.Marshal(sharesOf(people, offered.ways(), before))
}

// sharesOf turns counts into shares.
func sharesOf(people map[string]map[FirstWay]float64, ways []FirstWay, before shares) shares {
	now := shares{"": parts(people[""], ways, func(int) float64 { return 1 })}
	everybody := now[""]
	if steady(before[""], everybody) {
		now[""] = before[""]
	}
	for _, domain := range domainsOf(people, before) {
		now[domain] = parts(people[domain], ways, func(n int) float64 { return domainOthers * everybody[n].Part })
		if steady(before[domain], now[domain]) {
			now[domain] = before[domain]
		}
	}
	return now
}

// parts are the shares of the ways, each with some people more than were counted.
func parts(people map[FirstWay]float64, ways []FirstWay, more func(n int) float64) []share {
	list, sum := make([]share, len(ways)), 0.0
	for n, way := range ways {
		list[n] = share{FirstWay: way, Part: people[way] + more(n)}
		sum += list[n].Part
	}
	for n := range list {
		list[n].Part /= sum
	}
	return list
}

// domainsOf are the domains that have shares of their own: those that had before, then those with most people.
func domainsOf(people map[string]map[FirstWay]float64, before shares) []string {
	sizes := map[string]float64{}
	var domains []string
	for domain, ways := range people {
		for _, count := range ways {
			sizes[domain] += count
		}
		if domain != "" && sizes[domain] >= domainPeople {
			domains = append(domains, domain)
		}
	}
	slices.SortFunc(domains, func(a, b string) int {
		_, hadA := before[a]
		_, hadB := before[b]
		switch {
		case hadA != hadB && hadA, hadA == hadB && sizes[a] > sizes[b]:
			return -1
		case hadA != hadB, sizes[a] < sizes[b]:
			return 1
		}
		return strings.Compare(a, b)
	})
	return domains[:min(len(domains), domainsMost)]
}

// steady reports whether shares changed so little that those of before do.
func steady(before, now []share) bool {
	if len(before) != len(now) {
		return false
	}
	for n, of := range now {
		part, was := of.Part, before[n].Part
		if before[n].FirstWay != of.FirstWay || math.Abs(part-was) > noticeablePart || part > noticeableFold*was || was > noticeableFold*part {
			return false
		}
	}
	return true
}
