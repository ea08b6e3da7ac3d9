package admin_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/clavex/clavex/backend/internal/admin"
	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/customdomain"
	"github.com/clavex/clavex/backend/internal/dnslookup"
	"github.com/clavex/clavex/backend/internal/dnstest"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/identityprovider"
	"github.com/clavex/clavex/backend/internal/jobs"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/mail"
	"github.com/clavex/clavex/backend/internal/mailqueue"
	"github.com/clavex/clavex/backend/internal/mailserver"
	"github.com/clavex/clavex/backend/internal/notice"
	"github.com/clavex/clavex/backend/internal/oidctest"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/passwordhash"
	"github.com/clavex/clavex/backend/internal/reqctx"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/terms"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/userimport"
	"github.com/clavex/clavex/backend/internal/web/text"
)

// site is the Admin API on a database of its own, with three organizations: system, acme and rival.
type site struct {
	*oidctest.Provider
	t         *testing.T
	handler   http.Handler
	roles     *role.Assignments
	passwords *credential.Passwords
	passkeys  *credential.Passkeys
	factors   *credential.SecondFactors

	mailServers *mailserver.Servers
	providers   *identityprovider.Providers
	terms       *terms.Terms

	system, acme, rival *org.Organization

	mayNotRequire func(person *user.User, before []user.RequiredAction) error // nil: everything can be required
	names         *dnstest.Server
	domains       *customdomain.Domains

	mu      sync.Mutex
	deleted []uuid.UUID // organizations whose deletion was enqueued
	console func(*http.Request) (*admin.ConsoleSession, error)
}

type option func(*admin.Options)

// letters is what people are written by; nobody sends the mails.
func (s *site) letters(ring *seal.Ring) notice.Letters {
	s.t.Helper()
	enqueuer, err := jobs.New(s.Store, jobs.Options{Logger: slog.New(slog.DiscardHandler)})
	check(s.t, err)
	texts, err := text.Load()
	check(s.t, err)
	return notice.Letters{Mails: mailqueue.New(s.Store, ring, enqueuer, s.AuditLog, mail.NewMailbox(s.Clock.Now), s.mailServers, s.Clock.Now), Texts: texts, Issuers: s.Issuers, Now: s.Clock.Now}
}

// told are the kinds of mail that were put down for a person, the oldest first.
func (s *site) told(person *user.User) (kinds []string) {
	s.t.Helper()
	rows, err := s.Store.Query(s.t.Context(), "SELECT kind FROM mails WHERE org_id = $1 AND user_id = $2 ORDER BY id", person.OrgID, person.ID)
	check(s.t, err)
	kinds, err = pgx.CollectRows(rows, pgx.RowTo[string])
	check(s.t, err)
	return kinds
}

