package server

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/org"
)

// Another mail costs what the first one did: an answer to a challenge where one is demanded, and a place in what the network has.
func TestAnotherMailHasThePriceOfTheFirst(t *testing.T) {
	t.Parallel()
	for link, values := range map[string][]string{
		"sign-up":         {"email", newcomer, "given_name", "Eva", "new_password", newPassword},
		"forgot-password": {"username", "ada@acme.test"},
		"magic-link":      {"username", "ada@acme.test"},
	} {
		t.Run(link, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.openSignUp(s.acme)
			s.openMagicLinks()
			s.verified(s.ada)
			s.demandWork(org.ProofOfWorkAlways)
			b := s.browser()
			page := b.get(attribute(b.get(s.authorizeURL()).element(link), "href"))
			page = b.compute(page, link+"-form", values...)
			refused := b.submit(page, "resend-form", "resend", "again", "challenge", "")
			if refused.status != http.StatusUnprocessableEntity || refused.text("notice") != english(t, "fault_code_proof_of_work_missing") || refused.element("confirm-form") == nil {
				t.Fatalf("without an answer: %d at %s: %s", refused.status, refused.url, refused.text("notice"))
			}
			again := b.compute(refused, "resend-form", "resend", "again")
			if again.status != http.StatusOK || again.text("notice") != "" || !strings.Contains(again.url.RawQuery, "again=1") {
				t.Fatalf("with one: %d at %s: %s", again.status, again.url, again.text("notice"))
			}
			s.deliver()
			if mails := len(s.mailbox.List(values[1])); mails != 2 {
				t.Errorf("%d mails", mails)
			}
			s.exhaustNetwork(map[bool]string{true: "sign_ups_of_network", false: "recoveries_of_network"}[link == "sign-up"])
			if a := b.compute(again, "resend-form", "resend", "again"); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" || a.element("confirm-form") == nil {
				t.Errorf("where the network has none left: %d at %s", a.status, a.url)
			}
			s.deliver()
			if mails := len(s.mailbox.List(values[1])); mails != 2 {
				t.Errorf("refused, but %d mails", mails)
			}
		})
	}
}

// exhaustNetwork uses up what the network of all browsers has of a limit.
func (s *site) exhaustNetwork(kind string) {
	s.t.Helper()
	for range 1000 {
		if _, err := s.app.State.Increment(s.t.Context(), kv.Key{OrgID: s.acme.ID, Kind: kind, ID: kv.ID("127.0.0.1")}, time.Hour); err != nil {
			s.t.Fatal(err)
		}
	}
}

// Asking again and again is a reason for suspicion, whoever is named.
func TestAskingForMailsAgainIsSuspicious(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.demandWork(org.ProofOfWorkOnSuspicion)
	for _, typed := range []string{s.ada.Username, "nobody@acme.test"} {
		another, page := s.forgot(typed)
		b, mailed := s.forgot(typed)
		for range 2 {
			if mailed = b.submit(mailed, "resend-form", "resend", "again"); mailed.status != http.StatusOK || mailed.text("notice") != "" {
				t.Fatalf("%s: %d at %s: %s", typed, mailed.status, mailed.url, mailed.text("notice"))
			}
		}
		refused := another.submit(page, "resend-form", "resend", "again")
		if refused.status != http.StatusUnprocessableEntity || refused.text("notice") != english(t, "fault_code_proof_of_work_missing") {
			t.Fatalf("%s: %d at %s: %s", typed, refused.status, refused.url, refused.text("notice"))
		}
		if a := another.compute(refused, "resend-form", "resend", "again"); a.status != http.StatusOK || a.text("notice") != "" {
			t.Errorf("%s: %d at %s: %s", typed, a.status, a.url, a.text("notice"))
		}
	}
	demanded := slices.DeleteFunc(s.works(s.acme), func(event string) bool { return !strings.HasPrefix(event, "demanded") })
	if !slices.Equal(demanded, []string{"demanded forgot-password name", "demanded forgot-password name"}) {
		t.Errorf("%q", demanded)
	}
}

// Whoever asks for a person's mails again and again does not keep them from theirs in every new browser.
func TestStrangersDoNotUseUpTheMailsOfOtherNetworks(t *testing.T) {
	t.Parallel()
	s := newSiteOn(t, dbtest.URL(t), "trusted_proxies", "127.0.0.1", "sign_ins_per_network", "0")
	s.openSignUp(s.acme)
	ask := func(address, typed string) (*browser, *answer) {
		b := s.browser().from(address)
		return b, b.asks("forgot-password", typed)
	}
	for _, typed := range []string{s.ada.Username, "nobody@acme.test"} {
		for range 6 {
			ask("203.0.113.9", typed)
		}
		for name, address := range map[string]string{"the stranger": "203.0.113.9", "a neighbour": "203.0.113.10"} {
			if _, a := ask(address, typed); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
				t.Errorf("%s for %s: %d at %s", name, typed, a.status, a.url)
			}
		}
		for network := range 11 {
			for i := range 3 {
				_, a := ask(fmt.Sprintf("2001:db8:%x:%x::1", network, i), typed)
				if through := a.element("confirm-form") != nil; through != (i < 2 && network < 10) {
					t.Errorf("%s, mail %d of network %d: %d at %s", typed, i, network, a.status, a.url)
				}
			}
		}
	}
	s.deliver()
	if mails := len(s.mailbox.List(s.ada.Email)); mails != 26 {
		t.Errorf("%d mails", mails)
	}
	for address, through := range map[string]bool{"203.0.113.9": false, "198.51.100.7": true} {
		for range 7 {
			b := s.browser().from("203.0.113.9")
			b.submit(b.get(attribute(b.get(s.authorizeURL()).element("sign-up"), "href")), "sign-up-form", "email", newcomer, "given_name", "Eva", "new_password", newPassword)
		}
		b := s.browser().from(address)
		a := b.submit(b.get(attribute(b.get(s.authorizeURL()).element("sign-up"), "href")), "sign-up-form", "email", newcomer, "given_name", "Eva", "new_password", newPassword)
		if (a.element("confirm-form") != nil) != through {
			t.Errorf("a newcomer from %s: %d at %s", address, a.status, a.url)
		}
	}
}
