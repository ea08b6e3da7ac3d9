package console

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

// dist is the console's export, put here by package build; a fresh clone holds only the placeholder, so
// that it compiles.
//
//go:embed all:dist
var dist embed.FS

const (
	placeholder = "_" // stands for every id in the export
	hashesFile  = "csp-hashes.json"
	indexPage   = "console.html"
	missingPage = "404.html"
	immutable   = "_next/static/"
)

// file is one file of the export.
type file struct {
	name        string // in dist
	contentType string
	etag        string // without quotes; "" for hashed assets, which never change
	encodings   []string
	policy      string // Content-Security-Policy, of pages only
}

// files are the export, indexed once. Contents stay in the binary.
type files struct {
	tree  fs.FS
	named map[string]file
	dirs  map[string]bool
}

var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".txt": "text/x-component; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".json": "application/json", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".png": "image/png", ".ico": "image/x-icon", ".webmanifest": "application/manifest+json",
}

// encodings are the precompressed forms, the best first.
var encodings = []struct{ coding, ending string }{{"br", ".br"}, {"gzip", ".gz"}}

func openFiles() (*files, error) {
	tree, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, err
	}
	return indexFiles(tree)
}

func indexFiles(tree fs.FS) (*files, error) {
	f := &files{tree: tree, named: map[string]file{}, dirs: map[string]bool{}}
	hashes, err := readHashes(tree)
	if err != nil {
		return nil, err
	}
	err = fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			f.dirs[name] = true
			return nil
		}
		contentType, served := contentTypes[path.Ext(name)]
		if !served || name == hashesFile {
			return nil
		}
		indexed := file{name: name, contentType: contentType}
		for _, encoding := range encodings {
			if _, err := fs.Stat(tree, name+encoding.ending); err == nil {
				indexed.encodings = append(indexed.encodings, encoding.coding)
			}
		}
		if !strings.HasPrefix(name, immutable) {
			if indexed.etag, err = digestOf(tree, name); err != nil {
				return err
			}
		}
		if path.Ext(name) == ".html" {
			listed, ok := hashes[name]
			if !ok {
				return fmt.Errorf("console: %s has no entry in %s: build the console again", name, hashesFile)
			}
			indexed.policy = policy(listed.Script)
		}
		f.named[name] = indexed
		return nil
	})
	return f, err
}

type pageHashes struct {
	Script []string `json:"script"`
}

