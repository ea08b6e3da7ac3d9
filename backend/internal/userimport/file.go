package userimport

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
)

// maximumLine is the length of the longest line of a file, in bytes.
const maximumLine = 256 << 10

// The faults of importing a file.
var (
	ErrFinished  = fault.New(fault.Conflict, "import_finished", "This very file was imported before.")
	ErrElsewhere = fault.New(fault.Conflict, "import_elsewhere", "Another process imports this file at the moment.")
	errNotJSON   = fault.New(fault.Invalid, "line_malformed", "This line is not a JSON object with the members of a person.")
)

// File is an import of a file of JSON lines, one Person each. Empty lines do not count.
type File struct {
	Source    io.ReadSeeker
	OrgID     uuid.UUID
	Actor     audit.Actor
	CheckOnly bool                                // nothing is written
	Refused   func(refusal Refusal, line []byte)  // called for every refused line, in order
	Progress  func(progress Progress)             // called after every batch; nil is fine
	after     func(progress Progress) (err error) // tests interrupt
}

// Progress is how far an import is.
type Progress struct {
	Lines    int64 `json:"lines"` // read so far, those of earlier runs included
	Total    int64 `json:"total"` // lines of the file
	Imported int64 `json:"imported"`
	Refused  int64 `json:"refused"`
	Resumed  int64 `json:"resumed"` // lines that earlier runs had read
}

// File imports a file in batches, each in one transaction with the note of how far it is: an import that was interrupted
// goes on behind the last batch when it is run again with the same file. It uses the memory of one batch, however long
// the file is; a check remembers every name. ErrFinished, ErrElsewhere.
func (i *Imports) File(ctx context.Context, file File) (Progress, error) {
	var progress Progress
	digest, total, err := digestOf(file.Source)
	if err != nil {
		return progress, err
	}
	progress.Total = total
	if !file.CheckOnly {
		row, err := dbq.New(i.db).BeginUserImport(ctx, dbq.BeginUserImportParams{OrgID: file.OrgID, Digest: digest, At: i.now()})
		if err != nil {
			return progress, err
		}
		progress.Lines, progress.Imported, progress.Refused, progress.Resumed = row.Lines, row.Imported, row.Refused, row.Lines
		if row.Finished {
			return progress, ErrFinished
		}
	}
	if _, err := file.Source.Seek(0, io.SeekStart); err != nil {
		return progress, err
	}
	var before *seen
	copied := passwordsCopied{pending: progress.Resumed > 0}
	if file.CheckOnly {
		before = newSeen()
	}
	lines := newLines(file.Source)
	for skipped := int64(0); skipped < progress.Resumed; skipped++ {
		if !lines.Scan() {
			return progress, errors.Join(lines.Err(), errors.New("userimport: the file is shorter than what was read of it"))
		}
	}
	for {
		next, err := i.step(ctx, &file, lines, digest, progress, before, &copied)
		if err != nil {
			return progress, err
		}
		progress = next
		if file.Progress != nil {
			file.Progress(progress)
		}
		if file.after != nil {
			if err := file.after(progress); err != nil {
				return progress, err
			}
		}
		if progress.Lines == progress.Total {
			return progress, nil
		}
	}
}

// step imports the next batch.
func (i *Imports) step(ctx context.Context, file *File, lines *bufio.Scanner, digest []byte, before Progress, earlier *seen, copied *passwordsCopied) (Progress, error) {
	var people []Person
	var raw [][]byte
	var numbers []int64
	var refused []Refusal
	texts := map[int64][]byte{}
	after := before
	for len(raw) < MaximumBatch && lines.Scan() {
		after.Lines++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		kept := bytes.Clone(line)
		person, err := personOf(kept)
		if err != nil {
			refused = append(refused, Refusal{Place: after.Lines, Username: person.Username, Fault: fault.From(err)})
			texts[after.Lines] = kept
			continue
		}
		people, raw, numbers = append(people, person), append(raw, kept), append(numbers, after.Lines)
	}
	if err := lines.Err(); err != nil {
		return before, fmt.Errorf("line %d: %w", after.Lines+1, err)
	}
	malformed, counted := len(refused), *copied
	write := func(ctx context.Context, tx *store.Tx) error {
		imported, passwords, rest, err := i.batch(ctx, tx, file.OrgID, people, earlier)
		if err != nil {
			return err
		}
		refused = refused[:malformed]
		for _, refusal := range rest {
			texts[numbers[refusal.Place]] = raw[refusal.Place]
			refusal.Place = numbers[refusal.Place]
			refused = append(refused, refusal)
		}
		after.Imported, after.Refused = before.Imported+int64(imported), before.Refused+int64(len(refused))
		if err := i.advance(ctx, tx, file, digest, before, after); err != nil {
			return err
		}
		counted = *copied
		if counted.add(passwords, after.Lines == after.Total) {
			return i.passwords.ImitateImported(ctx, tx, file.OrgID)
		}
		return nil
	}
	err := i.retried(ctx, write)
	if file.CheckOnly && errors.Is(err, errChecked) {
		err = nil
	}
	if err != nil {
		return before, err
	}
	earlier.keep()
	*copied = counted
	if file.Refused != nil {
		sortByPlace(refused)
		for _, refusal := range refused {
			file.Refused(refusal, texts[refusal.Place])
		}
	}
	return after, nil
}

