package oauth

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/secret"
)

// ClientAuthentication is the only place where clients prove who they are. The methods are none,
// client_secret_basic and client_secret_post (RFC 6749 §2.3.1, RFC 7591 §2), client_secret_jwt and private_key_jwt
// (OpenID Connect Core 1.0 §9, RFC 7523 §2.2), tls_client_auth and self_signed_tls_client_auth (RFC 8705 §2), and
// attest_jwt_client_auth (org.DraftClientAttestation). It is safe for concurrent use.
type ClientAuthentication struct {
	clients *ClientDirectory
	keySets *client.KeySets
	state   kv.Store
	issuers Issuers
	now     func() time.Time

	authorities *ClientAuthorities // of TLS client certificates

	Attestations *ClientAttestations // nil: there are none

	decoy []byte // compared with the secrets of clients that do not exist
}

// NewClientAuthentication makes the authentication of the clients. The state remembers assertions that were used.
func NewClientAuthentication(clients *ClientDirectory, keySets *client.KeySets, state kv.Store, issuers Issuers, authorities *ClientAuthorities, now func() time.Time) *ClientAuthentication {
	return &ClientAuthentication{clients: clients, keySets: keySets, state: state, issuers: issuers, authorities: authorities, now: now,
		decoy: secret.Hash("no client has this secret")}
}

// ClientCredentials is the part of a request by which a client authenticates.
type ClientCredentials struct {
	Authorization []string   // every Authorization header
	Parameters    Parameters // of the body

	Certificates []*x509.Certificate // of the TLS connection, the client's own first; empty when there is none

	// FirstUse says that the endpoint also serves clients that describe themselves and that nobody allowed anything yet.
	FirstUse bool

	attested attested // what it shows of an attestation
}

// presentedCredentials is what a request claims.
type presentedCredentials struct {
	clientID  string
	secret    string
	assertion string                      // "" unless the method is one of assertions
	method    client.AuthenticationMethod // "" with an assertion: which key signs it tells the client's registration
}

// Authenticate returns the client that sent the request. It must use exactly the one method it registered;
// a client of another organization does not exist, a disabled one is refused. Everything wrong with the
// credentials is invalid_client with one message, and secrets have one cost.
func (a *ClientAuthentication) Authenticate(ctx context.Context, organization *org.Organization, credentials ClientCredentials) (*client.Client, error) {
	found, _, err := a.AuthenticateInstance(ctx, organization, credentials)
	return found, err
}

// AuthenticateInstance is Authenticate for whoever binds something to the instance of the client that was attested: the
// thumbprint of its key, "" with every other method.
func (a *ClientAuthentication) AuthenticateInstance(ctx context.Context, organization *org.Organization, credentials ClientCredentials) (*client.Client, string, error) {
	presented, err := readCredentials(credentials)
	if err != nil {
		return nil, "", err
	}
	if presented.method == client.None && presented.clientID != "" && credentials.attested.present() {
		found, err := a.clients.Known(ctx, organization, presented.clientID)
		if err != nil && !errors.Is(err, client.ErrNotFound) {
			return nil, "", err
		}
		if err == nil && found.AuthenticationMethod == client.AttestJWTClientAuth && found.Status == client.Active && a.Attestations != nil &&
			ProfileOf(organization, found).AllowsMethod(found.AuthenticationMethod) {
			instance, err := a.Attestations.authenticate(ctx, organization, found, credentials.attested)
			if err != nil {
				return nil, "", err
			}
			return found, instance, nil
		}
	}
	found, err := a.byPresented(ctx, organization, credentials, presented)
	return found, "", err
}

func (a *ClientAuthentication) byPresented(ctx context.Context, organization *org.Organization, credentials ClientCredentials, presented presentedCredentials) (*client.Client, error) {
	find := a.clients.Known
	if credentials.FirstUse {
		find = a.clients.Find
	}
	found, err := find(ctx, organization, presented.clientID)
	if err != nil && !errors.Is(err, client.ErrNotFound) {
		return nil, err
	}
	if found != nil && !ProfileOf(organization, found).AllowsMethod(found.AuthenticationMethod) {
		return nil, invalidClient().WithCause(errMethodOfProfile)
	}
	if presented.assertion != "" {
		return a.byAssertion(ctx, organization, found, presented.assertion)
	}
	var matches bool
	switch {
	case found == nil:
		secret.Matches(presented.secret, a.decoy)
	case presented.method == client.None && found.UsesMutualTLS():
		if found.Status == client.Active {
			return a.byCertificate(ctx, organization, found, credentials.Certificates)
		}
	case presented.method == client.None:
		matches = found.Public()
	default:
		matches = found.SecretMatches(presented.secret) && found.AuthenticationMethod == presented.method
	}
	if !matches || found.Status != client.Active {
		return nil, invalidClient()
	}
	return found, nil
}

// readCredentials tells which method a request uses and refuses more than one (RFC 6749 §2.3).
func readCredentials(credentials ClientCredentials) (presentedCredentials, error) {
	parameters := credentials.Parameters
	if parameters.Has("client_assertion") || parameters.Has("client_assertion_type") {
		return readAssertion(credentials)
	}
	switch len(credentials.Authorization) {
	case 0:
		presented := presentedCredentials{clientID: parameters.Get("client_id"), secret: parameters.Get("client_secret"), method: client.None}
		if presented.secret != "" {
			presented.method = client.ClientSecretPost
		}
		if presented.clientID == "" && presented.secret == "" { // the draft lets an attestation alone say who it is
			presented.clientID = credentials.attested.clientID()
		}
		if presented.clientID == "" {
			return presented, invalidClient()
		}
		return presented, nil
	case 1:
	default:
		return presentedCredentials{}, InvalidRequest("There is more than one Authorization header.")
	}
	presented, ok := parseBasic(credentials.Authorization[0])
	if !ok {
		return presented, invalidClient()
	}
	if parameters.Has("client_secret") {
		return presented, errTwoMethods
	}
	if named := parameters.Get("client_id"); named != "" && named != presented.clientID {
		return presented, InvalidRequest("The client_id differs from the one in the Authorization header.")
	}
	return presented, nil
}

var errMethodOfProfile = errors.New("oauth: the client's profile does not allow its method of authentication")

var errTwoMethods = InvalidRequest("The client authenticates in two ways at once; use one.")

// parseBasic reads the Basic scheme; identifier and secret are form-encoded inside (RFC 6749 §2.3.1).
func parseBasic(header string) (presentedCredentials, bool) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, SchemeBasic) || len(encoded) > 4096 {
		return presentedCredentials{}, false
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return presentedCredentials{}, false
	}
	rawID, rawSecret, found := strings.Cut(string(decoded), ":")
	clientID, idErr := url.QueryUnescape(rawID)
	password, secretErr := url.QueryUnescape(rawSecret)
	if !found || idErr != nil || secretErr != nil || clientID == "" || password == "" || !storable(clientID) {
		return presentedCredentials{}, false
	}
	return presentedCredentials{clientID: clientID, secret: password, method: client.ClientSecretBasic}, true
}

// invalidClient is the one answer to wrong credentials (RFC 6749 §5.2): 401, with the challenge that every 401 has
// (RFC 9110 §15.5.2).
func invalidClient() *Error {
	e := NewError(CodeInvalidClient, "The client is unknown here, or did not authenticate in the way it registered.")
	e.Status, e.Scheme = http.StatusUnauthorized, SchemeBasic
	return e
}
