package signin

import (
	"context"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/notice"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// tellSignIn writes to a person about a sign-in that is new to their account. After too many letters in a day the audit log
// alone says so. The caller holds the person.
func (s *SignIn) tellSignIn(ctx context.Context, tx *store.Tx, organization *org.Organization, person *user.User, begun session.Session) error {
	told, err := s.Letters.NewSignIn(ctx, tx, organization, person, begun)
	if err != nil || told {
		return err
	}
	return s.Audit.Record(ctx, tx, organization.ID, audit.Event{Action: "sign_in_notice.withheld", Actor: audit.Actor{Kind: audit.System}, Target: user.Target(person),
		Details: map[string]any{"session_id": begun.ID, "letters_a_day": notice.SignInsADay}})
}
