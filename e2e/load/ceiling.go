package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/clavex/clavex/e2e/load/measure"
)

// ceiling is the process of ceilings as the bench sees it.
type ceiling struct {
	*child
	address string
	stdin   io.Closer // its end is the process's end, however we end
}

// startCeiling runs this same program as the process of ceilings.
func startCeiling(ctx context.Context, databaseURL, folder string) (*ceiling, error) {
	own, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(context.WithoutCancel(ctx), own, "bare")
	command.Env = append(os.Environ(), bareDatabaseVariable+"="+databaseURL)
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	reading, writing, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer reading.Close()
	command.Stdout = writing
	started, err := startChild(command, folder)
	_ = writing.Close()
	if err != nil {
		return nil, err
	}
	c := &ceiling{child: started, stdin: stdin}
	line, err := bufio.NewReader(reading).ReadString('\n')
	if err != nil {
		c.stop()
		return nil, errors.New("the process of ceilings did not start:\n" + c.lastWords())
	}
	c.address = strings.TrimSpace(line)
	return c, nil
}

func (c *ceiling) stop() {
	_ = c.stdin.Close()
	c.child.stop()
}

// ask sends a command and reads its result.
func (c *ceiling) ask(command string, arguments, result any) error {
	body, err := json.Marshal(arguments)
	if err != nil {
		return err
	}
	direct := visitor{connection: connection{address: c.address}, host: c.address}
	defer direct.close()
	received, err := direct.expect(http.StatusOK, message{method: http.MethodPost, target: command, body: string(body)})
	if err != nil || result == nil {
		return err
	}
	return json.Unmarshal(received.body, result)
}

func (c *ceiling) configure(steps []bareStep) error { return c.ask("/configure", steps, nil) }

func (c *ceiling) hash(wanted hashing) (measure.Run, error) {
	return c.timed("/hash", wanted)
}

func (c *ceiling) organizations(duration time.Duration) (measure.Run, error) {
	return c.timed("/organizations", duration)
}

// timed runs a command that measures itself, and adds what the process spent.
func (c *ceiling) timed(command string, arguments any) (run measure.Run, err error) {
	before := cpuOf(c.pid(), false)
	err = c.ask(command, arguments, &run)
	run.CPU = cpuOf(c.pid(), false) - before
	return run, err
}

// listenLocally opens a free port on the machine itself.
func listenLocally(ctx context.Context) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(ctx, "tcp", "127.0.0.1:0")
}

// stepsOf makes a ceiling of a journey that was recorded at the server.
func stepsOf(recorded []exchange) []bareStep {
	steps := make([]bareStep, len(recorded))
	for i, said := range recorded {
		header := said.answer.header.Clone()
		for _, own := range []string{"Date", "Transfer-Encoding", "Connection"} { // net/http writes them itself
			header.Del(own)
		}
		steps[i] = bareStep{Status: said.answer.status, Header: header, Body: said.answer.body}
	}
	return steps
}

// signedContents are what the signatures of the tokens in an answer were made over.
func signedContents(body []byte) [][]byte {
	var contents [][]byte
	for _, name := range []string{"access_token", "id_token"} {
		if token := jsonText(body, name); strings.Count(token, ".") == 2 {
			contents = append(contents, []byte(token[:strings.LastIndexByte(token, '.')]))
		}
	}
	return contents
}
