package webauthn_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/fxamacker/cbor/v2"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/domaintest"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/webauthn"
)

const (
	rpID   = "id.example.com"
	origin = "https://id.example.com"
)

type fixture struct {
	*domaintest.World
	passkeys   *credential.Passkeys
	ceremonies *webauthn.Ceremonies
	acme       *org.Organization
	ada        *user.User
}

func newFixture(t *testing.T) *fixture {
	w := domaintest.New(t)
	f := &fixture{World: w, acme: w.Organization("acme"), passkeys: credential.NewPasskeys(w.DB, w.Sessions, w.Grants, w.Models, w.Audit, w.Clock.Now, w.Ring, rand.Reader)}
	f.ada = w.User(f.acme, "ada@acme.test")
	f.ceremonies = webauthn.NewCeremonies(f.passkeys, w.Models, kv.NewPostgres(w.DB, rand.Reader), w.Ring, w.Clock.Now, rand.Reader)
	return f
}

func (f *fixture) about(subject string) webauthn.About {
	party, ok := webauthn.NewRelyingParty(origin)
	if !ok {
		f.T.Fatal("no relying party")
	}
	return webauthn.About{OrgID: f.acme.ID, Subject: subject, Browser: "the browser's secret", Party: party}
}

// response is what a browser answers, before it is signed.
type response struct {
	client    map[string]any // of clientDataJSON
	rpID      string
	flags     byte
	counter   uint32
	handle    []byte
	key       *virtualwebauthn.Key
	publicKey []byte // COSE; that of key when nil
	id        []byte
	aaguid    uuid.UUID
	signature []byte // instead of the right one
	format    string
}

// The flags of authenticator data (WebAuthn Level 3 §6.1).
const (
	present, verified, eligible, backedUp, attested = 1, 4, 8, 16, 64
)

func newResponse(id []byte, handle []byte, key *virtualwebauthn.Key, kind string, options webauthn.Options) *response {
	var read struct{ Challenge string }
	if err := json.Unmarshal([]byte(options), &read); err != nil {
		panic(err)
	}
	return &response{client: map[string]any{"type": kind, "challenge": read.Challenge, "origin": origin, "crossOrigin": false}, rpID: rpID, flags: present | verified, id: id,
		handle: handle, key: key, format: "none"}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (r *response) clientData() []byte {
	encoded, _ := json.Marshal(r.client)
	return encoded
}

func (r *response) authenticatorData() []byte {
	hash := sha256.Sum256([]byte(r.rpID))
	return binary.BigEndian.AppendUint32(append(hash[:], r.flags), r.counter)
}

func (r *response) asserted() string {
	data, client := r.authenticatorData(), r.clientData()
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(slices.Clone(data), hash[:]...))
	signature := r.signature
	if signature == nil {
		signature, _ = r.key.Sign(digest[:])
	}
	inner := map[string]any{"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature)}
	if r.handle != nil {
		inner["userHandle"] = b64(r.handle)
	}
	encoded, _ := json.Marshal(map[string]any{"id": b64(r.id), "rawId": b64(r.id), "type": "public-key", "response": inner, "clientExtensionResults": map[string]any{}})
	return string(encoded)
}

func (r *response) created() string {
	r.flags |= attested
	key := r.publicKey
	if key == nil {
		key = r.key.AttestationData()
	}
	data := append(r.authenticatorData(), r.aaguid[:]...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(r.id)))
	data = append(append(data, r.id...), key...)
	object, _ := cbor.Marshal(map[string]any{"fmt": r.format, "attStmt": map[string]any{}, "authData": data})
	encoded, _ := json.Marshal(map[string]any{"id": b64(r.id), "rawId": b64(r.id), "type": "public-key", "clientExtensionResults": map[string]any{"credProps": map[string]any{"rk": true}},
		"response": map[string]any{"clientDataJSON": b64(r.clientData()), "attestationObject": b64(object), "transports": []string{"internal", "hybrid", "Not a transport"}}})
	return string(encoded)
}

