// Command build turns the sources of package asset into its dist folder: one style sheet
// made of tokens.css and pages.css, the scripts and the font, and beside each text its
// gzip and brotli form. It is run by "go generate" and its output is committed; the test
// in this folder fails when the two differ.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/andybalholm/brotli"
)

func main() {
	source, target := ".", "dist"
	if len(os.Args) == 3 {
		source, target = os.Args[1], os.Args[2]
	}
	if err := run(source, target); err != nil {
		fmt.Fprintln(os.Stderr, "asset/build:", err)
		os.Exit(1)
	}
}

func run(source, target string) error {
	files, err := bundle(source)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(target); err != nil {
		return err
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(target, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// bundle returns the files of dist by name.
func bundle(source string) (map[string][]byte, error) {
	raw := map[string][]byte{}
	for _, name := range []string{"tokens.css", "pages.css", "pages.js", "post.js", "logout.js", "passkey.js", "work.js", "icon.svg", "application.svg", "font/inter.woff2"} {
		content, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return nil, err
		}
		raw[name] = content
	}
	font := raw["font/inter.woff2"]
	sheet := css(string(raw["tokens.css"]) + string(raw["pages.css"]))
	// A file is served as /assets/<hash>/<name>, hence the step up.
	sheet = strings.ReplaceAll(sheet, `"inter.woff2"`, `"../`+hash(font)+`/inter.woff2"`)
	texts := map[string][]byte{
		"pages.css": []byte(sheet),
		"pages.js":  []byte(script(string(raw["pages.js"]))),
		"post.js":   []byte(script(string(raw["post.js"]))),
		"logout.js": []byte(script(string(raw["logout.js"]))),

		"passkey.js": []byte(script(string(raw["passkey.js"]))),
		"work.js":    []byte(script(string(raw["work.js"]))),

		"icon.svg": bytes.TrimSpace(raw["icon.svg"]),

		"application.svg": bytes.TrimSpace(raw["application.svg"]),
	}
	files := map[string][]byte{"inter.woff2": font}
	for name, content := range texts {
		zipped, err := gzipped(content)
		if err != nil {
			return nil, err
		}
		brotlied, err := brotlied(content)
		if err != nil {
			return nil, err
		}
		files[name] = content
		for ending, packed := range map[string][]byte{".gz": zipped, ".br": brotlied} {
			if len(packed) < len(content) {
				files[name+ending] = packed
			}
		}
	}
	return files, nil
}

// hash must agree with the package asset, which computes it from what it embeds.
func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

var (
	cssComment = regexp.MustCompile(`(?s)/\*.*?\*/`)
	space      = regexp.MustCompile(`\s+`)
	cssPunct   = regexp.MustCompile(` ?([{};,>]) ?`)
	cssColon   = regexp.MustCompile(`([{;][a-z-]+): `)
)

// css drops comments and needless white space. It knows the style sheets of this folder,
// not CSS at large: no string there holds a comment or a run of spaces.
func css(text string) string {
	text = cssComment.ReplaceAllString(text, "")
	text = space.ReplaceAllString(text, " ")
	text = cssPunct.ReplaceAllString(text, "$1")
	text = cssColon.ReplaceAllString(text, "$1:")
	return strings.TrimSpace(strings.ReplaceAll(text, ";}", "}"))
}

// script drops whole-line comments and indentation; line ends stay, so nothing depends on
// semicolon insertion.
func script(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "//") {
			continue
		}
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return b.String()
}

func gzipped(content []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func brotlied(content []byte) ([]byte, error) {
	var b bytes.Buffer
	w := brotli.NewWriterLevel(&b, brotli.BestCompression)
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
