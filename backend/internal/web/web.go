// Package web is what every hosted page has in common on the wire: the headers that keep a
// page from being framed, cached or fed with foreign content, and a nonce of its own. What
// a page shows is package page; where it is routed and what it does is decided above.
package web

import (
	"net"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/idna"
)

// policy is the Content Security Policy (CSP Level 3) of a page. Everything is closed but
// what carries the page's nonce, pictures and fonts of our own, forms to ourselves and to
// the given sources, and frames of the given sources.
func policy(nonce string, formSources, frameSources []string) string {
	frames := ""
	if len(frameSources) > 0 {
		frames = "frame-src " + strings.Join(frameSources, " ") + "; "
	}
	return "default-src 'none'; " +
		"script-src 'nonce-" + nonce + "'; " +
		"style-src 'nonce-" + nonce + "'; " +
		"img-src 'self' data:; " +
		"font-src 'self'; " +
		frames +
		"form-action " + strings.Join(append([]string{"'self'"}, formSources...), " ") + "; " +
		"frame-ancestors 'none'; " +
		"base-uri 'none'"
}

// source is the source expression that lets a form's answer lead to an address, or a frame
// show it; "" when there is none. A source is written anew from parsed parts, so no address can add to
// the policy.
//
// Chromium applies form-action to every redirect that follows a form, hence a client's
// redirect URI belongs here. An IPv6 address cannot be written as a source (CSP Level 3
// §2.3.1 knows names and IPv4 only), so its scheme stands for it; so does a native
// application's private-use scheme.
func source(address string) string {
	u, err := url.Parse(address)
	if err != nil || !u.IsAbs() {
		return ""
	}
	scheme := u.Scheme // lower case and within [a-z0-9+.-] by url.Parse
	switch scheme {
	case "javascript", "data", "blob", "about", "file", "filesystem", "view-source":
		return ""
	case "http", "https":
	default:
		return scheme + ":"
	}
	host := u.Hostname()
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		return scheme + ":"
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil || ascii == "" || strings.ContainsFunc(ascii, notHost) {
		return ""
	}
	if port := u.Port(); port != "" {
		return scheme + "://" + ascii + ":" + port
	}
	return scheme + "://" + ascii
}

func notHost(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-')
}

// sources are the distinct sources of addresses, in a stable order.
func sources(addresses []string) []string {
	var found []string
	for _, address := range addresses {
		if expression := source(address); expression != "" {
			found = append(found, expression)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
