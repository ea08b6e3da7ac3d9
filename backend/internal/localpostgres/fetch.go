//go:build unix

package localpostgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// mavenCentral is where the archives are published.
const mavenCentral = "https://repo1.maven.org/maven2"

// archive is a build of PostgreSQL by https://github.com/zonkyio/embedded-postgres-binaries, known
// by its Maven coordinates. The digest is the one its publisher put beside it; pinning it here means
// that neither a mirror nor a later upload can change what runs on a developer's machine.
type archive struct {
	build   string // the part of the coordinates that names system and processor
	version string
	sha256  string // of the jar
	size    int64  // of the jar, bytes
}

const (
	fetchStall = 30 * time.Second // without a byte for so long, a download is given up
	// spaceToFetch covers the archive, its inner archive and what they unpack to, in bytes.
	spaceToFetch = 400 << 20
	fetchPrefix  = "fetch-"
)

// platform names this machine for archiveFor.
func platform() string {
	system := runtime.GOOS
	if system == "linux" {
		if _, err := os.Stat("/etc/alpine-release"); err == nil {
			system = "linux-musl"
		}
	}
	return system + "/" + runtime.GOARCH
}

// archiveFor returns the build for a platform. The Macintosh build holds code for both processors;
// the publisher's index for linux-arm64v8 ends at 18.4.0.
func archiveFor(platform string) (archive, bool) {
	switch platform {
	case "linux/amd64":
		return archive{"linux-amd64", "18.6.0", "008ee189eaa7ca2b58bd01dd950291e638b998392cf982297acd4779ec898ac1", 15119738}, true
	case "linux-musl/amd64":
		return archive{"linux-amd64-alpine", "18.6.0", "1568b3805c3a3b99b5f4f0d7f6cf16e2a39075462ed47a614bfbabd92508350d", 14856560}, true
	case "linux/arm64":
		return archive{"linux-arm64v8", "18.4.0", "a9ec284923b9a7d2db41509bfb88c3d0eeb9f4aa5e2b29ea0aac5e8dbaf4c335", 14176928}, true
	case "darwin/amd64", "darwin/arm64":
		return archive{"darwin-amd64", "18.6.0", "690941008aac9ee360820fde9bb7870a4f3dcac5e9e2f9e45e42333a436ad0f9", 71185174}, true
	default:
		return archive{}, false
	}
}

func (a archive) major() int {
	text, _, _ := strings.Cut(a.version, ".")
	major, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return major
}

// folder is where the archive's programs are once unpacked.
func (a archive) folder(root string) string {
	return filepath.Join(root, "postgresql-"+a.version+"-"+a.build, "bin")
}

func (a archive) address(repository string) string {
	name := "embedded-postgres-binaries-" + a.build
	return fmt.Sprintf("%s/io/zonky/test/postgres/%s/%s/%s-%s.jar", strings.TrimRight(repository, "/"), name, a.version, name, a.version)
}

func (o Options) fetchRoot() (string, error) {
	if o.binaryRoot != "" {
		return o.binaryRoot, nil
	}
	return defaultRoot()
}

// fetch downloads, verifies and unpacks the archive below root and returns the folder of its
// programs. Nothing appears there before it is whole, so an interrupted fetch is simply repeated and
// two at once do no harm.
func fetch(ctx context.Context, wanted archive, root string, options Options) (string, error) {
	if err := options.account.checkReach(root); err != nil {
		return "", err
	}
	if err := makeFolders(root, options.account); err != nil {
		return "", explainWrite(root, err)
	}
	if err := requireSpace(root, spaceToFetch); err != nil {
		return "", err
	}
	sweepFetches(root, time.Now())
	work, err := os.MkdirTemp(root, fetchPrefix)
	if err != nil {
		return "", explainWrite(root, err)
	}
	defer os.RemoveAll(work)

	repository := options.Repository
	if repository == "" {
		repository = mavenCentral
	}
	jar := filepath.Join(work, "archive.jar")
	if err := download(ctx, wanted, wanted.address(repository), jar, options.Progress); err != nil {
		return "", explainWrite(root, err)
	}
	options.Progress("Unpacking PostgreSQL " + wanted.version)
	unpacked := filepath.Join(work, "unpacked")
	if err := unpack(ctx, jar, unpacked); err != nil {
		return "", explainWrite(root, fmt.Errorf("unpack PostgreSQL: %w", err))
	}
	final := filepath.Dir(wanted.folder(root))
	if err := os.Rename(unpacked, final); err != nil {
		if _, statErr := os.Stat(filepath.Join(final, "bin", "postgres")); statErr != nil {
			return "", err
		} // else another process was quicker
	}
	return wanted.folder(root), nil
}

