package account

import (
	"net/http"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/signin"
	"github.com/clavex/clavex/backend/internal/web/page"
)

func (v *visit) showEmail() {
	if !v.SignIn.AddressesOpen(v.ctx(), v.organization) {
		v.SignIn.Error(v.c, signin.ErrAddressesClosed)
		return
	}
	v.email(http.StatusOK, nil)
}

func (v *visit) email(status int, problem *fault.Error) {
	v.SignIn.Render(v.c, status, page.AccountEmail{OwnAccount: v.shell(), Form: v.hidden(), Present: v.live.User.Email, Typed: v.form.Get("email"),
		Domains: v.organization.Policies.SignUpEmailDomains, BackURL: v.address(pathProfile), Fault: problem})
}

// postEmail has a code sent to the address. The change itself is a step of a sign-in, which begins with the present
// session and its fresh proof, and leads back to the profile.
func (v *visit) postEmail() {
	required, _, err := v.requirement(v.ctx(), v.place, v.organization, v.live)
	if err == nil {
		err = v.SignIn.ChangeAddress(v.c, v.organization, v.live, v.required(pathProfile, required), v.form.Get("email"))
	}
	if err != nil {
		v.failed(err, v.email)
	}
}
