//go:build unix

package subprocess_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/subprocess"
)

func TestChildHasItsOwnGroupAndStops(t *testing.T) {
	t.Parallel()
	child, err := subprocess.Start(exec.Command("sleep", "60"), syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	group, err := syscall.Getpgid(child.PID())
	if err != nil || group != child.PID() {
		t.Errorf("process group = %d, %v; want the child's own %d", group, err, child.PID())
	}
	if !subprocess.Alive(child.PID()) {
		t.Error("a running child counts as dead")
	}
	if err := child.Stop(context.Background(), 5*time.Second, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if subprocess.Alive(child.PID()) {
		t.Error("the child lives on after Stop")
	}
	if err := child.Stop(context.Background(), time.Second, syscall.SIGTERM); err != nil {
		t.Errorf("stopping twice: %v", err)
	}
}

func TestStopKillsWhatIgnoresSignals(t *testing.T) {
	t.Parallel()
	child, err := subprocess.Start(exec.Command("sh", "-c", "trap '' TERM; sleep 60 & while :; do sleep 1; done"), syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // let the shell set its trap
	if err := child.Stop(context.Background(), 300*time.Millisecond, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if subprocess.Alive(child.PID()) {
		t.Error("the child lives on after Stop")
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := subprocess.Run(ctx, exec.Command("sleep", "60")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v", err)
	}
	if time.Since(start) > 10*time.Second {
		t.Error("Run outlived its context")
	}
	var exit *exec.ExitError
	if err := subprocess.Run(context.Background(), exec.Command("sh", "-c", "exit 3")); !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("err = %v, want exit code 3", err)
	}
}

// TestOrphanIsSignalled kills a process that started a child and watches the child go. The test
// binary plays the parent, so that the parent is a Go program with the runtime's threads.
func TestOrphanIsSignalled(t *testing.T) {
	if os.Getenv("CLAVEX_SUBPROCESS_PARENT") == "1" {
		playParent()
	}
	if runtime.GOOS != "linux" {
		t.Skip("only Linux signals orphans")
	}
	t.Parallel()
	for name, user := range map[string]string{"same user": "", "another user": "65534"} {
		t.Run(name, func(t *testing.T) {
			if user != "" && os.Geteuid() != 0 {
				t.Skip("changing the user needs root")
			}
			parent := exec.Command(os.Args[0], "-test.run=^TestOrphanIsSignalled$")
			parent.Env = append(os.Environ(), "CLAVEX_SUBPROCESS_PARENT=1", "CLAVEX_SUBPROCESS_USER="+user)
			output, err := parent.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := parent.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(output).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			child, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond) // long enough for a thread-bound mistake to show
			if !subprocess.Alive(child) {
				t.Fatal("the child died while its parent lived")
			}
			_ = parent.Process.Kill()
			_ = parent.Wait()
			for deadline := time.Now().Add(5 * time.Second); running(child); time.Sleep(20 * time.Millisecond) {
				if time.Now().After(deadline) {
					_ = syscall.Kill(child, syscall.SIGKILL)
					t.Fatal("the child outlived its killed parent")
				}
			}
		})
	}
}

// running tells a live process from a zombie that nobody has reaped yet.
func running(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func playParent() {
	command := exec.Command("sleep", "60")
	command.Dir = "/"
	if user, err := strconv.Atoi(os.Getenv("CLAVEX_SUBPROCESS_USER")); err == nil {
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user)}}
	}
	child, err := subprocess.Start(command, syscall.SIGTERM)
	if err != nil {
		panic(err)
	}
	for range 50 { // shake the runtime: threads come and go
		go func() { runtime.LockOSThread() }()
	}
	_, _ = os.Stdout.WriteString(strconv.Itoa(child.PID()) + "\n")
	time.Sleep(time.Minute)
	os.Exit(1)
}
