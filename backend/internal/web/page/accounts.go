package page

import (
	"context"
	"io"
	"strconv"

	"github.com/clavex/clavex/backend/internal/fault"
)

// Accounts asks which of the accounts that are signed in here is meant: field "account" with an Account's ID or
// "another"; or field "sign_out" with an Account's ID.
type Accounts struct {
	Frame
	Form
	Client   *Client      // nil when nobody but the organization asks
	Accounts []Account    // the one used last first; when empty there is nothing to ask
	Another  bool         // another one than these may be used
	Fault    *fault.Error // why the last choice was no good; nil at first
}

// Account is one of the people who are signed in here.
type Account struct {
	ID         string
	Name       string
	Username   string
	NeedsProof bool // choosing it asks for the password
}

// Render implements templ.Component.
func (v Accounts) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

// number makes the id of the n-th account's element.
func number(name string, n int) string { return name + "-" + strconv.Itoa(n+1) }

// letter stands for a person where others have a picture.
func (a Account) letter() string { return monogram(a.Name + a.Username) }
