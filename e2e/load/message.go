package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// message is a request before it is written down.
type message struct {
	method, target string // the target is path and query
	host           string
	header         []string // names and values in turn
	body           string
}

// bytes writes the request down.
func (m message) bytes() []byte {
	var text strings.Builder
	text.Grow(256 + len(m.target) + len(m.body))
	text.WriteString(m.method + " " + m.target + " HTTP/1.1\r\nHost: " + m.host + "\r\nUser-Agent: clavex-load\r\n")
	for pair := range slices.Chunk(m.header, 2) {
		text.WriteString(pair[0] + ": " + pair[1] + "\r\n")
	}
	if m.method != http.MethodGet {
		text.WriteString("Content-Length: " + strconv.Itoa(len(m.body)) + "\r\n")
	}
	text.WriteString("\r\n")
	text.WriteString(m.body)
	return []byte(text.String())
}

// answer is a response. Its body is valid until the connection's next request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// patience is how long one answer may take; the server's own limit is shorter.
const patience = 60 * time.Second

// connection is one keep-alive HTTP/1.1 connection that asks one thing at a time. net/http's client would
// cost more than what it measures: requests are written as prepared bytes.
type connection struct {
	address string
	socket  net.Conn
	in      *bufio.Reader
	body    []byte
}

func (c *connection) do(m message) (answer, error) {
	if c.socket == nil {
		socket, err := net.DialTimeout("tcp", c.address, 5*time.Second)
		if err != nil {
			return answer{}, err
		}
		c.socket, c.in = socket, bufio.NewReaderSize(socket, 16<<10)
	}
	received, keep, err := c.exchange(m)
	if err != nil || !keep {
		c.close()
	}
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", m.method, pathOf(m.target), err)
	}
	return received, nil
}

func (c *connection) exchange(m message) (received answer, keep bool, err error) {
	if err := c.socket.SetDeadline(time.Now().Add(patience)); err != nil {
		return answer{}, false, err
	}
	if _, err := c.socket.Write(m.bytes()); err != nil {
		return answer{}, false, err
	}
	response, err := http.ReadResponse(c.in, &http.Request{Method: m.method})
	if err != nil {
		return answer{}, false, err
	}
	defer response.Body.Close()
	c.body = c.body[:0]
	for {
		c.body = slices.Grow(c.body, 4096)
		n, err := response.Body.Read(c.body[len(c.body):cap(c.body)])
		c.body = c.body[:len(c.body)+n]
		if err == io.EOF {
			return answer{response.StatusCode, response.Header, c.body}, !response.Close, nil
		}
		if err != nil {
			return answer{}, false, err
		}
	}
}

func (c *connection) close() {
	if c.socket != nil {
		_ = c.socket.Close()
		c.socket = nil
	}
}

// pathOf is a target without its query, which may hold secrets.
func pathOf(target string) string {
	path, _, _ := strings.Cut(target, "?")
	return path
}
