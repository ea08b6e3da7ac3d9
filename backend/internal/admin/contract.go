package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/fault"
)

// contract validates requests against the embedded OpenAPI 3.1 document. Its schemas are JSON Schema
// 2020-12 and are compiled once, at the start, straight from the document. (kin-openapi's filter would
// compile them for every request and silently fall back to OpenAPI 3.0 rules when it cannot.)
type contract struct {
	document   []byte // as served
	operations map[string]*operation
}

// operation is one operation of the document.
type operation struct {
	id       string
	body     *jsonschema.Schema // nil when it takes none
	queries  map[string]parameter
	headers  map[string]parameter
	readOnly bool // GET
}

type parameter struct {
	schema  *jsonschema.Schema
	integer bool
}

const documentURL = "https://clavex.invalid/openapi.json"

// openapi is the part of the document that is looked at here.
type openapi struct {
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Parameters map[string]openapiParameter `json:"parameters"`
	} `json:"components"`
}

type openapiParameter struct {
	Ref    string `json:"$ref"`
	Name   string `json:"name"`
	In     string `json:"in"`
	Schema struct {
		Type any `json:"type"`
	} `json:"schema"`
}

type openapiOperation struct {
	OperationID string             `json:"operationId"`
	Parameters  []openapiParameter `json:"parameters"`
	RequestBody json.RawMessage    `json:"requestBody"`
}

// newContract reads the document that the server's code was generated from.
func newContract() (*contract, error) {
	embedded, err := api.GetSpecJSON()
	if err != nil {
		return nil, fmt.Errorf("admin: the contract: %w", err)
	}
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(embedded))
	if err != nil {
		return nil, fmt.Errorf("admin: the contract: %w", err)
	}
	restoreOperationIDs(resource)
	document, err := json.Marshal(resource)
	if err != nil {
		return nil, fmt.Errorf("admin: the contract: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource(documentURL, resource); err != nil {
		return nil, fmt.Errorf("admin: the contract: %w", err)
	}
	var parsed openapi
	if err := json.Unmarshal(document, &parsed); err != nil {
		return nil, fmt.Errorf("admin: the contract: %w", err)
	}
	c := &contract{document: document, operations: map[string]*operation{}}
	for path, item := range parsed.Paths {
		for method, raw := range item {
			if method == "parameters" {
				continue
			}
			read, err := parsed.operation(compiler, path, method, raw)
			if err != nil {
				return nil, fmt.Errorf("admin: the contract of %s %s: %w", method, path, err)
			}
			c.operations[strings.ToUpper(method)+" "+ginPath(path)] = read
		}
	}
	return c, nil
}

// restoreOperationIDs undoes what the generator does to the names of operations before it embeds the
// document: getMe became GetMe.
func restoreOperationIDs(resource any) {
	root, _ := resource.(map[string]any)
	paths, _ := root["paths"].(map[string]any)
	for _, item := range paths {
		methods, _ := item.(map[string]any)
		for _, described := range methods {
			operation, _ := described.(map[string]any)
			if id, ok := operation["operationId"].(string); ok {
				operation["operationId"] = strings.ToLower(id[:1]) + id[1:]
			}
		}
	}
}

// ginPath writes {name} as :name, the form of the router.
func ginPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

func (o *openapi) operation(compiler *jsonschema.Compiler, path, method string, raw json.RawMessage) (*operation, error) {
	var described openapiOperation
	if err := json.Unmarshal(raw, &described); err != nil {
		return nil, err
	}
	read := &operation{id: described.OperationID, queries: map[string]parameter{}, headers: map[string]parameter{}, readOnly: method == "get"}
	at := documentURL + "#/paths/" + pointer(path) + "/" + method
	if described.RequestBody != nil {
		var err error
		if read.body, err = compiler.Compile(at + "/requestBody/content/" + pointer("application/json") + "/schema"); err != nil {
			return nil, err
		}
	}
	for i, p := range described.Parameters {
		location := at + "/parameters/" + strconv.Itoa(i)
		if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
			p, location = o.Components.Parameters[name], documentURL+p.Ref
		}
		into := map[string]map[string]parameter{"query": read.queries, "header": read.headers}[p.In]
		if into == nil {
			continue // of the path: read by the generated code
		}
		schema, err := compiler.Compile(location + "/schema")
		if err != nil {
			return nil, err
		}
		into[p.Name] = parameter{schema: schema, integer: p.Schema.Type == "integer"}
	}
	return read, nil
}

