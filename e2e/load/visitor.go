package main

import (
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
)

// exchange is a request and its answer, kept to build a ceiling of.
type exchange struct {
	request message
	answer  answer
}

// visitor is one virtual client or browser: a connection, cookies and what it holds. The same visitor
// speaks to the server and to the ceiling, so that the cost of the client is in both; at the ceiling
// only the paths differ.
type visitor struct {
	connection
	host    string
	from    string // the address that the proxy saw; "" for ours
	cookies map[string]string
	ceiling bool
	step    int
	record  *[]exchange // not nil: keep what is said
}

func (v *visitor) send(m message) (answer, error) {
	m.host = v.host
	if v.from != "" {
		m.header = append(m.header, "X-Forwarded-For", v.from)
	}
	if v.ceiling {
		path := pathOf(m.target)
		m.target = fmt.Sprintf("/%d%s", v.step, m.target[len(path):])
		v.step++
	}
	received, err := v.do(m)
	if err == nil && v.record != nil {
		kept := received
		kept.header, kept.body = received.header.Clone(), []byte(string(received.body))
		*v.record = append(*v.record, exchange{m, kept})
	}
	return received, err
}

// expect sends and wants a status.
func (v *visitor) expect(status int, m message) (answer, error) {
	received, err := v.send(m)
	if err != nil {
		return answer{}, err
	}
	if received.status != status {
		return answer{}, refusal(m, received)
	}
	return received, nil
}

// refusal tells what came instead of what was expected.
func refusal(m message, received answer) error {
	text := strings.Join(strings.Fields(string(received.body)), " ")
	return &unexpected{status: received.status, text: fmt.Sprintf("%s %s answered %d: %.300s", m.method, pathOf(m.target), received.status, text)}
}

// unexpected is an answer with another status than expected.
type unexpected struct {
	status int
	text   string
}

func (u *unexpected) Error() string { return u.text }

func get(target string, header ...string) message {
	return message{method: http.MethodGet, target: target, header: header}
}

// post is a form, or JSON when its body begins like an object.
func post(target, body string, header ...string) message {
	contentType := "application/x-www-form-urlencoded"
	if strings.HasPrefix(body, "{") {
		contentType = "application/json"
	}
	return message{method: http.MethodPost, target: target, body: body, header: append([]string{"Content-Type", contentType}, header...)}
}

func basic(clientID, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(clientID)+":"+url.QueryEscape(secret)))
}

// browse sends a request as a browser does: with cookies, and keeps those of the answer.
func (v *visitor) browse(status int, m message) (answer, error) {
	if len(v.cookies) > 0 {
		pairs := make([]string, 0, len(v.cookies))
		for name, value := range v.cookies {
			pairs = append(pairs, name+"="+value)
		}
		m.header = append(m.header, "Cookie", strings.Join(pairs, "; "))
	}
	received, err := v.expect(status, m)
	if err != nil {
		return answer{}, err
	}
	for _, line := range received.header["Set-Cookie"] {
		pair, _, _ := strings.Cut(line, ";")
		name, value, _ := strings.Cut(pair, "=")
		if v.cookies == nil {
			v.cookies = map[string]string{}
		}
		v.cookies[name] = value
	}
	return received, nil
}

// jsonText is the text value of a member of a JSON object, "" when there is none. It does for tokens, which
// need no unescaping, and costs next to nothing.
func jsonText(body []byte, name string) string {
	_, after, found := strings.Cut(string(body), `"`+name+`":"`)
	if !found {
		return ""
	}
	value, _, _ := strings.Cut(after, `"`)
	return value
}

// hiddenFields are the hidden inputs of a page's first form: others, such as that of a passkey, go elsewhere.
func hiddenFields(page []byte) url.Values {
	fields := url.Values{}
	rest, _, _ := strings.Cut(string(page), "</form>")
	for {
		_, after, found := strings.Cut(rest, `<input type="hidden" name="`)
		if !found {
			return fields
		}
		name, after, _ := strings.Cut(after, `" value="`)
		value, after, _ := strings.Cut(after, `"`)
		fields.Set(html.UnescapeString(name), html.UnescapeString(value))
		rest = after
	}
}

// parameter is a query parameter of the address that an answer redirects to.
func parameter(redirect answer, name string) (string, error) {
	address, err := url.Parse(redirect.header.Get("Location"))
	if err != nil {
		return "", err
	}
	if value := address.Query().Get(name); value != "" {
		return value, nil
	}
	return "", fmt.Errorf("the answer leads to %s without %q (error %q: %s)", pathOf(address.String()), name,
		address.Query().Get("error"), address.Query().Get("error_description"))
}