// readHashes reads the hashes of the inline scripts that the build wrote down; none without a build.
func readHashes(tree fs.FS) (map[string]pageHashes, error) {
	raw, err := fs.ReadFile(tree, hashesFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var read struct {
		Version int                   `json:"version"`
		Files   map[string]pageHashes `json:"files"`
	}
	if err := json.Unmarshal(raw, &read); err != nil {
		return nil, fmt.Errorf("console: %s: %w", hashesFile, err)
	}
	if read.Version != 1 {
		return nil, fmt.Errorf("console: %s has version %d, not 1: build the console again", hashesFile, read.Version)
	}
	return read.Files, nil
}

// policy is the Content Security Policy (CSP Level 3) of a page: only our own files, and the inline
// scripts that the build wrote.
func policy(scripts []string) string {
	sources := "'self'"
	for _, hash := range scripts {
		sources += " '" + hash + "'"
	}
	return "default-src 'none'; script-src " + sources + "; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; " +
		"manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}

func digestOf(tree fs.FS, name string) (string, error) {
	content, err := fs.ReadFile(tree, name)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return base64.RawURLEncoding.EncodeToString(sum[:12]), nil
}

// built reports whether there is an export at all.
func (f *files) built() bool {
	_, ok := f.named[indexPage]
	return ok
}

// atRoot names the files at the root of the export that a browser asks for: the data of the first pages.
func (f *files) atRoot() []string {
	var names []string
	for name := range f.named {
		if !strings.Contains(name, "/") && path.Ext(name) == ".txt" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// find returns the file for an address: itself, or the page of that name, or the one exported with the
// placeholder for the ids in it. That holds for pages (HTML) and for their data (RSC, .txt) alike.
func (f *files) find(address string) (file, bool) {
	address = strings.Trim(address, "/")
	if found, ok := f.named[address]; ok && path.Ext(address) != ".html" {
		return found, true
	}
	segments := strings.Split(address, "/")
	if slices.Contains(segments, "..") || slices.Contains(segments, ".") {
		return file{}, false
	}
	folder, last := ".", segments[len(segments)-1]
	for _, segment := range segments[:len(segments)-1] {
		next := path.Join(folder, segment)
		if !f.dirs[next] {
			if next = path.Join(folder, placeholder); !f.dirs[next] {
				return file{}, false
			}
		}
		folder = next
	}
	base, ending := last, ".html"
	if strings.HasSuffix(last, ".txt") {
		base, ending = strings.TrimSuffix(last, ".txt"), ".txt"
	}
	for _, name := range []string{base, placeholder} {
		if found, ok := f.named[path.Join(folder, name+ending)]; ok {
			return found, true
		}
	}
	return file{}, false
}

const notBuilt = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>The console is not built</title></head>
<body><h1>The console is not built</h1><p>This binary was compiled without the console's files. Run <code>make build</code> and start it again.</p></body></html>
`

// serve answers GET and HEAD.
func (f *files) serve(w http.ResponseWriter, r *http.Request) error {
	header := w.Header()
	setPageHeaders(header)
	if !f.built() && !strings.HasPrefix(r.URL.Path, "/_next/") {
		header.Set("Content-Type", "text/html; charset=utf-8")
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		header.Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNotFound)
		_, err := io.WriteString(w, notBuilt)
		return err
	}
	found, ok := f.find(r.URL.Path)
	if ok {
		return f.write(w, r, found, http.StatusOK)
	}
	if missing, ok := f.named[missingPage]; ok && !strings.HasPrefix(r.URL.Path, "/_next/") && path.Ext(r.URL.Path) != ".txt" {
		return f.write(w, r, missing, http.StatusNotFound)
	}
	header.Set("Cache-Control", "no-store")
	http.Error(w, "not found", http.StatusNotFound)
	return nil
}

func setPageHeaders(header http.Header) {
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
}

func (f *files) write(w http.ResponseWriter, r *http.Request, found file, status int) error {
	header := w.Header()
	header.Set("Content-Type", found.contentType)
	if found.policy != "" {
		header.Set("Content-Security-Policy", found.policy)
	}
	name, coding := found.name, negotiate(r.Header.Values("Accept-Encoding"), found.encodings)
	if len(found.encodings) > 0 {
		header.Add("Vary", "Accept-Encoding")
	}
	if coding != "" {
		header.Set("Content-Encoding", coding)
		name += endingOf(coding)
	}
	switch {
	case status != http.StatusOK:
		header.Set("Cache-Control", "no-store")
	case found.etag == "":
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	default:
		header.Set("Cache-Control", "no-cache")
		tag := `"` + found.etag + coding + `"`
		header.Set("ETag", tag)
		if matches(r.Header.Values("If-None-Match"), tag) {
			header.Del("Content-Type")
			header.Del("Content-Encoding")
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	content, err := f.tree.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	if info, err := content.Stat(); err == nil {
		header.Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	}
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, _ = io.Copy(w, content) // an error here is the browser going away
	return nil
}

func endingOf(coding string) string {
	for _, encoding := range encodings {
		if encoding.coding == coding {
			return encoding.ending
		}
	}
	return ""
}

// negotiate picks the best coding that exists and is not refused (RFC 9110 §12.5.3).
func negotiate(accepted, available []string) string {
	for _, coding := range available {
		for _, value := range accepted {
			for item := range strings.SplitSeq(value, ",") {
				name, parameters, _ := strings.Cut(item, ";")
				if !strings.EqualFold(strings.TrimSpace(name), coding) {
					continue
				}
				weight, weighted := strings.CutPrefix(strings.ToLower(strings.ReplaceAll(parameters, " ", "")), "q=")
				if quality, err := strconv.ParseFloat(weight, 64); !weighted || err == nil && quality > 0 {
					return coding
				}
			}
		}
	}
	return ""
}

// matches compares If-None-Match weakly, as RFC 9110 §13.1.2 says.
func matches(values []string, tag string) bool {
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			item = strings.TrimPrefix(strings.TrimSpace(item), "W/")
			if item == tag || item == "*" {
				return true
			}
		}
	}
	return false
}
