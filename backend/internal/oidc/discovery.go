package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/maypok86/otter/v2"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/key"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/oauth/authorize"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/resource"
	"github.com/clavex/clavex/backend/internal/session"
)

// Metadata is what an organization's issuer says of itself: OpenID Connect Discovery 1.0 §3, RFC 8414 §2,
// RFC 9207 §3, RFC 8628 §4, CIBA Core 1.0 §4, JARM §4, RFC 9701 §7, RP-Initiated Logout 1.0 §2.1, Back-Channel Logout 1.0 §2.1, Front-Channel
// Logout 1.0 §3, Session Management 1.0 §3.3, RFC 9728 §4. Every member is in the IANA registry of authorization server
// metadata but client_id_metadata_document_supported, whose specification is a draft and which only organizations have
// that opened it; and everything it claims works.
type Metadata struct {
	Issuer                                    string                        `json:"issuer"`
	AuthorizationEndpoint                     string                        `json:"authorization_endpoint"`
	TokenEndpoint                             string                        `json:"token_endpoint"`
	UserinfoEndpoint                          string                        `json:"userinfo_endpoint"`
	JWKSURI                                   string                        `json:"jwks_uri"`
	RegistrationEndpoint                      string                        `json:"registration_endpoint,omitempty"`
	PushedAuthorizationRequestEndpoint        string                        `json:"pushed_authorization_request_endpoint"`
	DeviceAuthorizationEndpoint               string                        `json:"device_authorization_endpoint"`
	BackchannelAuthenticationEndpoint         string                        `json:"backchannel_authentication_endpoint"`
	IntrospectionEndpoint                     string                        `json:"introspection_endpoint"`
	RevocationEndpoint                        string                        `json:"revocation_endpoint"`
	EndSessionEndpoint                        string                        `json:"end_session_endpoint"`
	ScopesSupported                           []string                      `json:"scopes_supported"`
	ResponseTypesSupported                    []string                      `json:"response_types_supported"`
	ResponseModesSupported                    []authorize.ResponseMode      `json:"response_modes_supported"`
	GrantTypesSupported                       []string                      `json:"grant_types_supported"`
	SubjectTypesSupported                     []client.SubjectType          `json:"subject_types_supported"`
	IDTokenSigningAlgValuesSupported          []string                      `json:"id_token_signing_alg_values_supported"`
	IDTokenEncryptionAlgValuesSupported       []jose.KeyManagement          `json:"id_token_encryption_alg_values_supported"`
	IDTokenEncryptionEncValuesSupported       []jose.Encryption             `json:"id_token_encryption_enc_values_supported"`
	UserinfoSigningAlgValuesSupported         []string                      `json:"userinfo_signing_alg_values_supported"`
	UserinfoEncryptionAlgValuesSupported      []jose.KeyManagement          `json:"userinfo_encryption_alg_values_supported"`
	UserinfoEncryptionEncValuesSupported      []jose.Encryption             `json:"userinfo_encryption_enc_values_supported"`
	AuthorizationSigningAlgValuesSupported    []string                      `json:"authorization_signing_alg_values_supported"`
	AuthorizationEncryptionAlgValuesSupported []jose.KeyManagement          `json:"authorization_encryption_alg_values_supported"`
	AuthorizationEncryptionEncValuesSupported []jose.Encryption             `json:"authorization_encryption_enc_values_supported"`
	IntrospectionSigningAlgValuesSupported    []string                      `json:"introspection_signing_alg_values_supported"`
	IntrospectionEncryptionAlgValuesSupported []jose.KeyManagement          `json:"introspection_encryption_alg_values_supported"`
	IntrospectionEncryptionEncValuesSupported []jose.Encryption             `json:"introspection_encryption_enc_values_supported"`
	TokenEndpointAuthMethodsSupported         []client.AuthenticationMethod `json:"token_endpoint_auth_methods_supported"`
	IntrospectionEndpointAuthMethodsSupported []client.AuthenticationMethod `json:"introspection_endpoint_auth_methods_supported"`
	RevocationEndpointAuthMethodsSupported    []client.AuthenticationMethod `json:"revocation_endpoint_auth_methods_supported"`
	TokenEndpointAuthAlgSupported             []string                      `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionEndpointAuthAlgSupported     []string                      `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevocationEndpointAuthAlgSupported        []string                      `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	DPoPSigningAlgValuesSupported             []string                      `json:"dpop_signing_alg_values_supported"`
	RequirePushedAuthorizationRequests        bool                          `json:"require_pushed_authorization_requests,omitempty"`
	TLSClientCertificateBoundAccessTokens     bool                          `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	MTLSEndpointAliases                       *MTLSEndpointAliases          `json:"mtls_endpoint_aliases,omitempty"`
	CodeChallengeMethodsSupported             []string                      `json:"code_challenge_methods_supported"`
	ClaimTypesSupported                       []string                      `json:"claim_types_supported"`
	ClaimsSupported                           []string                      `json:"claims_supported"`
	ACRValuesSupported                        []string                      `json:"acr_values_supported"`
	DisplayValuesSupported                    []string                      `json:"display_values_supported"`
	PromptValuesSupported                     []string                      `json:"prompt_values_supported"`
	UILocalesSupported                        []string                      `json:"ui_locales_supported,omitempty"`
	ClaimsParameterSupported                  bool                          `json:"claims_parameter_supported"`
	RequestParameterSupported                 bool                          `json:"request_parameter_supported"`
	RequestURIParameterSupported              bool                          `json:"request_uri_parameter_supported"`
	RequireRequestURIRegistration             bool                          `json:"require_request_uri_registration"`
	RequestObjectSigningAlgValuesSupported    []string                      `json:"request_object_signing_alg_values_supported"`
	RequestObjectEncryptionAlgValuesSupported []jose.KeyManagement          `json:"request_object_encryption_alg_values_supported"`
	RequestObjectEncryptionEncValuesSupported []jose.Encryption             `json:"request_object_encryption_enc_values_supported"`
	BackchannelTokenDeliveryModesSupported    []client.DeliveryMode         `json:"backchannel_token_delivery_modes_supported"`
	BackchannelRequestAlgValuesSupported      []string                      `json:"backchannel_authentication_request_signing_alg_values_supported"`
	BackchannelUserCodeParameterSupported     bool                          `json:"backchannel_user_code_parameter_supported"`
	AuthorizationDetailsTypesSupported        []string                      `json:"authorization_details_types_supported,omitempty"`
	ProtectedResources                        []string                      `json:"protected_resources,omitempty"`
	ClientIDMetadataDocumentSupported         bool                          `json:"client_id_metadata_document_supported,omitempty"`
	RequireSignedRequestObject                bool                          `json:"require_signed_request_object,omitempty"`
	AuthorizationResponseIssParameter         bool                          `json:"authorization_response_iss_parameter_supported"`
	CheckSessionIframe                        string                        `json:"check_session_iframe"`
	FrontchannelLogoutSupported               bool                          `json:"frontchannel_logout_supported"`
	FrontchannelLogoutSessionSupported        bool                          `json:"frontchannel_logout_session_supported"`
	BackchannelLogoutSupported                bool                          `json:"backchannel_logout_supported"`
	BackchannelLogoutSessionSupported         bool                          `json:"backchannel_logout_session_supported"`
	DraftMetadata
}

