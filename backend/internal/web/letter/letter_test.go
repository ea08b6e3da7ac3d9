package letter

import (
	"os"
	"regexp"
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
				for name, content := range map[string]Content{
					"verify":  VerifyAddress(f, "CFGH-2345", "https://id.example/demo/sign-up/confirm?code=CFGH2345&transaction=x", 20),
					"exists":  AccountExists(f, "https://id.example/demo/login"),
					"recover": RecoverPassword(f, "CFGH-2345", "https://id.example/demo/forgot-password/confirm?code=CFGH2345&transaction=x", 20),
					"second":  SecondFactorCode(f, "CFGH-2345", 20),
					"address": NewAddress(f, "CFGH-2345", "https://id.example/demo/action/email?code=CFGH2345&transaction=x", 20),
					"own":     OwnAddress(f, "CFGH-2345", "https://id.example/demo/action/email?code=CFGH2345&transaction=x", 20),
					"taken":   AddressTaken(f, "https://id.example/demo/login"),
					"moved":   AddressChanged(f, organization, "https://id.example/demo/undo-email-change?token=x", 3),
					"leaving": Leaving(f, "ada", "3 December 2026, 10:00 UTC", "https://id.example/demo/login"),
					"magic":   MagicLink(f, "CFGH-2345", "https://id.example/demo/login/mail/confirm?code=CFGH2345&transaction=x", 20),
					"invited": Invitation(f, organization, "https://id.example/demo/invitation?token=x", "3 December 2026, 09:30 UTC"),
					"waits":   RequestWaits(f, organization, "https://id.example/demo/approvals", 5),
				} {
					check(t, language+"/"+name, language, content)
				}
			}
		}
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
	if strings.HasSuffix(name, "/second") { // its code is typed where the sign-in waits
		if len(links) != 0 || !strings.Contains(content.Text, "CFGH-2345") {
			t.Errorf("%s: links %v", name, links)
		}
	} else if len(links) != 1 || !strings.HasPrefix(links[0], "https://id.example/demo/") || !strings.Contains(content.Text, links[0]) {
		t.Errorf("%s: links %v", name, links)
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
