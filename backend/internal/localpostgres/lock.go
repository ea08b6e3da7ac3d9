//go:build unix

package localpostgres

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

const lockName = "lock"

// lock is the hold of this process on a data folder. The kernel lets go of it when the process ends,
// however it ends, so a stale lock cannot exist; the file's content only tells others who we are.
type lock struct {
	file *os.File
}

type holder struct {
	PID     int    `json:"pid"`
	Address string `json:"address,omitempty"`
}

// acquire takes the lock or says who has it.
func acquire(data folder) (*lock, error) {
	path := filepath.Join(data.path, lockName)
	for {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
		if err != nil {
			return nil, err
		}
		if err := flock(file); err != nil {
			file.Close()
			if !errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, fmt.Errorf("lock %s: %w", path, err)
			}
			return nil, inUse(data, path)
		}
		// The file may have been deleted with its folder between opening and locking.
		opened, openedErr := file.Stat()
		current, currentErr := os.Stat(path)
		if openedErr == nil && currentErr == nil && os.SameFile(opened, current) {
			held := &lock{file: file}
			held.announce("")
			return held, nil
		}
		file.Close()
		if _, err := os.Stat(data.path); err != nil {
			return nil, err
		}
	}
}

func flock(file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func inUse(data folder, path string) error {
	text, err := os.ReadFile(path)
	var who holder
	if err != nil || json.Unmarshal(text, &who) != nil {
		return &InUseError{Dir: data.path} // the holder is just writing
	}
	return &InUseError{Dir: data.path, PID: who.PID, Address: who.Address}
}

// announce writes who holds the folder. It is for the other program's message, so failing is no fault.
func (l *lock) announce(address string) {
	text, err := json.Marshal(holder{PID: os.Getpid(), Address: address})
	if err != nil {
		return
	}
	if l.file.Truncate(0) == nil {
		_, _ = l.file.WriteAt(append(text, '\n'), 0)
	}
}

// release lets go of the folder; the file stays, empty of meaning. Closing alone would not do: a process that is being
// started at this moment holds a copy of every open file until it runs its program.
func (l *lock) release() {
	_ = syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN)
	_ = l.file.Close()
}