func (f *fixture) create(subject string) webauthn.Options {
	f.T.Helper()
	options, err := f.ceremonies.Create(webauthn.NewPasskey{About: f.about(subject), Handle: []byte("handle"), Username: "ada@acme.test", DisplayName: "Ada", PartyName: "ACME"})
	if err != nil {
		f.T.Fatal(err)
	}
	return options
}

func newID(length int) []byte {
	id := make([]byte, length)
	_, _ = rand.Read(id)
	return id
}

// newKey makes a key. virtualwebauthn writes the coordinates of a point without leading zeros, which COSE_Key wants.
func newKey(kind virtualwebauthn.KeyType) *virtualwebauthn.Key {
	for {
		made := virtualwebauthn.NewCredential(kind)
		if kind != virtualwebauthn.KeyTypeEC2 || len(made.Key.AttestationData()) == 77 {
			return made.Key
		}
	}
}

// registered makes a passkey of a person.
func (f *fixture) registered(person *user.User, change func(*response)) (credential.Passkey, *response) {
	f.T.Helper()
	var stored credential.Passkey
	var made *response
	f.InTx(func(ctx context.Context, tx *store.Tx) error {
		handle, err := f.passkeys.Handle(ctx, tx, person.OrgID, person.ID)
		if err != nil {
			return err
		}
		made = newResponse(newID(32), handle, newKey(virtualwebauthn.KeyTypeEC2), "webauthn.create", f.create("registration"))
		change(made)
		passkey, err := f.ceremonies.Created(ctx, f.about("registration"), made.created())
		if err != nil {
			return err
		}
		passkey.OrgID, passkey.UserID, passkey.Name = person.OrgID, person.ID, "Key"
		stored, err = f.passkeys.Register(ctx, tx, domaintest.Operator, passkey)
		return err
	})
	return stored, made
}

func unchanged(*response) {}

// assertion answers a request with a passkey.
func (f *fixture) assertion(made *response, subject string, change func(*response)) string {
	f.T.Helper()
	options, err := f.ceremonies.Request(f.about(subject))
	if err != nil {
		f.T.Fatal(err)
	}
	answer := newResponse(made.id, made.handle, made.key, "webauthn.get", options)
	answer.flags, answer.counter = made.flags&^attested, made.counter
	change(answer)
	return answer.asserted()
}

func (f *fixture) use(answer, subject string) (*credential.PasskeyProof, error) {
	return f.ceremonies.Requested(context.Background(), f.about(subject), []byte("browser"), answer)
}

// forgive forgets failures, which otherwise make whoever goes on wait.
func (f *fixture) forgive() {
	f.T.Helper()
	if _, err := f.DB.Exec(f.T.Context(), "DELETE FROM sign_in_failures"); err != nil {
		f.T.Fatal(err)
	}
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.From(err).Code
}

// WebAuthn Level 3 §5.4, §5.5.
func TestOptions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	stored, _ := f.registered(f.ada, unchanged)
	elsewhere := stored
	elsewhere.RPID = "old.example.com"
	encoded, err := f.ceremonies.Create(webauthn.NewPasskey{About: f.about("x"), Handle: []byte("0123456789"), Username: "ada@acme.test", DisplayName: "Ada", PartyName: "ACME",
		Existing: []credential.Passkey{stored, elsewhere}})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"rp":{"id":"id.example.com","name":"ACME"}`, `"user":{"id":"MDEyMzQ1Njc4OQ","name":"ada@acme.test","displayName":"Ada"}`,
		`"pubKeyCredParams":[{"type":"public-key","alg":-8},{"type":"public-key","alg":-7},{"type":"public-key","alg":-257}]`, `"timeout":300000`,
		`"excludeCredentials":[{"type":"public-key","id":"` + b64(stored.CredentialID) + `","transports":["internal","hybrid"]}]`,
		`"authenticatorSelection":{"residentKey":"required","requireResidentKey":true,"userVerification":"required"}`, `"attestation":"none"`, `"extensions":{"credProps":true}`} {
		if !strings.Contains(string(encoded), part) {
			t.Errorf("%s lacks %s", encoded, part)
		}
	}
	encoded, err = f.ceremonies.Request(f.about("x"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"rpId":"id.example.com"`, `"allowCredentials":[]`, `"userVerification":"required"`} {
		if !strings.Contains(string(encoded), part) {
			t.Errorf("%s lacks %s", encoded, part)
		}
	}
	accepted, err := f.about("x").Party.AcceptedCredentials([]byte("0123456789"), []credential.Passkey{stored, elsewhere})
	if want := `{"rpId":"id.example.com","userId":"MDEyMzQ1Njc4OQ","allAcceptedCredentialIds":["` + b64(stored.CredentialID) + `"]}`; err != nil || string(accepted) != want {
		t.Errorf("%s, %v", accepted, err)
	}
	if _, err := virtualwebauthn.ParseAssertionOptions(string(encoded)); err != nil {
		t.Error(err)
	}
}

