package ciba_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/ciba"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/oidctest"
)

// listener is a client's notification endpoint: it keeps what it is told and answers with a status.
type listener struct {
	mu     sync.Mutex
	status []int // of the next answers; then 204
	bodies []map[string]any
	party  *oidctest.Party
	at     string
}

func (s *scene) listener(t *testing.T, clientID string, mode client.DeliveryMode) *listener {
	t.Helper()
	l := &listener{}
	l.at = s.Web.Handle("/"+clientID, func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		defer l.mu.Unlock()
		content, err := io.ReadAll(r.Body)
		var body map[string]any
		if err == nil {
			err = json.Unmarshal(content, &body)
		}
		if err != nil || r.Header.Get("Authorization") != "Bearer "+notificationToken || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("CIBA Core 1.0 §10.2: told with %v %s, %v", r.Header, content, err)
		}
		l.bodies = append(l.bodies, body)
		status := http.StatusNoContent
		if len(l.status) > 0 {
			status, l.status = l.status[0], l.status[1:]
		}
		if status == http.StatusFound {
			w.Header().Set("Location", s.Web.URL+"/redirected")
		}
		w.WriteHeader(status)
	})
	l.party = s.Party(t, s.organization, asks(clientID, mode, client.Metadata{BackchannelClientNotificationEndpoint: l.at}))
	return l
}

// tell does the work that was enqueued, once, and reports whether it asks to be done again.
func (s *scene) tell(t *testing.T) (again bool) {
	t.Helper()
	for _, job := range s.Jobs() {
		if job.Kind != ciba.TellClient || strings.Contains(string(job.Arguments), notificationToken) {
			t.Errorf("a job %s %s", job.Kind, job.Arguments)
		}
		err := s.Backchannel.Tell(t.Context(), job.Arguments)
		if err != nil && !strings.Contains(err.Error(), "call again") {
			t.Fatal(err)
		}
		if err != nil {
			again = true
			s.Again(job)
		}
	}
	return again
}

func (s *scene) state(t *testing.T) (state string, attempts int, sealed bool) {
	t.Helper()
	row := s.Store.QueryRow(t.Context(), "SELECT notification, attempts, sealed IS NOT NULL FROM backchannel_requests WHERE org_id = $1 ORDER BY id DESC LIMIT 1", s.organization.ID)
	if err := row.Scan(&state, &attempts, &sealed); err != nil {
		t.Fatal(err)
	}
	return state, attempts, sealed
}

func TestAPingTellsWhenToAsk(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := s.listener(t, "ping", client.Ping)
	begun := s.begin(t, l.party, "client_notification_token", notificationToken)
	s.allow(t)
	if s.tell(t) || len(l.bodies) != 1 || len(l.bodies[0]) != 1 || l.bodies[0]["auth_req_id"] != begun.Text("auth_req_id") {
		t.Fatalf("CIBA Core 1.0 §10.2: told %v", l.bodies)
	}
	if state, attempts, sealed := s.state(t); state != "delivered" || attempts != 1 || sealed {
		t.Errorf("%s after %d attempts, still sealed: %v", state, attempts, sealed)
	}
	expect(t, s.poll(l.party, begun), 200, "")
	t.Run("of a refusal, too", func(t *testing.T) {
		begun := s.begin(t, l.party, "client_notification_token", notificationToken)
		if err := s.decide(t, false); err != nil {
			t.Fatal(err)
		}
		if s.tell(t); len(l.bodies) != 2 {
			t.Fatalf("told %v", l.bodies)
		}
		expect(t, s.poll(l.party, begun), 400, "access_denied")
	})
	t.Run("and of the end of patience", func(t *testing.T) {
		begun := s.begin(t, l.party, "client_notification_token", notificationToken)
		if ended, err := s.Backchannel.Expire(t.Context(), 10); err != nil || ended != 0 {
			t.Fatalf("%d ended, %v", ended, err)
		}
		s.Clock.Advance(5 * time.Minute)
		if ended, err := s.Backchannel.Expire(t.Context(), 10); err != nil || ended != 1 {
			t.Fatalf("%d ended, %v", ended, err)
		}
		if s.tell(t); len(l.bodies) != 3 {
			t.Fatalf("told %v", l.bodies)
		}
		expect(t, s.poll(l.party, begun), 400, "expired_token")
	})
	t.Run("not of an end that the client has heard of", func(t *testing.T) {
		begun := s.begin(t, l.party, "client_notification_token", notificationToken)
		s.Clock.Advance(5 * time.Minute)
		for range 2 {
			expect(t, s.poll(l.party, begun), 400, "expired_token")
		}
		if ended, err := s.Backchannel.Expire(t.Context(), 10); err != nil || ended != 0 {
			t.Fatalf("%d ended, %v", ended, err)
		}
		if state, attempts, sealed := s.state(t); state != "none" || attempts != 0 || sealed {
			t.Errorf("%s after %d attempts, still sealed: %v", state, attempts, sealed)
		}
	})
}

