package dbtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// claimPrefix begins the keys, in Redis database 0, that say which databases are taken.
	claimPrefix = "clavex:dbtest:database:"
	// claimFor is how long the claim of a killed test stands; no test runs that long.
	claimFor = 30 * time.Minute
)

// Redis returns the URL of an empty Redis database of the test's own, in the form redis.ParseURL
// takes. It is emptied and given back when the test ends. Keys are apart; channels are not, Redis
// publishes across databases.
func Redis(t testing.TB) string {
	t.Helper()
	server := required(t, redisVariable, "Redis")
	options, err := redis.ParseURL(server)
	if err != nil {
		t.Fatalf("dbtest: %s: %v", redisVariable, err)
	}
	options.DB, options.PoolSize = 0, 1
	client := redis.NewClient(options)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	token := rand.Text()
	number, err := claimDatabase(ctx, client, token)
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	own := *options
	own.DB = number
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := flush(ctx, own); err != nil {
			t.Errorf("dbtest: %v", err)
		}
		claims := redis.NewClient(options)
		defer claims.Close()
		if err := claims.Del(ctx, claimPrefix+strconv.Itoa(number)).Err(); err != nil {
			t.Errorf("dbtest: give the Redis database back: %v", err)
		}
	})
	if err := flush(ctx, own); err != nil { // a killed test may have left something
		t.Fatalf("dbtest: %v", err)
	}
	address, err := withRedisDatabase(server, number)
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	return address
}

// claimDatabase takes a database number that no running test has, and waits for one when all are taken.
func claimDatabase(ctx context.Context, client *redis.Client, token string) (int, error) {
	settings, err := client.ConfigGet(ctx, "databases").Result()
	if err != nil {
		return 0, fmt.Errorf("ask the Redis of %s how many databases it has: %w", redisVariable, err)
	}
	count, err := strconv.Atoi(settings["databases"])
	if err != nil || count < 2 {
		return 0, fmt.Errorf("the Redis of %s has no databases but the first", redisVariable)
	}
	for {
		// Begin where the last claim ended: with many databases the first try succeeds.
		turn, err := client.Incr(ctx, claimPrefix+"turn").Result()
		if err != nil {
			return 0, err
		}
		for offset := range count - 1 {
			number := int((turn+int64(offset))%int64(count-1)) + 1
			taken, err := client.SetNX(ctx, claimPrefix+strconv.Itoa(number), token, claimFor).Result()
			if err != nil {
				return 0, err
			}
			if taken {
				return number, nil
			}
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return 0, fmt.Errorf("all %d databases of the Redis of %s are taken", count-1, redisVariable)
		}
	}
}

func flush(ctx context.Context, options redis.Options) error {
	client := redis.NewClient(&options)
	defer client.Close()
	if err := client.FlushDB(ctx).Err(); err != nil {
		return fmt.Errorf("empty the test's Redis database: %w", err)
	}
	return nil
}

// withRedisDatabase returns the server's URL with another database number in it.
func withRedisDatabase(server string, number int) (string, error) {
	address, err := url.Parse(server)
	if err != nil {
		return "", err
	}
	if address.Scheme == "unix" {
		query := address.Query()
		query.Set("db", strconv.Itoa(number))
		address.RawQuery = query.Encode()
		return address.String(), nil
	}
	address.Path = "/" + strconv.Itoa(number)
	return address.String(), nil
}
