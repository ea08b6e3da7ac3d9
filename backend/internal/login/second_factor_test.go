package login_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/user"
)

// Whatever was reported before: without another factor nobody gets past where one is demanded, and whoever has one proves it
// before anything else happens in their name.
func TestNothingPassesASecondFactor(t *testing.T) {
	t.Parallel()
	now := time.Now()
	app := uuid.New()
	for _, policy := range []org.SecondFactor{"", org.SecondFactorOff, org.SecondFactorOptional, org.SecondFactorRequired} {
		for _, enrolled := range []bool{false, true} {
			for _, demanded := range [][]string{nil, {session.ACRPassword}, {session.ACRMultiFactor}, {session.ACRPhishingResistant}} {
				for _, kind := range [][2]bool{{false, false}, {true, false}, {false, true}, {true, true}} {
					action, passkey := kind[0], kind[1]
					for name, report := range map[string]func(*login.Transaction, *user.User){
						"signed in": nil,
						"chosen":    func(t *login.Transaction, ada *user.User) { t.Choose(ada.ID) },
						"password":  func(t *login.Transaction, ada *user.User) { t.Authenticated(ada.ID, now, "pwd") },
						"link":      func(t *login.Transaction, ada *user.User) { t.OpenedLink(ada.ID, []byte("hash"), now) },
						"passkey": func(t *login.Transaction, ada *user.User) {
							t.Authenticated(ada.ID, now, session.PasskeyMethods(true, true)...)
						},
						"session": func(t *login.Transaction, ada *user.User) { t.Authenticated(ada.ID, now, "pwd") },
					} {
						ada := &user.User{ID: uuid.New(), Status: user.Active}
						if action {
							ada.RequiredActions = []user.RequiredAction{user.ChangePassword}
						}
						live := &session.Live{Session: session.Session{ID: uuid.New(), UserID: ada.ID, AuthenticatedAt: now, Methods: []string{"pwd"}}, User: ada}
						facts := login.Facts{Browser: session.Browser{live}, User: ada, Factors: login.Factors{Policy: policy, Enrolled: enrolled, Passkey: passkey}}
						transaction := &login.Transaction{Required: login.Required{Requirement: login.Requirement{ACRValues: demanded}}}
						// A remembered device stands for what the organization asks of everybody, and for nothing else.
						if report != nil && on(policy) && name == "password" && !action {
							report(transaction, ada)
							with := facts
							with.Factors.Remembered = uuid.New()
							unasked := transaction.Next(with) != login.SecondFactor && transaction.Next(with) != login.EnrolSecondFactor
							specific := len(demanded) > 0 && (demanded[0] == session.ACRMultiFactor || demanded[0] == session.ACRPhishingResistant && passkey)
							if unasked == specific {
								t.Error("a remembered device:", policy, enrolled, passkey, demanded, transaction.Next(with))
							}
							with.Factors.Explicit = true
							if step := transaction.Next(with); (policy == org.SecondFactorRequired || enrolled || passkey) && step != login.SecondFactor && step != login.EnrolSecondFactor {
								t.Error("a remembered device stands for what is demanded explicitly:", policy, enrolled, passkey, demanded, step)
							}
						}
						if report != nil {
							report(transaction, ada)
						}
						if name == "session" {
							transaction.Progress.SessionID = live.Session.ID
						}
						on := on(policy)
						demands := policy == org.SecondFactorRequired || len(demanded) > 0 && (demanded[0] == session.ACRMultiFactor || demanded[0] == session.ACRPhishingResistant && passkey)
						has := enrolled || passkey
						needed := on && name != "passkey" && (demands || has && name != "signed in" && name != "chosen")
						lost := name == "link" && passkey && !enrolled && !demands // they may say that their passkeys are lost
						step := transaction.Next(facts)
						passes := step == login.Complete || step == login.BeginSession || step == login.Consent
						state := []any{name, policy, "enrolled", enrolled, "has a passkey", passkey, "demanded", demanded, "action", action, "step", step}
						if needed && passes {
							t.Error("passed without another factor:", state)
						}
						if transaction.MayLosePasskeys(facts.Factors) != lost {
							t.Error("passkeys may be lost:", state)
						}
						if lost && on {
							transaction.Progress.OneTimeLink = nil // the password is chosen, and nothing was said to be lost
							ada.RequiredActions = nil
							if again := transaction.Next(facts); again != login.SecondFactor {
								t.Error("passed without the passkey, after a password was chosen:", state, again)
							}
							continue
						}
						if needed && has && step == login.ChangePassword {
							t.Error("the password changes before the other factor is proved:", state)
						}
						if !on && (step == login.SecondFactor || step == login.EnrolSecondFactor) {
							t.Error("asked although the organization asks nobody:", state)
						}
						if step == login.EnrolSecondFactor && passkey {
							t.Error("adds a factor beside a passkey, without it:", state)
						}
						if step == login.EnrolSecondFactor && (enrolled || name == "signed in" || name == "chosen") {
							t.Error("adds a factor without a proof in this sign-in:", state)
						}
						if step != login.SecondFactor && step != login.EnrolSecondFactor {
							continue
						}
						another, methods := login.Another{App: app}, []string{"otp"}
						if passkey && !enrolled {
							another, methods = login.Another{Passkey: &login.Passkey{ID: app}}, session.PasskeyMethods(true, false)
						}
						transaction.SecondFactorProved(another, live, methods...)
						if again := transaction.Next(facts); again == login.SecondFactor || again == login.EnrolSecondFactor {
							t.Error("asked again:", state, again)
						} else if action && (again == login.BeginSession || again == login.Complete) {
							t.Error("a required action is passed:", state, again)
						}
						if proved := transaction.Progress; proved.UserID != ada.ID || proved.Factor != another.App || another.Passkey != nil && *proved.Passkey != *another.Passkey {
							t.Errorf("%v: %+v", state, transaction.Progress)
						}
					}
				}
			}
		}
	}
}

