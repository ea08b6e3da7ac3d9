package logout_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/jobs"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/logout"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// listener is the back-channel logout endpoint of a client: it keeps what it was sent and answers as told.
type listener struct {
	*httptest.Server
	mu       sync.Mutex
	received []*http.Request
	tokens   []string
	answer   http.HandlerFunc
}

func newListener(t *testing.T) *listener {
	l := &listener{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.received, l.tokens = append(l.received, r), append(l.tokens, r.PostFormValue("logout_token"))
		if l.answer != nil {
			l.answer(w, r)
		}
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *listener) answers(status int, header ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	}
}

func (l *listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.received)
}

func newBackChannel(p *oidctest.Provider) *logout.BackChannel {
	return &logout.BackChannel{Issuers: p.Issuers, Organizations: p.Organizations, Clients: p.Clients, Sessions: p.Sessions, Subjects: p.Subjects, JWTs: p.JWTs, Store: p.Store, Now: p.Clock.Now,
		Random: rand.Reader, Fetch: fetch.New(fetch.Options{AllowedNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: time.Minute})}
}

func deliveries(t *testing.T, p *oidctest.Provider, organization *org.Organization, wanted session.DeliveryFilter) []session.Delivery {
	t.Helper()
	wanted.Limit = 100
	listed, err := p.Sessions.Deliveries(t.Context(), p.Store, organization.ID, wanted)
	if err != nil {
		t.Fatal(err)
	}
	return listed
}

// tell makes one attempt of a delivery, as its job does, and returns after which pause the job wants to be called again.
func tell(t *testing.T, p *oidctest.Provider, b *logout.BackChannel, organization *org.Organization, id uuid.UUID) (*session.Delivery, error) {
	t.Helper()
	of := session.DeliveryReference{OrgID: organization.ID, ID: id}
	arguments, err := json.Marshal(of)
	if err != nil {
		t.Fatal(err)
	}
	again := b.Tell(t.Context(), arguments)
	after, err := p.Sessions.Delivery(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}
	return after, again
}

func TestALogoutTokenSaysWhoseSessionEnded(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	b, l := newBackChannel(p), newListener(t)
	acme := p.Organization(t, "acme", org.Policies{})
	ada := p.Person(t, acme, "ada")
	party := p.Party(t, acme, client.Client{ClientID: "web", IDTokenSignedResponseAlg: "ES256", Metadata: client.Metadata{BackchannelLogoutURI: l.URL + "/out?tenant=1"}})
	signedIn := p.SignIn(t, acme, ada)
	idToken := p.Claims(t, acme, party.Redeem(p.Code(t, party.Client, signedIn, "openid")).Text("id_token"), "JWT")
	p.EndSession(t, signedIn)

	planned := deliveries(t, p, acme, session.DeliveryFilter{})
	if len(planned) != 1 || planned[0].State != session.Pending || planned[0].Attempts != 0 || planned[0].SessionID != signedIn.ID || planned[0].ClientID != party.Client.ID {
		t.Fatalf("%+v", planned)
	}
	after, err := tell(t, p, b, acme, planned[0].ID)
	if err != nil || after.State != session.Delivered || after.Attempts != 1 || after.LastStatus != http.StatusOK || !after.NextAttemptAt.IsZero() || after.LastError != "" {
		t.Fatalf("%+v %v", after, err)
	}
	if l.count() != 1 {
		t.Fatalf("%d requests", l.count())
	}
	request := l.received[0]
	if request.Method != http.MethodPost || request.URL.String() != "/out?tenant=1" || request.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || len(request.PostForm) != 1 {
		t.Errorf("§2.5: %s %s %v %v", request.Method, request.URL, request.Header, request.PostForm)
	}
	token, err := jose.Verify(l.tokens[0], p.Keys.Lookup(t.Context(), acme.ID), jose.Expected{Types: []string{"logout+jwt"}, Algorithms: []jose.Algorithm{jose.ES256},
		Issuer: p.Issuers.URL(acme), Audiences: []string{"web"}, Now: p.Clock.Now()})
	if err != nil {
		t.Fatalf("§2.4, §2.6: signed as the client's ID tokens are: %v", err)
	}
	var events map[string]map[string]any
	var sid string
	for name, into := range map[string]any{"events": &events, "sid": &sid} {
		if there, err := token.Claim(name, into); err != nil || !there {
			t.Errorf("%s: %v", name, err)
		}
	}
	if event, there := events["http://schemas.openid.net/event/backchannel-logout"]; len(events) != 1 || !there || event == nil || len(event) != 0 {
		t.Errorf("§2.4: events are %v", events)
	}
	if sid != idToken["sid"] || token.Subject != idToken["sub"] || sid != signedIn.ID.String() {
		t.Errorf("§2.4: sid %q and sub %q are not those of the ID token: %v", sid, token.Subject, idToken)
	}
	if len(token.ID) < 40 || !token.IssuedAt.Equal(p.Clock.Now()) || token.Expiry.Sub(token.IssuedAt) != 2*time.Minute || len(token.Audience) != 1 {
		t.Errorf("§2.4: %+v", token)
	}
	if there, _ := token.Claim("nonce", new(any)); there {
		t.Error("§2.4: a logout token has no nonce")
	}
	if _, err := p.Logout.Validate(t.Context(), acme, logout.Parameters{IDTokenHint: l.tokens[0]}); err == nil {
		t.Error("a logout token passes for an ID token")
	}
	// A delivery that is over is not repeated, should its job run once more.
	if _, err := tell(t, p, b, acme, planned[0].ID); err != nil || l.count() != 1 {
		t.Errorf("%d requests, %v", l.count(), err)
	}
	if b.Count(logout.OutcomeDelivered) != 1 {
		t.Error("not counted")
	}
}

