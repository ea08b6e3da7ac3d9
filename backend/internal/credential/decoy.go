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

	"github.com/clavex/clavex/backend/internal/fido"
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

// decoys are what an organization says that nobody has: one thing of each identifier that nobody has.
type decoys[T drawn] struct {
	label          string
	folded         string // the identifier, in the form in which identifiers are compared
	key            []byte
	namedAfter     string // the domain that usernames go with
	everybody, own []share[T]
}

// draw is what the identifier has, of all there is. Each thing has a lot of its own, so that a share that moves takes along as few
// identifiers as it must.
func (d decoys[T]) draw(all []T) (first T) {
	name := d.folded
	if d.namedAfter != "" && !strings.Contains(name, "@") {
		name += "@" + d.namedAfter
	}
	list := d.own
	if len(list) == 0 {
		list = d.everybody
	}
	if len(list) == 0 { // never counted, and somebody does so now
		list = parts(nil, all, even(all))
	}
	least := math.Inf(1)
	for _, one := range list {
		number := binary.BigEndian.Uint64(secret.Derive(d.key, d.label, slices.Concat([]string{name}, one.Of.lot())...))
		lot := -math.Log((float64(number>>11) + 1) / (1 << 53))
		if one.Part > 0 && lot/one.Part < least {
			first, least = one.Of, lot/one.Part
		}
	}
	return first
}

func (w FirstWay) lot() []string { return []string{string(w.Kind), w.ProviderID.String()} }

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

// decoys reads what an organization answers to an identifier. Whoever finds the shares older than an hour, or nothing about a provider
// that is new, counts anew.
func (f *FirstWays) decoys(ctx context.Context, orgID uuid.UUID, folded string, offered Offered, rules *fido.Rules) (decoys[FirstWay], error) {
	complete := func(everybody []share[FirstWay]) bool {
		return !slices.ContainsFunc(offered.Providers, func(id uuid.UUID) bool {
			return !slices.ContainsFunc(everybody, func(share share[FirstWay]) bool { return share.Of.ProviderID == id })
		})
	}
	count := func(ctx context.Context, tx *store.Tx, _ []share[FirstWay]) (*census[FirstWay], []FirstWay, error) {
		rows, err := dbq.New(tx).CountFirstWays(ctx, dbq.CountFirstWaysParams{OrgID: orgID, Most: countedPeople, RpID: offered.RPID, RefusedModels: rules.Refused(), AcceptedModels: rules.Accepted(),
			SettledBefore: f.now().Add(-settledAfter)})
		if err != nil {
			return nil, nil, err
		}
		offered.Mail = true
		found := newCensus[FirstWay]()
		for _, of := range rows {
			found.add(counted{domain: of.Domain, settled: of.Settled, plain: of.Plain, begins: of.Begins, number: float64(of.People)},
				offered.best(of.Passkey, of.Password, of.ProviderID, of.Mail))
		}
		return found, offered.ways(), nil
	}
	return f.drawing.decoys(ctx, dbq.DecoysParams{OrgID: orgID, RpID: offered.RPID, Identifier: folded}, complete, count)
}

// drawing keeps the shares that decoys are drawn from. It is safe for concurrent use.
type drawing[T drawn] struct {
	db     *store.Store
	now    func() time.Time
	random io.Reader
	label  string  // keeps what is drawn here apart from what is drawn elsewhere
	step   float64 // so far a share moves at one count
}

// decoys reads the decoys of an organization. Whoever finds the shares older than an hour, or not complete, counts anew; the others go
// on with the old ones meanwhile and wait for nobody. Nothing that visitors do or that comes and goes by itself is a reason to count.
func (d drawing[T]) decoys(ctx context.Context, which dbq.DecoysParams, complete func(everybody []share[T]) bool,
	count func(ctx context.Context, tx *store.Tx, before []share[T]) (*census[T], []T, error),
) (decoys[T], error) {
	row, err := d.read(ctx, which)
	if err != nil {
		return decoys[T]{}, err
	}
	known := decoys[T]{label: d.label, folded: row.Folded, key: row.Key, namedAfter: row.NamedAfter}
	if known.everybody, err = read[[]share[T]](row.Everybody); err != nil {
		return decoys[T]{}, err
	}
	fresh := func(countedAt time.Time, everybody []share[T]) bool {
		return d.now().Sub(countedAt) < countedEvery && complete(everybody)
	}
	if known.own, err = read[[]share[T]](row.Own); err != nil || fresh(row.CountedAt, known.everybody) {
		return known, err
	}
	err = d.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		locked, err := dbq.New(tx).LockDecoyShares(ctx, dbq.LockDecoySharesParams{OrgID: which.OrgID, RpID: which.RpID})
		if store.IsNotFound(err) {
			return nil // somebody counts
		}
		if err != nil {
			return err
		}
		now, err := read[shares[T]](locked.Shares)
		if err != nil {
			return err
		}
		if !fresh(locked.CountedAt, now[""]) {
			found, all, err := count(ctx, tx, now[""])
			if err != nil {
				return err
			}
			now, locked.NamedAfter = sharesOf(found.counts(), all, now, d.step), found.named.after(locked.NamedAfter)
			if err := d.write(ctx, tx, which, now, locked.NamedAfter); err != nil {
				return err
			}
		}
		known.namedAfter, known.everybody = locked.NamedAfter, now[""]
		domain := domainOf(known.folded)
		if domain == "" {
			domain = known.namedAfter
		}
		known.own = now[domain]
		return nil
	})
	return known, err
}

// read reads a row. It is made the first time, and the key with the first one of an organization.
func (d drawing[T]) read(ctx context.Context, which dbq.DecoysParams) (dbq.DecoysRow, error) {
	queries := dbq.New(d.db)
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
	if _, err := io.ReadFull(d.random, key); err != nil {
		return row, fmt.Errorf("draw a key: %w", err)
	}
	if err := queries.InsertDecoys(ctx, dbq.InsertDecoysParams{OrgID: which.OrgID, Key: key}); err != nil {
		return row, err
	}
	return insert()
}

func (d drawing[T]) write(ctx context.Context, tx *store.Tx, which dbq.DecoysParams, now shares[T], namedAfter string) error {
	text, err := json.Marshal(now)
	if err != nil {
		return err
	}
	return dbq.New(tx).UpdateDecoyShares(ctx, dbq.UpdateDecoySharesParams{OrgID: which.OrgID, RpID: which.RpID, Shares: text, NamedAfter: namedAfter, CountedAt: d.now()})
}

func read[T any](text []byte) (value T, err error) {
	err = json.Unmarshal(text, &value)
	return value, err
}
