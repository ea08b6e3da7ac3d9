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
// those that do not. What would tell them apart is kept away:
//
//   - People of one domain often sign in alike (a company with a provider of its own). A domain that several people have
//     addresses in has shares of its own.
//   - A way that few have would be drawn for nobody. Shares are as if there were one more person, who has a part of every way.
//   - Shares move with every person who comes or changes something, and decoys that flicker are none. Counted is once in an hour, at
//     each address of the organization; who came lately counts where there are not enough others; new shares are taken only when they
//     differ noticeably, and a bit at a time.
//   - Ways that come and go (mail that is down) do to decoys what they do to people: counted is what somebody would have first if
//     all were there.
//   - Where usernames are what the addresses of people begin with, both of somebody are answered alike. So are both of nobody.
//
// What is left: who watches an identifier for long may see its first way change, when its person changes it; and who makes very
// many accounts moves the shares, and so the decoys.
const (
	countedEvery   = time.Hour
	countedPeople  = 10_000 // who came first, and as many who came last
	settledAfter   = 30 * 24 * time.Hour
	settledPeople  = 20 // from whom on nobody else counts, of everybody and of a domain
	domainsMost    = 100
	domainPeople   = 5 // from whom on a domain has shares of its own
	domainOthers   = 1 // as if so many more people of the domain were like everybody
	noticeablePart = 0.05
	noticeableFold = 2
	stepMost       = 0.05 // so far a share moves at one count
	namedPart      = 0.9  // of the people whose usernames are no addresses; from which on their addresses are said to begin with them
	namedStill     = 0.5  // and until when they are
)

const decoyKeyLength = 32

const decoyLabel = "first way of nobody"

// decoys are what an organization answers to an identifier that nobody has.
type decoys struct {
	key            []byte
	namedAfter     string // the domain that usernames go with
	everybody, own []share
}

// of is the first way of an identifier in the form in which identifiers are compared. Each way has a lot of its own, so
// that a share that moves takes along as few identifiers as it must.
func (d decoys) of(folded string, offered Offered) FirstWay {
	if d.namedAfter != "" && !strings.Contains(folded, "@") {
		folded += "@" + d.namedAfter
	}
	list := d.own
	if len(list) == 0 {
		list = d.everybody
	}
	if len(list) == 0 { // never counted, and somebody does so now
		list = parts(nil, offered.counted(), even(offered.counted()))
	}
	first, least := FirstWay{Kind: ByPassword}, math.Inf(1)
	for _, one := range list {
		drawn := binary.BigEndian.Uint64(secret.Derive(d.key, decoyLabel, folded, string(one.Kind), one.ProviderID.String()))
		lot := -math.Log((float64(drawn>>11) + 1) / (1 << 53))
		if one.Part > 0 && lot/one.Part < least {
			first, least = one.FirstWay, lot/one.Part
		}
	}
	return offered.insteadOf(first)
}

// counted are the ways that people are counted by: those that are offered, and mail, which comes and goes.
func (o Offered) counted() []FirstWay {
	o.Mail = true
	return o.ways()
}

// insteadOf is what somebody has first whose first way may be gone since it was counted. See best.
func (o Offered) insteadOf(way FirstWay) FirstWay {
	if way.Kind == ByProvider && !slices.Contains(o.Providers, way.ProviderID) {
		way = FirstWay{Kind: ByMail}
	}
	if way.Kind == ByMail && !o.Mail {
		way = FirstWay{Kind: ByPassword}
	}
	return way
}

// domainOf is what stands behind the last @ of an identifier; "" when there is none.
func domainOf(identifier string) string {
	if at := strings.LastIndexByte(identifier, '@'); at >= 0 {
		return identifier[at+1:]
	}
	return ""
}

