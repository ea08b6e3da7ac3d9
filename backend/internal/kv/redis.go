package kv

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// partitions is into how many hash slots the keys are spread. A birth is kept per partition, next to
// the entries it speaks for, so that a script may touch both in a Redis Cluster and the loss of one
// shard shows. It must never change: keys would not be found again.
const partitions = 64

// Redis is the Store in Redis 6.2 or later, alone, behind Sentinel-managed addresses, or as a Cluster.
// Lifetimes are judged by Redis. It never retries by itself: an operation whose answer was lost may
// have happened.
type Redis struct {
	client redis.UniversalClient
	random io.Reader
}

var _ Store = (*Redis)(nil)

// bornAt is the part of a script that finds the birth of KEYS[1]'s partition, as microseconds since
// 1970, or begins a new life. The birth counts only for the server process that wrote it (run_id): a
// restarted server has lost what it had not yet saved, a promoted replica what it had not yet received.
const bornAt = `
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local written, micros = string.match(redis.call('GET', KEYS[1]) or '', '^(%x+) (%d+)$')
if written ~= run then
  local now = redis.call('TIME')
  micros = now[1] .. string.format('%06d', now[2])
  redis.call('SET', KEYS[1], run .. ' ' .. micros)
end
`

type scripts struct{ birth, putIfAbsent, replace, increment *redis.Script }

// redisScripts is never written to.
var redisScripts = scripts{
	birth: redis.NewScript(bornAt + `return micros`),
	putIfAbsent: redis.NewScript(bornAt + `
if redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2], 'NX') then return {1, micros} end
return {0, micros}`),
	replace: redis.NewScript(`
if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`),
	increment: redis.NewScript(`
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('PTTL', KEYS[1])}`),
}

// OpenRedis connects to redis://, rediss:// (TLS) or unix:// and refuses a server that could not keep its word: one
// that is older than 6.2, or evicts entries when memory runs short. A URL with further addresses as
// "addr" parameters means a Redis Cluster. It returns ErrUnavailable when no server answers. Random is
// crypto/rand.Reader but in tests. Errors never contain the URL, which may hold a password.
func OpenRedis(ctx context.Context, address string, random io.Reader) (*Redis, error) {
	client, err := connect(address)
	if err != nil {
		return nil, err
	}
	opened := &Redis{client: client, random: random}
	if err := opened.checkServers(ctx); err != nil {
		client.Close()
		return nil, err
	}
	// The first life begins now, not with the first assertion, which would be refused as too old.
	if _, err := opened.Birth(ctx); err != nil {
		client.Close()
		return nil, err
	}
	return opened, nil
}

// Timeouts of a store on whose answer people wait.
const (
	dialTimeout = 2 * time.Second
	callTimeout = 2 * time.Second
)

func connect(address string) (redis.UniversalClient, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "unix" && (parsed.Scheme != "redis" && parsed.Scheme != "rediss" || parsed.Host == "") {
		return nil, errors.New("kv: the address is not a Redis URL (expected redis://user:password@host:port/database, rediss://… or unix://…)")
	}
	quiet := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	if parsed.Query().Has("addr") {
		options, err := redis.ParseClusterURL(address)
		if err != nil {
			return nil, errors.New("kv: the Redis Cluster URL has an unknown parameter or address")
		}
		options.MaxRetries, options.DialerRetries, options.Protocol, options.ContextTimeoutEnabled = -1, 1, 2, true
		options.DialTimeout, options.ReadTimeout, options.WriteTimeout = dialTimeout, callTimeout, callTimeout
		options.MaintNotificationsConfig, options.DisableIdentity = quiet, true
		return redis.NewClusterClient(options), nil
	}
	options, err := redis.ParseURL(address)
	if err != nil {
		return nil, errors.New("kv: the Redis URL has an unknown parameter or database")
	}
	options.MaxRetries, options.DialerRetries, options.Protocol, options.ContextTimeoutEnabled = -1, 1, 2, true
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = dialTimeout, callTimeout, callTimeout
	options.MaintNotificationsConfig, options.DisableIdentity = quiet, true
	return redis.NewClient(options), nil
}

