//go:build unix

package localpostgres

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the user that PostgreSQL's programs run as.
type account struct {
	name     string
	uid, gid uint32
	switched bool // not the user that we run as
}

// serverAccount picks ourselves, or for root the user postgres, else nobody.
func serverAccount() (account, error) {
	if uid := os.Geteuid(); uid != 0 {
		return account{name: "uid " + strconv.Itoa(uid), uid: uint32(uid), gid: uint32(os.Getegid())}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
		if uidErr != nil || gidErr != nil || uid == 0 {
			continue
		}
		return account{name: name, uid: uint32(uid), gid: uint32(gid), switched: true}, nil
	}
	return account{}, errors.New("PostgreSQL refuses to run as root, and this machine has neither a user postgres nor nobody " +
		"to run it as; add one (useradd --system postgres) or run as an ordinary user")
}

// command prepares a program of PostgreSQL's to run as the account. The environment is made new:
// PGDATA, PGOPTIONS and their like must not reach our cluster, nor the user's locale its messages.
func (a account) command(path string, args ...string) *exec.Cmd {
	command := exec.Command(path, args...)
	command.Dir = "/" // the account may not be allowed into the current folder
	command.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=/"}
	if a.switched {
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: a.uid, Gid: a.gid}}
	}
	return command
}

// give makes the account the owner of a file or folder.
func (a account) give(path string) error {
	if !a.switched {
		return nil
	}
	return os.Lchown(path, int(a.uid), int(a.gid))
}

// checkReach reports which folder on the way to path keeps the account out. Parts that do not exist
// yet are fine: we make them.
func (a account) checkReach(path string) error {
	if !a.switched {
		return nil
	}
	for dir := path; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err == nil && info.IsDir() && !a.mayEnter(info) {
			return fmt.Errorf("PostgreSQL runs as the user %s, who may not enter %s, so %s cannot be used; "+
				"choose a folder that is open to everyone, such as one below /var/lib", a.name, dir, path)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func (a account) mayEnter(info os.FileInfo) bool {
	mode := info.Mode().Perm()
	owner, known := info.Sys().(*syscall.Stat_t)
	switch {
	case known && owner.Uid == a.uid:
		return mode&0o100 != 0
	case known && owner.Gid == a.gid:
		return mode&0o010 != 0
	default:
		return mode&0o001 != 0
	}
}
