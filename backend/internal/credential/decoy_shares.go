package credential

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// share is which part of the people has a first way.
type share struct {
	FirstWay
	Part float64 `json:"part"`
}

// shares are by domain; those of everybody are under "".
type shares map[string][]share

// people are counted by domain and by what they sign in first.
type people map[string]map[FirstWay]float64

func (p people) add(domain string, way FirstWay, number float64) {
	if p[domain] == nil {
		p[domain] = map[FirstWay]float64{}
	}
	p[domain][way] += number
}

func (p people) size(domain string) (sum float64) {
	for _, number := range p[domain] {
		sum += number
	}
	return sum
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

// sharesOf turns counts into shares.
func sharesOf(people people, ways []FirstWay, before shares) shares {
	everybody := follow(before[""], parts(people[""], ways, even(ways)))
	now := shares{"": everybody}
	for _, domain := range domainsOf(people, before) {
		was, ok := before[domain]
		if !ok {
			was = before[""]
		}
		now[domain] = follow(was, parts(people[domain], ways, func(n int) float64 { return domainOthers * everybody[n].Part }))
	}
	return now
}

// even are equal parts of one person.
func even(ways []FirstWay) func(int) float64 {
	return func(int) float64 { return 1 / float64(len(ways)) }
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
func domainsOf(people people, before shares) []string {
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

// follow brings shares of before towards those of now: not at all where they changed little, and never far at once.
func follow(before, now []share) []share {
	was := map[FirstWay]float64{}
	for _, of := range before {
		was[of.FirstWay] = of.Part
	}
	kept := 0.0
	for _, of := range now {
		kept += was[of.FirstWay]
	}
	if kept == 0 {
		return now
	}
	list, most, steady := slices.Clone(now), 0.0, true
	for n, of := range now {
		list[n].Part = was[of.FirstWay] / kept
		apart := math.Abs(of.Part - list[n].Part)
		most = max(most, apart)
		steady = steady && apart <= noticeablePart && of.Part <= noticeableFold*list[n].Part && list[n].Part <= noticeableFold*of.Part
	}
	if steady {
		return list
	}
	part := min(1, stepMost/most)
	for n, of := range now {
		list[n].Part += part * (of.Part - list[n].Part)
	}
	return list
}
