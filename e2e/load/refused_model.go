package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/clavex/clavex/e2e/load/measure"
)

// refusedSessions is how many sessions began with passkeys on the model that is refused.
const refusedSessions = 100_000

const refusedModel = "0f1c0de0-1843-4a11-8b5e-2f6d1c9a0801"

// refusedModelRow lets an organization refuse a model of authenticators with which very many sessions began. Measured is how
// long one of them goes on at another replica, and how long the clean-up behind it takes.
func refusedModelRow(b *bench, ctx context.Context) ([]measure.Row, error) {
	s, err := b.newSite(ctx, "refused_model")
	if err != nil {
		return nil, err
	}
	defer s.close()
	organizations, err := seedOrganizations(ctx, s.pool, []string{mainOrganization})
	if err != nil {
		return nil, err
	}
	parameters, err := b.learnHashing(ctx, s, organizations[0])
	if err != nil {
		return nil, err
	}
	err = errors.Join(seedPeople(ctx, s.pool, organizations, 1, people, phc(parameters)), seedAdministrators(ctx, s.pool, []string{administrator(0)}))
	if err != nil {
		return nil, err
	}
	second, err := b.startServer(ctx, s)
	if err != nil {
		return nil, err
	}
	defer second.stop()
	here, there := s.server.visitor(), second.visitor()
	defer closeAll([]*visitor{here, there})
	token, err := there.sessionOnModel(ctx, s)
	if err != nil {
		return nil, err
	}
	used, cleaned, err := refuseModel(ctx, s, here, there, token)
	if err != nil {
		return nil, err
	}
	return []measure.Row{{
		Name: fmt.Sprintf("a refused model with %d sessions", refusedSessions), P50: measure.Span(used), Target: "≤ 1 s", Verdict: measure.Judge(used <= time.Second),
		Notes: []string{fmt.Sprintf("An organization refuses a model of authenticators with which %d sessions began, by the Admin API at one replica; until the other refuses the session and the access token of one of them, both of which it had just answered. The clean-up behind it, which ends each session with its event in batches of a job, took %s (%.0f sessions a second).",
			refusedSessions, measure.Span(cleaned), refusedSessions/cleaned.Seconds())},
	}}, nil
}

// sessionOnModel signs somebody in, writes down that it was with a passkey on the model, and the other sessions. It returns
// an access token of the session.
func (v *visitor) sessionOnModel(ctx context.Context, s *site) (access string, err error) {
	got, err := v.firstTokens(mainOrganization, usernameOf(1))
	if err != nil {
		return "", err
	}
	for _, statement := range []string{
		"UPDATE sessions SET aaguid = '" + refusedModel + "'",
		"UPDATE grants SET aaguid = '" + refusedModel + "' WHERE session_id IS NOT NULL",
		fmt.Sprintf(`INSERT INTO sessions (org_id, id, user_id, token_hash, browser_hash, authenticated_at, methods, idle_expires_at, expires_at, aaguid)
			SELECT u.org_id, gen_random_uuid(), u.id, uuid_send(gen_random_uuid()), uuid_send(gen_random_uuid()), now(), '{hwk}', now() + interval '1 day', now() + interval '1 day', '%s'
			FROM (SELECT org_id, id, row_number() OVER () - 1 AS number FROM users WHERE username LIKE 'person-%%') u JOIN generate_series(1, %d - (SELECT count(*) FROM sessions)) n ON n %% %d = u.number`,
			refusedModel, refusedSessions, people),
		"ANALYZE sessions",
	} {
		if _, err := s.pool.Exec(ctx, statement); err != nil {
			return "", err
		}
	}
	if live, err := s.liveOnModel(ctx); err != nil || live != refusedSessions {
		return "", errors.Join(err, fmt.Errorf("%d sessions were made instead of %d", live, refusedSessions))
	}
	_, err = v.authorize(mainOrganization)
	return got.access, errors.Join(err, v.userinfo(mainOrganization, got.access))
}

func (s *site) liveOnModel(ctx context.Context) (live int, err error) {
	err = s.pool.QueryRow(ctx, "SELECT count(*) FROM sessions WHERE ended_at IS NULL AND aaguid = '"+refusedModel+"'").Scan(&live)
	return live, err
}

// refuseModel refuses the model here and waits until it is refused there, then until all is cleaned up.
func refuseModel(ctx context.Context, s *site, here, there *visitor, token string) (used, cleaned time.Duration, err error) {
	bearer, err := here.clientCredentials("system", administrator(0), "admin:read admin:write")
	if err != nil {
		return 0, 0, err
	}
	authorization, place := "Bearer "+bearer.access, "/api/v1/orgs/"+mainOrganization
	read, err := here.expect(http.StatusOK, get(place, "Authorization", authorization))
	if err != nil {
		return 0, 0, err
	}
	change := message{method: http.MethodPatch, target: place, body: `{"policies": {"attestation": {"denied_models": ["` + refusedModel + `"]}}}`,
		header: []string{"Content-Type", "application/json", "Authorization", authorization, "If-Match", read.header.Get("ETag")}}
	if _, err := here.expect(http.StatusOK, change); err != nil {
		return 0, 0, err
	}
	began := time.Now()
	for {
		if err := ctx.Err(); err != nil {
			return 0, 0, context.Cause(ctx)
		}
		_, goesOn := there.authorize(mainOrganization)
		answered := there.userinfo(mainOrganization, token)
		if goesOn != nil && answered != nil {
			used = time.Since(began)
			break
		}
	}
	for {
		live, err := s.liveOnModel(ctx)
		if err != nil {
			return 0, 0, err
		}
		if live == 0 {
			return used, time.Since(began), nil
		}
		time.Sleep(100 * time.Millisecond)
	}
}
