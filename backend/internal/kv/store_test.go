package kv

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/store"
)

var ctx = context.Background()

// onBoth runs a test against both implementations, each on a server and a database of its own.
func onBoth(t *testing.T, test func(t *testing.T, s Store)) {
	t.Run("Postgres", func(t *testing.T) {
		t.Parallel()
		test(t, NewPostgres(store.FromPool(dbtest.New(t)), rand.Reader))
	})
	t.Run("Redis", func(t *testing.T) {
		t.Parallel()
		test(t, openRedis(t, dbtest.Redis(t)))
	})
}

func openRedis(t testing.TB, address string) *Redis {
	t.Helper()
	opened, err := OpenRedis(ctx, address, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	return opened
}

func newKey(kind string) Key {
	return Key{OrgID: uuid.Must(uuid.NewV7()), Kind: kind, ID: ID(rand.Text())}
}

func wantEntry(t *testing.T, s Store, key Key, value string, version Version) {
	t.Helper()
	entry, found, err := s.Get(ctx, key)
	if err != nil || !found || string(entry.Value) != value || entry.Version != version {
		t.Fatalf("Get = %q %d, %v, %v; want %q %d", entry.Value, entry.Version, found, err, value, version)
	}
}

func wantNone(t *testing.T, s Store, key Key) {
	t.Helper()
	if entry, found, err := s.Get(ctx, key); err != nil || found || entry.Value != nil || entry.Version != 0 {
		t.Fatalf("Get = %q, %v, %v; want none", entry.Value, found, err)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestPutGetDelete(t *testing.T) {
	onBoth(t, func(t *testing.T, s Store) {
		key := newKey("login_transaction")
		wantNone(t, s, key)
		first := must[Version](t)(s.Put(ctx, key, []byte("one"), time.Minute))
		wantEntry(t, s, key, "one", first)
		second := must[Version](t)(s.Put(ctx, key, []byte("two"), time.Minute))
		if first == second || second < 0 {
			t.Fatalf("versions %d, %d", first, second)
		}
		wantEntry(t, s, key, "two", second)
		for range 2 { // deleting what is gone is no error
			if err := s.Delete(ctx, key); err != nil {
				t.Fatal(err)
			}
			wantNone(t, s, key)
		}
		if again := must[Version](t)(s.Put(ctx, key, nil, time.Minute)); again == first || again == second {
			t.Fatal("a version came back")
		}
		entry, found, err := s.Get(ctx, key)
		if err != nil || !found || len(entry.Value) != 0 {
			t.Fatalf("an empty value: %q, %v, %v", entry.Value, found, err)
		}
	})
}

func TestValuesAreBytes(t *testing.T) {
	onBoth(t, func(t *testing.T, s Store) {
		key := newKey("par")
		largest := bytes.Repeat([]byte{0, 0xff, '\n', '\'', 0x80}, MaximumValueBytes/5+1)[:MaximumValueBytes]
		version := must[Version](t)(s.Put(ctx, key, largest, time.Minute))
		wantEntry(t, s, key, string(largest), version)
	})
}

func TestKeysAreApart(t *testing.T) {
	onBoth(t, func(t *testing.T, s Store) {
		key := newKey("par")
		version := must[Version](t)(s.Put(ctx, key, []byte("mine"), time.Minute))
		other, kind, id := key, key, key
		other.OrgID, kind.Kind, id.ID = uuid.Must(uuid.NewV7()), "jti", key.ID+"x"
		for name, stranger := range map[string]Key{"another organization": other, "another kind": kind, "another id": id} {
			wantNone(t, s, stranger)
			if _, found, err := s.Take(ctx, stranger); found || err != nil {
				t.Errorf("%s took it: %v", name, err)
			}
			if _, replaced, err := s.Replace(ctx, stranger, version, []byte("x"), time.Minute); replaced || err != nil {
				t.Errorf("%s replaced it: %v", name, err)
			}
			if err := s.Delete(ctx, stranger); err != nil {
				t.Error(err)
			}
		}
		wantEntry(t, s, key, "mine", version)
	})
}

func TestExpiredIsGoneBeforeAnyCleanUp(t *testing.T) {
	onBoth(t, func(t *testing.T, s Store) {
		const short = 30 * time.Millisecond
		put, mark := newKey("par"), newKey("jti")
		version := must[Version](t)(s.Put(ctx, put, []byte("x"), short))
		must[Placed](t)(s.PutIfAbsent(ctx, mark, []byte("x"), short))
		time.Sleep(3 * short)
		wantNone(t, s, put)
		if _, found, err := s.Take(ctx, put); found || err != nil {
			t.Errorf("Take: %v, %v", found, err)
		}
		if _, replaced, err := s.Replace(ctx, put, version, []byte("y"), time.Minute); replaced || err != nil {
			t.Errorf("Replace: %v, %v", replaced, err)
		}
		if placed := must[Placed](t)(s.PutIfAbsent(ctx, mark, []byte("y"), time.Minute)); !placed.Stored {
			t.Error("an expired mark is in the way")
		}
		if entry, found, err := s.Get(ctx, mark); err != nil || !found || string(entry.Value) != "y" {
			t.Errorf("the new mark: %q, %v, %v", entry.Value, found, err)
		}
		// Replace begins a new lifetime, and Put too. Only ends are waited for: nothing here is late on a slow machine.
		version = must[Version](t)(s.Put(ctx, put, []byte("x"), time.Minute))
		if _, replaced, err := s.Replace(ctx, put, version, []byte("y"), short); !replaced || err != nil {
			t.Fatalf("Replace: %v, %v", replaced, err)
		}
		time.Sleep(3 * short)
		wantNone(t, s, put)
		must[Version](t)(s.Put(ctx, put, []byte("x"), time.Minute))
		must[Version](t)(s.Put(ctx, put, []byte("x"), short))
		time.Sleep(3 * short)
		wantNone(t, s, put)
	})
}

func TestTakeIsOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s Store) {
		key := newKey("par")
		version := must[Version](t)(s.Put(ctx, key, []byte("x"), time.Minute))
		entry, found, err := s.Take(ctx, key)
		if err != nil || !found || string(entry.Value) != "x" || entry.Version != version {
			t.Fatalf("%q, %v, %v", entry.Value, found, err)
		}
		if _, found, err := s.Take(ctx, key); found || err != nil {
			t.Fatalf("taken twice: %v", err)
		}
		wantNone(t, s, key)
	})
}

func TestPutIfAbsentIsOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s Store) {
		key := newKey("jti")
		first := must[Placed](t)(s.PutIfAbsent(ctx, key, []byte("first"), time.Minute))
		second := must[Placed](t)(s.PutIfAbsent(ctx, key, []byte("second"), time.Minute))
		if !first.Stored || second.Stored || !first.Birth.Equal(second.Birth) {
			t.Fatalf("%+v, %+v", first, second)
		}
		if entry, _, _ := s.Get(ctx, key); string(entry.Value) != "first" {
			t.Fatalf("the mark was overwritten: %q", entry.Value)
		}
	})
}

func TestReplaceComparesVersions(t *testing.T) {
	onBoth(t, func(t *testing.T, s Store) {
		key := newKey("login_transaction")
		if _, replaced, err := s.Replace(ctx, key, 0, []byte("x"), time.Minute); replaced || err != nil {
			t.Fatalf("nothing was replaced: %v, %v", replaced, err)
		}
		first := must[Version](t)(s.Put(ctx, key, []byte("one"), time.Minute))
		second, replaced, err := s.Replace(ctx, key, first, []byte("two"), time.Minute)
		if err != nil || !replaced || second == first {
			t.Fatalf("%v, %v", replaced, err)
		}
		if _, replaced, err := s.Replace(ctx, key, first, []byte("late"), time.Minute); replaced || err != nil {
			t.Fatalf("an old version replaced a newer one: %v", err)
		}
		wantEntry(t, s, key, "two", second)
		// Deleted and put again with the same value: still another entry.
		if err := s.Delete(ctx, key); err != nil {
			t.Fatal(err)
		}
		third := must[Version](t)(s.Put(ctx, key, []byte("two"), time.Minute))
		if _, replaced, err := s.Replace(ctx, key, second, []byte("late"), time.Minute); replaced || err != nil {
			t.Fatalf("a version of a former life replaced: %v", err)
		}
		wantEntry(t, s, key, "two", third)
	})
}