// MTLSEndpointAliases are the addresses of endpoints for connections with a TLS client certificate (RFC 8705 §5).
type MTLSEndpointAliases struct {
	TokenEndpoint                      string `json:"token_endpoint"`
	PushedAuthorizationRequestEndpoint string `json:"pushed_authorization_request_endpoint"`
	UserinfoEndpoint                   string `json:"userinfo_endpoint"`
	IntrospectionEndpoint              string `json:"introspection_endpoint"`
	RevocationEndpoint                 string `json:"revocation_endpoint"`
	DeviceAuthorizationEndpoint        string `json:"device_authorization_endpoint"`
	BackchannelAuthenticationEndpoint  string `json:"backchannel_authentication_endpoint"`
	RegistrationEndpoint               string `json:"registration_endpoint,omitempty"`
}

// Documents serves the metadata and the JWK sets of all organizations from memory. It is safe for
// concurrent use.
type Documents struct {
	issuers   oauth.Issuers
	keys      *key.Keys
	resources *resource.Resources
	locales   []string
	prompts   func(ctx context.Context, organization *org.Organization) []string
	metadata  *otter.Cache[metadataKey, *document]
	keySets   *otter.Cache[uuid.UUID, *document]
}

// metadataKey names one state of an organization, so a changed organization never meets an old document.
type metadataKey struct {
	id        uuid.UUID
	version   int64
	domain    string // that the organization is seen from
	resources string
	prompts   string
}

