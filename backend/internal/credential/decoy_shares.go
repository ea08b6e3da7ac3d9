package credential

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
)

// drawn is something that people have and nobody is said to have. Its lot is what a draw knows it by.
type drawn interface {
	comparable
	lot() []string
}

// share is which part of the people has it.
type share[T drawn] struct {
	Of   T // an object in JSON, of which Part is one member more
	Part float64
}

// MarshalJSON implements json.Marshaler.
func (s share[T]) MarshalJSON() ([]byte, error) {
	of, err := json.Marshal(s.Of)
	if err != nil {
		return nil, err
	}
	part, err := json.Marshal(s.Part)
	return fmt.Appendf(nil, `%s,"part":%s}`, of[:len(of)-1], part), err
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *share[T]) UnmarshalJSON(text []byte) error {
	part, err := read[struct{ Part float64 }](text)
	if err != nil {
		return err
	}
	s.Part = part.Part
	return json.Unmarshal(text, &s.Of)
}

// shares are by domain; those of everybody are under "".
type shares[T drawn] map[string][]share[T]

// people are counted by domain and by what they have.
type people[T drawn] map[string]map[T]float64

func (p people[T]) add(domain string, of T, number float64) {
	if p[domain] == nil {
		p[domain] = map[T]float64{}
	}
	p[domain][of] += number
}

func (p people[T]) size(domain string) (sum float64) {
	for _, number := range p[domain] {
		sum += number
	}
	return sum
}

// census is a count of people.
type census[T drawn] struct {
	everybody, counting people[T]
	settled             map[string]float64
	named               naming
}

func newCensus[T drawn]() *census[T] {
	return &census[T]{everybody: people[T]{"": {}}, counting: people[T]{}, settled: map[string]float64{}}
}

// counted are people of whom the database says the same.
type counted struct {
	domain            string
	settled, imported bool
	plain, begins     bool
	number            float64
}

func (c *census[T]) add(who counted, has T) {
	for _, domain := range slices.Compact([]string{"", who.domain}) {
		c.everybody.add(domain, has, who.number)
		if who.settled || who.imported {
			c.counting.add(domain, has, who.number)
		}
		if who.settled {
			c.settled[domain] += who.number
		}
	}
	if who.plain {
		c.named.add(who.domain, who.begins, who.number)
	}
}

// counts are the people who count: where enough are there for long, nobody who came since, unless they were imported.
func (c *census[T]) counts() people[T] {
	list := maps.Clone(c.everybody)
	for domain, number := range c.settled {
		if number >= settledPeople {
			list[domain] = c.counting[domain]
		}
	}
	return list
}

// naming counts the people whose usernames are no addresses: all, and by domain those whose addresses begin with them.
type naming struct {
	all    float64
	begins map[string]float64
}

func (n *naming) add(domain string, begins bool, number float64) {
	if n.all += number; begins {
		if n.begins == nil {
			n.begins = map[string]float64{}
		}
		n.begins[domain] += number
	}
}

// after is the domain that usernames go with, "" for none. What it was stays until it is not true of many any more.
func (n *naming) after(before string) string {
	if n.all > 0 && n.begins[before] >= namedStill*n.all {
		return before
	}
	for domain, number := range n.begins {
		if number >= namedPart*n.all { // of one at most
			return domain
		}
	}
	return ""
}

// sharesOf turns counts into shares of what there is, which move by one step at most.
func sharesOf[T drawn](people people[T], all []T, before shares[T], step float64) shares[T] {
	everybody := follow(before[""], parts(people[""], all, even(all)), step)
	now := shares[T]{"": everybody}
	for _, domain := range domainsOf(people, before) {
		was, ok := before[domain]
		if !ok {
			was = before[""]
		}
		now[domain] = follow(was, parts(people[domain], all, func(n int) float64 { return domainOthers * everybody[n].Part }), step)
	}
	return now
}

// even are equal parts of one person.
func even[T drawn](all []T) func(int) float64 {
	return func(int) float64 { return 1 / float64(len(all)) }
}

// parts are the shares of all there is, each with some people more than were counted.
func parts[T drawn](people map[T]float64, all []T, more func(n int) float64) []share[T] {
	list, sum := make([]share[T], len(all)), 0.0
	for n, of := range all {
		list[n] = share[T]{Of: of, Part: people[of] + more(n)}
		sum += list[n].Part
	}
	for n := range list {
		list[n].Part /= sum
	}
	return list
}

// domainsOf are the domains that have shares of their own: those that had before, then those with most people.
func domainsOf[T drawn](people people[T], before shares[T]) []string {
	domains := slices.DeleteFunc(slices.Collect(maps.Keys(people)), func(domain string) bool { return domain == "" || people.size(domain) < domainPeople })
	had := func(domain string) int {
		if _, ok := before[domain]; ok {
			return 0
		}
		return 1
	}
	slices.SortFunc(domains, func(a, b string) int {
		return cmp.Or(had(a)-had(b), cmp.Compare(people.size(b), people.size(a)), cmp.Compare(a, b))
	})
	return domains[:min(len(domains), domainsMost)]
}

// follow brings shares of before towards those of now: not at all where they changed little, and by one step at most at once.
func follow[T drawn](before, now []share[T], step float64) []share[T] {
	was := map[T]float64{}
	for _, of := range before {
		was[of.Of] = of.Part
	}
	kept := 0.0
	for _, of := range now {
		kept += was[of.Of]
	}
	if kept == 0 {
		return now
	}
	list, most, steady := slices.Clone(now), 0.0, true
	for n, of := range now {
		list[n].Part = was[of.Of] / kept
		apart := math.Abs(of.Part - list[n].Part)
		most = max(most, apart)
		steady = steady && apart <= noticeablePart && of.Part <= noticeableFold*list[n].Part && list[n].Part <= noticeableFold*of.Part
	}
	if steady {
		return list
	}
	part := min(1, step/most)
	for n, of := range now {
		list[n].Part += part * (of.Part - list[n].Part)
	}
	return list
}
