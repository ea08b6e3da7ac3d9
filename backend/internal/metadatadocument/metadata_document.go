// Package metadatadocument is OAuth Client ID Metadata Document, draft-ietf-oauth-client-id-metadata-document-02 (July
// 2026): the client_id of a client that nobody registered is the https address of a document that describes it. The
// package stands alone because the specification is a draft; sections are those of that version.
//
// Where an organization accepts such clients, the document is fetched, without redirects and from public hosts only
// (from this machine where Clavex itself stands on it, §8.6), and kept for as long as its server says, within bounds.
// Nothing of the client is stored until a person who signed in allows it something: then it becomes a row among the
// organization's clients, which follows the document from then on. While the document's host is out of reach the row
// serves for a day; a host that answers without the document, or with another one, ends the client's work at once.
//
// Whom a client would become by a change of its document is another one for the people who allowed it: when its name, its
// redirect URIs or the way in which it proves itself change, they are asked anew, and with the last its grants end (§8.4).
//
// Left out: software statements (§4.3), sector identifiers, services for developers (§8.10), queries in the address (§3
// advises against them).
package metadatadocument

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/url"
	"strings"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/key"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/ratelimit"
	"github.com/clavex/clavex/backend/internal/registration"
	"github.com/clavex/clavex/backend/internal/store"
)

// Bounds of documents.
const (
	maximumBytes = 5 << 10 // §8.7
	memory       = 16 << 20
	shortest     = time.Minute // for which a document is fresh, whatever its server says
	usual        = 5 * time.Minute
	longest      = time.Hour

	staleFor      = 24 * time.Hour // for which a row serves while the host is out of reach
	rememberEvery = time.Hour      // that a document was read
)

// Limits on strangers. A document in memory costs nothing; neither do those of clients that somebody allowed something.
const (
	limitWindow     = 10 * time.Minute
	signInsPerFetch = 10 // of documents that nobody looked at for a while
	perOrganization = 20 // times the limit of a network
	perPerson       = 20 // clients that one person makes known in a day
)

// The refusals. The document's own faults are told to whoever asks: it is public.
var (
	errClosed    = refuse("This organization does not accept clients that describe themselves in a document. Ask its administrator to register the application.")
	errHost      = refuse("This organization does not accept documents of this host. Ask its administrator.")
	errTooMany   = fault.New(fault.RateLimited, "client_documents_rate_limited", "Too many applications were looked up from this address. Try again later.")
	errEverybody = fault.New(fault.RateLimited, "client_documents_rate_limited", "Too many applications were looked up. Try again later.")
	errPerson    = fault.New(fault.RateLimited, "client_documents_of_person", "You allowed too many new applications today. Try again tomorrow.")

	errType    = fault.New(fault.Invalid, "client_document_type", "The Content-Type must be application/json, or another one of application/ that ends with +json.")
	errObject  = fault.New(fault.Invalid, "client_document_malformed", "The document is not a JSON object, each member once, in UTF-8.")
	errAddress = fault.New(fault.Invalid, "client_document_client_id", "The client_id in the document is not the address of the document, character by character.")
	errSecret  = fault.New(fault.Invalid, "client_document_secret", "A document contains no client_secret: everybody can read it.")
	errMethod  = fault.New(fault.Invalid, "client_document_method", "The token_endpoint_auth_method must be none, or one of the client's own key: nobody shares a secret with it.")
	errSector  = fault.New(fault.Invalid, "client_document_sector", "A document cannot name a sector_identifier_uri.")
	errWhere   = fault.New(fault.Invalid, "client_document_redirect_uri", "A redirect URI must be on the host of the document, on the person's own machine, or of a native application's own scheme.")
)

func refuse(description string) *oauth.Error {
	return oauth.NewError(oauth.CodeInvalidClient, description)
}

// unusable is what is wrong with a document, for whoever can mend it.
func unusable(err error) error {
	var wire *oauth.Error
	if errors.As(err, &wire) {
		return refuse("The document at the client_id cannot be used. " + wire.Description).WithCause(err)
	}
	if !fault.IsKind(err, fault.Invalid) && !fault.IsKind(err, fault.Unavailable) {
		return err
	}
	return refuse("The document at the client_id cannot be used. " + fault.From(err).Message).WithCause(err)
}

// document is what a document says, by the names of its members.
type document map[string]json.RawMessage

// Dependencies are what the package works with.
type Dependencies struct {
	Fetch         *fetch.Client // for addresses that anybody may name
	Store         *store.Store
	Clients       *client.Clients
	Organizations *org.Organizations
	Grants        *grant.Grants
	Keys          *key.Keys
	State         kv.Store
	Now           func() time.Time
	SignIns       int // that one network may begin at an organization in ten minutes, 0 for any number: it may have a tenth as many documents fetched
}

// Documents finds clients by the documents that describe them. It is safe for concurrent use.
type Documents struct {
	Dependencies
	documents                    *fetch.Documents[document]
	strangers, everybody, person *ratelimit.Limit
}

