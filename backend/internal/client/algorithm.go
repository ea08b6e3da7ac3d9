package client

import "github.com/clavex/clavex/backend/internal/jose"

// HS256 signs with the client's secret; every other algorithm with a key of the organization.
const HS256 = "HS256"

// Unsigned is the algorithm of a JWT without signature: for request objects only, where registered or where the profile
// lets a client that registered none of the algorithms use any.
const Unsigned = "none"

// DefaultEncryption is the content encryption of a client that registered only the algorithm of the key
// (OpenID Connect Registration 1.0 §2).
const DefaultEncryption = "A128CBC-HS256"

var (
	encryption = texts(jose.KeyManagements())
	content    = texts(jose.Encryptions())
)

func texts[T ~string](values []T) []string {
	list := make([]string, len(values))
	for i, value := range values {
		list[i] = string(value)
	}
	return list
}

// knownSigning reports whether a client may have JWTs signed with the algorithm.
func knownSigning(algorithm string) bool { return jose.Algorithm(algorithm).Known() }

// signing lists the algorithms that a client may choose from, in the order in which discovery advertises them.
func signing() []string {
	var names []string
	for _, algorithm := range jose.Algorithms() {
		names = append(names, string(algorithm))
	}
	return append(names, HS256)
}

// AuthorizationSigning is the algorithm of authorization responses that travel as a JWT (JARM §3).
func (c *Client) AuthorizationSigning() string {
	if algorithm := c.Metadata.AuthorizationSignedResponseAlg; algorithm != "" {
		return algorithm
	}
	return "RS256"
}

// IntrospectionSigning is the algorithm of answers about tokens that are asked for as a JWT (RFC 9701 §6).
func (c *Client) IntrospectionSigning() string {
	if algorithm := c.Metadata.IntrospectionSignedResponseAlg; algorithm != "" {
		return algorithm
	}
	return "RS256"
}

// SignsBy lists the algorithms by which the client has what it gets signed: ID tokens, logout tokens, userinfo,
// authorization responses and answers about tokens.
func (c *Client) SignsBy() []jose.Algorithm {
	return []jose.Algorithm{jose.Algorithm(c.IDTokenSignedResponseAlg), jose.Algorithm(c.Metadata.UserinfoSignedResponseAlg),
		jose.Algorithm(c.AuthorizationSigning()), jose.Algorithm(c.IntrospectionSigning())}
}
