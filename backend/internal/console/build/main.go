// Command build puts the console's export where the binary embeds it, with the compressed forms that
// browsers ask for:
//
//	go run ./internal/console/build ../console/out internal/console/dist
//
// Files that grow by compression, and those that are compressed already, have no further forms.
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/andybalholm/brotli"
)

// minimumBytes is the size from which compressing saves a packet.
const minimumBytes = 1024

var compressible = []string{".html", ".txt", ".js", ".css", ".json", ".svg", ".webmanifest"}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: build <export folder> <folder to embed>")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func run(from, to string) error {
	if _, err := os.Stat(filepath.Join(from, "csp-hashes.json")); err != nil {
		return fmt.Errorf("%s holds no finished export of the console: %w", from, err)
	}
	written := map[string]bool{filepath.Join(to, ".gitkeep"): true}
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return write(filepath.Join(to, name), content, written)
	})
	if err != nil {
		return err
	}
	return removeOthers(to, written)
}

// removeOthers removes what an earlier export left behind. It comes last, so that a compiler running at the
// same time never misses a file that it has just listed.
func removeOthers(folder string, keep map[string]bool) error {
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || keep[path] {
			return err
		}
		return os.Remove(path)
	})
}

func write(path string, content []byte, written map[string]bool) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	forms := map[string][]byte{"": content}
	if slices.Contains(compressible, filepath.Ext(path)) && filepath.Base(path) != "csp-hashes.json" && len(content) >= minimumBytes {
		for ending, make := range map[string]func(io.Writer) (io.WriteCloser, error){
			".br": func(w io.Writer) (io.WriteCloser, error) {
				return brotli.NewWriterLevel(w, brotli.BestCompression), nil
			},
			".gz": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzip.BestCompression) },
		} {
			compressed, err := compress(content, make)
			if err != nil {
				return err
			}
			if len(compressed) < len(content) {
				forms[ending] = compressed
			}
		}
	}
	for ending, form := range forms {
		written[path+ending] = true
		if err := os.WriteFile(path+ending, form, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func compress(content []byte, make func(io.Writer) (io.WriteCloser, error)) ([]byte, error) {
	var compressed bytes.Buffer
	writer, err := make(&compressed)
	if err != nil {
		return nil, err
	}
	if _, err := writer.Write(content); err != nil {
		return nil, err
	}
	err = writer.Close()
	return compressed.Bytes(), err
}
