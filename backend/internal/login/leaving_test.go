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

// Whatever somebody whose account is about to be erased has proved: nothing but the question, or another proof, comes next.
func TestNothingPassesTheQuestionWhetherAnAccountIsKept(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, report := range map[string]func(*login.Transaction, *user.User){
		"password": func(t *login.Transaction, ada *user.User) { t.Authenticated(ada.ID, now, "pwd") },
		"link":     func(t *login.Transaction, ada *user.User) { t.OpenedLink(ada.ID, []byte("hash"), now) },
		"mailbox":  func(t *login.Transaction, ada *user.User) { t.ReadMailbox(ada.ID, "ada@acme.test", now) },
		"passkey": func(t *login.Transaction, ada *user.User) {
			t.Authenticated(ada.ID, now, session.PasskeyMethods(true, true)...)
		},
		"passkey of the address before": func(t *login.Transaction, ada *user.User) {
			t.ProvedAtFormer(login.Facts{}, login.HandedOver{UserID: ada.ID, AuthenticatedAt: now, Methods: session.PasskeyMethods(true, true), SessionID: uuid.New()})
			ada.RequiredActions = nil
		},
		"a session too": func(t *login.Transaction, ada *user.User) {
			t.Authenticated(ada.ID, now, "pwd")
			t.Progress.SessionID = uuid.New()
		},
	} {
		for _, policy := range []org.SecondFactor{org.SecondFactorOff, org.SecondFactorOptional, org.SecondFactorRequired} {
			for _, enrolled := range []bool{false, true} {
				ada := &user.User{ID: uuid.New(), Status: user.Leaving, EraseAt: now.Add(time.Hour), RequiredActions: []user.RequiredAction{user.ChangePassword}}
				transaction := &login.Transaction{}
				report(transaction, ada)
				step := transaction.Next(login.Facts{User: ada, Factors: login.Factors{Policy: policy, Enrolled: enrolled}})
				wanted := login.KeepAccount
				switch {
				case name == "a session too":
					wanted = login.Authenticate
				case enrolled && policy != org.SecondFactorOff && name != "passkey" && name != "passkey of the address before":
					wanted = login.SecondFactor
				}
				if step != wanted {
					t.Errorf("%s, %s, enrolled %t: %s", name, policy, enrolled, step)
				}
			}
		}
	}
}
