package asset

import (
	"net/http"
	"strconv"
	"strings"
)

// Handler serves the files under Prefix to GET and HEAD.
//
// A name that exists under a hash of another release is answered with the current content
// and without permission to store it: during a rolling upgrade the page may come from the
// new replica and the style sheet from the old one, and an unstyled sign-in page would be
// worse than one painted by its neighbour. Any other address is 404.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		rest, ok := strings.CutPrefix(r.URL.Path, Prefix)
		if !ok {
			notFound(w)
			return
		}
		f, current, ok := lookup(rest)
		if !ok {
			notFound(w)
			return
		}
		f.serve(w, r, current)
	})
}

func notFound(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "not found", http.StatusNotFound)
}

func (f file) serve(w http.ResponseWriter, r *http.Request, current bool) {
	header := w.Header()
	header.Set("Content-Type", f.contentType)
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	// An SVG opened by itself is a document.
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	if current {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		header.Set("Cache-Control", "no-store")
	}
	content := f.forms[""]
	if len(f.forms) > 1 {
		header.Set("Vary", "Accept-Encoding")
		for _, encoding := range []string{"br", "gzip"} {
			if form, ok := f.forms[encoding]; ok && accepts(r.Header.Values("Accept-Encoding"), encoding) {
				header.Set("Content-Encoding", encoding)
				content = form
				break
			}
		}
	}
	header.Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		// An error here is the browser going away.
		_, _ = w.Write(content)
	}
}

// accepts reads Accept-Encoding (RFC 9110 §12.5.3) as far as needed: the coding is named
// and not refused with a weight of zero.
func accepts(values []string, encoding string) bool {
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			name, parameters, _ := strings.Cut(item, ";")
			if !strings.EqualFold(strings.TrimSpace(name), encoding) {
				continue
			}
			weight, found := strings.CutPrefix(strings.ToLower(strings.ReplaceAll(parameters, " ", "")), "q=")
			if !found {
				return true
			}
			q, err := strconv.ParseFloat(weight, 64)
			return err == nil && q > 0
		}
	}
	return false
}