// document is what goes over the wire. content is shared: do not change it.
type document struct {
	etagHeader, lengthHeader []string
	content                  []byte
	etag                     string
}

func newDocument(content []byte) *document {
	digest := sha256.Sum256(content)
	etag := `"` + base64.RawURLEncoding.EncodeToString(digest[:16]) + `"`
	return &document{content: content, etag: etag, etagHeader: []string{etag}, lengthHeader: []string{strconv.Itoa(len(content))}}
}

// metadataRemembered bounds the metadata kept, 6 KB each: writing it anew takes microseconds, and relying parties keep it
// themselves. With ten thousand organizations it was a third of all memory.
const metadataRemembered = 2000

// NewDocuments makes the documents, remembered for at most cacheSize organizations. locales are the
// languages of the hosted pages (BCP 47), prompts the values of prompt that an organization supports.
func NewDocuments(issuers oauth.Issuers, keys *key.Keys, resources *resource.Resources, locales []string, prompts func(ctx context.Context, organization *org.Organization) []string, cacheSize int) *Documents {
	return &Documents{issuers: issuers, keys: keys, resources: resources, locales: locales, prompts: prompts,
		metadata: otter.Must(&otter.Options[metadataKey, *document]{MaximumSize: min(cacheSize, metadataRemembered)}),
		keySets:  otter.Must(&otter.Options[uuid.UUID, *document]{MaximumSize: cacheSize}),
	}
}

