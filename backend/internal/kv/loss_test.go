package kv

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
)

func TestPostgresIsBornAgainAfterALoss(t *testing.T) {
	pool := dbtest.New(t)
	s := NewPostgres(store.FromPool(pool), rand.Reader)
	birth := must[time.Time](t)(s.Birth(ctx))
	if !birth.Equal(time.Unix(0, 0)) {
		t.Fatalf("a new database was born at %v: nothing can be lost yet", birth)
	}
	key, issued := newKey("jti"), time.Now()
	if placed := must[Placed](t)(s.PutIfAbsent(ctx, key, nil, time.Minute)); !placed.FirstUse(issued, 0) {
		t.Fatalf("%+v", placed)
	}
	// What a crash does to unlogged tables.
	if _, err := pool.Exec(ctx, "TRUNCATE kv_entries, kv_birth"); err != nil {
		t.Fatal(err)
	}
	placed := must[Placed](t)(s.PutIfAbsent(ctx, key, nil, time.Minute))
	if !placed.Stored || placed.FirstUse(issued, 0) || !placed.Birth.After(issued) {
		t.Fatalf("a replay after the loss: %+v, issued %v", placed, issued)
	}
	if again := must[time.Time](t)(s.Birth(ctx)); !again.Equal(placed.Birth) {
		t.Fatalf("born at %v and %v", placed.Birth, again)
	}
}

func TestPostgresBeginsOneLifeWhenManyFindTheLoss(t *testing.T) {
	pool := dbtest.New(t)
	s := NewPostgres(store.FromPool(pool), rand.Reader)
	if _, err := pool.Exec(ctx, "TRUNCATE kv_entries, kv_birth"); err != nil {
		t.Fatal(err)
	}
	before := time.Now().Add(-time.Second) // the database's clock may differ by little
	atOnce(8, func(int) {
		placed, err := s.PutIfAbsent(ctx, newKey("jti"), nil, time.Minute)
		if err != nil || !placed.Stored || placed.Birth.Before(before) {
			t.Errorf("%+v, %v", placed, err)
		}
	})
}

func TestPostgresCleansUpInBatches(t *testing.T) {
	pool := dbtest.New(t)
	s := NewPostgres(store.FromPool(pool), rand.Reader)
	for range 5 {
		must[Version](t)(s.Put(ctx, newKey("par"), []byte("x"), time.Millisecond))
		must[Count](t)(s.Increment(ctx, newKey("counter"), time.Millisecond))
	}
	kept := newKey("par")
	version := must[Version](t)(s.Put(ctx, kept, []byte("x"), time.Minute))
	time.Sleep(10 * time.Millisecond)
	for _, want := range []int64{4, 4, 2, 0} {
		if deleted := must[int64](t)(s.DeleteExpired(ctx, 4)); deleted != want {
			t.Fatalf("deleted %d, want %d", deleted, want)
		}
	}
	wantEntry(t, s, kept, "x", version)
	var rows int
	if err := pool.QueryRow(ctx, "SELECT count(*) FROM kv_entries").Scan(&rows); err != nil || rows != 1 {
		t.Fatalf("%d rows left, %v", rows, err)
	}
}

func TestPostgresFindsExpiredEntriesByIndex(t *testing.T) {
	pool := dbtest.New(t)
	_, err := pool.Exec(ctx, `
		INSERT INTO kv_entries SELECT gen_random_uuid(), 'par', n::text, '', 1, now() + n * interval '1 second'
		FROM generate_series(-20, 20000) AS n`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(ctx, "ANALYZE kv_entries"); err != nil {
		t.Fatal(err)
	}
	found, err := pool.Query(ctx, "EXPLAIN "+strings.Replace(postgresDeleteExpired, "$1", "1000", 1))
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	for found.Next() {
		var line string
		if err := found.Scan(&line); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&plan, line)
	}
	if err := found.Err(); err != nil || !strings.Contains(plan.String(), "kv_entries_expires_at") || strings.Contains(plan.String(), "Seq Scan") {
		t.Fatalf("%v\n%s", err, plan.String())
	}
}

func TestPostgresTakesOneRoundTrip(t *testing.T) {
	pool, trips := dbtest.NewCounted(t)
	oneRoundTripEach(t, NewPostgres(store.FromPool(pool), rand.Reader), trips.Count)
}

func TestRedisTakesOneRoundTrip(t *testing.T) {
	address := dbtest.Redis(t)
	options, err := redis.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := newProxy(t, options.Network, options.Addr)
	oneRoundTripEach(t, openRedis(t, fmt.Sprintf("redis://%s:%s@%s/%d", options.Username, options.Password, proxy.address, options.DB)),
		func() int { return int(proxy.trips.Load()) })
}

