//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminalPair opens a pseudo-terminal: what is written to one end is typed at the other.
func terminalPair(t *testing.T) (keyboard, screen *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keyboard.Close() })
	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	return keyboard, screen
}

// Somebody at a terminal is asked for the object's name.
func TestConfirmAtATerminal(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.succeed(t, "org", "create", "acme")
	for _, test := range []struct {
		typed string
		code  int
		says  string
	}{
		{"yes\n", exitFailed, `nothing was done: "yes" is not "acme"`},
		{"\n", exitFailed, "nothing was done"},
		{"\x04", exitFailed, "nothing was done: no answer"}, // end of file
		{"acme\n", exitDone, "for ever"},
	} {
		keyboard, screen := terminalPair(t)
		c := i.prepare("org", "delete", "acme")
		c.command.Stdin = screen
		c.launch(t)
		c.until(t, c.stderr, `Type "acme" to go on: `)
		if _, err := keyboard.WriteString(test.typed); err != nil {
			t.Fatal(err)
		}
		if code := c.wait(t, time.Minute); code != test.code || !strings.Contains(c.stderr.String(), test.says) {
			t.Errorf("typed %q: exit code %d\n%s", test.typed, code, c.stderr)
		}
	}
}

// Ctrl-C at the question ends it.
func TestConfirmInterrupted(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.succeed(t, "org", "create", "acme")
	_, screen := terminalPair(t)
	c := i.prepare("org", "delete", "acme")
	c.command.Stdin = screen
	c.launch(t)
	c.until(t, c.stderr, "to go on: ")
	c.signal(t, unix.SIGINT)
	if code := c.wait(t, 10*time.Second); code != exitFailed || !strings.Contains(c.stderr.String(), "interrupted before it was done") {
		t.Errorf("exit code %d\n%s", code, c.stderr)
	}
}
