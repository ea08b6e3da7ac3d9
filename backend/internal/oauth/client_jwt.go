package oauth

import (
	"context"
	"encoding/json"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/key"
	"github.com/clavex/clavex/backend/internal/org"
)

// JWTForm is how a client wants a JWT: ID tokens, userinfo, logout tokens, answers to authorization requests and about tokens.
type JWTForm struct {
	Type       string // "typ"
	Signing    string // an algorithm, "" for a JWT that is encrypted only
	Encryption string // algorithm of the key, "" when it is not encrypted
	Content    string // algorithm of the content
}

// IDTokenForm is how the client registered its ID tokens, under another "typ" also its logout tokens.
func IDTokenForm(c *client.Client, tokenType string) JWTForm {
	return JWTForm{Type: tokenType, Signing: c.IDTokenSignedResponseAlg, Encryption: c.Metadata.IDTokenEncryptedResponseAlg, Content: c.Metadata.IDTokenEncryptedResponseEnc}
}

// Algorithm is that of the signature.
func (f JWTForm) Algorithm() jose.Algorithm { return jose.Algorithm(f.Signing) }

// ClientJWTs makes JWTs for clients to read, in the form each registered: signed with a key of the organization or
// the client's secret, encrypted to a key of the client. It is safe for concurrent use.
type ClientJWTs struct {
	keys    *key.Keys
	clients *client.Clients
	sets    *client.KeySets
}

// NewClientJWTs makes the maker.
func NewClientJWTs(keys *key.Keys, clients *client.Clients, sets *client.KeySets) *ClientJWTs {
	return &ClientJWTs{keys: keys, clients: clients, sets: sets}
}

// Prepare has at hand what Make needs, so that a code or refresh token is not consumed for a JWT that cannot be made.
func (j *ClientJWTs) Prepare(ctx context.Context, c *client.Client, form JWTForm) error {
	if form.Signing != "" {
		if _, err := j.signer(ctx, c, form); err != nil {
			return err
		}
	}
	if form.Encryption == "" {
		return nil
	}
	_, err := j.recipient(ctx, c, form)
	return err
}

// Make returns a JWT of the claims, anything that encodes/json writes as an object: signed, then encrypted
// (OpenID Connect Core 1.0 §10.2), as the form says. No database round trip when keys are warm.
func (j *ClientJWTs) Make(ctx context.Context, c *client.Client, form JWTForm, claims any) (string, error) {
	signed := ""
	if form.Signing != "" {
		signer, err := j.signer(ctx, c, form)
		if err != nil {
			return "", err
		}
		if signed, err = signer.Sign(ctx, form.Type, claims); err != nil || form.Encryption == "" {
			return signed, err
		}
	}
	recipient, err := j.recipient(ctx, c, form)
	if err != nil {
		return "", err
	}
	algorithm, content := jose.KeyManagement(form.Encryption), jose.Encryption(form.Content)
	if signed != "" {
		return recipient.EncryptToken(signed, algorithm, content)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	return recipient.Encrypt(payload, "", algorithm, content)
}

// signer is the client's own secret for a symmetric algorithm (Core §10.1), otherwise a key of the organization.
func (j *ClientJWTs) signer(ctx context.Context, c *client.Client, form JWTForm) (jose.TokenSigner, error) {
	if form.Algorithm() != jose.HS256 {
		return j.keys.Signer(ctx, c.OrgID, form.Algorithm())
	}
	secret, err := j.clients.SymmetricSecret(c)
	if err != nil {
		return nil, err
	}
	return jose.NewSecret(secret)
}

func (j *ClientJWTs) recipient(ctx context.Context, c *client.Client, form JWTForm) (jose.EncryptionKey, error) {
	return j.sets.EncryptionKey(ctx, c.Metadata.JWKS, c.Metadata.JWKSURI, jose.KeyManagement(form.Encryption))
}

// Verify checks a JWT that Make signed for the client with its secret; the organization's signatures are checked
// with its keys. Used for hints.
func (j *ClientJWTs) Verify(ctx context.Context, organization *org.Organization, c *client.Client, token string, expected jose.Expected) (*jose.Token, error) {
	if c == nil || c.IDTokenSignedResponseAlg != string(jose.HS256) {
		return jose.Verify(token, j.keys.Lookup(ctx, organization.ID), expected)
	}
	bytes, err := j.clients.SymmetricSecret(c)
	if err != nil {
		return nil, err
	}
	secret, err := jose.NewSecret(bytes)
	if err != nil {
		return nil, err
	}
	expected.Algorithms = []jose.Algorithm{jose.HS256}
	return secret.Verify(token, expected)
}