// Metadata returns what the organization's issuer says of itself; protected are the resource servers that it lists, prompts
// the values of prompt that it supports.
func (d *Documents) Metadata(organization *org.Organization, protected, prompts []string) Metadata {
	endpoint := func(name string) string { return d.issuers.Endpoint(organization, name) }
	profile := oauth.ProfileFor(organization)
	methods := profile.AuthenticationMethods(d.issuers)
	confidential := slices.DeleteFunc(slices.Clone(methods), func(method client.AuthenticationMethod) bool { return method == client.None })
	assertions, signatures := profile.AssertionAlgorithms(), profile.SigningAlgorithms()
	metadata := Metadata{
		Issuer: d.issuers.URL(organization), AuthorizationEndpoint: endpoint("authorize"), TokenEndpoint: endpoint("token"),
		UserinfoEndpoint: endpoint("userinfo"), JWKSURI: endpoint("jwks"), IntrospectionEndpoint: endpoint("introspect"),
		RevocationEndpoint: endpoint("revoke"), PushedAuthorizationRequestEndpoint: endpoint("par"), DeviceAuthorizationEndpoint: endpoint("device_authorization"), BackchannelAuthenticationEndpoint: endpoint("bc-authorize"), EndSessionEndpoint: endpoint("logout"), CheckSessionIframe: endpoint("check_session"),
		ScopesSupported: scopesSupported(organization), ResponseTypesSupported: profile.ResponseTypes(),
		ResponseModesSupported: authorize.ResponseModesOf(profile),
		GrantTypesSupported:    []string{client.AuthorizationCode, client.RefreshToken, client.ClientCredentials, client.DeviceCode, client.CIBA, client.TokenExchange, client.JWTBearer},
		SubjectTypesSupported:  []client.SubjectType{client.PublicSubject, client.PairwiseSubject}, TokenEndpointAuthMethodsSupported: methods,
		IntrospectionEndpointAuthMethodsSupported: confidential, RevocationEndpointAuthMethodsSupported: methods,
		TokenEndpointAuthAlgSupported: assertions, IntrospectionEndpointAuthAlgSupported: assertions, RevocationEndpointAuthAlgSupported: assertions,
		CodeChallengeMethodsSupported: []string{"S256"}, ClaimTypesSupported: []string{"normal"}, ClaimsSupported: claimsSupported(organization), ClaimsParameterSupported: true,
		ACRValuesSupported: session.AuthenticationContexts(), DisplayValuesSupported: []string{"page", "popup", "touch"}, PromptValuesSupported: prompts,
		IDTokenEncryptionAlgValuesSupported: jose.KeyManagements(), IDTokenEncryptionEncValuesSupported: jose.Encryptions(),
		IntrospectionEncryptionAlgValuesSupported: jose.KeyManagements(), IntrospectionEncryptionEncValuesSupported: jose.Encryptions(),
		AuthorizationEncryptionAlgValuesSupported: jose.KeyManagements(), AuthorizationEncryptionEncValuesSupported: jose.Encryptions(),
		UserinfoEncryptionAlgValuesSupported: jose.KeyManagements(), UserinfoEncryptionEncValuesSupported: jose.Encryptions(),
		RequestObjectEncryptionAlgValuesSupported: jose.KeyManagements(), RequestObjectEncryptionEncValuesSupported: jose.Encryptions(),
		UILocalesSupported: d.locales, AuthorizationResponseIssParameter: true,
		FrontchannelLogoutSupported: true, FrontchannelLogoutSessionSupported: true, BackchannelLogoutSupported: true, BackchannelLogoutSessionSupported: true,
	}
	metadata.DPoPSigningAlgValuesSupported, metadata.RequirePushedAuthorizationRequests = profile.ProofAlgorithms(), profile.PushedRequests
	metadata.IDTokenSigningAlgValuesSupported, metadata.UserinfoSigningAlgValuesSupported = signatures, signatures
	metadata.RequestParameterSupported, metadata.RequestURIParameterSupported, metadata.RequireRequestURIRegistration = true, true, true
	for _, known := range organization.Policies.AuthorizationDetailTypes {
		metadata.AuthorizationDetailsTypesSupported = append(metadata.AuthorizationDetailsTypesSupported, known.Type)
	}
	metadata.BackchannelTokenDeliveryModesSupported, metadata.BackchannelRequestAlgValuesSupported = profile.DeliveryModes(), profile.ProofAlgorithms()
	metadata.RequireSignedRequestObject = profile.RequestObject.Required
	metadata.RequestObjectSigningAlgValuesSupported = authorize.RequestObjectAlgorithms(profile)
	metadata.AuthorizationSigningAlgValuesSupported, metadata.IntrospectionSigningAlgValuesSupported = signatures, signatures
	if profile.FrontChannel {
		metadata.GrantTypesSupported = append(metadata.GrantTypesSupported, client.Implicit)
	}
	metadata.ProtectedResources = protected
	metadata.ClientIDMetadataDocumentSupported = organization.Policies.ClientDocumentPolicy() == org.ClientDocumentsOpen
	if organization.Policies.RegistrationPolicy() != org.RegistrationClosed {
		metadata.RegistrationEndpoint = endpoint("register")
	}
	d.mutualTLS(organization, &metadata)
	metadata.DraftMetadata = d.draftMetadata(organization)
	return metadata
}

