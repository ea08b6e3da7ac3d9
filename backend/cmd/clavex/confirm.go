package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"
)

// confirm asks for the object's name before something that cannot be undone. Without a terminal only
// --yes will do: a script must say that it means it.
func (p *program) confirm(ctx context.Context, yes bool, consequence, name string) error {
	if yes {
		return nil
	}
	if !terminal(p.stdin) {
		return usagef("%s There is no terminal to ask at; add --yes if this is meant.", consequence)
	}
	fmt.Fprintf(p.stderr, "%s\nType %q to go on: ", consequence, name)
	answer, failed := make(chan string, 1), make(chan error, 1)
	go func() {
		line, err := bufio.NewReader(p.stdin).ReadString('\n')
		if err != nil {
			failed <- err
			return
		}
		answer <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-failed:
		return fmt.Errorf("nothing was done: no answer: %w", err)
	case typed := <-answer:
		if typed != name {
			return fmt.Errorf("nothing was done: %q is not %q", typed, name)
		}
		return nil
	}
}
