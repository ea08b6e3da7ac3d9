package fault

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestFromKeepsFaultsAndHidesEverythingElse(t *testing.T) {
	known := New(NotFound, "client_not_found", "There is no such client.")
	cases := map[string]struct {
		in   error
		want *Error
	}{
		"nil":               {nil, nil},
		"a fault":           {known, known},
		"a wrapped fault":   {fmt.Errorf("loading: %w", known), known},
		"a foreign error":   {errors.New("pq: password=hunter2"), ErrInternal},
		"a canceled caller": {context.Canceled, ErrCanceled},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := From(c.in)
			if (got == nil) != (c.want == nil) || got != nil && (got.Code != c.want.Code || got.Message != c.want.Message) {
				t.Fatalf("From(%v) = %v, want %v", c.in, got, c.want)
			}
		})
	}
}

func TestRefinedCopiesLeaveTheOriginalAlone(t *testing.T) {
	original := New(Invalid, "name_invalid", "The name is empty.")
	refined := original.WithField("name").WithCause(errors.New("x")).WithMessage("The name is %d bytes too long.", 3)
	if original.Field != "" || original.Unwrap() != nil || original.Message != "The name is empty." {
		t.Fatalf("original changed: %+v", original)
	}
	if !errors.Is(refined, original) || !IsKind(refined, Invalid) {
		t.Fatal("a refined fault is no longer recognised")
	}
	if refined.Error() != "name_invalid: The name is 3 bytes too long. (field name): x" {
		t.Fatalf("log text: %s", refined.Error())
	}
}
