package oauth

import (
	"fmt"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/org"
)

// payment is a type like the one of RFC 9396 §2.
var payment = org.AuthorizationDetailType{Type: "payment_initiation", Fields: []org.AuthorizationDetailField{
	{Name: "instructedAmount", Kind: org.DetailAmount, Required: true, Label: map[string]string{"en": "Amount", "de": "Betrag"}},
	{Name: "creditorName", Kind: org.DetailText, Required: true},
	{Name: "urgent", Kind: org.DetailBoolean}, {Name: "months", Kind: org.DetailNumber}, {Name: "accounts", Kind: org.DetailTexts},
}, Consent: map[string]string{"en": "Pay {instructedAmount} to {creditorName} at {identifier}", "de": "{instructedAmount} an {creditorName} zahlen"}}

const goodDetail = `{"type":"payment_initiation","actions":["initiate"],"locations":["https://api.example.test/"],"instructedAmount":{"currency":"EUR","amount":"123.50"},"creditorName":"Merchant A"}`

// RFC 9396 §2, §2.2, §5.
func TestAuthorizationDetailsAreJudged(t *testing.T) {
	t.Parallel()
	organization := &org.Organization{Policies: org.Policies{AuthorizationDetailTypes: []org.AuthorizationDetailType{payment,
		{Type: "other", Consent: map[string]string{"en": "Other"}}}}}
	c := &client.Client{Metadata: client.Metadata{AuthorizationDetailsTypes: []string{"payment_initiation", "not_registered"}}}
	with := func(member string) string { return "[" + strings.TrimSuffix(goodDetail, "}") + "," + member + "}]" }
	for name, text := range map[string]string{
		"as in the specification": "[" + goodDetail + "]", "two": "[" + goodDetail + "," + goodDetail + "]", "spaces": " [ " + goodDetail + " ] ",
		"a number": with(`"months":12`), "a number as a text": with(`"months":"12.5"`), "yes or no": with(`"urgent":false`), "texts": with(`"accounts":["a","b"]`),
		"common fields": with(`"datatypes":["x"],"identifier":"1","privileges":["admin"]`),
	} {
		if details, err := ParseDetails(organization, c, text); err != nil || len(details) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if details, err := ParseDetails(organization, c, ""); err != nil || details != nil {
		t.Errorf("%v %v", details, err)
	}
	for name, text := range map[string]string{
		"an object": goodDetail, "nothing in it": "[]", "no JSON": "[" + goodDetail, "something behind it": "[" + goodDetail + "] []", "texts instead": `["payment_initiation"]`, "null": "null",
		"no type": `[{"actions":["a"]}]`, "an unknown type": `[{"type":"unknown"}]`, "a type of another shape": `[{"type":["payment_initiation"]}]`,
		"a type that the client did not register": `[{"type":"other"}]`, "a type that the organization did not register": `[{"type":"not_registered"}]`,
		"one good, one not": "[" + goodDetail + `,{"type":"other"}]`, "an unknown field": with(`"surprise":1`), "a field of the wrong kind": with(`"urgent":"yes"`),
		"a field missing": `[{"type":"payment_initiation","creditorName":"A"}]`, "an empty text": with(`"identifier":""`), "an empty list": with(`"accounts":[]`),
		"an amount with more": with(`"instructedAmount":{"amount":"1","currency":"EUR","to":"me"}`), "an amount without currency": with(`"instructedAmount":{"amount":"1"}`),
		"an exponent": with(`"months":1e999`), "a NUL": with(`"identifier":"a\u0000b"`), "actions that are a text": with(`"actions":"initiate"`),
		"too many": "[" + strings.Repeat(`{"type":"payment_initiation"},`, 20) + goodDetail + "]", "too long": with(`"identifier":"` + strings.Repeat("x", 5000) + `"`),
	} {
		if details, err := ParseDetails(organization, c, text); err == nil || FromFault(err).Code != CodeInvalidAuthorizationDetails || details != nil {
			t.Errorf("%s: %v %s", name, err, details)
		}
	}
	t.Run("a member twice is what everybody reads: the last", func(t *testing.T) {
		details, err := ParseDetails(organization, c, with(`"creditorName":"Merchant B"`))
		if err != nil || strings.Contains(string(details[0]), "Merchant A") || !strings.Contains(string(details[0]), "Merchant B") {
			t.Errorf("%v %s", err, details)
		}
	})
	t.Run("people read a sentence and every particular", func(t *testing.T) {
		details, err := ParseDetails(organization, c, "["+goodDetail+"]")
		if err != nil {
			t.Fatal(err)
		}
		sentence, facts := Describe(organization, details[0], "de")
		if sentence != "123.50 EUR an Merchant A zahlen" || fmt.Sprint(facts) != "[{ Betrag 123.50 EUR} { creditorName Merchant A} {actions  initiate} {locations  https://api.example.test/}]" {
			t.Errorf("%s %v", sentence, facts)
		}
		if sentence, _ := Describe(organization, details[0], "it"); sentence != "Pay 123.50 EUR to Merchant A at –" {
			t.Errorf("%s", sentence)
		}
	})
	t.Run("kept and read again they are the same, and narrowing is exact", func(t *testing.T) {
		details, err := ParseDetails(organization, c, "["+goodDetail+","+strings.Replace(goodDetail, "Merchant A", "Merchant B", 1)+"]")
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := details.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeDetails(encoded)
		if err != nil || again.Within(details) != nil || details.Within(again) != nil || details[:1].Within(again) != nil {
			t.Errorf("%v", err)
		}
		more, err := ParseDetails(organization, c, "["+strings.Replace(goodDetail, "123.50", "124.50", 1)+"]")
		if err != nil || more.Within(again) == nil {
			t.Errorf("%v", err)
		}
		if held := details.Held(&org.Organization{}, c); len(held) != 0 {
			t.Errorf("types that are gone: %s", held)
		}
	})
}
