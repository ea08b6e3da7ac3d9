package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/seal"
)

// asProgram makes the test binary be clavex itself: the command line is tested as a child process, with
// real exit codes, signals and streams.
const asProgram = "CLAVEX_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const publicURL = "https://id.example.test"

// installation is a configuration with a database.
type installation struct {
	environ []string
}

// install makes a migrated database and a complete configuration for it.
func install(t *testing.T, more ...string) installation {
	t.Helper()
	return installation{append([]string{"CLAVEX_DATABASE_URL=" + dbtest.URL(t), "CLAVEX_PUBLIC_URL=" + publicURL,
		"CLAVEX_KEY_ENCRYPTION_KEY=" + seal.GenerateKey(rand.Reader).Encode(), "CLAVEX_METRICS_LISTEN=off", "CLAVEX_LISTEN=127.0.0.1:0"}, more...)}
}

// with returns the installation with other variables.
func (i installation) with(variables ...string) installation {
	kept := slices.DeleteFunc(slices.Clone(i.environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.ContainsFunc(variables, func(other string) bool { return strings.HasPrefix(other, name+"=") })
	})
	return installation{append(kept, variables...)}
}

// result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
}

func (r result) decode(t *testing.T, into any) {
	t.Helper()
	if r.code != exitDone {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	if err := json.Unmarshal([]byte(r.stdout), into); err != nil {
		t.Fatalf("standard output is not JSON: %v\n%s", err, r.stdout)
	}
}

// run runs clavex to its end.
func (i installation) run(t *testing.T, arguments ...string) result {
	t.Helper()
	child := i.start(t, arguments...)
	return result{child.wait(t, time.Minute), child.stdout.String(), child.stderr.String()}
}

// succeed runs clavex and fails the test unless it succeeds.
func (i installation) succeed(t *testing.T, arguments ...string) result {
	t.Helper()
	got := i.run(t, arguments...)
	if got.code != exitDone {
		t.Fatalf("clavex %s: exit code %d\n%s", strings.Join(arguments, " "), got.code, got.stderr)
	}
	return got
}

// child is a running clavex.
type child struct {
	command        *exec.Cmd
	stdout, stderr *buffer
	ended          chan struct{}
}

func (i installation) start(t *testing.T, arguments ...string) *child {
	t.Helper()
	c := i.prepare(arguments...)
	c.launch(t)
	return c
}

func (i installation) prepare(arguments ...string) *child {
	c := &child{command: exec.Command(os.Args[0], arguments...), stdout: &buffer{}, stderr: &buffer{}, ended: make(chan struct{})}
	c.command.Env = append([]string{asProgram + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "GOCOVERDIR=" + os.Getenv("GOCOVERDIR")}, i.environ...)
	c.command.Stdout, c.command.Stderr = c.stdout, c.stderr
	return c
}

func (c *child) launch(t *testing.T) {
	t.Helper()
	if err := c.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = c.command.Wait() // the exit code is asked for in wait
		close(c.ended)
	}()
	t.Cleanup(func() {
		_ = c.command.Process.Signal(syscall.SIGTERM)
		select {
		case <-c.ended:
		case <-time.After(30 * time.Second):
			_ = c.command.Process.Kill()
		}
	})
}

func (c *child) signal(t *testing.T, what syscall.Signal) {
	t.Helper()
	if err := c.command.Process.Signal(what); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}

// wait returns the exit code.
func (c *child) wait(t *testing.T, patience time.Duration) int {
	t.Helper()
	select {
	case <-c.ended:
		return c.command.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatalf("%v did not end in %s; it said:\n%s%s", c.command.Args[1:], patience, c.stdout, c.stderr)
		return -1
	}
}

// until waits for a text on one of the streams.
func (c *child) until(t *testing.T, stream *buffer, text string) {
	t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for !strings.Contains(stream.String(), text) {
		select {
		case <-c.ended:
			if strings.Contains(stream.String(), text) {
				return
			}
			t.Fatalf("it ended with %d before it said %q:\n%s%s", c.command.ProcessState.ExitCode(), text, c.stdout, c.stderr)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("it did not say %q:\n%s%s", text, c.stdout, c.stderr)
		}
	}
}

// buffer collects a stream while others read what came so far.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
