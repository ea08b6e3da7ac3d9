package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/clavex/clavex/backend/internal/admin"
)

// maximumCertificateHeader is the longest header with a certificate that is read, in bytes.
const maximumCertificateHeader = 16 << 10

// clientCertificates are what the sender of a request showed when the TLS connection was made: to us, or to a
// configured proxy that terminated it and wrote it into the header (RFC 8705 §6.5, RFC 9440). Nobody else's header is
// looked at. A header that cannot be read is as good as none.
func clientCertificates(r *http.Request, header string, proxies []netip.Prefix) []*x509.Certificate {
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		return r.TLS.PeerCertificates
	}
	if header == "" || !fromProxy(r, proxies) {
		return nil
	}
	values := r.Header.Values(header)
	if len(values) != 1 || len(values[0]) > maximumCertificateHeader {
		return nil
	}
	return parseCertificateHeader(values[0])
}

// parseCertificateHeader reads what proxies write: a byte sequence of RFC 9440 (:base64:), or PEM with the escapes of
// an address, as nginx, Apache and Traefik do. More than one certificate is a chain, the client's own first.
func parseCertificateHeader(value string) []*x509.Certificate {
	if encoded, ok := strings.CutPrefix(value, ":"); ok {
		der, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(encoded, ":"))
		if err != nil {
			return nil
		}
		found, err := x509.ParseCertificate(der)
		if err != nil {
			return nil
		}
		return []*x509.Certificate{found}
	}
	text, err := url.PathUnescape(value) // a plus is part of base64 and stays
	if err != nil {
		return nil
	}
	var chain []*x509.Certificate
	for rest := []byte(text); len(chain) < 10; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return chain
		}
		found, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil
		}
		chain = append(chain, found)
	}
	return nil
}

// programEndpoints are the last segments of the addresses of an organization that programs call.
var programEndpoints = []string{"token", "par", "userinfo", "jwks", "introspect", "revoke", "register", "device_authorization", "bc-authorize"}

// forPrograms tells the addresses that programs call from those where people go.
func forPrograms(path string) bool {
	return slices.Contains(programEndpoints, path[strings.LastIndexByte(path, '/')+1:]) || strings.Contains(path, "/.well-known/") || strings.Contains(path, "/register/")
}

// onlyForPrograms lets the listener for connections with client certificates answer what programs call, and no page.
func onlyForPrograms(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if forPrograms(r.URL.Path) || strings.HasPrefix(r.URL.Path, admin.Prefix+"/") {
			next.ServeHTTP(w, r)
			return
		}
		http.Error(w, "This address answers programs that show a TLS client certificate. People go to the other one.", http.StatusNotFound)
	})
}

// mutualTLS is the configuration of the listener for clients with certificates. It asks for one and lets everybody in:
// which certificate is good depends on the client, who is not known yet. That the sender has the private key is part
// of the handshake.
func (c *certificates) mutualTLS() *tls.Config {
	settings := c.config()
	settings.ClientAuth = tls.RequestClientCert
	return settings
}

func (a *App) mutualServer(handler http.Handler, certificates *certificates, connections *connectionLog) *http.Server {
	server := a.httpServer(onlyForPrograms(handler), certificates, connections)
	server.TLSConfig = certificates.mutualTLS()
	return server
}

// serveMutualTLS answers clients with certificates at their own address, until the server is stopped.
func (a *App) serveMutualTLS(ctx context.Context, engine http.Handler, certificates *certificates, connections *connectionLog, failed chan<- error) (*http.Server, error) {
	if a.Config.MTLSListen == "" {
		return nil, nil
	}
	listener, err := listen(ctx, a.Config.MTLSListen)
	if err != nil {
		return nil, err
	}
	server := a.mutualServer(engine, certificates, connections)
	go func() { failed <- serveConnections(server, listener) }()
	a.Log.InfoContext(ctx, "serving clients with TLS certificates", "address", listener.Addr().String(), "public_url", a.Config.MTLSURL)
	return server, nil
}
