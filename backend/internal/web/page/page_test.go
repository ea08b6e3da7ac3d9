package page_test

import (
	"bytes"
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"github.com/clavex/clavex/backend/internal/web/page"
)

const nonce = "bm9uY2Utb2YtYS10ZXN0cw"

// document is a page as a browser would read it.
type document struct {
	source   string
	elements []*html.Node
}

func read(t *testing.T, component templ.Component) document {
	t.Helper()
	var b bytes.Buffer
	if err := component.Render(templ.WithNonce(context.Background(), nonce), &b); err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	d := document{source: b.String()}
	for node := range root.Descendants() {
		if node.Type == html.ElementNode {
			d.elements = append(d.elements, node)
		}
	}
	return d
}

func attribute(node *html.Node, name string) (string, bool) {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func value(node *html.Node, name string) string {
	v, _ := attribute(node, name)
	return v
}

func (d document) all(tags ...string) []*html.Node {
	var found []*html.Node
	for _, e := range d.elements {
		if slices.Contains(tags, e.Data) {
			found = append(found, e)
		}
	}
	return found
}

func (d document) byID(id string) *html.Node {
	for _, e := range d.elements {
		if value(e, "id") == id {
			return e
		}
	}
	return nil
}

func words(node *html.Node) string {
	var b strings.Builder
	for n := range node.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// What TestRulesOfEveryPage walks through is every page that there is: every type that can be rendered, and no page is made in
// another way.
func TestNoPageIsForgotten(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, component := range states(catalog(t).Match(nil, "", "en"), organizations()["plain"]) {
		seen[reflect.TypeOf(component).Name()] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	pages := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range file.Decls {
			f, ok := declared.(*ast.FuncDecl)
			switch {
			case !ok || !f.Name.IsExported():
			case f.Recv == nil || f.Name.Name != "Render":
				if results := f.Type.Results; results != nil && slices.ContainsFunc(results.List, func(field *ast.Field) bool { return types.ExprString(field.Type) == "templ.Component" }) {
					t.Errorf("%s is a page that is in no state: give it a type with Render", f.Name.Name)
				}
			default:
				pages++
				if made := types.ExprString(f.Recv.List[0].Type); !seen[strings.TrimPrefix(made, "*")] {
					t.Errorf("%s is in no state", made)
				}
			}
		}
	}
	if pages < 30 {
		t.Errorf("only %d pages were found", pages)
	}
}

// Every page, in every state, language and brand, obeys the same rules.
func TestRulesOfEveryPage(t *testing.T) {
	t.Parallel()
	c := catalog(t)
	for _, language := range c.Languages() {
		for brandName, organization := range organizations() {
			for name, component := range states(c.Match([]string{language}, "", ""), organization) {
				t.Run(name+"/"+language+"/"+brandName, func(t *testing.T) {
					t.Parallel()
					d := read(t, component)
					checkDocument(t, d, language)
					checkReferences(t, d)
					checkForms(t, d)
					checkPolicy(t, d)
				})
			}
		}
	}
}

func checkDocument(t *testing.T, d document, language string) {
	t.Helper()
	if !strings.HasPrefix(strings.ToLower(d.source), "<!doctype html>") {
		t.Error("no doctype: quirks mode")
	}
	root := d.all("html")[0]
	if value(root, "lang") != language || value(root, "dir") != "ltr" {
		t.Errorf("lang %q dir %q", value(root, "lang"), value(root, "dir"))
	}
	if len(d.all("h1")) != 1 || len(d.all("main")) != 1 {
		t.Errorf("%d headings of the first rank, %d main parts", len(d.all("h1")), len(d.all("main")))
	}
	if titles := d.all("title"); len(titles) == 0 || words(titles[0]) == "" {
		t.Error("no title")
	}
	body := words(d.all("body")[0])
	for _, leak := range []string{"{{", "}}", "<no value>", "%!", "\u202e", "\x00"} {
		if strings.Contains(body, leak) {
			t.Errorf("%q stands in the page", leak)
		}
	}
	if key := regexp.MustCompile(`\b(login|sign_up|forgot|recover|confirm|other_browser|mail|accounts|consent|scope|password|logout|logged|home|post|expired|fault|form|account|event|done|profile|sessions?|applications?|activity|data|method|second|enrol|codes|factor)_[a-z_]+`).FindString(body); key != "" {
		t.Errorf("the key %s is shown instead of its words", key)
	}
}

func checkReferences(t *testing.T, d document) {
	t.Helper()
	ids := map[string]bool{}
	for _, e := range d.elements {
		if id, ok := attribute(e, "id"); ok {
			if ids[id] {
				t.Errorf("the id %s stands twice", id)
			}
			ids[id] = true
		}
	}
	for _, e := range d.elements {
		for _, name := range []string{"for", "aria-describedby", "aria-labelledby", "aria-controls"} {
			for target := range strings.FieldsSeq(value(e, name)) {
				if !ids[target] {
					t.Errorf("%s=%q of <%s> leads nowhere", name, target, e.Data)
				}
			}
		}
		if _, ok := attribute(e, "alt"); e.Data == "img" && !ok {
			t.Error("an image without alt")
		}
	}
}

func checkForms(t *testing.T, d document) {
	t.Helper()
	focus := 0
	labelled := map[string]bool{}
	for _, label := range d.all("label") {
		labelled[value(label, "for")] = true
	}
	for _, e := range d.elements {
		if _, ok := attribute(e, "autofocus"); ok {
			focus++
		}
		kind := value(e, "type")
		switch {
		case e.Data == "input" && kind == "password" && value(e, "value") != "":
			t.Error("a password is echoed")
		case e.Data == "input" && kind != "hidden" && !labelled[value(e, "id")]:
			t.Errorf("the input %s has no label", value(e, "id"))
		case e.Data == "button" && kind == "":
			t.Error("a button without type submits by accident")
		case e.Data == "form" && value(e, "method") != "post":
			t.Error("a form would put its fields into the address")
		}
		if _, hidden := attribute(e, "hidden"); e.Data == "button" && kind == "button" && !hidden {
			t.Error("a button that needs JavaScript is shown without it")
		}
	}
	if focus > 1 {
		t.Errorf("%d elements ask for the focus", focus)
	}
}

// checkPolicy finds what the Content Security Policy would refuse, and what should not
// depend on it.
func checkPolicy(t *testing.T, d document) {
	t.Helper()
	for _, e := range d.elements {
		for _, a := range e.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				t.Errorf("<%s %s> is refused by the policy", e.Data, a.Key)
			}
			if a.Key == "href" || a.Key == "action" || a.Key == "src" {
				if strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
					t.Errorf("<%s %s=%q>", e.Data, a.Key, a.Val)
				}
			}
		}
		switch src := value(e, "src"); {
		case e.Data == "script" && (!strings.HasPrefix(src, "/assets/") || value(e, "nonce") != nonce || e.FirstChild != nil):
			t.Errorf("a script that is not ours: %q", src)
		case e.Data == "style" && value(e, "nonce") != nonce:
			t.Error("a style without nonce")
		case e.Data == "img" && !strings.HasPrefix(src, "/") && !strings.HasPrefix(src, "data:"):
			t.Errorf("a picture from elsewhere: %q", src)
		case e.Data == "a" && value(e, "target") == "_blank" && !strings.Contains(value(e, "rel"), "noopener"):
			t.Error("a new window could reach back")
		}
	}
}