// Back-Channel Logout 1.0 §2.6: whatever an ID token of the client is, a logout token is.
func TestALogoutTokenIsSignedAndNamesThePersonAsTheClientsIDTokensDo(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	b, l := newBackChannel(p), newListener(t)
	acme := p.Organization(t, "acme", org.Policies{})
	party := p.Party(t, acme, client.Client{ClientID: "web", IDTokenSignedResponseAlg: "HS256",
		Metadata: client.Metadata{BackchannelLogoutURI: l.URL, SubjectType: client.PairwiseSubject}})
	signedIn := p.SignIn(t, acme, p.Person(t, acme, "ada"))
	idToken := party.Redeem(p.Code(t, party.Client, signedIn, "openid")).Text("id_token")
	p.EndSession(t, signedIn)
	if _, err := tell(t, p, b, acme, deliveries(t, p, acme, session.DeliveryFilter{})[0].ID); err != nil || l.count() != 1 {
		t.Fatalf("%d requests, %v", l.count(), err)
	}
	expected := func(tokenType string) jose.Expected {
		return jose.Expected{Types: []string{tokenType}, Algorithms: jose.Algorithms(), Issuer: p.Issuers.URL(acme), Audiences: []string{"web"}, Now: p.Clock.Now()}
	}
	told, err := p.JWTs.Verify(t.Context(), acme, party.Client, l.tokens[0], expected(logout.LogoutTokenType))
	if err != nil {
		t.Fatal(err)
	}
	known, err := p.JWTs.Verify(t.Context(), acme, party.Client, idToken, expected("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	if told.Algorithm != jose.HS256 || told.Subject != known.Subject || told.Subject == signedIn.UserID.String() {
		t.Errorf("%+v, ID token %+v", told, known)
	}
}

func TestAnswersToALogoutToken(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	l := newListener(t)
	acme := p.Organization(t, "acme", org.Policies{})
	ada := p.Person(t, acme, "ada")
	party := p.Party(t, acme, client.Client{ClientID: "web", Metadata: client.Metadata{BackchannelLogoutURI: l.URL}})
	plan := func(t *testing.T) uuid.UUID {
		t.Helper()
		signedIn := p.SignIn(t, acme, ada)
		p.Code(t, party.Client, signedIn, "openid")
		p.EndSession(t, signedIn)
		return deliveries(t, p, acme, session.DeliveryFilter{SessionID: signedIn.ID})[0].ID
	}
	elsewhere := newListener(t)
	for name, test := range map[string]struct {
		status  int
		header  []string
		state   session.DeliveryState
		outcome logout.Outcome
	}{
		"200 (§2.8)":                    {http.StatusOK, nil, session.Delivered, logout.OutcomeDelivered},
		"204 (§2.8)":                    {http.StatusNoContent, nil, session.Delivered, logout.OutcomeDelivered},
		"400 is no matter of repeating": {http.StatusBadRequest, nil, session.Failed, logout.OutcomeRefused},
		"500":                           {http.StatusInternalServerError, nil, session.Pending, logout.OutcomeRetry},
		"503":                           {http.StatusServiceUnavailable, nil, session.Pending, logout.OutcomeRetry},
		"404":                           {http.StatusNotFound, nil, session.Pending, logout.OutcomeRetry},
		"201 is neither":                {http.StatusCreated, nil, session.Pending, logout.OutcomeRetry},
		"a redirect is not followed":    {http.StatusFound, []string{"Location", elsewhere.URL}, session.Pending, logout.OutcomeRetry},
		"nor one that keeps the method": {http.StatusTemporaryRedirect, []string{"Location", elsewhere.URL}, session.Pending, logout.OutcomeRetry},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBackChannel(p)
			l.answers(test.status, test.header...)
			after, err := tell(t, p, b, acme, plan(t))
			if (err != nil) != (test.state == session.Pending) || after.State != test.state || after.Attempts != 1 || b.Count(test.outcome) != 1 {
				t.Fatalf("%+v %v", after, err)
			}
			if (after.LastError == "") != (test.state == session.Delivered) {
				t.Errorf("the record says %q", after.LastError)
			}
		})
	}
	if elsewhere.count() != 0 {
		t.Error("a redirect was followed")
	}
	t.Run("repeated with growing pauses, each time with a fresh token, and given up", func(t *testing.T) {
		b := newBackChannel(p)
		l.answers(http.StatusBadGateway)
		began, seen := p.Clock.Now(), map[string]bool{}
		before := l.count()
		id := plan(t)
		for attempt := 1; ; attempt++ {
			after, err := tell(t, p, b, acme, id)
			seen[l.tokens[len(l.tokens)-1]] = true
			if after.Attempts != attempt || after.LastStatus != http.StatusBadGateway {
				t.Fatalf("%+v", after)
			}
			if after.State == session.Failed {
				if err != nil {
					t.Errorf("the job of a delivery that was given up goes on: %v", err)
				}
				break
			}
			pause := after.NextAttemptAt.Sub(p.Clock.Now())
			if err != jobs.Again(pause) || pause <= 0 {
				t.Fatalf("%v, pause %v", err, pause)
			}
			p.Clock.Advance(pause)
		}
		if took := p.Clock.Now().Sub(began); took < 2*time.Hour || took > 24*time.Hour {
			t.Errorf("given up after %v", took)
		}
		if made := l.count() - before; made != len(seen) || made < 6 {
			t.Errorf("%d attempts with %d tokens", made, len(seen))
		}
		if b.Count(logout.OutcomeAbandoned) != 1 {
			t.Error("not counted")
		}
	})
	t.Run("unreachable", func(t *testing.T) {
		id := plan(t)
		l.Close()
		after, err := tell(t, p, newBackChannel(p), acme, id)
		if err == nil || after.State != session.Pending || after.LastStatus != 0 || after.LastError == "" || strings.Contains(after.LastError, "connection refused") {
			t.Fatalf("%+v %v", after, err)
		}
	})
	t.Run("a key to encrypt to that is not to be had", func(t *testing.T) {
		changed := *party.Client
		changed.Metadata.JWKSURI, changed.Metadata.IDTokenEncryptedResponseAlg = "https://127.0.0.1:1/jwks", "RSA-OAEP-256"
		party.Client = p.Change(t, changed)
		after, err := tell(t, p, newBackChannel(p), acme, plan(t))
		if err == nil || after.State != session.Pending || after.Attempts != 1 || after.LastError == "" {
			t.Fatalf("%+v %v", after, err)
		}
		changed = *party.Client
		changed.Metadata = client.Metadata{BackchannelLogoutURI: l.URL}
		party.Client = p.Change(t, changed)
	})
	t.Run("this machine's own network, unless the operator allows it", func(t *testing.T) {
		own := newListener(t)
		changed := *party.Client
		changed.Metadata.BackchannelLogoutURI = own.URL
		p.Change(t, changed)
		b := newBackChannel(p)
		b.Fetch = fetch.New(fetch.Options{})
		after, err := tell(t, p, b, acme, plan(t))
		if err == nil || after.State != session.Pending || own.count() != 0 {
			t.Fatalf("%+v %v, %d requests", after, err, own.count())
		}
	})
	t.Run("a client that was disabled meanwhile", func(t *testing.T) {
		id := plan(t)
		current, err := p.Clients.ByID(t.Context(), p.Store, acme.ID, party.Client.ID)
		if err != nil {
			t.Fatal(err)
		}
		current.Status = client.Disabled
		p.Change(t, *current)
		if after, err := tell(t, p, newBackChannel(p), acme, id); err != nil || after.State != session.Failed {
			t.Fatalf("%+v %v", after, err)
		}
	})
}

