//go:build unix

package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/clavex/clavex/backend/internal/seal"
)

// keyFile is the file with the key-encryption key in the data folder of clavex dev.
const keyFile = "key-encryption-key"

// keyEncryptionKey reads the folder's key-encryption key, and makes it at the first start. The caller
// holds the folder's lock, so nobody else makes it at the same moment.
func keyEncryptionKey(dir string) (string, error) {
	path := filepath.Join(dir, keyFile)
	text, err := os.ReadFile(path)
	if err == nil {
		key, err := seal.ParseKey(string(text))
		if err != nil {
			return "", fmt.Errorf("%s: %w; put the right file back, or start afresh with clavex dev --reset", path, err)
		}
		return key.Encode(), os.Chmod(path, 0o600)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	made := seal.GenerateKey(rand.Reader).Encode()
	return made, writeAside(path, []byte(made+"\n"), 0o600)
}

// writeAside writes a file beside its place and renames it: a run that is killed here leaves no half a file.
func writeAside(path string, content []byte, mode os.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(content)
	if err := errors.Join(err, file.Chmod(mode), file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(file.Name(), path)
}
