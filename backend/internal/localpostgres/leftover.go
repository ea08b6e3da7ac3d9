//go:build unix

package localpostgres

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/clavex/clavex/backend/internal/subprocess"
)

// leftoverPatience is how long a server that a killed run left behind gets for its shutdown.
const leftoverPatience = 30 * time.Second

// recoverLeftover sees to a server that a killed run left behind. The caller holds the lock on the
// folder, so no Clavex owns that server any more: it is stopped in PostgreSQL's own way.
func recoverLeftover(data folder) error {
	pid := data.postmasterPID()
	if pid == 0 {
		return nil
	}
	if data.isPostmaster(pid) {
		return stopLeftover(data, pid)
	}
	if !subprocess.Alive(pid) {
		return nil // PostgreSQL itself clears this away and replays its log
	}
	return data.disownPID()
}

func stopLeftover(data folder, pid int) error {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("a PostgreSQL server of an earlier run (process %d) still uses %s and cannot be stopped: %w; "+
				"stop it and try again", pid, data.path, err)
		}
		for deadline := time.Now().Add(leftoverPatience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			if !data.isPostmaster(pid) {
				return nil
			}
		}
	}
	return fmt.Errorf("a PostgreSQL server of an earlier run (process %d) still uses %s and does not stop; "+
		"stop it (kill -QUIT %d) and try again", pid, data.path, pid)
}

// disownPID handles a postmaster.pid whose process id belongs to another program by now (after a
// reboot, or in a restarted container), which PostgreSQL would take for a running server. Deleting
// the file would also delete the key of the shared memory block, PostgreSQL's guard against children
// of a dead server that still write. So only the process id is replaced, by our own: PostgreSQL
// takes its parent's for stale and still checks the rest.
func (f folder) disownPID() error {
	path := filepath.Join(f.cluster(), "postmaster.pid")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, rest, _ := bytes.Cut(text, []byte("\n"))
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0) // in place: the owner stays
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "%d\n%s", os.Getpid(), rest)
	return errors.Join(err, file.Close())
}

// postmasterPID returns the process id in the cluster's postmaster.pid, 0 when there is none.
func (f folder) postmasterPID() int {
	line, _ := f.postmasterLine(1)
	pid, err := strconv.Atoi(line)
	if err != nil {
		return 0
	}
	return pid
}

// postmasterReady reports whether the server with that process id runs on this folder and takes connections.
func (f folder) postmasterReady(pid int) bool {
	status, ok := f.postmasterLine(8)
	return ok && status == "ready" && f.postmasterPID() == pid
}

// postmasterLine returns a line of postmaster.pid (1: process id, 8: status; see PostgreSQL's pidfile.h).
func (f folder) postmasterLine(number int) (string, bool) {
	text, err := os.ReadFile(filepath.Join(f.cluster(), "postmaster.pid"))
	if err != nil {
		return "", false
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < number {
		return "", false
	}
	return strings.TrimSpace(lines[number-1]), true
}

// isPostmaster reports whether the process is a server that was started on this folder, by its
// command line: unlike its working directory, everyone may read that. A zombie has none.
func (f folder) isPostmaster(pid int) bool {
	if runtime.GOOS == "linux" {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
		if err != nil {
			return false
		}
		arguments := strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
		at := slices.Index(arguments, "-D")
		return at > 0 && at+1 < len(arguments) && arguments[at+1] == f.cluster() && isServerName(arguments[0])
	}
	output, err := exec.Command("ps", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(output), "-D "+f.cluster()+" ")
}

func isServerName(path string) bool {
	name := filepath.Base(path)
	return name == "postgres" || name == "postmaster"
}