func oneRoundTripEach(t *testing.T, s Store, count func() int) {
	key, lifetime := newKey("par"), time.Minute
	everyOperation(s, key, nil, lifetime) // connects, prepares statements, loads scripts
	var version Version
	for _, operation := range []struct {
		name string
		do   func() error
	}{
		{"Put", func() (err error) { version, err = s.Put(ctx, key, []byte("x"), lifetime); return }},
		{"PutIfAbsent", func() error { _, err := s.PutIfAbsent(ctx, key, []byte("x"), lifetime); return err }},
		{"Get", func() error { _, _, err := s.Get(ctx, key); return err }},
		{"Replace", func() error { _, _, err := s.Replace(ctx, key, version, []byte("y"), lifetime); return err }},
		{"Take", func() error { _, _, err := s.Take(ctx, key); return err }},
		{"Delete", func() error { return s.Delete(ctx, key) }},
		{"Increment", func() error { _, err := s.Increment(ctx, key, lifetime); return err }},
		{"Birth", func() error { _, err := s.Birth(ctx); return err }},
	} {
		before := count()
		if err := operation.do(); err != nil {
			t.Errorf("%s: %v", operation.name, err)
		}
		if trips := count() - before; trips != 1 {
			t.Errorf("%s took %d round trips", operation.name, trips)
		}
	}
}

func TestALostServerIsUnavailableAndComesBack(t *testing.T) {
	t.Run("Postgres", func(t *testing.T) {
		config := dbtest.New(t).Config().ConnConfig
		proxy := newProxy(t, network(config.Host), hostPort(config.Host, config.Port))
		host, port, _ := net.SplitHostPort(proxy.address)
		db, err := store.Open(ctx, fmt.Sprintf("postgres://%s:%s@%s:%s/%s?sslmode=disable", config.User, config.Password, host, port, config.Database), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		loseAndRecover(t, NewPostgres(db, rand.Reader), proxy)
	})
	t.Run("Redis", func(t *testing.T) {
		options, err := redis.ParseURL(dbtest.Redis(t))
		if err != nil {
			t.Fatal(err)
		}
		proxy := newProxy(t, options.Network, options.Addr)
		s := openRedis(t, fmt.Sprintf("redis://%s:%s@%s/%d", options.Username, options.Password, proxy.address, options.DB))
		loseAndRecover(t, s, proxy)
	})
}

func loseAndRecover(t *testing.T, s Store, proxy *proxy) {
	key := newKey("par")
	version := must[Version](t)(s.Put(ctx, key, []byte("x"), time.Minute))
	proxy.cut()
	for range 2 { // a connection that breaks, and one that cannot be made
		for operation, err := range everyOperation(s, newKey("par"), []byte("x"), time.Minute) {
			if !errors.Is(err, ErrUnavailable) || fault.From(err).RetryAfter != 5*time.Second || fault.From(err).Kind != fault.Unavailable {
				t.Errorf("%s: %v", operation, err)
			}
		}
	}
	proxy.restore(t)
	deadline := time.Now().Add(10 * time.Second)
	for {
		_, _, err := s.Get(ctx, key)
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("still away: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	wantEntry(t, s, key, "x", version)
}

func eventually(t *testing.T, do func() error) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := do()
		if err == nil {
			return
		}
		if !errors.Is(err, ErrUnavailable) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestRedisIsBornAgainAfterALoss(t *testing.T) {
	server := newRedisServer(t, "--save", "", "--appendonly", "yes", "--appendfsync", "always")
	s := openRedis(t, server.url())
	admin := server.client()
	defer admin.Close()
	key := newKey("jti")
	first := must[Placed](t)(s.PutIfAbsent(ctx, key, nil, time.Hour))
	time.Sleep(10 * time.Millisecond)
	issued := time.Now()
	if !first.FirstUse(issued, 0) {
		t.Fatalf("%+v", first)
	}

	t.Run("FLUSHALL", func(t *testing.T) {
		if err := admin.FlushAll(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		placed := must[Placed](t)(s.PutIfAbsent(ctx, key, nil, time.Hour))
		if !placed.Stored || placed.FirstUse(issued, 0) || !placed.Birth.After(first.Birth) {
			t.Fatalf("a replay after the loss: %+v", placed)
		}
	})
	t.Run("a restart that brings back what was saved", func(t *testing.T) {
		before := must[Placed](t)(s.PutIfAbsent(ctx, newKey("jti"), nil, time.Hour))
		server.stop()
		if _, err := s.PutIfAbsent(ctx, newKey("jti"), nil, time.Hour); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("while it is away: %v", err)
		}
		server.start(t)
		var placed Placed
		eventually(t, func() (err error) { placed, err = s.PutIfAbsent(ctx, key, nil, time.Hour); return err })
		if placed.Stored {
			t.Fatal("the saved mark was not brought back, so this test shows nothing")
		}
		if !placed.Birth.After(before.Birth) {
			t.Fatalf("the birth survived a restart: %v, %v", before.Birth, placed.Birth)
		}
		if again := must[Placed](t)(s.PutIfAbsent(ctx, key, nil, time.Hour)); !again.Birth.Equal(placed.Birth) {
			t.Fatalf("born twice: %v, %v", placed.Birth, again.Birth)
		}
	})
	t.Run("only one partition is lost", func(t *testing.T) {
		birth := must[time.Time](t)(s.Birth(ctx))
		if err := admin.Del(ctx, key.entry(), birthKey(key.partition())).Err(); err != nil {
			t.Fatal(err)
		}
		placed := must[Placed](t)(s.PutIfAbsent(ctx, key, nil, time.Hour))
		if !placed.Stored || !placed.Birth.After(birth) {
			t.Fatalf("%+v, before %v", placed, birth)
		}
		if latest := must[time.Time](t)(s.Birth(ctx)); !latest.Equal(placed.Birth) {
			t.Fatalf("Birth = %v, want the latest, %v", latest, placed.Birth)
		}
	})
}

func TestRedisThatEvictsIsRefused(t *testing.T) {
	for _, policy := range []string{"allkeys-lru", "volatile-ttl"} {
		server := newRedisServer(t, "--save", "", "--maxmemory-policy", policy)
		_, err := OpenRedis(ctx, server.url(), rand.Reader)
		if err == nil || errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), policy) || !strings.Contains(err.Error(), "noeviction") {
			t.Errorf("%s: %v", policy, err)
		}
	}
}

func TestAFullRedisIsUnavailable(t *testing.T) {
	server := newRedisServer(t, "--save", "")
	s := openRedis(t, server.url())
	admin := server.client()
	defer admin.Close()
	if err := admin.ConfigSet(ctx, "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(ctx, newKey("par"), []byte("x"), time.Minute); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Put: %v", err)
	}
	if _, err := s.PutIfAbsent(ctx, newKey("par"), []byte("x"), time.Minute); !errors.Is(err, ErrUnavailable) {
		t.Errorf("PutIfAbsent: %v", err)
	}
}

