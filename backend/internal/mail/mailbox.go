package mail

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// maximumKept bounds the memory of a Mailbox, in mails.
const maximumKept = 200

// Mailbox keeps the mails that were sent, the latest ones, in memory: in development nothing leaves the machine. It is
// safe for concurrent use.
type Mailbox struct {
	now    func() time.Time
	mu     sync.Mutex
	number int
	mails  []Received // oldest first
}

// Received is a mail in a Mailbox.
type Received struct {
	Number int // counts from 1
	At     time.Time
	Message
}

// NewMailbox makes an empty mailbox.
func NewMailbox(now func() time.Time) *Mailbox { return &Mailbox{now: now} }

// Send implements Sender. It never fails.
func (m *Mailbox) Send(_ context.Context, message Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.number++
	m.mails = append(m.mails, Received{Number: m.number, At: m.now(), Message: message})
	if len(m.mails) > maximumKept {
		m.mails = slices.Clone(m.mails[len(m.mails)-maximumKept:])
	}
	return nil
}

// List returns the mails to an address, whatever its case, newest first; "" returns those to everybody.
func (m *Mailbox) List(to string) []Received {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := []Received{}
	for _, received := range slices.Backward(m.mails) {
		if to == "" || strings.EqualFold(received.To, to) {
			found = append(found, received)
		}
	}
	return found
}

// Get returns the mail with the number, or false.
func (m *Mailbox) Get(number int) (Received, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, received := range m.mails {
		if received.Number == number {
			return received, true
		}
	}
	return Received{}, false
}
