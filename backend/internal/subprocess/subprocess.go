//go:build unix

// Package subprocess starts the servers that Clavex runs beside itself on a developer's machine
// (PostgreSQL, Redis) so that they neither die too early nor live too long.
//
// A child is leader of a process group of its own: Ctrl-C in the terminal reaches only Clavex, which
// stops the child when its own work is done. On Linux the kernel signals the child when Clavex
// itself is killed without a chance to clean up; elsewhere the next start has to find the leftover.
// It does not supervise: a child that ends is reported, never restarted.
package subprocess

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Process is a running child.
type Process struct {
	command *exec.Cmd
	exited  chan struct{}
	err     error // valid once exited is closed
}

// Start starts the command in a process group of its own. When this process dies without stopping
// the child, the kernel sends orphanSignal to the child (Linux only). The command's standard streams
// must be files or nil: a pipe would die with us and take the child's last words along.
func Start(command *exec.Cmd, orphanSignal syscall.Signal) (*Process, error) {
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Setpgid = true
	signalWhenOrphaned(command.SysProcAttr, orphanSignal)

	process := &Process{command: command, exited: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The kernel counts the child an orphan when the *thread* that made it ends (prctl(2),
		// PR_SET_PDEATHSIG). The runtime ends a thread only when a goroutine locked to it
		// returns, so this one owns its thread and stays on it as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err != nil {
			return
		}
		process.err = command.Wait()
		close(process.exited)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return process, nil
}

// PID returns the child's process id.
func (p *Process) PID() int { return p.command.Process.Pid }

// Exited is closed when the child has ended and was reaped.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Err returns how the child ended (nil: exit code 0). Call it after Exited was closed.
func (p *Process) Err() error { return p.err }

// Stop sends each signal in turn and waits up to patience for the child to end after each, then
// kills its whole group. It returns nil as soon as the child is gone, however it ended. When ctx ends, the
// waiting is cut short and the next, harder signal is sent at once: a child never outlives Stop.
func (p *Process) Stop(ctx context.Context, patience time.Duration, signals ...syscall.Signal) error {
	for _, signal := range signals {
		if p.command.Process.Signal(signal) != nil {
			break // already gone: fall through to the wait below
		}
		select {
		case <-p.exited:
			return nil
		case <-time.After(patience):
		case <-ctx.Done():
		}
	}
	select {
	case <-p.exited:
		return nil
	default:
	}
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	select {
	case <-p.exited:
		return nil
	case <-time.After(10 * time.Second):
		return fmt.Errorf("process %d (%s) does not end, not even when killed", p.PID(), p.command.Path)
	}
}

// Run runs the command to its end under the same rules, and kills its group when ctx ends first.
func Run(ctx context.Context, command *exec.Cmd) error {
	process, err := Start(command, syscall.SIGKILL)
	if err != nil {
		return err
	}
	select {
	case <-process.Exited():
		return process.Err()
	case <-ctx.Done():
		if err := process.Stop(ctx, 0); err != nil {
			return err
		}
		return context.Cause(ctx)
	}
}

// Alive reports whether a process with the id exists, whoever owns it.
func Alive(pid int) bool {
	if pid <= 0 {
		return false
	}
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