// The ids that automation may use, and the fields that handlers read.
func TestPromisedElements(t *testing.T) {
	t.Parallel()
	all := states(catalog(t).Match(nil, "", "en"), organizations()["plain"])
	for name, want := range map[string][]string{
		"login":                {"form#login-form", "input#username[name=username]", "input#password[name=password]", "button#login-submit", "input[name=transaction]", "input[name=csrf_token]"},
		"login-wrong":          {"form#login-form", "input#username[value=ada@demo.test]", "p#notice[role=alert]", "input#password[autofocus]", "input#password[aria-invalid=true]"},
		"login-too-many":       {"p#notice[autofocus]", "p#notice[tabindex=-1]"},
		"login-alone":          {"input#username[autofocus]"},
		"consent":              {"form#consent-form", "button#consent-allow[value=allow]", "button#consent-deny[value=deny]", "button#consent-allow[name=decision]", "input[name=csrf_token]", "input[name=transaction]"},
		"password":             {"form#password-form", "input#new-password[name=new_password]", "input#new-password-confirmation[name=new_password_confirmation]", "button#password-submit", "input#new-password[autocomplete=new-password]", "input#username[readonly]"},
		"password-short":       {"input#new-password[aria-invalid=true]", "input#new-password[autofocus]"},
		"logout":               {"form#logout-form", "button#logout-confirm[value=confirm]", "button#logout-cancel[value=cancel]", "input[name=csrf_token]"},
		"logged-out":           {"div#logged-out", "a[href=/demo/]"},
		"logged-out-native":    {"a#continue[href=com.example.app:/out]"},
		"logged-out-client":    {"a[href=https://payroll.example.com/]"},
		"login-chosen":         {"input#username[readonly]", "input#password[autofocus]", "form#accounts-again-form[action=/demo/select-account]", "button#accounts-again[value=again]"},
		"login-sign-up":        {"a#sign-up[href=/demo/sign-up?transaction=x]", "a#forgot-password[href=/demo/forgot-password?transaction=x]"},
		"sign-up":              {"form#sign-up-form", "input#email[name=email]", "input#email[autofocus]", "input#given-name[name=given_name]", "input#family-name[name=family_name]", "input#new-password[name=new_password]", "button#sign-up-submit", "input[name=csrf_token]", "button#sign-in[value=sign_in]"},
		"sign-up-hint":         {"input#email[value=ada@demo.test]", "input#given-name[autofocus]", "p#email-hint"},
		"sign-up-email":        {"input#email[aria-invalid=true]", "input#email[aria-describedby=notice email-hint]"},
		"sign-up-name":         {"input#given-name[aria-invalid=true]"},
		"sign-up-password":     {"input#new-password[aria-invalid=true]", "input#new-password[autofocus]"},
		"sign-up-limited":      {"p#notice[autofocus]"},
		"confirm":              {"form#confirm-form", "input#code[name=code]", "input#code[autocomplete=one-time-code]", "button#confirm-submit", "form#resend-form[action=/demo/sign-up/confirm]", "button#resend[name=resend]", "form#sign-up-again-form[action=/demo/sign-up]", "button#sign-up-again[value=again]"},
		"confirm-link":         {"input#code[value=CFGH-2345]", "p[role=status]"},
		"confirm-wrong":        {"input#code[aria-invalid=true]"},
		"other-browser":        {"div#other-browser"},
		"forgot":               {"form#forgot-password-form", "input#username[name=username]", "input#username[autofocus]", "button#forgot-password-submit", "button#sign-in[value=sign_in]"},
		"forgot-missing":       {"input#username[aria-invalid=true]"},
		"forgot-limited":       {"p#notice[autofocus]"},
		"recover":              {"form#confirm-form[action=/demo/forgot-password/confirm]", "input#code[name=code]", "button#resend[name=resend]", "form#forgot-password-again-form[action=/demo/forgot-password]"},
		"accounts":             {"form#accounts-form", "button#account-1[name=account]", "button#account-2[name=account]", "button#sign-out-1[name=sign_out]", "button#sign-out-2[aria-label=Sign out grace@demo.test]", "button#account-another[value=another]", "input[name=csrf_token]", "input[name=transaction]"},
		"accounts-fault":       {"p#notice[role=alert]", "p#notice[autofocus]"},
		"logout-several":       {"button#logout-all[value=all]", "button#logout-confirm[value=confirm]"},
		"logged-out-others":    {"p#still-signed-in", "a#accounts[href=/demo/select-account]"},
		"home-several":         {"a#accounts[href=/demo/select-account]", "a#logout[href=/demo/logout]"},
		"home":                 {"a#logout[href=/demo/logout]"},
		"form-post":            {"form#post-form[action=https://payroll.example.com/callback]", "input[name=code]", "input[name=state]", "input[name=iss]", "button[type=submit]"},
		"leaving":              {"a#leave[href=https://payroll.example.com/cb?code=a&state=b;c]"},
		"expired":              {"a#restart[href=/demo/authorize?client_id=demo-web]"},
		"error-application":    {"div#error-page", "code#error-code", "p#error-description", "code#request-id", "dd#error-detail"},
		"error-internal":       {"a#retry"},
		"account":              {"nav#account-nav", "form#profile-form", "input#given-name[name=given_name]", "select#locale[name=locale]", "input[name=csrf_token]", "p#done[role=status]"},
		"account-zone":         {"input#zoneinfo[aria-invalid=true]", "input#zoneinfo[autofocus]"},
		"account-password":     {"form#password-form", "input#new-password[autocomplete=new-password]"},
		"account-sessions":     {"ul#sessions-list", "button#end-others[name=others]", "button[name=session]", "a[href=/demo/logout]"},
		"account-applications": {"ul#applications-list", "button[name=client]"},
		"account-activity":     {"ul#activity-list", "a[href=/demo/account/activity?before=x]"},
		"second":               {"form#otp-form", "input#otp-code[name=code]", "input#otp-code[autofocus]", "button#otp-submit", "input#recovery-code[name=recovery_code]", "button#another-account[value=another]"},
		"second-recovery":      {"details[open]", "input#recovery-code[autofocus]"},
		"enrol":                {"svg[role=img]", "code#otp-secret", "input[name=enrolment]", "input#otp-code[autocomplete=one-time-code]"},
		"recovery-codes":       {"ul#recovery-codes", "a#continue[href=/demo/login?transaction=x]"},
		"account-factor":       {"button#new-codes[value=codes]", "button#remove-factor[value=remove]"},
		"account-data":         {"form#data-form", "button#download"},
		"home-account":         {"a#account[href=/demo/account]"},
		"error-denied":         {"a#continue[href=https://payroll.example.com/]"},
	} {
		d := read(t, all[name])
		for _, selector := range want {
			if d.find(selector) == nil {
				t.Errorf("%s lacks %s", name, selector)
			}
		}
	}
}

