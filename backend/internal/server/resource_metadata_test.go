package server

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/resource"
)

var metadataParameter = regexp.MustCompile(`resource_metadata="([^"]+)"`)

// RFC 9728 §5: whoever knows nothing but the address of a resource learns from its refusal what to ask whom for.
func TestProtectedResourcesDescribeThemselves(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, c := range map[string]struct{ request, resource, issuer, scope string }{
		"userinfo":  {"/acme/userinfo", "/acme", "/acme", "email"},
		"Admin API": {"/api/v1/orgs/acme/users", "/api/v1", "/system", "admin:read"},
	} {
		t.Run(name, func(t *testing.T) {
			b := s.browser()
			for _, header := range []string{"", "Bearer x.y.z"} {
				request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+c.request, nil)
				if header != "" {
					request.Header.Set("Authorization", header)
				}
				a := b.do(request)
				found := metadataParameter.FindStringSubmatch(a.header.Get("WWW-Authenticate"))
				if a.status != http.StatusUnauthorized || found == nil {
					t.Fatalf("RFC 9728 §5.1: %d %q", a.status, a.header.Values("WWW-Authenticate"))
				}
				address, ours := strings.CutPrefix(found[1], s.server.URL)
				if !ours || address != "/.well-known/oauth-protected-resource"+c.resource {
					t.Fatalf("RFC 9728 §3.1: %s", found[1])
				}
				status, metadata := s.program("GET", address, nil)
				if status != http.StatusOK || metadata["resource"] != s.server.URL+c.resource || fmt.Sprint(metadata["authorization_servers"]) != "["+s.server.URL+c.issuer+"]" {
					t.Fatalf("RFC 9728 §2, §3.3: %d %v", status, metadata)
				}
				if !slices.Contains(texts(metadata["scopes_supported"]), c.scope) || slices.Contains(texts(metadata["scopes_supported"]), "offline_access") ||
					!slices.Contains(texts(metadata["bearer_methods_supported"]), "header") || slices.Contains(texts(metadata["bearer_methods_supported"]), "query") ||
					len(texts(metadata["dpop_signing_alg_values_supported"])) == 0 || metadata["resource_name"] == "" {
					t.Errorf("RFC 9728 §2: %v", metadata)
				}
				if metadata["tls_client_certificate_bound_access_tokens"] != nil || metadata["dpop_bound_access_tokens_required"] != nil {
					t.Errorf("what is not so is not claimed: %v", metadata)
				}
				if status, issuer := s.program("GET", "/.well-known/oauth-authorization-server"+c.issuer, nil); status != http.StatusOK || issuer["issuer"] != s.server.URL+c.issuer {
					t.Errorf("RFC 8414 §3.1: %d %v", status, issuer)
				}
			}
		})
	}
	if status, body := s.program("GET", "/.well-known/oauth-protected-resource/nobody", nil); status != http.StatusNotFound {
		t.Errorf("%d %v", status, body)
	}
	t.Run("what an organization demands is said", func(t *testing.T) {
		s.setPolicies(func(s *site) { s.acme.Policies.RequireBoundTokens = true })
		if _, metadata := s.program("GET", "/.well-known/oauth-protected-resource/acme", nil); metadata["dpop_bound_access_tokens_required"] != true {
			t.Errorf("%v", metadata)
		}
	})
}

// RFC 9728 §4: the issuer lists the resource servers that its administrators want to be known, and no others.
func TestMetadataListsPublishedResources(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	listed := func(organization *org.Organization) []string {
		_, metadata := s.program("GET", "/"+organization.Slug+"/.well-known/openid-configuration", nil)
		return texts(metadata["protected_resources"])
	}
	s.resource(s.acme, resource.Resource{Identifier: ledger, Name: "Ledger"})
	if got := listed(s.acme); len(got) != 0 {
		t.Errorf("%v", got)
	}
	s.resource(s.acme, resource.Resource{Identifier: payments, Name: "Payments", Published: true})
	if got := listed(s.acme); !slices.Equal(got, []string{payments}) {
		t.Errorf("%v", got)
	}
	if got := listed(s.organization("rival")); len(got) != 0 {
		t.Errorf("another organization lists %v", got)
	}
}