// decoys reads what an organization answers to an identifier in folded form. Whoever finds the shares older than an hour, or nothing
// about a provider that is new, counts anew; the others go on with the old ones meanwhile and wait for nobody.
func (f *FirstWays) decoys(ctx context.Context, orgID uuid.UUID, folded string, offered Offered, refused []uuid.UUID) (decoys, error) {
	row, err := f.readDecoys(ctx, dbq.DecoysParams{OrgID: orgID, RpID: offered.RPID, Domain: domainOf(folded)})
	if err != nil {
		return decoys{}, err
	}
	known := decoys{key: row.Key, namedAfter: row.NamedAfter}
	if known.everybody, err = read[[]share](row.Everybody); err != nil {
		return decoys{}, err
	}
	if known.own, err = read[[]share](row.Own); err != nil || f.fresh(row.CountedAt, known.everybody, offered) {
		return known, err
	}
	err = f.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		locked, err := dbq.New(tx).LockDecoyShares(ctx, dbq.LockDecoySharesParams{OrgID: orgID, RpID: offered.RPID})
		if store.IsNotFound(err) {
			return nil // somebody counts
		}
		if err != nil {
			return err
		}
		now, err := read[shares](locked.Shares)
		if err != nil {
			return err
		}
		if !f.fresh(locked.CountedAt, now[""], offered) {
			if now, locked.NamedAfter, err = f.count(ctx, tx, locked, now, offered, refused); err != nil {
				return err
			}
		}
		known.namedAfter, known.everybody = locked.NamedAfter, now[""]
		domain := domainOf(folded)
		if domain == "" {
			domain = known.namedAfter
		}
		known.own = now[domain]
		return nil
	})
	return known, err
}

// readDecoys reads a row. It is made the first time, and the key with the first one of an organization.
func (f *FirstWays) readDecoys(ctx context.Context, which dbq.DecoysParams) (dbq.DecoysRow, error) {
	queries := dbq.New(f.db)
	row, err := queries.Decoys(ctx, which)
	if !store.IsNotFound(err) {
		return row, err
	}
	insert := func() (dbq.DecoysRow, error) {
		err := queries.InsertDecoyShares(ctx, dbq.InsertDecoySharesParams{OrgID: which.OrgID, RpID: which.RpID, CountedAt: time.Unix(0, 0)})
		if err != nil {
			return dbq.DecoysRow{}, err
		}
		return queries.Decoys(ctx, which)
	}
	if row, err = insert(); !store.IsNotFound(err) {
		return row, err
	}
	key := make([]byte, decoyKeyLength)
	if _, err := io.ReadFull(f.random, key); err != nil {
		return row, fmt.Errorf("draw a key: %w", err)
	}
	if err := queries.InsertDecoys(ctx, dbq.InsertDecoysParams{OrgID: which.OrgID, Key: key}); err != nil {
		return row, err
	}
	return insert()
}

// fresh reports whether shares are to be used without a count. Nothing that visitors do or that comes and goes by itself is among
// the reasons.
func (f *FirstWays) fresh(countedAt time.Time, everybody []share, offered Offered) bool {
	return f.now().Sub(countedAt) < countedEvery && !slices.ContainsFunc(offered.Providers, func(id uuid.UUID) bool {
		return !slices.ContainsFunc(everybody, func(of share) bool { return of.ProviderID == id })
	})
}

// count counts the people of an organization. What was counted before stays where little changed.
func (f *FirstWays) count(ctx context.Context, tx *store.Tx, row dbq.DecoyShare, before shares, offered Offered, refused []uuid.UUID) (shares, string, error) {
	counted, err := dbq.New(tx).CountFirstWays(ctx, dbq.CountFirstWaysParams{OrgID: row.OrgID, Most: countedPeople, RpID: row.RpID, RefusedModels: refused,
		SettledBefore: f.now().Add(-settledAfter)})
	if err != nil {
		return nil, "", err
	}
	offered.Mail = true
	everybody, settled, named := people{"": {}}, people{}, naming{}
	for _, of := range counted {
		way, number := offered.best(of.Passkey, of.Password, of.ProviderID, of.Mail), float64(of.People)
		for _, domain := range slices.Compact([]string{"", of.Domain}) {
			everybody.add(domain, way, number)
			if of.Settled {
				settled.add(domain, way, number)
			}
		}
		if of.Plain {
			named.add(of.Domain, of.Begins, number)
		}
	}
	for domain := range settled {
		if settled.size(domain) >= settledPeople {
			everybody[domain] = settled[domain]
		}
	}
	now, namedAfter := sharesOf(everybody, offered.ways(), before), named.after(row.NamedAfter)
	text, err := json.Marshal(now)
	if err != nil {
		return nil, "", err
	}
	return now, namedAfter, dbq.New(tx).UpdateDecoyShares(ctx, dbq.UpdateDecoySharesParams{OrgID: row.OrgID, RpID: row.RpID, Shares: text, NamedAfter: namedAfter, CountedAt: f.now()})
}

func read[T any](text []byte) (value T, err error) {
	err = json.Unmarshal(text, &value)
	return value, err
}