// find understands tag#id[attribute=value].
func (d document) find(selector string) *html.Node {
	m := regexp.MustCompile(`^([a-z0-9]+)(?:#([a-z0-9-]+))?(?:\[([a-z-]+)(?:=([^\]]*))?\])?$`).FindStringSubmatch(selector)
	for _, e := range d.all(m[1]) {
		got, ok := attribute(e, m[3])
		if (m[2] == "" || value(e, "id") == m[2]) && (m[3] == "" || ok) && (m[4] == "" || got == m[4]) {
			return e
		}
	}
	return nil
}

func TestAllowAndDenyWeighTheSame(t *testing.T) {
	t.Parallel()
	d := read(t, states(catalog(t).Match(nil, "", "en"), organizations()["plain"])["consent"])
	if allow, deny := value(d.byID("consent-allow"), "class"), value(d.byID("consent-deny"), "class"); allow != deny {
		t.Errorf("allow is %q, deny is %q", allow, deny)
	}
}

func TestConsentSpeaksInGroups(t *testing.T) {
	t.Parallel()
	all := states(catalog(t).Match(nil, "", "en"), organizations()["plain"])
	body := words(read(t, all["consent"]).all("main")[0])
	last := -1
	for _, part := range []string{"Payroll asks for access", "Signed in as ada@demo.test", "Know who you are", "Reach you", "See your phone number",
		"Act while you are away", "Also", "Read your invoices", "Use the permission “reports”", "To withdraw it later", "payroll.example.com"} {
		at := strings.Index(body, part)
		if at <= last {
			t.Errorf("%q is missing or out of order in %q", part, body)
		}
		last = at
	}
	if body := words(read(t, all["consent-openid"]).all("main")[0]); strings.Contains(body, "Reach you") || strings.Contains(body, "Also") {
		t.Errorf("an empty group is shown: %q", body)
	}
	// Nobody rewords what a standard scope means.
	v := page.Consent{Frame: page.Frame{Text: catalog(t).Match(nil, "", "en")}, Scopes: []page.Scope{{Name: "email", Description: "Nothing at all"}}}
	if body := words(read(t, v).all("main")[0]); strings.Contains(body, "Nothing at all") || !strings.Contains(body, "See your email address") {
		t.Errorf("got %q", body)
	}
}

