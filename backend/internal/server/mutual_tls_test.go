package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/dbtest"
	"github.com/clavex/clavex/backend/internal/jose"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/store"
)

// holder is whoever has a certificate and its key.
type holder struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// newHolder makes a certificate, signed by the issuer or, when nil, by its own key.
func newHolder(t *testing.T, issuer *holder, change func(*x509.Certificate)) *holder {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "payroll", Organization: []string{"Acme"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	if change != nil {
		change(template)
	}
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.certificate, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &holder{certificate, key}
}

func authority(template *x509.Certificate) {
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	template.Subject.CommonName = "Acme authority"
}

func (h *holder) header() string {
	return ":" + base64.StdEncoding.EncodeToString(h.certificate.Raw) + ":"
}

func (h *holder) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.certificate.Raw}))
}

func (h *holder) jwks(t *testing.T) json.RawMessage {
	t.Helper()
	public, err := jose.NewPublicKey(jose.ES256, &h.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(jose.NewKeySet(public))
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

const certificateHeader = "Client-Cert"

// programs sends what programs send, with headers as names and values in turn.
func (s *site) program(method, path string, form url.Values, header ...string) (status int, body map[string]any) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	response, err := s.server.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = json.Unmarshal(content, &body)
	return response.StatusCode, body
}

func (s *site) setPolicies(change func(s *site)) {
	s.t.Helper()
	change(s)
	s.inTx(func(ctx context.Context, tx *store.Tx) (err error) {
		s.acme, err = s.app.Organizations.Update(ctx, tx, operator, *s.acme)
		return err
	})
	s.app.Organizations.Forget(s.acme)
}

func newMutualSite(t *testing.T) *site {
	t.Helper()
	return newSiteOn(t, dbtest.URL(t), "client_certificate_header", certificateHeader, "trusted_proxies", "127.0.0.1")
}

// RFC 8705 §2.1, §2.2, §3: who is let in with which certificate, and what the tokens are bound to.
func TestClientsAuthenticateByCertificate(t *testing.T) {
	t.Parallel()
	s := newMutualSite(t)
	root := newHolder(t, nil, authority)
	stranger := newHolder(t, nil, authority)
	s.setPolicies(func(s *site) { s.acme.Policies.ClientCertificateAuthorities = root.pem() })
	issued := newHolder(t, root, nil)
	selfSigned := newHolder(t, nil, nil)
	service := func(name string, method client.AuthenticationMethod, metadata client.Metadata) *client.Client {
		made, secret := s.client(s.acme, client.Client{ClientID: name, AuthenticationMethod: method, GrantTypes: []string{client.ClientCredentials}, Scopes: []string{"orders:read"}, Metadata: metadata})
		if secret != "" {
			t.Errorf("%s has a secret", name)
		}
		return made
	}
	const subject = "CN=payroll,O=Acme"
	service("pki", client.TLSClientAuth, client.Metadata{TLSClientAuthSubjectDN: subject, TLSClientCertificateBoundAccessTokens: true})
	service("self", client.SelfSignedTLSClientAuth, client.Metadata{JWKS: selfSigned.jwks(t), TLSClientCertificateBoundAccessTokens: true})
	ask := func(clientID string, by *holder, more ...string) (int, map[string]any) {
		header := []string{}
		if by != nil {
			header = append(header, certificateHeader, by.header())
		}
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {clientID}}
		return s.program("POST", "/acme/token", form, append(header, more...)...)
	}
	for name, who := range map[string]*holder{"pki": issued, "self": selfSigned} {
		status, body := ask(name, who)
		if status != 200 || body["token_type"] != "Bearer" {
			t.Fatalf("%s: %d %v", name, status, body)
		}
		unverified := claimsOf(t, body["access_token"].(string))
		if cnf, _ := unverified["cnf"].(map[string]any); cnf["x5t#S256"] != oauth.CertificateThumbprint(who.certificate) {
			t.Errorf("%s: cnf is %v (RFC 8705 §3.1)", name, unverified["cnf"])
		}
	}
	for name, refused := range map[string]struct {
		clientID string
		by       *holder
	}{
		"no certificate":                        {"pki", nil},
		"no certificate for a registered key":   {"self", nil},
		"another name":                          {"pki", newHolder(t, root, func(c *x509.Certificate) { c.Subject.CommonName = "other" })},
		"the right name of another authority":   {"pki", newHolder(t, stranger, nil)},
		"the right name, signed by itself":      {"pki", newHolder(t, nil, nil)},
		"expired":                               {"pki", newHolder(t, root, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })},
		"not valid yet":                         {"pki", newHolder(t, root, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) })},
		"a certificate for servers":             {"pki", newHolder(t, root, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })},
		"another key than the registered":       {"self", newHolder(t, nil, nil)},
		"a certificate of the authority":        {"self", issued},
		"an expired one of the registered key":  {"self", &holder{expiredCopy(t, selfSigned), selfSigned.key}},
		"a client that does not exist":          {"nobody", issued},
		"a certificate for a client of secrets": {s.web.ClientID, issued},
	} {
		if status, body := ask(refused.clientID, refused.by); status != 401 || body["error"] != "invalid_client" {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
	if status, body := ask("pki", issued, certificateHeader, issued.header()); status != 401 || body["error"] != "invalid_client" {
		t.Errorf("two headers: %d %v", status, body)
	}
	t.Run("another organization has authorities of its own", func(t *testing.T) {
		rival := s.organization("rival")
		s.client(rival, client.Client{ClientID: "pki", AuthenticationMethod: client.TLSClientAuth, GrantTypes: []string{client.ClientCredentials}, Scopes: []string{"x"},
			Metadata: client.Metadata{TLSClientAuthSubjectDN: subject}})
		if status, body := s.program("POST", "/rival/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"pki"}}, certificateHeader, issued.header()); status != 401 {
			t.Errorf("%d %v", status, body)
		}
	})
}

// expiredCopy is another certificate of the holder's key, whose time is over.
func expiredCopy(t *testing.T, of *holder) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(9), Subject: of.certificate.Subject, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &of.key.PublicKey, of.key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// claimsOf reads the claims of a JWT without verifying it.
func claimsOf(t *testing.T, token string) (claims map[string]any) {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

// RFC 8705 §3: a bound token is worth nothing to whoever has another certificate, or none. The refresh tokens of a
// public client are bound, too (§4).
func TestTokensBoundToCertificates(t *testing.T) {
	t.Parallel()
	s := newMutualSite(t)
	own, other := newHolder(t, nil, nil), newHolder(t, nil, nil)
	app, _ := s.client(s.acme, client.Client{ClientID: "app", AuthenticationMethod: client.None, RedirectURIs: []string{callback}, GrantTypes: []string{client.AuthorizationCode, client.RefreshToken},
		Metadata: client.Metadata{TLSClientCertificateBoundAccessTokens: true}})
	s.web, s.secret = app, ""
	b := s.browser()
	b.signIn()
	redeem := func(by *holder) (int, map[string]any) {
		a := b.get(s.authorizeURL("scope", "openid"))
		form := url.Values{"grant_type": {"authorization_code"}, "client_id": {"app"}, "code": {a.url.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}}
		if by == nil {
			return s.program("POST", "/acme/token", form)
		}
		return s.program("POST", "/acme/token", form, certificateHeader, by.header())
	}
	if status, body := redeem(nil); status != 400 || body["error"] != "invalid_request" {
		t.Errorf("without a certificate: %d %v", status, body)
	}
	status, tokens := redeem(own)
	if status != 200 {
		t.Fatalf("%d %v", status, tokens)
	}
	access, refresh := "Bearer "+tokens["access_token"].(string), tokens["refresh_token"].(string)
	if status, body := s.program("GET", "/acme/userinfo", nil, "Authorization", access, certificateHeader, own.header()); status != 200 {
		t.Errorf("userinfo: %d %v", status, body)
	}
	for name, header := range map[string][]string{"no certificate": nil, "another certificate": {certificateHeader, other.header()}, "nonsense": {certificateHeader, ":AAAA:"}} {
		if status, body := s.program("GET", "/acme/userinfo", nil, append([]string{"Authorization", access}, header...)...); status != 401 || body["error"] != "invalid_token" {
			t.Errorf("userinfo with %s: %d %v", name, status, body)
		}
	}
	use := func(by *holder) (int, map[string]any) {
		return s.program("POST", "/acme/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {refresh}}, certificateHeader, by.header())
	}
	if status, body := use(other); status != 400 || body["error"] != "invalid_grant" {
		t.Errorf("refresh with another certificate: %d %v", status, body)
	}
	if status, body := use(own); status != 200 {
		t.Errorf("refresh: %d %v", status, body)
	}
}

// Fault 10 of docs/requirements/openid-connect.md: a header that anybody can send is nobody's certificate.
func TestACertificateInAHeaderOfAnUntrustedAddressIsNone(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string][]string{
		"the sender is no trusted proxy": {"client_certificate_header", certificateHeader, "trusted_proxies", "192.0.2.1"},
		"no header is configured":        {"trusted_proxies", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSiteOn(t, dbtest.URL(t), settings...)
			own := newHolder(t, nil, nil)
			s.client(s.acme, client.Client{ClientID: "self", AuthenticationMethod: client.SelfSignedTLSClientAuth, GrantTypes: []string{client.ClientCredentials}, Scopes: []string{"x"},
				Metadata: client.Metadata{JWKS: own.jwks(t)}})
			status, body := s.program("POST", "/acme/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"self"}}, certificateHeader, own.header())
			if status != 401 || body["error"] != "invalid_client" {
				t.Errorf("%d %v", status, body)
			}
		})
	}
}

func TestFormsOfCertificateHeaders(t *testing.T) {
	t.Parallel()
	own, root := newHolder(t, nil, nil), newHolder(t, nil, authority)
	for name, each := range map[string]struct {
		value string
		count int
	}{
		"RFC 9440":                {own.header(), 1},
		"PEM as nginx escapes it": {url.PathEscape(own.pem()), 1},
		"a chain":                 {url.PathEscape(own.pem() + root.pem()), 2},
		"empty":                   {"", 0},
		"base64 of nothing":       {"::", 0},
		"not base64":              {":%%%:", 0},
		"not a certificate":       {":AAAA:", 0},
		"(null), as Apache says":  {"(null)", 0},
		"broken PEM":              {url.PathEscape(strings.Replace(own.pem(), "MII", "MIX", 1)), 0},
		"very many certificates":  {url.PathEscape(strings.Repeat(own.pem(), 11)), 0},
	} {
		if got := parseCertificateHeader(each.value); len(got) != each.count || each.count > 0 && !got[0].Equal(own.certificate) {
			t.Errorf("%s: %d certificates", name, len(got))
		}
	}
}

// The listener for clients with certificates takes any, has their keys proven, and shows no page.
func TestTheListenerForClientsWithCertificates(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.cfg.MTLSListen, p.cfg.MTLSURL = "127.0.0.1:0", "https://mtls.first.test"
	shown, err := openCertificates(t.Context(), p.cfg, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := listen(t.Context(), p.cfg.MTLSListen)
	if err != nil {
		t.Fatal(err)
	}
	app := &App{Config: p.cfg, Log: slog.New(slog.DiscardHandler)}
	server := app.mutualServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, len(clientCertificates(r, "", nil)))
	}), shown, &connectionLog{log: app.Log})
	go func() { _ = serveConnections(server, listener) }()
	t.Cleanup(func() { _ = server.Close() })
	own := newHolder(t, nil, nil)
	ask := func(path string, certificates ...tls.Certificate) (int, string) {
		connection := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.roots, ServerName: "first.test", Certificates: certificates, MinVersion: tls.VersionTLS12}}}
		defer connection.CloseIdleConnections()
		response, err := connection.Get("https://" + listener.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(body)
	}
	if status, body := ask("/acme/token", tls.Certificate{Certificate: [][]byte{own.certificate.Raw}, PrivateKey: own.key}); status != 200 || body != "1" {
		t.Errorf("with a certificate: %d %s", status, body)
	}
	if status, body := ask("/acme/token"); status != 200 || body != "0" {
		t.Errorf("without one: %d %s", status, body)
	}
	for _, path := range []string{"/acme/par", "/acme/userinfo", "/acme/introspect", "/acme/revoke", "/acme/device_authorization", "/acme/bc-authorize", "/api/v1/me", "/acme/.well-known/openid-configuration", "/acme/register/x"} {
		if status, _ := ask(path); status != 200 {
			t.Errorf("%s: %d", path, status)
		}
	}
	for _, path := range []string{"/", "/acme/", "/acme/login", "/acme/authorize", "/acme/consent", "/console/", "/acme/logout", "/docs/"} {
		if status, _ := ask(path); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
	foreign := tls.Certificate{Certificate: [][]byte{own.certificate.Raw}, PrivateKey: newHolder(t, nil, nil).key}
	connection := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.roots, ServerName: "first.test", Certificates: []tls.Certificate{foreign}, MinVersion: tls.VersionTLS12}}}
	defer connection.CloseIdleConnections()
	if response, err := connection.Get("https://" + listener.Addr().String() + "/acme/token"); err == nil {
		response.Body.Close()
		t.Error("a certificate without its key is taken")
	}
}
