package main

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"
)

func noCost() cost { return cost{} }

func TestDriveCountsWhatFinishes(t *testing.T) {
	var first, second int
	run, err := drive(t.Context(), []journey{
		func() error { first++; time.Sleep(time.Millisecond); return nil },
		func() error { second++; time.Sleep(2 * time.Millisecond); return nil },
	}, 50*time.Millisecond, noCost)
	if err != nil || run.Count != first+second || len(run.Latencies) != run.Count || first <= second {
		t.Errorf("%d journeys, %d and %d, %v", run.Count, first, second, err)
	}
	if run.Elapsed < 50*time.Millisecond || run.Percentile(0.01) < time.Millisecond {
		t.Errorf("took %v, the fastest %v", run.Elapsed, run.Percentile(0.01))
	}
}

func TestAFailureEndsTheRun(t *testing.T) {
	refused := errors.New("refused")
	began := time.Now()
	_, err := drive(t.Context(), []journey{
		func() error { return refused },
		func() error { time.Sleep(time.Millisecond); return nil },
	}, time.Minute, noCost)
	if !errors.Is(err, refused) || time.Since(began) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

func TestSpreadDoesEachOnce(t *testing.T) {
	travellers := []*traveller{{}, {}, {}}
	done := make([]int, 100)
	if err := spread(context.Background(), travellers, len(done), func(_ *traveller, number int) error { done[number]++; return nil }); err != nil {
		t.Fatal(err)
	}
	if slices.Min(done) != 1 || slices.Max(done) != 1 {
		t.Errorf("%v", done)
	}
	wrong := errors.New("wrong")
	if err := spread(context.Background(), travellers, 100, func(*traveller, int) error { return wrong }); !errors.Is(err, wrong) {
		t.Errorf("%v", err)
	}
}

func TestARequestIsWrittenAsHTTP(t *testing.T) {
	m := post("/acme/token?x=1", "grant_type=client_credentials", "Authorization", basic("a b", "s:e+cret"))
	m.host = publicHost
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(m.bytes()))))
	if err != nil {
		t.Fatal(err)
	}
	id, secret, _ := r.BasicAuth()
	if r.Host != publicHost || r.URL.Path != "/acme/token" || r.FormValue("grant_type") != "client_credentials" || id != "a+b" || secret != "s%3Ae%2Bcret" {
		t.Errorf("%+v %q %q", r, id, secret)
	}
	if body := post("/api", "{}"); body.header[1] != "application/json" {
		t.Errorf("%v", body.header)
	}
}

// A visitor keeps its connection and its cookies, and says at the ceiling what it said at the server.
func TestVisitor(t *testing.T) {
	var seen []string
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.RemoteAddr+" "+r.URL.String()+" "+r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "one", HttpOnly: true})
		w.Header().Set("Location", "/next?code=the-code")
		w.WriteHeader(http.StatusSeeOther)
	}))
	defer site.Close()
	var recorded []exchange
	v := visitor{connection: connection{address: site.Listener.Addr().String()}, host: publicHost, record: &recorded}
	defer v.close()
	for range 2 {
		left, err := v.browse(http.StatusSeeOther, get("/authorize?a=b"))
		if err != nil {
			t.Fatal(err)
		}
		if code, err := parameter(left, "code"); err != nil || code != "the-code" {
			t.Errorf("%q %v", code, err)
		}
		if _, err := parameter(left, "state"); err == nil {
			t.Error("there is no state")
		}
	}
	v.ceiling, v.record = true, nil
	if _, err := v.browse(http.StatusOK, get("/authorize?a=b")); err == nil || !strings.Contains(err.Error(), "303") {
		t.Errorf("another status must be an error: %v", err)
	}
	address, _, _ := strings.Cut(seen[0], " ")
	if want := []string{address + " /authorize?a=b ", address + " /authorize?a=b session=one", address + " /0?a=b session=one"}; !slices.Equal(seen, want) {
		t.Errorf("%q", seen)
	}
	steps := stepsOf(recorded)
	if len(steps) != 2 || steps[0].Status != http.StatusSeeOther || steps[0].Header.Get("Location") == "" || steps[0].Header.Get("Date") != "" {
		t.Errorf("%+v", steps)
	}
}

