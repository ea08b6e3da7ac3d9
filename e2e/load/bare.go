package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/crypto/argon2"

	"github.com/clavex/clavex/e2e/load/measure"
)

// bareStep is what a bare handler does for one request of a journey: it writes the bytes that the server
// wrote, after the work that no server can avoid.
type bareStep struct {
	Status int
	Header http.Header
	Body   []byte
	Sign   [][]byte // one ES256 signature over each
	Check  []byte   // one check of an ES256 signature over it
	Commit bool     // one committed row
}

// hashing are the parameters of Argon2id.
type hashing struct {
	Memory, Passes uint32
	Lanes          uint8
	Concurrency    int
	Duration       time.Duration
}

// bare is the process of ceilings: the least that could answer, on the same machine with the same
// standard library, driver and database.
type bare struct {
	key   *ecdsa.PrivateKey
	pool  *pgxpool.Pool
	steps atomic.Pointer[[]preparedStep]
	rows  atomic.Int64
}

type preparedStep struct {
	bareStep
	digest, signature []byte // of Check
}

// serveBare runs the process of ceilings until its standard input ends. It writes its address to out.
func serveBare(ctx context.Context, databaseURL string, in io.Reader, out io.Writer) error {
	pool, err := openPool(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	b := &bare{key: key, pool: pool}
	listener, err := listenLocally(ctx)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(out, listener.Addr().String()+"\n"); err != nil {
		return err
	}
	// The timeouts of any server that faces strangers; each costs a moment on every request.
	server := &http.Server{Handler: b, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: 2 * time.Minute}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// ServeHTTP implements http.Handler: /0, /1 … are the steps of the journey, the rest is control.
func (b *bare) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if steps := b.steps.Load(); steps != nil {
		if i, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/")); err == nil && i < len(*steps) {
			b.answer(w, r, &(*steps)[i])
			return
		}
	}
	var result any
	var err error
	switch r.URL.Path {
	case "/configure":
		var steps []bareStep
		if err = json.NewDecoder(r.Body).Decode(&steps); err == nil {
			err = b.configure(steps)
		}
	case "/hash":
		var wanted hashing
		if err = json.NewDecoder(r.Body).Decode(&wanted); err == nil {
			result = hash(wanted)
		}
	case "/organizations":
		var duration time.Duration
		if err = json.NewDecoder(r.Body).Decode(&duration); err == nil {
			result, err = b.organizations(r.Context(), duration)
		}
	default:
		err = errors.New("unknown")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(result)
}

func (b *bare) configure(steps []bareStep) error {
	prepared := make([]preparedStep, len(steps))
	for i, step := range steps {
		prepared[i].bareStep = step
		if step.Check == nil {
			continue
		}
		digest := sha256.Sum256(step.Check)
		signature, err := ecdsa.SignASN1(rand.Reader, b.key, digest[:])
		if err != nil {
			return err
		}
		prepared[i].digest, prepared[i].signature = digest[:], signature
	}
	b.steps.Store(&prepared)
	return nil
}

func (b *bare) answer(w http.ResponseWriter, r *http.Request, step *preparedStep) {
	_, _ = io.Copy(io.Discard, r.Body)
	for _, content := range step.Sign {
		digest := sha256.Sum256(content)
		if _, err := ecdsa.SignASN1(rand.Reader, b.key, digest[:]); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	if step.Check != nil {
		if digest := sha256.Sum256(step.Check); !ecdsa.VerifyASN1(&b.key.PublicKey, digest[:], step.signature) {
			http.Error(w, "the signature does not fit", http.StatusInternalServerError)
			return
		}
	}
	if step.Commit {
		if _, err := b.pool.Exec(r.Context(), "INSERT INTO load_ceiling (id, content) VALUES ($1, $2)", b.rows.Add(1), step.Body); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	header := w.Header()
	for name, values := range step.Header {
		header[name] = values
	}
	w.WriteHeader(step.Status)
	_, _ = w.Write(step.Body)
}

// hash is the bare loop: as many passwords one after another as the concurrency says, for the duration.
func hash(wanted hashing) measure.Run {
	began := time.Now()
	latencies := make([][]time.Duration, wanted.Concurrency)
	var all sync.WaitGroup
	for i := range latencies {
		all.Go(func() {
			salt := make([]byte, 16)
			for time.Since(began) < wanted.Duration {
				started := time.Now()
				argon2.IDKey([]byte(password), salt, wanted.Passes, wanted.Memory, wanted.Lanes, 32)
				latencies[i] = append(latencies[i], time.Since(started))
			}
		})
	}
	all.Wait()
	run := measure.Run{Elapsed: time.Since(began)}
	for _, each := range latencies {
		run.Latencies = append(run.Latencies, each...)
	}
	run.Count = len(run.Latencies)
	return run
}

// organizations commits, one after another, transactions with the rows that a new organization has.
func (b *bare) organizations(ctx context.Context, duration time.Duration) (measure.Run, error) {
	began := time.Now()
	var run measure.Run
	for time.Since(began) < duration {
		started := time.Now()
		id := newID()
		tx, err := b.pool.Begin(ctx)
		if err != nil {
			return run, err
		}
		if err := insertOrganization(ctx, tx, organizationRow{id, "ceiling-" + hexOf(id)}); err != nil {
			return run, errors.Join(err, tx.Rollback(ctx))
		}
		if err := tx.Commit(ctx); err != nil {
			return run, err
		}
		run.Latencies = append(run.Latencies, time.Since(started))
	}
	run.Count, run.Elapsed = len(run.Latencies), time.Since(began)
	return run, nil
}
