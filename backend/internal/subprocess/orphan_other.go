//go:build unix && !linux

package subprocess

import "syscall"

// signalWhenOrphaned does nothing: only Linux can signal a child at its parent's death.
func signalWhenOrphaned(*syscall.SysProcAttr, syscall.Signal) {}