// Close closes all connections.
func (r *Redis) Close() error { return r.client.Close() }

// Ping reports whether the server answers.
func (r *Redis) Ping(ctx context.Context) error { return translate(r.client.Ping(ctx).Err()) }

// checkServers looks at every primary.
func (r *Redis) checkServers(ctx context.Context) error {
	check := func(ctx context.Context, one *redis.Client) error {
		info, err := one.Info(ctx, "everything").Result()
		if err != nil {
			return translate(err)
		}
		return checkInfo(info)
	}
	if cluster, ok := r.client.(*redis.ClusterClient); ok {
		return translate(cluster.ForEachMaster(ctx, check))
	}
	return check(ctx, r.client.(*redis.Client))
}

// unsuitable says why a server cannot be used. It is not a matter of waiting.
type unsuitable string

func (u unsuitable) Error() string { return "kv: " + string(u) }

// checkInfo judges the answer of INFO.
func checkInfo(info string) error {
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), ":"); found {
			fields[name] = value
		}
	}
	var major, minor int
	if _, err := fmt.Sscanf(fields["redis_version"], "%d.%d", &major, &minor); err != nil || major < 6 || major == 6 && minor < 2 {
		return unsuitable(fmt.Sprintf("Redis 6.2 or later is needed, this is %q", fields["redis_version"]))
	}
	if fields["run_id"] == "" {
		return unsuitable("Redis does not tell its run_id, so the loss of entries could not be noticed")
	}
	if policy := fields["maxmemory_policy"]; policy != "noeviction" {
		return unsuitable(fmt.Sprintf("Redis must not evict entries (replay marks and login transactions would vanish): maxmemory-policy is %q, set it to noeviction", policy))
	}
	return nil
}

// Put implements Store.
func (r *Redis) Put(ctx context.Context, key Key, value []byte, lifetime time.Duration) (Version, error) {
	version, stored, err := r.prepare(key, value, lifetime)
	if err != nil {
		return 0, err
	}
	return version, translate(r.client.Do(ctx, "SET", key.entry(), stored, "PX", lifetime.Milliseconds()).Err())
}

// PutIfAbsent implements Store.
func (r *Redis) PutIfAbsent(ctx context.Context, key Key, value []byte, lifetime time.Duration) (Placed, error) {
	_, stored, err := r.prepare(key, value, lifetime)
	if err != nil {
		return Placed{}, err
	}
	keys := []string{birthKey(key.partition()), key.entry()}
	answer, err := redisScripts.putIfAbsent.Run(ctx, r.client, keys, stored, lifetime.Milliseconds()).Slice()
	if err != nil {
		return Placed{}, translate(err)
	}
	if len(answer) != 2 {
		return Placed{}, errors.New("kv: unexpected answer of a Redis script")
	}
	birth, err := readBirth(answer[1])
	return Placed{Stored: answer[0] == int64(1), Birth: birth}, err
}

// Get implements Store.
func (r *Redis) Get(ctx context.Context, key Key) (Entry, bool, error) { return r.one(ctx, "GET", key) }

// Take implements Store.
func (r *Redis) Take(ctx context.Context, key Key) (Entry, bool, error) {
	return r.one(ctx, "GETDEL", key)
}

// Replace implements Store.
func (r *Redis) Replace(ctx context.Context, key Key, version Version, value []byte, lifetime time.Duration) (Version, bool, error) {
	next, stored, err := r.prepare(key, value, lifetime)
	if err != nil {
		return 0, false, err
	}
	done, err := redisScripts.replace.Run(ctx, r.client, []string{key.entry()}, version.encode(nil), stored, lifetime.Milliseconds()).Bool()
	if err != nil || !done {
		return 0, false, translate(err)
	}
	return next, true, nil
}

// Delete implements Store.
func (r *Redis) Delete(ctx context.Context, key Key) error {
	if err := key.check(); err != nil {
		return err
	}
	return translate(r.client.Del(ctx, key.entry()).Err())
}

