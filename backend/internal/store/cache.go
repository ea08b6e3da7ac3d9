package store

import (
	"context"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"
)

const (
	cacheTimeToLive  = 10 * time.Minute // backstop behind the invalidations
	generationShards = 256
)

// Cache holds hot rows in process, bounded in number. Values are shared between requests and must
// not be changed by readers. Nothing that was read before an invalidation of its key is kept after it.
type Cache[V any] struct {
	entries     *otter.Cache[string, V]
	loads       singleflight.Group
	seed        maphash.Seed
	generations [generationShards]atomic.Uint64
}

// NewCache makes a cache of at most size values. keys returns the cache keys that a change touches,
// none when the change is none of its business.
func NewCache[V any](hub *Invalidations, size int, keys func(Change) []string) *Cache[V] {
	cache := &Cache[V]{
		entries: otter.Must(&otter.Options[string, V]{
			MaximumSize:      size,
			ExpiryCalculator: otter.ExpiryWriting[string, V](cacheTimeToLive),
		}),
		seed: maphash.MakeSeed(),
	}
	hub.Watch(func(change Change) {
		for _, key := range keys(change) {
			cache.Forget(key)
		}
	}, cache.flush)
	return cache
}

// Get returns the value of the key, loading it when it is not cached. Simultaneous loads of one key
// are one load. Errors are not cached.
func (c *Cache[V]) Get(ctx context.Context, key string, load func(context.Context) (V, error)) (V, error) {
	if value, ok := c.entries.GetIfPresent(key); ok {
		return value, nil
	}
	generation := c.generation(key)
	before := generation.Load()
	// The generation is part of the flight's name: whoever asks after an invalidation does not join a
	// load that began before it.
	result := c.loads.DoChan(flightName(key, before), func() (any, error) {
		// The load outlives the request that began it, because others wait for it too.
		loading, cancel := context.WithTimeout(context.WithValue(context.WithoutCancel(ctx), loads{}, true), 10*time.Second)
		defer cancel()
		value, err := load(loading)
		if err != nil {
			return value, err
		}
		if generation.Load() == before {
			c.entries.Set(key, value)
			if generation.Load() != before { // invalidated between the check and the write
				c.entries.Invalidate(key)
			}
		}
		return value, nil
	})
	select {
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	case r := <-result:
		if r.Err != nil {
			var none V
			return none, r.Err
		}
		return r.Val.(V), nil
	}
}

// Forget drops the key and keeps loads that have begun from being cached.
func (c *Cache[V]) Forget(key string) {
	c.generation(key).Add(1)
	c.entries.Invalidate(key)
}

func (c *Cache[V]) flush() {
	for i := range c.generations {
		c.generations[i].Add(1)
	}
	c.entries.InvalidateAll()
}

func (c *Cache[V]) generation(key string) *atomic.Uint64 {
	return &c.generations[maphash.String(c.seed, key)%generationShards]
}

func flightName(key string, generation uint64) string {
	var suffix [9]byte
	for i := range 8 {
		suffix[i+1] = byte(generation >> (8 * i))
	}
	return key + string(suffix[:])
}