func TestPingsThatGoWrong(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := s.listener(t, "ping", client.Ping)
	begin := func(status ...int) {
		l.status, l.bodies = status, nil
		s.begin(t, l.party, "client_notification_token", notificationToken)
		s.allow(t)
	}
	for _, final := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusBadRequest, http.StatusFound} {
		begin(final)
		if s.tell(t) || len(l.bodies) != 1 || s.Web.Requests("/redirected") != 0 {
			t.Errorf("CIBA Core 1.0 §10.2: %d is repeated or followed", final)
		}
		if state, _, sealed := s.state(t); state != "failed" || sealed {
			t.Errorf("%d: %s", final, state)
		}
	}
	begin(http.StatusServiceUnavailable, http.StatusBadGateway)
	if told := []bool{s.tell(t), s.tell(t), s.tell(t)}; !slices.Equal(told, []bool{true, true, false}) || len(l.bodies) != 3 {
		t.Errorf("told %d times", len(l.bodies))
	}
	if state, attempts, _ := s.state(t); state != "delivered" || attempts != 3 {
		t.Errorf("%s after %d attempts", state, attempts)
	}
	begin(500, 500, 500, 500, 500, 500, 500, 500)
	for s.tell(t) {
	}
	if state, attempts, _ := s.state(t); state != "failed" || attempts != 7 {
		t.Errorf("%s after %d attempts", state, attempts)
	}
	var recorded int
	if err := s.Store.QueryRow(t.Context(), "SELECT count(*) FROM audit_events WHERE org_id = $1 AND action = 'backchannel_request.client_not_told'", s.organization.ID).Scan(&recorded); err != nil || recorded != 5 {
		t.Errorf("%d records, %v", recorded, err)
	}
}

func TestTokensArePushed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := s.listener(t, "push", client.Push)
	begun := s.begin(t, l.party, "scope", "openid offline_access", "client_notification_token", notificationToken)
	if begun.JSON["interval"] != nil {
		t.Errorf("CIBA Core 1.0 §7.3: %s", begun.Body)
	}
	expect(t, s.poll(l.party, begun), 400, "unauthorized_client")
	l.status = []int{http.StatusInternalServerError}
	s.allow(t)
	if !s.tell(t) || s.tell(t) || len(l.bodies) != 2 {
		t.Fatalf("told %v", l.bodies)
	}
	first, tokens := l.bodies[0], l.bodies[1]
	if tokens["auth_req_id"] != begun.Text("auth_req_id") || tokens["token_type"] != "Bearer" || tokens["refresh_token"] == nil || tokens["refresh_token"] != first["refresh_token"] {
		t.Errorf("CIBA Core 1.0 §10.3.1: %v", tokens)
	}
	claims := s.Claims(t, s.organization, tokens["id_token"].(string), "JWT")
	algorithm := oidctest.Header(t, tokens["id_token"].(string)).Algorithm
	for name, want := range map[string]any{"urn:openid:params:jwt:claim:auth_req_id": begun.Text("auth_req_id"), "at_hash": algorithm.HalfHash(tokens["access_token"].(string)),
		"urn:openid:params:jwt:claim:rt_hash": algorithm.HalfHash(tokens["refresh_token"].(string))} {
		if claims[name] != want {
			t.Errorf("CIBA Core 1.0 §10.3.1: %s is %v, want %v", name, claims[name], want)
		}
	}
	for _, each := range l.bodies { // the tokens of an answer that got lost are as good
		if got := l.party.Userinfo(each["access_token"].(string)); got.Status != 200 {
			t.Errorf("userinfo: %d", got.Status)
		}
	}
	refreshed := l.party.Refresh(tokens["refresh_token"].(string))
	expect(t, refreshed, 200, "")
	if claims := s.Claims(t, s.organization, refreshed.Text("id_token"), "JWT"); claims["urn:openid:params:jwt:claim:auth_req_id"] != nil {
		t.Errorf("a refreshed ID token: %v", claims)
	}
	for ending, want := range map[string]string{"denied": "access_denied", "expired": "expired_token"} {
		l.bodies = nil
		s.begin(t, l.party, "client_notification_token", notificationToken)
		if ending == "denied" {
			if err := s.decide(t, false); err != nil {
				t.Fatal(err)
			}
		} else {
			s.Clock.Advance(5 * time.Minute)
			if _, err := s.Backchannel.Expire(t.Context(), 10); err != nil {
				t.Fatal(err)
			}
		}
		if s.tell(t); len(l.bodies) != 1 || l.bodies[0]["error"] != want || l.bodies[0]["access_token"] != nil {
			t.Errorf("CIBA Core 1.0 §12: %s is told as %v", ending, l.bodies)
		}
	}
}

func TestNothingIsPushedToWhomItMayNotBe(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := s.listener(t, "push", client.Push)
	s.begin(t, l.party, "client_notification_token", notificationToken)
	s.allow(t)
	changed := *l.party.Client
	changed.Metadata.BackchannelTokenDeliveryMode, changed.Metadata.BackchannelClientNotificationEndpoint = client.Ping, l.at
	s.Change(t, changed)
	if s.tell(t); len(l.bodies) != 0 {
		t.Errorf("pushed %v to a client that is pinged now", l.bodies)
	}
	s.EndSession(t, s.session)
}

func TestSealedNotificationsAreBroughtUnderTheCurrentKey(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := s.listener(t, "ping", client.Ping)
	s.begin(t, l.party, "client_notification_token", notificationToken)
	if changed, err := s.Grants.ResealBackchannel(t.Context()); err != nil || changed != 0 {
		t.Errorf("%d changed, %v", changed, err)
	}
	if _, err := s.Store.Exec(t.Context(), "UPDATE backchannel_requests SET sealed_by = 'gone'"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Grants.ResealBackchannel(t.Context()); err == nil || errors.Is(err, io.EOF) {
		t.Error("what no key opens was resealed")
	}
}
