package page_test

import (
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/clavex/clavex/backend/internal/brand"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/web/page"
	"github.com/clavex/clavex/backend/internal/web/text"
)

func catalog(t *testing.T) *text.Catalog {
	t.Helper()
	c, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var (
	wrong   = fault.New(fault.Unauthenticated, "credentials_wrong", "The username or password is not right.")
	tooMany = fault.New(fault.RateLimited, "too_many_attempts", "There were too many failed attempts.").WithRetryAfter(90 * time.Second)
	short   = fault.New(fault.Invalid, "password_too_short", "Choose a longer password.").WithField("password")
)

// hostile is a name as a stranger might register it: markup, control and reordering
// characters, no end.
const hostile = "<script>alert(1)</script>\u202egnp.exe\u0000 \"'&"

var moment = page.Moment{Shown: "2026-11-26 04:35 UTC", Exact: "2026-11-26T04:35:00Z"}

var challenge = &page.ProofOfWork{Challenge: "1764158400000.14.16.AAECAwQFBgcICQoLDA0ODw.c2lnbmF0dXJl", Parts: 16, Seconds: 30}

var enrolment = page.Enrolment{URI: "otpauth://totp/Demo:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Demo", Secret: "GEZD GNBV GY3T QOJQ", Kept: "k.abc"}

// own is what surrounds the pages of an account.
func own(frame page.Frame) page.OwnAccount {
	return page.OwnAccount{Frame: frame, Person: hostile, Done: "Your changes are saved.", Places: []page.Place{{Label: "Profile", URL: "/demo/account", Current: true},
		{Label: "Devices and sessions", URL: "/demo/account/sessions"}, {Label: "Applications", URL: "/demo/account/applications"}}}
}

// states is every page in every state that it has.
func states(words *text.Printer, organization page.Organization) map[string]templ.Component {
	frame := page.Frame{Text: words, Organization: organization}
	form := func(action string) page.Form {
		return page.Form{Action: "/demo/" + action, Transaction: "tx-0123456789abcdefghijkl", CSRFToken: "csrf-0123456789abcdefghijklmnopqrstuv"}
	}
	passkey := func(action string) *page.Passkey {
		return &page.Passkey{Form: form(action), Options: `{"challenge":"AAAA","rpId":"id.example.com"}`}
	}
	payroll := page.Client{Name: "Payroll", Host: "payroll.example.com", PolicyURL: "https://payroll.example.com/privacy", TermsURL: "https://payroll.example.com/terms"}
	logo := payroll
	logo.LogoURL = "/demo/client-logo/00112233445566778899aabbccddeeff?client_id=payroll"
	long := page.Client{Name: "Rechtsschutzversicherungsgesellschaften-Abrechnungsportal", Host: "abrechnungsportal.rechtsschutzversicherungsgesellschaften.example"}
	scopes := []page.Scope{{Name: "openid"}, {Name: "profile"}, {Name: "email"}, {Name: "phone"}, {Name: "address"}, {Name: "offline_access"},
		{Name: "invoices.read", Description: "Read your invoices"}, {Name: "reports"}}
	nowhere := frame
	nowhere.Organization = page.Organization{}
	return map[string]templ.Component{
		"login":          page.Login{Frame: frame, Form: form("login"), Client: &payroll},
		"login-logo":     page.Login{Frame: frame, Form: form("login"), Client: &logo},
		"login-related":  page.Login{Frame: frame, Form: form("login"), Client: &payroll, Passkey: passkey("login/passkey"), FormerPasskey: &page.Passkey{Form: form("login/passkey"), Options: `{"challenge":"AAAA","rpId":"sso.example.com"}`, Host: "sso.example.com"}, Former: &page.Link{Label: "sso.example.com", URL: "https://sso.example.com/account/methods"}},
		"login-former":   page.Login{Frame: frame, Form: form("login"), Client: &payroll, Passkey: passkey("login/passkey"), Former: &page.Link{Label: "id.example.com", URL: "https://id.example.com/demo/account/methods"}},
		"login-alone":    page.Login{Frame: frame, Form: form("login")},
		"login-wrong":    page.Login{Frame: frame, Form: form("login"), Client: &payroll, Username: "ada@demo.test", Fault: wrong},
		"login-too-many": page.Login{Frame: frame, Form: form("login"), Client: &payroll, Username: "ada@demo.test", Fault: tooMany},
		"login-long":     page.Login{Frame: frame, Form: form("login"), Client: &long, Username: "ada.augusta.king-noel.countess.of.lovelace@analytical-engine.example.com"},
		"login-hostile":  page.Login{Frame: frame, Form: form("login"), Client: &page.Client{Name: hostile, PolicyURL: "javascript:alert(1)"}, Username: hostile},
		"login-chosen":   page.Login{Frame: frame, Form: form("login"), Client: &payroll, Username: "ada@demo.test", Chosen: true, AccountsURL: "/demo/select-account"},
		"login-another":  page.Login{Frame: frame, Form: form("login"), AccountsURL: "/demo/select-account"},
		"login-work":     page.Login{Frame: frame, Form: form("login"), Client: &payroll, Username: "ada@demo.test", Work: challenge, Fault: fault.New(fault.Invalid, "proof_of_work_missing", "").WithField("solution")},
		"sign-up-work":   page.SignUp{Frame: frame, Form: form("sign-up"), MinLength: 8, Passkeys: true, Work: challenge},
		"forgot-work":    page.ForgotPassword{Frame: frame, Form: form("forgot-password"), Username: "ada", Work: challenge, Fault: fault.New(fault.RateLimited, "proof_of_work_waits_limited", "").WithField("solution").WithRetryAfter(40 * time.Minute)},
		"login-sign-up":  page.Login{Frame: frame, Form: form("login"), ForgotPasswordURL: "/demo/forgot-password?transaction=x", MagicLinkURL: "/demo/login/mail?transaction=x", SignUpURL: "/demo/sign-up?transaction=x"},
		"sign-up":        page.SignUp{Frame: frame, Form: form("sign-up"), Client: &payroll, MinLength: 8},
		"sign-up-hint":   page.SignUp{Frame: frame, Form: form("sign-up"), Client: &logo, Email: "ada@demo.test", Domains: []string{"demo.test", "*.rechtsschutzversicherungsgesellschaften.example"}, MinLength: 8},
		"sign-up-email": page.SignUp{Frame: frame, Form: form("sign-up"), Email: hostile, GivenName: hostile, FamilyName: hostile, Domains: []string{"demo.test"}, MinLength: 8,
			Fault: fault.New(fault.Invalid, "email_invalid", "").WithField("email")},
		"sign-up-name":     page.SignUp{Frame: frame, Form: form("sign-up"), Email: "ada@demo.test", MinLength: 8, Fault: fault.New(fault.Invalid, "name_missing", "").WithField("given_name")},
		"sign-up-password": page.SignUp{Frame: frame, Form: form("sign-up"), Email: "ada@demo.test", GivenName: "Ada", MinLength: 8, Fault: short},
		"sign-up-limited":  page.SignUp{Frame: frame, Form: form("sign-up"), Email: "ada@demo.test", MinLength: 8, Fault: fault.New(fault.RateLimited, "sign_ups_limited", "").WithRetryAfter(40 * time.Minute)},
		"confirm":          page.ConfirmCode{Frame: frame, Form: form("sign-up/confirm"), Client: &payroll, BackURL: "/demo/sign-up", Account: "ada@demo.test", MayResend: true},
		"confirm-link":     page.ConfirmCode{Frame: frame, Form: form("sign-up/confirm"), BackURL: "/demo/sign-up", Account: "ada@demo.test", Code: "CFGH-2345", Again: true, MayResend: true},
		"confirm-work":     page.ConfirmCode{Frame: frame, Form: form("forgot-password/confirm"), For: page.ForgottenPassword, BackURL: "/demo/forgot-password", Account: "ada", MayResend: true, Work: challenge},
		"confirm-wrong": page.ConfirmCode{Frame: frame, Form: form("sign-up/confirm"), BackURL: "/demo/sign-up", Account: hostile, Code: hostile,
			Fault: fault.New(fault.Invalid, "code_wrong", "").WithField("code")},
		"confirm-no-more": page.ConfirmCode{Frame: frame, Form: form("sign-up/confirm"), BackURL: "/demo/sign-up", Account: "ada@demo.test", Fault: fault.New(fault.RateLimited, "no_more_mails", "")},
		"forgot":          page.ForgotPassword{Frame: frame, Form: form("forgot-password"), Client: &payroll, Username: "ada@demo.test"},
		"forgot-missing":  page.ForgotPassword{Frame: frame, Form: form("forgot-password"), Username: hostile, Fault: fault.New(fault.Invalid, "identifier_missing", "").WithField("username")},
		"forgot-limited":  page.ForgotPassword{Frame: frame, Form: form("forgot-password"), Username: "ada", Fault: fault.New(fault.RateLimited, "recoveries_limited", "").WithRetryAfter(40 * time.Minute)},
		"recover":         page.ConfirmCode{Frame: frame, Form: form("forgot-password/confirm"), Client: &payroll, For: page.ForgottenPassword, BackURL: "/demo/forgot-password", Account: hostile, MayResend: true},
		"other-browser":   page.OtherBrowser{Frame: frame},
		"accounts": page.Accounts{Frame: frame, Form: form("select-account"), Client: &payroll, Another: true, Accounts: []page.Account{
			{ID: "0193a5b2-7c1e-7d3a-9f52-1b6c0e8d4a77", Name: "Ada King Lovelace", Username: "ada@demo.test"},
			{ID: "0193a5b2-7c1e-7d3a-9f52-1b6c0e8d4a78", Name: "grace@demo.test", Username: "grace@demo.test", NeedsProof: true},
			{ID: "0193a5b2-7c1e-7d3a-9f52-1b6c0e8d4a79", Name: "Grace Hopper", Username: "grace.brewster.murray.hopper@rechtsschutzversicherungsgesellschaften.example"}}},
		"accounts-named":   page.Accounts{Frame: frame, Form: form("select-account"), Accounts: []page.Account{{ID: "1", Name: "Ada King Lovelace", Username: "ada"}}},
		"accounts-fault":   page.Accounts{Frame: frame, Form: form("select-account"), Another: true, Accounts: []page.Account{{ID: "1", Name: "Ada", Username: "ada"}}, Fault: fault.New(fault.Invalid, "account_not_signed_in", "")},
		"accounts-hostile": page.Accounts{Frame: frame, Form: form("select-account"), Client: &page.Client{Name: hostile}, Another: true, Accounts: []page.Account{{ID: hostile, Name: hostile, Username: hostile}}},
		"consent":          page.Consent{Frame: frame, Form: form("consent"), Client: payroll, Username: "ada@demo.test", Scopes: scopes},
		"consent-logo":     page.Consent{Frame: frame, Form: form("consent"), Client: logo, Username: "ada@demo.test", Scopes: scopes[:3]},
		"consent-openid":   page.Consent{Frame: frame, Form: form("consent"), Client: payroll, Username: "ada@demo.test", Scopes: scopes[:1]},
		"consent-long":     page.Consent{Frame: frame, Form: form("consent"), Client: long, Username: "ada@demo.test", Scopes: scopes[:3]},
		"consent-details":  page.Consent{Frame: frame, Form: form("consent"), Client: payroll, Username: "ada@demo.test", Details: []page.Detail{{Sentence: "Pay 123.50 EUR to Merchant A", Facts: []page.Fact{{Name: "actions", Value: "initiate"}, {Name: "locations", Value: "https://api.example.test"}, {Name: "datatypes", Value: "x"}, {Name: "identifier", Value: "1"}, {Name: "privileges", Value: "a"}, {Label: "Account", Value: "DE40 1001"}, {Label: hostile, Value: hostile}}}}},
		"consent-services": page.Consent{Frame: frame, Form: form("consent"), Client: payroll, Username: "ada@demo.test", Scopes: scopes[:2], Resources: []page.Resource{{Name: "Payments", Identifier: "https://api.example.test/payments"}, {Name: hostile, Identifier: hostile}}},
		"consent-fault":    page.Consent{Frame: frame, Form: form("consent"), Client: payroll, Username: "ada@demo.test", Scopes: scopes, Fault: fault.New(fault.Forbidden, "form_forged", "")},
		"consent-hostile":  page.Consent{Frame: frame, Form: form("consent"), Client: page.Client{Name: hostile}, Username: hostile, Scopes: []page.Scope{{Name: hostile}, {Name: "x", Description: hostile}}},
		"consent-device":   page.Consent{Frame: frame, Form: form("consent"), Client: logo, Username: "ada@demo.test", Scopes: scopes[:3], Elsewhere: &page.Elsewhere{Code: "WDJB-MJHT", Minutes: 3}},
		"consent-nothing":  page.Consent{Frame: frame, Form: form("consent"), Client: payroll, Username: "ada@demo.test", Elsewhere: &page.Elsewhere{Code: hostile}},
		"device":           page.Device{Frame: frame, Form: form("device")},
		"device-code":      page.Device{Frame: frame, Form: form("device"), UserCode: "WDJB-MJHT"},
		"device-wrong":     page.Device{Frame: frame, Form: form("device"), UserCode: hostile, Fault: fault.New(fault.Invalid, "user_code_unknown", "").WithField("user_code")},
		"device-too-many":  page.Device{Frame: frame, Form: form("device"), UserCode: "WDJB", Fault: fault.New(fault.RateLimited, "user_codes_rate_limited", "").WithField("user_code").WithRetryAfter(time.Minute)},
		"device-allowed":   page.Decided{Frame: frame, Allowed: true},
		"device-denied":    page.Decided{Frame: frame},
		"approvals-none":   page.Approvals{Frame: frame, AgainURL: "/demo/approvals"},
		"approvals": page.Approvals{Frame: frame, AgainURL: "/demo/approvals", Requests: []page.Approval{
			{ID: "0193a5b2-7c1e-7d3a-9f52-1b6c0e8d4a77", Consent: page.Consent{Frame: frame, Form: form("approvals"), Client: logo, Username: "ada@demo.test", Scopes: scopes[:3],
				Elsewhere: &page.Elsewhere{Application: true, Message: "Pay 123.50 € – W4SCT", Host: "bank.example.com", Minutes: 1, Left: 4}}},
			{ID: "0193a5b2-7c1e-7d3a-9f52-1b6c0e8d4a78", Consent: page.Consent{Frame: frame, Form: form("approvals"), Client: page.Client{Name: hostile}, Username: hostile,
				Details:   []page.Detail{{Sentence: hostile, Facts: []page.Fact{{Label: hostile, Value: hostile}}}},
				Elsewhere: &page.Elsewhere{Application: true, Message: hostile, Host: hostile}}},
			{ID: "0193a5b2-7c1e-7d3a-9f52-1b6c0e8d4a79", Consent: page.Consent{Frame: frame, Form: form("approvals"), Client: long, Scopes: scopes[:1], Elsewhere: &page.Elsewhere{Application: true}}}}},
		"approval-allowed":    page.Decided{Frame: frame, Application: true, Allowed: true, MoreURL: "/demo/approvals"},
		"approval-denied":     page.Decided{Frame: frame, Application: true, MoreURL: "/demo/approvals"},
		"consent-application": page.Consent{Frame: frame, Form: form("consent"), Client: logo, Username: "ada@demo.test", Scopes: scopes[:3], Elsewhere: &page.Elsewhere{Application: true, Message: "W4SCT", Left: 3}},
		"home-approvals":      page.Home{Frame: frame, Username: "ada", ApprovalsURL: "/demo/approvals", LogoutURL: "/demo/logout"},
		"password":            page.ChangePassword{Frame: frame, Form: form("action/change-password"), Username: "ada@demo.test", MinLength: 8},
		"password-first":      page.ChangePassword{Frame: frame, Form: form("action/change-password"), Username: "ada@demo.test", MinLength: 8, First: true},
		"password-short":      page.ChangePassword{Frame: frame, Form: form("action/change-password"), Username: "ada@demo.test", MinLength: 8, Fault: short},
		"invitation":          page.ChangePassword{Frame: frame, Form: form("invitation/accept"), Username: "ada@demo.test", MinLength: 8, Invited: true, Passkey: passkey("invitation/accept")},
		"invitation-short":    page.ChangePassword{Frame: frame, Form: form("invitation/accept"), Username: hostile, MinLength: 8, Invited: true, Passkey: passkey("invitation/accept"), Fault: short},
		"password-busy":       page.ChangePassword{Frame: frame, Form: form("action/change-password"), Username: "ada@demo.test", MinLength: 8, Fault: fault.New(fault.Unavailable, "password_queue_full", "")},
		"logout":              page.Logout{Frame: frame, Form: form("logout"), Username: "ada@demo.test"},
		"logout-client":       page.Logout{Frame: frame, Form: form("logout"), Username: "ada@demo.test", Client: &payroll},
		"logout-several":      page.Logout{Frame: frame, Form: form("logout"), Username: "ada@demo.test", Others: []string{"Grace Hopper", hostile}},
		"logged-out-others":   page.LoggedOut{Frame: frame, Others: []string{"Grace Hopper", "Ada"}, AccountsURL: "/demo/select-account"},
		"logged-out-back":     page.LoggedOut{Frame: frame, ContinueURL: "/demo/select-account?transaction=x", Frames: []string{"https://payroll.example.com/out?iss=x&sid=y"}},
		"logged-out":          page.LoggedOut{Frame: frame, LoginURL: "/demo/"},
		"logged-out-native":   page.LoggedOut{Frame: frame, Client: &payroll, ContinueURL: "com.example.app:/out", LoginURL: "/demo/"},
		"logged-out-scheme":   page.LoggedOut{Frame: frame, Client: &payroll, ContinueURL: "javascript:alert(1)", LoginURL: "/demo/"},
		"logged-out-client":   page.LoggedOut{Frame: frame, Client: &payroll, ContinueURL: "https://payroll.example.com/", LoginURL: "/demo/"},
		"logged-out-frames":   page.LoggedOut{Frame: frame, Client: &payroll, ContinueURL: "https://payroll.example.com/", Frames: []string{"https://payroll.example.com/out?iss=x&sid=y", "javascript:alert(1)"}},
		"logged-out-plain":    page.LoggedOut{Frame: frame},
		"home":                page.Home{Frame: frame, Name: "Ada Lovelace", Username: "ada", Email: "ada@demo.test", LogoutURL: "/demo/logout"},
		"home-several":        page.Home{Frame: frame, Name: "Ada Lovelace", Username: "ada", Others: []string{"Grace Hopper", hostile}, AccountsURL: "/demo/select-account", LogoutURL: "/demo/logout"},
		"home-bare":           page.Home{Frame: frame, Username: "ada@demo.test", Email: "ada@demo.test", LogoutURL: "/demo/logout"},
		"account": page.AccountProfile{OwnAccount: own(frame), Form: form("account"), Username: "ada@demo.test", Email: "ada@demo.test", Name: "Ada King Lovelace", GivenName: "Ada",
			Languages: []page.Option{{Label: "Any"}, {Value: "de", Label: "Deutsch", Chosen: true}}, Zone: "Europe/Rome"},
		"sign-up-passkeys":    page.SignUp{Frame: frame, Form: form("sign-up"), MinLength: 8, Passkeys: true},
		"sign-up-passkey":     page.SignUpPasskey{Frame: frame, Form: form("sign-up/passkey"), Client: &payroll, Email: hostile, Passkey: passkey("sign-up/passkey"), Fault: fault.New(fault.Invalid, "passkey_not_accepted", "")},
		"terms":               page.Terms{Frame: frame, Form: form("action/terms"), Client: &payroll, Username: hostile, Version: "3", Changed: true, Language: "de", Title: hostile, URL: "javascript:alert(1)", Paragraphs: []string{hostile}, Since: "3 December 2026", DataURL: "/demo/account/data", Fault: fault.New(fault.Conflict, "terms_changed", "")},
		"terms-text":          page.Terms{Frame: frame, Form: form("action/terms"), Username: "ada@demo.test", Version: "1", Language: "en", Title: "Terms of use", Paragraphs: []string{"Be kind."}, Since: "3 December 2026", DataURL: "/demo/account/data"},
		"enrol-passkey":       page.SignUpPasskey{Frame: frame, Form: form("action/passkey"), Client: &payroll, Email: hostile, Required: true, Passkey: passkey("action/passkey")},
		"next-passkey":        page.SignUpPasskey{Frame: frame, Form: form("action/passkey"), Client: &payroll, Email: hostile, Former: "id.example.com", Passkey: passkey("action/passkey")},
		"sign-up-passkey-off": page.SignUpPasskey{Frame: frame, Form: form("sign-up/passkey"), Email: "ada@demo.test", Fault: fault.New(fault.Unauthenticated, "passkeys_off", "")},
		"login-passkey":       page.Login{Frame: frame, Form: form("login"), Client: &payroll, Passkey: passkey("login/passkey")},
		"login-passkey-refused": page.Login{Frame: frame, Form: form("login"), Passkey: passkey("login/passkey"),
			Fault: fault.New(fault.Unauthenticated, "passkey_refused", "").WithField("passkey")},
		"login-first":         page.Login{Frame: frame, Form: form("login"), Client: &payroll, IdentifierFirst: true, Passkey: passkey("login/passkey"), Username: "ada@demo.test", Providers: []page.Link{{ID: "idp-corp", Label: "Corp", URL: "/demo/idp/corp?transaction=x"}}, SignUpURL: "/demo/sign-up?transaction=x"},
		"login-first-missing": page.Login{Frame: frame, Form: form("login"), IdentifierFirst: true, Fault: fault.New(fault.Invalid, "identifier_missing", "").WithField("username")},
		"login-first-limited": page.Login{Frame: frame, Form: form("login"), IdentifierFirst: true, Username: "ada@demo.test", Fault: fault.New(fault.RateLimited, "sign_ins_of_network_limited", "").WithRetryAfter(9 * time.Minute)},
		"ways-passkey": page.Ways{Login: page.Login{Frame: frame, Form: form("login/ways"), Client: &payroll, Username: "ada@demo.test", Passkey: passkey("login/passkey"), ForgotPasswordURL: "/demo/forgot-password?transaction=x", MagicLinkURL: "/demo/login/mail?transaction=x"},
			First: page.FirstPasskey, ChangeURL: "/demo/login?change=1&transaction=x", Mail: &page.Form{Action: "/demo/login/mail", Transaction: "x", CSRFToken: "y"}},
		"ways-password": page.Ways{Login: page.Login{Frame: frame, Form: form("login/ways"), Username: "ada@demo.test", Passkey: passkey("login/passkey"), ForgotPasswordURL: "/demo/forgot-password?transaction=x", MagicLinkURL: "/demo/login/mail?transaction=x"},
			First: page.FirstPassword, ChangeURL: "/demo/login?change=1&transaction=x", Mail: &page.Form{Action: "/demo/login/mail", Transaction: "x", CSRFToken: "y"}},
		"ways-provider": page.Ways{Login: page.Login{Frame: frame, Form: form("login/ways"), Username: hostile}, First: page.FirstProvider, Provider: &page.Link{ID: "idp-corp", Label: hostile, URL: "/demo/idp/corp?transaction=x"}},
		"ways-mail": page.Ways{Login: page.Login{Frame: frame, Form: form("login/ways"), Username: "ada.augusta.king-noel.countess.of.lovelace@analytical-engine.example.com", MagicLinkURL: "/demo/login/mail?transaction=x"},
			First: page.FirstMail, ChangeURL: "/demo/login?change=1&transaction=x", Mail: &page.Form{Action: "/demo/login/mail", Transaction: "x", CSRFToken: "y"}},
		"ways-wrong": page.Ways{Login: page.Login{Frame: frame, Form: form("login/ways"), Username: "ada@demo.test", Passkey: passkey("login/passkey"), Fault: wrong}, First: page.FirstPassword, ChangeURL: "/demo/login?change=1&transaction=x"},
		"ways-another": page.Ways{Login: page.Login{Frame: frame, Form: form("login/ways"), Username: "ada@demo.test", Passkey: passkey("login/passkey"), Fault: fault.New(fault.Unauthenticated, "passkey_of_another", "").WithField("passkey")},
			First: page.FirstPasskey, ChangeURL: "/demo/login?change=1&transaction=x"},
		"ways-work": page.Ways{Login: page.Login{Frame: frame, Form: form("login/ways"), Username: "ada@demo.test", Work: challenge, MagicLinkURL: "/demo/login/mail?transaction=x", Fault: fault.New(fault.Invalid, "proof_of_work_missing", "").WithField("solution")},
			First: page.FirstPassword, ChangeURL: "/demo/login?change=1&transaction=x"},
		"ways-chosen":   page.Ways{Login: page.Login{Frame: frame, Form: form("login/ways"), Username: "ada@demo.test", Chosen: true, AccountsURL: "/demo/select-account", Fault: tooMany}, First: page.FirstPassword},
		"home-passkeys": page.Home{Frame: frame, Username: "ada", LogoutURL: "/demo/logout", Accepted: `{"rpId":"id.example.com"}`},
		"account-passkeys": page.AccountPasskeys{OwnAccount: own(frame), Form: form("account/passkeys"), URL: "/demo/account/passkeys", BackURL: "/demo/account/sign-in", Add: passkey("account/passkeys"), Suggested: "Chrome on Linux", Accepted: "{}", Passkeys: []page.OwnPasskey{
			{ID: "0193a5b2-7c1e-7d3a-9f52-1b6c0e8d4a77", Name: "Work laptop", Synchronized: true, Made: page.Moment{Shown: "1 Nov 2026", Exact: "2026-11-01T00:00:00Z"}, Used: page.Moment{Shown: "2 Nov 2026", Exact: "2026-11-02T00:00:00Z"}},
			{ID: "0193a5b2-7c1e-7d3a-9f52-1b6c0e8d4a78", Name: hostile, Problem: "It may have been copied.", Made: page.Moment{Shown: "1 Nov 2026", Exact: "2026-11-01T00:00:00Z"}}}},
		"account-passkeys-none": page.AccountPasskeys{OwnAccount: own(frame), Form: form("account/passkeys"), URL: "/demo/account/passkeys", Add: passkey("account/passkeys"), Fault: fault.New(fault.Invalid, "passkey_ceremony_over", "")},
		"account-passkeys-off":  page.AccountPasskeys{OwnAccount: own(frame), Form: form("account/passkeys"), URL: "/demo/account/passkeys", Off: true},
		"account-passkeys-remove": page.AccountPasskeys{OwnAccount: own(frame), Form: form("account/passkeys"), URL: "/demo/account/passkeys", LastWay: true, Fault: fault.New(fault.Conflict, "last_way_in", ""),
			Removing: &page.OwnPasskey{ID: "0193a5b2-7c1e-7d3a-9f52-1b6c0e8d4a77", Name: hostile}, Passkeys: []page.OwnPasskey{{ID: "0193a5b2-7c1e-7d3a-9f52-1b6c0e8d4a77", Name: hostile, Made: page.Moment{Shown: "1 Nov 2026", Exact: "2026-11-01T00:00:00Z"}}}},
		"account-zone": page.AccountProfile{OwnAccount: own(frame), Form: form("account"), Username: "ada", Email: hostile, Name: hostile, Zone: hostile,
			Fault: fault.New(fault.Invalid, "zoneinfo_unknown", "").WithField("zoneinfo")},
		"account-name":     page.AccountProfile{OwnAccount: own(frame), Form: form("account"), Username: "ada", Fault: fault.New(fault.Invalid, "name_invalid", "").WithField("given_name")},
		"account-conflict": page.AccountProfile{OwnAccount: own(frame), Form: form("account"), Username: "ada", Fault: fault.New(fault.PreconditionFailed, "version_mismatch", "")},
		"account-methods": page.AccountMethods{OwnAccount: own(frame), Methods: []page.Method{{ID: "method-password", Title: "Password", State: "Set on 2026-11-26", Label: "Change", URL: "/demo/account/password"},
			{ID: "method-other", Title: hostile, State: hostile}}},
		"account-password":       page.AccountPassword{OwnAccount: own(frame), Form: form("account/password"), Username: "ada", MinLength: 8, BackURL: "/demo/account/sign-in"},
		"account-password-short": page.AccountPassword{OwnAccount: own(frame), Form: form("account/password"), Username: "ada", MinLength: 8, BackURL: "/demo/account/sign-in", Fault: short},
		"account-sessions": page.AccountSessions{OwnAccount: own(frame), Limit: 3, Form: form("account/sessions"), LogoutURL: "/demo/logout", Sessions: []page.SignedIn{
			{ID: "1", Device: "Firefox on Linux", Address: "192.0.2.1", Began: moment, LastUsed: moment, Stays: moment, Present: true}, {ID: hostile, Device: hostile, Began: moment, LastUsed: moment},
			{ID: "3", Device: "Samsung Internet on Android", Address: "2001:db8:1234:5678:9abc:def0:1234:5678", Began: moment, LastUsed: moment}}},
		"login-stay":      page.Login{Frame: frame, Form: form("login"), Stay: &page.Stay{Ticked: true}},
		"sign-up-stay":    page.SignUp{Frame: frame, Form: form("sign-up"), MinLength: 8, Stay: &page.Stay{}},
		"account-session": page.AccountSessions{OwnAccount: own(frame), Limit: 1, Form: form("account/sessions"), LogoutURL: "/demo/logout", Sessions: []page.SignedIn{{ID: "1", Device: "Safari on iPhone", Began: moment, Present: true}}},
		"account-applications": page.AccountApplications{OwnAccount: own(frame), Applications: []page.Application{
			{ID: "1", Since: moment, Consent: page.Consent{Frame: frame, Form: form("account/applications"), Client: logo, Scopes: scopes}},
			{ID: hostile, Since: moment, Consent: page.Consent{Frame: frame, Form: form("account/applications"), Client: page.Client{Name: hostile}, Scopes: scopes[:1], Resources: []page.Resource{{Name: hostile, Identifier: hostile}}}}}},
		"account-no-applications": page.AccountApplications{OwnAccount: own(frame)},
		"account-activity": page.AccountActivity{OwnAccount: own(frame), OlderURL: "/demo/account/activity?before=x", NewestURL: "/demo/account/activity", Events: []page.Happened{
			{What: "Signed in", Where: "Firefox on Linux · 192.0.2.1", At: moment}, {What: "The profile was changed", By: "By an administrator", At: moment}, {What: hostile, Where: hostile, At: moment, Problem: true}}},
		"account-no-activity":     page.AccountActivity{OwnAccount: own(frame)},
		"second":                  page.SecondFactor{Code: true, Frame: frame, Form: form("login/second-factor"), Client: &payroll, Username: "ada@demo.test", Another: true},
		"second-related":          page.SecondFactor{Frame: frame, Form: form("login/second-factor"), Username: "ada", Elsewhere: "sso.example.com", FormerPasskey: &page.Passkey{Form: form("login/second-factor"), Options: `{"challenge":"AAAA","rpId":"sso.example.com"}`, Host: "sso.example.com"}},
		"second-former":           page.SecondFactor{Frame: frame, Form: form("login/second-factor"), Username: "ada", Elsewhere: "id.example.com", Former: &page.Link{Label: "id.example.com", URL: "/demo/login/former-address?transaction=x"}},
		"second-elsewhere":        page.SecondFactor{Frame: frame, Form: form("login/second-factor"), Username: "ada", Another: true, Elsewhere: "id.example.com"},
		"second-remember":         page.SecondFactor{Frame: frame, Form: form("login/second-factor"), Username: "ada", Code: true, RememberDays: 30, Passkey: &page.Passkey{Form: form("login/second-factor"), Options: "{}"}},
		"account-devices":         page.AccountSessions{OwnAccount: own(frame), Form: form("account/sessions"), LogoutURL: "/demo/logout", Devices: []page.RememberedDevice{{ID: "1", Device: hostile, Since: moment, Until: moment, Present: true}, {ID: hostile, Device: "Firefox on Linux", Since: moment, Until: moment}}},
		"second-mail":             page.SecondFactor{Frame: frame, Form: form("login/second-factor"), Username: "ada", Another: true, Mail: &page.FactorMail{Address: hostile, MayResend: true}},
		"second-mail-sent":        page.SecondFactor{Frame: frame, Form: form("login/second-factor"), Username: "ada", RememberDays: 7, Mail: &page.FactorMail{Address: "a•••@demo.test", Sent: true, MayResend: true, Wait: 42}},
		"second-mail-wrong":       page.SecondFactor{Frame: frame, Form: form("login/second-factor"), Username: "ada", Mail: &page.FactorMail{Address: "a•••@demo.test", Sent: true}, Fault: fault.New(fault.Invalid, "code_wrong", "").WithField("code")},
		"second-mail-limited":     page.SecondFactor{Frame: frame, Form: form("login/second-factor"), Username: "ada", Mail: &page.FactorMail{Address: "a•••@demo.test", MayResend: true}, Fault: fault.New(fault.RateLimited, "second_factor_mails_limited", "").WithRetryAfter(40 * time.Minute)},
		"second-passkey":          page.SecondFactor{Frame: frame, Form: form("login/second-factor"), Client: &payroll, Username: "ada@demo.test", Another: true, Passkey: &page.Passkey{Form: form("login/second-factor"), Options: "{}"}},
		"second-passkey-or-code":  page.SecondFactor{Frame: frame, Form: form("login/second-factor"), Username: hostile, Code: true, Passkey: &page.Passkey{Form: form("login/second-factor"), Options: hostile}},
		"second-passkey-wrong":    page.SecondFactor{Frame: frame, Form: form("login/second-factor"), Username: "ada", Passkey: &page.Passkey{Form: form("login/second-factor"), Options: "{}"}, Fault: fault.New(fault.Unauthenticated, "passkey_not_theirs", "").WithField("passkey")},
		"password-passkeys-lost":  page.ChangePassword{Frame: frame, Form: form("action/change-password"), Username: "ada", First: true, MinLength: 8, MayLosePasskeys: true},
		"second-wrong":            page.SecondFactor{Code: true, Frame: frame, Form: form("login/second-factor"), Username: hostile, Fault: fault.New(fault.Unauthenticated, "second_factor_wrong", "").WithField("code")},
		"second-recovery":         page.SecondFactor{Code: true, Frame: frame, Form: form("login/second-factor"), Username: "ada", Fault: fault.New(fault.Unauthenticated, "recovery_code_wrong", "").WithField("recovery_code")},
		"second-too-many":         page.SecondFactor{Code: true, Frame: frame, Form: form("login/second-factor"), Username: "ada", Fault: tooMany},
		"enrol-mail-not":          page.EnrolSecondFactor{Frame: frame, Form: form("login/second-factor/add"), Username: "ada", Enrolment: enrolment, MailNot: true},
		"enrol":                   page.EnrolSecondFactor{Frame: frame, Form: form("login/second-factor/add"), Client: &logo, Username: "ada", Enrolment: enrolment},
		"enrol-wrong":             page.EnrolSecondFactor{Frame: frame, Form: form("login/second-factor/add"), Username: hostile, Enrolment: enrolment, Fault: fault.New(fault.Invalid, "enrolment_code_wrong", "").WithField("code")},
		"recovery-codes":          page.RecoveryCodes{Frame: frame, Codes: []string{"2345-6789-cfgh", "jmpq-rvwx-2345"}, ContinueURL: "/demo/login?transaction=x"},
		"account-factor":          page.AccountSecondFactor{OwnAccount: own(frame), Form: form("account/second-factor"), Added: moment, LastUsed: moment, CodesLeft: 9, BackURL: "/demo/account/sign-in"},
		"account-factor-add":      page.AccountSecondFactor{OwnAccount: own(frame), Form: form("account/second-factor"), Enrolment: &enrolment, BackURL: "/demo/account/sign-in"},
		"account-factor-codes":    page.AccountSecondFactor{OwnAccount: own(frame), Form: form("account/second-factor"), Codes: []string{"2345-6789-cfgh"}, BackURL: "/demo/account/sign-in"},
		"account-factor-required": page.AccountSecondFactor{OwnAccount: own(frame), Form: form("account/second-factor"), Added: moment, LastUsed: moment, BackURL: "/demo/account/sign-in", Fault: fault.New(fault.Conflict, "second_factor_required", "")},
		"confirm-own-address":     page.ConfirmCode{Frame: frame, Form: form("action/email"), For: page.OwnAddress, BackURL: "/demo/action/email", Account: hostile, MayResend: true},
		"confirm-address":         page.ConfirmCode{Frame: frame, Form: form("action/email"), For: page.AnotherAddress, BackURL: "/demo/action/email", Account: "ada@demo.test", MayResend: true},
		"magic-link":              page.ForgotPassword{Frame: frame, Form: form("login/mail"), For: page.MagicLink, Client: &payroll},
		"magic-link-confirm":      page.ConfirmCode{Frame: frame, Form: form("login/mail/confirm"), For: page.MagicLink, BackURL: "/demo/login/mail", Account: "ada@demo.test", MayResend: true},
		"question": page.Question{Frame: frame, Form: form("undo-email-change"), ID: "undo-address", Client: &payroll, Heading: "Undo the change?", Paragraphs: []string{"The account gets the address " + hostile + " again.", "Everybody is signed out."},
			Links: []page.Link{{ID: "terms-link", Label: hostile, URL: "javascript:alert(1)"}}, Submit: "Undo the change", Wait: "Saving…", Other: &page.Other{ID: "decline", Name: "decision", Value: "decline", Label: "Decline", Wait: "One moment…"}, Fault: wrong},
		"message":           page.Message{Frame: frame, ID: "address-undone", Heading: "The change is undone", Paragraphs: []string{hostile}, Label: "Sign in", URL: "/demo/login"},
		"account-email":     page.AccountEmail{OwnAccount: own(frame), Form: form("account/email"), Present: hostile, Domains: []string{"demo.test"}, BackURL: "/demo/account"},
		"account-email-bad": page.AccountEmail{OwnAccount: own(frame), Form: form("account/email"), Typed: hostile, BackURL: "/demo/account", Fault: fault.New(fault.Invalid, "email_invalid", "").WithField("email")},
		"account-terms": page.AccountTerms{OwnAccount: own(frame), Accepted: []page.AcceptedTerms{{Version: "3", Language: "de", Title: "Nutzungsbedingungen", URL: "https://demo.example/terms", At: moment},
			{Version: "1", Language: "en", Title: hostile, URL: "javascript:alert(1)", At: moment}}},
		"account-terms-none": page.AccountTerms{OwnAccount: own(frame)},
		"account-identities": page.AccountIdentities{OwnAccount: own(frame), Form: form("account/identities"), BackURL: "/demo/account/sign-in",
			Linked:    []page.LinkedIdentity{{ID: "0193a5b2-7c1e-7d3a-9f52-1b6c0e8d4a77", Provider: "Corp", Name: "ada@corp.example", Since: moment}, {ID: hostile, Provider: hostile, Name: hostile, Since: moment}},
			Providers: []page.LinkableProvider{{Alias: "corp", Name: "Corp"}, {Alias: "hostile", Name: hostile}}},
		"account-identities-none": page.AccountIdentities{OwnAccount: own(frame), Form: form("account/identities"), BackURL: "/demo/account/sign-in"},
		"account-identities-last": page.AccountIdentities{OwnAccount: own(frame), Form: form("account/identities"), BackURL: "/demo/account/sign-in",
			Linked: []page.LinkedIdentity{{ID: "1", Provider: "Corp", Since: moment}}, Fault: fault.New(fault.Conflict, "last_way_in", "")},
		"account-data":        page.AccountData{OwnAccount: own(frame), Form: form("account/data"), DeleteURL: "/demo/account/delete"},
		"account-data-closed": page.AccountData{OwnAccount: own(frame), Form: form("account/data")},
		"keep-account": page.Question{Frame: frame, Form: form("action/keep-account"), ID: "keep-account", Client: &payroll, Heading: words.T("keep_account_title"),
			Paragraphs: []string{words.T("keep_account_text", "Username", hostile, "When", moment.Shown), words.T("keep_account_hint")}, Name: "decision", Value: "keep", Submit: words.T("keep_account_submit"),
			Wait: words.T("password_busy"), Other: &page.Other{ID: "keep-account-leave", Name: "decision", Value: "leave", Label: words.T("keep_account_leave"), Wait: words.T("password_busy")}},
		"account-delete": page.AccountDelete{OwnAccount: own(frame), Form: form("account/delete"), Username: hostile, Days: 14, When: moment, DataURL: "/demo/account/data",
			Fault: fault.New(fault.Conflict, "last_organization_administrator", "")},
		"login-sudo":   page.Login{Frame: frame, Form: form("login"), Username: "ada@demo.test", Again: true},
		"home-account": page.Home{Frame: frame, Username: "ada", ApprovalsURL: "/demo/approvals", AccountURL: "/demo/account", LogoutURL: "/demo/logout"},
		"form-post": page.FormPost{Frame: frame, Client: payroll, Action: "https://payroll.example.com/callback",
			Fields: []page.Field{{Name: "code", Value: "abc"}, {Name: "state", Value: `"><script>`}, {Name: "iss", Value: "https://id.example.com/demo"}}},
		"form-post-scheme": page.FormPost{Frame: frame, Client: payroll, Action: "javascript:alert(1)"},
		"leaving":          page.Leaving{Frame: frame, Client: payroll, URL: "https://payroll.example.com/cb?code=a&state=b;c"},
		"leaving-scheme":   page.Leaving{Frame: frame, URL: "javascript:alert(1)"},
		"expired":          page.Expired{Frame: frame, RestartURL: "/demo/authorize?client_id=demo-web"},
		"expired-lost":     page.Expired{Frame: frame, HomeURL: "/demo/"},
		"expired-over":     page.Expired{Frame: frame, Completed: true, Client: &payroll, ReturnURL: "https://payroll.example.com/", HomeURL: "/demo/"},
		"expired-scheme":   page.Expired{Frame: frame, Completed: true, Client: &payroll, ReturnURL: "javascript:alert(1)"},
		"error-limited": page.Error{Frame: frame, RequestID: "0193a5b2-7c1e-7d3a-9f52-1b6c0e8d4a77", RetryURL: "/demo/",
			Fault: fault.New(fault.RateLimited, "sign_ins_of_network_limited", "").WithRetryAfter(9 * time.Minute)},
		"error-application": page.Error{Frame: frame, RequestID: "0193a5b2-7c1e-7d3a-9f52-1b6c0e8d4a77", Detail: "redirect_uri does not match one of the registered addresses",
			Fault: fault.New(fault.Invalid, "invalid_redirect_uri", "")},
		"error-nowhere":     page.Error{Frame: nowhere, RequestID: "0193a5b2-7c1e-7d3a-9f52-1b6c0e8d4a77", Fault: fault.New(fault.NotFound, "organization_not_found", "")},
		"error-internal":    page.Error{Frame: frame, RequestID: "0193a5b2-7c1e-7d3a-9f52-1b6c0e8d4a77", Fault: fault.ErrInternal, RetryURL: "/demo/login?transaction=x"},
		"error-unavailable": page.Error{Frame: frame, RequestID: "0193a5b2-7c1e-7d3a-9f52-1b6c0e8d4a77", Fault: fault.New(fault.Unavailable, "database_unavailable", ""), RetryURL: "/demo/"},
		"error-denied": page.Error{Frame: frame, RequestID: "0193a5b2-7c1e-7d3a-9f52-1b6c0e8d4a77", Fault: fault.New(fault.Forbidden, "access_denied", ""),
			Client: &payroll, ContinueURL: "https://payroll.example.com/"},
		"error-hostile": page.Error{Frame: frame, RequestID: hostile, Detail: hostile, Fault: fault.New(fault.Invalid, hostile, hostile)},
	}
}

// organizations are the brands that pages are drawn in.
func organizations() map[string]page.Organization {
	var styles brand.Styles
	return map[string]page.Organization{
		"plain":  {Name: "Demo"},
		"yellow": {Name: "Öffentlich-rechtliche Krankenversicherungsanstalt", Style: styles.Of("#ffee00")},
		"logo": {Name: "Acme", Style: styles.Of("#7a1f3d"),
			LogoURL: "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='160' height='40'%3E%3Crect width='40' height='40' rx='10' fill='%237a1f3d'/%3E%3Ccircle cx='20' cy='20' r='9' fill='none' stroke='white' stroke-width='4'/%3E%3Crect x='52' y='12' width='104' height='16' rx='4' fill='%237a1f3d'/%3E%3C/svg%3E"},
	}
}
