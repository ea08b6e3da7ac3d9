// Command ranks refuses imports that go up the house: see ranks.txt for the rule and docs/architecture.md for the
// plan. It reads the source itself, test files included, so it needs no build.
//
//	GOWORK=off go -C tools/ranks run . ../../backend
package main

import (
	_ "embed"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const module = "github.com/clavex/clavex/backend/"

//go:embed ranks.txt
var table string

// plan is ranks.txt, read.
type plan struct {
	rank           map[string]int
	test, gin, dbq []string
}

func readPlan(text string) (plan, error) {
	p := plan{rank: map[string]int{}}
	rank := 0
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "test:":
			p.test = words[1:]
		case "gin:":
			p.gin = words[1:]
		case "dbq:":
			p.dbq = words[1:]
		default:
			rank++
			for _, name := range words {
				if p.rank[name] != 0 {
					return plan{}, fmt.Errorf("ranks.txt names %s twice", name)
				}
				p.rank[name] = rank
			}
		}
	}
	return p, nil
}

// judge returns what is wrong with one import, "" when nothing is. file is the importing file's base name.
func (p plan) judge(importer, file, imported string) string {
	isTest := strings.HasSuffix(file, "_test.go") || slices.Contains(p.test, importer)
	if imported == "github.com/gin-gonic/gin" {
		if file != "http.go" && !isTest && !slices.Contains(p.gin, importer) {
			return "gin is known to delivery, and elsewhere only to files named http.go"
		}
		return ""
	}
	name, ours := strings.CutPrefix(imported, module)
	if !ours {
		return ""
	}
	name = strings.TrimPrefix(name, "internal/")
	if isTest {
		return ""
	}
	if slices.Contains(p.test, name) {
		return "serves tests only"
	}
	if name == "store/dbq" && !slices.Contains(p.dbq, importer) {
		return "only domain packages and store know the generated queries"
	}
	if p.rank[name] == 0 {
		return "has no rank; give it one in tools/ranks/ranks.txt"
	}
	if p.rank[name] >= p.rank[importer] {
		return fmt.Sprintf("rank %d must not import rank %d", p.rank[importer], p.rank[name])
	}
	return ""
}

func check(p plan, root string) (problems []string, files int, err error) {
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == "node_modules" || entry.Name() == "dist") {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		files++
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		importer := strings.TrimPrefix(filepath.ToSlash(folder), "internal/")
		if p.rank[importer] == 0 && !slices.Contains(p.test, importer) {
			problems = append(problems, fmt.Sprintf("%s: the package %s has no rank; give it one in tools/ranks/ranks.txt", path, importer))
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			if problem := p.judge(importer, entry.Name(), strings.Trim(spec.Path.Value, `"`)); problem != "" {
				problems = append(problems, fmt.Sprintf("%s: imports %s: %s", path, spec.Path.Value, problem))
			}
		}
		return nil
	})
	return problems, files, err
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: ranks FOLDER")
		os.Exit(2)
	}
	p, err := readPlan(table)
	if err == nil {
		var problems []string
		var files int
		problems, files, err = check(p, os.Args[1])
		for _, problem := range problems {
			fmt.Fprintln(os.Stderr, problem)
		}
		if len(problems) > 0 {
			err = fmt.Errorf("%d imports break the ranks", len(problems))
		} else if err == nil && files == 0 {
			err = fmt.Errorf("no Go files in %s", os.Args[1])
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ranks:", err)
		os.Exit(1)
	}
}
