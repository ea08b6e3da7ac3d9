package account

import (
	"net/http"

	"github.com/clavex/clavex/backend/internal/erasure"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/web/page"
	"github.com/clavex/clavex/backend/internal/web/text"
)

// mayDelete reports whether people delete their accounts themselves.
func (v *visit) mayDelete() bool {
	return v.organization.Policies.AccountDeletionPolicy() == org.AccountDeletionOpen
}

func (v *visit) showDelete() {
	if !v.mayDelete() {
		v.SignIn.Error(v.c, erasure.ErrClosed)
		return
	}
	v.deletion(http.StatusOK, nil)
}

func (v *visit) deletion(status int, problem *fault.Error) {
	days := v.organization.Policies.AccountDeletionGrace()
	v.SignIn.Render(v.c, status, page.AccountDelete{OwnAccount: v.shell(), Form: v.hidden(), Username: v.live.User.Username, Days: days,
		When: v.moment(v.Now().AddDate(0, 0, days)), DataURL: v.address(pathData), Fault: problem})
}

// postDelete begins the days of grace. Everything that is signed in ends with that, this browser included.
func (v *visit) postDelete() {
	leaving, err := v.Erasure.Request(v.ctx(), v.organization.ID, v.live)
	if err != nil {
		v.failed(err, v.deletion)
		return
	}
	v.SignIn.Render(v.c, http.StatusOK, page.Message{Frame: v.frame, ID: "account-leaving", Heading: v.words.T("delete_asked_title"),
		Paragraphs: []string{v.words.T("delete_asked_text", "When", v.words.Moment(leaving.EraseAt, text.Zone(leaving.Profile.Zoneinfo))), v.words.T("delete_asked_keep")},
		Label:      v.words.T("logged_out_login"), URL: v.address("login")})
}
