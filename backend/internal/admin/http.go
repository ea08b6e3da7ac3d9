package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/kv"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/ratelimit"
	"github.com/clavex/clavex/backend/internal/role"
)

// Prefix is where the Admin API stands.
const Prefix = "/api/v1"

const (
	maximumBodyBytes = 1 << 20
	rateWindow       = time.Minute
	callKey          = "admin.call"
	requestsKind     = "admin_requests"
)

// rule says what an operation needs.
type rule struct {
	permission role.Permission // "" for any caller
	platform   bool            // over organizations themselves
}

// rules has a row for every operation of the contract; a test sees to it. An operation without a row is
// refused.
var rules = map[string]rule{
	"getMe":                    {},
	"listOrganizations":        {role.Read, true},
	"createOrganization":       {role.Write, true},
	"getOrganization":          {role.Read, false},
	"updateOrganization":       {role.Write, false},
	"deleteOrganization":       {role.Write, true},
	"suspendOrganization":      {role.Write, true},
	"restoreOrganization":      {role.Write, true},
	"getOverview":              {role.Read, false},
	"getMailServer":            {role.Read, false},
	"setMailServer":            {role.Write, false},
	"testMailServer":           {role.Write, false},
	"removeMailServer":         {role.Write, false},
	"getAuthenticatorMetadata": {role.Read, false},
	"listAuthenticatorModels":  {role.Read, false},
	"previewAttestation":       {role.Write, false},
	"listUsers":                {role.Read, false},
	"createUser":               {role.Write, false},
	"importUsers":              {role.Write, false},
	"getUser":                  {role.Read, false},
	"updateUser":               {role.Write, false},
	"deleteUser":               {role.Write, false},
	"setUserPassword":          {role.Write, false},
	"getUserRoles":             {role.Read, false},
	"getUserSecondFactor":      {role.Read, false},
	"resetUserSecondFactor":    {role.Write, false},
	"setUserRoles":             {role.Write, false},
	"createOneTimeLink":        {role.Write, false},
	"sendInvitation":           {role.Write, false},
	"revokeInvitation":         {role.Write, false},
	"listUserSessions":         {role.Read, false},
	"listUserPasskeys":         {role.Read, false},
	"deleteUserPasskey":        {role.Write, false},
	"endUserSessions":          {role.Write, false},
	"endUserSession":           {role.Write, false},
	"listUserConsents":         {role.Read, false},
	"withdrawUserConsent":      {role.Write, false},
	"listClients":              {role.Read, false},
	"createClient":             {role.Write, false},
	"getClient":                {role.Read, false},
	"updateClient":             {role.Write, false},
	"deleteClient":             {role.Write, false},
	"rotateClientSecret":       {role.Write, false},
	"listProfiles":             {role.Read, false},
	"listInitialAccessTokens":  {role.Read, false},
	"createInitialAccessToken": {role.Write, false},
	"getInitialAccessToken":    {role.Read, false},
	"revokeInitialAccessToken": {role.Write, false},
	"listResources":            {role.Read, false},
	"createResource":           {role.Write, false},
	"getResource":              {role.Read, false},
	"updateResource":           {role.Write, false},
	"deleteResource":           {role.Write, false},
	"listDomains":              {role.Read, false},
	"createDomain":             {role.Write, false},
	"getDomain":                {role.Read, false},
	"deleteDomain":             {role.Write, false},
	"verifyDomain":             {role.Write, false},
	"moveOrganization":         {role.Write, false},
	"leaveFormerAddress":       {role.Write, false},
	"listIdentityProviders":    {role.Read, false},
	"createIdentityProvider":   {role.Write, false},
	"testIdentityProvider":     {role.Write, false},
	"getIdentityProvider":      {role.Read, false},
	"updateIdentityProvider":   {role.Write, false},
	"deleteIdentityProvider":   {role.Write, false},
	"listUserIdentities":       {role.Read, false},
	"deleteUserIdentity":       {role.Write, false},
	"listTerms":                {role.Read, false},
	"publishTerms":             {role.Write, false},
	"withdrawTerms":            {role.Write, false},
	"listUserTerms":            {role.Read, false},
	"listTrustedIssuers":       {role.Read, false},
	"createTrustedIssuer":      {role.Write, false},
	"getTrustedIssuer":         {role.Read, false},
	"updateTrustedIssuer":      {role.Write, false},
	"deleteTrustedIssuer":      {role.Write, false},
	"listLinkedIdentities":     {role.Read, false},
	"createLinkedIdentity":     {role.Write, false},
	"deleteLinkedIdentity":     {role.Write, false},
	"listLogoutDeliveries":     {role.Read, false},
	"listBackchannelRequests":  {role.Read, false},
	"decideBackchannelRequest": {role.Write, false},
	"listAuditEvents":          {role.Read, false},
	"getAuditEvent":            {role.Read, false},
}