// mutualTLS adds what clients with TLS certificates need to know, where they can show them.
func (d *Documents) mutualTLS(organization *org.Organization, metadata *Metadata) {
	metadata.TLSClientCertificateBoundAccessTokens = d.issuers.MutualTLS
	if d.issuers.MTLSURL == "" {
		return
	}
	alias := func(name string) string { return d.issuers.MTLSEndpoint(organization, name) }
	metadata.MTLSEndpointAliases = &MTLSEndpointAliases{TokenEndpoint: alias("token"), PushedAuthorizationRequestEndpoint: alias("par"), UserinfoEndpoint: alias("userinfo"),
		IntrospectionEndpoint: alias("introspect"), RevocationEndpoint: alias("revoke"), DeviceAuthorizationEndpoint: alias("device_authorization"),
		BackchannelAuthenticationEndpoint: alias("bc-authorize")}
	if metadata.RegistrationEndpoint != "" {
		metadata.MTLSEndpointAliases.RegistrationEndpoint = alias("register")
	}
}

// published are the identifiers of the resource servers that the metadata lists (RFC 9728 §4). Without the database it is
// silent about those that are not in memory: the member is optional, and the rest is worth more.
func (d *Documents) published(ctx context.Context, organization *org.Organization) (identifiers []string) {
	all, err := d.resources.All(ctx, organization.ID)
	if err != nil {
		return nil
	}
	for _, known := range all {
		if known.Published {
			identifiers = append(identifiers, known.Identifier)
		}
	}
	return identifiers
}

func (d *Documents) metadataDocument(ctx context.Context, organization *org.Organization) (*document, error) {
	protected, prompts := d.published(ctx, organization), d.prompts(ctx, organization)
	name := metadataKey{organization.ID, organization.Version, organization.Domain, strings.Join(protected, " "), strings.Join(prompts, " ")}
	if found, ok := d.metadata.GetIfPresent(name); ok {
		return found, nil
	}
	content, err := json.Marshal(d.Metadata(organization, protected, prompts))
	if err != nil {
		return nil, err
	}
	made := newDocument(content)
	d.metadata.Set(name, made)
	return made, nil
}

// ResourceMetadata is what the issuer says of itself as a protected resource: that of userinfo (RFC 9728 §2).
func (d *Documents) ResourceMetadata(organization *org.Organization) oauth.ResourceMetadata {
	issuer, profile := d.issuers.URL(organization), oauth.ProfileFor(organization)
	scopes := slices.DeleteFunc(oauth.StandardScopes(), func(scope string) bool { return scope == oauth.ScopeOfflineAccess })
	for _, own := range organization.Policies.Scopes {
		if len(own.Claims) > 0 && !slices.Contains(scopes, own.Name) { // others mean something elsewhere
			scopes = append(scopes, own.Name)
		}
	}
	return oauth.ResourceMetadata{
		Resource: issuer, AuthorizationServers: []string{issuer}, JWKSURI: d.issuers.Endpoint(organization, "jwks"), ScopesSupported: scopes,
		BearerMethodsSupported: []string{"header", "body"}, ResourceSigningAlgValuesSupported: profile.SigningAlgorithms(), ResourceName: organization.DisplayName,
		TLSClientCertificateBoundAccessTokens: d.issuers.MutualTLS, DPoPSigningAlgValuesSupported: profile.ProofAlgorithms(),
		// A certificate will do as well, where clients can show one.
		DPoPBoundAccessTokensRequired: organization.Policies.RequireBoundTokens && !d.issuers.MutualTLS,
	}
}

func (d *Documents) keySetDocument(ctx context.Context, organization *org.Organization) (*document, error) {
	content, err := d.keys.Document(ctx, organization.ID)
	if err != nil {
		return nil, err
	}
	// The keys' own cache decides what is current; here only the digest is spared, as long as it returns
	// the very same bytes.
	if found, ok := d.keySets.GetIfPresent(organization.ID); ok && len(content) > 0 && len(found.content) == len(content) && &found.content[0] == &content[0] {
		return found, nil
	}
	made := newDocument(content)
	d.keySets.Set(organization.ID, made)
	return made, nil
}
