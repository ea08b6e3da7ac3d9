package letter

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/clavex/clavex/backend/internal/web/text"
)

const hostile = "<script>alert(1)</script>\r\nBcc: eve@example.test"

// Every letter, in every language and brand, says everything in both forms and needs nothing from elsewhere.
func TestRulesOfEveryLetter(t *testing.T) {
	t.Parallel()
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, language := range texts.Languages() {
		for _, organization := range []string{"Demo", hostile} {
			for _, color := range []string{"", "#ffee00", "red;background:url(https://evil.example.test/x)"} {
				f := Frame{Text: texts.Match([]string{language}, "", ""), Organization: organization, Color: color, Site: "https://id.example/demo"}
				for name, content := range letters(f, organization) {
					check(t, language+"/"+name, language, content)
				}
			}
		}
	}
}

// letters is every letter, by the name of the function that writes it and what it is about. Those about changes have nothing to
// click.
func letters(f Frame, name string) map[string]Content {
	const at, code = "https://id.example/demo/", "CFGH-2345"
	all := map[string]Content{
		"VerifyAddress":       VerifyAddress(f, code, at+"sign-up/confirm?code=CFGH2345&transaction=x", 20),
		"AccountExists":       AccountExists(f, at+"login"),
		"RecoverPassword":     RecoverPassword(f, code, at+"forgot-password/confirm?code=CFGH2345&transaction=x", 20),
		"SecondFactorCode":    SecondFactorCode(f, code, 20),
		"NewAddress":          NewAddress(f, code, at+"action/email?code=CFGH2345&transaction=x", 20),
		"OwnAddress":          OwnAddress(f, code, at+"action/email?code=CFGH2345&transaction=x", 20),
		"AddressTaken":        AddressTaken(f, at+"login"),
		"AddressChanged":      AddressChanged(f, name, at+"undo-email-change?token=x", 3),
		"AddressChanged told": AddressChanged(f, name, "", 3),
		"AddressSet":          AddressSet(f, name),
		"AddressRestored":     AddressRestored(f, name),
		"Leaving":             Leaving(f, "ada", "3 December 2026, 10:00 UTC", at+"login"),
		"Kept":                Kept(f, name),
		"Erased":              Erased(f, name),
		"IdentityLinked":      IdentityLinked(f, name, name),
		"IdentityUnlinked":    IdentityUnlinked(f, name, name),
		"MagicLink":           MagicLink(f, code, at+"login/mail/confirm?code=CFGH2345&transaction=x", 20),
		"Invitation":          Invitation(f, name, at+"invitation?token=x", "3 December 2026, 09:30 UTC"),
		"PasswordChanged":     PasswordChanged(f, name),
		"NewSignIn":           NewSignIn(f, name, SignIn{name, name, "192.0.2.1", "3 December 2026, 09:30 UTC"}, at+"account/sessions"),
		"NewSignIn unknown":   NewSignIn(f, name, SignIn{Device: name, When: "3 December 2026, 09:30 UTC"}, at+"account/sessions"),
		"PasskeyAdded":        PasskeyAdded(f, name, name),
		"PasskeyRemoved":      PasskeyRemoved(f, name, name),
		"PasskeySuspended":    PasskeySuspended(f, name, name),
		"RequestWaits":        RequestWaits(f, name, at+"approvals", 5),
	}
	for _, change := range []FactorChange{FactorAdded, FactorRemoved, FactorReset, CodesMade, CodeUsed, DeviceRemembered} {
		all["FactorChanged "+string(change)] = FactorChanged(f, change, name)
	}
	return all
}

// leadsNowhere are the letters without a link. A code alone is typed where the sign-in waits.
var leadsNowhere = []string{"SecondFactorCode", "AddressChanged told", "AddressSet", "AddressRestored", "Kept", "Erased", "IdentityLinked", "IdentityUnlinked", "PasswordChanged",
	"PasskeyAdded", "PasskeyRemoved", "PasskeySuspended", "FactorChanged"}

