// Package fetch is the only way to documents at addresses that others gave us: key sets and request objects of
// clients, sector identifier documents, logout endpoints; and to mail servers of organizations (Dial). Such an address
// is an attempt to reach what only this machine can reach (server-side request forgery) until the opposite is shown.
// Therefore:
//
//   - only https; plain http within the networks that the operator allows;
//   - a host is resolved once, every one of its addresses must be public or lie in an allowed network, and the
//     connection goes to an address that was judged, so a name cannot change its meaning in between. TLS is still
//     verified against the name. Connections are not kept: each request is judged anew;
//   - no redirects unless the request allows some (each is judged like the first address), no proxies of the
//     environment, no cookies, no user names in addresses;
//   - a limit for the whole time, the size of headers and body, and what runs at the same time, per registrable domain
//     (its owner makes as many hosts as they like) and in all;
//   - no content encodings: a small answer cannot unfold into a large one.
//
// Errors are faults whose messages tell the owner of the address what to mend. They do not tell a name that leads
// to a refused address from one that does not exist, so nobody explores a network through them.
//
// Left out: HTTP/2 (nothing here gains by it), proxies for outgoing requests, ports (any may be named).
package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"
)

// Bounds of a request.
const (
	defaultTimeout      = 5 * time.Second
	defaultMaximumBytes = 64 << 10
	maximumHeaderBytes  = 32 << 10
	maximumURLBytes     = 2048
	perSite             = 8   // requests to the hosts of one registrable domain at the same time
	overall             = 256 // and to all of them
)

const userAgent = "Clavex"

// Options are what differs between installations and tests.
type Options struct {
	// AllowedNetworks may be reached although they are not public, and without TLS.
	AllowedNetworks []netip.Prefix
	// Roots are the trusted authorities; nil means those of the system.
	Roots *x509.CertPool
	// Lookup resolves a host, as net.Resolver.LookupNetIP does with the network "ip"; nil means the system's resolver.
	Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
	// Timeout is for the whole of a request, waiting for its turn included; 0 means 5 s.
	Timeout time.Duration
}

// Client fetches. It is safe for concurrent use and keeps nothing open.
type Client struct {
	options   Options
	transport *http.Transport
	timeout   time.Duration
	turns     *turns
	counts    *counts
}

// New makes a client.
func New(options Options) *Client {
	dialer := newDialer(options)
	client := &Client{options: options, timeout: options.Timeout, turns: newTurns(perSite, overall), counts: &counts{}}
	if client.timeout <= 0 {
		client.timeout = defaultTimeout
	}
	client.transport = &http.Transport{
		DialContext:            dialer.plain,
		DialTLSContext:         dialer.tls,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maximumHeaderBytes,
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
	return client
}

// Restricted is the client for addresses that anybody may name, without having registered anything: of the allowed
// networks it reaches those that keep says true of. Limits and counts are shared.
func (c *Client) Restricted(keep func(network netip.Prefix) bool) *Client {
	options := c.options
	options.AllowedNetworks = slices.DeleteFunc(slices.Clone(options.AllowedNetworks), func(network netip.Prefix) bool { return !keep(network) })
	restricted := New(options)
	restricted.turns, restricted.counts = c.turns, c.counts
	return restricted
}

// Patient is the client for a document that takes longer than others, because it is large: the time is for the whole of a
// request. Limits and counts are shared.
func (c *Client) Patient(timeout time.Duration) *Client {
	patient := *c
	patient.timeout = timeout
	return &patient
}

// Request says what to fetch and what may come back.
type Request struct {
	// URL is absolute. A fragment is allowed and not sent.
	URL string
	// ContentTypes are the acceptable media types, without parameters; none means any.
	ContentTypes []string
	// MaximumBytes bounds the body; 0 means 64 KiB.
	MaximumBytes int64
	// Redirects is how many are followed, by GET only. They never lead from https to http.
	Redirects int
	// Header is sent besides what every request has.
	Header http.Header
}

// Response is an answer that was read to its end.
type Response struct {
	URL    string // that was asked for
	Status int
	Header http.Header
	Body   []byte
}

// Get fetches a document. Statuses other than 200 are ErrStatus; 304 is an answer when the request has If-None-Match
// or If-Modified-Since.
func (c *Client) Get(ctx context.Context, request Request) (*Response, error) {
	return c.count(c.do(ctx, http.MethodGet, request, "", nil))
}

// PostForm sends a form and returns the answer whatever its status is, 1xx and 3xx excepted. It never sends twice.
func (c *Client) PostForm(ctx context.Context, request Request, form url.Values) (*Response, error) {
	return c.count(c.do(ctx, http.MethodPost, request, "application/x-www-form-urlencoded", []byte(form.Encode())))
}

// PostJSON sends a JSON document, otherwise like PostForm.
func (c *Client) PostJSON(ctx context.Context, request Request, document []byte) (*Response, error) {
	return c.count(c.do(ctx, http.MethodPost, request, "application/json", document))
}

func (c *Client) do(ctx context.Context, method string, request Request, contentType string, body []byte) (*Response, error) {
	target, err := parseURL(request.URL)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	done, err := c.turns.take(ctx, site(target.Hostname()))
	if err != nil {
		return nil, err
	}
	defer done()
	response, err := c.send(ctx, method, target, request, contentType, body)
	if err != nil {
		return nil, explain(ctx, target.Hostname(), err)
	}
	defer response.Body.Close()
	answer, err := read(method, target.Hostname(), request, response)
	if err == nil {
		answer.URL = request.URL
		// An end that came after the time was over may be the host's answer to our hanging up, in the middle of a document.
		err = ctx.Err()
	}
	if err != nil {
		return nil, explain(ctx, target.Hostname(), err)
	}
	return answer, nil
}

func (c *Client) send(ctx context.Context, method string, target *url.URL, request Request, contentType string, body []byte) (*http.Response, error) {
	outgoing, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, ErrURL // the cause would repeat the address
	}
	for name, values := range request.Header {
		outgoing.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	accept := "*/*"
	if len(request.ContentTypes) > 0 {
		accept = strings.Join(request.ContentTypes, ", ")
	}
	outgoing.Header.Set("Accept", accept)
	outgoing.Header.Set("Accept-Encoding", "identity")
	outgoing.Header.Set("User-Agent", userAgent)
	if contentType != "" {
		outgoing.Header.Set("Content-Type", contentType)
	}
	client := http.Client{Transport: c.transport, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if method != http.MethodGet || len(via) > request.Redirects {
			return http.ErrUseLastResponse
		}
		next.Header.Del("Referer") // nobody's business
		if via[len(via)-1].URL.Scheme == "https" && next.URL.Scheme != "https" {
			return ErrScheme
		}
		_, err := parseURL(next.URL.String())
		return err
	}}
	return client.Do(outgoing)
}

