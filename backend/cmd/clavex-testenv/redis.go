//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/clavex/clavex/backend/internal/subprocess"
)

const (
	// socketLimit is the longest path of a socket that every system accepts, in bytes.
	socketLimit = 100
	// redisDatabases is how many tests can have a database of their own at once.
	redisDatabases = 1024
)

// redisServer is a Redis that keeps nothing and listens on a socket in a folder that only we may enter.
type redisServer struct {
	process *subprocess.Process
	folder  string
	socket  string
}

// findRedis returns the path of the machine's redis-server.
func findRedis() (string, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return "", errors.New("redis-server was not found; install it (Debian, Ubuntu: apt-get install redis-server; " +
			"macOS: brew install redis), name a running one in " + redisVariable + ", or pass --no-redis")
	}
	return program, nil
}

// startRedis starts redis-server in a new folder, inside the given one if it is not "".
func startRedis(ctx context.Context, program, inside string) (*redisServer, error) {
	folder, err := os.MkdirTemp(inside, "redis-")
	if err == nil && len(folder) > socketLimit-len("/socket") {
		_ = os.Remove(folder)
		folder, err = os.MkdirTemp("/tmp", "clavex-redis-")
	}
	if err != nil {
		return nil, err
	}
	server := &redisServer{folder: folder, socket: filepath.Join(folder, "socket")}
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := exec.Command(program, "--port", "0", "--unixsocket", server.socket, "--unixsocketperm", "700",
		"--save", "", "--appendonly", "no", "--dir", folder, "--databases", fmt.Sprint(redisDatabases),
		"--maxmemory-policy", "noeviction", "--daemonize", "no")
	command.Stdout, command.Stderr = log, log
	server.process, err = subprocess.Start(command, syscall.SIGTERM)
	if err != nil {
		_ = os.RemoveAll(folder)
		return nil, fmt.Errorf("start redis-server: %w", err)
	}
	if err := server.awaitReady(ctx); err != nil {
		_ = server.stop(context.WithoutCancel(ctx))
		return nil, err
	}
	return server, nil
}

func (s *redisServer) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 20*time.Second, errors.New("it did not answer in time"))
	defer cancel()
	for !s.answers() {
		select {
		case <-s.process.Exited():
			words, _ := os.ReadFile(filepath.Join(s.folder, "log"))
			return fmt.Errorf("redis-server did not start: %w\n%s", s.process.Err(), strings.TrimSpace(string(words)))
		case <-ctx.Done():
			return fmt.Errorf("redis-server did not start: %w", context.Cause(ctx))
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

func (s *redisServer) answers() bool {
	conn, err := net.DialTimeout("unix", s.socket, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	answer := make([]byte, 5)
	n, err := conn.Read(answer)
	return err == nil && string(answer[:n]) == "+PONG"
}

// url is in the form that go-redis parses.
func (s *redisServer) url() string { return "unix://" + s.socket + "?db=0" }

func (s *redisServer) stop(ctx context.Context) error {
	err := s.process.Stop(ctx, 5*time.Second, syscall.SIGTERM)
	return errors.Join(err, os.RemoveAll(s.folder))
}