// What TestRulesOfEveryLetter walks through is every letter that there is, about every change.
func TestNoLetterIsForgotten(t *testing.T) {
	t.Parallel()
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	all := letters(Frame{Text: texts.Match(nil, "", "en"), Organization: "Demo", Site: "https://id.example/demo"}, "ada")
	file, err := parser.ParseFile(token.NewFileSet(), "letter.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	if others, err := filepath.Glob("*.go"); err != nil || len(others) != 2 {
		t.Fatalf("this test reads letter.go only: %v %v", others, err)
	}
	found := 0
	for _, declared := range file.Decls {
		switch declared := declared.(type) {
		case *ast.FuncDecl:
			if results := declared.Type.Results; declared.Name.IsExported() && results != nil && types.ExprString(results.List[0].Type) == "Content" && declared.Name.Name != "FactorChanged" {
				found++
				if _, ok := all[declared.Name.Name]; !ok {
					t.Errorf("%s is in no test", declared.Name.Name)
				}
			}
		case *ast.GenDecl:
			for _, spec := range declared.Specs {
				if values, ok := spec.(*ast.ValueSpec); ok && values.Type != nil && types.ExprString(values.Type) == "FactorChange" {
					found++
					change, err := strconv.Unquote(values.Values[0].(*ast.BasicLit).Value)
					if _, ok := all["FactorChanged "+change]; err != nil || !ok {
						t.Errorf("%s is in no test: %v", values.Names[0].Name, err)
					}
				}
			}
		}
	}
	if found < 29 {
		t.Errorf("only %d letters were found", found)
	}
}

func check(t *testing.T, name, language string, content Content) {
	t.Helper()
	if content.Subject == "" || strings.ContainsAny(content.Subject, "\r\n") {
		t.Errorf("%s: subject %q", name, content.Subject)
	}
	root, err := html.Parse(strings.NewReader(content.HTML))
	if err != nil {
		t.Fatal(err)
	}
	var links []string
	var words strings.Builder
	for node := range root.Descendants() {
		if node.Type == html.TextNode {
			words.WriteString(strings.Join(strings.Fields(node.Data), " ") + " ")
			continue
		}
		if node.Data == "script" || node.Data == "img" || node.Data == "link" || node.Data == "form" || node.Data == "iframe" {
			t.Errorf("%s holds a <%s>", name, node.Data)
		}
		for _, attribute := range node.Attr {
			switch {
			case attribute.Key == "href":
				links = append(links, attribute.Val)
			case attribute.Key == "lang" && attribute.Val != language:
				t.Errorf("%s: lang %q", name, attribute.Val)
			case strings.Contains(attribute.Val, "url("), strings.Contains(attribute.Val, "ZgotmplZ"):
				t.Errorf("%s: %s=%q", name, attribute.Key, attribute.Val)
			}
		}
	}
	_, letter, _ := strings.Cut(name, "/")
	kind, _, _ := strings.Cut(letter, " ")
	if slices.Contains(leadsNowhere, letter) || slices.Contains(leadsNowhere, kind) {
		if len(links) != 0 {
			t.Errorf("%s: links %v", name, links)
		}
	} else if len(links) != 1 || !strings.HasPrefix(links[0], "https://id.example/demo/") || !strings.Contains(content.Text, links[0]) {
		t.Errorf("%s: links %v", name, links)
	}
	if letter == "SecondFactorCode" && !strings.Contains(content.Text, "CFGH-2345") {
		t.Errorf("%s lacks its code", name)
	}
	for block := range strings.SplitSeq(content.Text, "\n\n") {
		for line := range strings.SplitSeq(block, "\n") {
			if line = strings.TrimSuffix(strings.Join(strings.Fields(line), " "), ":"); line != "--" && !strings.HasPrefix(line, "http") && !strings.Contains(words.String(), line) {
				t.Errorf("%s: the HTML lacks %q", name, line)
			}
		}
	}
	if key := regexp.MustCompile(`\bmail_[a-z_]+|\{\{|<no value>`).FindString(content.Subject + content.Text); key != "" {
		t.Errorf("%s shows %s", name, key)
	}
}

