//go:build unix

package localpostgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// programs is a folder with PostgreSQL's initdb and postgres.
type programs struct {
	dir     string
	version string // as in "15.8", "18beta1"
	major   int
}

func (p programs) path(name string) string { return filepath.Join(p.dir, name) }

// findPrograms picks the programs for a data folder: of its major version, or for a new folder (0)
// the first found of MinimumMajor or newer. When the machine has none, they are fetched.
func findPrograms(ctx context.Context, options Options, major int) (programs, error) {
	root, err := options.fetchRoot()
	if err != nil {
		return programs{}, err
	}
	dirs := options.SearchPath
	if dirs == nil {
		dirs = machineFolders()
	}
	fetchable, published := archiveFor(platform())
	if published {
		dirs = append(slices.Clone(dirs), fetchable.folder(root))
	}
	var found, unusable []string
	for _, dir := range dirs {
		candidate, err := inspect(dir, options.account)
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil:
			unusable = append(unusable, err.Error())
			continue
		case candidate.major == major, major == 0 && candidate.major >= MinimumMajor:
			return candidate, nil
		}
		found = append(found, candidate.version)
		unusable = append(unusable, fmt.Sprintf("%s is version %s", candidate.dir, candidate.version))
	}
	if major != 0 && (!published || fetchable.major() != major) {
		slices.Sort(found)
		return programs{}, &VersionError{Dir: options.DataDir, Data: major, Found: slices.Compact(found)}
	}
	if !published {
		return programs{}, &NotFoundError{Unusable: unusable, Cause: fmt.Errorf("there is none to fetch for %s", platform())}
	}
	dir, err := fetch(ctx, fetchable, root, options)
	if err != nil {
		return programs{}, &NotFoundError{Unusable: unusable, Cause: err}
	}
	fetched, err := inspect(dir, options.account)
	if err != nil {
		return programs{}, &NotFoundError{Unusable: unusable, Cause: fmt.Errorf("what was fetched does not run: %w", err)}
	}
	return fetched, nil
}

// machineFolders lists where PostgreSQL's programs may be, in order of preference. Debian keeps them
// out of PATH, one folder per version.
func machineFolders() []string {
	var dirs []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if !filepath.IsAbs(dir) {
			continue // a folder of whoever stands in it is no place to run programs from
		}
		if real, err := filepath.EvalSymlinks(filepath.Join(dir, "initdb")); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*",
		"/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			continue
		}
		slices.SortFunc(matches, func(a, b string) int { return cmp.Compare(lastNumber(b), lastNumber(a)) })
		dirs = append(dirs, matches...)
	}
	if output, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(output)))
	}
	seen := make(map[string]bool, len(dirs))
	return slices.DeleteFunc(dirs, func(dir string) bool {
		known := seen[dir]
		seen[dir] = true
		return known
	})
}

var digits = regexp.MustCompile(`\d+`)

// lastNumber reads the version out of a folder's name.
func lastNumber(path string) int {
	all := digits.FindAllString(path, -1)
	if len(all) == 0 {
		return 0
	}
	number, err := strconv.Atoi(all[len(all)-1])
	if err != nil {
		return 0
	}
	return number
}

var versionLine = regexp.MustCompile(`\(PostgreSQL\) ((\d+)\S*)`)

// inspect asks the programs in a folder for their version, as the user who will run them. The error
// is os.ErrNotExist when there are none.
func inspect(dir string, who account) (programs, error) {
	found := programs{dir: dir}
	for _, name := range []string{"postgres", "initdb"} {
		info, err := os.Stat(found.path(name))
		if err != nil {
			return programs{}, os.ErrNotExist
		}
		if info.IsDir() || info.Mode().Perm()&0o111 == 0 {
			return programs{}, os.ErrNotExist
		}
	}
	if err := who.checkReach(dir); err != nil {
		return programs{}, fmt.Errorf("%s is closed to the user %s", dir, who.name)
	}
	output, err := who.command(found.path("postgres"), "--version").CombinedOutput()
	if err != nil {
		return programs{}, fmt.Errorf("%s does not run: %w: %s", found.path("postgres"), err, strings.TrimSpace(string(output)))
	}
	match := versionLine.FindStringSubmatch(string(output))
	if match == nil {
		return programs{}, fmt.Errorf("%s does not say its version", found.path("postgres"))
	}
	found.version = match[1]
	if found.major, err = strconv.Atoi(match[2]); err != nil {
		return programs{}, fmt.Errorf("%s does not say its version", found.path("postgres"))
	}
	return found, nil
}
