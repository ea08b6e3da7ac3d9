package page

import (
	"context"
	"io"

	"github.com/clavex/clavex/backend/internal/fault"
)

// Consent asks the person what the application may have: field "decision" with "allow"
// or "deny".
type Consent struct {
	Frame
	Form
	Client   Client
	Username string  // who decides
	Scopes   []Scope // what is asked, in the order of the request
	// Resources are the services that the application may use in the person's name; empty when none is named.
	Resources []Resource
	// Details are what is allowed this once, each shown with everything it says.
	Details []Detail
	Fault   *fault.Error // why the last decision could not be taken; nil at first

	Elsewhere *Elsewhere // set when the request was made on another device
	Document  *Document  // set when nobody registered the application
	EachTime  bool       // the decision holds for this time only
}

// Document says where an application comes from that nobody registered.
type Document struct {
	Host          string // that describes it
	OnThisMachine bool   // every program on the person's machine can say that it is this application
}

// Elsewhere is what a person compares before they allow something on another device (RFC 10027 §6.1).
type Elsewhere struct {
	Code    string // shown there too
	Minutes int    // how long ago it began, whole minutes

	Application bool   // an application asked, not another device: then there is no code, and what follows
	Message     string // that it shows there too; "" when there is none
	Host        string // where it is registered; "" when that is not known
	Left        int    // how long the person may take, whole minutes
}

// Scope is one thing that is asked for.
type Scope struct {
	Name        string
	Description string // a sentence for people, for scopes outside OpenID Connect; "" shows the name
}

// Detail is one of the things that are allowed this once: a sentence and all its particulars.
type Detail struct {
	Sentence string
	Facts    []Fact
}

// Fact is a particular of a Detail. Label is for the organization's own, Name for those that every type has.
type Fact struct{ Name, Label, Value string }

// howLong says for how long the decision holds.
func (v Consent) howLong() string {
	if len(v.Details) > 0 || v.Elsewhere != nil || v.EachTime {
		return v.organizationSays("consent_each_time")
	}
	return v.organizationSays("consent_once")
}

func (v Consent) label(fact Fact) string {
	switch fact.Name {
	case "actions":
		return v.Text.T("detail_actions")
	case "locations":
		return v.Text.T("detail_locations")
	case "datatypes":
		return v.Text.T("detail_datatypes")
	case "identifier":
		return v.Text.T("detail_identifier")
	case "privileges":
		return v.Text.T("detail_privileges")
	}
	return shorten(fact.Label, maxSentence)
}

// Resource is a service that is asked for.
type Resource struct {
	Name       string
	Identifier string // its address
}

// Render implements templ.Component.
func (v Consent) Render(ctx context.Context, w io.Writer) error { return v.page().Render(ctx, w) }

// permission is a group of sentences under a heading.
type permission struct {
	heading   string
	sentences []string
}

// permissions groups the scopes by what they mean to a person. Groups without a scope are
// left out.
func (v Consent) permissions() []permission {
	groups := []permission{
		{heading: v.Text.T("consent_services")},
		{heading: v.Text.T("consent_identity")},
		{heading: v.Text.T("consent_contact")},
		{heading: v.Text.T("consent_away")},
		{heading: v.Text.T("consent_other")},
	}
	services := &groups[0]
	for _, resource := range v.Resources {
		services.sentences = append(services.sentences, v.Text.T("consent_service", "Name", shorten(clean(resource.Name), maxSentence), "Address", clean(resource.Identifier)))
	}
	for _, scope := range v.Scopes {
		group := &groups[groupOf(scope.Name)]
		group.sentences = append(group.sentences, v.sentence(scope))
	}
	shown := groups[:0]
	for _, group := range groups {
		if len(group.sentences) > 0 {
			shown = append(shown, group)
		}
	}
	return shown
}

// times says when it began and, of an application, how long the person may take.
func (v Consent) times() string {
	if !v.Elsewhere.Application {
		return v.begun()
	}
	if v.Elsewhere.Left == 0 {
		return v.begun() + " · " + v.Text.T("elsewhere_until_now")
	}
	return v.begun() + " · " + v.Text.T("elsewhere_until", "Minutes", v.Elsewhere.Left)
}

func (v Consent) begun() string {
	if v.Elsewhere.Minutes == 0 {
		return v.Text.T("elsewhere_now")
	}
	return v.Text.T("elsewhere_begun", "Minutes", v.Elsewhere.Minutes)
}

func groupOf(scope string) int {
	switch scope {
	case "openid", "profile":
		return 1
	case "email", "phone", "address":
		return 2
	case "offline_access":
		return 3
	default:
		return 4
	}
}

// sentence prefers our own words for the scopes of OpenID Connect: an application or an
// administrator may not reword what they mean.
func (v Consent) sentence(scope Scope) string {
	if words, ok := v.Text.Scope(scope.Name); ok {
		return words
	}
	if scope.Description != "" {
		return shorten(scope.Description, maxSentence)
	}
	return v.Text.T("scope_other", "Scope", clean(scope.Name))
}
