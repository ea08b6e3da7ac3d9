//go:build unix

package localpostgres

import (
	"fmt"
	"strings"
)

// InUseError says that another running process holds the data folder.
type InUseError struct {
	Dir     string
	PID     int    // of the process that holds it, 0 when unknown
	Address string // where that process serves, "" when it has not said yet
}

func (e *InUseError) Error() string {
	var who strings.Builder
	if e.PID != 0 {
		fmt.Fprintf(&who, " (process %d", e.PID)
		if e.Address != "" {
			fmt.Fprintf(&who, ", serving at %s", e.Address)
		}
		who.WriteString(")")
	}
	return fmt.Sprintf("the data folder %s is in use by another running Clavex%s; stop that one first, "+
		"or choose another folder with --data-dir", e.Dir, who.String())
}

// ForeignFolderError says that a folder exists, is not empty and was not made by this package.
type ForeignFolderError struct {
	Dir string
}

func (e *ForeignFolderError) Error() string {
	return fmt.Sprintf("%s is not a data folder of Clavex (it has no file %s), so it is left alone; "+
		"name an empty or a new folder with --data-dir", e.Dir, markerName)
}

// VersionError says that the data folder was made by a major version of PostgreSQL that cannot be
// found on this machine.
type VersionError struct {
	Dir   string
	Data  int      // the major version of the data
	Found []string // the versions found
}

func (e *VersionError) Error() string {
	found := "no PostgreSQL"
	if len(e.Found) > 0 {
		found = "PostgreSQL " + strings.Join(e.Found, ", ")
	}
	return fmt.Sprintf("the data folder %s was made by PostgreSQL %d, and this machine has %s; nothing was changed. "+
		"Install PostgreSQL %d, or start afresh: keep the data by naming another folder with --data-dir, "+
		"or delete it with --reset", e.Dir, e.Data, found, e.Data)
}

// PortError says that the port PostgreSQL should listen on is taken.
type PortError struct {
	Port int
}

func (e *PortError) Error() string {
	return fmt.Sprintf("port %d on 127.0.0.1 is in use by another program; stop it, or let PostgreSQL have another port", e.Port)
}

// SpaceError says that the disk has too little room.
type SpaceError struct {
	Dir        string
	Free, Need uint64 // bytes
}

func (e *SpaceError) Error() string {
	return fmt.Sprintf("the disk of %s has %d MiB free and PostgreSQL needs %d MiB; make room, "+
		"or choose a folder on another disk with --data-dir", e.Dir, e.Free>>20, e.Need>>20)
}

// NotFoundError says that no usable PostgreSQL was found and none could be fetched.
type NotFoundError struct {
	Unusable []string // what was found and why it does not serve, one line each
	Cause    error    // why fetching failed
}

func (e *NotFoundError) Error() string {
	text := fmt.Sprintf("PostgreSQL %d or newer was not found, and could not be fetched: %v. "+
		"Install it (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql) and try again", MinimumMajor, e.Cause)
	if len(e.Unusable) > 0 {
		text += ". Found, but of no use: " + strings.Join(e.Unusable, "; ")
	}
	return text
}

func (e *NotFoundError) Unwrap() error { return e.Cause }