// WebAuthn Level 3 §5.1.3 step 8, §13.4.9: the host itself, where browsers allow it.
func TestRelyingParty(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]webauthn.RelyingParty{
		"https://id.example.com": {ID: "id.example.com", Origin: "https://id.example.com"}, "https://ID.example.com:443": {ID: "id.example.com", Origin: "https://id.example.com"},
		"https://id.example.com:8443": {ID: "id.example.com", Origin: "https://id.example.com:8443"}, "http://localhost:8080": {ID: "localhost", Origin: "http://localhost:8080"},
		"http://id.localhost": {ID: "id.localhost", Origin: "http://id.localhost"}, "http://id.example.com": {}, "https://192.0.2.1": {}, "https://[2001:db8::1]:443": {}, "": {}, "://": {},
	} {
		if party, ok := webauthn.NewRelyingParty(address); party != want || ok != (want != webauthn.RelyingParty{}) {
			t.Errorf("%s: %+v %v", address, party, ok)
		}
	}
}

// WebAuthn Level 3 §7.1.
func TestRegistration(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	public, _, _ := ed25519.GenerateKey(rand.Reader)
	cose := func(content map[int]any) []byte {
		encoded, _ := cbor.Marshal(content)
		return encoded
	}
	made, err := f.ceremonies.Created(t.Context(), f.about("s"), func() string {
		r := newResponse(newID(32), nil, newKey(virtualwebauthn.KeyTypeEC2), "webauthn.create", f.create("s"))
		r.flags, r.counter, r.aaguid = r.flags|eligible|backedUp, 7, uuid.MustParse("01020304-0506-0708-0102-030405060708")
		return r.created()
	}())
	if err != nil || made.RPID != rpID || !made.BackupEligible || !made.BackupState || made.SignCount != 7 || made.AAGUID.String() != "01020304-0506-0708-0102-030405060708" ||
		made.Discoverable == nil || !*made.Discoverable || !made.UserVerified || made.Attestation.Format != "none" || made.Attestation.Object != nil {
		t.Fatalf("%+v %v", made, err)
	}
	for name, c := range map[string]struct {
		want   string
		change func(*response)
	}{
		"as it should be":                                {"", unchanged},
		"ES256 with RSA of 2048 bits":                    {"", func(r *response) { r.key = newKey(virtualwebauthn.KeyTypeRSA) }},
		"EdDSA":                                          {"", func(r *response) { r.publicKey = cose(map[int]any{1: 1, 3: -8, -1: 6, -2: []byte(public)}) }},
		"step 7: of the other ceremony":                  {"passkey_not_accepted", func(r *response) { r.client["type"] = "webauthn.get" }},
		"step 8: a challenge of nobody":                  {"passkey_ceremony_over", func(r *response) { r.client["challenge"] = b64(newID(32)) }},
		"step 8: no challenge":                           {"passkey_ceremony_over", func(r *response) { delete(r.client, "challenge") }},
		"step 9: at another origin":                      {"passkey_not_accepted", func(r *response) { r.client["origin"] = "https://evil.example.com" }},
		"step 9: at another port":                        {"passkey_not_accepted", func(r *response) { r.client["origin"] = origin + ":8443" }},
		"step 9: spelled otherwise":                      {"passkey_not_accepted", func(r *response) { r.client["origin"] = "HTTPS://id.example.com" }},
		"step 9: without TLS":                            {"passkey_not_accepted", func(r *response) { r.client["origin"] = "http://id.example.com" }},
		"step 10: in a frame":                            {"passkey_not_accepted", func(r *response) { r.client["crossOrigin"] = true }},
		"step 11: below another page":                    {"passkey_not_accepted", func(r *response) { r.client["topOrigin"] = origin }},
		"step 14: of another RP ID":                      {"passkey_not_accepted", func(r *response) { r.rpID = "example.com" }},
		"step 15: nobody present":                        {"passkey_not_accepted", func(r *response) { r.flags &^= present }},
		"step 16: user not verified":                     {"passkey_user_not_verified", func(r *response) { r.flags &^= verified }},
		"step 17: backed up, but may not be":             {"passkey_not_accepted", func(r *response) { r.flags |= backedUp }},
		"step 20: an algorithm that was not asked for":   {"passkey_not_accepted", func(r *response) { r.publicKey = cose(map[int]any{1: 2, 3: -35, -1: 2, -2: newID(48), -3: newID(48)}) }},
		"step 20: a point that is not on the curve":      {"passkey_not_accepted", func(r *response) { r.publicKey = cose(map[int]any{1: 2, 3: -7, -1: 1, -2: newID(32), -3: newID(32)}) }},
		"step 20: an RSA key that is too weak":           {"passkey_not_accepted", func(r *response) { r.publicKey = cose(map[int]any{1: 3, 3: -257, -1: newID(128), -2: []byte{1, 0, 1}}) }},
		"step 20: no key":                                {"passkey_unreadable", func(r *response) { r.publicKey = []byte{} }},
		"step 21: an attestation format nobody knows":    {"passkey_not_accepted", func(r *response) { r.format = "unknown" }},
		"step 22: an attestation that is none":           {"passkey_not_accepted", func(r *response) { r.format = "packed" }},
		"step 25: a credential ID that is too long":      {"passkey_unreadable", func(r *response) { r.id = newID(1024) }},
		"step 25: the longest credential ID":             {"", func(r *response) { r.id = newID(1023) }},
		"step 25: a credential ID that could be guessed": {"passkey_not_accepted", func(r *response) { r.id = newID(15) }},
	} {
		t.Run(name, func(t *testing.T) {
			r := newResponse(newID(32), nil, newKey(virtualwebauthn.KeyTypeEC2), "webauthn.create", f.create(name))
			c.change(r)
			if _, err := f.ceremonies.Created(t.Context(), f.about(name), r.created()); code(err) != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	for name, text := range map[string]string{"nothing": "", "not JSON": "{", "too large": `{"id":"` + strings.Repeat("a", 100<<10) + `"}`, "no object": "[]"} {
		if _, err := f.ceremonies.Created(t.Context(), f.about("s"), text); !errors.Is(err, webauthn.ErrUnreadable) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := f.use(text, "s"); !errors.Is(err, webauthn.ErrUnreadable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A self attestation, as descope/virtualwebauthn makes it, is verified and kept (WebAuthn Level 3 §8.2).
func TestAnAttestationIsKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	party, authenticator := virtualwebauthn.RelyingParty{ID: rpID, Name: "ACME", Origin: origin}, virtualwebauthn.NewAuthenticator()
	options, err := virtualwebauthn.ParseAttestationOptions(string(f.create("s")))
	if err != nil {
		t.Fatal(err)
	}
	made, err := f.ceremonies.Created(t.Context(), f.about("s"), virtualwebauthn.CreateAttestationResponse(party, authenticator, virtualwebauthn.Credential{ID: newID(32), Key: newKey(virtualwebauthn.KeyTypeEC2)}, *options))
	if err != nil || made.Attestation.Format != "packed" || len(made.Attestation.Object) == 0 || len(made.Attestation.ClientDataHash) != sha256.Size || made.AAGUID != uuid.UUID(authenticator.Aaguid) {
		t.Fatalf("%+v %v", made, err)
	}
}
