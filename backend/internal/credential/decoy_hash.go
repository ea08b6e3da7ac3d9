package credential

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/passwordhash"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/user"
)

// A wrong password takes as long as its verification against the person's hash does, and hashes are of many kinds: of other systems,
// and of parameters of before. Of nobody, and of people who have no password, a kind is drawn in the way that first ways are, from
// the kinds that the hashes of the organization are of, and its work is done. It differs from first ways in two things:
//
//   - Shares move at once where they moved noticeably. An import changes the kind of all identifiers that it brings in one moment, and
//     a sign-in replaces the kind for good; whoever lags behind is nobody.
//   - Imported people count however new they are: nobody but an administrator can bring them.
const (
	kindsMost = 16 // of which decoys are: more than there are schemes

	// hashShares stands where first ways have a relying party. No host is called so.
	hashShares = "#password-hashes"
)

// hashKind is what somebody's hash is of.
type hashKind struct {
	Hash passwordhash.Kind `json:"hash"`
}

func (k hashKind) lot() []string { return []string{string(k.Hash)} }

// kindOfNobody is of which kind the hash of an identifier is that nobody has, or somebody without password.
func (p *Passwords) kindOfNobody(ctx context.Context, orgID uuid.UUID, identifier string) (passwordhash.Kind, error) {
	which := dbq.DecoysParams{OrgID: orgID, RpID: hashShares, Identifier: user.Normalize(identifier)}
	complete := func([]share[hashKind]) bool { return true }
	decoys, err := p.drawing.decoys(ctx, which, complete, func(ctx context.Context, tx *store.Tx, before []share[hashKind]) (*census[hashKind], []hashKind, error) {
		rows, err := dbq.New(tx).PasswordsOfPeople(ctx, dbq.PasswordsOfPeopleParams{OrgID: orgID, Most: countedPeople, SettledBefore: p.now().Add(-settledAfter)})
		if err != nil {
			return nil, nil, err
		}
		found, kinds := p.kindsOf(rows, before)
		return found, kinds, nil
	})
	if err != nil {
		return "", err
	}
	return decoys.draw([]hashKind{{p.hashes.Kind()}}).Hash, nil
}

// kindsOf counts the kinds of hashes, and returns those that decoys are of: that of new hashes, the most common one of each scheme, and
// the most common ones of the rest. A hash of another kind counts as the most common one of its scheme: systems that raise a number of
// rounds over the years, or draw it, leave very many kinds. Its own time is one that nobody has, but that of a scheme which many have.
// A hash that is not verified counts as a new one.
func (p *Passwords) kindsOf(rows []dbq.PasswordsOfPeopleRow, before []share[hashKind]) (*census[hashKind], []hashKind) {
	today := hashKind{p.hashes.Kind()}
	kinds, number := make([]hashKind, len(rows)), map[hashKind]int{today: 0}
	for n, row := range rows {
		kind, err := passwordhash.KindOf(row.Secret)
		if err != nil {
			kind = today.Hash // nobody can sign in by it
		}
		kinds[n] = hashKind{kind}
		number[kinds[n]]++
	}
	favour(number, before)
	most := slices.SortedFunc(maps.Keys(number), func(a, b hashKind) int {
		return cmp.Or(cmp.Compare(number[b], number[a]), strings.Compare(string(a.Hash), string(b.Hash)))
	})
	leading, countsAs := map[passwordhash.Scheme]hashKind{}, map[hashKind]hashKind{}
	var first, rest []hashKind
	for _, kind := range most {
		scheme, err := kind.Hash.Scheme()
		if err != nil {
			countsAs[kind] = today
			continue
		}
		if _, known := leading[scheme]; known {
			rest = append(rest, kind)
		} else {
			leading[scheme], first = kind, append(first, kind)
		}
		countsAs[kind] = leading[scheme]
	}
	kept := slices.DeleteFunc(append(first, rest...), func(kind hashKind) bool { return kind == today })
	kept = append(kept[:min(len(kept), kindsMost-1)], today)
	for _, kind := range kept {
		countsAs[kind] = kind
	}
	found := newCensus[hashKind]()
	for n, row := range rows {
		found.add(counted{domain: row.Domain, settled: row.Settled, imported: row.Imported, plain: row.Plain, begins: row.Begins, number: 1}, countsAs[kinds[n]])
	}
	return found, kept
}

// favour has the kinds of before stay until another one is noticeably more common. Those that stand for their scheme stay as long as
// anybody's is of it, also when nobody has them any more: where a sign-in changed the work for many names at once, those were nobody's.
func favour(number map[hashKind]int, before []share[hashKind]) {
	alive := map[passwordhash.Scheme]bool{}
	for kind := range number {
		if scheme, err := kind.Hash.Scheme(); err == nil {
			alive[scheme] = true
		}
	}
	for _, share := range before {
		if number[share.Of] > 0 {
			number[share.Of] *= noticeableFold
		}
	}
	for _, kind := range mostOfSchemes(before) {
		if scheme, _ := kind.Hash.Scheme(); alive[scheme] {
			number[kind] = math.MaxInt32
		}
	}
}

// mostOfSchemes are the kinds that have the largest share of those of their scheme.
func mostOfSchemes(shares []share[hashKind]) (list []hashKind) {
	largest := map[passwordhash.Scheme]share[hashKind]{}
	for _, one := range shares {
		if scheme, err := one.Of.Hash.Scheme(); err == nil && one.Part > largest[scheme].Part {
			largest[scheme] = one
		}
	}
	for _, one := range largest {
		list = append(list, one.Of)
	}
	return list
}
