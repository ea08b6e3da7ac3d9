package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
)

func TestDistIsUpToDate(t *testing.T) {
	want, err := bundle("..")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir("../dist")
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(want) {
		t.Errorf("dist holds %d files, %d are built", len(entries), len(want))
	}
	for name, content := range want {
		got, err := os.ReadFile(filepath.Join("../dist", name))
		if err != nil {
			t.Error(err)
			continue
		}
		// Compressors may change between toolchains; what they hold may not.
		got, content = unpack(t, name, got), unpack(t, name, content)
		if !bytes.Equal(got, content) {
			t.Errorf("dist/%s is out of date: run go generate ./internal/web/asset", name)
		}
	}
}

func unpack(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	var reader io.Reader = bytes.NewReader(content)
	switch filepath.Ext(name) {
	case ".gz":
		r, err := gzip.NewReader(reader)
		if err != nil {
			t.Fatal(err)
		}
		reader = r
	case ".br":
		reader = brotli.NewReader(reader)
	}
	out, err := io.ReadAll(reader)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out
}

func TestStyleSheetKeepsItsMeaning(t *testing.T) {
	got := css("/* a */\n:root {\n  --a: 1px;\n}\n\n@media (min-width: 30rem) and (x: y) {\n  a > b,\n  c:hover {\n    font: 1px / 2 var(--x);\n    transition: a 1s;\n  }\n}\n")
	want := ":root{--a:1px}@media (min-width: 30rem) and (x: y){a>b,c:hover{font:1px / 2 var(--x);transition:a 1s}}"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if strings.Contains(script("// x\n\ta();\n\n"), "//") {
		t.Error("comment kept")
	}
}
