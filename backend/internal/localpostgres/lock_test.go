package localpostgres

import (
	"errors"
	"syscall"
	"testing"
)

// Between the fork of another process and its program, that process holds a copy of the lock's file.
func TestAReleasedFolderIsFreeWhileOthersHoldCopiesOfItsFile(t *testing.T) {
	data := folder{path: t.TempDir()}
	held, err := acquire(data)
	if err != nil {
		t.Fatal(err)
	}
	duplicate, err := syscall.Dup(int(held.file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(duplicate) }()
	var used *InUseError
	if _, err := acquire(data); !errors.As(err, &used) {
		t.Errorf("while it is held: %v", err)
	}
	held.release()
	again, err := acquire(data)
	if err != nil {
		t.Fatalf("after it was released: %v", err)
	}
	again.release()
}