// Increment implements Store.
func (r *Redis) Increment(ctx context.Context, key Key, window time.Duration) (Count, error) {
	if err := key.checkWith(nil, window); err != nil {
		return Count{}, err
	}
	answer, err := redisScripts.increment.Run(ctx, r.client, []string{key.counter()}, window.Milliseconds()).Int64Slice()
	if err != nil {
		return Count{}, translate(err)
	}
	if len(answer) != 2 {
		return Count{}, errors.New("kv: unexpected answer of a Redis script")
	}
	return Count{Value: answer[0], Reset: time.Duration(answer[1]) * time.Millisecond}, nil
}

// Birth implements Store: the latest birth among the partitions.
func (r *Redis) Birth(ctx context.Context) (time.Time, error) {
	pipeline := r.client.Pipeline()
	answers := make([]*redis.Cmd, partitions)
	for partition := range answers {
		answers[partition] = redisScripts.birth.Eval(ctx, pipeline, []string{birthKey(partition)})
	}
	if _, err := pipeline.Exec(ctx); err != nil {
		return time.Time{}, translate(err)
	}
	var latest time.Time
	for _, answer := range answers {
		birth, err := readBirth(answer.Val())
		if err != nil {
			return time.Time{}, err
		}
		if birth.After(latest) {
			latest = birth
		}
	}
	return latest, nil
}

// prepare checks the input and returns a new version and the stored form: 8 bytes of version, value.
func (r *Redis) prepare(key Key, value []byte, lifetime time.Duration) (Version, []byte, error) {
	if err := key.checkWith(value, lifetime); err != nil {
		return 0, nil, err
	}
	version, err := newVersion(r.random)
	return version, version.encode(value), err
}

func (v Version) encode(value []byte) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(value)), uint64(v)), value...)
}

func (r *Redis) one(ctx context.Context, command string, key Key) (Entry, bool, error) {
	if err := key.check(); err != nil {
		return Entry{}, false, err
	}
	text, err := r.client.Do(ctx, command, key.entry()).Text()
	if errors.Is(err, redis.Nil) {
		return Entry{}, false, nil
	}
	if err != nil {
		return Entry{}, false, translate(err)
	}
	if len(text) < 8 {
		return Entry{}, false, errors.New("kv: an entry in Redis was not written by this package")
	}
	return Entry{Value: []byte(text[8:]), Version: Version(binary.BigEndian.Uint64([]byte(text[:8])))}, true, nil
}

func (k Key) partition() int {
	sum := sha256.Sum256([]byte(k.name()))
	return int(sum[0]) % partitions
}

func (k Key) name() string    { return k.OrgID.String() + ":" + k.Kind + ":" + k.ID }
func (k Key) entry() string   { return slot(k.partition()) + ":entry:" + k.name() }
func (k Key) counter() string { return slot(k.partition()) + ":counter:" + k.name() }

func birthKey(partition int) string { return slot(partition) + ":birth" }

// slot is the beginning of a key. A Cluster hashes only what stands in the braces.
func slot(partition int) string { return "clavex:{kv" + strconv.Itoa(partition) + "}" }

func readBirth(answer any) (time.Time, error) {
	text, _ := answer.(string)
	microseconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, errors.New("kv: unexpected answer of a Redis script")
	}
	return time.UnixMicro(microseconds), nil
}

// translate turns everything that says "not now" into ErrUnavailable. What remains are faults of the
// program: a wrong type, a failing script.
func translate(err error) error {
	var refused unsuitable
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable) || errors.As(err, &refused) {
		return err
	}
	var reply redis.Error
	if errors.As(err, &reply) {
		for _, mistake := range []string{"ERR ", "WRONGTYPE ", "NOSCRIPT "} {
			if strings.HasPrefix(reply.Error(), mistake) {
				return fmt.Errorf("kv: redis: %w", err)
			}
		}
	}
	// The network, a deadline, an exhausted pool; or LOADING, READONLY, CLUSTERDOWN, OOM, NOAUTH ….
	return ErrUnavailable.WithCause(err)
}
