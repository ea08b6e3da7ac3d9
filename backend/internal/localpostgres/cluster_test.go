//go:build unix

package localpostgres

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// place returns a data folder that does not exist yet, where PostgreSQL's user may go.
func place(t *testing.T) string {
	t.Helper()
	who, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	root := temporaryRoot(who)
	if memoryServes(who) {
		root = memoryRoot // making a cluster syncs the disk
	}
	parent, err := os.MkdirTemp(root, "clavex-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(parent) })
	if err := os.Chmod(parent, 0o711); err != nil {
		t.Fatal(err)
	}
	parent, err = filepath.EvalSymlinks(parent)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(parent, "new", "data")
}

func quick(dir string) Options {
	return Options{DataDir: dir, Settings: map[string]string{"fsync": "off", "shared_buffers": "16MB"}}
}

func start(t *testing.T, options Options) *Cluster {
	t.Helper()
	cluster, err := Start(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return cluster
}

func query(t *testing.T, cluster *Cluster, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), cluster.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(context.Background(), sql)
	if err != nil {
		t.Fatal(err)
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(values, ",")
}

// died waits for the report of an end that nobody asked for.
func died(t *testing.T, cluster *Cluster) error {
	t.Helper()
	select {
	case err := <-cluster.Done():
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("Done said nothing")
		return nil
	}
}

func TestSecondStartKeepsDataAndPort(t *testing.T) {
	t.Parallel()
	dir := place(t)
	first := start(t, quick(dir))
	if err := first.EnsureDatabase(t.Context(), `odd "name"`); err != nil {
		t.Fatal(err)
	}
	if err := first.EnsureDatabase(t.Context(), `odd "name"`); err != nil {
		t.Errorf("making a database twice: %v", err)
	}
	query(t, first, "CREATE TABLE kept AS SELECT 'kept' AS word")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := first.Stop(ended); err != nil {
		t.Fatal(err)
	}
	if err := died(t, first); err != nil {
		t.Errorf("Done after Stop = %v, want nil", err)
	}
	log, err := os.ReadFile(first.LogFile())
	if err != nil || !strings.Contains(string(log), "database system is shut down") {
		t.Errorf("a context that has ended made the shutdown unclean: %v\n%s", err, log)
	}

	second := start(t, quick(dir))
	if got := query(t, second, "SELECT word FROM kept"); got != "kept" {
		t.Errorf("after the second start: %q", got)
	}
	if second.URL("postgres") != first.URL("postgres") {
		t.Errorf("address changed from %s to %s", first.Address(), second.Address())
	}
	if got := query(t, second, "SELECT upper('à') || (SELECT 'Z' < 'a')::text || current_setting('timezone')"); got != "ÀtrueUTC" {
		t.Errorf("locale = %s: letters of all languages, order of code points, UTC", got)
	}
}

func TestOnlyTheOwnerGetsIn(t *testing.T) {
	t.Parallel()
	cluster := start(t, quick(place(t)))
	info, err := os.Stat(cluster.folder.passwordFile())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("password file: %v, %v", info.Mode(), err)
	}
	if conn, err := pgx.Connect(t.Context(), strings.Replace(cluster.URL("postgres"), cluster.password, "wrong", 1)); err == nil {
		conn.Close(t.Context())
		t.Error("a wrong password was accepted")
	}
	if got := query(t, cluster, "SELECT current_setting('listen_addresses') || current_setting('unix_socket_directories')"); got != "127.0.0.1" {
		t.Errorf("listens on %s", got)
	}
	if got := query(t, cluster, "SELECT left(rolpassword, 18) FROM pg_authid WHERE rolname = 'clavex'"); got != "SCRAM-SHA-256$4096" {
		t.Errorf("password stored as %s…", got)
	}
}

func TestFolderInUse(t *testing.T) {
	t.Parallel()
	dir := place(t)
	cluster := start(t, quick(dir))
	cluster.Announce("http://localhost:8080")
	for name, try := range map[string]func() error{
		"start":  func() error { _, err := Start(t.Context(), quick(dir)); return err },
		"remove": func() error { return Remove(dir) },
	} {
		var taken *InUseError
		if err := try(); !errors.As(err, &taken) || taken.PID != os.Getpid() || taken.Address != "http://localhost:8080" {
			t.Errorf("%s: %v", name, err)
		} else if !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) || !strings.Contains(err.Error(), "http://localhost:8080") {
			t.Errorf("%s: the message does not say who: %v", name, err)
		}
	}
	if query(t, cluster, "SELECT 'alive'") != "alive" {
		t.Error("the running cluster suffered")
	}
}

