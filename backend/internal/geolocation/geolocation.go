// Package geolocation says in which country an address is, by a database file of the operator's in the MaxMind DB format
// 2.0. No service is asked: where people sign in from is nobody else's business. A newer file at the same place is read
// within a minute, so that a job of the operator's can bring it up to date.
package geolocation

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// lookAgain is how long the file is not looked at after it was.
const lookAgain = time.Minute

// Countries finds countries. The zero value and nil know none. It is safe for concurrent use.
type Countries struct {
	name string
	log  *slog.Logger
	now  func() time.Time

	mu      sync.Mutex
	reader  *maxminddb.Reader
	written time.Time // of the file that was read
	looked  time.Time
}

// Open reads the database, which must know countries. "" is no database.
func Open(name string, log *slog.Logger, now func() time.Time) (*Countries, error) {
	if name == "" {
		return nil, nil
	}
	c := &Countries{name: name, log: log, now: now, looked: now()}
	return c, c.read()
}

// Of returns the country of an address in two capital letters (ISO 3166-1 alpha-2); "" when nobody knows it.
func (c *Countries) Of(address netip.Addr) string {
	if c == nil || !address.IsValid() {
		return ""
	}
	var found struct {
		Country struct {
			Code string `maxminddb:"iso_code"`
		} `maxminddb:"country"`
	}
	if err := c.current().Lookup(address.Unmap()).Decode(&found); err != nil || len(found.Country.Code) != 2 {
		return "" // an address without a country is as good as one in a broken place of the file
	}
	return found.Country.Code
}

// current is the reader of the newest file that could be read.
func (c *Countries) current() *maxminddb.Reader {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.looked) >= lookAgain {
		c.looked = now
		if written, err := os.Stat(c.name); err == nil && !written.ModTime().Equal(c.written) {
			if err := c.read(); err != nil {
				c.log.Warn("the database of countries is kept as it was", "error", err)
			}
		}
	}
	return c.reader
}

// read replaces the reader. The file is read whole: one that is replaced in place does no harm.
func (c *Countries) read() error {
	written, err := os.Stat(c.name)
	if err != nil {
		return fmt.Errorf("geoip_file: %w", err)
	}
	content, err := os.ReadFile(c.name)
	if err != nil {
		return fmt.Errorf("geoip_file: %w", err)
	}
	reader, err := maxminddb.OpenBytes(content)
	if err != nil {
		return fmt.Errorf("geoip_file: %s is no MaxMind DB: %w", c.name, err)
	}
	c.reader, c.written = reader, written.ModTime()
	return nil
}