func TestWhoIsToldOfWhichEnd(t *testing.T) {
	t.Parallel()
	p := oidctest.NewProvider(t)
	acme, rival := p.Organization(t, "acme", org.Policies{}), p.Organization(t, "rival", org.Policies{})
	const address = "https://rp.example.test/out"
	wants := client.Metadata{BackchannelLogoutURI: address}
	web := p.Party(t, acme, client.Client{ClientID: "web", Metadata: wants})
	app := p.Party(t, acme, client.Client{ClientID: "app", Metadata: wants})
	silent := p.Party(t, acme, client.Client{ClientID: "silent"})
	framed := p.Party(t, acme, client.Client{ClientID: "framed", Metadata: client.Metadata{FrontchannelLogoutURI: "https://rp.example.test/framed"}})
	p.Party(t, acme, client.Client{ClientID: "unused", Metadata: wants})
	foreign := p.Party(t, rival, client.Client{ClientID: "web", Metadata: wants})
	told := func(t *testing.T, of session.Session) (clients []uuid.UUID) {
		t.Helper()
		for _, delivery := range deliveries(t, p, acme, session.DeliveryFilter{SessionID: of.ID}) {
			clients = append(clients, delivery.ClientID)
		}
		slices.SortFunc(clients, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
		return clients
	}
	for name, end := range map[string]func(ctx context.Context, tx *store.Tx, of session.Session) error{
		"signed out": func(ctx context.Context, tx *store.Tx, of session.Session) error {
			return p.Sessions.End(ctx, tx, oidctest.Actor(), acme.ID, of.ID, "test")
		},
		"signed out everywhere": func(ctx context.Context, tx *store.Tx, of session.Session) error {
			_, err := p.Sessions.EndEverywhere(ctx, tx, oidctest.Actor(), acme.ID, of.UserID, "test")
			return err
		},
		"password changed, or disabled": func(ctx context.Context, tx *store.Tx, of session.Session) error {
			return p.Sessions.EndAll(ctx, tx, oidctest.Actor(), acme.ID, of.UserID, uuid.Nil, "test")
		},
		"deleted": func(ctx context.Context, tx *store.Tx, of session.Session) error {
			if err := p.Sessions.EndAll(ctx, tx, oidctest.Actor(), acme.ID, of.UserID, uuid.Nil, "test"); err != nil {
				return err
			}
			person, err := p.Users.ByID(ctx, tx, acme.ID, of.UserID)
			if err != nil {
				return err
			}
			return p.Users.Delete(ctx, tx, oidctest.Actor(), acme.ID, of.UserID, person.Version)
		},
		"too many other people sign in": func(ctx context.Context, tx *store.Tx, of session.Session) error {
			browser := session.Browser{}
			for range session.MaximumInBrowser - 1 {
				further := p.SignIn(t, acme, p.Person(t, acme, "other-"+uuid.NewString()))
				further.LastSeenAt = further.LastSeenAt.Add(time.Minute)
				browser = append(browser, &session.Live{Session: further, User: &user.User{ID: further.UserID}})
			}
			browser = append(browser, &session.Live{Session: of, User: &user.User{ID: of.UserID}})
			_, _, err := p.Sessions.Begin(ctx, tx, session.Authenticated{Organization: acme, User: p.Person(t, acme, "other-"+uuid.NewString()), BrowserHash: []byte("browser"), Methods: []string{"pwd"}, At: p.Clock.Now(), Browser: browser})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ada, bob := p.Person(t, acme, "ada-"+uuid.NewString()), p.Person(t, acme, "bob-"+uuid.NewString())
			ending, others := p.SignIn(t, acme, ada), p.SignIn(t, acme, bob)
			for _, party := range []*oidctest.Party{web, app, silent, framed} {
				p.Code(t, party.Client, ending, "openid")
				p.Code(t, party.Client, ending, "openid") // twice is once
				p.Code(t, party.Client, others, "openid")
			}
			p.Code(t, foreign.Client, p.SignIn(t, rival, p.Person(t, rival, "ada-"+uuid.NewString())), "openid")
			p.InTx(t, func(ctx context.Context, tx *store.Tx) error { return end(ctx, tx, ending) })
			want := []uuid.UUID{web.Client.ID, app.Client.ID}
			slices.SortFunc(want, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
			if got := told(t, ending); !slices.Equal(got, want) {
				t.Errorf("told %v, want %v", got, want)
			}
			if got := told(t, others); got != nil {
				t.Errorf("told of the session of another person: %v", got)
			}
			if foreign := deliveries(t, p, rival, session.DeliveryFilter{}); len(foreign) != 0 {
				t.Errorf("told in another organization: %v", foreign)
			}
			if _, err := p.Sessions.Delivery(t.Context(), session.DeliveryReference{OrgID: rival.ID, ID: deliveries(t, p, acme, session.DeliveryFilter{SessionID: ending.ID})[0].ID}); !fault.IsKind(err, fault.NotFound) {
				t.Errorf("a delivery of another organization is there: %v", err)
			}
		})
	}
	t.Run("a session kept by a change of password is not told of", func(t *testing.T) {
		ada := p.Person(t, acme, "ada-"+uuid.NewString())
		kept, ended := p.SignIn(t, acme, ada), p.SignIn(t, acme, ada)
		p.Code(t, web.Client, kept, "openid")
		p.Code(t, web.Client, ended, "openid")
		p.InTx(t, func(ctx context.Context, tx *store.Tx) error {
			return p.Sessions.EndAll(ctx, tx, oidctest.Actor(), acme.ID, ada.ID, kept.ID, "test")
		})
		if len(told(t, kept)) != 0 || len(told(t, ended)) != 1 {
			t.Error(told(t, kept), told(t, ended))
		}
	})
	t.Run("ended twice at once, told once", func(t *testing.T) {
		ending := p.SignIn(t, acme, p.Person(t, acme, "ada-"+uuid.NewString()))
		p.Code(t, web.Client, ending, "openid")
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				_ = p.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
					return p.Sessions.End(ctx, tx, oidctest.Actor(), acme.ID, ending.ID, "test")
				})
			})
		}
		group.Wait()
		if got := told(t, ending); len(got) != 1 {
			t.Errorf("told %d times", len(got))
		}
	})
	t.Run("records go after a month, and with their client", func(t *testing.T) {
		p.Clock.Advance(31 * 24 * time.Hour)
		if removed, err := p.Sessions.DeleteOldDeliveries(t.Context(), 1000); err != nil || removed == 0 {
			t.Errorf("%d, %v", removed, err)
		}
		if left := deliveries(t, p, acme, session.DeliveryFilter{}); len(left) != 0 {
			t.Errorf("%d are left", len(left))
		}
	})
}