func newSite(t *testing.T, options ...option) *site {
	t.Helper()
	gin.SetMode(gin.TestMode)
	s := &site{Provider: oidctest.NewProvider(t), t: t}
	now := s.Clock.Now
	ring, err := seal.NewRing(seal.GenerateKey(rand.Reader))
	check(t, err)
	queue, err := passwordhash.NewQueue(passwordhash.DefaultLimits(), now, nil)
	check(t, err)
	cheap := passwordhash.DefaultParameters()
	cheap.Memory, cheap.Passes = 8*1024, 1
	hasher, err := passwordhash.NewHasher(cheap, queue, rand.Reader)
	check(t, err)
	s.roles = role.NewAssignments(s.AuditLog, now)
	s.factors = credential.NewSecondFactors(s.Store, s.Sessions, s.AuditLog, ring, now, rand.Reader)
	s.passwords = credential.NewPasswords(s.Store, s.Users, s.Sessions, s.AuditLog, now, hasher, ring, rand.Reader)
	s.passkeys = credential.NewPasskeys(s.Store, s.Sessions, s.Grants, s.Models, s.AuditLog, now, ring, rand.Reader)
	s.mailServers = mailserver.New(s.Store, store.NewInvalidations(), ring, s.AuditLog, s.Fetch.Dial, nil, now, 10)
	s.providers = identityprovider.New(s.Store, store.NewInvalidations(), ring, s.AuditLog, now, 10)
	s.names = dnstest.New(t)
	s.domains = customdomain.New(s.Store, store.NewInvalidations(), s.Organizations, s.AuditLog, dnslookup.New(s.names.Address), fetch.New(fetch.Options{Lookup: nowhere}), []string{"id.example.test"}, now, rand.Reader)
	s.terms = terms.New(s.Store, store.NewInvalidations(), s.Users, s.AuditLog, now, 10)
	settings := admin.Options{
		Domains: s.domains, IssuerOf: func(ctx context.Context, issuer string) (*org.Organization, error) {
			slug, _ := strings.CutPrefix(issuer, s.Issuers.PublicURL+"/")
			return s.Organizations.Serving(ctx, slug)
		},
		Letters: s.letters(ring),
		Store:   s.Store, Organizations: s.Organizations, Users: s.Users, Imports: userimport.New(s.Store, s.Users, s.passwords, s.AuditLog, s.Clock.Now), Roles: s.roles, Clients: s.Clients, Resources: s.Resources, Trusted: s.Trusted, Sessions: s.Sessions, Grants: s.Grants, Backchannel: s.Backchannel, Keys: s.Keys, Passwords: s.passwords,
		Links: credential.NewLinks(s.AuditLog, now, rand.Reader), Invitations: credential.NewInvitations(s.AuditLog, now, rand.Reader), Passkeys: s.passkeys, Models: s.Models, SecondFactors: s.factors, Audit: s.AuditLog, Issuers: s.Issuers, Resource: s.Resource,
		Counters: kv.NewPostgres(s.Store, rand.Reader), Fetch: s.Fetch, Ring: ring, Now: now, RequestsPerMinute: 100_000,
		Console: func(r *http.Request) (*admin.ConsoleSession, error) {
			if s.console == nil {
				return nil, nil
			}
			return s.console(r)
		},
		MayRequire: func(_ context.Context, _ store.DB, _ *org.Organization, person *user.User, before []user.RequiredAction) error {
			if s.mayNotRequire == nil {
				return nil
			}
			return s.mayNotRequire(person, before)
		},
		MailServers: s.mailServers, Providers: s.providers, Terms: s.terms,
		OneTimeLinkURL: func(o *org.Organization, token string) string {
			return s.Issuers.Endpoint(o, "login/link") + "?token=" + token
		},
		EnqueueOrganizationDeletion: func(_ context.Context, _ *store.Tx, id uuid.UUID) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.deleted = append(s.deleted, id)
			return nil
		},
	}
	for _, apply := range options {
		apply(&settings)
	}
	made, err := admin.New(settings)
	check(t, err)
	engine := gin.New()
	engine.Use(func(c *gin.Context) {
		c.Request = c.Request.WithContext(reqctx.With(c.Request.Context(), reqctx.Request{ID: "request-" + uuid.NewString(), UserAgent: "test"}))
		c.Next()
		if c.Writer.Status() == http.StatusInternalServerError {
			t.Errorf("%s %s: a fault of ours: %v", c.Request.Method, c.Request.URL, c.Errors.Last())
		}
	})
	made.Mount(engine)
	engine.NoRoute(made.Unknown)
	s.handler = engine
	s.system, err = s.Organizations.EnsureSystem(t.Context(), oidctest.Actor())
	check(t, err)
	s.acme, s.rival = s.Organization(t, "acme", org.Policies{}), s.Organization(t, "rival", org.Policies{})
	return s
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// person makes somebody with roles.
func (s *site) person(organization *org.Organization, username string, roles ...role.Role) *user.User {
	s.t.Helper()
	made := s.Person(s.t, organization, username)
	s.setRoles(made, roles...)
	return made
}

func (s *site) setRoles(person *user.User, roles ...role.Role) {
	s.t.Helper()
	system := person.OrgID == s.system.ID
	s.InTx(s.t, func(ctx context.Context, tx *store.Tx) error {
		return s.roles.Set(ctx, tx, role.Grantor{Actor: oidctest.Actor(), Platform: true}, person.OrgID, person.ID, system, roles)
	})
}

// caller sends requests with an access token.
type caller struct {
	*site
	token   string
	user    *user.User
	client  *client.Client
	session session.Session
}

var bothScopes = []string{"admin:read", "admin:write"}

// as signs somebody in to a new client and returns them with their access token.
func (s *site) as(organization *org.Organization, person *user.User, scopes ...string) *caller {
	s.t.Helper()
	party := s.Party(s.t, organization, client.Client{ClientID: "cli-" + uuid.NewString(), Scopes: append([]string{"openid"}, bothScopes...)})
	begun := s.SignIn(s.t, organization, person)
	answer := party.Redeem(s.Code(s.t, party.Client, begun, append([]string{"openid"}, scopes...)...))
	if answer.Status != http.StatusOK {
		s.t.Fatalf("no token: %d %s", answer.Status, answer.Body)
	}
	return &caller{s, answer.Text("access_token"), person, party.Client, begun}
}

// administrator is somebody new with the role organization-administrator and every scope.
func (s *site) administrator(organization *org.Organization) *caller {
	s.t.Helper()
	return s.as(organization, s.person(organization, "admin-"+uuid.NewString(), role.OrganizationAdministrator), bothScopes...)
}

// platform is a new platform administrator with every scope.
func (s *site) platform() *caller {
	s.t.Helper()
	return s.as(s.system, s.person(s.system, "root-"+uuid.NewString(), role.PlatformAdministrator), bothScopes...)
}

// service is a client that acts for itself.
func (s *site) service(organization *org.Organization, scopes ...string) *caller {
	s.t.Helper()
	party := s.Party(s.t, organization, client.Client{ClientID: "service-" + uuid.NewString(), GrantTypes: []string{client.ClientCredentials}, Scopes: scopes})
	answer := party.Post("token", "grant_type", "client_credentials")
	if answer.Status != http.StatusOK {
		s.t.Fatalf("no token: %d %s", answer.Status, answer.Body)
	}
	return &caller{site: s, token: answer.Text("access_token"), client: party.Client}
}

func (s *site) anonymous() *caller { return &caller{site: s} }

