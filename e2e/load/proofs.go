package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/clavex/clavex/e2e/load/measure"
)

// A client that proves itself with a signature: by an assertion (RFC 7523) or a DPoP proof (RFC 9449).

const keyClient = "load-key"

// prover has a P-256 key.
type prover struct{ key *ecdsa.PrivateKey }

func newProver() prover {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // the source of randomness never fails
	}
	return prover{key}
}

// publicKey is the key as a JWK.
func (p prover) publicKey() map[string]any {
	point, err := p.key.PublicKey.Bytes()
	if err != nil {
		panic(err) // the curve has one
	}
	encode := base64.RawURLEncoding.EncodeToString
	return map[string]any{"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])}
}

// sign makes a JWT (ES256).
func (p prover) sign(header, claims map[string]any) (string, error) {
	header["alg"] = "ES256"
	encode := func(value map[string]any) string {
		encoded, _ := json.Marshal(value) // texts and numbers never fail
		return base64.RawURLEncoding.EncodeToString(encoded)
	}
	content := encode(header) + "." + encode(claims)
	digest := sha256.Sum256([]byte(content))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, digest[:])
	if err != nil {
		return "", err
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return content + "." + base64.RawURLEncoding.EncodeToString(signature[:]), nil
}

// assertion proves the client to an organization (RFC 7523 §3).
func (p prover) assertion(organization string) (string, error) {
	now := time.Now()
	return p.sign(map[string]any{"typ": "JWT"}, map[string]any{"iss": keyClient, "sub": keyClient, "aud": publicURL + "/" + organization,
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "jti": rand.Text()})
}

// proof proves that whoever sends a request has the key (RFC 9449 §4.2).
func (p prover) proof(method, address string) (string, error) {
	return p.sign(map[string]any{"typ": "dpop+jwt", "jwk": p.publicKey()}, map[string]any{"htm": method, "htu": address, "iat": time.Now().Unix(), "jti": rand.Text()})
}

// keySet is the client's JWK set.
func (p prover) keySet() json.RawMessage {
	encoded, _ := json.Marshal(map[string]any{"keys": []any{p.publicKey()}}) // texts never fail
	return encoded
}

// seedKeyClient writes a client of the organization that authenticates by private_key_jwt.
func (w *world) seedKeyClient(ctx context.Context, p prover) error {
	metadata, err := json.Marshal(map[string]any{"jwks": p.keySet()})
	if err != nil {
		return err
	}
	_, err = w.pool.Exec(ctx, `INSERT INTO clients (org_id, id, client_id, client_name, token_endpoint_auth_method, redirect_uris, grant_types, response_types, origins, scopes,
		id_token_signed_response_alg, require_consent, origin, metadata)
		SELECT id, $2, $3, $3, 'private_key_jwt', '{}', '{client_credentials}', '{}', '{}', '{load:read,load:write}', 'ES256', false, 'administrator', $4 FROM organizations WHERE slug = $1`,
		mainOrganization, newID(), keyClient, metadata)
	return err
}

func privateKeyRow(b *bench, ctx context.Context) ([]measure.Row, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	p := newProver()
	if err := w.seedKeyClient(ctx, p); err != nil {
		return nil, err
	}
	return paired{
		name: "client_credentials, private_key_jwt", target: 0.45,
		notes: []string{"The client signs an assertion for every request, which is good once. Ceiling: as above, and one ES256 check. The mark of a used assertion, one round trip to PostgreSQL, is not in it."},
		prepare: func(_ *world, _ int, v *visitor) (journey, error) {
			return func() error {
				assertion, err := p.assertion(mainOrganization)
				if err != nil {
					return err
				}
				return v.ownToken(url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion}})
			}, nil
		},
		work: provenTokens,
	}.measure(b, ctx)
}

func dpopRow(b *bench, ctx context.Context) ([]measure.Row, error) {
	p := newProver()
	return paired{
		name: "client_credentials, DPoP", target: 0.45,
		notes: []string{"The client authenticates with client_secret_basic and binds the token by a proof, which is good once. Ceiling: as above, and one ES256 check. The mark of a used proof, one round trip to PostgreSQL, is not in it."},
		prepare: func(_ *world, _ int, v *visitor) (journey, error) {
			return func() error {
				proof, err := p.proof(http.MethodPost, publicURL+"/"+mainOrganization+"/token")
				if err != nil {
					return err
				}
				return v.ownToken(url.Values{}, "Authorization", basic(serviceClient, clientSecret), "DPoP", proof)
			}, nil
		},
		work: provenTokens,
	}.measure(b, ctx)
}

