package fault

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
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

func TestLogsSayWhatWentWrongWithoutWhatWasSent(t *testing.T) {
	secret := "ada@example.test"
	_, unreadable := url.Parse("https://x.test/\x7f?token=" + secret)
	invalid := New(Invalid, "contacts_invalid", secret+" is not an e-mail address.").WithField("contacts")
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"a fault":           {invalid, "contacts_invalid (field contacts)"},
		"a wrapped fault":   {fmt.Errorf("registering: %w", invalid), "registering: contacts_invalid (field contacts)"},
		"a fault as cause":  {ErrInternal.WithCause(invalid), "internal_error: " + ErrInternal.Message + ": contacts_invalid (field contacts)"},
		"an address":        {unreadable, "parse: net/url: invalid control character in URL"},
		"a wrapped address": {New(Invalid, "url_invalid", "x").WithCause(fmt.Errorf("reading: %w", unreadable)), "url_invalid: reading: parse: net/url: invalid control character in URL"},
		"anything else":     {errors.New("connection lost"), "connection lost"},
	} {
		if got := Loggable(c.err); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := invalid.Error(); !strings.Contains(got, secret) {
		t.Errorf("the message for people is gone: %q", got)
	}
}
