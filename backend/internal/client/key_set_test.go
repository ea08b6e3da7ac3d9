package client

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/jose"
)

// relyingParty serves a jwks_uri that a test changes.
type relyingParty struct {
	*KeySets
	t       *testing.T
	uri     string
	now     time.Time
	mutex   sync.Mutex
	set     string // "": an error
	fetches int
}

func newRelyingParty(t *testing.T) *relyingParty {
	t.Helper()
	party := &relyingParty{t: t, now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		party.mutex.Lock()
		defer party.mutex.Unlock()
		party.fetches++
		if party.set == "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = io.WriteString(w, party.set)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	party.uri = server.URL + "/jwks"
	client := fetch.New(fetch.Options{AllowedNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Roots: roots, Timeout: time.Minute})
	party.KeySets = NewKeySets(client, func() time.Time { return party.now })
	return party
}

func (p *relyingParty) publishes(set string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.set = set
}

// verifies checks a token of the signer with the keys of a registration.
func (p *relyingParty) verifies(signer *jose.Signer, jwks json.RawMessage, uri string) error {
	p.t.Helper()
	raw, err := signer.Sign(p.t.Context(), "JWT", map[string]any{"iss": "payroll", "aud": "https://id.example.test", "exp": p.now.Add(time.Minute).Unix()})
	if err != nil {
		p.t.Fatal(err)
	}
	return p.Verify(p.t.Context(), jwks, uri, func(lookup jose.Lookup) error {
		_, err := jose.Verify(raw, lookup, jose.Expected{Types: []string{"JWT"}, Algorithms: []jose.Algorithm{jose.ES256}, Issuer: "payroll",
			Audiences: []string{"https://id.example.test"}, Now: p.now, KeyIDOptional: true})
		return err
	})
}

func (p *relyingParty) fetched(want int) {
	p.t.Helper()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.fetches != want {
		p.t.Errorf("%d fetches, want %d", p.fetches, want)
	}
}

func newSigner(t *testing.T) (*jose.Signer, string) {
	t.Helper()
	signer, err := jose.GenerateSigner(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.NewKeySet(signer.Public()))
	if err != nil {
		t.Fatal(err)
	}
	return signer, string(set)
}

func TestRegisteredKeysVerify(t *testing.T) {
	party := newRelyingParty(t)
	signer, set := newSigner(t)
	stranger, other := newSigner(t)
	party.publishes(other)
	if err := party.verifies(signer, json.RawMessage(set), ""); err != nil {
		t.Error(err)
	}
	// RFC 7591 §2: jwks and jwks_uri exclude each other. Where both stand, no other key slips in.
	if err := party.verifies(stranger, json.RawMessage(set), party.uri); !errors.Is(err, jose.ErrKeyUnknown) {
		t.Error(err)
	}
	if err := party.verifies(signer, nil, ""); !errors.Is(err, ErrNoKeySet) {
		t.Error(err)
	}
	party.fetched(0)
}

// TestAClientRotatesItsKeys: OpenID Connect Core 1.0 §10.1.1.
func TestAClientRotatesItsKeys(t *testing.T) {
	party := newRelyingParty(t)
	first, set := newSigner(t)
	party.publishes(set)
	for range 3 {
		if err := party.verifies(first, nil, party.uri); err != nil {
			t.Fatal(err)
		}
	}
	party.fetched(1)
	second, set := newSigner(t)
	party.publishes(set)
	if err := party.verifies(second, nil, party.uri); err != nil {
		t.Error("an unknown kid does not make us look again:", err)
	}
	party.fetched(2)
	if err := party.verifies(first, nil, party.uri); !errors.Is(err, jose.ErrKeyUnknown) {
		t.Error("a key that its owner took away still verifies:", err)
	}
	party.fetched(3)

	// Strangers who invent key ids make us ask the client's server now and then, not for every token.
	stranger, _ := newSigner(t)
	for range 50 {
		if err := party.verifies(stranger, nil, party.uri); !errors.Is(err, jose.ErrKeyUnknown) {
			t.Error(err)
		}
	}
	party.fetched(5) // four at once
	party.now = party.now.Add(15 * time.Second)
	for range 50 {
		_ = party.verifies(stranger, nil, party.uri)
	}
	party.fetched(6)
}

// TestAKeyReplacedUnderItsName: the signature is wrong until the set is fetched anew.
func TestAKeyReplacedUnderItsName(t *testing.T) {
	party := newRelyingParty(t)
	signer, set := newSigner(t)
	other, others := newSigner(t)
	party.publishes(strings.Replace(others, other.KeyID(), signer.KeyID(), 1))
	if err := party.verifies(signer, nil, party.uri); !errors.Is(err, jose.ErrSignature) {
		t.Error(err)
	}
	party.publishes(set)
	if err := party.verifies(signer, nil, party.uri); err != nil {
		t.Error(err)
	}
	party.publishes("")
	for range 3 { // a source that fails takes nothing away
		if err := party.verifies(other, nil, party.uri); !errors.Is(err, jose.ErrKeyUnknown) {
			t.Error(err)
		}
	}
	if err := party.verifies(signer, nil, party.uri); err != nil {
		t.Error(err)
	}
	party.fetched(4)
}

func TestKeySetsThatCannotBeUsed(t *testing.T) {
	_, good := newSigner(t)
	weak := `{"kty":"RSA","e":"AQAB","n":"` + strings.Repeat("_", 170) + `w"}`
	for name, c := range map[string]struct{ set, want string }{
		"a private key":      {strings.Replace(good, `"kty"`, `"d":"AA","kty"`, 1), "Replace that key"},
		"a weak key":         {`{"keys":[` + weak + `]}`, "2048 to 8192 bits, this one has 1024"},
		"too many keys":      {`{"keys":[` + strings.Repeat(`{"kty":"x"},`, 64) + `{"kty":"x"}]}`, "at most 64 keys"},
		"no key that is any": {`{"keys":[{"kty":"x"}]}`, "no key of a type"},
		"no set":             {`[]`, "cannot be used"},
	} {
		t.Run(name, func(t *testing.T) {
			party := newRelyingParty(t)
			party.publishes(c.set)
			signer, _ := newSigner(t)
			for where, err := range map[string]error{"jwks": party.verifies(signer, json.RawMessage(c.set), ""), "jwks_uri": party.verifies(signer, nil, party.uri)} {
				if !errors.Is(err, ErrKeySet) || !strings.Contains(fault.From(err).Message, c.want) || strings.Contains(fault.From(err).Message, "jose") {
					t.Errorf("%s: %v", where, err)
				}
			}
			_ = party.verifies(signer, nil, party.uri)
			party.fetched(1) // the failure is remembered
			registered := valid()
			registered.Metadata.JWKS = json.RawMessage(c.set)
			if err := registered.Validate(); fault.From(err) == nil || fault.From(err).Field != "jwks" || !strings.Contains(fault.From(err).Message, c.want) {
				t.Errorf("registration: %v", err)
			}
		})
	}
}

// TestAKeySetOutOfReachIsNotABadToken: the client is told what is wrong with its server.
func TestAKeySetOutOfReachIsNotABadToken(t *testing.T) {
	party := newRelyingParty(t)
	signer, set := newSigner(t)
	if err := party.verifies(signer, nil, party.uri); !errors.Is(err, fetch.ErrStatus) || errors.Is(err, jose.ErrInvalid) || !strings.Contains(fault.From(err).Message, "503") {
		t.Error(err)
	}
	if err := party.verifies(signer, nil, "https://10.0.0.1/jwks"); !errors.Is(err, fetch.ErrAddress) {
		t.Error(err)
	}
	party.now = party.now.Add(5 * time.Second)
	party.publishes(set)
	if err := party.verifies(signer, nil, party.uri); err != nil {
		t.Error(err)
	}
	party.publishes("")
	party.now = party.now.Add(time.Hour)
	if err := party.verifies(signer, nil, party.uri); err != nil {
		t.Error("an outage of an hour stops a client:", err)
	}
	party.now = party.now.Add(time.Hour)
	if err := party.verifies(signer, nil, party.uri); !errors.Is(err, fetch.ErrStatus) {
		t.Error("keys are believed for ever:", err)
	}
}

func TestEncryptionKeys(t *testing.T) {
	const point = `"kty":"OKP","crv":"X25519","x":"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"`
	_, signing := newSigner(t)
	party := newRelyingParty(t)
	find := func(jwks json.RawMessage, uri string, algorithm jose.KeyManagement) (string, error) {
		found, err := party.EncryptionKey(context.WithoutCancel(t.Context()), jwks, uri, algorithm)
		return found.KeyID, err
	}
	inline := json.RawMessage(`{"keys":[{"kid":"any",` + point + `},{"kid":"enc","use":"enc",` + point + `}]}`)
	if id, err := find(inline, "", jose.ECDHES); err != nil || id != "enc" {
		t.Error(id, err)
	}
	if _, err := find(inline, "", jose.RSAOAEP256); !errors.Is(err, ErrNoEncryptionKey) {
		t.Error(err)
	}
	if _, err := find(nil, "", jose.ECDHES); !errors.Is(err, ErrNoKeySet) {
		t.Error(err)
	}
	party.publishes(signing)
	if _, err := find(nil, party.uri, jose.ECDHESA256KW); !errors.Is(err, ErrNoEncryptionKey) || errors.Is(err, jose.ErrInvalid) {
		t.Error(err)
	}
	party.publishes(string(inline))
	if id, err := find(nil, party.uri, jose.ECDHESA256KW); err != nil || id != "enc" {
		t.Error("a key added since is not found:", id, err)
	}
}

// Strangers make us look at registered keys: each set is parsed once, and a changed one is another.
func TestARegisteredKeySetIsParsedOnce(t *testing.T) {
	t.Parallel()
	party := newRelyingParty(t)
	signer, set := newSigner(t)
	for range 2 {
		if err := party.verifies(signer, json.RawMessage(set), ""); err != nil {
			t.Fatal(err)
		}
	}
	if kept := party.inline.EstimatedSize(); kept != 1 {
		t.Errorf("%d sets are kept", kept)
	}
	party.inline.Set(sha256.Sum256([]byte(set)), jose.KeySet{})
	if err := party.verifies(signer, json.RawMessage(set), ""); err == nil {
		t.Error("the set was parsed anew")
	}
	other, changed := newSigner(t)
	if err := party.verifies(other, json.RawMessage(changed), ""); err != nil {
		t.Error(err)
	}
	if err := party.verifies(other, json.RawMessage(set), ""); err == nil {
		t.Error("a key of another set verifies")
	}
	for range 2 { // what is wrong is said each time
		if _, err := party.get(t.Context(), json.RawMessage(`{"keys":[]}`), ""); err == nil {
			t.Error("an empty set is accepted")
		}
	}
}