// pointer escapes a token of a JSON pointer in a URL fragment (RFC 6901 §3, §6).
func pointer(token string) string {
	return url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(token))
}

// checkQuery validates the query string. Unknown parameters are refused: a misspelt filter that is
// ignored shows everything.
func (o *operation) checkQuery(raw string) error {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return malformed("The query string is not well formed.")
	}
	var problems []api.FieldError
	for _, name := range sortedNames(values) {
		given := values[name]
		expected, known := o.queries[name]
		switch {
		case !known:
			problems = append(problems, api.FieldError{Field: clip(name), Code: "unknown_parameter", Message: "There is no such parameter here."})
		case len(given) > 1:
			problems = append(problems, api.FieldError{Field: name, Code: "repeated", Message: "Send this parameter once."})
		case !utf8.ValidString(given[0]) || storable(given[0]) != nil:
			problems = append(problems, api.FieldError{Field: name, Code: "text_invalid", Message: "This is not text."})
		default:
			problems = append(problems, describe(expected.schema.Validate(expected.value(given[0])), nil, name)...)
		}
	}
	if len(problems) > 0 {
		return malformed("Some parameters of the query need another value.").withFields(problems...)
	}
	return nil
}

// checkHeaders validates the headers that the operation knows.
func (o *operation) checkHeaders(header http.Header) error {
	var problems []api.FieldError
	for name, expected := range o.headers {
		values := header.Values(name)
		switch {
		case len(values) > 1:
			problems = append(problems, api.FieldError{Field: name, Code: "repeated", Message: "Send this header once."})
		case len(values) == 1 && !utf8.ValidString(values[0]):
			problems = append(problems, api.FieldError{Field: name, Code: "text_invalid", Message: "This is not text."})
		case len(values) == 1:
			problems = append(problems, describe(expected.schema.Validate(values[0]), nil, name)...)
		}
	}
	if len(problems) > 0 {
		return malformed("Some headers need another value.").withFields(problems...)
	}
	return nil
}

func (p parameter) value(text string) any {
	if !p.integer {
		return text
	}
	if whole, err := strconv.ParseInt(text, 10, 64); err == nil {
		return whole
	}
	return text
}

// checkBody reads and validates a JSON body and returns its value.
func (o *operation) checkBody(contentType string, body []byte) (any, error) {
	mediaType, parameters, _ := strings.Cut(contentType, ";")
	charset, named := strings.CutPrefix(strings.ToLower(strings.ReplaceAll(parameters, " ", "")), "charset=")
	if !strings.EqualFold(strings.TrimSpace(mediaType), "application/json") || named && strings.Trim(charset, `"`) != "utf-8" {
		return nil, errMediaType
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, malformed("The request needs a JSON body.")
	}
	value, err := decodeJSON(body)
	if err != nil {
		if slices.ContainsFunc([]error{errDuplicate, errDepth, errTrailing, errText}, func(known error) bool { return errors.Is(err, known) }) {
			return nil, malformed("The request body cannot be read: " + err.Error() + ".")
		}
		return nil, malformed("The request body is not valid JSON.").withCause(err)
	}
	if problems := describe(o.body.Validate(value), value, ""); len(problems) > 0 {
		return nil, refuse(http.StatusUnprocessableEntity, fault.Invalid, "validation_failed", "Some fields need another value.").withFields(problems...)
	}
	return value, nil
}

// maximumProblems is how many offending fields one answer names.
const maximumProblems = 20