// sweepFetches deletes what killed fetches left; a fetch in progress is younger.
func sweepFetches(root string, now time.Time) {
	left, err := filepath.Glob(filepath.Join(root, fetchPrefix+"*"))
	if err != nil {
		return
	}
	for _, path := range left {
		if info, err := os.Lstat(path); err == nil && now.Sub(info.ModTime()) > time.Hour {
			_ = os.RemoveAll(path)
		}
	}
}

// download tries three times, since a network that breaks once often works the next time. A wrong
// digest or an answer that says no is final.
func download(ctx context.Context, wanted archive, address, path string, progress func(string)) error {
	host := address
	if parsed, err := url.Parse(address); err == nil {
		host = parsed.Host
	}
	progress(fmt.Sprintf("Fetching PostgreSQL %s from %s (%d MiB)", wanted.version, host, wanted.size>>20))
	const attempts = 3
	for attempt := 1; ; attempt++ {
		err := downloadOnce(ctx, wanted, address, path, progress)
		var final *finalError
		if err == nil || attempt == attempts || ctx.Err() != nil || errors.As(err, &final) {
			return err
		}
		progress(fmt.Sprintf("The download broke off (%v), trying again", err))
		select {
		case <-time.After(time.Duration(attempt) * time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// finalError marks a failure that trying again does not cure.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

func downloadOnce(ctx context.Context, wanted archive, address, path string, progress func(string)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(fetchStall, func() { cancel(fmt.Errorf("nothing arrived for %s", fetchStall)) })
	defer watchdog.Stop()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return &finalError{err}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		err := fmt.Errorf("%s answers %s", address, response.Status)
		if response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests {
			return err
		}
		return &finalError{err}
	}
	file, err := os.Create(path)
	if err != nil {
		return &finalError{err}
	}
	defer file.Close()
	digest := sha256.New()
	meter := &meter{total: wanted.size, progress: progress, watchdog: watchdog, last: time.Now()}
	// One byte more than expected is enough to know that the digest will not match.
	body := io.TeeReader(io.LimitReader(response.Body, wanted.size+1), io.MultiWriter(digest, meter))
	if _, err := io.Copy(file, body); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if errors.Is(err, io.ErrUnexpectedEOF) || response.ContentLength < 0 {
			return err
		}
		return fmt.Errorf("download %s: %w", address, err)
	}
	if got := hex.EncodeToString(digest.Sum(nil)); got != wanted.sha256 {
		return &finalError{fmt.Errorf("%s is not the published archive: its SHA-256 is %s, expected %s; nothing of it was used",
			address, got, wanted.sha256)}
	}
	return file.Close()
}

// meter reports a download's progress every two seconds and keeps its watchdog quiet.
type meter struct {
	total, seen int64
	progress    func(string)
	watchdog    *time.Timer
	last        time.Time
}

// Write implements io.Writer.
func (m *meter) Write(data []byte) (int, error) {
	m.seen += int64(len(data))
	m.watchdog.Reset(fetchStall)
	if now := time.Now(); now.Sub(m.last) >= 2*time.Second {
		m.last = now
		m.progress(fmt.Sprintf("  %d %% of %d MiB", min(100, m.seen*100/max(1, m.total)), m.total>>20))
	}
	return len(data), nil
}
