package authorize

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oauth"
)

const (
	maximumRequestURIBytes    = 512 // OpenID Connect Core 1.0 §6.2
	maximumRequestObjectBytes = jose.MaximumEncryptedBytes
	requestObjectMemory       = 8 << 20 // of what is known of the addresses, bytes
)

// notParameters are the claims of a request object that are its own (RFC 9101 §4).
var notParameters = []string{"iss", "aud", "sub", "exp", "nbf", "iat", "jti"}

// RequestObjectAlgorithms lists what a request object may be signed with, for discovery documents. Without signature
// only where the client registered that or its profile allows it, with the client's secret only where it registered
// that.
func RequestObjectAlgorithms(profile oauth.Profile) []string {
	list := profile.SigningAlgorithms()
	if profile.AllowsAlgorithm(client.Unsigned) {
		list = append(list, client.Unsigned)
	}
	return list
}

// readRequestObject replaces the request's parameters by those of its request object (OpenID Connect Core 1.0 §6,
// RFC 9101), which stands in the parameter request or at the address request_uri. Parameters outside the object hold
// where it is silent (Core §6.1). What is wrong with the object is kept for later: where the answer goes is known
// only after the redirect URI was judged, and a wrong object leaves that of the plain parameters.
func (a *Endpoint) readRequestObject(ctx context.Context, r *request) error {
	if !r.parameters.Has("request") && !r.parameters.Has("request_uri") {
		return nil
	}
	merged, err := a.openRequestObject(ctx, r)
	if fault.IsKind(err, fault.Unavailable) && !isOAuth(err) && !isFetch(err) {
		return err
	}
	if r.objectError = err; err == nil {
		r.parameters, r.fromObject = merged, true
	}
	return nil
}

// isFetch reports whether the client's server, not ours, is out of reach.
func isFetch(err error) bool {
	return errors.Is(err, fetch.ErrUnreachable) || errors.Is(err, fetch.ErrTimeout) || errors.Is(err, fetch.ErrBusy)
}

// checkSigned holds clients to what they registered or their profile demands.
func checkSigned(_ context.Context, r *request) error {
	switch {
	case r.signed || !r.client.Metadata.RequireSignedRequestObject && !r.profile.RequestObject.Required:
		return nil
	case r.fromObject:
		return oauth.NewError(oauth.CodeInvalidRequestObject, "This client signs its request objects.")
	}
	return oauth.InvalidRequest("This client sends its requests as signed request objects, in the parameter request.")
}

func (a *Endpoint) openRequestObject(ctx context.Context, r *request) (oauth.Parameters, error) {
	var none oauth.Parameters
	object := r.parameters.Get("request")
	if uri := r.parameters.Get("request_uri"); uri != "" {
		if object != "" {
			return none, oauth.InvalidRequest("The parameters request and request_uri exclude each other.")
		}
		fetched, err := a.fetchRequestObject(ctx, r.client, uri)
		if err != nil {
			return none, err
		}
		object = fetched
	}
	object, err := a.decryptRequestObject(ctx, r, object)
	if err != nil {
		return none, invalidObject(err)
	}
	verified, err := a.verifyRequestObject(ctx, r, object)
	if err != nil {
		return none, invalidObject(err)
	}
	r.signed = verified.Algorithm != client.Unsigned
	outside := r.parameters
	if r.profile.RequestObject.Alone {
		outside = oauth.NewParameters("client_id", r.client.ClientID)
	}
	return merge(outside, verified.Claims())
}

// invalidObject is the client's to mend, but for an outage of ours.
func invalidObject(err error) error {
	if isOAuth(err) || fault.IsKind(err, fault.Unavailable) && !isFetch(err) {
		return err
	}
	description := "The request object cannot be verified."
	if cause := fault.From(err); cause.Kind == fault.Invalid || isFetch(err) {
		description += " " + cause.Message
	}
	return oauth.NewError(oauth.CodeInvalidRequestObject, description).WithCause(err)
}

// fetchRequestObject reads an object from an address that the client registered: strangers cannot make us open
// others. The fragment is the hash of some content, by which a server that keeps objects notices another one
// (Core §6.2); we ask every time.
func (a *Endpoint) fetchRequestObject(ctx context.Context, c *client.Client, uri string) (string, error) {
	base, _, _ := strings.Cut(uri, "#")
	registered := slices.ContainsFunc(c.Metadata.RequestURIs, func(known string) bool { return known == uri || known == base })
	if len(uri) > maximumRequestURIBytes || !registered {
		return "", oauth.NewError(oauth.CodeInvalidRequestURI, "The request_uri is not one of those that the client registered.")
	}
	object, err := a.Objects.Get(ctx, base)
	if err != nil {
		return "", oauth.NewError(oauth.CodeInvalidRequestURI, "The request_uri cannot be read: "+fault.From(err).Message).WithCause(err)
	}
	return object, nil
}

// NewRequestObjects fetches request objects: anew for every request, because a client may put another one there, but not
// at once again what could not be had, because every stranger can repeat a request.
func NewRequestObjects(client *fetch.Client, now func() time.Time) *fetch.Documents[string] {
	return fetch.NewDocuments(client, now, requestObjectMemory, fetch.Policy[string]{
		Request:    fetch.Request{MaximumBytes: maximumRequestObjectBytes},
		Parse:      func(response *fetch.Response) (string, error) { return strings.TrimSpace(string(response.Body)), nil },
		FirstRetry: 5 * time.Second, LastRetry: time.Minute,
	})
}

