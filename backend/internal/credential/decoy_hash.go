package credential

import (
	"cmp"
	"context"
	"maps"
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
	kindsMost = 16 // of which decoys are; of all others as of new hashes

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
	decoys, err := p.drawing.decoys(ctx, which, func([]share[hashKind]) bool { return true }, func(ctx context.Context, tx *store.Tx) (*census[hashKind], []hashKind, error) {
		rows, err := dbq.New(tx).PasswordsOfPeople(ctx, dbq.PasswordsOfPeopleParams{OrgID: orgID, Most: countedPeople, SettledBefore: p.now().Add(-settledAfter)})
		if err != nil {
			return nil, nil, err
		}
		found, kinds := p.kindsOf(rows)
		return found, kinds, nil
	})
	if err != nil {
		return "", err
	}
	return decoys.draw([]hashKind{{p.hashes.Kind()}}).Hash, nil
}

// kindsOf counts the kinds of hashes, and returns those that decoys are of: the most common ones, and that of new hashes. A hash of
// another kind counts as a new one.
func (p *Passwords) kindsOf(rows []dbq.PasswordsOfPeopleRow) (*census[hashKind], []hashKind) {
	today := hashKind{p.hashes.Kind()}
	kinds, number := make([]hashKind, len(rows)), map[hashKind]int{}
	for n, row := range rows {
		kind, err := passwordhash.KindOf(row.Secret)
		if err != nil {
			kind = today.Hash // nobody can sign in by it
		}
		kinds[n] = hashKind{kind}
		number[kinds[n]]++
	}
	delete(number, today)
	most := slices.SortedFunc(maps.Keys(number), func(a, b hashKind) int {
		return cmp.Or(cmp.Compare(number[b], number[a]), strings.Compare(string(a.Hash), string(b.Hash)))
	})
	most = slices.DeleteFunc(most, func(kind hashKind) bool { return passwordhash.Check(string(kind.Hash)) != nil })
	most = append(most[:min(len(most), kindsMost-1)], today)
	found := newCensus[hashKind]()
	for n, row := range rows {
		if !slices.Contains(most, kinds[n]) {
			kinds[n] = today
		}
		found.add(counted{domain: row.Domain, settled: row.Settled, imported: row.Imported, plain: row.Plain, begins: row.Begins, number: 1}, kinds[n])
	}
	return found, most
}
