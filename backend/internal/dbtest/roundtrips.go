package dbtest

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// RoundTrips counts how often a pool's connections wait for PostgreSQL's answer, so that a test can
// hold a request to its budget. It counts on the wire: BEGIN and COMMIT are one each, a batch is one
// however many statements it holds, a notification that nobody asked for is none.
//
// Making a connection (start-up, login, the pool's AfterConnect) does not count. Nor does the trip
// by which pgx prepares a named statement, once per connection: a budget is about a warm pool, and
// the test need not warm it; Prepares tells those trips. The zero value is ready. Safe for concurrent use.
type RoundTrips struct {
	answered, prepared atomic.Int64
}

// Count returns the round trips so far.
func (r *RoundTrips) Count() int { return int(r.answered.Load()) }

// Prepares returns the round trips so far that did nothing but prepare or forget named statements.
func (r *RoundTrips) Prepares() int { return int(r.prepared.Load()) }

// During returns the round trips made while do runs, those of other goroutines on the pool included.
func (r *RoundTrips) During(do func()) int {
	before := r.Count()
	do()
	return r.Count() - before
}

// AtMost fails the test when do takes more round trips than the limit.
func (r *RoundTrips) AtMost(t testing.TB, limit int, what string, do func()) {
	t.Helper()
	if trips := r.During(do); trips > limit {
		t.Errorf("%s took %d database round trips, the budget is %d", what, trips, limit)
	}
}

// Configure makes a pool's future connections count; it fits store.Options.Configure. It also turns
// off the ping of connections that were idle for a second: it would make counts depend on the clock.
// Configure a pool before it opens, and without TLS.
func (r *RoundTrips) Configure(config *pgxpool.Config) {
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &countedConn{Conn: conn, trips: r}, nil
	}
	afterConnect := config.AfterConnect
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if afterConnect != nil {
			if err := afterConnect(ctx, conn); err != nil {
				return err
			}
		}
		counted, ok := conn.PgConn().Conn().(*countedConn)
		if !ok {
			return errors.New("dbtest: round trips cannot be counted through TLS; add sslmode=disable to the URL")
		}
		counted.begin()
		return nil
	}
	config.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false }
}

// countedConn sees a turnaround when PostgreSQL says that it waits for what comes next, not when bytes arrive: an answer
// in several pieces is one.
type countedConn struct {
	net.Conn
	trips *RoundTrips

	mu        sync.Mutex     // pgx may read in the background while it writes
	counting  bool           // the connection is made; the next byte written begins a message
	messages  messageScanner // that are sent
	answers   messageScanner // that arrive
	asked     bool           // something was sent since the last turnaround
	preparing bool           // a named statement was prepared or forgotten since then
	working   bool           // anything else was asked since then
}

func (c *countedConn) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counting = true
}

// Write implements net.Conn.
func (c *countedConn) Write(data []byte) (int, error) {
	c.mu.Lock()
	if c.counting {
		c.messages.scan(data, c.note)
	}
	c.mu.Unlock()
	return c.Conn.Write(data)
}

// note learns the kind of a message that is being sent; first is the first byte of its body. See
// PostgreSQL's "Message Formats".
func (c *countedConn) note(kind, first byte) {
	c.asked = true
	switch kind {
	case 'P': // Parse: a name, then the statement; an empty name means that nothing is kept
		if first == 0 {
			c.working = true
		} else {
			c.preparing = true
		}
	case 'C': // Close
		c.preparing = true
	case 'D', 'S', 'H': // Describe, Sync, Flush go along with the others
	default:
		c.working = true
	}
}

// Read implements net.Conn.
func (c *countedConn) Read(buffer []byte) (int, error) {
	n, err := c.Conn.Read(buffer)
	if n > 0 {
		c.mu.Lock()
		if c.counting {
			c.answers.scan(buffer[:n], c.hear)
		}
		c.mu.Unlock()
	}
	return n, err
}

// hear learns the kind of a message that arrived.
func (c *countedConn) hear(kind, _ byte) {
	switch kind {
	case 'Z', 'G': // ReadyForQuery; CopyInResponse
		c.turnAround()
	}
}

func (c *countedConn) turnAround() {
	if !c.asked {
		return
	}
	if c.preparing && !c.working {
		c.trips.prepared.Add(1)
	} else {
		c.trips.answered.Add(1)
	}
	c.asked, c.preparing, c.working = false, false, false
}

// messageScanner finds the messages in a stream that may be cut anywhere: a byte for the kind, four
// for the length (which counts itself), the body.
type messageScanner struct {
	header [6]byte // kind, length and the first byte of the body
	have   int     // how many of header's bytes are here
	skip   int     // bytes of the body still to pass over
}

func (s *messageScanner) scan(data []byte, note func(kind, first byte)) {
	for len(data) > 0 {
		if s.skip > 0 {
			n := min(s.skip, len(data))
			s.skip -= n
			data = data[n:]
			continue
		}
		s.header[s.have] = data[0]
		s.have++
		data = data[1:]
		if s.have < 5 {
			continue
		}
		body := int(uint32(s.header[1])<<24|uint32(s.header[2])<<16|uint32(s.header[3])<<8|uint32(s.header[4])) - 4
		switch {
		case s.have == 5 && body <= 0:
			note(s.header[0], 0)
			s.have = 0
		case s.have == 6:
			note(s.header[0], s.header[5])
			s.have, s.skip = 0, body-1
		}
	}
}