// A Cluster refuses a command or script whose keys lie in different slots, whatever its size.
func TestRedisCluster(t *testing.T) {
	server := newRedisServer(t, "--save", "", "--cluster-enabled", "yes")
	admin := server.client()
	defer admin.Close()
	if err := admin.ClusterAddSlotsRange(ctx, 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if info, _ := admin.ClusterInfo(ctx).Result(); strings.Contains(info, "cluster_state:ok") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the cluster did not form")
		}
	}
	s := openRedis(t, server.url()+"?addr="+server.address)
	if _, isCluster := s.client.(*redis.ClusterClient); !isCluster {
		t.Fatalf("%T", s.client)
	}
	for range 20 { // keys of many slots
		for operation, err := range everyOperation(s, newKey("par"), []byte("x"), time.Minute) {
			if err != nil {
				t.Fatalf("%s: %v", operation, err)
			}
		}
	}
	if err := admin.ConfigSet(ctx, "maxmemory-policy", "allkeys-lru").Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenRedis(ctx, server.url()+"?addr="+server.address, rand.Reader); err == nil || !strings.Contains(err.Error(), "allkeys-lru") {
		t.Errorf("a cluster that evicts: %v", err)
	}
}

func TestRedisAddresses(t *testing.T) {
	for _, address := range []string{"", "localhost:6379", "http://localhost", "redis://", "redis://:hunter2@h:x", "redis://:hunter2@h/notanumber", "redis://:hunter2@h?nonsense=1", "redis://:hunter2@h?addr=h2:1&nonsense=1"} {
		_, err := OpenRedis(ctx, address, rand.Reader)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", address, err)
		}
	}
	short, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := OpenRedis(short, "redis://127.0.0.1:1", rand.Reader); !errors.Is(err, ErrUnavailable) {
		t.Errorf("nobody answers: %v", err)
	}
}

func TestRedisServersAreJudged(t *testing.T) {
	const good = "redis_version:7.2.4\r\nrun_id:0123abcd\r\nmaxmemory_policy:noeviction\r\n"
	for name, info := range map[string]string{
		"Redis 7": good, "Redis 6.2": strings.Replace(good, "7.2.4", "6.2.0", 1), "Redis 10": strings.Replace(good, "7.2.4", "10.0", 1),
	} {
		if err := checkInfo(info); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, info := range map[string]string{
		"Redis 6.0": strings.Replace(good, "7.2.4", "6.0.16", 1), "no version": strings.Replace(good, "redis_version", "x", 1),
		"no run id": strings.Replace(good, "run_id", "x", 1), "an unknown policy": strings.Replace(good, "noeviction", "", 1), "nothing": "",
	} {
		if err := checkInfo(info); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
