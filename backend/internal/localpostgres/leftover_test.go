//go:build unix

package localpostgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/subprocess"
)

// abandon does to a cluster what a killed Clavex would where the kernel does not tell PostgreSQL.
func abandon(cluster *Cluster) { cluster.lock.release() }

func TestLiveLeftoverIsStopped(t *testing.T) {
	t.Parallel()
	dir := place(t)
	first := start(t, quick(dir))
	query(t, first, "CREATE TABLE kept AS SELECT 'kept' AS word")
	abandon(first)
	second := start(t, quick(dir))
	if got := query(t, second, "SELECT word FROM kept"); got != "kept" {
		t.Errorf("after taking over: %q", got)
	}
	log, err := os.ReadFile(second.LogFile())
	if err != nil || !strings.Contains(string(log), "received fast shutdown request") {
		t.Errorf("the leftover was not shut down cleanly: %v\n%s", err, log)
	}
	if err := died(t, first); err == nil {
		t.Error("the first cluster does not know that it was stopped")
	}

	abandon(second)
	if err := Remove(dir); err != nil {
		t.Fatalf("removing with a leftover: %v", err)
	}
	if err := died(t, second); err == nil || subprocess.Alive(second.process.PID()) {
		t.Error("the leftover runs on without its data")
	}
}

// TestProcessIDGivenToAnother is a killed server whose process id another program has by now, as after a restart
// of a container.
func TestProcessIDGivenToAnother(t *testing.T) {
	t.Parallel()
	dir := place(t)
	first := start(t, quick(dir))
	query(t, first, "CREATE TABLE kept AS SELECT 'kept' AS word")
	if err := syscall.Kill(first.process.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = died(t, first)
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	who, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := subprocess.Start(who.command("/bin/sleep", "60"), syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Stop(context.Background(), 0)
	path := filepath.Join(first.folder.cluster(), "postmaster.pid")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n")
	if err := os.WriteFile(path, fmt.Appendf(nil, "%d\n%s", stranger.PID(), rest), 0o600); err != nil {
		t.Fatal(err)
	}
	second := start(t, quick(dir))
	if got := query(t, second, "SELECT word FROM kept"); got != "kept" {
		t.Errorf("after recovery: %q", got)
	}
	if !subprocess.Alive(stranger.PID()) {
		t.Error("a stranger was killed")
	}
}

// TestKilledWithoutWarning kills a process that runs a cluster: PostgreSQL must shut down by itself (Linux),
// and the next start find the data.
func TestKilledWithoutWarning(t *testing.T) {
	if dir := os.Getenv("CLAVEX_LOCALPOSTGRES_DIR"); dir != "" {
		cluster, err := Start(context.Background(), quick(dir))
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println("pid", cluster.process.PID())
		time.Sleep(time.Minute)
		os.Exit(1)
	}
	t.Parallel()
	dir := place(t)
	parent := exec.Command(os.Args[0], "-test.run=^TestKilledWithoutWarning$")
	parent.Env = append(os.Environ(), "CLAVEX_LOCALPOSTGRES_DIR="+dir)
	output, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "pid ") {
		t.Fatalf("%q, %v", line, err)
	}
	var pid int
	if _, err := fmt.Sscanf(line, "pid %d", &pid); err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	data := folder{path: dir}
	if runtime.GOOS == "linux" {
		for deadline := time.Now().Add(20 * time.Second); data.isPostmaster(pid); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("PostgreSQL runs on after Clavex was killed")
			}
		}
		if _, err := os.Stat(filepath.Join(data.cluster(), "postmaster.pid")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the shutdown was not clean: %v", err)
		}
	}
	if got := query(t, start(t, quick(dir)), "SELECT 'alive'"); got != "alive" {
		t.Error(got)
	}
}

func TestThrowawayLeavesNothing(t *testing.T) {
	t.Parallel()
	throwaway := Options{Settings: ThrowawaySettings(), InMemory: true}
	first, err := StartThrowaway(t.Context(), throwaway)
	if err != nil {
		t.Fatal(err)
	}
	if got := query(t, first, "SELECT left(rolpassword, 15) FROM pg_authid WHERE rolname = 'clavex'"); got != "SCRAM-SHA-256$1" {
		t.Errorf("password stored as %s…: logging in costs the tests dearly", got)
	}
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(first.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder stays: %v", err)
	}

	killed, err := StartThrowaway(t.Context(), throwaway)
	if err != nil {
		t.Fatal(err)
	}
	abandon(killed)
	next, err := StartThrowaway(t.Context(), throwaway)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { next.Stop(context.Background()) })
	if _, err := os.Stat(killed.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of a killed run stays: %v", err)
	}
	if query(t, next, "SELECT 'alive'") != "alive" {
		t.Error("the sweep hit the living")
	}
}