func TestTwoStartsAtOnce(t *testing.T) {
	t.Parallel()
	dir := place(t)
	var started, refused int
	var guard sync.Mutex
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			cluster, err := Start(context.Background(), quick(dir))
			guard.Lock()
			defer guard.Unlock()
			var taken *InUseError
			switch {
			case err == nil:
				started++
				t.Cleanup(func() { cluster.Stop(context.Background()) })
			case errors.As(err, &taken):
				refused++
			default:
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if started != 1 || refused != 2 {
		t.Errorf("%d started and %d were refused, want 1 and 2", started, refused)
	}
}

func TestForeignFolderIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := place(t)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Remove(dir); err != nil {
		t.Errorf("removing an empty folder: %v", err)
	}
	letter := filepath.Join(dir, "letter.txt")
	if err := os.WriteFile(letter, []byte("dear"), 0o600); err != nil {
		t.Fatal(err)
	}
	var foreign *ForeignFolderError
	if _, err := Start(t.Context(), quick(dir)); !errors.As(err, &foreign) {
		t.Errorf("start: %v", err)
	}
	if err := Remove(dir); !errors.As(err, &foreign) {
		t.Errorf("remove: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder changed: %v, %v", entries, err)
	}
	if _, err := Start(t.Context(), quick(letter)); err == nil || !strings.Contains(err.Error(), "is a file") {
		t.Errorf("a file as data folder: %v", err)
	}
}

func TestRemoveDeletesOnlyOurs(t *testing.T) {
	t.Parallel()
	dir := place(t)
	if err := Remove(dir); err != nil {
		t.Errorf("removing nothing: %v", err)
	}
	if err := start(t, quick(dir)).Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := Remove(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	start(t, quick(dir))
}

func TestAnotherMajorVersion(t *testing.T) {
	t.Parallel()
	dir := place(t)
	cluster := start(t, quick(dir))
	if err := cluster.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	version := filepath.Join(cluster.folder.cluster(), "PG_VERSION")
	if err := os.WriteFile(version, []byte("99\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), quick(dir))
	var wrong *VersionError
	if !errors.As(err, &wrong) || wrong.Data != 99 || len(wrong.Found) == 0 {
		t.Fatalf("err = %v", err)
	}
	for _, part := range []string{"PostgreSQL 99", "PostgreSQL " + wrong.Found[0], "--reset", "--data-dir", dir} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message lacks %q: %v", part, err)
		}
	}
	if text, err := os.ReadFile(version); err != nil || string(text) != "99\n" {
		t.Errorf("the data changed: %q, %v", text, err)
	}
	if err := os.Remove(version); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), quick(dir)); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a cluster without PG_VERSION: %v", err)
	}
}

func TestPortTaken(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	options := quick(place(t))
	options.Port = port
	var taken *PortError
	if _, err := Start(t.Context(), options); !errors.As(err, &taken) || !strings.Contains(err.Error(), strconv.Itoa(port)) {
		t.Errorf("a port that was asked for: %v", err)
	}
	// The port of the last run is only a wish.
	folder{path: options.DataDir}.rememberPort(port)
	options.Port = 0
	if cluster := start(t, options); cluster.port == port {
		t.Error("the taken port was used")
	}
}

func TestPasswordFileLost(t *testing.T) {
	t.Parallel()
	dir := place(t)
	first := start(t, quick(dir))
	query(t, first, "CREATE TABLE kept AS SELECT 'kept' AS word")
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(first.folder.passwordFile()); err != nil {
		t.Fatal(err)
	}
	second := start(t, quick(dir))
	if second.password == first.password || query(t, second, "SELECT word FROM kept") != "kept" {
		t.Error("the password was not renewed, or data was lost")
	}
	if err := second.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(second.folder.passwordFile(), []byte("wrong\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), quick(dir)); err == nil || !strings.Contains(err.Error(), "password") {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestInterruptedStartLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := place(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := Start(ctx, quick(dir)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("err = %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, unfinishedPrefix+"*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	killed := filepath.Join(dir, unfinishedPrefix+"killed") // what a killed start could not clear away
	if err := os.MkdirAll(filepath.Join(killed, "base"), 0o700); err != nil {
		t.Fatal(err)
	}
	start(t, quick(dir))
	if _, err := os.Stat(killed); err == nil {
		t.Error("the remains of a killed start stay")
	}
}

func TestSettingThatPostgreSQLRefuses(t *testing.T) {
	t.Parallel()
	options := quick(place(t))
	options.Settings["shared_buffers"] = "plenty"
	_, err := Start(t.Context(), options)
	if err == nil || !strings.Contains(err.Error(), "invalid value for parameter") || !strings.Contains(err.Error(), "postgresql.log") {
		t.Errorf("err = %v", err)
	}
	delete(options.Settings, "shared_buffers")
	start(t, options) // the folder is not locked, nor is anything broken
}

func TestCrashIsReportedAndRecovered(t *testing.T) {
	t.Parallel()
	dir := place(t)
	first := start(t, quick(dir))
	query(t, first, "CREATE TABLE kept AS SELECT 'kept' AS word")
	if err := syscall.Kill(first.process.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	err := died(t, first)
	if err == nil || !strings.Contains(err.Error(), "stopped by itself") || !strings.Contains(err.Error(), "killed") ||
		!strings.Contains(err.Error(), "ready to accept connections") {
		t.Errorf("Done = %v; want the signal and the last words", err)
	}
	if err := first.Stop(t.Context()); err != nil {
		t.Errorf("stopping what has crashed: %v", err)
	}
	second := start(t, quick(dir))
	if got := query(t, second, "SELECT word FROM kept"); got != "kept" {
		t.Errorf("after the crash: %q", got)
	}
}