// New makes the directory.
func New(with Dependencies) *Documents {
	const kind = "client_documents"
	limit := (with.SignIns + signInsPerFetch - 1) / signInsPerFetch
	d := &Documents{Dependencies: with,
		strangers: ratelimit.New(with.State, kind+"_of_network", limit, limitWindow, errTooMany),
		everybody: ratelimit.New(with.State, kind+"_of_all", limit*perOrganization, limitWindow, errEverybody),
		person:    ratelimit.New(with.State, kind+"_of_person", perPerson, 24*time.Hour, errPerson),
	}
	d.documents = fetch.NewDocuments(with.Fetch, with.Now, memory, fetch.Policy[document]{
		Request: fetch.Request{MaximumBytes: maximumBytes}, Parse: parse,
		Lifetime: usual, Shortest: shortest, Longest: longest, FirstRetry: 5 * time.Second, LastRetry: time.Minute,
	})
	return d
}

// parse accepts what is a document of its own address (§4, §4.1).
func parse(response *fetch.Response) (document, error) {
	mediaType, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" && (!strings.HasPrefix(mediaType, "application/") || !strings.HasSuffix(mediaType, "+json")) {
		return nil, errType
	}
	object, err := registration.ParseObject(response.Body)
	if err != nil {
		return nil, errObject.WithCause(err)
	}
	var clientID string
	if err := json.Unmarshal(object["client_id"], &clientID); err != nil || clientID != response.URL {
		return nil, errAddress
	}
	for _, name := range []string{"client_secret", "client_secret_expires_at"} {
		if _, there := object[name]; there {
			return nil, errSecret
		}
	}
	if _, there := object["sector_identifier_uri"]; there {
		return nil, errSector
	}
	return object, nil
}

// Client implements oauth.DescribedClients.
func (d *Documents) Client(ctx context.Context, organization *org.Organization, clientID string, kept *client.Client) (*client.Client, error) {
	if problem := addressProblem(clientID); problem != "" {
		return nil, refuse("The client_id is not the address of a document. " + problem)
	}
	if organization.Policies.ClientDocumentPolicy() != org.ClientDocumentsOpen {
		return nil, errClosed
	}
	parsed, err := url.Parse(clientID)
	if err != nil || !organization.Policies.AllowsClientDocumentAt(parsed.Hostname()) {
		return nil, errHost
	}
	if kept == nil && !d.documents.Fresh(clientID) {
		if err := errors.Join(d.strangers.CountNetwork(ctx, organization.ID), d.everybody.CountOrganization(ctx, organization.ID)); err != nil {
			return nil, err
		}
	}
	found, err := d.documents.Get(ctx, clientID)
	if err != nil && kept != nil && fault.IsKind(err, fault.Unavailable) && d.Now().Sub(kept.DocumentReadAt) < staleFor {
		return kept, nil
	}
	if err != nil {
		return nil, unusable(err)
	}
	described, err := describe(ctx, organization, parsed, base(organization, clientID, kept), found)
	if err != nil {
		return nil, unusable(err)
	}
	if kept == nil {
		return described, nil
	}
	return d.follow(ctx, kept, described)
}

// base is what the document does not say: what administrators decided about a client that is kept.
func base(organization *org.Organization, clientID string, kept *client.Client) client.Client {
	made := client.Client{OrgID: organization.ID, ClientID: clientID, Origin: client.MetadataDocument, Status: client.Active, RequireConsent: true,
		AuthenticationMethod: client.None} // what everybody can read shares no secret, which is the default elsewhere
	if kept != nil {
		made.ID, made.Version, made.CreatedAt, made.UpdatedAt, made.Profile = kept.ID, kept.Version, kept.CreatedAt, kept.UpdatedAt, kept.Profile
		made.AccessTokenLifetime, made.RefreshTokenLifetime = kept.AccessTokenLifetime, kept.RefreshTokenLifetime
		made.Metadata = kept.Metadata.Administered()
	}
	return made
}

// describe makes the client of a document, for this organization.
func describe(ctx context.Context, organization *org.Organization, address *url.URL, made client.Client, found document) (*client.Client, error) {
	if _, said := found["application_type"]; !said && runsOnMachines(found) {
		made.ApplicationType = client.Native
	}
	described, err := registration.Described(ctx, organization, made, found)
	if err != nil {
		return nil, err
	}
	if described.HasSecret() {
		return nil, errMethod
	}
	for _, uri := range described.RedirectURIs {
		redirect, err := url.Parse(uri)
		web := err == nil && (redirect.Scheme == "https" || redirect.Scheme == "http")
		if err != nil || web && !client.IsLoopback(redirect) && !strings.EqualFold(redirect.Host, address.Host) {
			return nil, errWhere
		}
	}
	return described, nil
}

// runsOnMachines reports whether a redirect URI is one of the person's own machine, so that the client is a native
// application although its document says nothing of that (RFC 8252 §7).
func runsOnMachines(found document) bool {
	var uris []string
	if json.Unmarshal(found["redirect_uris"], &uris) != nil {
		return false // the judge of the members says so
	}
	for _, uri := range uris {
		if parsed, err := url.Parse(uri); err == nil && parsed.Scheme != "https" && (parsed.Scheme != "http" || client.IsLoopback(parsed)) {
			return true
		}
	}
	return false
}