// read judges an answer and reads it.
func read(method, host string, request Request, response *http.Response) (*Response, error) {
	answer := &Response{Status: response.StatusCode, Header: response.Header}
	conditional := request.Header.Get("If-None-Match") != "" || request.Header.Get("If-Modified-Since") != ""
	switch status := response.StatusCode; {
	case status == http.StatusNotModified && method == http.MethodGet && conditional:
		return answer, nil
	case status >= 300 && status < 400 && status != http.StatusNotModified:
		return nil, ErrRedirect.WithMessage("%s answers with a redirect (status %d). Register the address it leads to.", host, status)
	case status < 200, status == http.StatusNotModified, status != http.StatusOK && method == http.MethodGet:
		return nil, ErrStatus.WithMessage("%s answers with status %d instead of %d.", host, status, http.StatusOK)
	}
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, ErrEncoding.WithMessage("%s answers with a content encoding although none was asked for. Serve the document without compression.", host)
	}
	if err := checkContentType(host, request.ContentTypes, response); err != nil {
		return nil, err
	}
	limit := request.MaximumBytes
	if limit <= 0 {
		limit = defaultMaximumBytes
	}
	tooLarge := ErrTooLarge.WithMessage("The answer of %s is larger than %d bytes.", host, limit)
	if response.ContentLength > limit {
		return nil, tooLarge
	}
	var err error
	if answer.Body, err = io.ReadAll(io.LimitReader(response.Body, limit+1)); err != nil {
		return nil, err
	}
	if int64(len(answer.Body)) > limit {
		return nil, tooLarge
	}
	return answer, nil
}

// checkContentType judges the answers that have one to judge: what a failed POST or an empty answer says of itself
// is nobody's concern.
func checkContentType(host string, acceptable []string, response *http.Response) error {
	if len(acceptable) == 0 || response.StatusCode != http.StatusOK {
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(acceptable, mediaType) {
		return ErrContentType.WithMessage("The Content-Type of %s must be %s.", host, strings.Join(acceptable, " or "))
	}
	return nil
}

// site is what shares its turns with others: the registrable domain of a host by the public suffix list, an address
// itself, or a name without a suffix that is known.
func site(host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	if domain, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return domain
	}
	return host
}

// parseURL accepts absolute http and https URLs as RFC 3986 writes them: in ASCII, without user information. Whether
// plain http is acceptable depends on where the host is.
func parseURL(text string) (*url.URL, error) {
	if len(text) > maximumURLBytes {
		return nil, ErrURL.WithMessage("The address is longer than %d bytes.", maximumURLBytes)
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] >= 0x7f {
			return nil, ErrURL.WithMessage("The address contains a character that must be encoded; host names are written in Punycode.")
		}
	}
	parsed, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, ErrURL // the cause would repeat the address
	case parsed.Scheme != "https" && parsed.Scheme != "http":
		return nil, ErrScheme
	case parsed.Hostname() == "" || parsed.Opaque != "" || strings.Contains(parsed.Hostname(), "%"):
		return nil, ErrURL
	case parsed.User != nil:
		return nil, ErrURL.WithMessage("The address must not contain a user name or password.")
	}
	parsed.Fragment, parsed.RawFragment = "", ""
	return parsed, nil
}