// A mail that somebody might fear to open asks for nothing.
func TestThePasswordChangedLetterHasNoLink(t *testing.T) {
	t.Parallel()
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	content := PasswordChanged(Frame{Text: texts.Match(nil, "", "en"), Organization: "Demo", Site: "https://id.example/demo"}, "ada@demo.test")
	if strings.Contains(content.HTML, "<a ") || !strings.Contains(content.HTML, "ada@demo.test") || !strings.Contains(content.Text, "ada@demo.test") {
		t.Errorf("%s", content.Text)
	}
}

func TestTheDefaultColorIsThatOfThePages(t *testing.T) {
	t.Parallel()
	tokens, err := os.ReadFile("../asset/tokens.css")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(tokens), "--color-brand-source: "+defaultColor+";") {
		t.Errorf("%s is not the colour of web/asset/tokens.css", defaultColor)
	}
}

// What the mails about passkeys say is text, asks for nothing and leads nowhere.
func TestLettersAboutPasskeys(t *testing.T) {
	t.Parallel()
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, language := range texts.Languages() {
		frame := Frame{Text: texts.Match(nil, "", language), Organization: "Demo", Site: "https://id.example/demo"}
		for _, content := range []Content{PasskeyAdded(frame, "ada@demo.test", "Grey <b>laptop</b>\r\nBcc: x"), PasskeyRemoved(frame, "ada@demo.test", "Grey <b>laptop</b>\r\nBcc: x")} {
			if strings.Contains(content.HTML, "href=") || strings.Contains(content.HTML, "<b>laptop") || !strings.Contains(content.Text, "Grey <b>laptop</b> Bcc: x") ||
				strings.ContainsAny(content.Subject, "\r\n") || !strings.Contains(content.Text, "ada@demo.test") {
				t.Errorf("%s: %s\n%s", language, content.Subject, content.Text)
			}
		}
	}
}

// Letters about changes have nothing to click: whoever gets one knows the way, and whoever forges one has no better link.
func TestLettersAboutChanges(t *testing.T) {
	t.Parallel()
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, language := range texts.Languages() {
		f := Frame{Text: texts.Match([]string{language}, "", ""), Organization: hostile, Site: "https://id.example/demo"}
		seen := map[string]bool{}
		for _, change := range []FactorChange{FactorAdded, FactorRemoved, FactorReset, CodesMade, CodeUsed, DeviceRemembered} {
			content := FactorChanged(f, change, hostile)
			if seen[content.Text] || strings.ContainsAny(content.Subject, "\r\n") || strings.Contains(content.HTML, "<script") || strings.Contains(content.HTML, "href") ||
				regexp.MustCompile(`\bmail_[a-z_]+|\{\{|<no value>`).MatchString(content.Subject+content.Text) {
				t.Errorf("%s %s: %q %q", language, change, content.Subject, content.Text)
			}
			seen[content.Text] = true
		}
		for name, content := range map[string]Content{"address": AddressChanged(f, hostile, "", 3), "restored": AddressRestored(f, hostile), "set": AddressSet(f, hostile), "linked": IdentityLinked(f, hostile, hostile), "unlinked": IdentityUnlinked(f, hostile, hostile), "kept": Kept(f, hostile), "erased": Erased(f, hostile), "sign-in": NewSignIn(f, hostile, SignIn{hostile, hostile, hostile, hostile}, ""), "password": PasswordChanged(f, hostile)} {
			if seen[content.Text] || strings.ContainsAny(content.Subject, "\r\n") || strings.Contains(content.HTML, "<script") || strings.Contains(content.HTML, "href") ||
				regexp.MustCompile(`\bmail_[a-z_]+|\{\{|<no value>`).MatchString(content.Subject+content.Text) {
				t.Errorf("%s %s: %q %q", language, name, content.Subject, content.Text)
			}
			seen[content.Text] = true
		}
	}
}
