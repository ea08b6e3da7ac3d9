package oidctest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/ciba"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// Job is background work that a Provider was to enqueue. Tests do it themselves.
type Job struct {
	Kind      string
	Arguments json.RawMessage
}

func (p *Provider) enqueue(_ context.Context, _ *store.Tx, kind string, each ...any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, arguments := range each {
		raw, err := json.Marshal(arguments)
		if err != nil {
			return err
		}
		p.jobs = append(p.jobs, Job{kind, raw})
	}
	return nil
}

// Jobs returns and forgets the work that was enqueued.
func (p *Provider) Jobs() []Job {
	p.mu.Lock()
	defer p.mu.Unlock()
	enqueued := p.jobs
	p.jobs = nil
	return enqueued
}

// Again takes back work that is to be done once more.
func (p *Provider) Again(job Job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs = append(p.jobs, job)
}

// Notify implements ciba.Notifier.
func (p *Provider) Notify(_ context.Context, _ *store.Tx, waiting ciba.Waiting) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notified = append(p.notified, waiting)
	return nil
}

// Notified returns and forgets who was told that a request waits for them.
func (p *Provider) Notified() []ciba.Waiting {
	p.mu.Lock()
	defer p.mu.Unlock()
	told := p.notified
	p.notified = nil
	return told
}

// BackchannelRequest writes down what a client asks of a person, and returns its id.
func (p *Provider) BackchannelRequest(t testing.TB, organization *org.Organization, asking *client.Client, person *user.User, acrValues ...string) uuid.UUID {
	t.Helper()
	p.InTx(t, func(ctx context.Context, tx *store.Tx) error {
		_, _, err := p.Grants.BeginBackchannel(ctx, tx, grant.BackchannelBegin{OrgID: organization.ID, DeliveryMode: string(client.Poll),
			BackchannelRequest: grant.BackchannelRequest{ClientRow: asking.ID, UserID: person.ID, Scopes: []string{"openid"}, ACRValues: acrValues, BindingMessage: "W4SCT",
				ExpiresAt: p.Clock.Now().Add(5 * time.Minute)}})
		return err
	})
	pending, err := p.Grants.PendingBackchannel(t.Context(), organization.ID, person.ID, uuid.Max, 1)
	if err != nil || len(pending) != 1 {
		t.Fatalf("%v, %v", pending, err)
	}
	return pending[0].ID
}
