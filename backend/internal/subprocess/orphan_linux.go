package subprocess

import "syscall"

// signalWhenOrphaned asks the kernel for a signal at our death. Go sets it after it changed the
// user, which would have cleared it, and before exec, which keeps it.
func signalWhenOrphaned(attributes *syscall.SysProcAttr, signal syscall.Signal) {
	attributes.Pdeathsig = signal
}
