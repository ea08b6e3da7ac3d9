package dev

import (
	"crypto/rand"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/mail"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/web/asset"
)

// MailPath is where the caught mail is shown.
const MailPath = "/dev/mail"

// Mail shows the mail that was caught: a list and each mail as text and HTML for people, and everything as JSON for
// tests. It answers on the machine's own address only, so that no page of elsewhere reads it under another name.
type Mail struct {
	Mailbox   *mail.Mailbox
	PublicURL string
}

// Mount adds the pages.
func (m Mail) Mount(router gin.IRouter) {
	router.GET(MailPath, m.here(m.list))
	router.GET(MailPath+".json", m.here(m.json))
	router.GET(MailPath+"/:number", m.here(m.show))
	router.GET(MailPath+"/:number/html", m.here(m.html))
}

// here refuses names that somebody else's domain may have for this machine.
func (m Mail) here(serve gin.HandlerFunc) gin.HandlerFunc {
	own, _ := url.Parse(m.PublicURL)
	return func(c *gin.Context) {
		if own == nil || !strings.EqualFold(c.Request.Host, own.Host) {
			c.String(http.StatusMisdirectedRequest, "Open %s%s\n", m.PublicURL, MailPath)
			return
		}
		c.Header("Cache-Control", "no-store")
		c.Header("X-Content-Type-Options", "nosniff")
		c.Header("Referrer-Policy", "no-referrer")
		serve(c)
	}
}

// received is a mail in JSON.
type received struct {
	Number   int       `json:"number"`
	At       time.Time `json:"at"`
	To       string    `json:"to"`
	FromName string    `json:"from_name"`
	Subject  string    `json:"subject"`
	Text     string    `json:"text"`
	HTML     string    `json:"html"`
}

// json lists the mails, newest first; those to one address with ?to=.
func (m Mail) json(c *gin.Context) {
	list := []received{}
	for _, each := range m.Mailbox.List(c.Query("to")) {
		list = append(list, received{Number: each.Number, At: each.At, To: each.To, FromName: each.FromName, Subject: each.Subject, Text: each.Text, HTML: each.HTML})
	}
	c.JSON(http.StatusOK, list)
}

func (m Mail) list(c *gin.Context) {
	render(c, "list", map[string]any{"Mails": m.Mailbox.List(c.Query("to")), "Path": MailPath, "Title": "Mail"})
}

func (m Mail) found(c *gin.Context) (mail.Received, bool) {
	number, err := strconv.Atoi(c.Param("number"))
	found, ok := m.Mailbox.Get(number)
	if err != nil || !ok {
		c.String(http.StatusNotFound, "There is no such mail. The latest ones are kept until clavex dev ends.\n")
		return found, false
	}
	return found, true
}

func (m Mail) show(c *gin.Context) {
	if found, ok := m.found(c); ok {
		render(c, "mail", map[string]any{"Mail": found, "Lines": linked(found.Text), "Path": MailPath, "Title": found.Subject})
	}
}

// html serves what a mail program would draw, in a box of its own: no script, no form, nothing from elsewhere.
func (m Mail) html(c *gin.Context) {
	found, ok := m.found(c)
	if !ok {
		return
	}
	c.Header("Content-Security-Policy", "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'")
	c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(strings.Replace(found.HTML, "<head>", `<head><base target="_blank">`, 1)))
}

// part is a piece of text, or an address that it holds.
type part struct{ Text, URL string }

var address = regexp.MustCompile(`https?://[^\s<>"]*[^\s<>".,;:()]`)

// linked finds the addresses in a text.
func linked(text string) []part {
	var parts []part
	for at := 0; ; {
		found := address.FindStringIndex(text[at:])
		if found == nil {
			return append(parts, part{Text: text[at:]})
		}
		link := text[at+found[0] : at+found[1]]
		parts = append(parts, part{Text: text[at : at+found[0]]}, part{Text: link, URL: link})
		at += found[1]
	}
}

var pages = template.Must(template.New("").Parse(`
{{define "head"}}<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}} · clavex dev</title>
<link rel="stylesheet" href="{{.StyleSheet}}">
<link rel="icon" type="image/svg+xml" href="{{.Icon}}">
<style nonce="{{.Nonce}}">
body { grid-template-columns: minmax(0, 48rem); }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; }
iframe { width: 100%; height: 36rem; border: 1px solid; border-radius: 8px; background: white; }
li { margin-block: 1rem; overflow-wrap: anywhere; }
</style>
</head>
<body><main>{{end}}

{{define "list"}}{{template "head" .}}
<h1>Mail</h1>
<p class="lead">What Clavex sent since it started. Nothing left this machine.</p>
{{if .Mails}}<ul id="mails">{{range .Mails}}
<li><a href="{{$.Path}}/{{.Number}}">{{.Subject}}</a><br>to {{.To}}, <time datetime="{{.At.Format "2006-01-02T15:04:05Z07:00"}}">{{.At.Format "15:04:05"}}</time></li>{{end}}
</ul>{{else}}<p id="no-mails">Nothing yet.</p>{{end}}
</main></body></html>{{end}}

{{define "mail"}}{{template "head" .}}
<h1>{{.Mail.Subject}}</h1>
<p class="lead">from {{.Mail.FromName}} to {{.Mail.To}}</p>
<h2>Text</h2>
<pre id="text">{{range .Lines}}{{if .URL}}<a href="{{.URL}}">{{.Text}}</a>{{else}}{{.Text}}{{end}}{{end}}</pre>
<h2>HTML</h2>
<iframe id="html" title="The mail as HTML" src="{{.Path}}/{{.Mail.Number}}/html"></iframe>
<p><a href="{{.Path}}">All mail</a></p>
</main></body></html>{{end}}
`))

func render(c *gin.Context, name string, values map[string]any) {
	nonce := secret.New(rand.Reader)
	values["Nonce"], values["StyleSheet"], values["Icon"] = nonce, asset.URL(asset.StyleSheet), asset.URL(asset.Icon)
	c.Header("Content-Security-Policy", "default-src 'none'; style-src 'self' 'nonce-"+nonce+"'; img-src 'self' data:; font-src 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'")
	c.Header("Content-Type", "text/html; charset=utf-8")
	c.Status(http.StatusOK)
	if err := pages.ExecuteTemplate(c.Writer, name, values); err != nil {
		_ = c.Error(err)
	}
}
