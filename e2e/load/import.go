package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/clavex/clavex/e2e/load/measure"
)

// bcrypted is a hash of another system, of no password of the bench.
const bcrypted = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"

// importRow imports a file of people with bcrypt hashes by the command line, as somebody who comes from another system.
func importRow(b *bench, ctx context.Context) ([]measure.Row, error) {
	s, err := b.newSite(ctx, "import")
	if err != nil {
		return nil, err
	}
	defer s.close()
	if _, err := seedOrganizations(ctx, s.pool, []string{mainOrganization}); err != nil {
		return nil, err
	}
	people := 100_000
	if b.options.large {
		people = 1_000_000
	}
	name := filepath.Join(b.folder, "people.jsonl")
	size, err := writePeople(name, people)
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, b.options.binary, "user", "import", "--org", mainOrganization, name)
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "CLAVEX_") {
			command.Env = append(command.Env, entry)
		}
	}
	command.Env = append(command.Env, "CLAVEX_DATABASE_URL="+s.databaseURL, "CLAVEX_PUBLIC_URL="+publicURL, "CLAVEX_KEY_ENCRYPTION_KEY="+s.key)
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	began := time.Now()
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, said.String())
	}
	took := time.Since(began)
	row := measure.Row{Name: fmt.Sprintf("importing %d people", people), Throughput: measure.Rate(float64(people) / took.Seconds()),
		Notes: []string{fmt.Sprintf("A file of %d MB with bcrypt hashes, by clavex user import, beside a server that idles; it took %s.", size>>20, measure.Span(took))}}
	if usage, ok := command.ProcessState.SysUsage().(*syscall.Rusage); ok {
		row.Memory = measure.Megabytes(usage.Maxrss << 10) // KiB on Linux
		row.CPU = measure.Span((command.ProcessState.UserTime() + command.ProcessState.SystemTime()) / time.Duration(people))
	}
	return []measure.Row{row}, nil
}

// writePeople writes a file of people and returns its size.
func writePeople(name string, people int) (int64, error) {
	file, err := os.Create(name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	out := bufio.NewWriterSize(file, 1<<20)
	for i := range people {
		fmt.Fprintf(out, `{"username": "imported-%07d", "email": "imported-%07d@people.bench.test", "email_verified": true, "profile": {"name": "Imported %d"}, "password_hash": "`+bcrypted+`"}`+"\n", i, i, i)
	}
	if err := out.Flush(); err != nil {
		return 0, err
	}
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), file.Close()
}
