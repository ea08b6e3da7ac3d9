package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ticks is the unit of CPU times in /proc, USER_HZ: 100 on every platform that Go supports.
const ticks = time.Second / 100

// cost is CPU time that was spent so far.
type cost struct{ server, database time.Duration }

// child is a process that we started.
type child struct {
	command *exec.Cmd
	log     string // file with what it said
	exited  chan struct{}
}

// startChild starts a program whose words go to a new file in the folder.
func startChild(command *exec.Cmd, folder string) (*child, error) {
	log, err := os.CreateTemp(folder, filepath.Base(command.Path)+"-*.log")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	name := log.Name()
	appending, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0o600) // so that forget can cut it
	if err != nil {
		return nil, err
	}
	defer appending.Close()
	command.Stderr = appending
	if command.Stdout == nil {
		command.Stdout = appending
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	c := &child{command: command, log: name, exited: make(chan struct{})}
	go func() {
		_ = command.Wait()
		close(c.exited)
	}()
	return c, nil
}

func (c *child) pid() int { return c.command.Process.Pid }

// stop ends the process and waits for it.
func (c *child) stop() {
	_ = c.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.exited:
	case <-time.After(30 * time.Second):
		_ = c.command.Process.Kill()
		<-c.exited
	}
}

// forget empties the log: a line for each of a million requests would fill the disk.
func (c *child) forget() { _ = os.Truncate(c.log, 0) }

// lastWords are the end of what the process said.
func (c *child) lastWords() string {
	said, err := os.ReadFile(c.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(said[max(0, len(said)-2000):]))
}

// cpuOf is the CPU time of a process; withChildren adds that of children it has waited for. 0 when it is
// not known.
func cpuOf(pid int, withChildren bool) time.Duration {
	fields := statOf(pid)
	if len(fields) < 15 {
		return 0
	}
	total := 0
	for i, field := range fields[11:15] { // utime, stime, cutime, cstime
		if i >= 2 && !withChildren {
			break
		}
		n, _ := strconv.Atoi(field)
		total += n
	}
	return time.Duration(total) * ticks
}

// statOf are the fields of /proc/<pid>/stat from the third (state) on.
func statOf(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	_, after, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')'):]), " ")
	return strings.Fields(after)
}

// cpuOfFamily is the CPU time of a process and all its children, living or gone.
func cpuOfFamily(parent int) time.Duration {
	total := cpuOf(parent, true)
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if fields := statOf(pid); len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			total += cpuOf(pid, false)
		}
	}
	return total
}

// memory is the resident memory of a process in bytes.
type memory struct{ resident, anonymous, peak int64 }

func memoryOf(pid int) memory {
	value := func(name string) int64 { return 1024 * kibibytes(fmt.Sprintf("/proc/%d/status", pid), name) }
	return memory{value("VmRSS"), value("RssAnon"), value("VmHWM")}
}

// kibibytes reads "name: n kB" from a file of /proc; 0 when it is not there.
func kibibytes(path, name string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == name+":" {
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			return n
		}
	}
	return 0
}

// await asks until the answer is yes, the process ended, or the time is over.
func (c *child) await(ctx context.Context, longest, interval time.Duration, ready func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	for !ready() {
		select {
		case <-c.exited:
			return fmt.Errorf("%s ended:\n%s", filepath.Base(c.command.Path), c.lastWords())
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%s was not ready in time:\n%s", filepath.Base(c.command.Path), c.lastWords()), ctx.Err())
		case <-time.After(interval):
		}
	}
	return nil
}
