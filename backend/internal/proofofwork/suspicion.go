package proofofwork

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/kv"
)

// Suspicion remembers for a while whom a challenge is demanded of: a network, a browser, a name that is tried. It is kept with
// short-lived state; a loss forgives.
type Suspicion struct {
	state kv.Store
}

// NewSuspicion makes one.
func NewSuspicion(state kv.Store) Suspicion { return Suspicion{state} }

// suspected is for how long somebody stays suspected after the last reason for it.
const suspected = time.Hour

// Subject is who may be suspected, and after how many reasons within an hour.
type Subject struct {
	Name string // what it is and who, such as "network 192.0.2.1"; stored as a digest
	Most int64  // reasons that are nothing out of the ordinary
}

func (s Subject) key(orgID uuid.UUID, kind string) kv.Key {
	return kv.Key{OrgID: orgID, Kind: kind, ID: kv.ID(s.Name)}
}

// Note writes down a reason to suspect the subjects, and returns those that are suspected from now on.
func (s Suspicion) Note(ctx context.Context, orgID uuid.UUID, subjects ...Subject) (begun []Subject, err error) {
	for _, subject := range subjects {
		count, err := s.state.Increment(ctx, subject.key(orgID, "suspicion_reasons"), suspected)
		if err != nil {
			return begun, err
		}
		if count.Value <= subject.Most {
			continue
		}
		if _, err := s.state.Put(ctx, subject.key(orgID, "suspicion"), []byte{1}, suspected); err != nil {
			return begun, err
		}
		if count.Value == subject.Most+1 {
			begun = append(begun, subject)
		}
	}
	return begun, nil
}

// Any returns the first of the subjects that is suspected.
func (s Suspicion) Any(ctx context.Context, orgID uuid.UUID, subjects ...Subject) (found Subject, ok bool, err error) {
	for _, subject := range subjects {
		_, there, err := s.state.Get(ctx, subject.key(orgID, "suspicion"))
		if err != nil || there {
			return subject, there, err
		}
	}
	return Subject{}, false, nil
}
