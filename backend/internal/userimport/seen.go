package userimport

import (
	"crypto/sha256"
	"strings"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/user"
)

// seen remembers whom earlier batches of a file would have written, for a check that writes nothing: the database cannot
// tell it. It keeps 16 bytes of a digest for each name, address and id. A nil one remembers nothing.
type seen struct {
	known map[[16]byte]struct{}
	batch []user.User
}

func newSeen() *seen { return &seen{known: map[[16]byte]struct{}{}} }

func seenKey(kind, value string) (key [16]byte) {
	digest := sha256.Sum256([]byte(kind + "\x00" + strings.ToLower(value)))
	copy(key[:], digest[:])
	return key
}

// each calls what is done for every identifier of a person, and stops when it is told to.
func each(person *user.User, do func(key [16]byte, taken *fault.Error) bool) {
	if !do(seenKey("username", person.Username), user.ErrUsernameTaken) {
		return
	}
	if person.Email != "" && !do(seenKey("email", person.Email), user.ErrEmailTaken) {
		return
	}
	if person.ID != uuid.Nil {
		do(seenKey("id", person.ID.String()), user.ErrIDTaken)
	}
}

// taken is what of a person somebody in an earlier batch has; nil for nothing.
func (s *seen) taken(person *user.User) (problem *fault.Error) {
	if s == nil {
		return nil
	}
	each(person, func(key [16]byte, taken *fault.Error) bool {
		if _, known := s.known[key]; known {
			problem = taken
		}
		return problem == nil
	})
	return problem
}

// hold notes whom the present batch would write. It may be tried again.
func (s *seen) hold(people []user.User) {
	if s != nil {
		s.batch = people
	}
}

// keep remembers the present batch for those that come.
func (s *seen) keep() {
	if s == nil {
		return
	}
	for i := range s.batch {
		each(&s.batch[i], func(key [16]byte, _ *fault.Error) bool {
			s.known[key] = struct{}{}
			return true
		})
	}
	s.batch = nil
}
