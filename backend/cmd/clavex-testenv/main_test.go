//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestMain lets the test binary stand in for the command.
func TestMain(m *testing.M) {
	if os.Getenv("CLAVEX_TESTENV_AS_COMMAND") == "1" {
		main()
	}
	os.Exit(m.Run())
}

// testenv prepares a run in a temporary folder of its own, with none of the variables set.
func testenv(t *testing.T, arguments ...string) (*exec.Cmd, string) {
	t.Helper()
	temporary, err := os.MkdirTemp("/tmp", "clavex-env-") // short, for the socket; open, for PostgreSQL's user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(temporary) })
	if err := os.Chmod(temporary, 0o711); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(os.Args[0], arguments...)
	command.Env = append(os.Environ(), "CLAVEX_TESTENV_AS_COMMAND=1", "TMPDIR="+temporary, databaseVariable+"=", redisVariable+"=")
	return command, temporary
}

func TestMeasuringNeedsADatabaseThatSyncs(t *testing.T) {
	t.Parallel()
	silent := func(string, ...any) {}
	if durable := clusterOptions(true, silent); durable.InMemory || len(durable.Settings) != 0 {
		t.Errorf("--durable must leave PostgreSQL its own settings, on disk: %+v", durable)
	}
	if throwaway := clusterOptions(false, silent); !throwaway.InMemory || throwaway.Settings["fsync"] != "off" {
		t.Errorf("tests want speed: %+v", throwaway)
	}
}

func requireEmpty(t *testing.T, temporary string) {
	t.Helper()
	if left, err := filepath.Glob(filepath.Join(temporary, "*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestCommandFindsServersAndItsExitCodeIsReturned(t *testing.T) {
	t.Parallel()
	command, temporary := testenv(t, "--", "sh", "-c", `echo "$`+databaseVariable+` $`+redisVariable+`"; cat; exit 7`)
	command.Stdin = strings.NewReader("standard input")
	output, err := command.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("err = %v, want exit code 7", err)
	}
	text := string(output)
	if !strings.HasPrefix(text, "postgres://") || !strings.Contains(text, " unix://") || !strings.HasSuffix(text, "standard input") {
		t.Errorf("the command saw %q", text)
	}
	requireEmpty(t, temporary)
}

func TestSignalsReachTheCommand(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			command, temporary := testenv(t, "--no-redis", "sh", "-c",
				`trap "exit 40" INT; trap "exit 41" TERM; echo ready; while :; do sleep 0.05; done`)
			command.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal to send signals on its own
			output, err := command.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(output).ReadString('\n'); err != nil || line != "ready\n" {
				t.Fatalf("%q, %v", line, err)
			}
			if err := command.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			var exit *exec.ExitError
			want := map[syscall.Signal]int{syscall.SIGINT: 40, syscall.SIGTERM: 41}[signal]
			if err := command.Wait(); !errors.As(err, &exit) || exit.ExitCode() != want {
				t.Errorf("err = %v, want exit code %d", err, want)
			}
			requireEmpty(t, temporary)
		})
	}
}

func TestSignalWhileStarting(t *testing.T) {
	t.Parallel()
	command, temporary := testenv(t, "--no-redis", "true")
	messages, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(messages)
	if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, "Making a PostgreSQL") {
		t.Fatalf("%q, %v", line, err)
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(lines)
	if err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := command.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitServers || !strings.Contains(string(rest), "interrupted") {
		t.Errorf("err = %v, messages:\n%s", err, rest)
	}
	requireEmpty(t, temporary)
}

func TestServersThatAreThereAreUsed(t *testing.T) {
	t.Parallel()
	command, temporary := testenv(t, "--", "sh", "-c", `echo "$`+databaseVariable+` $`+redisVariable+`"; kill -TERM $$`)
	command.Env = append(command.Env, databaseVariable+"=there", redisVariable+"=there too")
	output, err := command.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 128+int(syscall.SIGTERM) {
		t.Errorf("err = %v, want the shell's code for a signal", err)
	}
	if string(output) != "there there too\n" {
		t.Errorf("output = %q", output)
	}
	requireEmpty(t, temporary)
}

func TestWhatCannotRunIsSaid(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		arguments []string
		path      string
		code      int
		message   string
	}{
		"no command":      {nil, "", exitUsage, "usage:"},
		"unknown flag":    {[]string{"--what", "--", "true"}, "", exitUsage, "usage:"},
		"unknown command": {[]string{"--no-redis", "--", "/no/such/command"}, "", exitNotStarted, "/no/such/command"},
		"no redis":        {[]string{"--", "true"}, "/nowhere", exitServers, "--no-redis"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command, temporary := testenv(t, test.arguments...)
			if test.path != "" {
				command.Env = append(command.Env, fmt.Sprintf("PATH=%s", test.path))
			}
			output, err := command.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != test.code || !strings.Contains(string(output), test.message) {
				t.Errorf("err = %v, want exit code %d; output:\n%s", err, test.code, output)
			}
			requireEmpty(t, temporary)
		})
	}
}