// call is a request that passed the gates.
type call struct {
	ctx          context.Context
	by           *Authority
	organization *org.Organization // of the path, from the cache; nil when the path has none
	method, path string
	body         []byte // as sent
}

// callOf returns the call of a strict handler's context, which is the gin context.
func callOf(ctx context.Context) *call { return ctx.Value(callKey).(*call) }

// Mount adds every operation, the document, and 405 for what an address does not support.
func (a *API) Mount(router gin.IRouter) {
	router.GET(Prefix+"/openapi.json", a.serveDocument)
	router.GET(oauth.WellKnownProtectedResource+Prefix, a.serveResourceMetadata)
	gated := router.Group("", a.gate)
	strict := api.NewStrictHandlerWithOptions(handlers{a}, nil, api.StrictGinServerOptions{
		RequestErrorHandlerFunc: func(c *gin.Context, err error) {
			WriteProblem(c, malformed("The request body cannot be read.").withCause(err))
		},
		HandlerErrorFunc:         WriteProblem,
		ResponseErrorHandlerFunc: WriteProblem,
	})
	api.RegisterHandlersWithOptions(gated, strict, api.GinServerOptions{
		ErrorHandler: func(c *gin.Context, err error, _ int) {
			WriteProblem(c, malformed("A part of the address or a header is not well formed.").withCause(err))
		},
	})
	methods := map[string][]string{Prefix + "/openapi.json": {http.MethodGet}}
	for name := range a.contract.operations {
		method, path, _ := strings.Cut(name, " ")
		methods[path] = append(methods[path], method)
	}
	for path, supported := range methods {
		slices.Sort(supported)
		refuseMethod := func(c *gin.Context) {
			c.Header("Allow", strings.Join(supported, ", "))
			WriteProblem(c, errMethod)
		}
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
			if !slices.Contains(supported, method) {
				router.Handle(method, path, refuseMethod)
			}
		}
	}
}

// Unknown answers for addresses under Prefix that do not exist; the server calls it.
func (a *API) Unknown(c *gin.Context) { WriteProblem(c, errUnknown) }

func (a *API) serveDocument(c *gin.Context) {
	c.Header("Cache-Control", "no-cache")
	c.Header("X-Content-Type-Options", "nosniff")
	c.Data(http.StatusOK, "application/json", a.contract.document)
}

// gate lets a request through to its handler, or answers it.
func (a *API) gate(c *gin.Context) {
	header := c.Writer.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	passed, err := a.admit(c)
	if err != nil {
		WriteProblem(c, a.challenge(err))
		return
	}
	c.Set(callKey, passed)
}