// answer is what the API answered; its body was held against the contract.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
	json   map[string]any
}

// do sends a request. body is marshalled unless it is a string; header are names and values in turn.
func (c *caller) do(method, path string, body any, header ...string) answer {
	c.t.Helper()
	var text string
	switch b := body.(type) {
	case nil:
	case string:
		text = b
	default:
		encoded, err := json.Marshal(body)
		check(c.t, err)
		text = string(encoded)
	}
	request := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(text))
	if text != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	return c.send(request)
}

func (c *caller) send(request *http.Request) answer {
	c.t.Helper()
	recorder := httptest.NewRecorder()
	c.handler.ServeHTTP(recorder, request)
	a := answer{t: c.t, status: recorder.Code, header: recorder.Header(), body: recorder.Body.Bytes()}
	_ = json.Unmarshal(a.body, &a.json)
	holdAgainstContract(c.t, request, a)
	return a
}

func (c *caller) get(path string, header ...string) answer {
	c.t.Helper()
	return c.do(http.MethodGet, path, nil, header...)
}

// must fails the test unless the status is the wanted one.
func (a answer) must(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("got %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// refuses fails the test unless the answer is the problem.
func (a answer) refuses(status int, code string) answer {
	a.t.Helper()
	if a.status != status || a.text("code") != code {
		a.t.Errorf("got %d %s, want %d %s: %s", a.status, a.text("code"), status, code, a.body)
	}
	return a
}

func (a answer) text(path string) string {
	text, _ := a.at(path).(string)
	return text
}

// at reads a member: a.b.0.c.
func (a answer) at(path string) any {
	var value any = a.json
	for name := range strings.SplitSeq(path, ".") {
		switch of := value.(type) {
		case map[string]any:
			value = of[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(of) {
				return nil
			}
			value = of[i]
		default:
			return nil
		}
	}
	return value
}

func (a answer) etag() string { return a.header.Get("ETag") }

// column collects one member of all items.
func (a answer) column(name string) []string {
	values := []string{}
	items, _ := a.json["items"].([]any)
	for _, item := range items {
		values = append(values, fmt.Sprint(item.(map[string]any)[name]))
	}
	return values
}

var document = sync.OnceValues(func() (map[string]any, *jsonschema.Compiler) {
	raw, err := api.GetSpecJSON()
	if err != nil {
		panic(err)
	}
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		panic(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("https://clavex.invalid/", resource); err != nil {
		panic(err)
	}
	return resource.(map[string]any), compiler
})

var compiling sync.Mutex

// holdAgainstContract checks that the contract knows the answer's status for the operation, and that the
// body has the form it promises.
func holdAgainstContract(t testing.TB, request *http.Request, a answer) {
	t.Helper()
	parsed, compiler := document()
	item, path := operationOf(parsed, request.URL.Path)
	if item == nil || a.status == http.StatusMethodNotAllowed {
		return
	}
	operation, ok := item[strings.ToLower(request.Method)].(map[string]any)
	if !ok {
		return
	}
	status := strconv.Itoa(a.status)
	described, ok := operation["responses"].(map[string]any)[status].(map[string]any)
	if !ok {
		t.Errorf("%s %s: the contract has no status %d: %s", request.Method, request.URL.Path, a.status, a.body)
		return
	}
	at := "#/paths/" + strings.ReplaceAll(path, "/", "~1") + "/" + strings.ToLower(request.Method) + "/responses/" + status
	if ref, ok := described["$ref"].(string); ok {
		at = ref
		described = parsed["components"].(map[string]any)["responses"].(map[string]any)[strings.TrimPrefix(ref, "#/components/responses/")].(map[string]any)
	}
	content, _ := described["content"].(map[string]any)
	if len(content) == 0 {
		if len(a.body) > 0 {
			t.Errorf("%s %s: a body with status %d", request.Method, request.URL.Path, a.status)
		}
		return
	}
	mediaType := a.header.Get("Content-Type")
	if _, ok := content[mediaType]; !ok {
		t.Errorf("%s %s: content type %q with status %d", request.Method, request.URL.Path, mediaType, a.status)
		return
	}
	compiling.Lock()
	schema, err := compiler.Compile("https://clavex.invalid/" + strings.NewReplacer("{", "%7B", "}", "%7D").Replace(at) + "/content/" + strings.ReplaceAll(mediaType, "/", "~1") + "/schema")
	compiling.Unlock()
	check(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body))
	check(t, err)
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s %s: the answer is not as the contract says: %v\n%s", request.Method, request.URL.Path, err, a.body)
	}
}

func operationOf(parsed map[string]any, path string) (map[string]any, string) {
	given := strings.Split(path, "/")
	for template, item := range parsed["paths"].(map[string]any) {
		parts := strings.Split(template, "/")
		if len(parts) != len(given) {
			continue
		}
		fits := true
		for i, part := range parts {
			fits = fits && (part == given[i] || strings.HasPrefix(part, "{"))
		}
		if fits {
			return item.(map[string]any), template
		}
	}
	return nil, ""
}

// nowhere resolves no host.
func nowhere(_ context.Context, _, host string) ([]netip.Addr, error) {
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}
