//go:build unix

package localpostgres

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const (
	throwawayPrefix = "clavex-postgresql-"

	memoryRoot      = "/dev/shm"
	memoryFree      = 2 << 30 // bytes free on memoryRoot: a container's 64 MiB will not do
	memoryAvailable = 6 << 30 // bytes available to the machine
)

// StartThrowaway runs a cluster in a new temporary folder, which Stop deletes with the cluster.
// What killed runs left there is deleted first. Options.DataDir must be empty.
func StartThrowaway(ctx context.Context, options Options) (*Cluster, error) {
	if options.DataDir != "" {
		return nil, errors.New("localpostgres: a throwaway cluster chooses its own folder")
	}
	who, err := serverAccount()
	if err != nil {
		return nil, err
	}
	root := temporaryRoot(who)
	sweepThrowaways(root)
	if options.InMemory && memoryServes(who) {
		root = memoryRoot
		sweepThrowaways(root)
	}
	dir, err := os.MkdirTemp(root, throwawayPrefix)
	if err != nil {
		return nil, explainWrite(root, err)
	}
	if who.switched {
		if err := os.Chmod(dir, 0o711); err != nil {
			return nil, err
		}
	}
	options.DataDir, options.throwaway = dir, true
	cluster, err := Start(ctx, options)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return cluster, nil
}

// temporaryRoot is TMPDIR, unless the server's user may not go there.
func temporaryRoot(who account) string {
	root := os.TempDir()
	if who.checkReach(root) != nil {
		return "/tmp"
	}
	return root
}

// memoryServes reports whether a cluster in memory does no harm: many tests write a few hundred MiB.
// A TMPDIR that somebody set is obeyed instead.
func memoryServes(who account) bool {
	if os.Getenv("TMPDIR") != "" || who.checkReach(memoryRoot) != nil {
		return false
	}
	free, err := freeSpace(memoryRoot)
	return err == nil && free >= memoryFree && availableMemory() >= memoryAvailable
}

// availableMemory returns the bytes that Linux can give without swapping; 0 elsewhere.
func availableMemory() uint64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == "MemAvailable:" {
			kibibytes, err := strconv.ParseUint(fields[1], 10, 64)
			if err != nil {
				return 0
			}
			return kibibytes << 10
		}
	}
	return 0
}

// sweepThrowaways deletes throwaway folders whose process is gone. Others may write to the temporary
// folder, so only a real folder of our own user counts; what cannot be deleted is left.
func sweepThrowaways(root string) {
	left, err := filepath.Glob(filepath.Join(root, throwawayPrefix+"*"))
	if err != nil {
		return
	}
	for _, path := range left {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() {
			continue
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Geteuid() {
			continue
		}
		if _, err := os.Lstat(filepath.Join(path, markerName)); err == nil {
			_ = Remove(path)
		}
	}
}
