package asset

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, method, path, encoding string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	if encoding != "" {
		r.Header.Set("Accept-Encoding", encoding)
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestEveryFileIsServed(t *testing.T) {
	t.Parallel()
	for name, contentType := range map[string]string{
		StyleSheet: "text/css; charset=utf-8", Script: "text/javascript; charset=utf-8", PostScript: "text/javascript; charset=utf-8",
		Icon: "image/svg+xml", ApplicationIcon: "image/svg+xml", Font: "font/woff2",
	} {
		response := get(t, http.MethodGet, URL(name), "")
		body, _ := io.ReadAll(response.Body)
		if response.StatusCode != http.StatusOK || len(body) != Size(name, "") {
			t.Errorf("%s: %d with %d bytes", name, response.StatusCode, len(body))
		}
		for header, want := range map[string]string{
			"Content-Type": contentType, "Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff",
			"Content-Encoding": "",
		} {
			if got := response.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q", name, header, got)
			}
		}
	}
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]string{
		"gzip, deflate, br, zstd": "br", "gzip": "gzip", "GZIP": "gzip", "br;q=0, gzip": "gzip", "br; q=0.0, gzip;q=0": "",
		"identity": "", "": "", "brotli": "", "br;q=x": "", "gzip;q=0.2": "gzip",
	} {
		response := get(t, http.MethodGet, URL(StyleSheet), accept)
		body, _ := io.ReadAll(response.Body)
		if got := response.Header.Get("Content-Encoding"); got != want {
			t.Errorf("%q: encoding %q, want %q", accept, got, want)
		}
		if len(body) != Size(StyleSheet, want) {
			t.Errorf("%q: %d bytes", accept, len(body))
		}
		if response.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: a cache would mix the forms", accept)
		}
	}
	response := get(t, http.MethodGet, URL(StyleSheet), "gzip")
	reader, err := gzip.NewReader(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(reader); err != nil || len(plain) != Size(StyleSheet, "") {
		t.Errorf("unpacked %d bytes, %v", len(plain), err)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]int{
		"/assets/": 404, "/assets/pages.css": 404, "/assets/x/": 404, "/assets/x/nothing.css": 404, "/assets/x/pages.css.br": 404,
		"/assets/x/../asset.go": 404, "/assets/x/y/pages.css": 404, "/other": 404,
	} {
		response := get(t, http.MethodGet, path, "")
		if response.StatusCode != want || response.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, %s", path, response.StatusCode, response.Header.Get("Cache-Control"))
		}
	}
	// Another release's page asks this replica.
	response := get(t, http.MethodGet, "/assets/0123456789abcdef/pages.css", "br")
	if response.StatusCode != http.StatusOK || response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("another release's hash: %d, %s", response.StatusCode, response.Header.Get("Cache-Control"))
	}
	if response := get(t, http.MethodPost, URL(StyleSheet), ""); response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") == "" {
		t.Errorf("POST: %d", response.StatusCode)
	}
	response = get(t, http.MethodHead, URL(StyleSheet), "")
	if body, _ := io.ReadAll(response.Body); len(body) != 0 || response.Header.Get("Content-Length") == "" {
		t.Errorf("HEAD has a body of %d bytes", len(body))
	}
}

func TestStyleSheetFindsTheFontAndNothingElse(t *testing.T) {
	t.Parallel()
	sheet := string(files()[StyleSheet].forms[""])
	urls := regexp.MustCompile(`url\("?([^")]+)"?\)`).FindAllStringSubmatch(sheet, -1)
	if len(urls) != 1 || Prefix+strings.TrimPrefix(urls[0][1], "../") != URL(Font) {
		t.Errorf("the sheet refers to %v, the font is at %s", urls, URL(Font))
	}
	if strings.Contains(sheet, "@import") {
		t.Error("the sheet imports another")
	}
	// Physical directions would be wrong in a right-to-left language.
	if found := regexp.MustCompile(`[{;](margin|padding|border)-(left|right)|[{;](left|right):|text-align:(left|right)`).FindString(sheet); found != "" {
		t.Errorf("physical direction %q", found)
	}
	// Every token that is used is defined.
	defined := map[string]bool{}
	for _, m := range regexp.MustCompile(`(--[a-z0-9-]+):`).FindAllStringSubmatch(sheet, -1) {
		defined[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`var\((--[a-z0-9-]+)`).FindAllStringSubmatch(sheet, -1) {
		if !defined[m[1]] {
			t.Errorf("%s is used and not defined", m[1])
		}
	}
}

func TestURLOfNothing(t *testing.T) {
	t.Parallel()
	if response := get(t, http.MethodGet, URL("nothing"), ""); response.StatusCode != http.StatusNotFound {
		t.Errorf("%d", response.StatusCode)
	}
}