func TestStrangersAreShownAsText(t *testing.T) {
	t.Parallel()
	all := states(catalog(t).Match(nil, "", "en"), organizations()["plain"])
	d := read(t, all["login-hostile"])
	lead := words(d.find("div[class=lead purpose]"))
	if lead != `to continue to <script>alert(1)</script>gnp.exe "'&` {
		t.Errorf("got %q", lead)
	}
	if link := d.find("a"); link == nil || strings.Contains(value(link, "href"), "javascript") {
		t.Error("a policy address runs a script")
	}
	if action := value(read(t, all["form-post-scheme"]).byID("post-form"), "action"); strings.Contains(action, "javascript") {
		t.Errorf("the answer is posted to %q", action)
	}
	v := page.Login{Frame: page.Frame{Text: catalog(t).Match(nil, "", "en")}, Client: &page.Client{Name: strings.Repeat("ä", 500)}}
	if lead := words(read(t, v).find("div[class=lead purpose]")); len([]rune(lead)) > 100 {
		t.Errorf("a name of %d characters is shown whole", len([]rune(lead)))
	}
}

func TestWhatIsNotThereIsNotShown(t *testing.T) {
	t.Parallel()
	frame := page.Frame{Text: catalog(t).Match(nil, "", "en")}
	for name, component := range map[string]templ.Component{
		"logged out": page.LoggedOut{Frame: frame}, "expired": page.Expired{Frame: frame}, "login": page.Login{Frame: frame},
	} {
		if links := read(t, component).all("a"); len(links) > 0 {
			t.Errorf("%s links to %q", name, value(links[0], "href"))
		}
	}
	if read(t, page.Login{Frame: frame}).find("p[class=lead]") != nil {
		t.Error("a sign-in for nobody says where it leads")
	}
}
