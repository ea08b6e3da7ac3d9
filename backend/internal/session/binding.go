package session

import (
	"context"
	"time"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/reqctx"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/useragent"
)

// strayInterval is how often it is written down that the token of a session comes from another kind of browser.
const strayInterval = time.Hour

// agentOf is of which kind the browser of the request is.
func agentOf(ctx context.Context) useragent.Agent {
	request := reqctx.From(ctx)
	return useragent.Of(request.UserAgent, request.BrandHint, request.PlatformHint)
}

// fitting leaves out the sessions whose tokens come from another kind of browser than they belong to: whoever presents them is
// not signed in. The sessions themselves go on in their own browser.
func (s *Sessions) fitting(ctx context.Context, organization *org.Organization, presented Browser) (Browser, error) {
	if !organization.Policies.BindsSessions() {
		return presented, nil
	}
	agent := agentOf(ctx)
	fitting := make(Browser, 0, len(presented))
	for _, live := range presented {
		if !live.Session.agent.Differs(agent) {
			fitting = append(fitting, live)
		} else if err := s.strayed(ctx, live, agent); err != nil {
			return nil, err
		}
	}
	return fitting, nil
}

// strayed writes down that a session's token came from another kind of browser, at most once an hour.
func (s *Sessions) strayed(ctx context.Context, live *Live, agent useragent.Agent) error {
	now, before := s.now(), s.now().Add(-strayInterval)
	if last := live.Session.strayedAt; last != nil && last.After(before) {
		return nil
	}
	return s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		rows, err := dbq.New(tx).StraySession(ctx, dbq.StraySessionParams{OrgID: live.Session.OrgID, ID: live.Session.ID, At: &now, Before: &before})
		if err != nil || rows == 0 { // another request did
			return err
		}
		return s.log.Record(ctx, tx, live.Session.OrgID, audit.Event{Action: "session.strayed", Actor: audit.Actor{Kind: audit.Anonymous}, Outcome: audit.Failure,
			Target: audit.Target{Kind: "user", ID: live.User.ID.String()}, Details: map[string]any{"session_id": live.Session.ID, "belongs_to": live.Session.agent.String(), "presented_by": agent.String()}})
	})
}
