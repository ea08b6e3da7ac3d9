//go:build unix

package localpostgres

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const (
	markerName = "clavex-data-folder.txt"
	markerText = "This folder belongs to Clavex (format 1): `clavex dev` or a test run keeps its database here\n" +
		"and may delete the whole folder when asked to reset. Keep nothing of your own in it.\n"
	// unfinishedPrefix begins the names of what an interrupted start leaves behind.
	unfinishedPrefix = "unfinished-"
	// logLimit is the size in bytes from which the log is put aside at the next start.
	logLimit = 16 << 20
)

const (
	spaceToMake = 300 << 20 // bytes for a new cluster, with room for its write-ahead log
	spaceToRun  = 64 << 20  // bytes for a cluster that exists
)

// folder is a data folder: the marker, the lock, the cluster, its password, port and log.
type folder struct {
	path string // absolute, without symbolic links
}

func (f folder) cluster() string      { return filepath.Join(f.path, "postgresql") }
func (f folder) passwordFile() string { return filepath.Join(f.path, "password") }
func (f folder) portFile() string     { return filepath.Join(f.path, "port") }
func (f folder) log() string          { return filepath.Join(f.path, "postgresql.log") }
func (f folder) marker() string       { return filepath.Join(f.path, markerName) }

// claim makes the folder when it is missing, refuses it when it is somebody else's, and locks it.
func claim(path string, who account) (*lock, folder, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, folder{}, err
	}
	if err := who.checkReach(path); err != nil {
		return nil, folder{}, err
	}
	if err := makeFolders(path, who); err != nil {
		return nil, folder{}, explainWrite(path, err)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return nil, folder{}, err
	}
	if err := who.checkReach(path); err != nil {
		return nil, folder{}, err
	}
	data := folder{path: path}
	if err := data.checkOurs(); err != nil {
		return nil, folder{}, err
	}
	held, err := acquire(data)
	if err != nil {
		return nil, folder{}, explainWrite(path, err)
	}
	if _, err := os.Stat(data.marker()); errors.Is(err, os.ErrNotExist) {
		if err := os.WriteFile(data.marker(), []byte(markerText), 0o644); err != nil {
			held.release()
			return nil, folder{}, explainWrite(path, err)
		}
	}
	return held, data, nil
}

// makeFolders is MkdirAll that lets the server's account through what it makes, whatever the umask.
func makeFolders(path string, who account) error {
	if info, err := os.Stat(path); err == nil {
		if !info.IsDir() {
			return fmt.Errorf("%s is a file, not a folder", path)
		}
		return nil
	}
	if err := makeFolders(filepath.Dir(path), who); err != nil {
		return err
	}
	mode := os.FileMode(0o700)
	if who.switched {
		mode = 0o711
	}
	if err := os.Mkdir(path, mode); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return os.Chmod(path, mode)
}

// explainWrite turns a full disk into a SpaceError.
func explainWrite(path string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		free, _ := freeSpace(path)
		return &SpaceError{Dir: path, Free: free, Need: spaceToMake}
	}
	return err
}

// checkOurs accepts a folder that carries the marker, or that holds nothing at all.
func (f folder) checkOurs() error {
	if _, err := os.Lstat(f.marker()); err == nil {
		return nil
	}
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == lockName { // a run that ended between lock and marker
			continue
		}
		// Another process may have begun here just now; its marker precedes everything else.
		if _, err := os.Lstat(f.marker()); err == nil {
			return nil
		}
		return &ForeignFolderError{Dir: f.path}
	}
	return nil
}

// major returns the major version of the cluster in the folder, 0 when there is none yet.
func (f folder) major() (int, error) {
	text, err := os.ReadFile(filepath.Join(f.cluster(), "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Lstat(f.cluster()); err == nil {
			return 0, fmt.Errorf("%s is damaged: it has no file PG_VERSION; nothing was changed. "+
				"Choose another folder with --data-dir, or delete this one with --reset", f.cluster())
		}
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	version, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("%s is damaged: its PG_VERSION says %q; nothing was changed", f.cluster(), text)
	}
	return version, nil
}

// sweepUnfinished deletes what an interrupted start left; the caller holds the lock.
func (f folder) sweepUnfinished() error {
	left, err := filepath.Glob(filepath.Join(f.path, unfinishedPrefix+"*"))
	if err != nil {
		return err
	}
	for _, path := range left {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// openLog opens the server's log for appending. The file is ours; the server inherits it open.
func (f folder) openLog() (*os.File, error) {
	if info, err := os.Stat(f.log()); err == nil && info.Size() > logLimit {
		if err := os.Rename(f.log(), f.log()+".1"); err != nil {
			return nil, err
		}
	}
	file, err := os.OpenFile(f.log(), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, explainWrite(f.path, err)
	}
	return file, nil
}

// end returns the file's size, the place where the next words will stand.
func end(file *os.File) int64 {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return 0
	}
	return size
}

// lastWords returns the log's last lines after the offset, at most twelve.
func (f folder) lastWords(offset int64) string {
	file, err := os.Open(f.log())
	if err != nil {
		return ""
	}
	defer file.Close()
	if tail := end(file) - 16<<10; tail > offset {
		offset = tail
	}
	text, err := io.ReadAll(io.NewSectionReader(file, offset, 16<<10))
	if err != nil {
		return ""
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-12):], []byte("\n")))
}

// rememberedPort returns the port of the last run, 0 when unknown: bookmarks of it stay good.
func (f folder) rememberedPort() int {
	text, err := os.ReadFile(f.portFile())
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || port < 1024 || port > 65535 {
		return 0
	}
	return port
}

// rememberPort is a convenience: failing to write costs only the same port next time.
func (f folder) rememberPort(port int) {
	_ = os.WriteFile(f.portFile(), []byte(strconv.Itoa(port)+"\n"), 0o644)
}

// freeSpace returns the bytes that an ordinary user may still write on the disk of path.
func freeSpace(path string) (uint64, error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(path, &stat); err != nil {
		return 0, err
	}
	return uint64(stat.Bavail) * uint64(stat.Bsize), nil //nolint:unconvert // the types differ between systems
}

func requireSpace(path string, need uint64) error {
	free, err := freeSpace(path)
	if err != nil {
		return fmt.Errorf("free space of %s: %w", path, err)
	}
	if free < need {
		return &SpaceError{Dir: path, Free: free, Need: need}
	}
	return nil
}

// Remove deletes a data folder with everything in it. It refuses a folder without the marker
// (*ForeignFolderError) and one that is in use (*InUseError); a server that a killed run left behind
// is stopped first. A folder that does not exist is fine.
func Remove(path string) error {
	data := folder{path: path}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if _, err := os.Lstat(data.marker()); err != nil {
		entries, readErr := os.ReadDir(path)
		if readErr == nil && len(entries) == 0 {
			return nil
		}
		return &ForeignFolderError{Dir: path}
	}
	// Whoever the cluster belongs to, deleting needs no reach of theirs.
	held, data, err := claim(path, account{})
	if err != nil {
		return err
	}
	defer held.release()
	if err := recoverLeftover(data); err != nil {
		return err
	}
	return removeLocked(data)
}

// removeLocked deletes marker and lock last, so that an interrupted deletion can be repeated.
func removeLocked(data folder) error {
	entries, err := os.ReadDir(data.path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if name := entry.Name(); name != markerName && name != lockName {
			if err := os.RemoveAll(filepath.Join(data.path, name)); err != nil {
				return err
			}
		}
	}
	for _, name := range []string{markerName, lockName} {
		if err := os.Remove(filepath.Join(data.path, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return os.Remove(data.path)
}