// provenTokens puts the signature and the check into the bare step.
func provenTokens(steps []bareStep) error {
	steps[0].Check = make([]byte, 300) // about as long as a proof without its signature
	return signTokens(&steps[0], 1)
}

// ownToken gets a client's own token.
func (v *visitor) ownToken(form url.Values, header ...string) error {
	form.Set("grant_type", "client_credentials")
	received, err := v.expect(http.StatusOK, post("/"+mainOrganization+"/token", form.Encode(), header...))
	if err == nil && jsonText(received.body, "access_token") == "" {
		err = errNoToken
	}
	return err
}

// revocationRow tells for how long another replica takes what was taken away on the first.
func revocationRow(b *bench, ctx context.Context) ([]measure.Row, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	second, err := b.startServer(ctx, w.site)
	if err != nil {
		return nil, err
	}
	defer second.stop()
	here, there := w.visitor(), second.visitor()
	defer closeAll([]*visitor{here, there})
	administrator, err := here.clientCredentials("system", administrator(0), "admin:read admin:write")
	if err != nil {
		return nil, err
	}
	var delays []time.Duration
	for range 20 * b.options.rounds {
		delay, err := revokeClient(ctx, here, there, administrator.access)
		if err != nil {
			return nil, err
		}
		delays = append(delays, delay)
	}
	median, longest := measure.MedianDuration(delays), maxOf(delays)
	return []measure.Row{{
		Name: "revocation on another replica", P50: measure.Span(median), P99: measure.Span(longest), Target: "≤ 1 s", Verdict: measure.Judge(longest <= time.Second),
		Notes: []string{"A client is disabled by the Admin API at one replica; until the other refuses its secret, which it had in its cache. The median and the longest. Tokens, grants, sessions and people are looked up at each use, so nothing has to be heard of them."},
	}}, nil
}

func maxOf(durations []time.Duration) (longest time.Duration) {
	for _, each := range durations {
		longest = max(longest, each)
	}
	return longest
}

// revokeClient makes a client, lets the other replica know it, disables it and waits until the other refuses it.
func revokeClient(ctx context.Context, here, there *visitor, bearer string) (time.Duration, error) {
	authorization := "Bearer " + bearer
	made, err := here.expect(http.StatusCreated, post("/api/v1/orgs/"+mainOrganization+"/clients",
		`{"client_name": "Revoked", "grant_types": ["client_credentials"], "response_types": [], "scopes": ["load:read"]}`, "Authorization", authorization))
	if err != nil {
		return 0, err
	}
	var client struct {
		Client struct {
			ID       string `json:"id"`
			ClientID string `json:"client_id"`
		} `json:"client"`
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal(made.body, &client); err != nil {
		return 0, err
	}
	tag := made.header.Get("ETag")
	ask := func() (int, error) {
		received, err := there.send(post("/"+mainOrganization+"/token", "grant_type=client_credentials", "Authorization", basic(client.Client.ClientID, client.Secret)))
		return received.status, err
	}
	if status, err := ask(); err != nil || status != http.StatusOK {
		return 0, errors.Join(err, errors.New("the other replica does not know the client"))
	}
	disable := message{method: http.MethodPatch, target: "/api/v1/orgs/" + mainOrganization + "/clients/" + client.Client.ID, body: `{"status": "disabled"}`,
		header: []string{"Content-Type", "application/json", "Authorization", authorization, "If-Match", tag}}
	if _, err := here.expect(http.StatusOK, disable); err != nil {
		return 0, err
	}
	for began := time.Now(); ctx.Err() == nil; {
		status, err := ask()
		if err != nil {
			return 0, err
		}
		if status != http.StatusOK {
			return time.Since(began), nil
		}
		if time.Since(began) > patience {
			return 0, errors.New("the other replica did not hear of it")
		}
	}
	return 0, context.Cause(ctx)
}