var errObject = errors.New("authorize: the request object is not what the client registered")

// decryptRequestObject opens an object that is encrypted to the organization; any other is returned as it is. A client
// that registered an algorithm must use it. What is inside must say that it is a JWT (RFC 7519 §5.2), and is verified
// like any other: encryption does not tell who wrote it. Whatever goes wrong, the client's answer is the same.
func (a *Endpoint) decryptRequestObject(ctx context.Context, r *request, object string) (string, error) {
	algorithms, encryptions, registered := jose.KeyManagements(), jose.Encryptions(), &r.client.Metadata
	if !jose.IsEncrypted(object) {
		if registered.RequestObjectEncryptionAlg != "" {
			return "", errObject
		}
		return object, nil
	}
	if registered.RequestObjectEncryptionAlg != "" {
		algorithms = []jose.KeyManagement{jose.KeyManagement(registered.RequestObjectEncryptionAlg)}
		encryptions = []jose.Encryption{jose.Encryption(registered.RequestObjectEncryptionEnc)}
	}
	opened, err := a.Keys.Decrypt(ctx, r.organization.ID, object, algorithms, encryptions)
	if err != nil {
		return "", err
	}
	if opened.ContentType != "jwt" {
		return "", errObject
	}
	return string(opened.Payload), nil
}

func (a *Endpoint) verifyRequestObject(ctx context.Context, r *request, object string) (*jose.Token, error) {
	unverified, err := jose.Inspect(object)
	if err != nil {
		return nil, err
	}
	algorithm := unverified.Algorithm
	rules := &r.profile.RequestObject
	if err := rules.AllowsAlgorithm(algorithm); err != nil {
		return nil, err
	}
	verified, err := a.verifySignature(ctx, r, object, algorithm, rules.Expect(r.client.ClientID, a.Issuers.Names(r.organization, r.at), algorithm, r.at))
	if err != nil {
		return nil, err
	}
	return verified, rules.JudgeTimes(verified, r.at)
}

// verifySignature checks a request object with the key that the client registered for that.
func (a *Endpoint) verifySignature(ctx context.Context, r *request, object string, algorithm jose.Algorithm, expected jose.Expected) (*jose.Token, error) {
	registered := r.client.Metadata.RequestObjectSigningAlg
	switch {
	case registered != "" && string(algorithm) != registered:
		return nil, errObject
	case registered == client.Unsigned, registered == "" && algorithm == client.Unsigned && r.profile.UnsignedObjects:
		expected.Algorithms = nil
		return jose.ParseUnsigned(object, expected)
	case registered == client.HS256:
		bytes, err := a.Clients.SymmetricSecret(r.client)
		if err != nil {
			return nil, err
		}
		secret, err := jose.NewSecret(bytes)
		if err != nil {
			return nil, err
		}
		return secret.Verify(object, expected)
	case !slices.Contains(r.profile.KeyPairAlgorithms(), algorithm):
		return nil, errObject
	}
	var verified *jose.Token
	err := a.KeySets.Verify(ctx, r.client.Metadata.JWKS, r.client.Metadata.JWKSURI, func(lookup jose.Lookup) (err error) {
		verified, err = jose.Verify(object, lookup, expected)
		return err
	})
	return verified, err
}

// merge lays the object's parameters over those outside. client_id and response_type must not differ: OAuth needs
// them outside, and a difference is somebody's attempt to have one shown and another done (Core §6.1).
func merge(outer oauth.Parameters, claims map[string]json.RawMessage) (oauth.Parameters, error) {
	kept := make([]string, 0, 2*len(understood))
	for _, name := range understood {
		value := outer.Get(name)
		if raw, there := claims[name]; there && !slices.Contains(notParameters, name) {
			inside, err := oauth.ObjectParameter(name, raw)
			if err != nil {
				return outer, oauth.NewError(oauth.CodeInvalidRequestObject, "The member "+name+" of the request object is not of the right type.")
			}
			if value != "" && value != inside && (name == "client_id" || name == "response_type") {
				return outer, oauth.NewError(oauth.CodeInvalidRequestObject, "The "+name+" of the request object differs from the one outside.")
			}
			value = inside
		}
		kept = append(kept, name, value)
	}
	for _, name := range []string{"request", "request_uri"} {
		if _, there := claims[name]; there {
			return outer, oauth.NewError(oauth.CodeInvalidRequestObject, "A request object contains no other.")
		}
	}
	resources, err := oauth.ObjectResources(claims, outer.All("resource"))
	if err != nil {
		return outer, err
	}
	// Read again as a query, so that one set of rules bounds every parameter.
	merged, err := oauth.ParseQuery(oauth.NewParameters(kept...).WithAll("resource", resources).Encode())
	if err != nil {
		return outer, oauth.NewError(oauth.CodeInvalidRequestObject, "The request object has a member that is too long or malformed.").WithCause(err)
	}
	return merged, nil
}