// describe turns what the validator says into fields, in the order of their names. root is the validated
// value; name is the field's when the value has no members.
func describe(err error, root any, name string) []api.FieldError {
	if err == nil {
		return nil
	}
	var failed *jsonschema.ValidationError
	if !errors.As(err, &failed) {
		return []api.FieldError{{Field: name, Code: "invalid", Message: "This value is not acceptable."}}
	}
	var problems []api.FieldError
	var walk func(*jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.Causes) > 0 {
			for _, cause := range e.Causes {
				if what, ok := cause.ErrorKind.(*kind.Type); ok && len(e.Causes) > 1 && slices.Equal(what.Want, []string{"null"}) {
					continue // null is only the other thing that the value may be
				}
				walk(cause)
			}
			return
		}
		problems = append(problems, describeOne(e.ErrorKind, fieldName(root, e.InstanceLocation, name))...)
	}
	walk(failed)
	slices.SortStableFunc(problems, func(a, b api.FieldError) int { return strings.Compare(a.Field, b.Field) })
	return problems[:min(len(problems), maximumProblems)]
}

// fieldName writes a location as people write it: profile.birthdate, redirect_uris[0].
func fieldName(root any, location []string, name string) string {
	for _, token := range location {
		if list, ok := root.([]any); ok {
			name += "[" + token + "]"
			if i, err := strconv.Atoi(token); err == nil && i < len(list) {
				root = list[i]
			}
			continue
		}
		members, _ := root.(map[string]any)
		root = members[token]
		name = member(name, token)
	}
	return name
}

func member(of, name string) string {
	if of == "" {
		return clip(name)
	}
	return of + "." + clip(name)
}

func describeOne(what jsonschema.ErrorKind, field string) []api.FieldError {
	one := func(code, format string, arguments ...any) []api.FieldError {
		return []api.FieldError{{Field: field, Code: code, Message: fmt.Sprintf(format, arguments...)}}
	}
	switch k := what.(type) {
	case *kind.Required:
		var missing []api.FieldError
		for _, name := range k.Missing {
			missing = append(missing, api.FieldError{Field: member(field, name), Code: "required", Message: "This field is needed."})
		}
		return missing
	case *kind.AdditionalProperties:
		var unknown []api.FieldError
		for _, name := range k.Properties {
			unknown = append(unknown, api.FieldError{Field: member(field, name), Code: "unknown_field", Message: "There is no such field here."})
		}
		return unknown
	case *kind.Type:
		return one("type_invalid", "Send %s instead of %s.", strings.Join(k.Want, " or "), k.Got)
	case *kind.Enum:
		return one("value_unknown", "Choose one of %s.", listed(k.Want))
	case *kind.MinLength:
		return one("too_short", "Send at least %s.", counted(k.Want, "character"))
	case *kind.MaxLength:
		return one("too_long", "Send at most %s.", counted(k.Want, "character"))
	case *kind.MaxItems:
		return one("too_many", "Send at most %s.", counted(k.Want, "value"))
	case *kind.UniqueItems:
		return one("repeated", "Send each value once.")
	case *kind.Minimum:
		return one("too_small", "Send %s or more.", number(k.Want))
	case *kind.Maximum:
		return one("too_large", "Send %s or less.", number(k.Want))
	case *kind.MinProperties:
		return one("empty", "Name at least one field to change.")
	case *kind.Format:
		return one("format_invalid", "This is not a well-formed %s.", k.Want)
	case *kind.Pattern:
		return one("format_invalid", "This does not have the form %s.", k.Want)
	}
	return one("invalid", "This value is not acceptable.")
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func number(value *big.Rat) string { return strings.TrimSuffix(value.FloatString(0), ".") }

func listed(values []any) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = fmt.Sprint(value)
	}
	return strings.Join(texts, ", ")
}

// clip shortens what an answer repeats of a request.
func clip(text string) string {
	if len(text) > 100 {
		text = text[:100] + "…"
	}
	return strings.ToValidUTF8(text, "")
}

func sortedNames(values url.Values) []string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
