//go:build unix

package localpostgres

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/clavex/clavex/backend/internal/subprocess"
)

// initialise makes the cluster beside its final place and moves it there when it is whole: an
// interrupted attempt leaves nothing that could be taken for a cluster.
func initialise(ctx context.Context, options Options, programs programs, data folder) error {
	if err := requireSpace(data.path, spaceToMake); err != nil {
		return err
	}
	unfinished, err := os.MkdirTemp(data.path, unfinishedPrefix)
	if err != nil {
		return explainWrite(data.path, err)
	}
	defer os.RemoveAll(unfinished)
	if err := options.account.give(unfinished); err != nil {
		return err
	}
	password := newPassword()
	verifier, err := scramVerifier(password, options.iterations())
	if err != nil {
		return err
	}
	secret, err := data.temporaryFile(verifier + "\n")
	if err != nil {
		return explainWrite(data.path, err)
	}
	defer os.Remove(secret)
	if err := options.account.give(secret); err != nil {
		return err
	}
	arguments := []string{
		"-D", unfinished, "--username=" + superuser, "--pwfile=" + secret, "--auth=scram-sha-256",
		"--encoding=UTF8", "--no-locale", "--lc-ctype=" + characterClasses(),
	}
	if options.throwaway {
		arguments = append(arguments, "--no-sync")
	}
	if err := runLogged(ctx, data, options.account.command(programs.path("initdb"), arguments...)); err != nil {
		return fmt.Errorf("making a PostgreSQL cluster in %s failed: %w", data.path, err)
	}
	if err := data.writePassword(password); err != nil {
		return explainWrite(data.path, err)
	}
	return os.Rename(unfinished, data.cluster())
}

// characterClasses names the locale for upper and lower case of all languages; strings sort by code
// point everywhere (--no-locale), which is fast and the same on every machine.
func characterClasses() string {
	if runtime.GOOS == "darwin" {
		return "UTF-8"
	}
	return "C.UTF-8"
}

// iterations is the cost of SCRAM. Our passwords are random and need no stretching; the developer's
// cluster keeps the customary number for client libraries that insist, tests open connections all the time.
func (o Options) iterations() int {
	if o.throwaway {
		return 1
	}
	return 4096
}

// runLogged runs one of PostgreSQL's programs to its end; its words go to the log and, when it
// fails, into the error.
func runLogged(ctx context.Context, data folder, command *exec.Cmd) error {
	log, err := data.openLog()
	if err != nil {
		return err
	}
	defer log.Close()
	mark := end(log)
	command.Stdout, command.Stderr = log, log
	err = subprocess.Run(ctx, command)
	if err == nil {
		return nil
	}
	return explain(err, data.lastWords(mark))
}

// explain adds the server's words to how it ended.
func explain(err error, words string) error {
	if strings.Contains(words, "No space left on device") {
		return fmt.Errorf("the disk is full; make room and start again, nothing committed is lost (%w):\n%s", err, words)
	}
	if words == "" {
		return err
	}
	return fmt.Errorf("%w; its last words:\n%s", err, words)
}

// ensurePassword reads the cluster's password. When its file is gone, a new password is set: the
// file's folder is ours, and whoever may write there may read the data anyway.
func ensurePassword(ctx context.Context, options Options, programs programs, data folder) (string, error) {
	text, err := os.ReadFile(data.passwordFile())
	if err == nil && len(strings.TrimSpace(string(text))) > 0 {
		return strings.TrimSpace(string(text)), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	options.Progress("The password file is missing: setting a new password")
	password := newPassword()
	verifier, err := scramVerifier(password, options.iterations())
	if err != nil {
		return "", err
	}
	statement, err := data.temporaryFile("ALTER ROLE " + superuser + " PASSWORD '" + verifier + "'\n")
	if err != nil {
		return "", explainWrite(data.path, err)
	}
	defer os.Remove(statement)
	input, err := os.Open(statement)
	if err != nil {
		return "", err
	}
	defer input.Close()
	// Without a running server only the single-user mode can change a role; "-j" is not given, so a
	// newline ends the statement, and exit-on-error makes failing visible.
	command := options.account.command(programs.path("postgres"), "--single", "-D", data.cluster(),
		"-c", "exit_on_error=on", "postgres")
	command.Stdin = input
	if err := runLogged(ctx, data, command); err != nil {
		return "", fmt.Errorf("setting a new password failed: %w", err)
	}
	if err := data.writePassword(password); err != nil {
		return "", explainWrite(data.path, err)
	}
	return password, nil
}

func newPassword() string { return rand.Text() + rand.Text() } // 260 bits

// writePassword replaces the password file as a whole.
func (f folder) writePassword(password string) error {
	temporary, err := f.temporaryFile(password + "\n")
	if err != nil {
		return err
	}
	return os.Rename(temporary, f.passwordFile())
}

// temporaryFile writes a file that only its owner may read and that the next start sweeps away.
func (f folder) temporaryFile(content string) (string, error) {
	file, err := os.CreateTemp(f.path, unfinishedPrefix) // mode 0600
	if err != nil {
		return "", err
	}
	_, err = file.WriteString(content)
	if err = errors.Join(err, file.Close()); err != nil {
		os.Remove(file.Name())
		return "", err
	}
	return file.Name(), nil
}

// scramVerifier computes what PostgreSQL stores of a password (RFC 5803 §2, RFC 7677), so that the
// password itself is never handed over.
func scramVerifier(password string, iterations int) (string, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", err
	}
	keyed := func(label string) []byte {
		mac := hmac.New(sha256.New, salted)
		mac.Write([]byte(label))
		return mac.Sum(nil)
	}
	stored := sha256.Sum256(keyed("Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, encode(salt), encode(stored[:]), encode(keyed("Server Key"))), nil
}
