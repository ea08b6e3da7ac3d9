// Package dnstest is a name server that tests write the records of. It serves tests only.
package dnstest

import (
	"net"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// Server answers questions for TXT records by UDP.
type Server struct {
	Address string // host and port

	mu      sync.Mutex
	records map[string][]string
	silent  bool
}

// New starts a name server that knows nothing.
func New(t testing.TB) *Server {
	t.Helper()
	connection, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	s := &Server{Address: connection.LocalAddr().String(), records: map[string][]string{}}
	go s.serve(connection)
	return s
}

// Set writes the TXT records of a name.
func (s *Server) Set(name string, texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[name+"."] = texts
}

// Fail has the server answer that it cannot.
func (s *Server) Fail(fails bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = fails
}

func (s *Server) serve(connection net.PacketConn) {
	buffer := make([]byte, 2048)
	for {
		n, from, err := connection.ReadFrom(buffer)
		if err != nil {
			return // closed
		}
		var asked dnsmessage.Message
		if asked.Unpack(buffer[:n]) != nil || len(asked.Questions) != 1 {
			continue
		}
		if answer, err := s.answer(asked).Pack(); err == nil {
			_, _ = connection.WriteTo(answer, from)
		}
	}
}

func (s *Server) answer(asked dnsmessage.Message) *dnsmessage.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	question := asked.Questions[0]
	answer := &dnsmessage.Message{Header: dnsmessage.Header{ID: asked.ID, Response: true, Authoritative: true, RecursionAvailable: true}, Questions: asked.Questions}
	texts, known := s.records[strings.ToLower(question.Name.String())]
	switch {
	case s.silent:
		answer.RCode = dnsmessage.RCodeServerFailure
	case !known:
		answer.RCode = dnsmessage.RCodeNameError
	case question.Type == dnsmessage.TypeTXT:
		for _, text := range texts {
			answer.Answers = append(answer.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: question.Name, Type: dnsmessage.TypeTXT, Class: dnsmessage.ClassINET, TTL: 1},
				Body: &dnsmessage.TXTResource{TXT: []string{text}}})
		}
	}
	return answer
}