func on(policy org.SecondFactor) bool {
	return policy == org.SecondFactorOptional || policy == org.SecondFactorRequired
}

func TestWishesForContexts(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ada := &user.User{ID: uuid.New(), Status: user.Active}
	live := &session.Live{Session: session.Session{ID: uuid.New(), UserID: ada.ID, AuthenticatedAt: now, Methods: []string{"pwd"}}, User: ada}
	for name, c := range map[string]struct {
		wishes            []string
		enrolled, passkey bool
		want              login.Step
	}{
		"none":                                {nil, true, false, login.Complete},
		"more, and the person has it":         {[]string{session.ACRMultiFactor}, true, false, login.SecondFactor},
		"more, and the person has a passkey":  {[]string{session.ACRMultiFactor}, false, true, login.SecondFactor},
		"more, and the person has none":       {[]string{session.ACRMultiFactor}, false, false, login.Complete},
		"better what there is":                {[]string{session.ACRPassword, session.ACRMultiFactor}, true, true, login.Complete},
		"unknown before more":                 {[]string{"urn:example:gold", session.ACRMultiFactor}, true, false, login.SecondFactor},
		"what no code reaches":                {[]string{session.ACRPhishingResistant}, true, false, login.Complete},
		"what no code reaches, but a passkey": {[]string{session.ACRPhishingResistant}, true, true, login.SecondFactor},
	} {
		transaction := &login.Transaction{Required: login.Required{Requirement: login.Requirement{ACRWishes: c.wishes}}}
		facts := login.Facts{Browser: session.Browser{live}, Factors: login.Factors{Policy: org.SecondFactorOptional, Enrolled: c.enrolled, Passkey: c.passkey}}
		if got := transaction.Next(facts); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// A code of a mail is a factor where one is demanded or wished for, and for nobody who has another one.
func TestAMailboxIsAFactorWhereOneIsDemanded(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, policy := range []org.SecondFactor{"", org.SecondFactorOff, org.SecondFactorOptional, org.SecondFactorRequired} {
		for _, acr := range []string{"", session.ACRPassword, session.ACRMultiFactor, session.ACRPhishingResistant} {
			for _, wished := range []bool{false, true} {
				for _, name := range []string{"signed in", "password", "session"} {
					ada := &user.User{ID: uuid.New(), Status: user.Active}
					live := &session.Live{Session: session.Session{ID: uuid.New(), UserID: ada.ID, AuthenticatedAt: now, Methods: []string{"pwd"}}, User: ada}
					facts := login.Facts{Browser: session.Browser{live}, User: ada, Factors: login.Factors{Policy: policy, Mailbox: true}}
					transaction := &login.Transaction{}
					if requirement := &transaction.Required.Requirement; acr != "" && wished {
						requirement.ACRWishes = []string{acr}
					} else if acr != "" {
						requirement.ACRValues = []string{acr}
					}
					if name != "signed in" {
						transaction.Authenticated(ada.ID, now, "pwd")
					}
					if name == "session" {
						transaction.Progress.SessionID = live.Session.ID
					}
					asked := transaction.Next(facts) == login.SecondFactor
					if want := on(policy) && (policy == org.SecondFactorRequired || acr == session.ACRMultiFactor); asked != want {
						t.Error(name, policy, acr, "wished", wished, transaction.Next(facts))
					}
					if !asked {
						continue
					}
					transaction.WantsFactorMail(login.MailProof{Mails: 1}, now)
					if step := transaction.Next(facts); step != login.SecondFactor {
						t.Error("a mail alone:", name, policy, acr, step)
					}
					transaction.SecondFactorProved(login.Another{Mailbox: "ada@acme.test"}, live, "otp", "mca")
					if step := transaction.Next(facts); step != login.BeginSession {
						t.Error("proved:", name, policy, acr, step)
					}
					if proved := transaction.Progress; proved.FactorMail != nil || proved.FactorMailbox != "ada@acme.test" || len(proved.Methods) != 4 {
						t.Errorf("%s: %+v", name, proved)
					}
				}
			}
		}
	}
}
