package oauth

import (
	"context"
	"fmt"
)

// Check is one row of an endpoint's table: one rule of a specification, in the order in which its
// violation is reported.
type Check[T any] struct {
	Name   string // unique in its table; appears in logs
	Clause string // RFC 6749 §4.1.3
	Do     func(ctx context.Context, request *T) error
}

// Table is the ordered list of an endpoint's checks. A profile makes its own from it by adding rows or
// replacing one with a stricter one; there is never a second endpoint.
type Table[T any] []Check[T]

// Run runs the checks in order and returns the first failure, wrapped in the name of its row for the log.
func (t Table[T]) Run(ctx context.Context, request *T) error {
	for i := range t {
		if err := t[i].Do(ctx, request); err != nil {
			return fmt.Errorf("check %s (%s): %w", t[i].Name, t[i].Clause, err)
		}
	}
	return nil
}
