package kv

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func network(host string) string {
	if strings.HasPrefix(host, "/") {
		return "unix"
	}
	return "tcp"
}

func hostPort(host string, port uint16) string {
	if network(host) == "unix" {
		return fmt.Sprintf("%s/.s.PGSQL.%d", host, port)
	}
	return net.JoinHostPort(host, fmt.Sprint(port))
}

// proxy stands between a store and its server. It counts round trips (the client spoke after the
// server had) and can cut the line.
type proxy struct {
	network, target, address string
	trips                    atomic.Int64

	mutex    sync.Mutex
	listener net.Listener
	open     []net.Conn
}

func newProxy(t *testing.T, network, target string) *proxy {
	t.Helper()
	p := &proxy{network: network, target: target, address: "127.0.0.1:0"}
	p.restore(t)
	t.Cleanup(p.cut)
	return p
}

func (p *proxy) restore(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	p.address = listener.Addr().String()
	p.mutex.Lock()
	p.listener = listener
	p.mutex.Unlock()
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(p.network, p.target)
			if err != nil {
				client.Close()
				continue
			}
			p.mutex.Lock()
			p.open = append(p.open, client, server)
			p.mutex.Unlock()
			var asking atomic.Bool
			go pass(server, client, func() {
				if !asking.Swap(true) {
					p.trips.Add(1)
				}
			})
			go pass(client, server, func() { asking.Store(false) })
		}
	}()
}

func (p *proxy) cut() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.listener.Close()
	for _, conn := range p.open {
		conn.Close()
	}
	p.open = nil
}

func pass(to io.WriteCloser, from io.ReadCloser, note func()) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			note()
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// redisServer is a Redis of the test's own, to be stopped and started again.
type redisServer struct {
	address, folder string
	arguments       []string
	process         *exec.Cmd
}

func newRedisServer(t *testing.T, arguments ...string) *redisServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	server := &redisServer{address: listener.Addr().String(), folder: t.TempDir(), arguments: arguments}
	server.start(t)
	t.Cleanup(func() { server.stop() })
	return server
}

func (s *redisServer) start(t *testing.T) {
	t.Helper()
	_, port, _ := net.SplitHostPort(s.address)
	s.process = exec.Command("redis-server", append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", s.folder}, s.arguments...)...)
	if err := s.process.Start(); err != nil {
		t.Fatalf("redis-server is needed for this test: %v", err)
	}
	client := s.client()
	defer client.Close()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if client.Ping(ctx).Err() == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("redis-server did not start")
		}
	}
}

func (s *redisServer) stop() {
	s.process.Process.Kill()
	s.process.Wait()
}

func (s *redisServer) client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: s.address, MaxRetries: -1})
}

func (s *redisServer) url() string { return "redis://" + s.address }