// passwordsCopied are the passwords that a run brought so far. Their kinds are counted when they are twice as many as at the last time,
// and at the end: what is imitated knows half of an import at any moment, also of one that stops in the middle, and a million people
// cause ten counts instead of five hundred.
type passwordsCopied struct {
	all, counted int
	pending      bool // an earlier run may have left some that were not counted
}

// add adds those of a batch, and reports whether kinds are counted now.
func (c *passwordsCopied) add(passwords int, last bool) bool {
	c.all += passwords
	if c.all == c.counted && !(last && c.pending) || !last && c.all < 2*c.counted {
		return false
	}
	c.counted, c.pending = c.all, false
	return true
}

// errChecked rolls back what was only tried.
var errChecked = errors.New("userimport: checked only")

// advance notes how far the import is, in the transaction of what it imported.
func (i *Imports) advance(ctx context.Context, tx *store.Tx, file *File, digest []byte, before, after Progress) error {
	if file.CheckOnly {
		return errChecked
	}
	moved, err := dbq.New(tx).AdvanceUserImport(ctx, dbq.AdvanceUserImportParams{OrgID: file.OrgID, Digest: digest, LinesBefore: before.Lines, Lines: after.Lines,
		Imported: after.Imported, Refused: after.Refused, Finished: after.Lines == after.Total, At: i.now()})
	if err != nil {
		return err
	}
	if moved == 0 {
		return ErrElsewhere
	}
	if after.Imported == before.Imported {
		return nil
	}
	return i.record(ctx, tx, file.Actor, file.OrgID, map[string]any{"imported": after.Imported - before.Imported, "refused": after.Refused - before.Refused,
		"lines": []int64{before.Lines + 1, after.Lines}, "file": fmt.Sprintf("%x", digest)})
}

// personOf reads a line. A member that is not known is a mistake, not something to be lost in silence.
func personOf(line []byte) (Person, error) {
	var person Person
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&person); err != nil {
		var typed *json.UnmarshalTypeError
		if errors.As(err, &typed) && typed.Field != "" {
			return person, fault.New(fault.Invalid, "line_malformed", "This is a "+typed.Value+", which cannot stand here.").WithField(typed.Field)
		}
		if name, unknown := bytes.CutPrefix([]byte(err.Error()), []byte(`json: unknown field `)); unknown {
			return person, fault.New(fault.Invalid, "line_malformed", "There is no member "+string(name)+".")
		}
		return person, errNotJSON.WithCause(err)
	}
	if decoder.More() {
		return person, errNotJSON
	}
	return person, nil
}

// digestOf is the SHA-256 of a file and the number of its lines.
func digestOf(source io.ReadSeeker) (digest []byte, lines int64, err error) {
	if _, err := source.Seek(0, io.SeekStart); err != nil {
		return nil, 0, err
	}
	sum := sha256.New()
	scanner := newLines(io.TeeReader(source, sum))
	for scanner.Scan() {
		lines++
	}
	if err := scanner.Err(); err != nil {
		return nil, 0, fmt.Errorf("line %d: %w", lines+1, err)
	}
	return sum.Sum(nil), lines, nil
}

func newLines(source io.Reader) *bufio.Scanner {
	scanner := bufio.NewScanner(source)
	scanner.Buffer(make([]byte, 64<<10), maximumLine)
	return scanner
}
