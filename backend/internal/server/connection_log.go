package server

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"sync/atomic"
)

// connectionLog takes what http.Server says about connections. Handshakes that fail are everyday (scanners, old
// clients) and their lines name addresses of people: they are counted and not logged.
type connectionLog struct {
	log              *slog.Logger
	failedHandshakes atomic.Uint64
}

func (l *connectionLog) logger() *log.Logger { return log.New(l, "", 0) }

// Write implements io.Writer for one line.
func (l *connectionLog) Write(line []byte) (int, error) {
	if bytes.HasPrefix(line, []byte("http: TLS handshake error")) {
		l.failedHandshakes.Add(1)
		return len(line), nil
	}
	l.log.WarnContext(context.Background(), "http server", "message", string(bytes.TrimSpace(line)))
	return len(line), nil
}