func TestWhatAnswersSay(t *testing.T) {
	body := []byte(`{"access_token":"aaa.bbb.ccc","token_type":"Bearer","refresh_token":"opaque","id_token":"ddd.eee.fff"}`)
	if jsonText(body, "access_token") != "aaa.bbb.ccc" || jsonText(body, "nothing") != "" {
		t.Error("a member was read wrongly")
	}
	if signed := signedContents(body); len(signed) != 2 || string(signed[0]) != "aaa.bbb" || string(signed[1]) != "ddd.eee" {
		t.Errorf("%q", signed)
	}
	fields := hiddenFields([]byte(`<form><input type="hidden" name="transaction" value="t1"><p><input type="hidden" name="csrf_token" value="a&amp;b"/><input name="username"></form><form><input type="hidden" name="passkey"/><input type="hidden" name="csrf_token" value="another"></form>`))
	if len(fields) != 2 || fields.Get("transaction") != "t1" || fields.Get("csrf_token") != "a&b" {
		t.Errorf("%v", fields)
	}
}

func TestPasswordsAreStoredAsTheServerDoes(t *testing.T) {
	wanted := hashing{Memory: 64, Passes: 2, Lanes: 1}
	stored := phc(wanted)
	got, err := readPHC(stored)
	if err != nil || got != wanted || !strings.HasPrefix(stored, "$argon2id$v=19$m=64,t=2,p=1$") {
		t.Errorf("%s: %+v, %v", stored, got, err)
	}
	for _, wrong := range []string{"", "x", "$argon2i$v=19$m=64,t=2,p=1$AAAA$AAAA", "$argon2id$v=19$m=,t=2,p=1$AAAA$AAAA"} {
		if _, err := readPHC(wrong); err == nil {
			t.Errorf("%q was read", wrong)
		}
	}
	run := hash(hashing{Memory: 64, Passes: 1, Lanes: 1, Concurrency: 2, Duration: 10 * time.Millisecond})
	if run.Count == 0 || argon2.Version != 19 {
		t.Errorf("%+v", run)
	}
}

func TestIDsSortByTime(t *testing.T) {
	first := newID()
	time.Sleep(2 * time.Millisecond)
	second := newID()
	if hexOf(first) >= hexOf(second) || first[6]>>4 != 7 || first[8]>>6 != 2 {
		t.Errorf("%x %x", first, second)
	}
}

func TestOptions(t *testing.T) {
	chosen, err := readOptions([]string{"-row", "authorize,memory", "-duration", "2s", "-scale", "large"})
	if err != nil || !slices.Equal(chosen.rows, []string{"authorize", "memory"}) || chosen.duration != 2*time.Second || !chosen.large || chosen.rounds != 3 {
		t.Errorf("%+v %v", chosen, err)
	}
	for _, wrong := range [][]string{{"-row", "authorise"}, {"-scale", "huge"}, {"-duration", "1ms"}, {"-rounds", "0"}, {"-workers", "0"}, {"more"}} {
		if _, err := readOptions(wrong); err == nil {
			t.Errorf("%v was accepted", wrong)
		}
	}
}

func TestOwnProcessIsMeasured(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Log("this system has no /proc: CPU time and memory stay empty here")
		return
	}
	hash(hashing{Memory: 1024, Passes: 1, Lanes: 1, Concurrency: 1, Duration: 100 * time.Millisecond})
	if used := memoryOf(os.Getpid()); cpuOf(os.Getpid(), false) < 2*ticks || used.resident < 1<<20 || used.peak < used.resident || cpuOfFamily(os.Getppid()) == 0 {
		t.Errorf("%v, %+v", cpuOf(os.Getpid(), false), used)
	}
	if cpuOf(-1, true) != 0 || (memoryOf(-1) != memory{}) {
		t.Error("a process that does not exist used something")
	}
}
