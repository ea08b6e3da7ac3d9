// Package asset holds the static files of the hosted pages: one style sheet, five
// small scripts, two icons and the bundled font, embedded in the binary, each also in the
// compressed forms a browser may ask for.
//
// A file's address carries the hash of its content, so a browser keeps it for ever and
// never shows a page with the style of another release. tokens.css is shared with the
// console, which imports it at its own build.
package asset

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"path"
	"strings"
	"sync"
)

//go:generate go run ./build

//go:embed dist
var dist embed.FS

// Prefix is the path under which Handler expects its files.
const Prefix = "/assets/"

// The names of the files, for URL.
const (
	StyleSheet = "pages.css"
	Script     = "pages.js"
	PostScript = "post.js"
	Icon       = "icon.svg"
	Font       = "inter.woff2"

	LogoutScript  = "logout.js"
	PasskeyScript = "passkey.js"
	WorkScript    = "work.js"

	// ApplicationIcon stands for an application whose logo cannot be had.
	ApplicationIcon = "application.svg"
)

// file is one static file with its compressed forms, "" being the plain one.
type file struct {
	hash        string
	contentType string
	forms       map[string][]byte
}

var contentTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".woff2": "font/woff2",
}

// files is read once. The embedded folder is part of the binary, so a failure is a fault
// of the build and no caller could do anything about it.
var files = sync.OnceValue(func() map[string]file {
	all := map[string]file{}
	entries, err := fs.ReadDir(dist, "dist")
	if err != nil {
		panic("asset: " + err.Error())
	}
	read := func(name string) []byte {
		content, err := fs.ReadFile(dist, "dist/"+name)
		if err != nil {
			return nil
		}
		return content
	}
	for _, entry := range entries {
		name := entry.Name()
		contentType, ok := contentTypes[path.Ext(name)]
		if !ok {
			continue
		}
		forms := map[string][]byte{"": read(name)}
		for encoding, ending := range map[string]string{"br": ".br", "gzip": ".gz"} {
			if content := read(name + ending); content != nil {
				forms[encoding] = content
			}
		}
		sum := sha256.Sum256(forms[""])
		all[name] = file{hash: base64.RawURLEncoding.EncodeToString(sum[:12]), contentType: contentType, forms: forms}
	}
	return all
})

// URL is the address of a file, relative to the host. An unknown name yields an address
// that answers 404.
func URL(name string) string {
	return Prefix + files()[name].hash + "/" + name
}

// Size is the number of bytes of a file as it travels in an encoding ("br", "gzip" or ""
// for none); a file without that form travels plain.
func Size(name, encoding string) int {
	f := files()[name]
	if content, ok := f.forms[encoding]; ok {
		return len(content)
	}
	return len(f.forms[""])
}

// lookup splits "<hash>/<name>" and reports whether the hash is the current one.
func lookup(rest string) (f file, current, ok bool) {
	hash, name, found := strings.Cut(rest, "/")
	if !found {
		return file{}, false, false
	}
	f, ok = files()[name]
	return f, ok && f.hash == hash, ok
}
