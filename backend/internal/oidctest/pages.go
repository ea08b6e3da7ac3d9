package oidctest

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Page is a page that the browser was shown.
type Page struct {
	root *html.Node
}

// Form is a form of a page.
type Form struct {
	ID     string
	Action string
	Method string
	Values url.Values // of its fields as they are, without those of buttons
}

// Forms returns the forms of the page in order.
func (p *Page) Forms() []Form {
	var forms []Form
	for node := range p.root.Descendants() {
		if node.Type == html.ElementNode && node.Data == "form" {
			forms = append(forms, readForm(node))
		}
	}
	return forms
}

func readForm(node *html.Node) Form {
	form := Form{ID: attribute(node, "id"), Action: attribute(node, "action"), Method: strings.ToUpper(attribute(node, "method")), Values: url.Values{}}
	for field := range node.Descendants() {
		name := attribute(field, "name")
		if field.Type != html.ElementNode || name == "" {
			continue
		}
		switch kind := attribute(field, "type"); {
		case field.Data == "textarea", field.Data == "input" && (kind == "checkbox" || kind == "radio") && !has(field, "checked"), kind == "submit":
		case field.Data == "input":
			form.Values.Add(name, attribute(field, "value"))
		}
	}
	return form
}

// HasID reports whether the page has an element with the id (contract.md lists them).
func (p *Page) HasID(id string) bool {
	for node := range p.root.Descendants() {
		if node.Type == html.ElementNode && attribute(node, "id") == id {
			return true
		}
	}
	return false
}

// Text returns what the page says, without markup.
func (p *Page) Text() string {
	var text strings.Builder
	for node := range p.root.Descendants() {
		if node.Type == html.TextNode && node.Parent.Data != "style" && node.Parent.Data != "script" {
			if words := strings.TrimSpace(node.Data); words != "" {
				text.WriteString(words + "\n")
			}
		}
	}
	return text.String()
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(node *html.Node, name string) bool {
	for _, a := range node.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// Arrival is where the browser ended: back at the application (Parameters), or at a page it does not know
// how to answer (Page).
type Arrival struct {
	URL        *url.URL
	Parameters url.Values // of the query, the fragment or the posted form; nil at a page
	Page       *Page      // nil back at the application
	Status     int
}

// Person is who sits in front of the browser.
type Person struct {
	Username, Password string
	Decision           string // what they answer to a consent page: allow or deny; "" means allow
	NewPassword        string // what they choose when they must
}

const maximumSteps = 15

// Follow sends the browser to an address and answers the pages it meets (login, consent, a password to
// change) until it is back at the application or meets another page, or a page a second time: then the
// answer was not accepted.
func (r *RelyingParty) Follow(t testing.TB, address string, person Person) Arrival {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	answered := map[string]bool{}
	for range maximumSteps {
		if r.isBack(request.URL) {
			return Arrival{URL: request.URL, Parameters: answerParameters(t, request)}
		}
		response, err := r.browser.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if location := response.Header.Get("Location"); location != "" && response.StatusCode >= 300 && response.StatusCode < 400 {
			request = r.next(t, request, http.MethodGet, location, nil)
			continue
		}
		root, err := html.Parse(strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		page := &Page{root}
		form, ok := person.answer(page, r.RedirectURI)
		if !ok || answered[form.ID] {
			return Arrival{URL: request.URL, Page: page, Status: response.StatusCode}
		}
		answered[form.ID] = form.ID != ""
		request = r.next(t, request, form.Method, form.Action, form.Values)
	}
	t.Fatalf("the browser went on for %d steps and is at %s", maximumSteps, request.URL)
	return Arrival{}
}

// isBack compares without query and fragment.
func (r *RelyingParty) isBack(address *url.URL) bool {
	plain := *address
	plain.RawQuery, plain.Fragment, plain.RawFragment = "", "", ""
	registered, _, _ := strings.Cut(r.RedirectURI, "?")
	return plain.String() == registered
}

func answerParameters(t testing.TB, request *http.Request) url.Values {
	t.Helper()
	encoded := request.URL.RawQuery
	switch {
	case request.Method == http.MethodPost:
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Fatal(err)
		}
		encoded = string(body)
	case request.URL.Fragment != "":
		encoded = request.URL.EscapedFragment()
	}
	parameters, err := url.ParseQuery(encoded)
	if err != nil {
		t.Fatalf("the answer %q: %v", encoded, err)
	}
	return parameters
}

// next is the browser's next request, with the Origin of the page it comes from.
func (r *RelyingParty) next(t testing.TB, from *http.Request, method, address string, form url.Values) *http.Request {
	t.Helper()
	target, err := from.URL.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	} else if form != nil {
		target.RawQuery = form.Encode()
	}
	request, err := http.NewRequestWithContext(t.Context(), method, target.String(), body)
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", from.URL.Scheme+"://"+from.URL.Host)
	}
	return request
}

// answer fills in the form of a page that the person knows.
func (p Person) answer(page *Page, redirectURI string) (Form, bool) {
	for _, form := range page.Forms() {
		switch {
		case form.Action == redirectURI: // form_post
			return form, true
		case form.ID == "login-form" && p.Username != "":
			form.Values.Set("username", p.Username)
			form.Values.Set("password", p.Password)
			return form, true
		case form.ID == "consent-form":
			form.Values.Set("decision", p.Decision)
			if p.Decision == "" {
				form.Values.Set("decision", "allow")
			}
			return form, true
		case p.NewPassword != "" && form.Values.Has("new_password"):
			form.Values.Set("password", p.Password)
			form.Values.Set("new_password", p.NewPassword)
			form.Values.Set("new_password_confirmation", p.NewPassword)
			return form, true
		}
	}
	return Form{}, false
}