func TestIncrementCountsInWindows(t *testing.T) {
	onBoth(t, func(t *testing.T, s Store) {
		key, window := newKey("login_attempts"), time.Minute
		for want := int64(1); want <= 3; want++ {
			count := must[Count](t)(s.Increment(ctx, key, window))
			if count.Value != want || count.Reset <= 0 || count.Reset > window {
				t.Fatalf("%+v, want %d", count, want)
			}
			time.Sleep(20 * time.Millisecond)
		}
		// An entry under the same key is something else.
		wantNone(t, s, key)
		must[Version](t)(s.Put(ctx, key, []byte("x"), time.Minute))
		if err := s.Delete(ctx, key); err != nil {
			t.Fatal(err)
		}
		if count := must[Count](t)(s.Increment(ctx, key, window)); count.Value != 4 || count.Reset > window-60*time.Millisecond {
			t.Fatalf("the window was prolonged or the count lost: %+v", count)
		}
		ended, short := newKey("login_attempts"), 50*time.Millisecond
		must[Count](t)(s.Increment(ctx, ended, short))
		time.Sleep(3 * short)
		if count := must[Count](t)(s.Increment(ctx, ended, short)); count.Value != 1 {
			t.Fatalf("after the window: %+v", count)
		}
	})
}

func TestOfManyAtOnceOneWins(t *testing.T) {
	const rivals = 24
	onBoth(t, func(t *testing.T, s Store) {
		for name, c := range map[string]struct {
			prepare func(key Key) Version
			try     func(key Key, version Version, rival int) (bool, error)
		}{
			"PutIfAbsent": {nil, func(key Key, _ Version, _ int) (bool, error) {
				placed, err := s.PutIfAbsent(ctx, key, []byte("x"), time.Minute)
				return placed.Stored, err
			}},
			"PutIfAbsent over an expired mark": {func(key Key) Version {
				must[Version](t)(s.Put(ctx, key, []byte("old"), time.Millisecond))
				time.Sleep(10 * time.Millisecond)
				return 0
			}, func(key Key, _ Version, _ int) (bool, error) {
				placed, err := s.PutIfAbsent(ctx, key, []byte("x"), time.Minute)
				return placed.Stored, err
			}},
			"Take": {func(key Key) Version { return must[Version](t)(s.Put(ctx, key, []byte("x"), time.Minute)) },
				func(key Key, _ Version, _ int) (bool, error) {
					_, found, err := s.Take(ctx, key)
					return found, err
				}},
			"Replace": {func(key Key) Version { return must[Version](t)(s.Put(ctx, key, []byte("x"), time.Minute)) },
				func(key Key, version Version, rival int) (bool, error) {
					_, replaced, err := s.Replace(ctx, key, version, fmt.Appendf(nil, "rival %d", rival), time.Minute)
					return replaced, err
				}},
		} {
			for range 5 {
				key, version := newKey("race"), Version(0)
				if c.prepare != nil {
					version = c.prepare(key)
				}
				var winners atomic.Int64
				atOnce(rivals, func(rival int) {
					won, err := c.try(key, version, rival)
					if err != nil {
						t.Errorf("%s: %v", name, err)
					}
					if won {
						winners.Add(1)
					}
				})
				if winners.Load() != 1 {
					t.Errorf("%s: %d of %d won", name, winners.Load(), rivals)
				}
			}
		}
		counter, seen := newKey("counter"), sync.Map{}
		atOnce(rivals, func(int) {
			count, err := s.Increment(ctx, counter, time.Minute)
			if _, twice := seen.LoadOrStore(count.Value, true); twice || err != nil {
				t.Errorf("Increment returned %d twice, or %v", count.Value, err)
			}
		})
	})
}

func atOnce(number int, do func(i int)) {
	var ready, done sync.WaitGroup
	ready.Add(1)
	for i := range number {
		done.Go(func() { ready.Wait(); do(i) })
	}
	ready.Done()
	done.Wait()
}

func TestFirstUseNeedsAMarkThatCannotBeLost(t *testing.T) {
	birth, skew := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), 30*time.Second
	for name, c := range map[string]struct {
		placed   Placed
		issuedAt time.Time
		want     bool
	}{
		"issued long after the birth":          {Placed{true, birth}, birth.Add(time.Hour), true},
		"issued at birth plus skew":            {Placed{true, birth}, birth.Add(skew), true},
		"issued before birth plus skew":        {Placed{true, birth}, birth.Add(skew - time.Second), false},
		"issued before the birth":              {Placed{true, birth}, birth.Add(-time.Hour), false},
		"a mark was there":                     {Placed{false, birth}, birth.Add(time.Hour), false},
		"nothing is known (a forgotten error)": {Placed{}, birth, false},
	} {
		if got := c.placed.FirstUse(c.issuedAt, skew); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestInputIsChecked(t *testing.T) {
	onBoth(t, func(t *testing.T, s Store) {
		good := newKey("par")
		with := func(change func(*Key)) Key { key := good; change(&key); return key }
		for name, key := range map[string]Key{
			"no kind":             with(func(k *Key) { k.Kind = "" }),
			"no id":               with(func(k *Key) { k.ID = "" }),
			"a long kind":         with(func(k *Key) { k.Kind = strings.Repeat("k", MaximumKindBytes+1) }),
			"a long id":           with(func(k *Key) { k.ID = strings.Repeat("i", MaximumIDBytes+1) }),
			"a colon in the kind": with(func(k *Key) { k.Kind = "a:b" }),
			"the counters' mark":  with(func(k *Key) { k.Kind = "#par" }),
			"a digit first":       with(func(k *Key) { k.Kind = "1" }),
			"capitals":            with(func(k *Key) { k.Kind = "Par" }),
			"a space in the id":   with(func(k *Key) { k.ID = "a b" }),
			"a NUL in the id":     with(func(k *Key) { k.ID = "a\x00" }),
			"not ASCII":           with(func(k *Key) { k.ID = "é" }),
		} {
			for operation, err := range everyOperation(s, key, nil, time.Minute) {
				if err == nil || errors.Is(err, ErrUnavailable) {
					t.Errorf("%s: %s: %v", name, operation, err)
				}
			}
		}
		for _, lifetime := range []time.Duration{0, -time.Second, time.Microsecond, MaximumLifetime + 1} {
			for operation, err := range everyOperation(s, good, nil, lifetime) {
				if writes := operation != "Get" && operation != "Take" && operation != "Delete"; writes && err == nil {
					t.Errorf("lifetime %v: %s", lifetime, operation)
				}
			}
		}
		for operation, err := range everyOperation(s, good, make([]byte, MaximumValueBytes+1), time.Minute) {
			if strings.HasPrefix(operation, "Put") || operation == "Replace" {
				if !errors.Is(err, ErrTooLarge) {
					t.Errorf("a large value: %s: %v", operation, err)
				}
			}
		}
		awkward := with(func(k *Key) { k.ID = `{a}:'"\%_$1!~` })
		version := must[Version](t)(s.Put(ctx, awkward, []byte("x"), MaximumLifetime))
		wantEntry(t, s, awkward, "x", version)
	})
}

// everyOperation runs each operation once and returns the errors by name.
func everyOperation(s Store, key Key, value []byte, lifetime time.Duration) map[string]error {
	errs := map[string]error{}
	version, err := s.Put(ctx, key, value, lifetime)
	errs["Put"] = err
	_, errs["PutIfAbsent"] = s.PutIfAbsent(ctx, key, value, lifetime)
	_, _, errs["Get"] = s.Get(ctx, key)
	_, _, errs["Replace"] = s.Replace(ctx, key, version, value, lifetime)
	_, _, errs["Take"] = s.Take(ctx, key)
	errs["Delete"] = s.Delete(ctx, key)
	_, errs["Increment"] = s.Increment(ctx, key, lifetime)
	return errs
}

func TestACanceledCallerIsToldSo(t *testing.T) {
	onBoth(t, func(t *testing.T, s Store) {
		canceled, cancel := context.WithCancel(ctx)
		cancel()
		if _, _, err := s.Get(canceled, newKey("par")); !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable) {
			t.Fatalf("%v", err)
		}
	})
}

func TestIDsOfTextsAreApartAndFit(t *testing.T) {
	seen := map[string]bool{}
	for _, parts := range [][]string{{}, {""}, {"", ""}, {"a", "b"}, {"ab"}, {"ab", ""}, {strings.Repeat("x", 9999)}, {"\x00 é"}} {
		id := ID(parts...)
		if seen[id] || (Key{Kind: "jti", ID: id}).check() != nil {
			t.Errorf("%q became %q", parts, id)
		}
		seen[id] = true
	}
}