func (a *API) admit(c *gin.Context) (*call, error) {
	wanted := a.contract.operations[c.Request.Method+" "+c.FullPath()]
	if wanted == nil {
		return nil, errUnknown
	}
	ctx := c.Request.Context()
	by, err := a.authenticate(c.Request)
	if err != nil {
		return nil, err
	}
	if err := a.limit(c, by); err != nil {
		return nil, err
	}
	organization, err := a.authorize(ctx, wanted, by, c.Param("org"))
	if err != nil {
		return nil, err
	}
	if err := wanted.checkQuery(c.Request.URL.RawQuery); err != nil {
		return nil, err
	}
	if err := wanted.checkHeaders(c.Request.Header); err != nil {
		return nil, err
	}
	body, err := readBody(c, wanted)
	if err != nil {
		return nil, err
	}
	return &call{ctx: ctx, by: by, organization: organization, method: c.Request.Method, path: c.Request.URL.Path, body: body}, nil
}

// authorize applies the operation's rule and resolves the organization of the path.
func (a *API) authorize(ctx context.Context, wanted *operation, by *Authority, slug string) (*org.Organization, error) {
	needed, known := rules[wanted.id]
	if !known {
		return nil, fmt.Errorf("admin: no rule for the operation %s", wanted.id)
	}
	var organization *org.Organization
	if slug != "" {
		var err error
		if organization, err = a.organizations.BySlug(ctx, slug); err != nil {
			return nil, err
		}
		if organization.ID != by.Organization.ID && !by.Platform {
			return nil, org.ErrNotFound
		}
	}
	switch {
	case needed.permission == "":
	case needed.platform:
		if err := by.mayPlatform(needed.permission); err != nil {
			return nil, err
		}
	default:
		if err := by.may(needed.permission, organization); err != nil {
			return nil, err
		}
	}
	if organization != nil && !wanted.readOnly && organization.Status == org.Deleting {
		return nil, org.ErrBeingDeleted
	}
	return organization, nil
}

// limit counts the actor's requests (draft-ietf-httpapi-ratelimit-headers). Without its counters the API
// goes on: a limit that protects against haste must not become an outage.
func (a *API) limit(c *gin.Context, by *Authority) error {
	count, err := a.counters.Increment(c.Request.Context(), kv.Key{OrgID: by.Organization.ID, Kind: requestsKind, ID: by.actorID().String()}, rateWindow)
	if fault.IsKind(err, fault.Unavailable) {
		_ = c.Error(err)
		return nil
	}
	if err != nil {
		return err
	}
	seconds := int((count.Reset + time.Second - 1) / time.Second)
	remaining := max(int64(a.perMinute)-count.Value, 0)
	c.Header("RateLimit-Policy", fmt.Sprintf(`"admin";q=%d;w=%d`, a.perMinute, int(rateWindow/time.Second)))
	c.Header("RateLimit", `"admin";r=`+strconv.FormatInt(remaining, 10)+";t="+strconv.Itoa(seconds))
	if count.Value > int64(a.perMinute) {
		refusal := &ratelimit.Refusal{OrgID: by.Organization.ID, Limit: requestsKind, By: ratelimit.ByActor, Subject: kv.ID(by.actorID().String()), Actor: by.Actor()}
		if by.User != nil {
			refusal.Person = by.User.ID
		}
		return fault.Newf(fault.RateLimited, "rate_limited", "Too many requests. Wait %d seconds.", seconds).WithRetryAfter(count.Reset).WithCause(refusal)
	}
	return nil
}

// validatedBody hands the validated value to the generated code, which binds it to the operation's type
// by exact names.
type validatedBody struct {
	*bytes.Reader
	value any
}

// Close implements io.Closer.
func (validatedBody) Close() error { return nil }

// ValidatedValue is what the generated code asks for.
func (b validatedBody) ValidatedValue() any { return b.value }

func readBody(c *gin.Context, wanted *operation) ([]byte, error) {
	if wanted.body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maximumBodyBytes))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, malformed("The request body could not be read to its end.").withCause(err)
	}
	value, err := wanted.checkBody(c.GetHeader("Content-Type"), body)
	if err != nil {
		return nil, err
	}
	c.Request.Body = validatedBody{bytes.NewReader(body), value}
	return body, nil
}
