package page

import (
	"context"
	"io"

	"github.com/clavex/clavex/backend/internal/fault"
)

// Question asks for a decision by a form with one button, or two.
type Question struct {
	Frame
	Form
	ID         string // of the form, with "-form" behind it, and of its button, with "-submit"
	Client     *Client
	Heading    string
	Paragraphs []string
	Links      []Link // to what is decided about
	Name       string // of the field that the button sends; "" for none
	Value      string
	Submit     string // the words of the button
	Wait       string // while it is under way
	Other      *Other
	Fault      *fault.Error
}

// Other is the other answer to a question.
type Other struct{ ID, Name, Value, Label, Wait string }

// Link leads elsewhere.
type Link struct{ ID, Label, URL string }

// Render implements templ.Component.
func (v Question) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

// Message says something.
type Message struct {
	Frame
	ID         string
	Heading    string
	Paragraphs []string
	Label, URL string // of the link that leads on; "" for none
}

// Render implements templ.Component.
func (v Message) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }
